//! Nuclei of cells: the columns that a prior segmentation adds to the table of cells, filters by them, and what is said.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::collections::BTreeMap;

use support::{Folder, Table, Tissue};

const PRIOR: &str = ":cell_id --prior-segmentation-confidence 0.5";
const MODEL: &str = "-m 8 --iters 30";

/// Columns that a prior adds, the last of the table.
const ADDED: [&str; 2] = ["n_nuclei", "prior_segment"];

fn folder(side: usize) -> Folder {
    let tissue = Tissue { side, ..Tissue::default() };
    let label = |core: usize| if core > 0 { format!("nucleus {core}") } else { "0".to_owned() };
    Folder::with(
        "t.csv",
        tissue.table("x,y,gene,cell_id", |_, m| format!("{},{},{},{}", m.x, m.y, m.gene, label(m.core()))),
    )
}

/// What the molecules say of nuclei.
struct Recount {
    /// Nuclei of each cell that has some, by name.
    of_cell: BTreeMap<String, usize>,
    n_whole: usize,
    n_without_cell: usize,
    n_nuclei: usize,
}

impl Recount {
    fn of(molecules: &Table) -> Self {
        let mut parts: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
        for (segment, cell) in molecules.column("prior_segmentation").into_iter().zip(molecules.column("cell")) {
            if segment != "0" {
                *parts.entry(segment).or_default().entry(cell).or_default() += 1;
            }
        }
        let mut found = Self { of_cell: BTreeMap::new(), n_whole: 0, n_without_cell: 0, n_nuclei: parts.len() };
        for parts in parts.values() {
            let size: usize = parts.values().sum();
            let largest = parts.iter().filter(|part| !part.0.is_empty()).map(|part| *part.1).max().unwrap_or(0);
            let noise = parts.get("").copied().unwrap_or(0);
            found.n_whole += usize::from(10 * largest >= 9 * size);
            found.n_without_cell += usize::from(2 * (size - noise) < size);
            for (cell, _) in parts.iter().filter(|(cell, n)| !cell.is_empty() && 2 * **n > size) {
                *found.of_cell.entry((*cell).to_owned()).or_default() += 1;
            }
        }
        found
    }

    fn n_nuclei(&self, cell: &str) -> usize {
        self.of_cell.get(cell).copied().unwrap_or(0)
    }

    /// Asserts that the table of cells says the same.
    fn assert_is(&self, cells: &Table) {
        for (cell, n) in cells.column("cell").into_iter().zip(cells.column("n_nuclei")) {
            assert_eq!(n, self.n_nuclei(cell).to_string(), "{cell}");
        }
    }

    /// Cells without nuclei, with one, with several.
    fn by_number(&self, cells: &Table) -> [usize; 3] {
        let mut n = [0; 3];
        cells.column("cell").iter().for_each(|cell| n[self.n_nuclei(cell).min(2)] += 1);
        n
    }
}

/// Asserts that the summary of a stage has the numbers of the recount.
fn assert_summary(folder: &Folder, stage: &str, recount: &Recount, cells: &Table) {
    let summary = &folder.json(&format!("{stage}/manifest.json"))["summary"]["nuclei"];
    let [without, one, several] = recount.by_number(cells);
    assert_eq!(summary["n_cells_without_nucleus"], without);
    assert_eq!(summary["n_cells_with_one_nucleus"], one);
    assert_eq!(summary["n_cells_with_several_nuclei"], several);
    assert_eq!(summary["n_nuclei_whole"], recount.n_whole);
    assert_eq!(summary["n_nuclei_without_cell"], recount.n_without_cell);
    let rest = recount.n_nuclei - recount.n_whole - recount.n_without_cell;
    assert_eq!(summary["n_nuclei_divided"], rest);
}

#[test]
fn numbers_of_nuclei_are_those_of_the_molecules_and_filters_keep_what_they_say() {
    let folder = folder(7);
    // With so large a scale cells have several nuclei, unless nuclei own cells.
    folder.succeed(&format!("run t.csv {PRIOR} {MODEL} -s 9 --stage stage -o all.csv"));
    let (molecules, cells) = (folder.table("all.csv"), folder.table("all_cell_stats.csv"));
    let at = cells.names().iter().position(|name| *name == "n_nuclei").unwrap();
    assert!(ADDED.starts_with(&cells.names()[at..]), "{:?}", cells.names());
    let recount = Recount::of(&molecules);
    recount.assert_is(&cells);
    assert_summary(&folder, "stage", &recount, &cells);
    if cells.names().contains(&"prior_segment") {
        let is_label = |text: &&str| text.is_empty() || text.starts_with("nucleus ");
        assert!(cells.column("prior_segment").iter().all(is_label));
    }

    for (limits, range) in
        [("--min-nuclei 1 --max-nuclei 1", 1..=1), ("--max-nuclei 0", 0..=0), ("--min-nuclei 2", 2..=99)]
    {
        folder.succeed(&format!("export stage {limits} -o few.csv"));
        let all = cells.column("cell").into_iter();
        let expected: Vec<&str> = all.filter(|cell| range.contains(&recount.n_nuclei(cell))).collect();
        let few = folder.table("few_cell_stats.csv");
        assert_eq!(few.column("cell"), expected, "{limits}");
        assert_eq!(folder.json("few_export.json")["filters"][0]["statistic"], "n_nuclei");
    }
    let arguments = ["export", "stage", "-o", "x.csv", "--min-nuclei", "2", "--max-nuclei", "1"];
    folder.baysor(&arguments).assert_failure(2, &["--min-nuclei", "no cell would be left"]);
    let inspected = folder.baysor(&["inspect", "stage"]);
    assert!(inspected.stdout.contains("n_cells_with_several_nuclei: "), "{}", inspected.stdout);
}

#[test]
fn many_cells_of_several_nuclei_are_warned_of_and_shown() {
    let folder = folder(5);
    for (name, scale) in [("good", "3"), ("large", "12")] {
        let line = format!("run t.csv {PRIOR} {MODEL} -s {scale} --plot --stage {name} -o {name}.csv");
        let outcome = folder.succeed(&line);
        let cells = folder.table(&format!("{name}_cell_stats.csv"));
        let recount = Recount::of(&folder.table(&format!("{name}.csv")));
        let [without, one, several] = recount.by_number(&cells);
        let n_cells = without + one + several;
        let text = "of the cells";
        let is_warned = outcome.stderr.lines().any(|line| line.contains(text) && line.contains("hold several nuclei"));
        assert_eq!(is_warned, 20 * several > n_cells, "{several} of {n_cells}: {}", outcome.stderr);
        if is_warned {
            outcome.assert_warning(&[
                "confidence was 0.5",
                "--prior-segmentation-confidence",
                "--prior-segments nuclei",
            ]);
            assert!(folder.text(&format!("{name}_log.log")).contains("hold several nuclei"));
        }
        let numbers = &folder.json(&format!("{name}_cells_mqc.json"))["data"];
        let share = numbers[name]["several_nuclei"].as_f64().unwrap();
        assert!((share - 100.0 * several as f64 / n_cells as f64).abs() < 0.05, "{share}");
        let page = folder.text(&format!("{name}_diagnostics.html"));
        for text in ["Several nuclei", "Whole nuclei", "nuclei without a cell", "Nuclei per cell"] {
            assert!(page.contains(text), "{text}");
        }
    }
}

#[test]
fn a_run_without_a_prior_that_is_used_has_no_columns_of_nuclei() {
    let folder = folder(5);
    for prior in ["", ":cell_id --prior-segmentation-confidence 0"] {
        folder.succeed(&format!("run t.csv {prior} {MODEL} -s 3 --stage stage -o out.csv"));
        let cells = folder.table("out_cell_stats.csv");
        assert_eq!(cells.names().last(), Some(&"lifespan"));
        let inspected = folder.baysor(&["inspect", "stage"]).stdout;
        assert!(ADDED.iter().all(|name| !inspected.contains(&format!("    {name} ("))), "{inspected}");
        assert!(folder.json("stage/manifest.json")["summary"].get("nuclei").is_none());
        let arguments = ["export", "stage", "--min-nuclei", "1", "-o", "few.csv"];
        folder.baysor(&arguments).assert_failure(1, &["no n_nuclei", "prior segmentation", "Leave out this limit"]);
    }
}

#[test]
fn nuclei_of_merged_tiles_are_counted_on_the_whole_slide() {
    let folder = folder(12);
    folder.succeed(&format!(
        "run t.csv {PRIOR} {MODEL} -s 3 --max-molecules-per-tile 1500 --margin 4 --stage stage -o out.csv"
    ));
    let cells = folder.table("out_cell_stats.csv");
    let recount = Recount::of(&folder.table("out.csv"));
    recount.assert_is(&cells);
    assert_eq!(folder.json("stage/manifest.json")["stage"], "merge");
    assert_summary(&folder, "stage", &recount, &cells);
}
