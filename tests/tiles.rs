//! A slide in tiles: `split`, `run` on every tile, `merge`, against one process and against the undivided slide.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::collections::BTreeMap;
use std::fs;

use support::{Folder, Tissue, agreement};

/// How all slides here are segmented and divided.
const MODEL: &str = "-m 10 -s 3 --iters 60";
const TILES: &str = "--max-molecules-per-tile 1500 --margin 4";

/// A folder with the tissue in 3D, a prior column, and a column that nobody knows.
fn folder(side: usize) -> Folder {
    let tissue = Tissue { side, ..Tissue::default() };
    let note = |row: usize| ["plain", "\"a, b\"", ""][row % 3];
    let table = tissue.table("id,x,note,y,z,gene,cell_id", |row, m| {
        format!("{},{},{},{},{},{},{}", u64::MAX - row as u64, m.x, note(row), m.y, m.z, m.gene, m.core())
    });
    Folder::with("t.csv", table)
}

/// The tables of a stage.
fn tables(folder: &Folder, stage: &str) -> BTreeMap<String, Vec<u8>> {
    let names = folder.names().into_iter().filter(|name| name.starts_with(stage) && name.ends_with(".arrow"));
    names.map(|name| (name[stage.len()..].to_owned(), fs::read(folder.path(&name)).unwrap())).collect()
}

fn assert_same(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) {
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, content) in one {
        assert!(content == &other[name], "{name} differs");
    }
}

/// Names of the tiles in a folder.
fn tiles_in(folder: &Folder, tiles: &str) -> Vec<String> {
    let list = folder.json(&format!("{tiles}/tiles.json"));
    list["tiles"].as_array().unwrap().iter().map(|tile| tile["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn order_and_place_of_the_runs_of_tiles_change_nothing() {
    let folder = folder(14);
    folder.succeed(&format!("run t.csv :cell_id {MODEL} {TILES} --stage one/ -o final/ -t 2"));
    folder.succeed(&format!("split t.csv :cell_id {MODEL} {TILES} -o tiles/ -t 1"));
    let names = tiles_in(&folder, "tiles");
    assert!(names.len() >= 4, "{names:?}");
    for (at, name) in names.iter().rev().enumerate() {
        let threads = 1 + at % 3;
        folder.succeed(&format!("run tiles/{name} --stage runs/{name} -t {threads}"));
    }
    // One is lost and done again, from a copy elsewhere.
    fs::remove_dir_all(folder.path(&format!("runs/{}", names[1]))).unwrap();
    fs::rename(folder.path(&format!("tiles/{}", names[1])), folder.path("elsewhere")).unwrap();
    folder.succeed("run elsewhere --stage again -t 2");
    let mut runs: Vec<String> =
        names.iter().filter(|name| **name != names[1]).map(|name| format!("runs/{name}")).collect();
    runs.insert(0, "again".to_owned());
    runs.reverse();
    folder.succeed(&format!("merge {} --stage merged/ -t 1", runs.join(" ")));
    assert_same(&tables(&folder, "one/"), &tables(&folder, "merged/"));
    // The final files are those of the export, and nothing is left of the tiles.
    folder.succeed("export merged/ -o exported/");
    for name in
        ["segmentation.csv", "segmentation_cell_stats.csv", "segmentation_counts.loom", "segmentation_polygons_3d.json"]
    {
        let [one, other] = ["final", "exported"].map(|stem| fs::read(folder.path(&format!("{stem}/{name}"))).unwrap());
        assert!(one == other, "{name} differs");
    }
    assert!(!folder.names().iter().any(|name| name.contains("scratch") || name.contains("SCRATCH")));
    // Rows, columns and their order are those of the input.
    let [input, output] = [folder.table("t.csv"), folder.table("final/segmentation.csv")];
    assert_eq!(input.column("id"), output.column("id"));
    assert_eq!(input.column("note"), output.column("note"));
    assert_eq!(output.header[1], "x");
}

#[test]
fn tiles_that_do_not_belong_together_are_refused() {
    let folder = folder(14);
    folder.succeed(&format!("split t.csv {MODEL} --iters 3 {TILES} -o tiles/ -t 1"));
    let names = tiles_in(&folder, "tiles");
    for name in &names {
        folder.succeed(&format!("run tiles/{name} --stage runs/{name} -t 1"));
    }
    let last = names.last().unwrap();
    let fails = |line: &str, texts: &[&str]| {
        folder.baysor(&line.split_whitespace().collect::<Vec<_>>()).assert_failure(1, texts);
    };
    let others: Vec<String> = names[1..].iter().map(|name| format!("runs/{name}")).collect();
    fails(&format!("merge {} --stage m", others.join(" ")), &["tile 1", "missing"]);
    folder.succeed(&format!("split t.csv {MODEL} --iters 3 --seed 2 {TILES} -o other/ -t 1"));
    folder.succeed(&format!("run other/{last} --stage foreign -t 1"));
    let mixed: Vec<String> = names[..names.len() - 1].iter().map(|name| format!("runs/{name}")).collect();
    fails(&format!("merge {} foreign --stage m", mixed.join(" ")), &["foreign", "another"]);
    // A tile keeps its settings.
    let outcome = folder.baysor(&["run", "tiles/tile_0001", "--stage", "r", "--seed", "5"]);
    outcome.assert_failure(2, &["seed", "5", "split"]);
    assert!(!folder.path("m").exists() && !folder.path("r").exists());
}

#[test]
fn a_run_in_tiles_that_was_killed_does_not_repeat_finished_tiles() {
    let folder = folder(14);
    let line = format!("run t.csv {MODEL} --iters 200 {TILES} -o out/ -t 1");
    let arguments: Vec<&str> = line.split_whitespace().collect();
    folder.baysor_killed_at("Tile 3 of", "out/segmentation_log.log", &arguments);
    assert!(!folder.path("out/segmentation.csv").exists());
    let outcome = folder.succeed(&format!("{line} --resume"));
    assert!(outcome.stderr.contains("tile_0001 is finished already"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("tile_0002 is finished already"), "{}", outcome.stderr);
    folder.succeed(&line.replace("out/", "plain/"));
    for name in ["segmentation.csv", "segmentation_counts.loom", "segmentation_polygons_2d.json"] {
        let [one, other] = ["out", "plain"].map(|stem| fs::read(folder.path(&format!("{stem}/{name}"))).unwrap());
        assert!(one == other, "{name} differs");
    }
}

#[test]
fn a_slide_that_fits_is_not_divided() {
    let folder = folder(6);
    folder.succeed(&format!("run t.csv {MODEL} -o plain/ -t 2"));
    let outcome = folder.succeed(&format!("run t.csv {MODEL} --max-memory 2GB -o limited/ -t 2"));
    assert!(outcome.stderr.contains("no tiles are needed"), "{}", outcome.stderr);
    let [one, other] = ["plain", "limited"].map(|stem| folder.text(&format!("{stem}/segmentation.csv")));
    assert!(one == other);
}

/// Margins: two seeds of the whole agree only as far as chance lets them, and tiles must do as well. A fiftieth is the
/// spread of that agreement over pairs of seeds on a tissue of this size; borders must not cost or make one cell in fifty.
#[test]
fn a_slide_in_tiles_is_as_near_the_whole_as_another_seed() {
    let folder = folder(20);
    let cells = |name: &str, more: &str| {
        folder.succeed(&format!("run t.csv {MODEL} --iters 150 {more} -o {name}/ -t 2 --polygon-format none"));
        let table = folder.table(&format!("{name}/segmentation.csv"));
        let cells: Vec<String> = table.column("cell").into_iter().map(str::to_owned).collect();
        (cells, folder.table(&format!("{name}/segmentation_cell_stats.csv")).column("cell").len())
    };
    let (whole, n_whole) = cells("whole", "");
    let (seed, _) = cells("seed", "--seed 2");
    let (tiled, n_tiled) = cells("tiled", "--max-molecules-per-tile 2600 --margin 4");
    // Names of cells tell that they are not those of the whole.
    assert!(tiled.iter().all(|cell| cell.is_empty() || !whole.contains(cell)));
    let (of_seeds, of_tiles) = (agreement(&whole, &seed), agreement(&whole, &tiled));
    assert!(of_tiles >= of_seeds - 0.02, "{of_tiles} in tiles, {of_seeds} between seeds");
    assert!(n_tiled.abs_diff(n_whole) * 50 <= n_whole, "{n_tiled} cells in tiles, {n_whole} in the whole");
}
