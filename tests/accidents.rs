//! Tables and boundaries as people and programs write them by accident: what 1.3.0 read wrongly without an error.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::path::Path;

use support::{Folder, Outcome, Tissue};

fn data(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/accidents").join(name).display().to_string()
}

/// Runs `prior` on a table of these data. Returns the folder and what was said.
fn prior(table: &str, more: &[&str]) -> (Folder, Outcome) {
    let folder = Folder::new();
    let table = data(table);
    let arguments = [&["prior", &table][..], more, &["-m", "10", "-o", "prior"]].concat();
    let outcome = folder.baysor(&arguments);
    (folder, outcome)
}

fn succeeded((folder, outcome): (Folder, Outcome)) -> (Folder, String) {
    outcome.assert_success();
    (folder, outcome.stderr)
}

fn estimate(folder: &Folder, name: &str) -> f64 {
    let manifest = folder.json("prior/manifest.json");
    let estimates = manifest["estimates"].as_array().expect("estimates").clone();
    let found = estimates.iter().find(|estimate| estimate["name"] == name).expect("an estimate");
    found["value"].as_f64().expect("a number")
}

fn summary(folder: &Folder, name: &str) -> u64 {
    folder.json("prior/manifest.json")["summary"][name].as_u64().expect("a number")
}

/// Segments that are cells: their sizes give the scale.
const CELLS: &str = "--prior-segments=cells";

/// Boundaries with an edge of a circle of 3.18, once per cell.
fn check_cells(folder: &Folder) {
    assert_eq!(summary(folder, "n_segments"), 48);
    let scale = estimate(folder, "scale");
    assert!((scale - 3.18).abs() < 0.01, "{scale}");
}

#[test]
fn features_that_all_have_the_same_id_are_segments_of_their_own() {
    let (folder, text) = succeeded(prior("molecules.csv.gz", &[&data("equal_ids.geojson.gz"), CELLS]));
    check_cells(&folder);
    assert!(text.contains("48 polygons in different places have the same id ('PathCellObject')"), "{text}");
}

#[test]
fn planes_of_a_cell_are_one_polygon_and_do_not_add_up() {
    for name in ["planes.geojson.gz", "one.geojson.gz"] {
        let (folder, text) = succeeded(prior("molecules.csv.gz", &[&data(name), CELLS]));
        check_cells(&folder);
        assert!(!text.contains("Warning"), "molecules between cells lie outside of all, which is right: {text}");
    }
}

#[test]
fn a_region_of_merscope_has_its_cells_as_prior() {
    let (folder, text) = succeeded(prior("region_0", &["@cells", "--preset", "merscope"]));
    check_cells(&folder);
    assert!(!text.contains("outside"), "{text}");
}

/// The boundaries of a run come back as the prior of the next.
#[test]
fn boundaries_that_this_program_exports_are_priors_in_all_formats() {
    let folder = Folder::new();
    let table = data("molecules.csv.gz");
    let run = ["run", &table, &data("one.geojson.gz"), "-m", "10", "--iters", "20", "--skip-ncv-color", "-o", "out/"];
    folder.baysor(&[&run[..], &["--format", "baysor,parquet,spatialdata,vpt"]].concat()).assert_success();
    let n_cells = folder.table("out/segmentation_cell_stats.csv").column("cell").len() as u64;
    let of = |is_one: &dyn Fn(&str) -> bool| folder.names().into_iter().find(|name| is_one(name));
    let names = [
        of(&|name| name.ends_with("polygons_2d.json")),
        of(&|name| name.ends_with("_polygons.parquet")),
        of(&|name| name.ends_with("_cell_boundaries.parquet")),
        of(&|name| name.ends_with("shapes.parquet")),
        of(&|name| name.ends_with("_vpt/cell_boundaries.parquet")),
    ];
    for name in names.map(|name| name.unwrap_or_else(|| panic!("{:?}", folder.names()))) {
        folder.baysor(&["prior", &table, &name, "-m", "10", "-o", "prior"]).assert_success();
        assert_eq!(summary(&folder, "n_segments"), n_cells, "{name}");
    }
}

#[test]
fn numbers_of_cells_that_start_anew_in_each_field_of_view_are_completed_by_the_field() {
    for (column, is_told) in [(":cell_ID", true), (":fov,cell_ID", false)] {
        let (folder, text) = succeeded(prior("cosmx_two_fields.csv.gz", &[column, "--preset", "cosmx"]));
        assert_eq!(summary(&folder, "n_segments"), 60, "{column}");
        assert!((estimate(&folder, "scale") - 6.5).abs() < 0.1);
        assert_eq!(text.contains("start anew in each field of view"), is_told, "{text}");
        assert!(!text.contains("no cell"), "{text}");
    }
    // The label of the whole slide has one name for nothing in each field.
    let column = [":cell", "--preset", "cosmx"];
    let (_, text) = succeeded(prior("cosmx_two_fields.csv.gz", &column));
    for label in ["c_1_1_0,c_1_2_0", "c_*_0"] {
        let (folder, given) =
            succeeded(prior("cosmx_two_fields.csv.gz", &[&column[..], &["--unassigned-prior-label", label]].concat()));
        assert_eq!(summary(&folder, "n_segments"), 60, "{label}: {given}");
        assert_ne!(text, given);
    }
}

#[test]
fn names_that_python_wrote_as_bytes_are_read_without_its_marks() {
    let (folder, text) = succeeded(prior("byte_strings.csv.gz", &[":cell_id", "--preset", "xenium"]));
    assert_eq!(text.matches("bytes of Python").count(), 1, "{text}");
    assert!(text.contains("Excluded 1 genes: NegControlProbe_00042"), "{text}");
    assert_eq!(summary(&folder, "n_segments"), 48);
}

#[test]
fn words_for_nothing_are_no_segment() {
    let (folder, text) = succeeded(prior("na.csv.gz", &[":cell_id"]));
    assert_eq!(summary(&folder, "n_segments"), 48);
    assert!(text.contains("'NA' (126 molecules) means 'in no segment'"), "{text}");
    // Another label was named, so that NA is a cell; but such a cell is seen.
    let (folder, text) = succeeded(prior("na.csv.gz", &[":cell_id", "--unassigned-prior-label", "none"]));
    assert_eq!(summary(&folder, "n_segments"), 49);
    assert!(text.contains("'NA'") && text.contains("Warning"), "{text}");
}

#[test]
fn truth_values_are_compared_as_values_and_a_filter_that_leaves_nothing_is_an_error() {
    for value in ["1", "true", "TRUE", "True", "1.0"] {
        let filter = format!("overlaps_nucleus={value}");
        let (folder, _) = succeeded(prior("truth_values.csv.gz", &[":cell_id", "--prior-where", &filter]));
        assert_eq!(summary(&folder, "n_molecules_in_segments"), 790, "{value}");
    }
    let (_, outcome) = prior("truth_values.csv.gz", &[":cell_id", "--prior-where", "overlaps_nucleus=yes"]);
    outcome.assert_failure(1, &["--prior-where overlaps_nucleus=yes leaves no segment", "'False', 'True'"]);
}

#[test]
fn decimals_and_half_precision_are_numbers_and_labels() {
    let (folder, _) = succeeded(prior("decimal_label.parquet", &[":cell_id"]));
    assert_eq!(summary(&folder, "n_segments"), 48);
    let (folder, _) = succeeded(prior("decimal_x.parquet", &[&data("one.geojson.gz"), CELLS]));
    check_cells(&folder);
    for label in [":cell_small", ":cell_half", ":flag"] {
        let more = [label, "--min-qv", "21", "--prior-where", "flag=1", "--min-molecules-per-segment", "1"];
        let (_, outcome) = prior("unusual_types.parquet", &more);
        outcome.assert_success();
    }
}

#[test]
fn types_that_cannot_be_labels_are_named() {
    for (column, dtype) in [("cell_list", "list"), ("cell_struct", "struct"), ("cell_time", "time of day")] {
        let (_, outcome) = prior("unusual_types.parquet", &[&format!(":{column}")]);
        outcome
            .assert_failure(1, &[&format!("column '{column}' has the type {dtype}, but numbers or texts are needed")]);
        let filter = format!("{column}=1");
        let (_, outcome) = prior("unusual_types.parquet", &[":cell_small", "--prior-where", &filter]);
        outcome.assert_failure(1, &[&format!("column '{column}' has the type {dtype}")]);
        for option in ["-x", "--qv-column", "-g", "-z"] {
            let (_, outcome) = prior("unusual_types.parquet", &[":cell_small", "--min-qv", "1", option, column]);
            outcome.assert_failure(1, &[&format!("column '{column}' has the type {dtype}, but")]);
        }
    }
}

#[test]
fn options_without_dashes_are_recognised() {
    let folder = Folder::new();
    let outcome = folder.baysor(&["run", &data("molecules.csv.gz"), "scale=-1.0", "-m", "10", "-o", "out/"]);
    outcome.assert_failure(2, &["options begin with dashes: --scale=-1.0"]);
}

#[test]
fn a_table_called_parquet_was_csv_without_a_word() {
    let folder = Folder::with("t.csv", Tissue { side: 6, ..Tissue::default() }.csv_2d());
    let outcome = folder.succeed("run t.csv -m 8 -s 3 --iters 25 --skip-ncv-color -o out.parquet --stage s");
    outcome.assert_warning(&["'out.parquet' gets the molecules as CSV", "--format parquet"]);
    folder.succeed("export s -o out.h5ad").assert_warning(&["as CSV", "--format h5ad"]);
    let quiet = folder.succeed("export s -o a.csv");
    assert!(!quiet.stderr.contains("as CSV") && folder.text("out.parquet").starts_with("x,y,gene"), "{}", quiet.stderr);
}
