//! What `estimate` foretells is what `run` then needs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::path::Path;

use serde_json::Value;
use support::{Folder, Outcome, Tissue};

const MOLECULES: &str = "examples/iss_ca1/molecules.csv.gz";
const NUCLEI: &str = "examples/iss_ca1/nuclei.tif";

fn example(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).display().to_string()
}

/// Names of the stages with their memory.
fn stages(estimate: &Value) -> Vec<(String, f64)> {
    let stages = estimate["stages"].as_array().unwrap().iter();
    stages.map(|stage| (stage["name"].as_str().unwrap().to_owned(), stage["memory_bytes"].as_f64().unwrap())).collect()
}

/// Runs `estimate`, which must work and shows a table.
fn estimate(folder: &Folder, options: &str) -> Outcome {
    let line = format!("estimate {options}");
    let outcome = folder.baysor(&line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("memory          time     computing"), "{}", outcome.stdout);
    outcome
}

/// The bytes foretold per byte needed, at the peak.
fn ratio(folder: &Folder, options: &str) -> f64 {
    estimate(folder, &format!("{options} --json estimate.json"));
    folder.succeed(&format!("run {options} --stage run"));
    let (estimate, manifest) = (folder.json("estimate.json"), folder.json("run/manifest.json"));
    let timing = &manifest["timing"];
    let phases = timing["phases"].as_array().unwrap().len();
    assert!(phases >= stages(&estimate).len(), "{timing} {estimate}");
    let n_molecules = &estimate["input"]["n_molecules"];
    assert_eq!(n_molecules, &manifest["summary"]["n_molecules"]);
    assert_eq!(estimate["input"]["n_genes"], manifest["summary"]["n_genes"]);
    estimate["peak_memory_bytes"].as_f64().unwrap() / timing["peak_memory_bytes"].as_f64().unwrap()
}

#[test]
fn memory_of_the_example_is_foretold_within_a_quarter() {
    let folder = Folder::new();
    let (molecules, nuclei) = (example(MOLECULES), example(NUCLEI));
    for options in [
        format!("{molecules} -m 3 -s 20 --iters 5 --threads 1 --skip-ncv-color"),
        format!("{molecules} {nuclei} -m 3 --prior-origin=-0.5,-0.5 --iters 5 --threads 2"),
    ] {
        let ratio = ratio(&folder, &options);
        assert!((0.75..=1.25).contains(&ratio), "{ratio} with {options}");
    }
}

#[test]
fn a_stage_of_prior_is_estimated_as_its_run() {
    let folder = Folder::new();
    let (molecules, nuclei) = (example(MOLECULES), example(NUCLEI));
    folder.succeed(&format!("prior {molecules} {nuclei} -m 3 --prior-origin=-0.5,-0.5 -o prior"));
    let ratio = ratio(&folder, "prior --iters 5 --skip-ncv-color");
    assert!((0.75..=1.25).contains(&ratio), "{ratio}");
    let estimate = folder.json("estimate.json");
    assert!(estimate["input"]["n_segments"].as_u64().unwrap() > 100);
    assert!(stages(&estimate).iter().all(|(name, _)| name != "prior"), "{estimate}");
}

#[test]
fn the_keys_are_those_of_the_documentation() {
    let folder = Folder::new();
    folder.write(
        "t.csv",
        Tissue { side: 7, ..Tissue::default() }
            .table("x,y,gene,note", |_, m| format!("{},{},{},some words", m.x, m.y, m.gene)),
    );
    let outcome =
        estimate(&folder, "t.csv -m 10 -s 5 --iters 20 --max-molecules-per-tile 600 --json e.json --margin 1");
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<String>>();
    let estimate = folder.json("e.json");
    let documentation = std::fs::read_to_string(example("docs/estimate.md")).unwrap();
    let mut all = keys(&estimate);
    for part in ["input", "settings", "trial", "tiles"] {
        all.extend(keys(&estimate[part]));
    }
    all.extend(keys(&estimate["stages"][0]));
    for key in all {
        assert!(documentation.contains(&format!("`{key}`")), "docs/estimate.md lacks {key}");
    }
    assert_eq!(estimate["format"], "baysor-estimate");
    let names: Vec<String> = stages(&estimate).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["loading", "graph", "noise", "clustering", "model", "colors", "writing", "polygons"]);
    let tiles = &estimate["tiles"];
    let n_molecules: Vec<u64> = tiles["n_molecules"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
    assert_eq!(n_molecules.len() as u64, tiles["n_tiles"].as_u64().unwrap());
    assert!(n_molecules.len() > 1 && n_molecules.iter().all(|&n| n <= 660), "{tiles}");
    assert!(tiles["peak_memory_bytes"].as_u64() < estimate["peak_memory_bytes"].as_u64());
    for name in names {
        assert!(outcome.stdout.contains(&name), "{}", outcome.stdout);
    }
    assert!(outcome.stdout.contains("Tiles: "), "{}", outcome.stdout);
    // Nothing else is written.
    assert_eq!(folder.names(), ["e.json", "t.csv"]);
}

#[test]
fn what_a_run_refuses_is_refused() {
    let folder =
        Folder::with("t.csv", Tissue::default().table("x,y,gene", |_, m| format!("{},{},{}", m.x, m.y, m.gene)));
    let outcome = folder.baysor(&["estimate", "t.csv", "-m", "10"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    let outcome = folder.baysor(&["estimate", "t.csv", "-m", "10", "-s", "5", "-g", "feature"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    let outcome = folder.baysor(&["estimate", "t.csv", "-m", "10", "-s", "5", "--max-memory", "1MB"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("too little"), "{}", outcome.stderr);
}
