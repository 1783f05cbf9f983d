//! Confidences of molecules.

use super::figures::{Axes, bins, histogram, histograms};
use super::words::percent;
use super::{Run, caption, nothing};
use crate::report::chart::Histogram;
use crate::report::document::{Block, Section};

/// From here on an assignment is called sure.
pub const SURE: f64 = 0.95;

/// The section.
pub fn section(run: &Run<'_>) -> Section {
    let mut section = Section::new("Molecule_confidence", "Confidence of molecules");
    let figures: Vec<Block> = [confidence(run), assignment(run)].into_iter().flatten().collect();
    if figures.is_empty() {
        nothing(&mut section, "There are no molecules with a confidence.");
    } else {
        section.push(Block::Row(figures));
    }
    if run.assignment_confidence.is_none() {
        nothing(&mut section, "There is no assignment confidence: too few iterations were recorded for one.");
    }
    section
}

fn confidence(run: &Run<'_>) -> Option<Block> {
    let of = |is_assigned: bool| -> Histogram {
        let molecules = run.confidence.iter().zip(run.cell_of).filter(|(_, cell)| cell.is_some() == is_assigned);
        bins(molecules.map(|(&value, _)| f64::from(value)), [0.0, 1.0])
    };
    let kinds = [("in cells", of(true)), ("noise", of(false))];
    let axes = Axes { x: "confidence that the molecule is real", y: "share of the group, %" };
    let chart = histograms("Confidence of molecules in cells and of noise", axes, &kinds, &[])?;
    let shows = "Confidence comes from the density of molecules alone, before cells are known. Each group is counted by \
                 itself.";
    let good = "molecules in cells mostly near 1, noise mostly near 0.";
    let bad =
        "much noise near 1: real molecules are lost; or molecules in cells near 0: background is made into cells.";
    Some(Block::Chart(chart, caption(shows, good, bad)))
}

fn assignment(run: &Run<'_>) -> Option<Block> {
    let values = bins(of_assigned(run)?, [0.0, 1.0]);
    let axes = Axes { x: "share of the last iterations that agree with the cell", y: "molecules in cells" };
    let marks = [(SURE, SURE.to_string())];
    let chart = histogram("Assignment confidence", axes, &values, &marks)?;
    let shows =
        format!("How steadily molecules stay in their cell. {} are at {SURE} or above.", percent(sure_share(run)));
    let good = "most molecules at the right edge.";
    let bad = "a broad hump: borders of cells are guesses. Often cells are too small (raise the scale), or there are too \
               few molecules for this panel.";
    Some(Block::Chart(chart, caption(shows, good, bad)))
}

/// Assignment confidences of molecules in cells, if they are known.
fn of_assigned<'a>(run: &'a Run<'_>) -> Option<impl Iterator<Item = f64> + 'a> {
    let molecules = run.assignment_confidence?.iter().zip(run.cell_of).filter(|(_, cell)| cell.is_some());
    Some(molecules.map(|(&value, _)| f64::from(value)))
}

/// Share of the molecules in cells whose assignment is sure; NaN if that is not known.
pub fn sure_share(run: &Run<'_>) -> f64 {
    let Some(values) = of_assigned(run) else { return f64::NAN };
    // Confidences are single precision: 0.95 may come a little short.
    let n_sure = values.filter(|&value| value >= SURE - 1e-6).count();
    n_sure as f64 / run.n_assigned() as f64
}
