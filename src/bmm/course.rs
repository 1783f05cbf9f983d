//! The course of the iterations: start, one iteration after the other, result.

use super::cell_prior::Learned;
use super::convergence::{self, Convergence};
use super::history::History;
use super::state::State;
use super::trace::Trace;
use super::{
    BmmError, Evidence, Outcome, Params, births, cell_types, estep, free_cells, init, mstep, params, prior_term, split,
    type_split,
};
use crate::numeric::draws::{Draws, Stream};
use crate::observe::Progress;

/// The model between two iterations.
///
/// Whoever drives it may stop after any iteration, keep the [checkpoint](super::checkpoint) of
/// that moment, and go on from there another day: the result is the same to the last bit.
#[derive(Clone, Debug)]
pub struct Course<'a> {
    pub(super) evidence: &'a Evidence<'a>,
    pub(super) params: &'a Params,
    pub(super) draws: Draws,
    /// Iterations done.
    pub(super) iteration: usize,
    /// Iterations after which the model ends; lowered when a criterion to stop is met.
    pub(super) last: usize,
    pub(super) state: State,
    pub(super) history: History,
    pub(super) trace: Trace,
    /// What the majority of the windows tells; absent when nobody asks.
    pub(super) convergence: Option<Convergence>,
}

impl<'a> Course<'a> {
    /// Places the initial components and fits them. Errors: see [`BmmError`].
    pub fn start(evidence: &'a Evidence<'a>, params: &'a Params, draws: Draws) -> Result<Self, BmmError> {
        let mut state = init::start(evidence, params)?;
        let mut trace = Trace::new(params);
        state.regroup(1);
        trace.record(&state, 0);
        state.retype(evidence);
        refit(&mut state, evidence, params, 0)?;
        let n_molecules = evidence.molecules.len();
        Ok(Self {
            evidence,
            params,
            draws,
            iteration: 0,
            last: params.log_noise_density.as_ref().map_or(params.iterations, |course| course.len().saturating_sub(1)),
            state,
            history: History::new(n_molecules),
            trace,
            convergence: (params.converged > 0.0 && params.log_noise_density.is_none())
                .then(|| Convergence::new(n_molecules)),
        })
    }

    /// One iteration: E-step, split, prune, births and ends of cells without a segment, M-step, and the record of it.
    ///
    /// Deterministic for any number of threads. Errors: [`BmmError::NoiseDensity`].
    pub fn advance(&mut self) -> Result<(), BmmError> {
        let Self { evidence, params, state, .. } = self;
        self.iteration += 1;
        let iteration = self.iteration;
        let n_changed = estep::propose(state, evidence, params, self.draws.at(iteration as u64));
        prior_term::keep_segments_whole(state, evidence, params);
        if iteration.is_multiple_of(params::SPLIT_EVERY) || iteration == self.last {
            state.regroup(1);
            split::detach_fragments(state, evidence, params);
            prior_term::keep_segments_whole(state, evidence, params);
        }
        state.regroup(params::MIN_MOLECULES_TO_SURVIVE);
        if iteration.is_multiple_of(free_cells::COMPARE_EVERY)
            && iteration + params.n_recorded() < self.last
            && free_cells::end_unlikely(state, evidence, params) > 0
        {
            state.regroup(params::MIN_MOLECULES_TO_SURVIVE);
        }
        if iteration % births::PROPOSE_EVERY == births::PROPOSE_EVERY / 2 && iteration + params.n_recorded() < self.last
        {
            let draws = self.draws.apart(Stream::Births).at(iteration as u64);
            if births::add_likely(state, evidence, params, draws) > 0 {
                state.regroup(params::MIN_MOLECULES_TO_SURVIVE);
            }
        }
        self.compact();
        if cell_types::is_time_to_assign(iteration) {
            self.state.retype(self.evidence);
        }
        if type_split::SPLIT_AT.contains(&iteration) {
            self.state.split_types(self.evidence);
        }
        refit(&mut self.state, self.evidence, self.params, iteration)?;
        self.trace.record(&self.state, n_changed);
        self.record();
        Ok(())
    }

    /// Renumbers the components while no record refers to their numbers.
    fn compact(&mut self) {
        let no_record = self.history.n_recorded() == 0;
        let no_window = self.convergence.as_ref().is_none_or(Convergence::is_between_windows);
        if no_record
            && no_window
            && let Some(renumbered) = self.state.compact()
        {
            self.state.regroup(params::MIN_MOLECULES_TO_SURVIVE);
            if let Some(convergence) = &mut self.convergence {
                convergence.renumber(&renumbered);
            }
        }
    }

    /// Records the assignment, and looks whether the end is near.
    ///
    /// However the end is found, the usual number of iterations is recorded before it.
    fn record(&mut self) {
        let n_recorded = self.params.n_recorded();
        if self.iteration + n_recorded > self.last {
            self.history.record(self.state.assignment());
            return;
        }
        if self.params.log_noise_density.is_some() {
            return;
        }
        let mut is_settled = self.trace.has_settled(self.params.tolerance);
        if let Some(convergence) = &mut self.convergence {
            let state = &self.state;
            convergence.record(state.assignment());
            if convergence.is_window_full() {
                let is_alive = |component| state.is_alive(component);
                let change = convergence.end_window(is_alive, self.evidence.confidence, self.params.converged);
                self.trace.note_share_that_left(change);
            }
            is_settled |= convergence.n_quiet() >= convergence::QUIET_WINDOWS;
        }
        if is_settled {
            self.last = self.last.min(self.iteration + n_recorded.max(1));
        }
    }

    /// Iterations done.
    pub fn iteration(&self) -> usize {
        self.iteration
    }

    /// Iterations after which the model ends, as far as is known now.
    pub fn last(&self) -> usize {
        self.last
    }

    /// Whether all iterations are done.
    pub fn is_done(&self) -> bool {
        self.iteration >= self.last
    }

    /// ln of the density of noise (Λ) after the last refit.
    pub fn log_noise_density(&self) -> f64 {
        self.state.log_noise_density()
    }

    /// What was learned of cells after the last refit, where segments own cells.
    pub fn learned(&self) -> Option<Learned> {
        self.state.learned()
    }

    /// Numbers of the start and of all iterations so far.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// What an observer should know now.
    pub fn progress(&self) -> Progress {
        let numbers = self.trace.headline();
        Progress { what: "segmentation", iteration: self.iteration, total: self.last, numbers }
    }

    /// The result: the majority of the recorded iterations.
    pub fn finish(self) -> Outcome {
        let Self { evidence, params, mut state, history, .. } = self;
        let learned = state.learned();
        if history.n_recorded() > 0 {
            state.assign(history.majority(|component| state.is_alive(component)));
            prior_term::keep_segments_whole(&mut state, evidence, params);
        }
        state.regroup(params::MIN_MOLECULES_TO_REPORT);
        Outcome { segmentation: state.into_segmentation(&history), trace: self.trace, learned }
    }
}

/// The M-step after an iteration (0: at the start), and the density of noise of the slide if this is a part of one.
pub(super) fn refit(
    state: &mut State,
    evidence: &Evidence<'_>,
    params: &Params,
    iteration: usize,
) -> Result<(), BmmError> {
    let learned = params.learned.as_ref().and_then(|course| course.get(iteration)).copied();
    mstep::refit(state, evidence, params, learned)?;
    if let Some(log_density) = params.log_noise_density.as_ref().and_then(|course| course.get(iteration)) {
        state.log_noise_density = *log_density;
    }
    Ok(())
}
