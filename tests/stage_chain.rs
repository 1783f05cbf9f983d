//! `prior`, `run --stage` and `export` one by one give the bytes of the one command, and stages that are not whole are
//! noticed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use support::{Folder, Tissue};

/// A label image in the coordinates of the tissue, 2 pixels per unit: a disk around every second cell's center.
fn labels(tissue: &Tissue) -> Vec<u8> {
    let width = (tissue.side as f64 * 12.0 * 2.0) as usize;
    let mut values = vec![0u16; width * width];
    let mut sums: BTreeMap<usize, [f64; 3]> = BTreeMap::new();
    for molecule in tissue.molecules().iter().filter(|molecule| molecule.cell > 0) {
        let sum = sums.entry(molecule.cell).or_default();
        (sum[0], sum[1], sum[2]) = (sum[0] + molecule.x, sum[1] + molecule.y, sum[2] + 1.0);
    }
    for (cell, [x, y, n]) in sums.into_iter().filter(|(cell, _)| cell % 5 != 0) {
        let (x, y) = (x / n * 2.0, y / n * 2.0);
        for (at, value) in values.iter_mut().enumerate() {
            let (dx, dy) = ((at % width) as f64 + 0.5 - x, (at / width) as f64 + 0.5 - y);
            if dx * dx + dy * dy < 20.0 + (cell % 7) as f64 {
                *value = 1000 + 3 * cell as u16;
            }
        }
    }
    let mut file = std::io::Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut file).unwrap();
    encoder.write_image::<tiff::encoder::colortype::Gray16>(width as u32, width as u32, &values).unwrap();
    file.into_inner()
}

fn tissue() -> Tissue {
    Tissue { side: 7, ..Tissue::default() }
}

/// A folder with the tissue in 2D and 3D, with a prior column, and an image.
fn folder() -> Folder {
    let tissue = tissue();
    let column = |m: &support::Molecule| if m.core() > 0 { format!("nucleus {}", m.core()) } else { "none".to_owned() };
    let folder = Folder::new();
    let note = |row: usize| ["plain", "\"a, b\"", ""][row % 3];
    folder.write(
        "t2.csv",
        tissue.table("id,x,note,y,gene,cell_id", |row, m| {
            format!("{},{},{},{},{},{}", u64::MAX - row as u64, m.x, note(row), m.y, m.gene, column(m))
        }),
    );
    folder.write(
        "t3.csv",
        tissue.table("id,x,note,y,z,gene,cell_id", |row, m| {
            format!("{row},{},{},{},{},{},{}", m.x, note(row), m.y, m.z, m.gene, column(m))
        }),
    );
    folder.write("nuclei.tif", labels(&tissue));
    folder
}

/// Content of the final files `STEM*` but for the log, by what follows the stem. The parameter dump begins with the
/// command line of the run, which differs by nature; that line is left out.
fn bundle(folder: &Folder, stem: &str) -> BTreeMap<String, Vec<u8>> {
    let names = folder.names().into_iter().filter(|name| name.starts_with(stem) && !name.ends_with("_log.log"));
    let content = |name: &String| {
        let bytes = fs::read(folder.path(name)).unwrap();
        if !name.ends_with(".dump.toml") {
            return bytes;
        }
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("# CLI params: `"), "{text}");
        text.split_once('\n').unwrap().1.into()
    };
    names.map(|name| (name[stem.len()..].to_owned(), content(&name))).collect()
}

fn assert_same(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>, what: &str) {
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>(), "{what}");
    for (name, bytes) in one {
        if bytes != &other[name] {
            let show = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(3000)]).into_owned();
            let text =
                if name.ends_with("toml") { show(bytes) + "\n---\n" + &show(&other[name]) } else { String::new() };
            panic!("{what}: {name} differs\n{text}");
        }
    }
}

/// All files of a stage; of the manifest everything but `timing`.
fn stage(folder: &Folder, dir: &str) -> BTreeMap<String, Vec<u8>> {
    let prefix = format!("{dir}/");
    let names = folder.names().into_iter().filter(|name| name.starts_with(&prefix));
    let content = |name: &String| {
        let bytes = fs::read(folder.path(name)).unwrap();
        if !name.ends_with("manifest.json") {
            return bytes;
        }
        let mut manifest: Value = serde_json::from_slice(&bytes).unwrap();
        assert!(manifest["timing"]["seconds"].as_f64().unwrap() > 0.0);
        manifest.as_object_mut().unwrap().remove("timing");
        serde_json::to_vec_pretty(&manifest).unwrap()
    };
    names.map(|name| (name[prefix.len()..].to_owned(), content(&name))).collect()
}

const INPUTS: [&str; 3] = ["t2.csv", "t3.csv", "nuclei.tif"];
const MODEL: &str = "--iters 30 --prior-segmentation-confidence 0.6";
const FORMATS: &str = "--polygon-format GeometryCollection --polygon-3d-layout object --count-matrix-format tsv";

/// Runs one command and the chain with 1 and 2 threads and compares all final files, in two sets of formats.
fn same_in_steps(table: &str, prior: &str, reading: &str, model: &str) {
    let folder = folder();
    folder.succeed(&format!("run {table} {prior} {reading} {model} -o one.csv"));
    folder.succeed(&format!("run {table} {prior} {reading} {model} {FORMATS} -o formats.csv"));
    for threads in [1, 2] {
        let (first, second) = (format!("prior{threads}"), format!("run{threads}"));
        if prior.is_empty() {
            folder.succeed(&format!("run {table} {reading} {model} -t {threads} --stage {second}"));
        } else {
            folder.succeed(&format!("prior {table} {prior} {reading} -t {threads} -o {first}"));
            folder.succeed(&format!("run {first} {model} -t {threads} --stage {second}"));
        }
    }
    assert_same(&stage(&folder, "run1"), &stage(&folder, "run2"), "stages of 1 and 2 threads");
    if !prior.is_empty() {
        assert_same(&stage(&folder, "prior1"), &stage(&folder, "prior2"), "prior stages of 1 and 2 threads");
        folder.succeed(&format!("run {table} {prior} {reading} {model} --stage whole"));
        assert_same(&stage(&folder, "whole"), &stage(&folder, "run1"), "stages with and without a prior stage");
    }
    let without_threads = |mut files: BTreeMap<String, Vec<u8>>| {
        let params = files.get_mut("_params.dump.toml").unwrap();
        let text = String::from_utf8(params.clone()).unwrap();
        *params = text.lines().filter(|line| !line.starts_with("threads = ")).collect::<Vec<_>>().join("\n").into();
        files
    };
    let (one, formats) = (without_threads(bundle(&folder, "one")), without_threads(bundle(&folder, "formats")));
    assert!(one.len() >= 5, "{:?}", one.keys());
    for threads in [1, 2] {
        folder.succeed(&format!("export run{threads} -o chain{threads}.csv -t {}", 3 - threads));
        assert_same(&one, &without_threads(bundle(&folder, &format!("chain{threads}"))), "the chain");
        folder.succeed(&format!("export run{threads} {FORMATS} -o other{threads}.csv"));
        assert_same(&formats, &without_threads(bundle(&folder, &format!("other{threads}"))), "other formats");
        let params = folder.text(&format!("chain{threads}_params.dump.toml"));
        assert!(params.contains(&format!("\nthreads = {threads}\n")), "{params}");
    }
}

#[test]
fn steps_without_a_prior_in_the_plane() {
    same_in_steps("t2.csv", "", "-m 8 --seed 3 --exclude-genes Gene07", "-s 3 --iters 30");
}

#[test]
fn steps_without_a_prior_in_space() {
    same_in_steps("t3.csv", "", "-m 8", "-s 3 --iters 30 --max-z-slices 4");
}

#[test]
fn steps_with_a_prior_column_in_the_plane() {
    same_in_steps("t2.csv", ":cell_id", "-m 8 --seed 5 --unassigned-prior-label none --x-max 80", MODEL);
}

#[test]
fn steps_with_a_prior_column_in_space() {
    same_in_steps("t3.csv", ":cell_id", "-m 8 --unassigned-prior-label none", &format!("{MODEL} --scale-std 25%"));
}

#[test]
fn steps_with_a_label_image_in_the_plane() {
    same_in_steps("t2.csv", "nuclei.tif", "-m 8 --prior-pixel-size 0.5 --min-molecules-per-gene 3", MODEL);
    let folder = folder();
    folder.succeed("prior t2.csv nuclei.tif -m 8 --prior-pixel-size 0.5 -o p");
    folder.succeed("run p --iters 5 -o r.csv");
    let table = folder.table("r.csv");
    let labels: Vec<f64> = table.numbers("prior_segmentation").into_iter().filter(|&label| label > 0.0).collect();
    assert!(labels.len() > 300 && labels.iter().all(|&label| label > 1000.0), "labels of the image are kept");
}

#[test]
fn steps_with_a_label_image_in_space() {
    same_in_steps("t3.csv", "nuclei.tif", "-m 8 --prior-pixel-size 0.5", "-s 3 --iters 30");
}

#[test]
fn steps_with_compartments() {
    let model = "--iters 20 --n-clusters 1 --nuclei-genes Gene00,Gene05 --cyto-genes Gene01,Gene06";
    same_in_steps("t2.csv", ":cell_id", "-m 8 --unassigned-prior-label none", model);
    same_in_steps("t2.csv", "nuclei.tif", "-m 8 --prior-pixel-size 0.5", "--iters 20 --compartment-genes auto");
    let folder = folder();
    folder.succeed("run t2.csv nuclei.tif -m 8 --prior-pixel-size 0.5 --iters 5 --compartment-genes auto --stage run");
    let names = folder.names();
    assert!(names.contains(&"run/compartment_genes.arrow".to_owned()), "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("run/") || INPUTS.contains(&&name[..])), "{names:?}");
}

#[test]
fn a_stage_of_segfree_can_be_inspected() {
    let folder = folder();
    folder.succeed("segfree t2.csv -m 8 --stage colors");
    let told = folder.baysor(&["inspect", "colors"]);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert!(
        told.stdout.contains("of the kind 'segfree'") && told.stdout.contains("ncv_color (utf8)"),
        "{}",
        told.stdout
    );
}

#[test]
fn colors_computed_beside_the_run_are_joined_at_export() {
    let folder = folder();
    folder.succeed("run t2.csv -m 8 -s 3 --iters 20 --skip-ncv-color --stage cells");
    folder.succeed("segfree t2.csv -m 8 --stage colors");
    folder.succeed("export --ncv colors -o out.csv cells");
    // From the stage of a prior segmentation there are the same neighborhoods.
    folder.succeed("prior t2.csv :cell_id --unassigned-prior-label none -m 8 -o prior");
    folder.succeed("segfree t2.csv -m 8 -o table.loom");
    folder.succeed("segfree prior -m 8 -o stage.loom");
    let read = |name: &str| std::fs::read(folder.path(name)).unwrap();
    assert!(read("table.loom") == read("stage.loom"), "the same bytes from a stage");
    let colors = folder.table("out.csv").column("ncv_color").into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert!(colors.iter().all(|color| color.len() == 7 && color.starts_with('#')), "{colors:?}");
    assert!(colors.iter().any(|color| *color != colors[0]));
    folder.succeed("export -o plain.csv cells");
    assert!(!folder.table("plain.csv").names().contains(&"ncv_color"));
    // Colors of other molecules: another table, or other filters.
    let text = folder.text("t2.csv");
    let shorter: Vec<&str> = text.lines().take(text.lines().count() - 1).collect();
    folder.write("shorter.csv", shorter.join("\n") + "\n");
    folder.succeed("segfree shorter.csv -m 8 --stage other");
    folder.baysor(&["export", "--ncv", "other", "-o", "x.csv", "cells"]).assert_failure(1, &["another molecule table"]);
    folder.succeed("segfree t2.csv -m 8 --x-min 20 --stage part");
    folder.baysor(&["export", "--ncv", "part", "-o", "x.csv", "cells"]).assert_failure(1, &["same filters"]);
}

#[test]
fn a_stage_can_be_written_beside_the_files_and_alone() {
    let folder = folder();
    folder.succeed("run t3.csv -m 8 -s 3 --iters 20 -o plain.csv");
    let names =
        |folder: &Folder| folder.names().into_iter().filter(|name| !INPUTS.contains(&&name[..])).collect::<Vec<_>>();
    assert_eq!(names(&folder).len(), 7, "without --stage there are the final files only: {:?}", names(&folder));
    folder.succeed("run t3.csv -m 8 -s 3 --iters 20 -o both.csv --stage stage");
    assert_same(&bundle(&folder, "plain"), &bundle(&folder, "both"), "with a stage");
    folder.succeed("export stage -o later.csv");
    assert_same(&bundle(&folder, "plain"), &bundle(&folder, "later"), "from the stage");
}

#[test]
fn a_stage_without_boundaries_gets_them_when_they_are_exported() {
    let folder = folder();
    folder.succeed("run t3.csv -m 8 -s 3 --iters 20 --max-z-slices 3 -o one.csv");
    folder.succeed("run t3.csv -m 8 -s 3 --iters 20 --max-z-slices 3 --polygon-format none --stage run");
    assert!(!folder.path("run/polygons.arrow").exists() && !folder.path("run/layers.arrow").exists());
    folder.succeed("export run -o two.csv");
    assert_same(&bundle(&folder, "one"), &bundle(&folder, "two"), "boundaries");
    folder.succeed("export run --polygon-format none -o three.csv");
    assert!(!folder.names().iter().any(|name| name.starts_with("three_polygons")));
}

#[test]
fn noise_alone_is_a_result_too() {
    let folder = folder();
    folder.succeed("run t3.csv -m 400 -s 0.01 --iters 20 --n-cells-init 2 -o one.csv");
    folder.succeed("run t3.csv -m 400 -s 0.01 --iters 20 --n-cells-init 2 --stage run");
    folder.succeed("export run -o two.csv");
    assert_same(&bundle(&folder, "one"), &bundle(&folder, "two"), "noise");
}

#[test]
fn a_stage_tells_what_it_is() {
    let folder = folder();
    folder.succeed("prior t2.csv :cell_id -m 8 --unassigned-prior-label none -o p");
    folder.succeed("run p --iters 20 --stage run");
    let names: Vec<String> = folder.names().into_iter().filter(|name| name.starts_with("run/")).collect();
    let expected = "cells clustering counts genes manifest molecules polygons segments trace".split(' ');
    let file = |name: &str| format!("run/{name}.{}", if name == "manifest" { "json" } else { "arrow" });
    assert_eq!(names, expected.map(file).collect::<Vec<_>>());
    let manifest = folder.json("run/manifest.json");
    assert_eq!(manifest["parameters"]["data"]["min_molecules_per_cell"], 8);
    assert_eq!(manifest["parameters"]["data"]["min_molecules_per_segment"], 1);
    assert_eq!(manifest["parameters"]["prior"]["column_name"], "cell_id");
    assert_eq!(manifest["timing"]["paths"], serde_json::json!(["t2.csv"]));
    assert_eq!(manifest["estimates"][0]["origin"], "estimated from the prior segmentation");
    assert!(manifest["estimates"][0]["value"].as_f64().unwrap() > 0.0);
    assert_eq!(manifest["summary"]["n_iterations"], 20);
    assert!(manifest["timing"]["started"].as_str().unwrap().ends_with('Z'));
    let phases = manifest["timing"]["phases"].as_array().unwrap();
    assert!(phases.iter().any(|phase| phase["name"] == "Segmenting cells"), "{phases:?}");

    let told = folder.baysor(&["inspect", "run"]);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let run_id = manifest["run_id"].as_str().unwrap();
    for text in ["of the kind 'run'", run_id, "n_cells: ", "scale = ", "cells.arrow: ", "a row is a cell"] {
        assert!(told.stdout.contains(text), "{text}: {}", told.stdout);
    }
    let told = folder.baysor(&["inspect", "run/manifest.json", "--json"]);
    let json: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(json["manifest"]["run_id"], run_id);
    assert_eq!(json["tables"][0]["name"], "molecules");
}

#[test]
fn what_contradicts_the_prior_stage_is_misuse() {
    let folder = folder();
    folder.succeed("prior t2.csv :cell_id -m 8 --unassigned-prior-label none -x x --min-qv 0 -o p");
    let refused = |line: &str, texts: &[&str]| {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        folder.baysor(&arguments).assert_failure(2, texts);
        assert!(!folder.path("segmentation.csv").exists());
    };
    refused(
        "run p -x x_location",
        &["--x-column is 'x_location'", "stage 'p' was made with data.x = 'x'", "leave out"],
    );
    refused("run p --config.data.min_qv=20", &["--config.data.min_qv is 20", "data.min_qv = 0"]);
    refused("run p --unassigned-prior-label=0", &["segmentation.unassigned_prior_label = 'none'"]);
    refused(
        "run p -m 80 --prior-segments=regions",
        &["minimum of molecules per segment is 20", "min_molecules_per_segment = 1"],
    );
    refused("run p :cell_id", &["PRIOR is ':cell_id'", "has a prior segmentation already"]);
    refused("run p --save-prior q", &["--save-prior", "already a stage"]);
    folder.write("c.toml", "[data]\nx = \"x\"\ngene = \"feature\"\n");
    refused("run p -c c.toml", &["data.gene in c.toml is 'feature'"]);
    // The configuration of the whole run fits both commands, and so does its parameter dump.
    folder.write(
        "c.toml",
        "[data]\nx = \"x\"\nmin_molecules_per_cell = 8\n[segmentation]\niters = 5\n\
        unassigned_prior_label = \"none\"\n[prior]\ncolumn_name = \":cell_id\"\n",
    );
    folder.succeed("prior t2.csv -c c.toml -o q");
    folder.succeed("run q -c c.toml -o a.csv");
    folder.succeed("run q -c a_params.dump.toml -o b.csv");
    folder.succeed("run t2.csv -c c.toml -o c.csv");
    assert_eq!(folder.text("a.csv"), folder.text("c.csv"));
}

#[test]
fn the_prior_saved_by_a_run_is_that_of_the_command() {
    let folder = folder();
    folder.succeed("prior t2.csv nuclei.tif -m 8 --prior-pixel-size 0.5 -o p");
    folder.succeed("run t2.csv nuclei.tif -m 8 --prior-pixel-size 0.5 --iters 5 --save-prior q");
    assert_same(&stage(&folder, "p"), &stage(&folder, "q"), "the saved prior");
}

#[test]
fn a_stage_that_is_not_whole_is_named_with_the_remedy() {
    let folder = folder();
    let line = "run t2.csv -m 8 -s 3 --iters 10 --stage";
    folder.succeed(&format!("{line} run"));
    folder.succeed(&format!("{line} other --seed 2"));
    folder.succeed("prior t2.csv :cell_id -m 8 -o p");
    let manifest = folder.text("run/manifest.json");
    let cells = fs::read(folder.path("run/cells.arrow")).unwrap();
    let refused = |texts: &[&str]| {
        for command in ["export", "inspect"] {
            folder.baysor(&[command, "run"]).assert_failure(1, texts);
        }
        assert!(!folder.path("segmentation.csv").exists());
    };

    fs::write(folder.path("run/cells.arrow"), &cells[..cells.len() - 8]).unwrap();
    refused(&["run/cells.arrow", "truncated", "make the stage again"]);
    let mut edited = cells.clone();
    edited[cells.len() / 2] ^= 1;
    fs::write(folder.path("run/cells.arrow"), &edited).unwrap();
    refused(&["run/cells.arrow", "edited or from another run", "make the stage again"]);
    fs::copy(folder.path("other/cells.arrow"), folder.path("run/cells.arrow")).unwrap();
    refused(&["run/cells.arrow", "from another run"]);
    fs::remove_file(folder.path("run/cells.arrow")).unwrap();
    refused(&["run/cells.arrow", "missing", "Copy the whole stage directory again"]);
    fs::write(folder.path("run/cells.arrow"), &cells).unwrap();

    folder.write("run/manifest.json", manifest.replacen("\"format_version\": 3", "\"format_version\": 9", 1));
    refused(&["format version 9", "reads versions up to 3"]);
    folder.write("run/manifest.json", &manifest[..manifest.len() / 2]);
    refused(&["run/manifest.json", "damaged", "make the stage again"]);
    folder.write("run/manifest.json", manifest.replacen("\"n_cells\": ", "\"n_cells\": 1", 1));
    refused(&["run/manifest.json", "not as it was written", "make the stage again"]);
    folder.write("run/manifest.json", "{}");
    refused(&["not the manifest of a stage"]);
    fs::remove_file(folder.path("run/manifest.json")).unwrap();
    refused(&["not a finished stage", "no manifest.json"]);
    folder.write("run/UNFINISHED", "");
    refused(&["not a finished stage", "still running or was interrupted"]);
    folder.baysor(&["run", "run", "-m", "8"]).assert_failure(1, &["not a finished stage"]);
    folder.baysor(&["export", "absent"]).assert_failure(1, &["absent", "no such stage directory"]);
    folder.baysor(&["export", "t2.csv"]).assert_failure(1, &["t2.csv", "is a file, not a stage directory"]);

    folder.baysor(&["export", "p"]).assert_failure(1, &["is a stage of the kind 'prior'", "'run' or 'merge'"]);
    folder.baysor(&["run", "other", "-m", "8"]).assert_failure(1, &["of the kind 'run'", "needed is 'prior'"]);
    let outcome = folder.baysor(&["run", "p", "--stage", "p"]);
    outcome.assert_failure(2, &["table of the stage with the molecules and would be overwritten"]);
    folder.write("mine/notes.txt", "the user's own");
    let arguments = ["run", "t2.csv", "-m", "8", "-s", "3", "--stage", "mine"];
    folder.baysor(&arguments).assert_failure(1, &["mine", "'notes.txt'", "Choose a new or an empty directory"]);
    folder.baysor(&["export", "other", "--format", "h5"]).assert_failure(2, &["--format", "'h5'", "baysor"]);
    folder.baysor(&["export", "other", "--config.data.x=a"]).assert_failure(2, &["export has no configuration"]);
    folder.baysor(&["inspect"]).assert_failure(2, &["STAGE"]);
}

#[test]
fn a_failed_run_leaves_no_stage_and_an_older_one_as_it_was() {
    let folder = folder();
    folder.baysor(&["run", "absent.csv", "-m", "8", "-s", "3", "--stage", "run"]).assert_failure(1, &["absent.csv"]);
    assert!(!folder.path("run").exists());
    folder.succeed("run t2.csv -m 8 -s 3 --iters 10 --stage run");
    let before = stage(&folder, "run");
    folder.baysor(&["run", "absent.csv", "-m", "8", "-s", "3", "--stage", "run"]).assert_failure(1, &["absent.csv"]);
    assert_same(&before, &stage(&folder, "run"), "the older stage");
    folder.succeed("run t2.csv -m 8 -s 3 --iters 12 --polygon-format none --stage run");
    assert!(!folder.path("run/polygons.arrow").exists(), "nothing of the older stage is left");
}

#[test]
fn a_killed_run_with_a_stage_is_resumed_with_the_same_bytes() {
    let folder = folder();
    let line = "run t2.csv -m 8 -s 3 --iters 60";
    folder.succeed(&format!("{line} --stage whole"));
    let arguments = format!("{line} --stage run -o log.csv --checkpoint-every 5 --verbose");
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    folder.baysor_killed_at("Checkpoint after iteration 10", "log_log.log", &arguments);
    assert!(folder.path("run/checkpoint.bin").exists() && folder.path("run/UNFINISHED").exists());
    folder.baysor(&["export", "run"]).assert_failure(1, &["not a finished stage"]);
    let outcome = folder.succeed(&format!("{line} --stage run --resume"));
    assert!(outcome.stderr.contains("Going on after iteration"), "{}", outcome.stderr);
    assert_same(&stage(&folder, "whole"), &stage(&folder, "run"), "the resumed run");
}
