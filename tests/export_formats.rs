//! The formats of `export`: the same bytes from `run` and from a stage, cells left out everywhere alike, and each format
//! for itself. What other programs read from them is in `tests/readers/exports.py`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::collections::BTreeMap;
use std::fs;

use support::{CellSets, Folder, Tissue};

/// A folder with the tissue in 2D and 3D, with a prior column, texts that need quotes, and large ids.
fn folder() -> Folder {
    let tissue = Tissue { side: 7, ..Tissue::default() };
    let folder = Folder::new();
    let note = |row: usize| ["plain", "\"a, b\"", ""][row % 3];
    for (name, has_z) in [("t2.csv", false), ("t3.csv", true)] {
        let z = |z: f64| if has_z { format!("{z},") } else { String::new() };
        let header = if has_z { "id,x,note,y,z,gene,cell_id" } else { "id,x,note,y,gene,cell_id" };
        let table = tissue.table(header, |row, m| {
            let nucleus = if m.core() > 0 { format!("nucleus {}", m.core()) } else { "none".to_owned() };
            format!("{},{},{},{},{}{},{nucleus}", u64::MAX - row as u64, m.x, note(row), m.y, z(m.z), m.gene)
        });
        folder.write(name, table);
    }
    folder
}

const OTHER_FORMATS: &str = "parquet,h5ad,10x-h5,10x-mtx,vpt";

/// Files of formats other than that of Baysor 0.7.1, by what follows the stem.
fn formats(folder: &Folder, stem: &str) -> BTreeMap<String, Vec<u8>> {
    let is_result = |name: &&String| !name.ends_with("_log.log") && !name.ends_with(".dump.toml");
    let names = folder.names().into_iter().filter(|name| name.starts_with(stem));
    let names: Vec<String> = names.filter(|name| is_result(&name)).collect();
    names.iter().map(|name| (name[stem.len()..].to_owned(), fs::read(folder.path(name)).unwrap())).collect()
}

#[test]
fn every_format_is_the_same_from_run_and_from_a_stage_for_any_number_of_threads() {
    let folder = folder();
    for (table, n_files) in [("t2.csv", 15), ("t3.csv", 16)] {
        let run = format!("run {table} :cell_id -m 8 --unassigned-prior-label none -s 3 --iters 20");
        folder.succeed(&format!("{run} --format {OTHER_FORMATS} --nuclei-from prior -t 1 -o one.csv"));
        folder.succeed(&format!("{run} -t 2 --stage stage"));
        let one = formats(&folder, "one");
        assert_eq!(one.len(), n_files, "{:?}", one.keys());
        assert!(!folder.path("one.csv").exists(), "only what is asked for is written");
        for threads in [1, 2] {
            let stem = format!("of_{threads}");
            folder.succeed(&format!(
                "export stage --format {OTHER_FORMATS} --nuclei-from prior -t {threads} -o {stem}.csv"
            ));
            let mut found = formats(&folder, &stem);
            // The record has the names of the files.
            let record = found.get_mut("_export.json").unwrap();
            *record = String::from_utf8(record.clone()).unwrap().replace(&stem, "one").into();
            assert_eq!(one.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
            for (name, bytes) in &one {
                assert!(*bytes == found[name], "{table}, {threads} threads: {name} differs");
            }
        }
    }
}

#[test]
fn filtered_cells_vanish_from_all_files_and_the_others_keep_their_names() {
    let folder = folder();
    folder.succeed("run t3.csv -m 8 -s 3 --iters 30 --stage stage");
    folder.succeed("export stage -o all.csv");
    folder.succeed("export stage --min-molecules 20 --max-elongation 3 --count-matrix-format tsv -o few.csv");
    let all = folder.table("all_cell_stats.csv");
    let (sizes, elongations) = (all.numbers("n_transcripts"), all.numbers("elongation"));
    let names: Vec<&str> = all.column("cell");
    let kept: Vec<&str> = (0..names.len())
        .filter(|&cell| sizes[cell] >= 20.0 && elongations[cell] <= 3.0)
        .map(|cell| names[cell])
        .collect();
    assert!(kept.len() > 5 && kept.len() < names.len(), "{} of {}", kept.len(), names.len());
    let found = CellSets::read(&folder, "few");
    assert_eq!((&found.counts, &found.polygons), (&found.cell_stats, &found.cell_stats));
    assert_eq!(found.cell_stats, kept);
    assert_eq!(found.molecules, kept.iter().map(|&cell| cell.to_owned()).collect());
    let (before, after) = (folder.table("all.csv"), folder.table("few.csv"));
    for (row, (was, is)) in before.column("cell").into_iter().zip(after.column("cell")).enumerate() {
        let expected = if kept.contains(&was) { was } else { "" };
        assert_eq!((is, after.column("is_noise")[row]), (expected, if expected.is_empty() { "true" } else { "false" }));
    }
    let record = folder.json("few_export.json");
    assert_eq!(record["n_cells"], names.len());
    assert_eq!(record["n_cells_kept"], kept.len());
    assert_eq!(record["filters"][0]["statistic"], "n_transcripts");
    assert_eq!(record["filters"][0]["n_cells_beyond"], sizes.iter().filter(|&&n| n < 20.0).count());
    assert!(!folder.path("all_export.json").exists(), "the plain bundle is what run writes, and nothing beside it");
}

#[test]
fn a_format_that_fails_leaves_the_others() {
    let folder = folder();
    folder.succeed("run t2.csv -m 8 -s 3 --iters 20 --n-clusters 1 --stage stage");
    folder.write("x.h5ad/in_the_way", "");
    let outcome = folder.baysor(&["export", "stage", "--format", "10x-mtx,h5ad,baysor,vpt", "-o", "x.csv"]);
    outcome.assert_failure(1, &["1 of 4 formats", "h5ad", "a folder"]);
    for file in ["x.csv", "x_counts.loom", "x_feature_bc_matrix/matrix.mtx.gz", "x_vpt/cell_by_gene.csv"] {
        assert!(folder.path(file).is_file(), "{file}");
    }
    let record = folder.json("x_export.json");
    assert!(record["files"].get("h5ad").is_none() && record["files"].get("vpt").is_some(), "{record}");
    for (arguments, code, texts) in [
        ("--format h5", 2, &["'h5' is not one of", "h5ad"][..]),
        ("--min-area 9 --max-area 8", 2, &["--min-area"]),
        ("--min-confidence 2", 2, &["--min-confidence"]),
        ("--min-cluster-frac 0.5", 1, &["max_cluster_frac"]),
        ("--format h5ad --nuclei-from compartments", 1, &["--nuclei-from", "no compartments"]),
    ] {
        let arguments: Vec<&str> = "export stage -o y.csv".split(' ').chain(arguments.split(' ')).collect();
        folder.baysor(&arguments).assert_failure(code, texts);
    }
}
