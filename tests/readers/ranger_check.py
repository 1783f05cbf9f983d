#!/usr/bin/env python3
"""Checks a pair of files for `xeniumranger import-segmentation` against what Xenium Ranger requires.

    python tests/readers/ranger_check.py TRANSCRIPTS.csv POLYGONS.json [BUNDLE]

Written from the requirements alone, without our program. Prints every requirement that is not met; exits 1 then.
"""

import csv
import json
import math
import re
import sys
from pathlib import Path

import shapely

COLUMNS = ["transcript_id", "cell", "is_noise", "x", "y"]
TRUE, FALSE = {"true", "1"}, {"false", "0"}


def faults_of_pair(transcripts, polygons, bundle=None):
    """The requirements that are not met, as sentences."""
    faults = []
    if not str(transcripts).endswith(".csv"):
        faults.append(f"the table must be a CSV, not {transcripts}")
    with open(transcripts, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    missing = [name for name in COLUMNS if rows and name not in rows[0]]
    if not rows or missing:
        return faults + [f"no rows, or columns missing: {missing}"]
    faults += faults_of_rows(rows)
    cells = {row["cell"] for row in rows if row["cell"]}
    faults += faults_of_polygons(json.loads(Path(polygons).read_text(encoding="utf-8")), cells)
    if bundle is not None:
        faults += faults_of_bundle(rows, Path(bundle))
    return faults


def faults_of_rows(rows):
    faults, ids = [], set()
    for number, row in enumerate(rows, 1):
        text = row["transcript_id"]
        if not re.fullmatch("0|[1-9][0-9]*", text) or int(text) >= 2**64:
            faults.append(f"row {number}: transcript_id '{text}' is not a whole number of 64 bits")
        if text in ids:
            faults.append(f"row {number}: transcript_id {text} is repeated")
        ids.add(text)
        if row["cell"] and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*-[1-9][0-9]*", row["cell"]):
            faults.append(f"row {number}: cell '{row['cell']}' is not text, dash, number")
        noise = row["is_noise"].lower()
        if noise not in TRUE | FALSE or (noise in TRUE) != (row["cell"] == ""):
            faults.append(f"row {number}: is_noise '{row['is_noise']}' with cell '{row['cell']}'")
        if not all(math.isfinite(float(row[axis])) for axis in "xy"):
            faults.append(f"row {number}: coordinates {row['x']}, {row['y']}")
    return faults


def faults_of_polygons(collection, cells):
    faults = []
    if collection["type"] == "GeometryCollection":
        numbers = [shape["cell"] for shape in collection["geometries"]]
        if not all(type(number) is int for number in numbers):
            faults.append("cells of a GeometryCollection must be whole numbers")
        wanted = {int(cell.rsplit("-", 1)[1]) for cell in cells}
        shapes = dict(zip(numbers, collection["geometries"], strict=True))
    elif collection["type"] == "FeatureCollection":
        numbers = [feature["id"] for feature in collection["features"]]
        wanted, shapes = cells, {feature["id"]: feature["geometry"] for feature in collection["features"]}
    else:
        return [f"polygons are a {collection['type']}"]
    if len(numbers) != len(shapes):
        faults.append("a cell has several polygons")
    if set(shapes) - wanted:
        faults.append(f"EmptyCellsError: polygons without transcripts, such as {min(set(shapes) - wanted)}")
    if wanted - set(shapes):
        faults.append(f"MissingCellPolygon: cells without polygons, such as {min(wanted - set(shapes))}")
    for cell, shape in shapes.items():
        if shape["type"] != "Polygon" or len(shape["coordinates"]) != 1:
            faults.append(f"cell {cell}: not a polygon of one exterior ring")
            continue
        (ring,) = shape["coordinates"]
        if len(ring) < 4 or ring[0] != ring[-1] or not all(math.isfinite(v) for vertex in ring for v in vertex):
            faults.append(f"cell {cell}: ring of {len(ring)} positions that is short, open or not finite")
            continue
        polygon = shapely.Polygon(ring)
        if not polygon.is_valid or polygon.area <= 0:
            faults.append(f"cell {cell}: degenerate, {shapely.is_valid_reason(polygon)}, area {polygon.area}")
    return faults


def faults_of_bundle(rows, bundle):
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(bundle / "transcripts.parquet", columns=["transcript_id", "x_location", "y_location"])
    places = {}
    for number, x, y in zip(*(column.to_pylist() for column in table.columns), strict=True):
        places[int(number)] = (x, y)
    faults = []
    for row in rows:
        place = places.get(int(row["transcript_id"]))
        if place is None:
            faults.append(f"transcript {row['transcript_id']} is not in the bundle")
        elif max(abs(place[0] - float(row["x"])), abs(place[1] - float(row["y"]))) > 0.01:
            faults.append(f"transcript {row['transcript_id']} is elsewhere in the bundle")
    return faults


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    faults = faults_of_pair(*sys.argv[1:])
    for fault in faults[:50]:
        print(fault)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
