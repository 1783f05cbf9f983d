//! The numbers of a run for MultiQC.

use std::path::Path;

use serde_json::{Value, json};

use crate::config::OutputNames;
use crate::report::chart::significant;
use crate::report::diagnostics::Run;
use crate::report::diagnostics::figures::median;
use crate::report::diagnostics::molecules::sure_share;
use crate::report::multiqc::{Head, Number, general_stats, line, table};

/// Points of the line, at most.
const N_POINTS: usize = 200;

/// Files with their sections. The sample is called by the run id where nothing else tells its name.
///
/// A line without points would be an empty section, so without iterations there is no file of the convergence.
pub fn sections<'a>(run: &Run<'_>, outputs: &'a OutputNames) -> Vec<(&'a Path, Value)> {
    let sample = outputs.sample.as_ref().unwrap_or(&run.made.run_id);
    let numbers = numbers(run);
    let general = Head {
        id: "baysor_run",
        name: "Baysor segmentation",
        description: "Cells that were found, and how many molecules are in them.",
    };
    let cells = Head {
        id: "baysor_cells",
        name: "Cells",
        description: "Cells of a segmentation in numbers. Many small cells, or a median radius far from the scale, hint at a \
                      wrong scale; see the page with diagnostics of the run.",
    };
    let convergence = Head {
        id: "baysor_convergence",
        name: "Convergence",
        description: "Cells of at least the least number of molecules, as the share of their number at the end, by \
                      iteration. Lines should be level at the end; otherwise the run needs more iterations.",
    };
    let axes = ["iteration", "cells, % of their number at the end"];
    let mut sections: Vec<(&Path, Value)> = vec![
        (&outputs.multiqc_numbers, general_stats(general, sample, &numbers[..N_GENERAL])),
        (&outputs.multiqc_cells, table(cells, sample, &numbers)),
    ];
    let points = course(run);
    if !points.is_empty() {
        sections.push((&outputs.multiqc_convergence, line(convergence, axes, sample, points)));
    }
    sections
}

/// So many of the numbers stand in the general statistics.
const N_GENERAL: usize = 4;

fn numbers(run: &Run<'_>) -> Vec<Number> {
    let count = |key, title, description, n: usize| Number {
        key,
        title,
        description,
        value: json!(n),
        suffix: "",
        format: "{:,.0f}",
        max: None,
    };
    let share = |key, title, description, share: f64| Number {
        key,
        title,
        description,
        value: significant(100.0 * share, 4),
        suffix: " %",
        format: "{:,.1f}",
        max: Some(100.0),
    };
    let real = |key, title, description, value: f64| Number {
        key,
        title,
        description,
        value: significant(value, 4),
        suffix: "",
        format: "{:,.2f}",
        max: None,
    };
    let of_cells = |values: &[u32]| median(values.iter().map(|&n| f64::from(n)));
    let n_cells = run.stats.n_cells();
    let small = 1.0 - run.n_large_cells() as f64 / n_cells as f64;
    let mut numbers = vec![
        count("cells", "Cells", "Cells that were found", n_cells),
        share("assigned", "In cells", "Share of the molecules that are in cells", run.assigned_share()),
        real("molecules_per_cell", "Per cell", "Median molecules per cell", of_cells(&run.stats.n_transcripts)),
        share("noise", "Noise", "Share of the molecules that are in no cell", 1.0 - run.assigned_share()),
        count("molecules", "Molecules", "Molecules after the filters", run.n_molecules()),
        count("genes", "Genes", "Genes after the filters", run.made.n_genes),
        real("genes_per_cell", "Genes per cell", "Median different genes per cell", of_cells(&run.genes_of_cell)),
        share("small_cells", "Small cells", "Share of the cells with fewer molecules than a real cell", small),
        real("scale", "Scale", "Expected cell radius, in coordinate units", run.made.scale),
        real("radius", "Radius", "Median radius of a circle of the area of a cell", median(run.radii().into_iter())),
        share(
            "sure",
            "Sure",
            "Share of the molecules in cells with an assignment confidence of 0.95 or more",
            sure_share(run),
        ),
        Number {
            value: if run.course.entries.is_empty() { Value::Null } else { json!(run.n_iterations()) },
            ..count("iterations", "Iterations", "Iterations of the model", 0)
        },
    ];
    if let Some(prior) = &run.prior {
        let nuclei = &prior.nuclei.counts;
        let [several, without, whole] = [
            "Share of the cells with more than half of the molecules of several segments of the prior",
            "Share of the cells without a segment of the prior",
            "Share of the segments of the prior with at least 90 % of their molecules in one cell",
        ];
        numbers.push(share("several_nuclei", "Several nuclei", several, nuclei.several_share()));
        numbers.push(share("no_nucleus", "No nucleus", without, nuclei.without_share()));
        numbers.push(share("whole_nuclei", "Whole nuclei", whole, nuclei.whole_share()));
    }
    numbers
}

/// The number of cells by iteration, in percent of the last one.
fn course(run: &Run<'_>) -> Vec<(f64, f64)> {
    let least = run.made.min_molecules_per_cell as u32;
    let Some(at) = run.course.thresholds.iter().position(|&threshold| threshold >= least) else { return Vec::new() };
    let cells: Vec<f64> = run.course.entries.iter().map(|entry| f64::from(entry.n_components[at])).collect();
    let last = cells.last().copied().unwrap_or(0.0).max(1.0);
    let step = cells.len().div_ceil(N_POINTS).max(1);
    // Backwards, so that the last iteration is always there.
    let points = cells.iter().enumerate().rev().step_by(step);
    let mut points: Vec<(f64, f64)> =
        points.map(|(at, n)| (at as f64, significant(100.0 * n / last, 4).as_f64().unwrap_or(0.0))).collect();
    points.reverse();
    points
}
