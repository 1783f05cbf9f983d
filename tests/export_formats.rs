//! The formats of `export`: the same bytes from `run` and from a stage, cells left out everywhere alike, and each format
//! for itself. What other programs read from them is in `tests/readers/exports.py`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::collections::BTreeMap;
use std::fs;

use support::{CellSets, Folder, Table, Tissue, polygon_cells, ring_of};

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

/// Whether a ring goes around a point: how often it crosses the line from there to the right.
fn is_around(ring: &[[f64; 2]], [x, y]: [f64; 2]) -> bool {
    let crosses = |pair: &&[[f64; 2]]| {
        let ([x0, y0], [x1, y1]) = (pair[0], pair[1]);
        (y0 > y) != (y1 > y) && x < x0 + (y - y0) / (y1 - y0) * (x1 - x0)
    };
    ring.windows(2).filter(crosses).count() % 2 == 1
}

/// The cell in whose polygon a point lies, of several the one with the nearest center; empty in none.
fn cell_at(cells: &Table, polygons: &serde_json::Value, [x, y]: [f64; 2]) -> String {
    let (names, xs, ys) = (cells.column("cell"), cells.numbers("x"), cells.numbers("y"));
    let found = polygon_cells(polygons).into_iter().zip(polygons["features"].as_array().unwrap());
    let mut around: Vec<(f64, String)> = found
        .filter(|(_, feature)| is_around(&ring_of(feature), [x, y]))
        .map(|(name, _)| {
            let at = names.iter().position(|have| *have == name).unwrap();
            ((xs[at] - x).powi(2) + (ys[at] - y).powi(2), name)
        })
        .collect();
    around.sort_by(|one, other| one.0.total_cmp(&other.0));
    around.into_iter().next().map(|(_, name)| name).unwrap_or_default()
}

#[test]
fn excluded_genes_are_counted_in_the_cells_whose_boundaries_hold_them() {
    let folder = folder();
    // A gene of one molecule, far from all cells.
    folder.write("t3.csv", folder.text("t3.csv") + "77,0.5,far,-90,4,Rare,none\n");
    let read = "--coordinate-scale 2 --x-max 120 --min-molecules-per-gene 2 --exclude-genes ^Gene07,Gene1[23]";
    folder.succeed(&format!("run t3.csv -m 8 -s 6 --iters 30 {read} --stage stage"));
    let filter = "--min-molecules 20 --count-matrix-format tsv";
    folder.succeed(&format!("export stage {filter} -o plain.csv"));
    folder.succeed(&format!("export stage {filter} --add-excluded t3.csv -t 1 -o one.csv"));
    folder.succeed(&format!("export stage {filter} --add-excluded t3.csv -t 2 -o two.csv"));

    let (cells, polygons) = (folder.table("one_cell_stats.csv"), folder.json("one_polygons_2d.json"));
    let input = folder.table("t3.csv");
    let is_left_out = |gene: &str| ["Gene07", "Gene12", "Gene13", "Rare"].contains(&gene);
    let (genes, xs) = (input.column("gene"), input.numbers("x"));
    let rows: Vec<usize> = (0..genes.len()).filter(|&row| is_left_out(genes[row]) && 2.0 * xs[row] <= 120.0).collect();
    let excluded = folder.table("one_excluded.csv");
    assert_eq!(excluded.names(), ["id", "x", "note", "y", "z", "gene", "cell_id", "cell"]);
    for name in ["id", "note", "gene", "cell_id"] {
        let expected: Vec<&str> = rows.iter().map(|&row| input.column(name)[row]).collect();
        assert_eq!(excluded.column(name), expected, "{name}");
    }
    let at: Vec<[f64; 2]> = excluded.numbers("x").into_iter().zip(excluded.numbers("y")).map(|(x, y)| [x, y]).collect();
    assert_eq!(at[0][0], 2.0 * xs[rows[0]]);
    let expected: Vec<String> = at.iter().map(|&at| cell_at(&cells, &polygons, at)).collect();
    let names: Vec<&str> = expected.iter().map(String::as_str).collect();
    assert_eq!(excluded.column("cell"), names);
    let n_inside = names.iter().filter(|name| !name.is_empty()).count();
    assert!(n_inside > 40 && n_inside < names.len(), "{n_inside} of {}", names.len());
    assert_eq!(names.last(), Some(&""), "the far one is in no cell");

    let counts = Table::parse(&folder.text("one_excluded_counts.tsv"), '\t');
    assert_eq!(counts.column("gene"), ["Gene07", "Gene12", "Gene13", "Rare"]);
    assert_eq!(counts.header, Table::parse(&folder.text("one_counts.tsv"), '\t').header);
    for cell in &counts.header[1..] {
        let of_gene = |gene: &str| {
            let is_there = |(row, name): &(usize, &&str)| *name == cell && genes[rows[*row]] == gene;
            names.iter().enumerate().filter(is_there).count() as f64
        };
        let expected: Vec<f64> = counts.column("gene").into_iter().map(of_gene).collect();
        assert_eq!(counts.numbers(cell), expected, "{cell}");
    }
    let record = folder.json("one_export.json");
    let expected = serde_json::json!({
        "n_genes": 4, "n_molecules": names.len(), "n_molecules_in_cells": n_inside,
        "files": ["one_excluded.csv", "one_excluded_counts.tsv"],
    });
    assert_eq!(record["excluded_genes"], expected);

    for (name, bytes) in formats(&folder, "one").iter().filter(|(name, _)| *name != "_export.json") {
        assert!(*bytes == fs::read(folder.path(&format!("two{name}"))).unwrap(), "{name}");
        if !name.starts_with("_excluded") {
            assert!(*bytes == fs::read(folder.path(&format!("plain{name}"))).unwrap(), "{name}");
        }
    }
}

#[test]
fn another_table_is_refused_and_without_excluded_genes_nothing_is_written() {
    let folder = folder();
    folder.succeed("run t2.csv -m 8 -s 3 --iters 20 --exclude-genes Gene07 --stage stage");
    let export = |arguments: &str| folder.baysor(&arguments.split(' ').collect::<Vec<_>>());
    let outcome = export("export stage --add-excluded t3.csv -o x.csv");
    outcome.assert_failure(1, &["--add-excluded 't3.csv'", "stage was made from", "'t2.csv' then", "the very table"]);
    export("export stage --add-excluded gone.csv -o x.csv").assert_failure(1, &["gone.csv"]);
    assert!(!folder.path("x.csv").exists(), "nothing is written");
    export("export stage --add-excluded t2.csv -o t2.csv").assert_failure(2, &["--output", "overwritten"]);

    // Loom, and no format of Baysor 0.7.1 beside it.
    folder.succeed("export stage --add-excluded t2.csv --format 10x-h5 -o x.csv");
    assert!(folder.path("x_excluded_counts.loom").is_file() && !folder.path("x_excluded_counts.tsv").exists());
    assert_eq!(folder.json("x_export.json")["excluded_genes"]["n_genes"], 1);

    folder.succeed("run t2.csv -m 8 -s 3 --iters 20 --stage whole");
    let outcome = folder.succeed("export whole --add-excluded t2.csv -o w.csv");
    assert!(outcome.stderr.contains("no gene of t2.csv was left out"), "{}", outcome.stderr);
    assert!(folder.names().iter().all(|name| !name.starts_with("w_ex")), "{:?}", folder.names());
}
