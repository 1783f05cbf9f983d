//! The page that tells whether a segmentation can be believed, and what to change if not.
//!
//! One file a section: [`summary`] has numbers and verdicts, [`scale`] the size of cells, [`course`] the iterations,
//! [`molecules`] confidences, [`cells`] cells, [`prior`] the agreement with a prior segmentation. Everything is binned
//! or thinned here, so that a page has the same small size for any number of molecules.

pub mod cells;
pub mod course;
pub mod figures;
pub mod molecules;
pub mod prior;
pub mod scale;
pub mod summary;
#[cfg(test)]
mod tests;
pub mod words;

use super::document::{Block, Caption, Document, Level, Section};
use crate::bmm::trace::TraceEntry;
use crate::cells::{Agreement, CellStats, Likeness, Nuclei};
use crate::data::{CellIdx, Change};

/// A run, as far as the page tells of it.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// How the run was called and made.
    pub made: Made,
    /// Confidence of every molecule. `[n_molecules]`
    pub confidence: &'a [f32],
    /// Trust in the cell of every molecule; absent when there was no record. `[n_molecules]`
    pub assignment_confidence: Option<&'a [f32]>,
    /// Cell of every molecule, `None` for noise. `[n_molecules]`
    pub cell_of: &'a [Option<CellIdx>],
    /// Numbers of each cell.
    pub stats: &'a CellStats,
    /// Different genes of each cell. `[n_cells]`
    pub genes_of_cell: Vec<u32>,
    /// How alike cells are that are neighbors.
    pub likeness: Likeness,
    /// The iterations of the model.
    pub course: Course<'a>,
    /// Iterations of the molecule clustering; empty if molecules were not clustered.
    pub clusters: &'a [Change],
    /// Iterations of the compartments; empty if there are none.
    pub compartments: &'a [Change],
    /// The prior segmentation, if there was one.
    pub prior: Option<Prior>,
    /// Whether the scale was right, by those who looked at the molecules.
    pub scale: Option<ScaleCheck>,
}

/// Numbers that say what was done.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// What stands in the names of cells.
    pub run_id: String,
    /// Version of the program.
    pub version: String,
    /// Seed of all draws.
    pub seed: u64,
    /// Genes of the table.
    pub n_genes: usize,
    /// Expected cell radius in coordinate units; NaN if nobody knows.
    pub scale: f64,
    /// Its spread.
    pub scale_std: f64,
    /// Where it came from.
    pub scale_origin: String,
    /// Least number of molecules of a real cell.
    pub min_molecules_per_cell: usize,
    /// Iterations there were to be at most.
    pub iterations: usize,
    /// Trust in the prior segmentation, 0..=1.
    pub prior_confidence: f64,
    /// Whether molecules have a z.
    pub is_3d: bool,
    /// Whether cells are merged from tiles, each of which had iterations of its own.
    pub is_merged: bool,
    /// Warnings that the user was given, in order.
    pub warnings: Vec<String>,
}

/// What the molecules themselves say about the scale.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaleCheck {
    /// The judgement.
    pub verdict: Verdict,
    /// The scale that the molecules suggest, in coordinate units, if they do.
    pub suggested: Option<f64>,
    /// Scales that were tried, ascending.
    pub trials: Vec<Trial>,
}

/// How well a scale foretells molecules that were held out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// The scale, in coordinate units.
    pub scale: f64,
    /// By how much it falls behind the best one, in nats per molecule.
    pub deficit: f64,
    /// Standard error of that.
    pub error: f64,
}

/// A judgement: how good, in short, and in sentences.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// How good it is.
    pub level: Level,
    /// In a few words.
    pub head: String,
    /// What was looked at, and what to do.
    pub sentences: Vec<String>,
}

impl Verdict {
    /// A judgement in sentences.
    pub fn new(level: Level, head: impl Into<String>, sentences: impl IntoIterator<Item = String>) -> Self {
        Self { level, head: head.into(), sentences: sentences.into_iter().collect() }
    }

    fn block(self) -> Block {
        Block::Verdict(self.level, self.head, self.sentences)
    }
}

/// The iterations of the model; without entries if they were not kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Course<'a> {
    /// Smallest sizes of the components that are counted.
    pub thresholds: &'a [u32],
    /// The start and the iterations.
    pub entries: &'a [TraceEntry],
}

/// The prior segmentation beside the cells.
#[derive(Clone, Debug, PartialEq)]
pub struct Prior {
    /// How they agree.
    pub agreement: Agreement,
    /// How many segments each cell has, and which are whole.
    pub nuclei: Nuclei,
    /// Radii of the segments that have one, in coordinate units.
    pub radii: Vec<f64>,
}

impl Run<'_> {
    /// Molecules.
    pub fn n_molecules(&self) -> usize {
        self.cell_of.len()
    }

    /// Molecules in cells.
    pub fn n_assigned(&self) -> usize {
        self.cell_of.iter().flatten().count()
    }

    /// Share of the molecules in cells; NaN without molecules.
    pub fn assigned_share(&self) -> f64 {
        self.n_assigned() as f64 / self.n_molecules() as f64
    }

    /// Cells of at least the least number of molecules.
    pub fn n_large_cells(&self) -> usize {
        let least = self.made.min_molecules_per_cell;
        self.stats.n_transcripts.iter().filter(|&&n| n as usize >= least).count()
    }

    /// Iterations that were done.
    pub fn n_iterations(&self) -> usize {
        self.course.entries.len().saturating_sub(1)
    }

    /// Radii of circles of the area of each cell of at least the least number of molecules, in coordinate units.
    pub fn radii(&self) -> Vec<f64> {
        let least = self.made.min_molecules_per_cell;
        let cells = self.stats.area.iter().zip(&self.stats.n_transcripts);
        let large = cells.filter(|(area, n)| **n as usize >= least && **area > 0.0);
        large.map(|(&area, _)| (area / std::f64::consts::PI).sqrt()).collect()
    }
}

/// The page.
pub fn page(run: &Run<'_>) -> Document {
    let made = &run.made;
    Document {
        title: "Segmentation diagnostics".to_owned(),
        subtitle: format!(
            "Run {}: {}, {}",
            made.run_id,
            words::of(run.n_molecules(), "molecule", "molecules"),
            words::of(run.stats.n_cells(), "cell", "cells")
        ),
        sections: vec![
            summary::section(run),
            scale::section(run),
            course::section(run),
            molecules::section(run),
            cells::section(run),
            prior::section(run),
        ],
        footer: format!("Baysor {}, run {}, seed {}", made.version, made.run_id, made.seed),
    }
}

/// A section with one sentence, for what a run does not have.
fn nothing(section: &mut Section, text: &str) {
    section.push(Block::Text(text.to_owned()));
}

/// A caption, shorter.
fn caption(shows: impl Into<String>, good: &str, bad: &str) -> Caption {
    Caption { shows: shows.into(), good: good.to_owned(), bad: bad.to_owned() }
}
