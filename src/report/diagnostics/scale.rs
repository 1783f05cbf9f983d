//! Whether cells have the size that was expected, and whether that was the right size to expect.

use super::figures::{Axes, Mark, bins, bulk, curve, histogram, histograms, median};
use super::molecules::{SURE, sure_share};
use super::words::{percent, short};
use super::{Run, caption, nothing};
use crate::report::document::{Block, Section};

/// The section.
pub fn section(run: &Run<'_>) -> Section {
    let mut section = Section::new("Scale", "Size of cells");
    let figures: Vec<Block> = [trials(run), radii(run), likeness(run)].into_iter().flatten().collect();
    if figures.is_empty() {
        nothing(&mut section, "There are too few cells with enough molecules to say anything about their size.");
        return section;
    }
    // The table stands beside the last figure, if that would be alone.
    let mut figures = figures;
    let is_odd = figures.len() % 2 == 1;
    if is_odd {
        figures.push(signs(run));
    }
    section.push(Block::Row(figures));
    if !is_odd {
        section.push(signs(run));
    }
    section
}

/// How well scales foretell molecules that were held out.
fn trials(run: &Run<'_>) -> Option<Block> {
    let check = run.scale.as_ref()?;
    let mut marks: Vec<Mark> = vec![(run.made.scale, format!("this run {}", short(run.made.scale)))];
    marks.extend(check.suggested.map(|scale| (scale, format!("suggested {}", short(scale)))));
    let points: Vec<[f64; 3]> = check.trials.iter().map(|trial| [trial.scale, -trial.deficit, trial.error]).collect();
    let axes = Axes { x: "scale, coordinate units", y: "score, nats per molecule" };
    let chart = curve("How well scales foretell molecules", axes, &points, &marks)?;
    let shows = "Parts of the tissue were segmented again with several scales, each time without some of the molecules. \
                 The score says how well the cells found foretell the genes and places of those (0: the best scale \
                 tried; bars: standard error).";
    let good = "a clear top, and the scale of this run near it.";
    let bad = "this run far down a slope: take the scale of the top. A flat line says that the molecules do not tell.";
    Some(Block::Chart(chart, caption(shows, good, bad)))
}

/// Radii as multiples of the scale, so that all runs have the same axis.
fn radii(run: &Run<'_>) -> Option<Block> {
    let scale = run.made.scale;
    if scale.is_nan() || scale <= 0.0 {
        return None;
    }
    let relative: Vec<f64> = run.radii().into_iter().map(|radius| radius / scale).collect();
    let mut marks: Vec<Mark> = vec![(1.0, format!("scale {}", short(scale)))];
    let typical = median(relative.iter().copied());
    marks.push((typical, format!("median {}", short(typical))));
    if let Some(segments) = run.prior.as_ref().map(|prior| median(prior.radii.iter().copied())).filter(|r| *r > 0.0) {
        marks.push((segments / scale, format!("prior segments {}", short(segments / scale))));
    }
    let axes = Axes { x: "radius of the cell, as multiple of the scale", y: "cells" };
    let chart =
        histogram("Radii of cells beside the expected one", axes, &bins(relative.iter().copied(), [0.0, 2.5]), &marks)?;
    let shows = format!(
        "Radius of a circle of the area of each cell, divided by the scale, for cells of at least {} molecules.",
        run.made.min_molecules_per_cell
    );
    let good = "one hump around 1; the median between 0.8 and 1.2.";
    let bad = "most cells well below 0.8, or a second hump near 0.5: the scale is too large, and cells are smaller than \
               the model was told. Most well above 1.2: it is too small. The model pulls cells towards the scale, so \
               a wrong scale moves this hump less than one would think: look at the other signs, too.";
    Some(Block::Chart(chart, caption(shows, good, bad)))
}

fn likeness(run: &Run<'_>) -> Option<Block> {
    let all: Vec<f64> = run.likeness.of_neighbors.iter().chain(&run.likeness.of_strangers).copied().collect();
    let range = [bulk(&all, false)[0], 1.0];
    let kinds = [
        ("nearest cells", bins(run.likeness.of_neighbors.iter().copied(), range)),
        ("cells far apart", bins(run.likeness.of_strangers.iter().copied(), range)),
    ];
    let axes = Axes { x: "likeness of the genes of two cells (correlation)", y: "share of the pairs, %" };
    let chart = histograms("How alike neighboring cells are", axes, &kinds, &[])?;
    let shows = "How alike the genes of a cell and of its nearest neighbor are (1: the same, 0: like any two cells), \
                 beside pairs of cells that have nothing to do with one another.";
    let good = "both humps at nearly the same place; neighbors may be a little more alike, or much where cells of a \
                kind keep together.";
    let bad = "nearest cells clearly to the right of cells far apart, with many small cells: cells are cut into \
               pieces, and the pieces are alike. Raise the scale.";
    Some(Block::Chart(chart, caption(shows, good, bad)))
}

/// The signs of a wrong scale beside what is seen here.
fn signs(run: &Run<'_>) -> Block {
    let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
    let radii = run.radii();
    let relative = median(radii.iter().map(|radius| radius / run.made.scale));
    let small = 1.0 - run.n_large_cells() as f64 / run.stats.n_cells() as f64;
    let [near, far] =
        [&run.likeness.of_neighbors, &run.likeness.of_strangers].map(|values| median(values.iter().copied()));
    let mut rows = vec![
        row(["median radius / scale", &short(relative), "above 1.2", "below 0.8"]),
        row(["cells of fewer molecules than a real one", &percent(small), "above 10 %", "below 5 %"]),
        row([
            "neighbors more alike than cells far apart, by",
            &short(near - far),
            "above 0.1, with many small cells",
            "0 or below",
        ]),
    ];
    if run.assignment_confidence.is_some() {
        let name = format!("molecules with an assignment confidence of {SURE} or more");
        rows.push(row([&name, &percent(sure_share(run)), "below 60 %", "above 60 %"]));
    }
    if let Some(prior) = &run.prior {
        let (segments, cells) = (&prior.agreement.segments, &prior.agreement.segments_of_cell);
        let split = segments.iter().filter(|segment| segment.n_cells > 1).count() as f64 / segments.len() as f64;
        let shared = cells.iter().filter(|&&n| n > 1).count() as f64 / cells.len() as f64;
        let per_segment = run.n_large_cells() as f64 / segments.len() as f64;
        rows.push(row(["cells for each segment of the prior", &short(per_segment), "2 or more", "0.7 or less"]));
        rows.push(row(["segments of the prior in several cells", &percent(split), "above 40 %", "below 20 %"]));
        rows.push(row(["cells with several segments of the prior", &percent(shared), "none", "above 30 %"]));
    }
    let head = ["signs of a wrong scale", "#here", "scale too small", "scale too large"].map(str::to_owned).to_vec();
    Block::Table { head, rows }
}
