//! `baysor run` gives the same bytes whatever the number of threads, and another result for another seed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::{Folder, Tissue};

/// Asserts the same files for 1, 2 and 8 threads. More molecules than one block of a parallel sum.
fn same_on_any_number_of_threads(csv: &str, arguments: &str) {
    let folder = Folder::with("t.csv", csv);
    for threads in [1, 2, 8] {
        folder.succeed(&format!("run t.csv -m 8 --iters 30 {arguments} -t {threads} -o out{threads}.csv"));
    }
    let of = |threads: usize| -> BTreeMap<String, Vec<u8>> {
        let own = |name: &String| name.starts_with(&format!("out{threads}")) && !name.contains("params.dump");
        let results = folder.results(&["t.csv"]).into_iter().filter(|(name, _)| own(name));
        results.map(|(name, bytes)| (name.replacen(&format!("out{threads}"), "out", 1), bytes)).collect()
    };
    let one = of(1);
    assert!(one.len() >= 4, "{:?}", one.keys());
    for threads in [2, 8] {
        for (name, bytes) in of(threads) {
            assert!(one[&name] == bytes, "{arguments}: {name} differs with {threads} threads");
        }
    }
}

fn large() -> Tissue {
    Tissue { side: 14, per_cell: 30, ..Tissue::default() }
}

#[test]
fn threads_do_not_change_2d_results() {
    same_on_any_number_of_threads(&large().csv_2d(), "-s 3");
}

#[test]
fn threads_do_not_change_3d_results() {
    same_on_any_number_of_threads(&large().csv_3d(), "-s 3");
}

#[test]
fn threads_do_not_change_results_with_a_prior() {
    same_on_any_number_of_threads(&large().csv_with_prior(), ":cell_id --prior-segmentation-confidence 0.5");
}

#[test]
fn threads_do_not_change_results_with_a_trusted_prior() {
    same_on_any_number_of_threads(&large().csv_with_prior(), ":cell_id --prior-segmentation-confidence 1");
}

#[test]
fn another_seed_gives_another_result_and_the_same_one_the_same() {
    let folder = Folder::with("t.csv", Tissue::default().csv_2d());
    let cells = |seed: u64, output: &str| -> Vec<String> {
        folder.succeed(&format!("run t.csv -m 8 -s 3 --iters 30 --seed {seed} --run-id same -o {output}/"));
        let table = folder.table(&format!("{output}/segmentation.csv"));
        table.column("cell").into_iter().map(str::to_owned).collect()
    };
    let first = cells(1, "a");
    assert_ne!(first, cells(2, "b"));
    assert_eq!(first, cells(1, "c"));
}

#[test]
fn run_ids_differ_between_seeds_and_inputs_but_not_between_formats() {
    let tissue = Tissue { side: 4, ..Tissue::default() };
    let folder = Folder::with("t.csv", tissue.csv_2d());
    folder.write("u.csv", Tissue { seed: 2, ..tissue }.csv_2d());
    let prefix = |line: &str| -> String {
        folder.succeed(&format!("run -m 8 -s 3 --iters 30 {line}"));
        let stats = folder.table("segmentation_cell_stats.csv");
        stats.column("cell")[0].split('-').next().unwrap().to_owned()
    };
    let plain = prefix("t.csv");
    assert_eq!(plain, prefix("t.csv --polygon-format none --count-matrix-format tsv -t 3"));
    assert_ne!(plain, prefix("t.csv --seed 2"));
    assert_ne!(plain, prefix("u.csv"));
    assert_eq!("Cmine", prefix("t.csv --run-id mine"));
}

#[test]
fn a_fully_trusted_prior_cell_is_never_split_or_joined() {
    for arguments in ["", "-s 3", "-s 2 --n-clusters 1"] {
        let folder = Folder::with("t.csv", large().csv_with_prior());
        folder.succeed(&format!("run t.csv :cell_id -m 8 --iters 60 --prior-segmentation-confidence 1 {arguments}"));
        let table = folder.table("segmentation.csv");
        let mut cells_of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut segments_of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (segment, cell) in table.column("prior_segmentation").into_iter().zip(table.column("cell")) {
            if segment != "0" && !cell.is_empty() {
                cells_of.entry(segment).or_default().insert(cell);
                segments_of.entry(cell).or_default().insert(segment);
            }
        }
        assert!(cells_of.len() > 150);
        for (segment, cells) in &cells_of {
            assert_eq!(cells.len(), 1, "{arguments}: segment {segment} is split over {cells:?}");
        }
        for (cell, segments) in &segments_of {
            assert_eq!(segments.len(), 1, "{arguments}: cell {cell} joins {segments:?}");
        }
    }
}
