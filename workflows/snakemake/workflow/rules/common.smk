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
    tile=r"tile_\d+",


def resolve(text):
    """A path of the sample sheet."""
    return text if "://" in text else str(SHEET.parent / text)


def molecules_of(wildcards):
    return resolve(SAMPLES[wildcards.sample]["molecules"])


def prior_of(wildcards):
    """The file of the prior segmentation; none if it is missing, a column (:NAME) or in the instrument's folder (@nuclei)."""
    prior = SAMPLES[wildcards.sample]["prior"]
    return [] if not prior or prior[0] in ":@" else [resolve(prior)]


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


def is_divided(wildcards):
    """Whether the slide has too many molecules to be segmented whole. Known when the preview is there."""
    most = config["max_molecules_per_tile"]
    if not most:
        return False
    numbers = Path(f"{RESULTS}/{wildcards.sample}/preview/{wildcards.sample}_preview.json")
    # The checkpoint is asked only while it is to come: behind one that is finished, Snakemake does not find a second one,
    # that of the division, which is finished, too, and would merge before tiles that were lost are back.
    if not numbers.exists():
        numbers = checkpoints.preview.get(sample=wildcards.sample).output.numbers
    with open(numbers) as file:
        return json.load(file)["molecules"]["n"] > most


def cells_of(wildcards):
    """The stage with cells: of the tiles put together, or of one run."""
    return f"{RESULTS}/{wildcards.sample}/stages/{'merged' if is_divided(wildcards) else 'run'}"


def colors_of(wildcards):
    """Tiles have colors of their own."""
    return [f"{RESULTS}/{wildcards.sample}/stages/segfree"] if config["segfree"] and not is_divided(wildcards) else []


def tiles_of(wildcards):
    """Stages of all tiles of a slide. Known when it is divided."""
    division = checkpoints.split.get(sample=wildcards.sample).output.tiles
    with open(f"{division}/tiles.json") as file:
        names = [tile["name"] for tile in json.load(file)["tiles"]]
    return [f"{RESULTS}/{wildcards.sample}/stages/tiles/{name}" for name in names]


def n_molecules(input, tile=None):
    """Of a tile, margin included, as the division says; else as the preview says; before it, a guess, rather too many."""
    if tile:
        with open(f"{input.tiles}/tiles.json") as file:
            return next(entry["n_molecules"] for entry in json.load(file)["tiles"] if entry["name"] == tile)
    if "numbers" in input.keys():
        # While the preview is missing, an error of which Snakemake knows that it is for later.
        with open(input.numbers) as file:
            return json.load(file)["molecules"]["n"]
    table = Path(input.molecules)
    return max(100_000, table.stat().st_size // 10) if table.is_file() else 5_000_000


def image_bytes(input):
    """Of the image of a prior, which has to be unpacked; other files are small."""
    images = input.prior if "prior" in input.keys() else []
    return sum(Path(image).stat().st_size for image in images if re.search(r"\.(tiff?|png|mat)$", image, re.IGNORECASE))


# Measured needs are 350 bytes for a molecule, and 63 seconds for 10^6 of them on two processors: see docs/workflows.md.
def memory(input, attempt, tile=None, bytes_per_molecule=600):
    """Megabytes: 1000, 600 bytes for a molecule and 50 for a byte of the prior's image; doubled at every attempt."""
    need = 1000 + 1e-6 * bytes_per_molecule * n_molecules(input, tile) + 50e-6 * image_bytes(input)
    return int(need * 2 ** (attempt - 1))


def minutes(input, attempt, tile=None):
    """60, and 10 for 10^6 molecules; doubled at every attempt."""
    return int((60 + 10e-6 * n_molecules(input, tile)) * 2 ** (attempt - 1))
