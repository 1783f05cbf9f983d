//! How the iterations went.

use super::figures::Lines;
use super::{Run, caption, nothing};
use crate::bmm::trace::TraceEntry;
use crate::data::Change;
use crate::report::document::{Block, Section};

/// The section.
pub fn section(run: &Run<'_>) -> Section {
    let mut section = Section::new("Algorithm_convergence", "Convergence");
    let model: Vec<Block> = [components(run, 0), later_components(run)].into_iter().flatten().collect();
    if model.is_empty() {
        nothing(&mut section, "The iterations of the model were not kept, so nothing can be said about them.");
    } else {
        section.push(Block::Row(model));
        let shares = [noise(run), moved(run)].into_iter().flatten().collect();
        section.push(Block::Row(shares));
    }
    let propagations = [
        changes("Molecule clustering", run.clusters, "clusters"),
        changes("Compartments", run.compartments, "compartments"),
    ];
    let propagations: Vec<Block> = propagations.into_iter().flatten().collect();
    if propagations.is_empty() {
        nothing(&mut section, "Molecules were not clustered in this run, or their iterations were not kept.");
    } else {
        section.push(Block::Row(propagations));
    }
    section
}

/// Numbers of components from an iteration on.
fn components(run: &Run<'_>, first: usize) -> Option<Block> {
    let entries = run.course.entries.get(first..)?;
    let count = |entry: &TraceEntry, at: usize| entry.n_components.get(at).map_or(f64::NAN, |&n| f64::from(n));
    let lines = run.course.thresholds.iter().enumerate().map(|(at, threshold)| {
        let name = if *threshold == 1 { "any molecules".to_owned() } else { format!("{threshold} or more molecules") };
        (name, entries.iter().map(|entry| count(entry, at)).collect())
    });
    let lines = Lines { y: "components (cells)", first, lines: lines.collect(), from_zero: first == 0, is_sqrt: false };
    let (label, shows, good, bad) = if first == 0 {
        (
            "Components per iteration",
            format!(
                "Components of the model, by their least number of molecules. Those of {} or more are the cells to look at.",
                run.made.min_molecules_per_cell
            ),
            "all lines fall or rise at first and run level at the end.",
            "lines that still fall or rise at the end: raise --iters.",
        )
    } else {
        (
            "Components in the last quarter of the iterations",
            "The last quarter of the same lines, enlarged.".to_owned(),
            "level lines with a little jitter.",
            "a steady slope: the number of cells would be another one with more iterations.",
        )
    };
    lines.chart(label).map(|chart| Block::Chart(chart, caption(shows, good, bad)))
}

/// The same for the last quarter, if that is long enough.
fn later_components(run: &Run<'_>) -> Option<Block> {
    let n = run.course.entries.len();
    (n >= 20).then(|| components(run, n - n / 4)).flatten()
}

fn noise(run: &Run<'_>) -> Option<Block> {
    let values = run.course.entries.iter().map(|entry| 100.0 * entry.noise_share).collect();
    let lines = vec![("noise".to_owned(), values)];
    let lines = Lines { y: "share of the molecules, %", lines, from_zero: true, ..Lines::default() };
    let shows = "Molecules that the model calls noise.";
    let good = "a level that settles within the first iterations.";
    let bad = "a line that climbs to the end: cells dissolve; is the scale, or the least number of molecules, right?";
    lines.chart("Noise per iteration").map(|chart| Block::Chart(chart, caption(shows, good, bad)))
}

fn moved(run: &Run<'_>) -> Option<Block> {
    let n = run.n_molecules() as f64;
    let values: Vec<f64> = run.course.entries.iter().skip(1).map(|entry| 100.0 * entry.n_changed as f64 / n).collect();
    let lines = vec![("moved".to_owned(), values)];
    let lines = Lines { y: "share of the molecules, %", first: 1, lines, from_zero: true, ..Lines::default() };
    let shows = "Molecules that went to another component in an iteration. Some always do: assignments are drawn.";
    let good = "a quick fall to a level, usually 10 to 20 %.";
    let bad = "no level yet: raise --iters; or a level above 40 %: cells have no clear borders.";
    lines.chart("Molecules moved per iteration").map(|chart| Block::Chart(chart, caption(shows, good, bad)))
}

/// Changes of a propagation on the graph.
fn changes(title: &str, changes: &[Change], what: &str) -> Option<Block> {
    let line = |of: fn(&Change) -> f32| changes.iter().map(|change| 100.0 * f64::from(of(change))).collect();
    let lines = vec![
        ("Max prob. difference".to_owned(), line(|change| change.largest)),
        ("Molecules changed".to_owned(), line(|change| change.share)),
    ];
    let lines = Lines { y: "change, %", first: 1, lines, from_zero: true, is_sqrt: true };
    let shows = format!(
        "{title}: the largest change of a probability, and the share of molecules that changed at all. Iterations end \
         when the first has been below 1 % for 21 of them."
    );
    let bad = format!("a line that ends high: the {what} were still moving when iterations ran out.");
    let chart = lines.chart(&format!("{title} per iteration"))?;
    Some(Block::Chart(chart, caption(shows, "both lines fall to nearly 0.", &bad)))
}
