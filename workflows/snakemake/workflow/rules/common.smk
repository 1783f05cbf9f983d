# The samples, and what their numbers say about memory and time.

import csv
import json
import re
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import validate

validate(config, "../schemas/config.schema.yaml")

RESULTS = config["results"].rstrip("/")
CONTAINER = config["container"] or None
# Paths of the sample sheet are relative to the folder of the sheet.
SHEET = Path(config["samples"])
SAMPLES = {}


def read_samples():
    """Reads the sample sheet: columns by sample."""
    with open(SHEET, newline="", encoding="utf-8") as file:
        lines = (line for line in file if line.strip() and not line.startswith("#"))
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            row = {name: (value or "").strip() for name, value in row.items()}
            validate(row, "../schemas/samples.schema.yaml")
            if row["sample"] in SAMPLES:
                raise WorkflowError(f"{SHEET}: several lines are about {row['sample']}")
            SAMPLES[row["sample"]] = {"prior": "", "config": "", "args": "", **row}
    if not SAMPLES:
        raise WorkflowError(f"{SHEET}: it has no samples")


read_samples()


wildcard_constraints:
    sample="|".join(map(re.escape, SAMPLES)),


def resolve(text):
    """A path of the sample sheet."""
    return text if "://" in text else str(SHEET.parent / text)


def molecules_of(wildcards):
    return resolve(SAMPLES[wildcards.sample]["molecules"])


def prior_of(wildcards):
    """The file of the prior segmentation; none if it is a column or missing."""
    prior = SAMPLES[wildcards.sample]["prior"]
    return [] if not prior or prior.startswith(":") else [resolve(prior)]


def prior_argument(wildcards, input):
    """The prior segmentation as the program takes it."""
    prior = SAMPLES[wildcards.sample]["prior"]
    return input.prior if input.prior else prior


def config_of(wildcards):
    """The sample's own configuration file, or the one for all; none if there is neither."""
    own = SAMPLES[wildcards.sample]["config"]
    if own:
        return [resolve(own)]
    return [config["config"]] if config["config"] else []


def config_option(wildcards, input):
    return ["--config", input.config[0]] if input.config else []


def table_or_stage(wildcards):
    """What `run` starts from: the stage of the prior, or the molecule table."""
    if SAMPLES[wildcards.sample]["prior"]:
        return f"{RESULTS}/{wildcards.sample}/stages/prior"
    return molecules_of(wildcards)


def colors_of(wildcards):
    return [f"{RESULTS}/{wildcards.sample}/stages/segfree"] if config["segfree"] else []


def n_molecules(input):
    """As the preview says. While it is missing, an error of which Snakemake knows that it is for later."""
    with open(input.numbers) as file:
        return json.load(file)["molecules"]["n"]


def memory(input, attempt):
    """Megabytes: measured needs with a margin, see docs/workflows.md; more at every attempt."""
    return int((1000 + 0.001 * n_molecules(input)) * attempt)


def minutes(input, attempt):
    """Of two threads, with a margin."""
    return int((20 + n_molecules(input) / 100_000) * attempt)
