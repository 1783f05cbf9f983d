//! Confidences of molecules.

use super::figures::{Axes, histogram, histograms};
use super::words::percent;
use super::{Run, caption, nothing};
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
    let of = |is_assigned: bool| -> Vec<f64> {
        let molecules = run.confidence.iter().zip(run.cell_of).filter(|(_, cell)| cell.is_some() == is_assigned);
        molecules.map(|(&value, _)| f64::from(value)).collect()
    };
    let kinds = [("in cells", of(true)), ("noise", of(false))];
    let axes = Axes { x: "confidence that the molecule is real", y: "share of the group, %" };
    let chart = histograms("Confidence of molecules in cells and of noise", axes, &kinds, [0.0, 1.0], &[])?;
    let shows = "Confidence comes from the density of molecules alone, before cells are known. Each group is counted by \
                 itself.";
    let good = "molecules in cells mostly near 1, noise mostly near 0.";
    let bad =
        "much noise near 1: real molecules are lost; or molecules in cells near 0: background is made into cells.";
    Some(Block::Chart(chart, caption(shows, good, bad)))
}

fn assignment(run: &Run<'_>) -> Option<Block> {
    let values = assigned_confidence(run)?;
    let axes = Axes { x: "share of the last iterations that agree with the cell", y: "molecules in cells" };
    let marks = [(SURE, SURE.to_string())];
    let chart = histogram("Assignment confidence", axes, &values, [0.0, 1.0], &marks)?;
    let shows =
        format!("How steadily molecules stay in their cell. {} are at {SURE} or above.", percent(sure_share(&values)));
    let good = "most molecules at the right edge.";
    let bad = "a broad hump: borders of cells are guesses. Often cells are too small (raise the scale), or there are too \
               few molecules for this panel.";
    Some(Block::Chart(chart, caption(shows, good, bad)))
}

/// Assignment confidences of molecules in cells, if they are known.
pub fn assigned_confidence(run: &Run<'_>) -> Option<Vec<f64>> {
    let molecules = run.assignment_confidence?.iter().zip(run.cell_of).filter(|(_, cell)| cell.is_some());
    Some(molecules.map(|(&value, _)| f64::from(value)).collect())
}

/// Share of the values that are sure; NaN for none.
pub fn sure_share(values: &[f64]) -> f64 {
    // Confidences are single precision: 0.95 may come a little short.
    values.iter().filter(|&&value| value >= SURE - 1e-6).count() as f64 / values.len() as f64
}
