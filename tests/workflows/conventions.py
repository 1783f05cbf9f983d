"""Compares the workflows with the conventions that they are written by.

    python tests/workflows/conventions.py

Modules and subworkflows of Nextflow: the rules of nf-core for main.nf, meta.yml, environment.yml and tests, as its own
linter has them (nf-core/tools 4.2), but for what needs a published image. The schemas of the sample sheet and of the
parameters: valid, equal to the defaults, and right about examples. Snakemake: every rule has what best practices ask for.
The recipe of Bioconda: what a package of a Rust program needs.

Then the files are spoiled one by one, to see that each spoiled one is found. Needs PyYAML and jsonschema.
"""

import csv
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

REPOSITORY = Path(__file__).resolve().parents[2]
LABELS = ["single", "low", "medium", "high", "long", "low_memory", "high_memory"]
TYPES = ["map", "file", "directory", "string", "integer", "float", "boolean", "list", "eval"]
DIRECTIVES = ["input", "output", "log", "benchmark", "threads", "resources", "conda", "container", "shell"]


class Complaints(list):
    """What is wrong, as sentences that begin with a file."""

    def expect(self, holds, where, what):
        if not holds:
            self.append(f"{where}: {what}")
        return holds


def sections(process):
    """The labelled parts of a process: {"": directives, "input": ..., "output": ..., ...}."""
    parts = re.split(r"^    (input|output|when|script|shell|exec|stub):\s*$", process, flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2]))}


def elements(line):
    """Names in `tuple val(meta), path("x"), ...`, without quotes."""
    found = re.findall(r"""\b(?:val|path|eval|env)\(\s*("[^"]*"|'[^']*'|\w+)\s*(?:,[^()]*)?\)""", line)
    return [name.strip("\"'") for name in found]


def channels(text):
    """Declarations of inputs or outputs, one a line."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("//")]


def check_described(complaints, where, entries):
    """Elements of a channel in meta.yml."""
    for entry in entries:
        for name, about in entry.items():
            complaints.expect(isinstance(about, dict) and about.get("description"), where, f"{name} has no description")
            complaints.expect(isinstance(about, dict) and about.get("type") in TYPES, where, f"{name} has no known type")
            if isinstance(about, dict) and about.get("type") == "file":
                complaints.expect("pattern" in about, where, f"file {name} has no pattern")
                ontologies = about.get("ontologies")
                known = isinstance(ontologies, list) and all(
                    re.match(r"^https?://", link) for item in ontologies for link in item.values()
                )
                complaints.expect(known, where, f"file {name} has no list of ontologies")


def check_head(complaints, where, meta, name):
    """What meta.yml of modules and subworkflows have in common."""
    complaints.expect(meta.get("name") == name, where, f"the name is not {name}")
    for key in ["description", "authors", "maintainers", "input", "output"]:
        complaints.expect(meta.get(key), where, f"no {key}")
    keywords = meta.get("keywords") or []
    complaints.expect(len(keywords) >= 3 and len(set(keywords)) == len(keywords), where, "fewer than 3 different keywords")


def check_module(complaints, folder, version):
    where = f"modules/{folder.name}"
    for name in ["main.nf", "meta.yml", "environment.yml", "tests/main.nf.test"]:
        if not complaints.expect((folder / name).is_file(), where, f"no {name}"):
            return
    text = (folder / "main.nf").read_text()
    process = f"BAYSOR_{folder.name.upper()}"
    complaints.expect(folder.name.isalnum() and folder.name.islower(), where, "a name of letters and digits is needed")
    complaints.expect(text.startswith(f"process {process} {{\n"), where, f"the process is not {process}")
    complaints.expect(not re.search(r"publishDir|initOptions|enable_conda", text), where, "something outdated, or publishDir")
    part = sections(text)

    head = part[""]
    complaints.expect('tag "${meta.id}"' in head, where, "no tag")
    labels = re.findall(r"^    label '(.*)'$", head, flags=re.MULTILINE)
    complaints.expect(len(labels) == 1 and labels[0].removeprefix("process_") in LABELS, where, "not one standard label")
    complaints.expect('conda "${moduleDir}/environment.yml"' in head, where, "no conda")
    condition = "workflow.containerEngine in ['singularity', 'apptainer'] && !task.ext.singularity_pull_docker_container"
    complaints.expect(condition in head, where, "no choice of containers")
    images = re.findall(r"'(baysor[-:][^']*)'", head)
    complaints.expect(images == [f"baysor-{version}.sif", f"baysor:{version}"], where, f"containers are {images}")
    complaints.expect(part.get("when", "").strip() == "task.ext.when == null || task.ext.when", where, "no when, or a changed one")
    complaints.expect(len({"script", "shell", "exec"} & set(part)) == 1, where, "not one of script, shell, exec")
    script = part.get("script", "")
    complaints.expect('prefix = task.ext.prefix ?: "${meta.id}"' in script, where, "no prefix in the script")
    complaints.expect("def args = task.ext.args ?: ''" in script and "${args}" in script, where, "no args in the script")
    complaints.expect("--threads ${task.cpus}" in script, where, "the processors are not passed on")
    strange = set(re.findall(r"\bmeta\.(\w+)", text)) - {"id", "single_end"}
    complaints.expect(not strange, where, f"meta has no {strange} elsewhere")
    strange = set(re.findall(r"\bext\.(\w+)", text)) - {"args", "prefix", "when", "singularity_pull_docker_container"}
    complaints.expect(not strange, where, f"ext has no {strange} elsewhere")

    inputs = [elements(line) for line in channels(part.get("input", ""))]
    complaints.expect(inputs and inputs[0][0] == "meta", where, "meta is not the first input")
    outputs, topics = {}, {}
    stub = part.get("stub", "")
    complaints.expect('prefix = task.ext.prefix ?: "${meta.id}"' in stub, where, "no prefix in the stub")
    for line in channels(part.get("output", "")):
        emit = re.search(r"\bemit: (\w+)", line)
        if not complaints.expect(emit, where, f"no emit: {line}"):
            continue
        outputs[emit[1]] = elements(line)
        topic = re.search(r"\btopic: (\w+)", line)
        if topic:
            topics[topic[1]] = elements(line)
        elif "optional: true" not in line:
            # {loom,tsv} stands for either, and * for something.
            stem = outputs[emit[1]][-1]
            choices = re.search(r"\{(\w+(?:,\w+)+)\}", stem)
            stems = [stem.replace(choices[0], choice) for choice in choices[1].split(",")] if choices else [stem]
            made = any(name.split("*")[0] in stub for name in stems)
            complaints.expect(made, where, f"the stub makes no {stem}")
    expected = ["${task.process}", "baysor", "baysor --version"]
    complaints.expect(topics.get("versions") == expected and outputs.get("versions_baysor") == expected, where, "no topic of versions")
    complaints.expect("versions.yml" not in text, where, "a versions.yml is outdated")

    meta = yaml.safe_load((folder / "meta.yml").read_text())
    check_head(complaints, where, meta, process.lower())
    for tool in meta.get("tools") or [{}]:
        for about in tool.values():
            links = {"homepage", "documentation", "tool_dev_url", "doi"} & set(about)
            complaints.expect(about.get("description") and links, where, "a tool without description or link")
            complaints.expect(isinstance(about.get("licence"), list), where, "a tool without a list of licences")
            complaints.expect(re.match(r"^10\.\d{4,9}/[^,]+$", about.get("doi", "10.1038/x")), where, "a doi that is none")
    complaints.expect(meta.get("tools"), where, "no tools")
    described = [[next(iter(entry)) for entry in channel] for channel in meta.get("input") or []]
    complaints.expect(described == inputs, where, f"meta.yml has the inputs {described}, main.nf {inputs}")
    for channel in meta.get("input") or []:
        check_described(complaints, where, channel)
    for key, declared in [("output", outputs), ("topics", topics)]:
        found = {}
        for name, tuples in (meta.get(key) or {}).items():
            found[name] = [next(iter(entry)) for entry in tuples[0]]
            check_described(complaints, where, tuples[0])
        complaints.expect(found == declared, where, f"meta.yml has the {key} {found}, main.nf {declared}")

    environment = yaml.safe_load((folder / "environment.yml").read_text())
    complaints.expect(environment == {"channels": ["conda-forge", "bioconda"], "dependencies": [f"bioconda::baysor={version}"]}, where, f"environment.yml has {environment}")

    tests = (folder / "tests/main.nf.test").read_text()
    for tag in ["modules", "modules_nfcore", "baysor", f"baysor/{folder.name}"]:
        complaints.expect(f'tag "{tag}"' in tests, where, f"tests have no tag {tag}")
    complaints.expect(tests.count("    test(") >= 2 and 'options "-stub"' in tests, where, "not a real test and one of the stub")
    complaints.expect(f'process "{process}"' in tests, where, "tests are of another process")
    snapshots = "snapshot(" in tests
    complaints.expect(not snapshots or (folder / "tests/main.nf.test.snap").is_file(), where, "tests have snapshots, but there are none")


def check_subworkflow(complaints, folder):
    where = f"subworkflows/{folder.name}"
    for name in ["main.nf", "meta.yml", "tests/main.nf.test"]:
        if not complaints.expect((folder / name).is_file(), where, f"no {name}"):
            return
    text = (folder / "main.nf").read_text()
    workflow = re.search(r"^workflow (\w+) \{\n(.*)^\}", text, flags=re.MULTILINE | re.DOTALL)
    if not complaints.expect(workflow and workflow[1] == folder.name.upper(), where, f"no workflow {folder.name.upper()}"):
        return
    parts = re.split(r"^    (take|main|emit):\s*$", workflow[2], flags=re.MULTILINE)
    part = dict(zip(parts[1::2], parts[2::2]))
    taken = [line.split("//")[0].strip() for line in channels(part.get("take", ""))]
    emitted = [line.split("=")[0].strip() for line in channels(part.get("emit", ""))]
    included = re.findall(r"include \{ (?:\w+ as )?(\w+)\s*\} from '([^']*)'", text)
    for name, path in included:
        complaints.expect((folder / f"{path}.nf").is_file(), where, f"there is no {path}.nf")
        complaints.expect(re.search(rf"\b{name}\b", part.get("main", "")), where, f"{name} is not used")
    meta = yaml.safe_load((folder / "meta.yml").read_text())
    check_head(complaints, where, meta, folder.name)
    components = sorted(path.removesuffix("/main").split("/")[-1] for _, path in included)
    found = sorted(name.removeprefix("baysor/") for name in meta.get("components") or [])
    complaints.expect(found == components, where, f"meta.yml has the components {found}, main.nf {components}")
    for key, declared in [("input", taken), ("output", emitted)]:
        found = [next(iter(entry)) for entry in meta.get(key) or []]
        complaints.expect(found == declared, where, f"meta.yml has the {key} {found}, main.nf {declared}")
        for entry in meta.get(key) or []:
            for name, about in entry.items():
                complaints.expect(about.get("description") and about.get("type") in TYPES, where, f"{name} has no description or type")


def defaults_of(text):
    """The block `params` of a configuration of Nextflow: plain values only."""
    block = re.search(r"^params \{\n(.*?)^\}", text, flags=re.MULTILINE | re.DOTALL)
    values = {}
    for name, value in re.findall(r"^    (\w+)\s*=\s*(.*?)\s*(?://.*)?$", block[1] if block else "", flags=re.MULTILINE):
        words = {"null": None, "true": True, "false": False}
        values[name] = words[value] if value in words else int(value) if value.isdigit() else value.strip("'\"")
    return values


def check_nextflow_schemas(complaints, folder):
    where = "nextflow_schema.json"
    schema = json.loads((folder / where).read_text())
    Draft202012Validator.check_schema(schema)
    groups = schema["$defs"]
    named = [group["$ref"] for group in schema["allOf"]]
    complaints.expect(named == [f"#/$defs/{name}" for name in groups], where, "allOf does not have all groups")
    described = {}
    for name, group in groups.items():
        complaints.expect(group.get("title") and group.get("description"), where, f"{name} has no title or description")
        for parameter, about in group["properties"].items():
            complaints.expect(about.get("description"), where, f"{parameter} has no description")
            complaints.expect(parameter not in described, where, f"{parameter} is there twice")
            described[parameter] = about.get("default")
    configured = defaults_of((folder / "nextflow.config").read_text())
    complaints.expect(described == configured, where, f"has the defaults {described}, nextflow.config {configured}")
    validator = Draft202012Validator(schema)
    for given, fine in [
        ({"input": "samples.csv"}, True),
        ({"input": "samples.csv", "max_memory": "4.GB", "max_time": "1.h", "formats": "baysor,h5ad"}, True),
        ({"input": "samples.csv", "max_memory": "128 GB", "max_cpus": 2}, True),
        ({}, False),
        ({"input": "samples.txt"}, False),
        ({"input": "samples.csv", "max_memory": "lots"}, False),
        ({"input": "samples.csv", "max_cpus": 0}, False),
        ({"input": "samples.csv", "publish_mode": "carry"}, False),
        ({"input": "samples.csv", "formats": "baysor, h5ad"}, False),
    ]:
        complaints.expect(validator.is_valid(given) == fine, where, f"{given} is {'refused' if fine else 'accepted'}")
    for profile in sorted((folder / "conf").glob("test*.config")):
        given = defaults_of(profile.read_text().replace("${projectDir}", "."))
        for error in validator.iter_errors(given):
            complaints.append(f"{profile.name}: {error.message}")

    where = "assets/schema_input.json"
    sheet = json.loads((folder / where).read_text())
    Draft202012Validator.check_schema(sheet)
    for name, about in sheet["items"]["properties"].items():
        complaints.expect(about.get("errorMessage"), where, f"{name} has no errorMessage")
    validator = Draft202012Validator(sheet)
    for example in sorted((folder / "assets").glob("samplesheet*.csv")):
        with open(example, newline="") as file:
            rows = list(csv.DictReader(file))
        for error in validator.iter_errors(rows):
            complaints.append(f"{example.name}: {error.message}")
        for row in rows:
            for name in ["molecules", "prior", "config"]:
                text = row[name]
                there = not text or text[0] in ":@" or (example.parent / text).exists()
                complaints.expect(there, example.name, f"there is no {text}")
    for row, fine in [
        ({"sample": "slide1", "molecules": "slide1/transcripts.parquet", "prior": ":cell_id", "config": "xenium.toml", "args": ""}, True),
        ({"sample": "slide2", "molecules": "outs/", "prior": "@nuclei"}, True),
        ({"sample": "slide3", "molecules": "a.csv", "prior": "slide 3/nuclei.tif", "config": "", "args": "--n-clusters 8"}, True),
        ({"sample": "slide 1", "molecules": "a.csv"}, False),
        ({"sample": "", "molecules": "a.csv"}, False),
        ({"sample": "slide1"}, False),
        ({"sample": "slide1", "molecules": ""}, False),
        ({"sample": "slide1", "molecules": "a.csv", "prior": ":"}, False),
        ({"sample": "slide1", "molecules": "a.csv", "config": "xenium.yaml"}, False),
        ({"sample": "slide1", "molecules": "a.csv", "priors": ":cell_id"}, False),
    ]:
        complaints.expect(validator.is_valid([row]) == fine, where, f"{row} is {'refused' if fine else 'accepted'}")
    complaints.expect(not validator.is_valid([]), where, "a sheet without samples is accepted")


def check_nextflow_resources(complaints, folder):
    """Formulas are in one place, and profiles do not hide them."""
    where = "conf/base.config"
    text = (folder / where).read_text()
    for directive in ["memory", "time"]:
        count = sum(len(re.findall(rf"^\s*{directive}\s*=", path.read_text(), flags=re.MULTILINE)) for path in folder.rglob("*.config") if "tests" not in path.parts)
        complaints.expect(count == 1, where, f"{count} formulas of {directive}")
    complaints.expect("meta.molecules" in text and "task.attempt" in text, where, "memory does not depend on molecules and attempts")
    labels = set()
    for path in folder.glob("modules/*/main.nf"):
        labels |= set(re.findall(r"label '(\w+)'", path.read_text()))
    configured = set(re.findall(r"withLabel: (\w+)", text)) | {"process_single"}
    complaints.expect(labels <= configured, where, f"nothing about the labels {labels - configured}")


def check_snakemake(complaints, folder, version):
    rules = {}
    for path in sorted(folder.glob("workflow/**/*.smk")) + [folder / "workflow/Snakefile"]:
        for name, body in re.findall(r"^(?:rule|checkpoint) (\w+):\n((?:(?:    .*)?\n)+)", path.read_text(), flags=re.MULTILINE):
            rules[name] = (path.name, body)
    local = re.search(r"^localrules:\n((?:    .*\n)+)", (folder / "workflow/Snakefile").read_text(), flags=re.MULTILINE)
    local = set(re.findall(r"\w+", local[1])) if local else set()
    complaints.expect("all" in local, "Snakefile", "all is no local rule")
    for name, (file, body) in rules.items():
        if name in local:
            continue
        has = set(re.findall(r"^    (\w+):", body, flags=re.MULTILINE))
        complaints.expect(not set(DIRECTIVES) - has, file, f"rule {name} has no {', '.join(sorted(set(DIRECTIVES) - has))}")
        complaints.expect("--threads {threads}" in body and "2> {log:q}" in body, file, f"rule {name} does not pass on threads and log")
        complaints.expect(re.search(r"mem_mb=.*\bmemory\(", body) and re.search(r"runtime=.*\bminutes\(", body), file, f"rule {name} has formulas of its own")
        command = "".join(line for line in body.splitlines() if line.strip().startswith('"baysor '))
        for unquoted in re.findall(r"\{(?:input|output|log)[\w.]*\}", command):
            complaints.append(f"{file}: rule {name} does not quote {unquoted}")
    environment = yaml.safe_load((folder / "workflow/envs/baysor.yaml").read_text())
    expected = {"channels": ["conda-forge", "bioconda"], "dependencies": [f"baysor ={version}"]}
    complaints.expect(environment == expected, "envs/baysor.yaml", f"has {environment}")

    where = "config.schema.yaml"
    schema = yaml.safe_load((folder / "workflow/schemas" / where).read_text())
    Draft202012Validator.check_schema(schema)
    defaults = {name: about.get("default") for name, about in schema["properties"].items()}
    config = yaml.safe_load((folder / "config/config.yaml").read_text())
    complaints.expect(config == defaults, "config.yaml", f"has {config}, the schema's defaults are {defaults}")
    for name, about in schema["properties"].items():
        complaints.expect(about.get("description"), where, f"{name} has no description")
    test = yaml.safe_load((folder / ".test/config/config.yaml").read_text())
    for given, fine in [(config, True), (test, True), ({**config, "segfree": "yes"}, False), ({**config, "colour": 1}, False)]:
        valid = Draft202012Validator(schema).is_valid(given)
        complaints.expect(valid == fine, where, f"{given} is {'refused' if fine else 'accepted'}")

    where = "samples.schema.yaml"
    rows = yaml.safe_load((folder / "workflow/schemas" / where).read_text())
    Draft202012Validator.check_schema(rows)
    for sheet in [folder / "config/samples.tsv", folder / ".test/config/samples.tsv"]:
        with open(sheet, newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                row = {name: value or "" for name, value in row.items()}
                for error in Draft202012Validator(rows).iter_errors(row):
                    complaints.append(f"{sheet.name}: {error.message}")
    sheet = json.loads((folder.parent / "nextflow/assets/schema_input.json").read_text())["items"]
    for name in sheet["properties"]:
        mine, theirs = rows["properties"].get(name, {}), sheet["properties"][name]
        same = name in rows["properties"] and mine.get("pattern") == theirs.get("pattern")
        complaints.expect(same, where, f"says something else of {name} than the sheet of the Nextflow pipeline")
    complaints.expect(set(rows["properties"]) == set(sheet["properties"]), where, "has other columns than the Nextflow pipeline")


def check_recipe(complaints, path, version):
    """The recipe of Bioconda: without its expressions it is YAML, with all that a recipe of a Rust program needs."""
    where = "bioconda/meta.yaml"
    text = path.read_text()
    names = dict(re.findall(r'^\{% set (\w+) = "(.*)" %\}$', text, flags=re.MULTILINE))
    text = re.sub(r"^\{%.*%\}$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\{\{ (\w+) \}\}", lambda found: names.get(found[1], found[1]), text)
    text = re.sub(r"\{\{ (\w+)\(\"(\w+)\"(?:, \w+=\"\w+\")?\) \}\}", r"\1_\2", text)
    recipe = yaml.safe_load(text)
    complaints.expect(recipe["package"] == {"name": "baysor", "version": version}, where, f"package is {recipe['package']}")
    needed = {"compiler_rust", "compiler_c", "compiler_cxx", "stdlib_c", "cargo-bundle-licenses", "cmake", "make"}
    missing = needed - set(recipe["requirements"]["build"])
    complaints.expect(not missing, where, f"requirements have no {missing}")
    build = recipe["build"]
    complaints.expect(build["number"] == 0 and build["run_exports"] == ["pin_subpackage_baysor"], where, "no number, or no run_exports")
    complaints.expect(any("cargo install --locked" in line for line in build["script"]), where, "no cargo install --locked")
    complaints.expect("baysor --version" in recipe["test"]["commands"], where, "the version is not tested")
    about = recipe["about"]
    complaints.expect(about["license"] == "MIT" and set(about["license_file"]) == {"LICENSE", "THIRDPARTY.yml"}, where, "licences are missing")
    complaints.expect(about.get("home") and about.get("summary"), where, "no home or summary")


def check(root):
    """All complaints about the repository in this folder."""
    complaints = Complaints()
    version = re.search(r'^version = "(.*)"$', (root / "Cargo.toml").read_text(), flags=re.MULTILINE)[1]
    nextflow = root / "workflows/nextflow"
    modules = sorted(path for path in (nextflow / "modules").iterdir() if path.is_dir())
    complaints.expect(len(modules) >= 5, "modules", "there are fewer than 5")
    for folder in modules:
        check_module(complaints, folder, version)
    for folder in sorted(path for path in (nextflow / "subworkflows").iterdir() if path.is_dir()):
        check_subworkflow(complaints, folder)
    check_nextflow_schemas(complaints, nextflow)
    check_nextflow_resources(complaints, nextflow)
    check_snakemake(complaints, root / "workflows/snakemake", version)
    check_recipe(complaints, root / "containers/bioconda/meta.yaml", version)
    return complaints


# File, what is replaced in it (first occurrence), by what, and a part of the complaint that has to come.
SPOILED = [
    ("nextflow/modules/run/main.nf", "label 'process_high'", "label 'process_huge'", "label"),
    ("nextflow/modules/run/main.nf", "path(prior), val", "val", "inputs"),
    ("nextflow/modules/run/main.nf", "emit: files", "emit: tables", "output"),
    ("nextflow/modules/run/main.nf", "task.ext.when == null || ", "", "when"),
    ("nextflow/modules/run/main.nf", "--threads ${task.cpus}", "--threads 1", "processors"),
    ("nextflow/modules/preview/main.nf", "touch ${prefix}_preview.html ", "touch ", "stub"),
    ("nextflow/modules/run/main.nf", "topic: versions, ", "", "versions"),
    ("nextflow/modules/export/main.nf", "def args = task.ext.args ?: ''", "def args = task.ext.options ?: ''", "args"),
    ("nextflow/modules/export/main.nf", "'baysor:", "'baysor:0.", "containers"),
    ("nextflow/modules/export/meta.yml", "type: directory", "type: folder", "known type"),
    ("nextflow/modules/export/meta.yml", "ontologies:", "ontology:", "ontologies"),
    ("nextflow/modules/prior/meta.yml", "doi: 10.", "doi: 11.", "doi"),
    ("nextflow/modules/prior/environment.yml", "=1", "=0", "environment.yml"),
    ("nextflow/modules/prior/tests/main.nf.test", 'tag "baysor/prior"', "", "tag"),
    ("nextflow/modules/preview/tests/main.nf.test", 'options "-stub"', "", "stub"),
    ("nextflow/subworkflows/segment/meta.yml", "  - baysor/run\n", "", "components"),
    ("nextflow/subworkflows/segment/meta.yml", "  - colors:", "  - colours:", "output"),
    ("nextflow/nextflow_schema.json", '"default": "72.GB"', '"default": "7.GB"', "defaults"),
    ("nextflow/nextflow_schema.json", '"minimum": 1', '"minimum": 0', "accepted"),
    ("nextflow/nextflow.config", "= 'copy'", "= 'link'", "defaults"),
    ("nextflow/assets/schema_input.json", '"required": ["sample", "molecules"]', '"required": ["sample"]', "accepted"),
    ("nextflow/assets/samplesheet_test.csv", "ca1_column", "ca1 column", "samplesheet_test.csv"),
    ("nextflow/conf/modules.config", "    publishDir = [", "    memory = 4.GB\n    publishDir = [", "formulas of memory"),
    ("nextflow/modules/split/main.nf", "--threads ${task.cpus}", "", "processors"),
    ("nextflow/subworkflows/tiles/main.nf", "BAYSOR_MERGE(slides", "BAYSOR_SPLIT(slides", "BAYSOR_MERGE is not used"),
    ("nextflow/modules/merge/meta.yml", "- stages:", "- tiles:", "inputs"),
    ("snakemake/workflow/rules/tiles.smk", "--threads {threads} --stage", "--stage", "threads"),
    ("snakemake/workflow/rules/run.smk", "    benchmark:\n", "    message:\n", "benchmark"),
    ("snakemake/workflow/rules/run.smk", "{output.stage:q}", "{output.stage}", "quote"),
    ("snakemake/workflow/rules/prior.smk", "mem_mb=lambda wildcards, input, attempt: memory(", "mem_mb=lambda wildcards, input, attempt: int(", "formulas"),
    ("snakemake/workflow/envs/baysor.yaml", "=1", "=0", "baysor.yaml"),
    ("snakemake/workflow/schemas/config.schema.yaml", "default: results", "default: out", "defaults"),
    ("snakemake/workflow/schemas/samples.schema.yaml", "_.-]*$", "_.]*$", "Nextflow"),
    ("snakemake/.test/config/samples.tsv", "ca1_image", "ca1 image", "samples.tsv"),
    ("containers/bioconda/meta.yaml", "    - cmake\n", "", "cmake"),
    ("containers/bioconda/meta.yaml", 'set version = "', 'set version = "9', "package"),
    ("snakemake/.test/config/config.yaml", "samples:", "sample:", "refused"),
]


def main():
    complaints = check(REPOSITORY)
    for complaint in complaints:
        print(complaint)
    if complaints:
        sys.exit(f"{len(complaints)} complaints")
    print("ok: modules, subworkflows, schemas and rules follow their conventions")
    missed = []
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch)
        shutil.copytree(REPOSITORY / "workflows", copy / "workflows", ignore=shutil.ignore_patterns("results", ".snakemake", "work", ".nextflow*"))
        shutil.copytree(REPOSITORY / "containers", copy / "containers")
        shutil.copy(REPOSITORY / "Cargo.toml", copy)
        (copy / "examples").symlink_to(REPOSITORY / "examples")
        n_spoiled = 0
        for name, old, new, expected in SPOILED:
            path = copy / ("" if name.startswith("containers/") else "workflows") / name
            text = path.read_text()
            if old not in text:
                sys.exit(f"{name} has no {old!r} to spoil")
            path.write_text(text.replace(old, new, 1))
            n_spoiled += 1
            if not any(expected in complaint for complaint in check(copy)):
                missed.append(f"{name} with {new!r} in place of {old!r}: nothing says {expected!r}")
            path.write_text(text)
    if missed:
        sys.exit("\n".join(missed))
    print(f"ok: {n_spoiled} spoiled files are found")


if __name__ == "__main__":
    main()
