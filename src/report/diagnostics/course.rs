//! How the iterations went.

use super::figures::Lines;
use super::{Run, caption, nothing};
use crate::data::Change;
use crate::report::document::{Block, Section};

/// The section.
pub fn section(run: &Run<'_>) -> Section {
    let mut section = Section::new("Algorithm_convergence", "Convergence");
    if run.course.entries.is_empty() {
        nothing(&mut section, no_iterations(run));
    } else {
        if run.course.thresholds.is_empty() {
            nothing(&mut section, "The numbers of components were not kept, so nothing can be said about them.");
        }
        for figures in [[components(run), late_cells(run)], [noise(run), moved(run)]] {
            let figures: Vec<Block> = figures.into_iter().flatten().collect();
            if !figures.is_empty() {
                section.push(Block::Row(figures));
            }
        }
    }
    let propagations = [
        changes("Molecule clustering", run.clusters, "clusters"),
        changes("Compartments", run.compartments, "compartments"),
    ];
    let propagations: Vec<Block> = propagations.into_iter().flatten().collect();
    if propagations.is_empty() {
        nothing(&mut section, no_propagations(run));
    } else {
        section.push(Block::Row(propagations));
    }
    section
}

/// Why there are no iterations of the model to show.
fn no_iterations(run: &Run<'_>) -> &'static str {
    if run.made.is_merged {
        "The cells are merged from tiles. There are no iterations of the whole: every tile had its own, and the stages of \
         the tiles have them."
    } else {
        "The iterations of the model were not kept, so nothing can be said about them."
    }
}

/// Why there are no iterations of the molecule clustering and of the compartments to show.
fn no_propagations(run: &Run<'_>) -> &'static str {
    match (run.stats.cluster.is_some(), run.made.is_merged) {
        (false, _) => "Molecules were not clustered in this run.",
        (true, true) => {
            "The stages of the tiles have the iterations of the tiles, those of the molecule clustering, too."
        }
        (true, false) => "The iterations of the molecule clustering were not kept.",
    }
}

/// Numbers of components by their least number of molecules.
fn components(run: &Run<'_>) -> Option<Block> {
    let lines = run.course.thresholds.iter().enumerate();
    let lines = lines.map(|(at, threshold)| (format!("≥ {threshold}"), line(run, at, 0)));
    let (y, legend) = ("components", "molecules");
    let lines = Lines { y, legend, lines: lines.collect(), from_zero: true, ..Lines::default() };
    let shows = format!(
        "Components of the model with at least so many molecules. Those of {} or more are the cells to look at.",
        run.made.min_molecules_per_cell
    );
    let good = "all lines fall or rise at first and run level at the end.";
    let bad = "lines that still fall or rise at the end: raise --iters.";
    let chart = lines.chart("Components per iteration")?;
    Some(Block::Chart(chart, caption(shows, good, bad)))
}

/// The cells alone in the last part of the iterations, if that is long enough.
fn late_cells(run: &Run<'_>) -> Option<Block> {
    let (n, least) = (run.course.entries.len(), run.made.min_molecules_per_cell as u32);
    let at = run.course.thresholds.iter().position(|&threshold| threshold >= least)?;
    let first = n / 2;
    let lines = vec![("cells".to_owned(), line(run, at, first))];
    let lines = Lines { y: "components", first, lines, ..Lines::default() };
    let shows = format!("Components of {least} or more molecules in the second half of the iterations, enlarged.");
    let good = "jitter around a level, or a slope of a few percent: cells join now and then, for ever.";
    let bad = "a steep slope: with more iterations there would be clearly fewer cells, or more.";
    let chart = (n >= 20).then(|| lines.chart("Cells in the second half of the iterations")).flatten()?;
    Some(Block::Chart(chart, caption(shows, good, bad)))
}

/// Numbers of components of one threshold from an iteration on.
fn line(run: &Run<'_>, threshold: usize, first: usize) -> Vec<f64> {
    let entries = run.course.entries.iter().skip(first);
    entries.map(|entry| entry.n_components.get(threshold).map_or(f64::NAN, |&n| f64::from(n))).collect()
}

fn noise(run: &Run<'_>) -> Option<Block> {
    let values = run.course.entries.iter().map(|entry| 100.0 * entry.noise_share).collect();
    let lines = vec![("noise".to_owned(), values)];
    let lines = Lines { y: "share of the molecules, %", lines, from_zero: true, ..Lines::default() };
    let shows = "Molecules that the model calls noise.";
    let good = "a level that settles within the first iterations; a saw-tooth is normal, small components come and go.";
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
    let lines = Lines { y: "change, %", first: 1, lines, from_zero: true, is_sqrt: true, ..Lines::default() };
    let shows = format!(
        "{title}: the largest change of a probability, and the share of molecules that changed at all. Iterations end \
         when the first has been below 1 % for 21 of them."
    );
    let bad = format!("a line that ends high: the {what} were still moving when iterations ran out.");
    let chart = lines.chart(&format!("{title} per iteration"))?;
    Some(Block::Chart(chart, caption(shows, "both lines fall to nearly 0.", &bad)))
}
