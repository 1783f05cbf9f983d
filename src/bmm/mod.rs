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
//! 3. **Prune**: components with fewer than two molecules end. None is ever created.
//! 4. **M-step** ([`mstep`]): mean, covariance (with a prior on cell size) and gene counts.
//!
//! The result is the component that each molecule held most often in the last tenth of the
//! iterations ([`history`]).
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

pub mod components;
pub mod composition;
pub mod estep;
pub mod groups;
pub mod history;
pub mod init;
pub mod mstep;
pub mod params;
pub mod prior_term;
pub mod shape;
pub mod split;
pub mod state;
pub mod trace;

use crate::data::Segmentation;
use crate::numeric::draws::Draws;
use crate::observe::{Observer, Progress};

pub use params::{Choice, CompartmentEvidence, Evidence, Params, Quirks, Segments};
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
}

/// The segmentation, and how it was reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Cells and the molecules in them, in the order of the molecules given.
    pub segmentation: Segmentation,
    /// Numbers of every iteration.
    pub trace: Trace,
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
    let mut state = init::start(evidence, params)?;
    let mut trace = Trace::new(params);
    let mut history = history::History::new(evidence.molecules.len());
    state.regroup(1);
    trace.record(&state, 0);
    mstep::refit(&mut state, evidence, params)?;

    let n_recorded = params.n_recorded();
    let mut last = params.iterations;
    let mut iteration = 0;
    while iteration < last {
        iteration += 1;
        let n_changed = estep::propose(&mut state, evidence, params, draws.at(iteration as u64));
        prior_term::keep_segments_whole(&mut state, evidence, params);
        if iteration.is_multiple_of(params::SPLIT_EVERY) || iteration == last {
            state.regroup(1);
            split::detach_fragments(&mut state, evidence, params);
            prior_term::keep_segments_whole(&mut state, evidence, params);
        }
        state.regroup(params::MIN_MOLECULES_TO_SURVIVE);
        if history.n_recorded() == 0 && state.compact() {
            state.regroup(params::MIN_MOLECULES_TO_SURVIVE);
        }
        mstep::refit(&mut state, evidence, params)?;
        trace.record(&state, n_changed);
        if iteration + n_recorded > last {
            history.record(state.assignment());
        } else if trace.has_settled(params.tolerance) {
            // The usual number of iterations is recorded, and then the run ends.
            last = last.min(iteration + n_recorded.max(1));
        }
        observer.iteration(&Progress { what: "segmentation", iteration, total: last, numbers: trace.headline() });
    }

    if n_recorded > 0 {
        state.assign(history.majority(|component| state.is_alive(component)));
        prior_term::keep_segments_whole(&mut state, evidence, params);
    }
    state.regroup(params::MIN_MOLECULES_TO_REPORT);
    Ok(Outcome { segmentation: state.into_segmentation(&history), trace })
}
