//! Platforms: presets, folders of instruments, and what the columns of a table tell, with the real program.
//!
//! The tables have the columns that the instruments document, and hold the molecules of an invented tissue.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::io::Write as _;

use support::{Folder, Molecule, Outcome, Table, Tissue};

const TISSUE: &[u8] = include_bytes!("data/tissue.parquet");
const PARTS: [(&str, &[u8]); 3] = [
    ("part.0.parquet", include_bytes!("data/spatial_data/points/transcripts/points.parquet/part.0.parquet")),
    ("part.1.parquet", include_bytes!("data/spatial_data/points/transcripts/points.parquet/part.1.parquet")),
    ("part.2.parquet", include_bytes!("data/spatial_data/points/transcripts/points.parquet/part.2.parquet")),
];
const ATTRIBUTES: &str = include_str!("data/spatial_data/points/transcripts/zarr.json");
const EXPERIMENT: &str =
    r#"{"major_version": 5, "region_name": "R1", "analysis_sw_version": "xenium-3.1.0", "pixel_size": 0.2125}"#;
/// Few iterations; cells of the tissue have 25 molecules and a radius of 3.
const QUICK: &str = "-m 8 --iters 20 --skip-ncv-color --polygon-format none";
const XENIUM_COLUMNS: &str = "-x x_location -y y_location -z z_location -g feature_name";

fn tissue() -> Tissue {
    Tissue { side: 6, ..Tissue::default() }
}

/// A Xenium output folder `bundle`, with square nuclei around the cells of the table.
fn xenium_bundle() -> Folder {
    let folder = Folder::with("bundle/transcripts.parquet", TISSUE);
    folder.write("bundle/experiment.xenium", EXPERIMENT);
    // The cells of that table stand on a grid of 12 by 12.
    let mut nuclei = String::from("\"cell_id\",\"vertex_x\",\"vertex_y\",\"label_id\"\n");
    for cell in 0..81 {
        let [x, y] = [cell % 9, cell / 9].map(|at| f64::from(at) * 12.0 + 6.0);
        for [dx, dy] in [[-4.0, -4.0], [4.0, -4.0], [4.0, 4.0], [-4.0, 4.0], [-4.0, -4.0]] {
            nuclei.push_str(&format!("\"cell-{cell}\",{},{},{}\n", x + dx, y + dy, cell + 1));
        }
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(nuclei.as_bytes()).unwrap();
    folder.write("bundle/nucleus_boundaries.csv.gz", gzip.finish().unwrap());
    folder
}

/// Ids of cells as MERSCOPE has them, beyond what floating point numbers hold.
fn merscope_id(cell: usize) -> i64 {
    if cell == 0 { -1 } else { 3_110_809_100_001_000_000 + cell as i64 }
}

fn merscope() -> String {
    tissue().table(",barcode_id,global_x,global_y,global_z,x,y,fov,gene,transcript_id,cell_id", |row, m| {
        let gene = if row % 50 == 7 { "Blank-3" } else { &m.gene };
        let plane = (m.z / 2.0).round().clamp(0.0, 6.0);
        let id = merscope_id(m.core());
        format!("{row},4,{},{},{plane:.1},{},{},0,{gene},ENSMUST{row},{id}", m.x, m.y, 7.5 * m.x, 7.5 * m.y)
    })
}

/// Pixels of CosMx: the tissue in units of 0.12028, without decimals; two fields of view reuse the numbers of cells.
fn cosmx() -> String {
    let row = |m: &Molecule, at: usize| {
        let [x, y] = [m.x, m.y].map(|value| (value / 0.12028).round());
        let (fov, cell) = (1 + m.cell % 2, m.core().div_ceil(2));
        let gene = if at % 60 == 5 { "NegPrb2" } else { &m.gene };
        let part = if at.is_multiple_of(3) { "Membrane" } else { "Nuclear" };
        format!("{fov},{cell},c_1_{fov}_{cell},{x},{y},{x},{y},{},{gene},{part}", (m.z / 0.8).round())
    };
    tissue().table("fov,cell_ID,cell,x_local_px,y_local_px,x_global_px,y_global_px,z,target,CellComp", |at, m| {
        let row = row(m, at);
        // A tenth of the rows is there twice.
        if at % 10 == 0 { format!("{row}\n{row}") } else { row }
    })
}

/// Labels 1 to 36 of squares around the cells, in the pixels of [`cosmx`].
fn label_image() -> Vec<u8> {
    const SIDE: u32 = 610;
    let label = |row: u32, column: u32| {
        let cell_at = |pixel: u32| {
            let place = f64::from(pixel + 1) * 0.12028;
            let cell = (place / 12.0).floor().min(5.0);
            ((place - 12.0 * cell - 6.0).abs() < 4.0).then_some(cell as u8)
        };
        cell_at(row).zip(cell_at(column)).map_or(0, |(row, column)| 1 + 6 * row + column)
    };
    let pixels: Vec<u8> = (0..SIDE * SIDE).map(|at| label(at / SIDE, at % SIDE)).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, SIDE, SIDE);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    bytes
}

fn result(folder: &Folder) -> Table {
    folder.table("segmentation.csv")
}

fn dump(folder: &Folder) -> String {
    folder.text("segmentation_params.dump.toml")
}

/// Asserts that the dump has lines.
fn dump_has(folder: &Folder, lines: &[&str]) {
    let text = dump(folder);
    lines.iter().for_each(|line| assert!(text.lines().any(|have| have == *line), "{line} is not in\n{text}"));
}

fn says(outcome: &Outcome, texts: &[&str]) {
    let is_it = |line: &str| texts.iter().all(|text| line.contains(text));
    assert!(outcome.stderr.lines().any(is_it), "no line with {texts:?} in {}", outcome.stderr);
}

fn says_nothing_of_presets(outcome: &Outcome) {
    assert!(!outcome.stderr.contains("reset"), "{}", outcome.stderr);
}

/// Repeats a run with its own dump and asserts the same molecules and cells.
fn repeats(folder: &Folder, molecules: &str) {
    let before = folder.text("segmentation.csv");
    folder.succeed(&format!("run -c segmentation_params.dump.toml --skip-ncv-color -o again.csv {molecules}"));
    assert_eq!(folder.text("again.csv"), before);
}

#[test]
fn the_preset_of_xenium_sets_columns_controls_quality_and_label() {
    let folder = xenium_bundle();
    let outcome = folder.succeed(&format!("run --preset xenium bundle/transcripts.parquet :cell_id {QUICK}"));
    says(&outcome, &["Preset xenium: ", "min_qv = 20", "unassigned_prior_label = 'UNASSIGNED'"]);
    let table = result(&folder);
    assert!(table.numbers("qv").into_iter().all(|qv| qv >= 20.0));
    assert!(!table.column("gene").into_iter().any(|gene| gene.starts_with("NegControl") || gene.starts_with("BLANK")));
    assert!(table.names().contains(&"z") && table.rows.len() > 1500);
    dump_has(
        &folder,
        &["x = \"x_location\"", "gene = \"feature_name\"", "min_qv = 20.0", "min_molecules_per_cell = 8"],
    );
    dump_has(&folder, &["unassigned_prior_label = \"UNASSIGNED\"", "prior_segmentation_confidence = 0.5"]);
    repeats(&folder, "bundle/transcripts.parquet");
}

#[test]
fn a_printed_preset_gives_the_same_run() {
    let folder = xenium_bundle();
    let printed = folder.baysor(&["config", "--preset", "xenium"]);
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    folder.write("c.toml", &printed.stdout);
    folder.succeed(&format!("run --preset xenium bundle/transcripts.parquet :cell_id {QUICK} -o one.csv"));
    folder.succeed(&format!("run -c c.toml bundle/transcripts.parquet :cell_id {QUICK} -o two.csv"));
    for end in [".csv", "_cell_stats.csv", "_counts.loom"] {
        let [one, two] = ["one", "two"].map(|stem| std::fs::read(folder.path(&format!("{stem}{end}"))).unwrap());
        assert!(one == two, "{end}");
    }
    let keys = |stem: &str| {
        let text = folder.text(&format!("{stem}_params.dump.toml"));
        text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(keys("one"), keys("two"));
}

#[test]
fn presets_are_listed_and_unknown_ones_refused() {
    let folder = Folder::new();
    let list = folder.baysor(&["config", "--list"]);
    let names: Vec<&str> = list.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["xenium", "merscope", "cosmx", "starmap", "iss", "osmfish", "seqfish", "generic"]);
    for name in names {
        let printed = folder.baysor(&["config", "--preset", name]);
        assert_eq!(printed.code, Some(0));
        assert!(toml::from_str::<toml::Table>(&printed.stdout).unwrap().contains_key("segmentation"), "{name}");
    }
    let plain = folder.baysor(&["config"]);
    assert_eq!(plain.stdout, include_str!("../example_config.toml"));
    folder.baysor(&["config", "--preset", "xenum"]).assert_failure(2, &["--preset is 'xenum'", "did you mean xenium?"]);
    folder
        .baysor(&["run", "t.csv", "-m", "3", "-s", "3", "--preset", "cosmix"])
        .assert_failure(2, &["'cosmix'", "cosmx?"]);
}

#[test]
fn flag_over_dotted_over_file_over_preset() {
    let folder = xenium_bundle();
    folder.write("c.toml", "[data]\nmin_qv = 11\nmin_molecules_per_gene = 3\nexclude_genes = ''\n");
    let line =
        "run --preset xenium -c c.toml --config.data.min_molecules_per_gene=4 --config.data.min_qv=12 --min-qv 13";
    folder.succeed(&format!("{line} bundle/transcripts.parquet :cell_id {QUICK}"));
    dump_has(&folder, &["min_qv = 13.0", "min_molecules_per_gene = 4", "exclude_genes = \"\"", "x = \"x_location\""]);
    assert!(result(&folder).column("gene").into_iter().any(|gene| gene.starts_with("NegControl")));
}

#[test]
fn columns_of_xenium_are_assumed_where_the_default_ones_are_missing() {
    let folder = xenium_bundle();
    let outcome = folder.succeed(&format!("run bundle/transcripts.parquet :cell_id {QUICK} -o a.csv"));
    says(&outcome, &["The table is one of Xenium", "x = 'x_location'", "--preset xenium sets these"]);
    // What is assumed filters nothing: it is the line with the columns, spelled out.
    let label = "--unassigned-prior-label UNASSIGNED";
    let given =
        folder.succeed(&format!("run {XENIUM_COLUMNS} {label} bundle/transcripts.parquet :cell_id {QUICK} -o b.csv"));
    says_nothing_of_presets(&given);
    assert_eq!(folder.text("a.csv"), folder.text("b.csv"));
    assert_eq!(folder.table("a.csv").rows.len(), 2114);
    // One column given: nothing is assumed for the others.
    let outcome = folder.baysor(&["run", "bundle/transcripts.parquet", "-m", "8", "-s", "3", "-x", "x_location"]);
    outcome.assert_failure(1, &["no y column 'y'", "(maybe -y y_location)"]);
    folder
        .baysor(&["run", "bundle/transcripts.parquet", "-m", "8", "-s", "3", "--preset", "generic"])
        .assert_failure(2, &["the preset generic expects the column 'x'", "give --preset xenium"]);
}

#[test]
fn tables_with_default_columns_are_left_alone() {
    let folder = Folder::with("t.csv", tissue().csv_with_prior());
    says_nothing_of_presets(&folder.succeed(&format!("run t.csv :cell_id {QUICK}")));
    // Fields of view of MERSCOPE have x, y and gene: those count, as ever, with a warning.
    let folder = Folder::with("t.csv", merscope());
    let outcome = folder.succeed(&format!("run t.csv -s 22 {QUICK}"));
    outcome.assert_warning(&["the table is one of MERSCOPE", "--preset merscope uses those"]);
    dump_has(&folder, &["x = \"x\"", "z_scale = 1.0"]);
}

#[test]
fn an_output_folder_of_xenium_is_read_with_its_nuclei() {
    let folder = xenium_bundle();
    let outcome = folder.succeed(&format!("run bundle/ @nuclei {QUICK}"));
    says(&outcome, &["Xenium output 'R1' of xenium-3.1.0", "0.2125", "reading transcripts.parquet"]);
    says(&outcome, &["Prior segmentation (boundaries)", "81 segments"]);
    let one = folder.text("segmentation.csv");
    assert!(dump(&folder).contains("path = \"bundle/nucleus_boundaries.csv.gz\""), "{}", dump(&folder));
    repeats(&folder, "bundle/");
    // The description stands for its folder, and so do the files themselves.
    folder.succeed(&format!("run bundle/experiment.xenium @nuclei {QUICK} -o two.csv"));
    let nuclei = "bundle/nucleus_boundaries.csv.gz";
    folder.succeed(&format!("run {XENIUM_COLUMNS} --unassigned-prior-label UNASSIGNED bundle/transcripts.parquet {nuclei} {QUICK} -o three.csv"));
    assert_eq!((&folder.text("two.csv"), &folder.text("three.csv")), (&one, &one));
    folder
        .baysor(&["run", "bundle", "@cells", "-m", "8"])
        .assert_failure(2, &["PRIOR is '@cells'", "no boundaries of cells lie beside"]);
    folder.baysor(&["run", "bundle", "@nucleus", "-m", "8"]).assert_failure(2, &["after @ stands nuclei or cells"]);
    folder.write("t.csv", tissue().csv_2d());
    folder.baysor(&["run", "t.csv", "@nuclei", "-m", "8"]).assert_failure(2, &["beside the molecule table 't.csv'"]);
}

#[test]
fn other_commands_know_presets_and_folders() {
    let folder = xenium_bundle();
    folder.succeed("prior --preset xenium bundle @nuclei -m 8 -o prior");
    let manifest = folder.json("prior/manifest.json");
    assert_eq!(manifest["parameters"]["data"]["min_qv"], 20.0, "{manifest:#}");
    assert_eq!(manifest["parameters"]["data"]["x"], "x_location");
    // The stage knows better than a preset what it holds.
    folder.succeed(&format!("run --preset merscope prior {QUICK} -o staged.csv"));
    folder.succeed(&format!("run --preset xenium bundle @nuclei {QUICK} -o direct.csv"));
    assert_eq!(folder.table("staged.csv").rows.len(), folder.table("direct.csv").rows.len());
    folder.succeed("segfree --preset xenium bundle -m 8 -o ncvs.loom");
    assert!(folder.path("ncvs.loom").is_file());
}

#[test]
fn cells_of_xenium_count_where_they_overlap_nuclei() {
    let folder = xenium_bundle();
    let line = "prior --preset xenium bundle :cell_id -m 8";
    folder.succeed(&format!("{line} -o all"));
    let outcome = folder.succeed(&format!("{line} --prior-where overlaps_nucleus=1 -o nuclei"));
    says(&outcome, &["those with overlaps_nucleus = 1"]);
    let n_inside =
        |stage: &str| folder.json(&format!("{stage}/manifest.json"))["summary"]["n_molecules_in_segments"].clone();
    assert!(n_inside("nuclei").as_u64() <= n_inside("all").as_u64() && n_inside("nuclei").as_u64() > Some(500));
    folder
        .baysor(&["prior", "bundle", ":cell_id", "-m", "8", "--prior-where", "nuclear"])
        .assert_failure(2, &["--prior-where is 'nuclear'", "CellComp=Nuclear"]);
    folder.baysor(&["prior", "bundle", "@nuclei", "-m", "8", "--prior-where", "a=1"]).assert_failure(2, &[":NAME"]);
    folder
        .baysor(&["prior", "bundle", ":cell_id", "-m", "8", "--prior-where", "nucleus=1"])
        .assert_failure(1, &["no prior.where column 'nucleus'", "'overlaps_nucleus'"]);
}

#[test]
fn first_generation_files_of_xenium() {
    let text = tissue().table(
        "transcript_id,cell_id,overlaps_nucleus,feature_name,x_location,y_location,z_location,qv",
        |row, m| {
            let cell = if m.core() == 0 { -1 } else { m.core() as i64 };
            format!(
                "{},{cell},{},{},{},{},{},30",
                281_474_976_710_656 + row,
                u8::from(m.in_core),
                m.gene,
                m.x,
                m.y,
                m.z
            )
        },
    );
    let folder = Folder::with("outs/transcripts.csv", text);
    let outcome = folder.succeed(&format!("run --preset xenium outs :cell_id {QUICK}"));
    says(&outcome, &["numbers of cells, -1 = UNASSIGNED"]);
    says(&outcome, &["The prior column 'cell_id' has 36 segments"]);
    assert!(!outcome.stderr.contains("Warning: "), "{}", outcome.stderr);
}

#[test]
fn a_region_of_merscope() {
    let folder = Folder::with("region_0/detected_transcripts.csv", merscope());
    folder.write("region_0/cell_by_gene.csv", "cell,a\n");
    let outcome = folder.succeed(&format!("run --preset merscope region_0 :cell_id {QUICK}"));
    says(&outcome, &["The prior column 'cell_id' has 36 segments"]);
    let (table, source) = (result(&folder), Table::parse(&merscope(), ','));
    let kept: Vec<usize> = (0..source.rows.len()).filter(|&row| source.column("gene")[row] != "Blank-3").collect();
    let of_source = |name: &str| kept.iter().map(|&row| source.column(name)[row].to_owned()).collect::<Vec<_>>();
    assert_eq!(table.column("cell_id"), of_source("cell_id"), "64-bit numbers digit for digit");
    assert_eq!(table.numbers("x"), of_source("global_x").iter().map(|x| x.parse().unwrap()).collect::<Vec<f64>>());
    let z = of_source("global_z").iter().map(|z| 1.5 * z.parse::<f64>().unwrap()).collect::<Vec<f64>>();
    assert_eq!(table.numbers("z"), z);
    assert_eq!(table.names()[..4], ["", "barcode_id", "x", "y"], "the column without a name is kept");
    repeats(&folder, "region_0");
    // Without the preset a folder tells columns and label, and nothing is filtered.
    let outcome = folder.succeed(&format!("run region_0 :cell_id {QUICK} -o plain.csv"));
    says(&outcome, &["The table is one of MERSCOPE", "unassigned_prior_label = '-1'", "--preset merscope"]);
    assert_eq!(folder.table("plain.csv").rows.len(), source.rows.len());
    assert_eq!(folder.table("plain.csv").numbers("x"), source.numbers("global_x"));
}

#[test]
fn a_table_of_cosmx_becomes_micrometers_without_copies() {
    let folder = Folder::with("flat/S1_tx_file.csv", cosmx());
    let outcome = folder.succeed(&format!("run --preset cosmx flat :fov,cell_ID {QUICK}"));
    let source = Table::parse(&cosmx(), ',');
    let n_copies = source.rows.windows(2).filter(|pair| pair[0] == pair[1]).count();
    says(&outcome, &[&format!("Removed {n_copies} of {} molecules that repeat", source.rows.len())]);
    says(&outcome, &["The prior column 'fov,cell_ID' has 36 segments"]);
    let table = result(&folder);
    assert!(!table.column("gene").contains(&"NegPrb2"));
    let mut rows = source.rows.clone();
    rows.dedup();
    rows.retain(|row| row[8] != "NegPrb2");
    assert_eq!(table.rows.len(), rows.len());
    let x: Vec<f64> = rows.iter().map(|row| row[5].parse::<f64>().unwrap() * 0.12028).collect();
    assert_eq!(table.numbers("x"), x);
    dump_has(&folder, &["coordinate_scale = 0.12028", "drop_duplicates = true", "column_name = \"fov,cell_ID\""]);
    repeats(&folder, "flat");
    // Without the preset, pixels stay pixels and copies stay; the message says how.
    let outcome =
        folder.succeed(&format!("run flat :cell -s 25 --unassigned-prior-label c_1_1_0 {QUICK} -o plain.csv"));
    says(&outcome, &["The table is one of CosMx", "--preset cosmx sets these"]);
    assert_eq!(folder.table("plain.csv").rows.len(), source.rows.len());
    outcome.assert_warning(&["repeat another one"]);
    let outcome =
        folder.succeed("prior --preset cosmx flat :fov,cell_ID -m 8 --prior-where CellComp=Nuclear -o nuclear");
    says(&outcome, &["The prior counts for", "CellComp = Nuclear"]);
}

#[test]
fn priors_of_cosmx_lie_in_its_pixels() {
    let folder = Folder::with("flat/S1_tx_file.csv", cosmx());
    let mut text = String::from("fov,cellID,x_local_px,y_local_px,x_global_px,y_global_px\n");
    for cell in 0..36 {
        let [x, y] = [cell % 6, cell / 6].map(|at| f64::from(at) * 12.0 + 6.0);
        for [dx, dy] in [[-4.0, -4.0], [4.0, -4.0], [4.0, 4.0], [-4.0, 4.0]] {
            let [x, y] = [x + dx, y + dy].map(|value| (value / 0.12028).round());
            text.push_str(&format!("{},{},{x},{y},{x},{y}\n", 1 + cell % 2, 1 + cell / 2));
        }
    }
    folder.write("flat/S1-polygons.csv", &text);
    let outcome = folder.succeed("prior --preset cosmx flat @cells -m 8 -o prior");
    says(&outcome, &["Vertices of boundaries are multiplied by 0.12028"]);
    let summary = folder.json("prior/manifest.json")["summary"].clone();
    assert_eq!(summary["n_segments_kept"], 36, "{summary:#}");
    assert!(summary["n_molecules_in_segments"].as_u64() > Some(600), "{summary:#}");
    // So does a label image that tells no size of its pixels, which count from 1.
    folder.write("labels.png", label_image());
    let outcome = folder.succeed("prior --preset cosmx flat labels.png -m 8 -o prior");
    says(&outcome, &["pixels that count from 1, of 0.12028"]);
    let from_image = folder.json("prior/manifest.json")["summary"].clone();
    assert_eq!((&from_image["n_segments_kept"], &from_image["n_molecules_outside_prior"]), (&36.into(), &0.into()));
    let n_inside = |summary: &serde_json::Value| summary["n_molecules_in_segments"].as_i64().unwrap();
    assert!((n_inside(&from_image) - n_inside(&summary)).abs() < 20, "{from_image:#} {summary:#}");
    // Boundaries in micrometers would have --prior-pixel-size 1; these are not.
    let outcome = folder.succeed("prior --preset cosmx flat @cells -m 8 --prior-pixel-size 1 -o prior");
    outcome.assert_warning(&["they look like other units"]);
}

#[test]
fn a_list_of_seqfish_and_tables_of_protocols() {
    let text = tissue().table("name,cell,x,y,z", |_, m| format!("{},{},{},{},{}", m.gene, m.core(), m.x, m.y, m.z));
    let folder = Folder::with("run/exp_TranscriptList_Roi1.csv", text);
    let outcome = folder.succeed(&format!("run run :cell {QUICK} -o plain.csv"));
    says(&outcome, &["The table is one of seqFISH", "gene = 'name'"]);
    folder.succeed(&format!("run --preset seqfish run/exp_TranscriptList_Roi1.csv :cell {QUICK}"));
    assert_eq!(result(&folder).column("gene"), folder.table("plain.csv").column("gene"));
    let folder = Folder::with("t.csv", tissue().csv_3d());
    for (preset, m) in [("starmap", 70), ("iss", 2), ("osmfish", 30)] {
        folder.succeed(&format!("run --preset {preset} t.csv -s 3 --iters 5 --skip-ncv-color --polygon-format none"));
        let m = format!("min_molecules_per_cell = {m}");
        dump_has(&folder, &["gene = \"gene\"", &m, "min_molecules_per_gene = 50"]);
    }
    folder
        .baysor(&["run", "--preset", "generic", "t.csv", "-s", "3"])
        .assert_failure(2, &["-m/--min-molecules-per-cell"]);
}

fn spatial_data(folder: &Folder, element: &str) {
    for (name, bytes) in PARTS {
        folder.write(&format!("s.zarr/points/{element}/points.parquet/{name}"), bytes);
    }
    folder.write(&format!("s.zarr/points/{element}/zarr.json"), ATTRIBUTES);
}

#[test]
fn points_of_spatial_data_are_one_table() {
    let folder = Folder::with("t.parquet", TISSUE);
    spatial_data(&folder, "transcripts");
    let outcome = folder.succeed(&format!("run s.zarr :cell_id --unassigned-prior-label UNASSIGNED {QUICK}"));
    says(&outcome, &["Points of SpatialData", "gene = 'feature_name'"]);
    let line =
        format!("run {XENIUM_COLUMNS} t.parquet :cell_id --unassigned-prior-label UNASSIGNED --run-id A {QUICK}");
    folder.succeed(&format!("{line} -o table.csv"));
    let (one, other) = (result(&folder), folder.table("table.csv"));
    for column in ["transcript_id", "x", "y", "z", "gene", "cell_id", "is_noise"] {
        assert_eq!(one.column(column), other.column(column), "{column}");
    }
    assert_eq!(one.rows.len(), 2114);
    repeats(&folder, "s.zarr");
    // The other words of a preset count for them, too.
    folder.succeed(&format!("run --preset xenium s.zarr/points/transcripts :cell_id {QUICK} -o preset.csv"));
    assert!(folder.table("preset.csv").numbers("qv").into_iter().all(|qv| qv >= 20.0));
    folder.succeed(&format!("run s.zarr/points/transcripts/points.parquet -g feature_name -s 3 {QUICK} -o parts.csv"));
    assert_eq!(folder.table("parts.csv").rows.len(), 2114);
    spatial_data(&folder, "other");
    folder
        .baysor(&["run", "s.zarr", "-m", "8", "-s", "3"])
        .assert_failure(1, &["2 elements with points; name one", "points/other"]);
}

#[test]
fn folders_that_hold_no_table_or_several() {
    let refused = |files: &[&str], arguments: &[&str], texts: &[&str]| {
        let folder = Folder::new();
        files.iter().for_each(|file| folder.write(&format!("data/{file}"), "x,y,gene\n1,2,a\n"));
        let mut line = vec!["run", "data", "-m", "8", "-s", "3"];
        line.extend(arguments);
        folder.baysor(&line).assert_failure(1, texts);
    };
    refused(&["notes.txt"], &[], &["is a directory", "Looked for transcripts.parquet", "The folder has notes.txt"]);
    refused(&["experiment.xenium", "cells.csv"], &[], &["Xenium output folder without its molecule table"]);
    refused(&["experiment.xenium"], &["--preset", "xenium"], &["without its molecule table"]);
    refused(&["a_tx_file.csv", "b_tx_file.csv"], &[], &["2 molecule tables; name one: data/a_tx_file.csv"]);
    refused(&["detected_transcripts.csv", "a_tx_file.csv"], &[], &["tables of different instruments; name one"]);
}

#[test]
fn a_preset_for_another_platform_is_refused() {
    let folder = Folder::with("t.csv", cosmx());
    folder
        .baysor(&["run", "--preset", "xenium", "t.csv", "-s", "3"])
        .assert_failure(2, &["expects the column 'x_location' (data.x)", "'x_global_px'", "give --preset cosmx"]);
    folder.write("u.csv", "a,b,c\n1,2,3\n");
    folder
        .baysor(&["run", "--preset", "xenium", "u.csv", "-s", "3"])
        .assert_failure(2, &["the table has 'a', 'b', 'c'", "name the column with --x-column"]);
    let no_quality = tissue().table("x_location,y_location,feature_name", |_, m| format!("{},{},{}", m.x, m.y, m.gene));
    folder.write("v.csv", no_quality);
    folder
        .baysor(&["run", "--preset", "xenium", "v.csv", "-s", "3"])
        .assert_failure(2, &["no column 'qv'", "--min-qv 0"]);
    folder.succeed(&format!("run --preset xenium v.csv -s 3 --min-qv 0 --config.data.z=z {QUICK}"));
}

#[test]
fn the_table_of_a_folder_is_never_overwritten() {
    let folder = Folder::with("bundle/transcripts.csv", tissue().csv_2d());
    let outcome = folder.baysor(&["run", "bundle", "-m", "8", "-s", "3", "-o", "bundle/transcripts.csv"]);
    outcome.assert_failure(2, &["is the molecule table and would be overwritten"]);
}
