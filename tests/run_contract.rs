//! The command lines of pipelines that call this program, run for real, with the files these pipelines then open.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use support::{CellSets, Folder, Outcome, Tissue, polygon_cells, ring_of};

const TISSUE: &[u8] = include_bytes!("data/tissue.parquet");

/// The configuration shipped for Xenium, with the few iterations and small cells of a test.
fn xenium_config() -> String {
    let shipped = include_str!("../configs/xenium.toml");
    format!("{shipped}\n").replace("min_molecules_per_cell = 50", "min_molecules_per_cell = 8")
}

/// A folder with `T.parquet` and `xenium.toml`.
fn pipeline_folder() -> Folder {
    let folder = Folder::with("T.parquet", TISSUE);
    folder.write("xenium.toml", xenium_config());
    folder
}

/// Runs a line as in a shell; `'…'` keeps nothing together, it is only taken away.
fn call(folder: &Folder, line: &str) -> Outcome {
    folder.succeed(&line.replace(['\'', '"'], ""))
}

fn has_files(folder: &Folder, names: &[&str]) {
    for name in names {
        let size = std::fs::metadata(folder.path(name)).map(|found| found.len()).unwrap_or(0);
        assert!(size > 0, "{name} is missing: {:?}", folder.names());
    }
}

/// What Xenium Ranger asks of the molecule table.
fn ranger_can_read(folder: &Folder, name: &str) {
    let table = folder.table(name);
    for column in ["transcript_id", "cell", "is_noise", "x", "y", "qv", "overlaps_nucleus", "gene"] {
        assert!(table.names().contains(&column), "{column}");
    }
    let ids: Vec<u64> = table.column("transcript_id").iter().map(|id| id.parse().unwrap()).collect();
    assert!(ids.iter().all(|id| *id >= 281_474_976_710_656), "ids are those of the bundle");
    for (cell, noise) in table.column("cell").iter().zip(table.column("is_noise")) {
        assert_eq!(noise, cell.is_empty().to_string());
    }
    assert!(table.column("gene").iter().all(|gene| gene.starts_with("Gene")), "controls are excluded");
}

#[test]
fn c1_nf_core_with_prior_scale_and_configuration() {
    let folder = pipeline_folder();
    call(
        &folder,
        "run T.parquet :cell_id --scale=3 --prior-segmentation-confidence=0.5 --output ID_segmentation.csv \
         --config=xenium.toml --polygon-format=GeometryCollectionLegacy --config.segmentation.iters=30",
    );
    has_files(&folder, &["ID_segmentation.csv", "ID_segmentation_polygons_2d.json"]);
    ranger_can_read(&folder, "ID_segmentation.csv");
    CellSets::read(&folder, "ID_segmentation").assert_equal();
    let polygons = folder.json("ID_segmentation_polygons_2d.json");
    assert_eq!(polygons["type"], "GeometryCollection");
    for geometry in polygons["geometries"].as_array().unwrap() {
        assert!(geometry["cell"].is_u64());
        ring_of(geometry);
    }
}

#[test]
fn c2_nf_core_with_any_part_absent() {
    let needed = "--iters 30 --exclude-genes NegControl*,BLANK_*";
    let columns = "-x x_location -y y_location -z z_location -g feature_name -m 8";
    let lines = [
        format!(
            "run T.parquet --output ID_segmentation.csv --polygon-format=FeatureCollection {columns} -s 3 {needed}"
        ),
        format!(
            "run T.parquet --scale=3 --output ID_segmentation.csv --config=xenium.toml --polygon-format=FeatureCollection {needed}"
        ),
        format!(
            "run T.parquet :cell_id --output ID_segmentation.csv --config=xenium.toml --polygon-format=FeatureCollection {needed}"
        ),
        format!(
            "run T.parquet :cell_id --output ID_segmentation.csv --polygon-format=FeatureCollection {columns} \
             --unassigned-prior-label=UNASSIGNED {needed}"
        ),
    ];
    for line in lines {
        let folder = pipeline_folder();
        call(&folder, &line);
        has_files(&folder, &["ID_segmentation.csv", "ID_segmentation_polygons_2d.json"]);
        ranger_can_read(&folder, "ID_segmentation.csv");
        CellSets::read(&folder, "ID_segmentation").assert_equal();
    }
}

/// Without scale and prior nothing tells the size of cells: the message names both.
#[test]
fn c2_without_scale_and_prior_says_what_is_needed() {
    let folder = pipeline_folder();
    let line = "run T.parquet --output ID_segmentation.csv --config=xenium.toml";
    let outcome = folder.baysor(&line.split_whitespace().collect::<Vec<_>>());
    outcome.assert_failure(2, &["neither a scale nor a prior segmentation", "--scale", ":NAME"]);
}

/// As sopa writes it: every number that happens to be whole without a point, text with a percent sign.
const SOPA_CONFIG: &str = r#"[data]
x = "x"
y = "y"
gene = "genes"
force_2d = true
min_molecules_per_cell = 8
min_molecules_per_gene = 0
min_molecules_per_segment = 3
confidence_nn_id = 6
exclude_genes = "NegControl*,BLANK_*"

[segmentation]
scale = 3
scale_std = "25%"
prior_segmentation_confidence = 1
estimate_scale_from_centers = false
n_clusters = 4
iters = 30
n_cells_init = 0
nuclei_genes = ""
cyto_genes = ""
"#;

fn sopa_folder(prior: bool) -> Folder {
    let csv = Tissue::default().table("sopa_prior,genes,y,x,z", |row, m| {
        let gene = if row % 150 == 0 { "BLANK_7" } else { &m.gene };
        format!("{},{gene},{},{},{}", if prior { m.core() } else { 0 }, m.y, m.x, m.z)
    });
    let folder = Folder::with("patch/transcripts.csv", csv);
    folder.write("patch/config.toml", SOPA_CONFIG);
    folder
}

fn sopa_call(folder: &Folder, extra: &[&str]) -> Outcome {
    let mut arguments = vec!["run", "--polygon-format", "GeometryCollection", "-c", "config.toml", "transcripts.csv"];
    arguments.extend(extra);
    folder.baysor_in("patch", &arguments)
}

/// What sopa does with the results: polygons and counts are joined by name.
fn sopa_can_read(folder: &Folder) {
    has_files(folder, &["patch/segmentation_counts.loom", "patch/segmentation_polygons_2d.json"]);
    let polygons = folder.json("patch/segmentation_polygons_2d.json");
    assert!(polygons["geometries"].as_array().unwrap().iter().all(|geometry| ring_of(geometry).len() >= 4));
    let counts = hdf5_metno::File::open(folder.path("patch/segmentation_counts.loom")).unwrap();
    let ids = counts.dataset("col_attrs/CellID").unwrap().shape()[0];
    assert_eq!(ids, polygon_cells(&polygons).len());
    assert_eq!(counts.dataset("col_attrs/area").unwrap().shape(), [ids]);
    CellSets::read(folder, "patch/segmentation").assert_equal();
}

#[test]
fn c6_sopa_in_its_patch_folder() {
    for (prior, extra) in [(true, &[":sopa_prior"][..]), (false, &[]), (false, &[":sopa_prior"])] {
        let folder = sopa_folder(prior);
        sopa_call(&folder, extra).assert_success();
        sopa_can_read(&folder);
        assert!(!folder.path("patch/segmentation_polygons_3d.json").exists(), "force_2d");
    }
}

#[test]
fn c6_sopa_estimates_the_scale_from_a_prior() {
    for scale in ["", "scale = -1\n", "scale = -1.0\n"] {
        let folder = sopa_folder(true);
        let config = SOPA_CONFIG.replace("scale = 3\n", scale).replace("centers = false", "centers = true");
        folder.write("patch/config.toml", config);
        sopa_call(&folder, &[":sopa_prior"]).assert_success();
        sopa_can_read(&folder);
        let empty = sopa_folder(false);
        empty.write("patch/config.toml", folder.text("patch/config.toml"));
        sopa_call(&empty, &[":sopa_prior"]).assert_failure(1, &["no molecule lies in a segment", "--scale"]);
    }
}

#[test]
fn c6_a_patch_with_one_gene() {
    let folder = sopa_folder(true);
    let text = folder.text("patch/transcripts.csv");
    let one_gene: String = text
        .lines()
        .map(|line| match line.split_once(",Gene") {
            Some((prior, rest)) => format!("{prior},GeneXX{}\n", &rest[2..]),
            None => format!("{line}\n"),
        })
        .collect();
    folder.write("patch/transcripts.csv", one_gene);
    sopa_call(&folder, &[":sopa_prior"]).assert_success();
    sopa_can_read(&folder);
}

#[test]
fn c7_and_c8_versions_are_one_bare_line() {
    let folder = Folder::new();
    for arguments in [&["run", "--version"][..], &["--version"]] {
        let outcome = folder.baysor(arguments);
        outcome_is_a_version(&outcome);
    }
    // What sopa says to versions below 0.7.
    let folder = sopa_folder(true);
    let line = ["run", "--save-polygons", "GeoJSON", "-c", "config.toml", "transcripts.csv", ":sopa_prior"];
    let outcome = folder.baysor_in("patch", &line);
    outcome.assert_success();
    outcome.assert_warning(&["--save-polygons", "--polygon-format GeometryCollection"]);
    sopa_can_read(&folder);
}

fn outcome_is_a_version(outcome: &Outcome) {
    let parts: Vec<u64> = outcome.stdout.trim_end().split('.').map(|part| part.parse().unwrap()).collect();
    assert!(parts.len() == 3 && parts[0] >= 1, "{}", outcome.stdout);
    assert_eq!((outcome.stdout.lines().count(), outcome.stderr.as_str(), outcome.code), (1, "", Some(0)));
}

/// Pipelines convert Parquet to CSV first: single precision must not make another slide of it.
#[test]
fn the_same_slide_as_parquet_and_csv_gives_the_same_cells() {
    let folder = pipeline_folder();
    let options =
        "-c xenium.toml --min-molecules-per-gene 1 --exclude-genes= --config.segmentation.iters 30 --run-id a";
    call(&folder, &format!("run T.parquet :cell_id {options} -o first/"));
    let first = folder.table("first/segmentation.csv");
    let input =
        ["transcript_id", "cell_id", "overlaps_nucleus", "gene", "x", "y", "z", "qv"].map(|name| first.column(name));
    let mut csv =
        String::from("transcript_id,cell_id,overlaps_nucleus,feature_name,x_location,y_location,z_location,qv\n");
    for row in 0..first.rows.len() {
        csv.push_str(&format!("{}\n", input.each_ref().map(|column| column[row]).join(",")));
    }
    folder.write("T.csv", csv);
    call(&folder, &format!("run T.csv :cell_id {options} -o again/"));
    for name in ["segmentation.csv", "segmentation_polygons_2d.json", "segmentation_polygons_3d.json"] {
        let [first, again] = ["first", "again"].map(|place| folder.text(&format!("{place}/{name}")));
        // Text has no types: 40 of single precision is written 40.0 and comes back as it is.
        assert!(first == again, "{name} differs");
    }
    let vertex = &folder.json("first/segmentation_polygons_2d.json")["features"][0]["geometry"]["coordinates"][0][0];
    let [x, y] = ["x", "y"].map(|name| first.numbers(name));
    let is_molecule = |row: usize| Some(x[row]) == vertex[0].as_f64() && Some(y[row]) == vertex[1].as_f64();
    assert!((0..x.len()).any(is_molecule), "{vertex}");
}

#[test]
fn c9_snakemake_in_the_output_folder() {
    let folder = pipeline_folder();
    folder.write("out/.keep", "");
    let line = "run -c ../xenium.toml --config.segmentation.iters 30 ../T.parquet :cell_id";
    folder.baysor_in("out", &line.split_whitespace().collect::<Vec<_>>()).assert_success();
    let names = ["segmentation.csv", "segmentation_polygons_2d.json", "segmentation_polygons_3d.json"];
    has_files(&folder, &names.map(|name| format!("out/{name}")).each_ref().map(String::as_str));
    ranger_can_read(&folder, "out/segmentation.csv");
    assert!(folder.table("out/segmentation.csv").names().contains(&"z"));
}

#[test]
fn c11_options_of_published_scripts() {
    let columns = "-x x_location -y y_location -z z_location --gene-column feature_name";
    for extra in [
        "--count-matrix-format tsv --scale-std 0.2",
        "--scale-std=50% --n-clusters=1",
        "--config.segmentation.unassigned_prior_label UNASSIGNED --config.data.exclude-genes='Blank*'",
        "--config.segmentation.unassigned-prior-label=UNASSIGNED --config.data.exclude_genes Blank*,BLANK_*",
    ] {
        let folder = pipeline_folder();
        call(&folder, &format!("run -s 3 -m 8 {columns} {extra} --iters 30 -o OUT/ T.parquet :cell_id"));
        let counts = if extra.contains("tsv") { "OUT/segmentation_counts.tsv" } else { "OUT/segmentation_counts.loom" };
        has_files(&folder, &["OUT/segmentation.csv", "OUT/segmentation_polygons_3d.json", counts]);
        let table = folder.table("OUT/segmentation.csv");
        let has_blanks = table.column("gene").iter().any(|gene| gene.starts_with("BLANK_"));
        assert_eq!(has_blanks, !extra.contains("BLANK_"), "{extra}");
        let unassigned = table.column("cell_id").iter().filter(|label| **label == "UNASSIGNED").count();
        let of_prior = table.column("prior_segmentation").iter().filter(|segment| **segment == "0").count();
        if extra.contains("UNASSIGNED") {
            assert_eq!(of_prior, unassigned, "{extra}");
        }
    }
}

#[test]
fn options_stand_before_between_and_after_the_files() {
    let folder = pipeline_folder();
    let lines = [
        "run -m 8 T.parquet -s=3 :cell_id -c xenium.toml --config.segmentation.iters=30 --run-id a -o a/",
        "run -c=xenium.toml --min_molecules_per_cell 8 --scale 3 --run-id a -o b/ --config.segmentation.iters=30 -- T.parquet :cell_id",
    ];
    let tables = lines.map(|line| {
        call(&folder, line);
        let output = if line.contains("a/") { "a" } else { "b" };
        folder.text(&format!("{output}/segmentation.csv"))
    });
    assert!(tables[0] == tables[1]);
}
