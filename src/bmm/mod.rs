//! The Bayesian mixture model of cells, in one page.
//!
//! A component (a cell to be) is a normal distribution in space times a categorical one over
//! genes. A molecule may join a component only if one of its graph neighbors is in it, or become
//! noise. One iteration:
//!
//! 1. **E-step** ([`estep`]): every molecule draws a component, or noise, from
//!    `q_c = c_i · exp(β W_c) · n_c · N(x; μ_c, Σ_c) · p_c(g)`, all molecules from the assignment
//!    of the previous iteration; the prior segmentation and the molecule clusters multiply `q_c`.
//! 2. **Split** ([`split`]), every third time: what is not connected to the largest part of its
//!    component becomes noise.
//! 3. **Prune**: components with fewer than two molecules end. Where segments own cells, cells without a segment are
//!    ended ([`free_cells`]) or born ([`births`]) where the evidence is for that; otherwise none is ever created.
//! 4. **M-step** ([`mstep`]): mean, covariance (with a prior on cell size) and gene counts.
//!
//! The result is the component that each molecule held most often in the last tenth of the
//! iterations ([`history`]). [`course`] goes through the iterations, and may be interrupted between
//! any two of them ([`checkpoint`]) or end early when nothing changes any more ([`convergence`]).
//!
//! How well the cells of a fit predict molecules it has not seen is asked by [`predictive`], and what
//! their surroundings predict without cells by [`without_cells`]: that is how sizes of cells are compared.
//!
//! | symbol | name here | meaning |
//! |---|---|---|
//! | c_i | `confidence` | probability that molecule i is real |
//! | W_c | `support` | sum of edge weights to neighbors in component c |
//! | β | [`params::MRF_STRENGTH`] | strength of the random field |
//! | μ, Σ | `mean`, `precision` (Σ⁻¹) | normal of a component |
//! | n_g, n | gene counts, `n_molecules` | composition of a component |
//! | s, t, n₀ | `scale`, `scale_std`, `min_molecules_per_cell` | size prior |
//! | η, Λ | `position_density`, `noise density` | density of background |
//!
//! Source: Petukhov et al., Nature Biotechnology 2022, Methods; Baysor 0.7.1 `bmm_algorithm.jl`.
//!
//! Determinism: a draw is keyed by (seed, iteration, molecule id); everything else is computed in
//! fixed blocks in a fixed order. The number of threads does not matter.

pub mod abundance;
pub mod background;
pub mod births;
pub mod cell_evidence;
pub mod cell_prior;
pub mod cell_types;
pub mod checkpoint;
pub mod components;
pub mod composition;
pub mod convergence;
pub mod course;
pub mod densities;
pub mod estep;
pub mod free_cells;
pub mod groups;
pub mod history;
pub mod init;
pub mod mstep;
#[cfg(test)]
mod owner_tests;
pub mod params;
pub mod predictive;
pub mod prior_term;
pub mod shape;
pub mod size_prior;
pub mod split;
pub mod state;
pub mod trace;
pub mod type_split;
pub mod without_cells;

use crate::data::Segmentation;
use crate::numeric::draws::Draws;
use crate::observe::Observer;

pub use cell_prior::Learned;
pub use checkpoint::Checkpoint;
pub use course::Course;
pub use params::{Choice, CompartmentEvidence, Evidence, FreeCells, OwnerParams, Params, Quirks, Segments};
pub use state::State;
pub use trace::Trace;

/// Why the model cannot start.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BmmError {
    /// Fewer than two initial cells.
    #[error(
        "the model needs at least 2 initial cells, but {n_centers} can be placed: {n_molecules} molecules, \
         n_cells_init = {n_cells_init}. Lower --min-molecules-per-cell, set --n-cells-init, or check that \
         the data hold more than one cell"
    )]
    TooFewCenters {
        /// Centers that could be placed.
        n_centers: usize,
        /// Molecules in the data.
        n_molecules: usize,
        /// Centers asked for.
        n_cells_init: usize,
    },
    /// A density left the range of numbers.
    #[error(
        "the noise density became infinite: the scale {scale} is far too small for these coordinates. \
         Give --scale in the units of x and y"
    )]
    NoiseDensity {
        /// The scale in use.
        scale: f64,
    },
    /// A checkpoint that does not fit the data and the parameters.
    #[error("the checkpoint is not one of this model with these molecules and parameters")]
    OtherCourse,
}

/// The segmentation, and how it was reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Cells and the molecules in them, in the order of the molecules given.
    pub segmentation: Segmentation,
    /// Numbers of every iteration.
    pub trace: Trace,
    /// What the last iteration taught about cells, where segments own cells.
    pub learned: Option<Learned>,
}

/// Segments molecules into cells.
///
/// `evidence` and the result are in the order of the molecules given, which should be spatial for
/// speed. Errors: see [`BmmError`]. Deterministic for given `draws`, on any number of threads.
pub fn segment(
    evidence: &Evidence<'_>,
    params: &Params,
    draws: Draws,
    observer: &dyn Observer,
) -> Result<Outcome, BmmError> {
    let mut course = Course::start(evidence, params, draws)?;
    while !course.is_done() {
        course.advance()?;
        observer.iteration(&course.progress());
    }
    Ok(course.finish())
}
