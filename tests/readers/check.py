#!/usr/bin/env python3
"""Opens the result files of `baysor run` with the programs that others read them with.

    python tests/readers/check.py BINARY

Makes a small tissue, runs BINARY as sopa, nf-core and a plain user do, and compares what anndata, loompy, pandas,
geopandas, shapely, pyarrow, polars and DuckDB read with the molecule table; and what `baysor export` writes with what
scanpy, spatialdata-io and sopa read (exports.py). Prints every failure and `N passed, M failed`; exits 1 on failure.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import anndata
import duckdb
import geopandas
import loompy
import numpy as np
import pandas as pd
import polars
import pyarrow.feather as feather
import shapely
import shapely.geometry
from loompy.loom_validator import LoomValidator

import exports
import spatialdata_check

warnings.filterwarnings("ignore")

FIRST_ID = 2**63 + 11  # beyond int64 and far beyond what a double holds
COMMON = ["-m", "8", "-s", "3", "--iters", "50"]
ran = {"passed": 0, "failed": 0}


def check(what, holds, seen=""):
    """Counts one check; `holds` may be a numpy bool."""
    ran["passed" if holds else "failed"] += 1
    if not holds:
        print(f"FAILED: {what}  {seen}")


@contextlib.contextmanager
def section(name):
    """A reader that raises fails one check, and the others go on."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever a reader throws is a finding
        check(name, False, f"{type(error).__name__}: {error}")


def make_tissue():
    """Nine by nine round cells of four types, and background; columns as Xenium has them, some with awkward text."""
    rng = np.random.default_rng(7)
    rows = []
    for cell in range(81):
        kind = rng.integers(4)
        center = (np.array([cell % 9, cell // 9]) + 0.5) * 12 + rng.normal(size=2)
        for _ in range(25):
            x, y = offset = rng.normal(0, 1.7, 2)
            own = rng.random() < 0.75
            gene = f"G{rng.integers(5) + 5 * kind if own else rng.integers(20):02d}"
            inside = (offset**2).sum() < 6
            rows.append((center[0] + x, center[1] + y, rng.normal(4, 1.5), gene, cell + 1 if inside else 0))
    for _ in range(180):
        rows.append((*rng.uniform(0, 108, 2), rng.uniform(0, 8), f"G{rng.integers(20):02d}", 0))
    table = pd.DataFrame(rows, columns=["x", "y", "z", "gene", "cell_id"]).sample(frac=1, random_state=1)
    table = table.round({"x": 3, "y": 3, "z": 3}).reset_index(drop=True)
    table.insert(0, "transcript_id", np.array([FIRST_ID + row for row in range(len(table))], dtype=np.uint64))
    table["note"] = np.resize(['plain', 'with, comma', 'said "so"', 'µm–é'], len(table))
    return table


def run(binary, folder, *arguments):
    baysor(binary, folder, "run", *arguments)


def baysor(binary, folder, *arguments):
    environment = {"PATH": os.environ["PATH"], "JULIA_NUM_THREADS": "2"}
    done = subprocess.run([binary, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    check(f"baysor {' '.join(arguments)}", done.returncode == 0, done.stderr[-2000:])


def read_molecules(path):
    """As the scripts that read our tables: pandas, empty cells as NaN."""
    return pd.read_csv(path, dtype={"transcript_id": np.uint64})


def molecule_table(name, found, given):
    check(f"{name}: one row per molecule", len(found) == len(given))
    check(f"{name}: ids digit for digit", (found["transcript_id"].to_numpy() == given["transcript_id"].to_numpy()).all())
    for column in ["x", "y"]:
        check(f"{name}: {column}", np.array_equal(found[column], given[column]))
    check(f"{name}: genes", (found["gene"] == given["gene"]).all())
    check(f"{name}: texts of the user", (found["note"] == given["note"]).all())
    check(f"{name}: is_noise is a bool", found["is_noise"].dtype == bool)
    check(f"{name}: noise has no cell", (found["is_noise"] == found["cell"].isna()).all())
    check(f"{name}: names are text-number", found["cell"].dropna().str.fullmatch(r"[A-Za-z][A-Za-z0-9]*-[1-9][0-9]*").all())
    check(f"{name}: confidences", found["confidence"].between(0, 1).all())


def cell_table(name, stats, molecules):
    assigned = molecules.dropna(subset=["cell"]).groupby("cell")
    stats = stats.set_index("cell")
    check(f"{name}: cells of statistics", set(stats.index) == set(assigned.groups) and stats.index.is_unique)
    check(f"{name}: n_transcripts", (stats["n_transcripts"] == assigned.size().reindex(stats.index)).all())
    for axis in ["x", "y"]:
        check(f"{name}: mean {axis}", np.allclose(stats[axis], assigned[axis].mean().reindex(stats.index)))
    hulls = assigned.apply(lambda part: shapely.MultiPoint(part[["x", "y"]].to_numpy()).convex_hull.area)
    large = stats["n_transcripts"] > 2
    check(f"{name}: area is that of the hull", np.allclose(stats["area"][large], hulls.reindex(stats.index)[large], rtol=1e-3))


def expected_counts(molecules, cells):
    counts = pd.crosstab(molecules["cell"], molecules["gene"])
    return counts.reindex(index=cells)


def counts_tsv(name, path, molecules, cells):
    with section(f"{name}: pandas reads the counts"):
        counts = pd.read_csv(path, sep="\t", index_col="gene").T
        wanted = expected_counts(molecules, cells)
        check(f"{name}: cells of counts", list(counts.index) == list(cells))
        check(f"{name}: counts", (counts[wanted.columns].to_numpy() == wanted.to_numpy()).all())
        check(f"{name}: no further genes", counts.drop(columns=wanted.columns).to_numpy().sum() == 0)


def counts_loom(name, path, molecules, stats):
    cells = list(stats["cell"])
    wanted = expected_counts(molecules, cells)
    with section(f"{name}: anndata reads the loom"):
        data = anndata.io.read_loom(path, obs_names="Name", var_names="Name")
        check(f"{name}: obs_names", list(data.obs_names) == cells)
        matrix = data[:, list(wanted.columns)].X
        matrix = matrix.toarray() if hasattr(matrix, "toarray") else np.asarray(matrix)
        check(f"{name}: X", (matrix == wanted.to_numpy()).all())
        check(f"{name}: CellID", list(data.obs["CellID"].astype(int)) == list(range(1, len(cells) + 1)))
        for column in stats.columns[1:].drop("prior_segment", errors="ignore"):
            check(f"{name}: obs {column}", np.allclose(data.obs[column], stats[column], equal_nan=True))
    with section(f"{name}: loompy reads the loom"):
        with loompy.connect(str(path), mode="r", validate=True) as loom:
            check(f"{name}: loompy shape", loom.shape == (len(loom.ra.Name), len(cells)))
            check(f"{name}: loompy counts", loom[:, :].sum() == wanted.to_numpy().sum())
            check(f"{name}: loompy names", list(loom.ca.Name) == cells)
            check(f"{name}: loom version", str(loom.attrs["LOOM_SPEC_VERSION"]) == "3.0.0")
            validator, said = LoomValidator(), io.StringIO()
            with contextlib.redirect_stdout(said):
                valid = validator.validate(str(path), strictness="speconly")
            check(f"{name}: loom validator", valid, validator.errors)


def rings(name, polygons, molecules):
    """`polygons`: shapely polygons by name of the cell."""
    cells = set(molecules["cell"].dropna())
    check(f"{name}: cells of polygons", set(polygons) == cells, f"{len(polygons)} and {len(cells)}")
    shapes = np.array(list(polygons.values()), dtype=object)
    check(f"{name}: all polygons", all(shape.geom_type == "Polygon" for shape in shapes))
    check(f"{name}: valid", shapely.is_valid(shapes).all(), shapely.is_valid_reason(shapes[~shapely.is_valid(shapes)]))
    check(f"{name}: no holes", (shapely.get_num_interior_rings(shapes) == 0).all())
    check(f"{name}: areas", (shapely.area(shapes) > 0).all())
    for cell, part in molecules.dropna(subset=["cell"]).groupby("cell"):
        if cell in polygons and not polygons[cell].buffer(1e-6).covers(shapely.MultiPoint(part[["x", "y"]].to_numpy())):
            check(f"{name}: molecules inside", False, cell)
            return
    check(f"{name}: molecules inside", True)


def feature_collection(name, path, molecules):
    with section(f"{name}: geopandas reads the features"):
        frame = geopandas.read_file(path)
        key = "cell_id" if "cell_id" in frame else "id"
        check(f"{name}: objectType", (frame["objectType"] == "cell").all())
        rings(f"{name} (geopandas)", dict(zip(frame[key], frame.geometry)), molecules)
    features = json.loads(path.read_text())["features"]
    check(f"{name}: ids", all(feature["id"] == feature["properties"]["cell_id"] for feature in features))


def geometry_collection(name, path, molecules, key=lambda cell: cell):
    with section(f"{name}: pandas reads the collection"):
        frame = pd.read_json(path)
        check(f"{name}: one row per cell", len(frame) == molecules["cell"].nunique())
        members = list(frame["geometries"])
        names = {key(cell): cell for cell in molecules["cell"].dropna().unique()}
        check(f"{name}: cell members", {member["cell"] for member in members} == set(names))
        rings(name, {names[member["cell"]]: shapely.geometry.shape(member) for member in members}, molecules)


def as_sopa_reads(name, folder, min_vertices=4):
    """The steps of sopa with a finished patch: counts joined to polygons by name, small rings dropped."""
    with section(f"{name}: sopa's steps"):
        data = anndata.io.read_loom(folder / "segmentation_counts.loom", obs_names="Name", var_names="Name")
        data.obs.rename(columns={"area": "original_area"}, inplace=True)
        del data.obs["CellID"]
        geometries = json.loads((folder / "segmentation_polygons_2d.json").read_text())["geometries"]
        by_cell = {geometry["cell"]: geometry for geometry in geometries}
        kept = [cell for cell in data.obs_names if len(by_cell[cell]["coordinates"][0]) >= min_vertices]
        frame = geopandas.GeoDataFrame(index=kept, geometry=[shapely.geometry.shape(by_cell[cell]) for cell in kept])
        check(f"{name}: no cell is lost", len(frame) == data.n_obs and frame.is_valid.all())
        with tempfile.TemporaryDirectory() as scratch:
            data[frame.index].copy().write_h5ad(Path(scratch) / "patch.h5ad")
            again = anndata.read_h5ad(Path(scratch) / "patch.h5ad")
        check(f"{name}: survives h5ad", again.shape == data.shape and "original_area" in again.obs)


def layers_3d(name, path, molecules, layout):
    with section(f"{name}: layers"):
        layers = json.loads(path.read_text())
        layers = layers if layout == "array" else list(layers.values())
        cells = set(molecules["cell"].dropna())
        seen = set()
        for layer in layers:
            polygons = {f["id"]: shapely.geometry.shape(f["geometry"]) for f in layer["features"]}
            check(f"{name}: valid layer", all(shape.is_valid and shape.area > 0 for shape in polygons.values()))
            seen |= set(polygons)
        check(f"{name}: every cell is in a layer", seen == cells)


def stage_tables(name, stage, molecules):
    """pyarrow, polars and DuckDB read the tables of a stage; they say what segmentation.csv says."""
    manifest = json.loads((stage / "manifest.json").read_text())
    for entry in manifest["tables"]:
        arrow = feather.read_table(stage / entry["file"])
        arrow.validate(full=True)
        rows = (entry["n_rows"], entry["n_columns"])
        check(f"{name}: {entry['file']} in pyarrow", arrow.shape == rows, arrow.shape)
        check(f"{name}: {entry['file']} in polars", polars.read_ipc(stage / entry["file"]).shape == rows)
        count = duckdb.sql("select count(*) from arrow").fetchall()[0][0]
        check(f"{name}: {entry['file']} in DuckDB", count == entry["n_rows"], count)
        described = all(field.metadata and b"description" in field.metadata for field in arrow.schema)
        check(f"{name}: {entry['file']} describes its columns", described)
    found = feather.read_table(stage / "molecules.arrow").to_pandas()
    check(f"{name}: ids digit for digit", (found["transcript_id"] == molecules["transcript_id"]).all())
    check(f"{name}: genes", (found["gene"].astype(str) == molecules["gene"]).all())
    if "cell" in found:
        numbers = molecules["cell"].str.rsplit("-", n=1).str[1].astype(float)
        check(f"{name}: cells", np.array_equal(found["cell"].astype(float), numbers, equal_nan=True))


def neighborhoods(name, path, molecules):
    """ncvs.loom: a column of shares for every molecule, with a color."""
    with section(f"{name}: anndata reads the neighborhoods"):
        data = anndata.io.read_loom(path, obs_names="Name", var_names="Name")
        matrix = data.X.toarray() if hasattr(data.X, "toarray") else np.asarray(data.X)
        check(f"{name}: a row per molecule", data.n_obs == len(molecules))
        check(f"{name}: shares sum to 1", np.allclose(matrix.sum(axis=1), 1, atol=1e-4))
        check(f"{name}: colors", data.obs["ncv_color"].str.fullmatch("#[0-9A-F]{6}").all())
        check(f"{name}: confidences", data.obs["confidence"].between(0, 1).all())
        check(f"{name}: genes", set(data.var_names) == set(molecules["gene"]))


def main(binary):
    table = make_tissue()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)

        folder = scratch / "plain"
        folder.mkdir()
        table.drop(columns="z").to_csv(folder / "molecules.csv", index=False)
        run(binary, folder, "molecules.csv", *COMMON, "-o", "out/segmentation.csv")
        with section("plain run"):
            molecules = read_molecules(folder / "out/segmentation.csv")
            stats = pd.read_csv(folder / "out/segmentation_cell_stats.csv")
            molecule_table("plain", molecules, table)
            cell_table("plain", stats, molecules)
            counts_loom("plain", folder / "out/segmentation_counts.loom", molecules, stats)
            feature_collection("plain", folder / "out/segmentation_polygons_2d.json", molecules)

        folder = scratch / "nf_core"
        folder.mkdir()
        table.to_parquet(folder / "T.parquet", index=False)
        run(binary, folder, "T.parquet", ":cell_id", "--scale=3", "--prior-segmentation-confidence=0.5", "--output",
            "ID_segmentation.csv", "--polygon-format=GeometryCollectionLegacy", "-m", "8", "--iters=50",
            "--count-matrix-format", "tsv")
        with section("nf-core run"):
            molecules = read_molecules(folder / "ID_segmentation.csv")
            stats = pd.read_csv(folder / "ID_segmentation_cell_stats.csv")
            molecule_table("nf-core", molecules, table)
            cell_table("nf-core", stats, molecules)
            counts_tsv("nf-core", folder / "ID_segmentation_counts.tsv", molecules, stats["cell"])
            number = lambda cell: int(cell.split("-")[1])  # noqa: E731
            geometry_collection("nf-core", folder / "ID_segmentation_polygons_2d.json", molecules, number)
            layers = json.loads((folder / "ID_segmentation_polygons_3d.json").read_text())
            check("nf-core: layers say their z", all(low <= layer["z"] <= high for layer in layers for low, high in [layer["z_range"]]))

        folder = scratch / "sopa"
        folder.mkdir()
        table.rename(columns={"gene": "genes", "cell_id": "sopa_prior"}).to_csv(folder / "transcripts.csv", index=False)
        (folder / "config.toml").write_text(
            '[data]\nx = "x"\ny = "y"\ngene = "genes"\nforce_2d = true\nmin_molecules_per_cell = 8\n'
            "min_molecules_per_gene = 0\n\n[segmentation]\nscale = 3\nprior_segmentation_confidence = 1\niters = 50\n"
        )
        run(binary, folder, "--polygon-format", "GeometryCollection", "-c", "config.toml", "transcripts.csv", ":sopa_prior")
        with section("sopa run"):
            molecules = read_molecules(folder / "segmentation.csv")
            stats = pd.read_csv(folder / "segmentation_cell_stats.csv")
            molecule_table("sopa", molecules, table)
            cell_table("sopa", stats, molecules)
            counts_loom("sopa", folder / "segmentation_counts.loom", molecules, stats)
            geometry_collection("sopa", folder / "segmentation_polygons_2d.json", molecules)
            as_sopa_reads("sopa", folder)

        for layout in ["array", "object"]:
            folder = scratch / f"layers_{layout}"
            folder.mkdir()
            table.to_csv(folder / "molecules.csv.gz", index=False)
            run(binary, folder, "molecules.csv.gz", *COMMON, "--polygon-3d-layout", layout)
            with section(f"3D run, {layout}"):
                molecules = read_molecules(folder / "segmentation.csv")
                stats = pd.read_csv(folder / "segmentation_cell_stats.csv")
                molecule_table(f"3D {layout}", molecules, table)
                counts_loom(f"3D {layout}", folder / "segmentation_counts.loom", molecules, stats)
                feature_collection(f"3D {layout}", folder / "segmentation_polygons_2d.json", molecules)
                layers_3d(f"3D {layout}", folder / "segmentation_polygons_3d.json", molecules, layout)

        folder = scratch / "stages"
        folder.mkdir()
        table.to_csv(folder / "molecules.csv", index=False)
        baysor(binary, folder, "prior", "molecules.csv", ":cell_id", "-m", "8", "-o", "prior")
        baysor(binary, folder, "run", "prior", *COMMON, "--stage", "cells")
        baysor(binary, folder, "segfree", "molecules.csv", "-m", "8", "-o", "ncvs.loom", "--stage", "colors")
        baysor(binary, folder, "export", "cells", "-o", "segmentation.csv")
        with section("stages"):
            molecules = read_molecules(folder / "segmentation.csv")
            stage_tables("prior stage", folder / "prior", molecules)
            stage_tables("run stage", folder / "cells", molecules)
            neighborhoods("segfree", folder / "ncvs.loom", molecules)
            colors = feather.read_table(folder / "colors" / "ncv.arrow").to_pandas()
            check("segfree stage: ids", list(colors["molecule_id"]) == list(molecules["molecule_id"]))
            with loompy.connect(str(folder / "ncvs.loom"), mode="r", validate=True) as loom:
                check("segfree: the stage has the same colors", list(loom.ca.ncv_color) == list(colors["ncv_color"]))

        # Files without any cell must open as well. (loompy, and so anndata, refuses looms without columns in `with`.)
        folder = scratch / "no_cells"
        folder.mkdir()
        table.drop(columns="z").to_csv(folder / "molecules.csv", index=False)
        run(binary, folder, "molecules.csv", "-m", "8", "-s", "0.0001", "--iters", "20")
        with section("no cells"):
            loom = loompy.connect(str(folder / "segmentation_counts.loom"), mode="r", validate=True)
            check("no cells: shape", loom.shape == (table["gene"].nunique(), 0), loom.shape)
            loom.close()
            check("no cells: statistics", len(pd.read_csv(folder / "segmentation_cell_stats.csv")) == 0)
            check("no cells: features", len(geopandas.read_file(folder / "segmentation_polygons_2d.json")) == 0)

        exports.main(binary, scratch, table, check, section, baysor)
        spatialdata_check.main(binary, scratch, table, check, section, baysor)

    print(f"{ran['passed']} passed, {ran['failed']} failed")
    return 1 if ran["failed"] else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]).resolve()))
