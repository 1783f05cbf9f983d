"""Opens SpatialData stores of `baysor export` with spatialdata, scanpy and squidpy's inputs. Called by check.py."""

import json
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import scanpy
import shapely.geometry
import spatialdata

import ranger_check

FORMATS = "baysor,spatialdata,xenium-ranger"
ODD = {"G01": "a b", "G02": 'said "so"', "G03": "µ<x>&é", "G04": "it's, so"}

# That a newer container format exists: we write the older one, which all releases read.
ALLOWED = ["SpatialData is not stored in the most current format"]


def main(binary, scratch, table, check, section, baysor):
    """`table`: molecules; the rest are tools of check.py."""
    folder = scratch / "stores"
    folder.mkdir()
    table = table.assign(gene=table["gene"].replace(ODD))
    table.to_parquet(folder / "volume.parquet", index=False)
    table.drop(columns="z").to_csv(folder / "plane.csv", index=False)
    bundle = folder / "bundle"
    bundle.mkdir()
    (bundle / "experiment.xenium").write_text("{}")
    places = table.rename(columns={"x": "x_location", "y": "y_location"})
    places[["transcript_id", "x_location", "y_location"]].to_parquet(bundle / "transcripts.parquet", index=False)
    for name, source in [("flat", "plane.csv"), ("deep", "volume.parquet")]:
        baysor(binary, folder, "run", source, "-m", "8", "-s", "3", "--iters", "50", "--stage", name)
        baysor(binary, folder, "export", name, "--format", FORMATS, "--xenium-bundle", "bundle", "-o", f"{name}_all/all.csv")
        baysor(binary, folder, "export", name, "--format", FORMATS, "--min-molecules", "20", "--polygon-format",
               "FeatureCollection", "-o", f"{name}_some/all.csv")
        said = (folder / f"{name}_all" / "all_log.log").read_text()
        check(f"Xenium Ranger, {name}: compared with the bundle", "transcripts are in the bundle at the same places" in said)
        for part in ["all", "some"]:
            stem = folder / f"{name}_{part}" / "all"
            with section(f"SpatialData, {name}, {part}"):
                check_export(check, f"SpatialData, {name}, {part}", stem)
            with section(f"Xenium Ranger, {name}, {part}"):
                pair = [f"{stem}_xenium_ranger.csv", f"{stem}_xenium_ranger_polygons.json"]
                faults = ranger_check.faults_of_pair(*pair, bundle)
                check(f"Xenium Ranger, {name}, {part}", not faults, faults[:5])
    # Nothing is left of so many molecules: points alone.
    baysor(binary, folder, "export", "flat", "--format", "baysor,spatialdata", "--min-molecules", "100000", "-o", "none/all.csv")
    with section("SpatialData, no cells"):
        check_export(check, "SpatialData, no cells", folder / "none" / "all")


def read(path):
    """The store, and the warnings of reading it that are no news to us."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        store = spatialdata.read_zarr(path)
    ours = [str(one.message) for one in said if not issubclass(one.category, (DeprecationWarning, FutureWarning))]
    return store, [message for message in ours if not any(known in message for known in ALLOWED)]


def check_export(check, name, stem):
    """Compares STEM.zarr with STEM.csv and the other files of Baysor 0.7.1 of the same export."""
    molecules = pd.read_csv(f"{stem}.csv", dtype={"transcript_id": np.uint64}, float_precision="round_trip")
    stats = pd.read_csv(f"{stem}_cell_stats.csv", float_precision="round_trip")
    features = json.loads(Path(f"{stem}_polygons_2d.json").read_text())["features"]
    polygons = {feature["id"]: shapely.geometry.shape(feature["geometry"]) for feature in features}
    counts = pd.crosstab(molecules["cell"], molecules["gene"]).reindex(stats["cell"])
    check_store(check, name, f"{stem}.zarr", molecules, stats, polygons, counts)


def check_store(check, name, path, molecules, stats, polygons, counts):
    """Compares a store with the files of Baysor 0.7.1 of the same stage.

    `molecules`, `stats`: the tables; `polygons`: shapely polygons by cell; `counts`: cells by genes, a frame.
    """
    store, said = read(path)
    check(f"{name}: no warnings", not said, said)
    check_points(check, name, store, molecules)
    check("%s: coordinate systems" % name, store.coordinate_systems == ["global"], store.coordinate_systems)
    if not len(stats):
        check(f"{name}: without cells there are points alone", not store.shapes and not store.tables)
        return
    shapes = store.shapes["cell_boundaries"]
    check(f"{name}: cells of shapes", sorted(shapes.index) == sorted(polygons))
    same = all(shapes.geometry[cell].normalize() == polygon.normalize() for cell, polygon in polygons.items())
    check(f"{name}: polygons", same and shapes.geometry.is_valid.all())
    check_table(check, name, store.tables["table"], molecules, stats, counts)
    check_operations(check, name, store, molecules, stats, counts)


def check_points(check, name, store, molecules):
    points = store.points["transcripts"]
    axes = [axis for axis in "xyz" if axis in molecules]
    check(f"{name}: axes", list(spatialdata.models.get_axes_names(points)) == axes)
    check(f"{name}: the feature is the gene", points.attrs["spatialdata_attrs"]["feature_key"] == "gene")
    found = points.compute()
    check(f"{name}: a row per molecule", len(found) == len(molecules) and found.index.is_unique)
    for axis in axes:
        check(f"{name}: {axis} of points", np.array_equal(found[axis], molecules[axis]))
    for column in ["gene", "cell"]:
        check(f"{name}: {column} is categorical", isinstance(found[column].dtype, pd.CategoricalDtype))
    check(f"{name}: genes of points", (found["gene"].astype(str).to_numpy() == molecules["gene"].to_numpy()).all())
    cells = found["cell"].astype(object).where(found["cell"].notna(), "")
    check(f"{name}: cells of points", (cells.to_numpy() == molecules["cell"].fillna("").to_numpy()).all())
    check(f"{name}: confidence", np.allclose(found["confidence"], molecules["confidence"], atol=1e-5))
    check(f"{name}: noise", (found["is_noise"].to_numpy() == molecules["is_noise"].to_numpy()).all())
    if "transcript_id" in molecules:
        check(f"{name}: ids digit for digit", (found["transcript_id"].to_numpy() == molecules["transcript_id"].to_numpy()).all())


def check_table(check, name, table, molecules, stats, counts):
    check(f"{name}: cells of the table", list(table.obs_names) == list(stats["cell"]) == list(table.obs["cell"]))
    genes = list(counts.columns)
    check(f"{name}: counts", (table[:, genes].X.toarray() == counts.loc[stats["cell"]].to_numpy()).all())
    check(f"{name}: no further counts", table.X.sum() == counts.to_numpy().sum())
    check(f"{name}: n_molecules of genes", (table.var["n_molecules"].reindex(genes) == molecules["gene"].value_counts().reindex(genes)).all())
    for column in stats.columns[1:].drop("prior_segment", errors="ignore"):
        found = pd.to_numeric(table.obs[column].astype(str)) if column == "cluster" else table.obs[column]
        check(f"{name}: obs {column}", np.allclose(found, stats[column], equal_nan=True))
    axes = [axis for axis in "xyz" if axis in stats]
    check(f"{name}: centers", np.array_equal(table.obsm["spatial"], stats[axes].to_numpy()))
    check(f"{name}: run", table.uns["baysor"]["run_id"] in table.obs_names[0])


def check_operations(check, name, store, molecules, stats, counts):
    """What people do next: look up, cut out, count anew, write, cluster."""
    centers = spatialdata.get_centroids(store["cell_boundaries"]).compute()
    check(f"{name}: centroids", len(centers) == len(stats))
    _, joined = spatialdata.join_spatialelement_table(sdata=store, spatial_element_names="cell_boundaries", table_name="table")
    check(f"{name}: shapes and table join", joined.n_obs == len(stats))
    values = spatialdata.get_values("n_transcripts", sdata=store, element_name="cell_boundaries", table_name="table")
    check(f"{name}: values by shape", (values["n_transcripts"].reindex(stats["cell"]).to_numpy() == stats["n_transcripts"].to_numpy()).all())
    low, high = molecules[["x", "y"]].quantile(0.25), molecules[["x", "y"]].quantile(0.75)
    part = spatialdata.bounding_box_query(
        store, axes=("x", "y"), min_coordinate=low.to_numpy(), max_coordinate=high.to_numpy(), target_coordinate_system="global"
    )
    inside = ((molecules[["x", "y"]] >= low) & (molecules[["x", "y"]] <= high)).all(axis=1)
    n_found = len(part.points["transcripts"]) if "transcripts" in part.points else 0
    check(f"{name}: molecules in a box", abs(n_found - inside.sum()) <= 4, f"{n_found} and {inside.sum()}")
    if "z" not in molecules:
        by_cell = spatialdata.aggregate(
            values="transcripts", by="cell_boundaries", values_sdata=store, by_sdata=store, value_key="gene", agg_func="count"
        )
        again = by_cell.tables["table"]
        check(f"{name}: molecules in polygons are counted", again.n_obs == len(stats) and again.X.sum() > 0)
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "copy.zarr"
        store.write(copy)
        again, said = read(copy)
        check(f"{name}: a copy is read without warnings", not said, said)
        check(f"{name}: a copy has the same molecules", len(again["transcripts"]) == len(molecules))
        check(f"{name}: a copy has the same counts", (again["table"].X != store["table"].X).nnz == 0 if len(stats) else True)
    table = store["table"].copy()
    scanpy.pp.normalize_total(table)
    scanpy.pp.log1p(table)
    check(f"{name}: scanpy works on it", np.isfinite(table.X.toarray()).all())
