"""Draws docs/example.png, the figure of README.md, from the files of the README's example run.

Needs Python 3.9 or newer with matplotlib and pillow (3.11 and 13 were used):

    python docs/figures/make_example.py out/ docs/example.png

The first argument is the directory that the run has written to.
"""

import csv
import io
import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.collections import PatchCollection
from matplotlib.patches import Polygon, Rectangle
from PIL import Image

# Window of the second panel, in pixels of the example's image: x and y of the lower corner, width, height.
WINDOW = (2250, 900, 720, 720)
NOISE = "#b8b8b8"
# Colors of the molecule clusters 1 to 4: distinguishable with a color vision deficiency (Okabe and Ito).
CLUSTERS = {"1": "#0072b2", "2": "#d55e00", "3": "#009e73", "4": "#cc79a7"}
# Colors of cells; a cell takes the one of its number, so equal colors do not mean equal cells.
CELLS = list(pyplot.get_cmap("tab20").colors)
CELLS = [color for at, color in enumerate(CELLS) if at not in (14, 15)]  # The greys are for noise.


def read_molecules(path):
    """Returns the molecules as rows (x, y, cluster, cell); the cell of noise is empty."""
    with open(path, newline="", encoding="utf-8") as file:
        return [(float(row["x"]), float(row["y"]), row["cluster"], row["cell"]) for row in csv.DictReader(file)]


def read_outlines(path):
    """Returns the outline of every cell as (name, positions)."""
    features = json.loads(Path(path).read_text(encoding="utf-8"))["features"]
    return [(feature["id"], feature["geometry"]["coordinates"][0]) for feature in features]


def color_of_cell(name):
    """Returns the color of a cell, or of noise for the empty name."""
    return CELLS[int(name.rsplit("-", 1)[1]) * 7 % len(CELLS)] if name else NOISE


def is_in_window(x, y, margin=0):
    """Tells whether a place is in the window or within `margin` of it."""
    left, bottom, width, height = WINDOW
    return left - margin <= x <= left + width + margin and bottom - margin <= y <= bottom + height + margin


def draw_overview(axes, molecules):
    """Draws all molecules, colored by cluster, and the place of the window."""
    colors = [CLUSTERS[cluster] if cell else NOISE for _, _, cluster, cell in molecules]
    xs, ys = [row[0] for row in molecules], [row[1] for row in molecules]
    axes.scatter(xs, ys, s=0.35, c=colors, linewidths=0)
    left, bottom, width, height = WINDOW
    axes.add_patch(Rectangle((left, bottom), width, height, fill=False, edgecolor="black", linewidth=1.2))
    axes.set_xlim(min(xs), max(xs))
    axes.set_ylim(max(ys), min(ys))
    n_cells = len({cell for *_, cell in molecules if cell})
    axes.set_title(f"{len(molecules):,} molecules, {n_cells:,} cells. Colors: molecule clusters; grey: noise", fontsize=9)


def draw_window(axes, molecules, outlines):
    """Draws the window: molecules colored by cell, noise in grey, outlines of cells over them."""
    near = [row for row in molecules if is_in_window(row[0], row[1], margin=20)]
    axes.scatter(
        [row[0] for row in near],
        [row[1] for row in near],
        s=[9 if row[3] else 4 for row in near],
        c=[color_of_cell(row[3]) for row in near],
        linewidths=0,
    )
    shown = [ring for _, ring in outlines if any(is_in_window(x, y, margin=20) for x, y in ring)]
    patches = [Polygon(ring) for ring in shown]
    axes.add_collection(PatchCollection(patches, facecolor="none", edgecolor="black", linewidth=0.7))
    left, bottom, width, height = WINDOW
    axes.set_xlim(left, left + width)
    axes.set_ylim(bottom + height, bottom)
    axes.plot([left + 30, left + 130], [bottom + 40] * 2, color="black", linewidth=2.5)
    axes.text(left + 80, bottom + 32, "100 px", ha="center", va="bottom", fontsize=7)
    axes.set_title("The window: colors and boundaries of cells", fontsize=9)


def main():
    """Reads the files of the run and writes the picture."""
    run, picture = Path(sys.argv[1]), Path(sys.argv[2])
    molecules = read_molecules(run / "segmentation.csv")
    outlines = read_outlines(run / "segmentation_polygons_2d.json")
    figure, (overview, window) = pyplot.subplots(
        1, 2, figsize=(10, 4.45), width_ratios=(1.37, 1), layout="constrained"
    )
    draw_overview(overview, molecules)
    draw_window(window, molecules, outlines)
    for axes in (overview, window):
        axes.set_aspect("equal")
        axes.set_xticks([])
        axes.set_yticks([])
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=130)
    # 128 colors keep the file small.
    Image.open(drawn).convert("RGB").quantize(128).save(picture, optimize=True)


if __name__ == "__main__":
    main()
