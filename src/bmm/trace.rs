//! Numbers of every iteration.

use super::params::Params;
use super::state::State;
use crate::numeric::stats::round_half_even;

/// Iterations that must all be quiet before the run ends early.
const QUIET_ITERATIONS: usize = 20;

/// What is recorded of one iteration.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceEntry {
    /// Components with at least as many molecules as each threshold of the trace.
    pub n_components: Vec<u32>,
    /// Share of molecules that are noise.
    pub noise_share: f64,
    /// Molecules whose component the E-step changed.
    pub n_changed: usize,
    /// At the end of a window of iterations, if convergence is asked for: the share of molecules,
    /// each counted by its confidence, that left the component of their majority in the window before.
    pub share_that_left: Option<f64>,
}

/// The course of the iterations; the first entry is the start.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    thresholds: Vec<u32>,
    entries: Vec<TraceEntry>,
    min_molecules_per_cell: u32,
    n_molecules: usize,
}

impl Trace {
    /// An empty trace with the thresholds of 0.7.1: 0, ½, 1, 2 and 5 times the minimal cell.
    pub fn new(params: &Params) -> Self {
        let m = params.min_molecules_per_cell as f64;
        let mut thresholds: Vec<u32> =
            [0.0, 0.5, 1.0, 2.0, 5.0].iter().map(|factor| (round_half_even(factor * m) as u32).max(1)).collect();
        thresholds.dedup();
        Self {
            thresholds,
            entries: Vec::new(),
            min_molecules_per_cell: params.min_molecules_per_cell as u32,
            n_molecules: 0,
        }
    }

    /// A trace that goes on from `entries`.
    pub fn with_entries(params: &Params, n_molecules: usize, entries: Vec<TraceEntry>) -> Self {
        Self { entries, n_molecules, ..Self::new(params) }
    }

    /// Smallest sizes of the components that are counted.
    pub fn thresholds(&self) -> &[u32] {
        &self.thresholds
    }

    /// Start and iterations, in order.
    pub fn entries(&self) -> &[TraceEntry] {
        &self.entries
    }

    /// Records the state after an iteration.
    pub fn record(&mut self, state: &State, n_changed: usize) {
        let groups = state.groups();
        let mut n_components = vec![0; self.thresholds.len()];
        for component in 0..groups.n_components() {
            let size = groups.size(component) as u32;
            for (count, &threshold) in n_components.iter_mut().zip(&self.thresholds) {
                *count += u32::from(size >= threshold);
            }
        }
        self.n_molecules = state.assignment().len();
        let n_noise = self.n_molecules - groups.n_assigned();
        let noise_share = n_noise as f64 / self.n_molecules.max(1) as f64;
        self.entries.push(TraceEntry { n_components, noise_share, n_changed, share_that_left: None });
    }

    /// Adds what the end of a window told to the last entry.
    pub fn note_share_that_left(&mut self, change: Option<f64>) {
        if let Some(entry) = self.entries.last_mut() {
            entry.share_that_left = change;
        }
    }

    /// Whether in each of the last 20 iterations fewer than `tolerance` of the molecules changed.
    pub fn has_settled(&self, tolerance: f64) -> bool {
        let quiet = |entry: &TraceEntry| (entry.n_changed as f64) < tolerance * self.n_molecules as f64;
        tolerance > 0.0
            && self.entries.len() > QUIET_ITERATIONS
            && self.entries.iter().rev().take(QUIET_ITERATIONS).all(quiet)
    }

    /// What a progress display shows of the last entry.
    pub fn headline(&self) -> Vec<(&'static str, f64)> {
        let Some(entry) = self.entries.last() else { return Vec::new() };
        let at = self.thresholds.iter().position(|&threshold| threshold >= self.min_molecules_per_cell.max(1));
        let n_components = at.map_or(0, |at| entry.n_components[at]);
        vec![("noise_share", entry.noise_share), ("n_components", f64::from(n_components))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_follow_the_minimal_cell() {
        let thresholds = |m| Trace::new(&Params::for_tests(1.0, 1.0, m)).thresholds().to_vec();
        assert_eq!(thresholds(10), [1, 5, 10, 20, 50]);
        assert_eq!(thresholds(3), [1, 2, 3, 6, 15]);
        assert_eq!(thresholds(1), [1, 2, 5]);
    }
}
