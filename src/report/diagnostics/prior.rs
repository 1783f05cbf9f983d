//! How cells agree with the prior segmentation.

use super::figures::{Axes, bins, columns, histogram, median};
use super::words::{count, percent, short};
use super::{Prior, Run, caption, nothing};
use crate::cells::Fate;
use crate::report::document::{Block, Section};

/// Numbers of cells or segments from here on stand together.
const MANY: usize = 5;

/// The section.
pub fn section(run: &Run<'_>) -> Section {
    let mut section = Section::new("Prior", "Agreement with the prior segmentation");
    let Some(prior) = &run.prior else {
        nothing(
            &mut section,
            "There was no prior segmentation. With one, this part says how its segments and the cells go together.",
        );
        return section;
    };
    if prior.agreement.segments.is_empty() {
        nothing(
            &mut section,
            "No segment of the prior has enough molecules, so nothing can be compared. Do prior and molecules lie in the same place?",
        );
        return section;
    }
    section.push(fates(prior));
    section.push(Block::Text(
        "With the segments taken for nuclei: a cell has a nucleus if it holds more than half of the nucleus's molecules. The \
         table of cells says how many (n_nuclei)."
            .to_owned(),
    ));
    section.push(nuclei(prior));
    let figures = [cells_per_segment(prior), nuclei_per_cell(prior), main_shares(prior), overlaps(prior)];
    section.push(Block::Row(figures.into_iter().flatten().collect()));
    section
}

fn fates(prior: &Prior) -> Block {
    let agreement = &prior.agreement;
    let n = agreement.segments.len();
    let row = |name: &str, n_of: usize, of: usize, meaning: &str| {
        vec![name.to_owned(), count(n_of), percent(n_of as f64 / of as f64), meaning.to_owned()]
    };
    let cells = agreement.segments_of_cell.len();
    let head = ["what", "#number", "#share", "meaning"].map(str::to_owned).to_vec();
    let of = |fate| agreement.n(fate);
    let rows = vec![
        row("segments kept", of(Fate::Kept), n, "the core of one cell, which has no other"),
        row("segments split", of(Fate::Split), n, "a second cell has at least a quarter of the molecules"),
        row("segments merged", of(Fate::Merged), n, "one cell holds it together with another segment"),
        row("segments lost", of(Fate::Lost), n, "most of its molecules are noise"),
        row("cells that are new", agreement.n_new_cells(), cells, "cells without a segment of their own"),
    ];
    Block::Table { head, rows }
}

/// Cells by their nuclei, and nuclei by what became of them.
fn nuclei(prior: &Prior) -> Block {
    let counts = &prior.nuclei.counts;
    let row = |name: &str, n_of: u64, of: u64, meaning: &str| {
        vec![name.to_owned(), count(n_of as usize), percent(n_of as f64 / of as f64), meaning.to_owned()]
    };
    let (cells, nuclei) = (counts.n_cells(), counts.n_nuclei());
    let head = ["what", "#number", "#share", "meaning"].map(str::to_owned).to_vec();
    let rows = vec![
        row(
            "cells without nucleus",
            counts.n_cells_without,
            cells,
            "as many as the prior has missed, or pieces of cells",
        ),
        row("cells with one nucleus", counts.n_cells_with_one, cells, "as it should be"),
        row("cells with several nuclei", counts.n_cells_with_several, cells, "cells that were merged into one"),
        row("nuclei whole", counts.n_whole, nuclei, "at least 90 % of the molecules are in one cell"),
        row("nuclei divided", counts.n_divided, nuclei, "neither whole nor without a cell"),
        row("nuclei without a cell", counts.n_without_cell, nuclei, "fewer than half of the molecules are in cells"),
    ];
    Block::Table { head, rows }
}

/// How often each number occurs, those from 5 on together.
fn occurrences(numbers: impl Iterator<Item = u32>) -> Vec<(String, u64)> {
    let mut n_of = [0u64; MANY + 1];
    numbers.for_each(|number| n_of[(number as usize).min(MANY)] += 1);
    let name = |number: usize| if number == MANY { format!("{MANY} or more") } else { number.to_string() };
    n_of.into_iter().enumerate().map(|(number, n)| (name(number), n)).collect()
}

fn cells_per_segment(prior: &Prior) -> Option<Block> {
    let things = occurrences(prior.agreement.segments.iter().map(|segment| segment.n_cells));
    let axes = Axes { x: "cells per segment", y: "segments" };
    let shows = "Cells that hold at least a tenth of a segment's molecules.";
    let bad = "many segments in two or more cells: the scale is too small, or the prior has too little weight (raise \
               --prior-segmentation-confidence). Many at 0: the prior lies where molecules are noise.";
    let chart = columns("Cells per segment", axes, &things)?;
    Some(Block::Chart(chart, caption(shows, "nearly all segments at 1.", bad)))
}

fn nuclei_per_cell(prior: &Prior) -> Option<Block> {
    let cells = &prior.nuclei.n_of_cell;
    if cells.is_empty() {
        return None;
    }
    let things = occurrences(cells.iter().copied());
    let axes = Axes { x: "nuclei per cell", y: "cells" };
    let shows = "Segments with more than half of their molecules in the cell.";
    let good = "most cells at 1; at 0 as many as the prior has missed.";
    let bad = "many cells of two or more: raise --prior-segmentation-confidence, or the scale is too large. Most at 0: \
               cells in pieces, or a prior that covers few cells.";
    let chart = columns("Nuclei per cell", axes, &things)?;
    Some(Block::Chart(chart, caption(shows, good, bad)))
}

fn main_shares(prior: &Prior) -> Option<Block> {
    let values: Vec<f64> = prior.agreement.segments.iter().map(|segment| segment.main_share).collect();
    let typical = median(values.iter().copied());
    let axes = Axes { x: "share of the segment's molecules in its main cell", y: "segments" };
    let chart =
        histogram("Share of segments in their main cell", axes, &bins(values.iter().copied(), [0.0, 1.0]), &[])?;
    let shows =
        format!("Whether segments stay whole. Half of them have more than {} % in one cell.", short(100.0 * typical));
    let bad = "a broad hump below 0.8: the cells contradict the prior.";
    Some(Block::Chart(chart, caption(shows, "nearly all at the right edge.", bad)))
}

fn overlaps(prior: &Prior) -> Option<Block> {
    let values: Vec<f64> = prior.agreement.segments.iter().map(|segment| segment.iou).collect();
    let axes = Axes { x: "intersection over union, by molecules", y: "segments" };
    let chart =
        histogram("Overlap of segments and their main cells", axes, &bins(values.iter().copied(), [0.0, 1.0]), &[])?;
    let shows = "Molecules that segment and main cell share, by those of both together.";
    let good = "if the segments are whole cells: mostly above 0.5. If they are nuclei: about the share of a cell that is \
                nucleus, often 0.2 to 0.5.";
    let bad = "a peak at 0: segments and cells have little to do with one another.";
    Some(Block::Chart(chart, caption(shows, good, bad)))
}
