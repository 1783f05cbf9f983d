"""What `baysor export --format ...` writes, opened with the programs that others read it with, and compared with the
stage. Called by check.py, which gives the functions that count.
"""

import json
import os
import shutil
from pathlib import Path

import anndata
import geopandas
import numpy as np
import pandas as pd
import pyarrow.feather as feather
import pyarrow.parquet
import scanpy
import scipy.io
import scipy.sparse
import shapely

FORMATS = "baysor,parquet,h5ad,10x-h5,10x-mtx,vpt"
# Names that break careless writers: letters beyond ASCII, quotation marks, separators.
ODD = {"G00": "Gène µ/1", "G01": 'said "so"', "G02": "two words", "G03": "x,y;z", "G04": "tab\there", "G05": "<b>&amp;"}
FILTERS = ["--min-molecules", "15", "--max-molecules", "30", "--max-elongation", "2.5", "--min-confidence", "0.5"]


class Stage:
    """The tables of a stage, and what is left of them after filters of cells."""

    def __init__(self, folder):
        read = lambda name: feather.read_table(folder / f"{name}.arrow").to_pandas()  # noqa: E731
        self.molecules, self.cells, self.counts = read("molecules"), read("cells"), read("counts")
        self.polygons, self.genes = read("polygons"), list(read("genes")["gene"])
        self.manifest = json.loads((folder / "manifest.json").read_text())
        self.keep(self.cells["cell"])

    def keep(self, numbers):
        self.kept = self.cells[self.cells["cell"].isin(numbers)]
        self.names = list(self.kept["name"])
        self.name_of = dict(zip(self.kept["cell"], self.kept["name"]))
        self.cell_names = self.molecules["cell"].map(self.name_of)
        return self

    def matrix(self, of=None):
        """Counts, cells by genes, recounted from the molecules."""
        chosen = self.cell_names.notna() if of is None else self.cell_names.notna() & of
        rows = pd.Categorical(self.cell_names[chosen], self.names).codes
        columns = pd.Categorical(self.molecules["gene"][chosen], self.genes).codes
        shape = (len(self.names), len(self.genes))
        return scipy.sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)

    def shapes(self, layer=None):
        rows = self.polygons[self.polygons["layer"].isna() if layer is None else self.polygons["layer"] == layer]
        rows = rows[rows["cell"].isin(self.name_of)]
        return dict(zip(rows["cell"].map(self.name_of), shapely.from_wkb(rows["geometry"])))


def same_column(found, expected):
    """Numbers, or texts of which a missing one may be empty."""
    if pd.api.types.is_numeric_dtype(expected):
        return np.array_equal(found, expected, equal_nan=True)
    return list(found.astype(object).fillna("")) == list(expected.astype(object).fillna(""))


def same(one, other):
    one, other = scipy.sparse.csr_matrix(one), scipy.sparse.csr_matrix(other)
    return one.shape == other.shape and (one != other).nnz == 0


def same_shapes(found, expected):
    return list(found) == list(expected) and all(shapely.equals_exact(found[cell], expected[cell]) for cell in expected)


def with_references(name):
    return "".join(letter if ord(letter) < 128 else f"&#{ord(letter)};" for letter in name)


class Checks:
    def __init__(self, check, section, baysor, binary):
        self.check, self.section, self.binary = check, section, binary
        self.baysor = lambda folder, *arguments: baysor(binary, folder, *arguments)

    def all(self, name, stem, stage, nuclear=None):
        """Opens the files `stem*`; `nuclear`: which molecules are in nuclei, if that is known."""
        with self.section(f"{name}: Parquet"):
            self.parquet(name, stem, stage)
        with self.section(f"{name}: h5ad"):
            self.h5ad(name, stem, stage, nuclear)
        with self.section(f"{name}: 10x"):
            self.tenx(name, stem, stage)
        with self.section(f"{name}: vpt"):
            self.vpt(name, stem, stage)
        with self.section(f"{name}: files of Baysor 0.7.1"):
            self.bundle(name, stem, stage)
        with self.section(f"{name}: record"):
            record = json.loads(Path(f"{stem}_export.json").read_text())
            self.check(f"{name}: formats of the record", record["formats"] == FORMATS.split(","))
            listed = [file for files in record["files"].values() for file in files]
            there = [file for file in listed if (Path(stem).parent / file).is_file()]
            self.check(f"{name}: files of the record", listed == there, set(listed) - set(there))
            self.check(f"{name}: cells of the record", record["n_cells_kept"] == len(stage.names))
            assigned = int(stage.cell_names.notna().sum())
            self.check(f"{name}: molecules of the record", record["n_molecules_in_cells"] == assigned)
            self.check(f"{name}: run of the record", record["run"]["run_id"] == stage.manifest["run_id"])

    def parquet(self, name, stem, stage):
        molecules = pd.read_parquet(f"{stem}_molecules.parquet")
        given = stage.molecules
        for column in ["x", "y", "molecule_id", "confidence", "transcript_id", "note"]:
            self.check(f"{name}: parquet {column}", np.array_equal(molecules[column], given[column]))
        self.check(f"{name}: parquet genes", list(molecules["gene"]) == list(given["gene"].astype(str)))
        self.check(f"{name}: parquet cell", molecules["cell"].equals(stage.cell_names.astype(object).where(stage.cell_names.notna(), None)))
        self.check(f"{name}: parquet is_noise", np.array_equal(molecules["is_noise"], stage.cell_names.isna()))
        table = pd.read_csv(f"{stem}.csv", nrows=1)
        self.check(f"{name}: parquet has the columns of the CSV", list(table.columns) == list(molecules.columns))
        schema = pyarrow.parquet.read_schema(f"{stem}_molecules.parquet")
        self.check(f"{name}: parquet has plain types", not any("view" in str(field.type) for field in schema))

        cells = pd.read_parquet(f"{stem}_cells.parquet").set_index("cell")
        self.check(f"{name}: parquet cells", list(cells.index) == stage.names)
        for column in cells.columns:
            self.check(f"{name}: parquet cells {column}", same_column(cells[column], stage.kept[column]))
        counts = pd.read_parquet(f"{stem}_counts.parquet")
        places = (pd.Categorical(counts["cell"], stage.names).codes, pd.Categorical(counts["gene"], stage.genes).codes)
        wanted = stage.matrix()
        self.check(f"{name}: parquet counts", same(scipy.sparse.csr_matrix((counts["n"], places), wanted.shape), wanted))

        frame = geopandas.read_parquet(f"{stem}_polygons.parquet")
        self.check(f"{name}: GeoParquet", same_shapes(dict(zip(frame["cell"], frame.geometry)), stage.shapes()))
        self.check(f"{name}: GeoParquet is valid, without CRS", frame.is_valid.all() and frame.crs is None)
        vertices = pd.read_parquet(f"{stem}_cell_boundaries.parquet")
        rings = {cell: shapely.Polygon(part[["vertex_x", "vertex_y"]].to_numpy()) for cell, part in vertices.groupby("cell_id", sort=False)}
        self.check(f"{name}: vertices", same_shapes(rings, stage.shapes()))
        numbers = vertices["cell_id"].str.rsplit("-", n=1).str[1].astype(int) if len(vertices) else vertices["label_id"]
        self.check(f"{name}: label_id", np.array_equal(numbers, vertices["label_id"]))
        if "z" in given:
            frame = geopandas.read_parquet(f"{stem}_polygons_3d.parquet")
            for layer, part in frame.groupby("layer"):
                self.check(f"{name}: layer {layer}", same_shapes(dict(zip(part["cell"], part.geometry)), stage.shapes(layer)))
            expected = stage.polygons.dropna(subset=["layer"])["cell"].isin(stage.name_of).sum()
            self.check(f"{name}: all layers", len(frame) == expected and frame.is_valid.all())
            self.check(f"{name}: z of layers", frame["z"].between(frame["z_min"], frame["z_max"]).all())
        else:
            self.check(f"{name}: no layers", not Path(f"{stem}_polygons_3d.parquet").exists())

    def h5ad(self, name, stem, stage, nuclear):
        data = anndata.read_h5ad(f"{stem}.h5ad")
        self.check(f"{name}: h5ad cells", list(data.obs_names) == stage.names)
        self.check(f"{name}: h5ad genes", list(data.var_names) == stage.genes)
        self.check(f"{name}: h5ad X", data.X.dtype == np.float32 and same(data.X, stage.matrix()))
        axes = [axis for axis in ["x", "y", "z"] if axis in stage.kept]
        self.check(f"{name}: h5ad spatial", np.array_equal(data.obsm["spatial"], stage.kept[axes].to_numpy()))
        for column in data.obs.columns.drop("cluster", errors="ignore"):
            self.check(f"{name}: h5ad {column}", same_column(data.obs[column], stage.kept[column]))
        if "cluster" in data.obs:
            clusters = list(stage.kept["cluster"].astype(int).astype(str))
            self.check(f"{name}: h5ad cluster is categorical", list(data.obs["cluster"].astype(str)) == clusters and data.obs["cluster"].dtype == "category")
        per_gene = stage.molecules["gene"].astype(str).value_counts().reindex(stage.genes).to_numpy()
        self.check(f"{name}: h5ad n_molecules", np.array_equal(data.var["n_molecules"], per_gene))
        facts = data.uns["baysor"]
        self.check(f"{name}: h5ad uns", facts["run_id"] == stage.manifest["run_id"] and json.loads(facts["parameters"]) == stage.manifest["parameters"])
        self.check(f"{name}: h5ad layers", set(data.layers) == (set() if nuclear is None else {"nuclear", "cytoplasmic"}))
        if nuclear is not None:
            self.check(f"{name}: nuclear", same(data.layers["nuclear"], stage.matrix(nuclear)))
            self.check(f"{name}: cytoplasmic", same(data.layers["cytoplasmic"], stage.matrix(~nuclear)))
            self.check(f"{name}: it says where nuclei come from", len(facts["nuclear_layers"]) > 0)
        if len(stage.names) > 20:
            scanpy.pp.normalize_total(data)
            scanpy.pp.log1p(data)
            scanpy.pp.pca(data, n_comps=5)
            self.check(f"{name}: scanpy works on it", np.isfinite(data.obsm["X_pca"]).all())
            copy = Path(f"{stem}_again.h5ad")
            data.write_h5ad(copy)
            self.check(f"{name}: anndata writes it again", anndata.read_h5ad(copy).shape == data.shape)

    def tenx(self, name, stem, stage):
        data = scanpy.read_10x_h5(f"{stem}_feature_bc_matrix.h5")
        self.check(f"{name}: 10x h5 cells", list(data.obs_names) == stage.names)
        genes = [with_references(gene) for gene in stage.genes]
        self.check(f"{name}: 10x h5 genes", list(data.var_names) == genes and list(data.var["gene_ids"]) == genes)
        self.check(f"{name}: 10x h5 counts", same(data.X, stage.matrix()))
        folder = Path(f"{stem}_feature_bc_matrix")
        if stage.names:
            data = scanpy.read_10x_mtx(folder)
            self.check(f"{name}: 10x mtx cells", list(data.obs_names) == stage.names)
            self.check(f"{name}: 10x mtx genes", list(data.var_names) == stage.genes, list(data.var_names))
            self.check(f"{name}: 10x mtx counts", same(data.X, stage.matrix()))
        else:
            # pandas refuses a file of barcodes without any, so scanpy does.
            self.check(f"{name}: 10x mtx shape", scipy.io.mmread(folder / "matrix.mtx.gz").shape == (len(stage.genes), 0))
        heads = [(folder / file).read_bytes()[4:8] for file in ["matrix.mtx.gz", "barcodes.tsv.gz", "features.tsv.gz"]]
        self.check(f"{name}: gzip without times", heads == [b"\0\0\0\0"] * 3)

    def vpt(self, name, stem, stage):
        folder = Path(f"{stem}_vpt")
        frame = geopandas.read_parquet(folder / "cell_boundaries.parquet")
        columns = ["ID", "EntityID", "ZIndex", "Geometry", "Type", "ZLevel", "Name", "ParentID", "ParentType"]
        self.check(f"{name}: vpt columns", list(frame.columns) == columns)
        self.check(f"{name}: vpt ids", frame["EntityID"].dtype == np.int64 and frame["ID"].is_unique)
        self.check(f"{name}: vpt geometries", frame.is_valid.all() and (frame.geom_type == "MultiPolygon").all())
        self.check(f"{name}: one geometry per cell and plane", not frame.duplicated(["EntityID", "ZIndex"]).any())
        rows = stage.polygons[stage.polygons["cell"].isin(stage.name_of)]
        rows = rows[rows["layer"].notna() if "z" in stage.molecules else rows["layer"].isna()]
        self.check(f"{name}: vpt entities", list(frame["EntityID"]) == list(rows["cell"]))
        self.check(f"{name}: vpt names", list(frame["Name"]) == list(rows["cell"].map(stage.name_of)))
        wanted = shapely.from_wkb(rows["geometry"])
        self.check(f"{name}: vpt shapes", all(shapely.equals_exact(one.geoms[0], other) for one, other in zip(frame.geometry, wanted)))
        numbers = list(stage.kept["cell"])
        counts = pd.read_csv(folder / "cell_by_gene.csv", index_col=0)
        self.check(f"{name}: vpt counts", list(counts.index) == numbers and list(counts.columns) == stage.genes and same(counts.to_numpy(float), stage.matrix()))
        measures = pd.read_csv(folder / "cell_metadata.csv", index_col=0)
        self.check(f"{name}: vpt metadata", list(measures.index) == numbers)
        self.check(f"{name}: vpt transcript_count", np.array_equal(measures["transcript_count"], stage.kept["n_transcripts"]))
        found = pd.read_csv(folder / "detected_transcripts.csv", index_col=0, dtype={"transcript_id": np.uint64})
        self.check(f"{name}: vpt molecules", np.array_equal(found["global_x"], stage.molecules["x"]) and list(found["gene"]) == list(stage.molecules["gene"].astype(str)))
        self.check(f"{name}: 64-bit ids of molecules", np.array_equal(found["transcript_id"], stage.molecules["transcript_id"]))
        cell = stage.molecules["cell"].where(stage.cell_names.notna()).astype(float).fillna(-1)
        self.check(f"{name}: vpt cell_id", np.array_equal(found["cell_id"], cell))
        for entity, part in list(frame.groupby("EntityID"))[:10]:
            row = measures.loc[entity]
            # vpt's own definitions, with shapely.
            expected = {
                "center_x": part.centroid.x.mean(),
                "center_y": part.centroid.y.mean(),
                "min_x": part.total_bounds[0],
                "max_y": part.total_bounds[3],
                "perimeter_area_ratio": (part.length / part.area).mean(),
                "solidity": part.area.sum() / part.convex_hull.area.sum(),
            }
            # Some cells have several smallest rectangles, of which rounding chooses: any of them will do.
            corners = shapely.get_coordinates(part.union_all().convex_hull)
            sides = []
            for edge in np.diff(corners, axis=0):
                along, across = corners @ edge, corners @ [-edge[1], edge[0]]
                sides.append(np.array([np.ptp(along), np.ptp(across)]) / np.hypot(*edge))
            smallest = min(side.prod() for side in sides)
            ratios = [side.max() / side.min() for side in sides if side.prod() < smallest * (1 + 1e-9)]
            fits = any(np.isclose(row["anisotropy"], ratio, rtol=1e-6) for ratio in ratios)
            self.check(f"{name}: vpt anisotropy of {entity}", fits, (row["anisotropy"], ratios))
            for key, value in expected.items():
                self.check(f"{name}: vpt {key} of {entity}", np.isclose(row[key], value, rtol=1e-6), (row[key], value))

    def bundle(self, name, stem, stage):
        cells = pd.read_csv(f"{stem}_cell_stats.csv")
        self.check(f"{name}: cell_stats", list(cells["cell"]) == stage.names)
        molecules = pd.read_csv(f"{stem}.csv")
        self.check(f"{name}: cells of molecules", list(molecules["cell"].fillna("")) == list(stage.cell_names.fillna("")))
        if stage.names:
            data = anndata.io.read_loom(f"{stem}_counts.loom", obs_names="Name", var_names="Name")
            self.check(f"{name}: loom", list(data.obs_names) == stage.names and same(data.X, stage.matrix()))
        polygons = json.loads(Path(f"{stem}_polygons_2d.json").read_text())["features"]
        shapes = {feature["id"]: shapely.geometry.shape(feature["geometry"]) for feature in polygons}
        self.check(f"{name}: polygons", same_shapes(shapes, stage.shapes()))

    def sopa(self, folder, table):
        """sopa makes patches, calls the program in each, and reads what it wrote, all by its own code."""
        import sopa
        import spatialdata

        points = spatialdata.models.PointsModel.parse(table[["x", "y", "gene", "cell_id"]], feature_key="gene", coordinates={"x": "x", "y": "y"})
        sdata = spatialdata.SpatialData(points={"transcripts": points})
        sdata["transcripts"].attrs.setdefault("spatialdata_attrs", {})["feature_key"] = "gene"
        (folder / "bin").mkdir()
        os.symlink(self.binary, folder / "bin" / "baysor")
        before = os.environ["PATH"]
        os.environ["PATH"] = f"{folder / 'bin'}{os.pathsep}{before}"
        try:
            sopa.make_transcript_patches(sdata, patch_width=70, patch_overlap=20, prior_shapes_key="cell_id", unassigned_value=0, min_points_per_patch=100)
            config = {
                "data": {"x": "x", "y": "y", "gene": "gene", "force_2d": True, "min_molecules_per_cell": 8, "min_molecules_per_gene": 0},
                "segmentation": {"scale": 3, "prior_segmentation_confidence": 0.5, "iters": 50},
            }
            sopa.segmentation.baysor(sdata, config=config)
        finally:
            os.environ["PATH"] = before
        found = sdata["table"]
        shapes = sdata["baysor_boundaries"]
        self.check("sopa: as many cells as the tissue has, about", 60 <= found.n_obs <= 110, found.n_obs)
        self.check("sopa: a boundary for every cell", len(shapes) == found.n_obs and shapes.is_valid.all())
        self.check("sopa: most molecules are counted", found.X.sum() > 0.5 * len(table), found.X.sum())

    def merscope(self, stem, stage):
        """spatialdata-io takes the files for a MERSCOPE region."""
        import spatialdata_io

        folder = Path(f"{stem}_vpt")
        (folder / "images").mkdir()
        np.savetxt(folder / "images" / "micron_to_mosaic_pixel_transform.csv", np.eye(3))
        sdata = spatialdata_io.merscope(folder, mosaic_images=False, z_layers=None, region_name="r", slide_name="s")
        table = sdata["table"]
        self.check("merscope reader: counts", same(table.X, stage.matrix()) and list(table.var_names) == stage.genes)
        self.check("merscope reader: shapes", list(sdata["s_r_polygons"].index) == [str(cell) for cell in stage.kept["cell"]])
        self.check("merscope reader: molecules", len(sdata["s_r_transcripts"]) == len(stage.molecules))


def main(binary, scratch, table, check, section, baysor):
    """`table`: molecules; the rest are tools of check.py."""
    checks = Checks(check, section, baysor, binary)
    table = table.assign(gene=table["gene"].replace(ODD))
    folder = scratch / "exports"
    folder.mkdir()
    table.to_parquet(folder / "volume.parquet", index=False)
    table.drop(columns="z").to_csv(folder / "plane.csv", index=False)
    common = ["-m", "8", "-s", "3", "--iters", "50"]

    checks.baysor(folder, "run", "plane.csv", *common, "--stage", "plane")
    checks.baysor(folder, "export", "plane", "--format", FORMATS, "-o", "flat/all.csv")
    with section("exports, 2D"):
        stage = Stage(folder / "plane")
        checks.all("2D", folder / "flat" / "all", stage)
        with section("the MERSCOPE reader of spatialdata-io"):
            checks.merscope(folder / "flat" / "all", stage)

    checks.baysor(folder, "run", "volume.parquet", ":cell_id", *common, "--stage", "volume")
    checks.baysor(folder, "export", "volume", "--format", FORMATS, "--nuclei-from", "prior", "-o", "deep/all.csv")
    with section("exports, 3D"):
        stage = Stage(folder / "volume")
        checks.all("3D", folder / "deep" / "all", stage, stage.molecules["prior_segmentation"].notna())

    checks.baysor(folder, "export", "volume", "--format", FORMATS, *FILTERS, "-o", "filtered/all.csv")
    with section("exports, filtered"):
        stage = Stage(folder / "volume")
        cells = stage.cells
        good = cells[cells["n_transcripts"].between(15, 30) & (cells["elongation"] <= 2.5) & (cells["avg_confidence"] >= 0.5)]
        check("filtered: some cells are left out, and not all", 10 < len(good) < len(cells), (len(good), len(cells)))
        checks.all("filtered", folder / "filtered" / "all", stage.keep(good["cell"]))
        record = json.loads((folder / "filtered" / "all_export.json").read_text())
        beyond = {entry["statistic"]: entry["n_cells_beyond"] for entry in record["filters"]}
        check("filtered: elongation", beyond["elongation"] == (~(cells["elongation"] <= 2.5)).sum(), beyond)

    checks.baysor(folder, "run", "plane.csv", "-m", "8", "-s", "0.0001", "--iters", "20", "--stage", "empty")
    checks.baysor(folder, "export", "empty", "--format", FORMATS, "-o", "none/all.csv")
    with section("exports, no cells"):
        stage = Stage(folder / "empty")
        check("no cells: there are none", not stage.names, stage.names)
        checks.all("no cells", folder / "none" / "all", stage)

    with section("sopa from patches to table"):
        checks.sopa(folder, table.drop(columns=["z", "note"]))
    shutil.rmtree(folder, ignore_errors=True)
