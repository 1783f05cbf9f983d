//! Which scale and which number of molecules per cell the molecules themselves suggest.
//!
//! Method: a fifth of the molecules of some windows of the slide is held out. The model is fitted
//! to the others at scales from four molecules to hundreds in a circle, each √2 times the last,
//! and each fit foretells the held-out molecules: where they are and of which gene (see
//! [`bmm::predictive`](crate::bmm::predictive)). Too small a scale divides cells, whose parts then
//! know too little of a cell to foretell it; too large a scale puts neighbors together that
//! differ, or the gap between them. The suggestion is the median radius of the cells found at the
//! scale that foretells best.
//!
//! METHOD: the radius of the cells found, not the scale given: the model follows the molecules, so
//! that cells come out right over a range of scales, and their radius says which of these it was.
//!
//! Molecules are enough: no prior segmentation, no clusters. Every length is relative to distances
//! between molecules, so the unit does not matter. Draws are keyed by molecule; the same result for
//! any number of threads.

mod choice;
mod trial;
pub mod unit;
pub mod verdict;
mod windows;
mod words;

use crate::data::Molecules;
use crate::observe::Observer;
use crate::spatial::order::hilbert_order;

pub use trial::Trial;
pub use verdict::{Judged, Level, Nuclei, Verdict, judge};

use windows::{MAX_COUNT, Surroundings, Window};

/// One molecule in so many is kept where cells hold so many molecules that windows of all molecules would be too small.
const THINNINGS: [usize; 4] = [1, 4, 16, 64];
/// Molecules within the smallest scale tried: of all molecules, and of thinned ones.
const LEAST_WITHIN: [usize; 4] = [4, 12, 12, 12];
/// Largest number of seen molecules within a scale tried.
const MOST_WITHIN: f64 = 300.0;
/// Scales tried per set of windows at most.
const MAX_TRIALS: usize = 10;
/// Fewer molecules suggest nothing.
const MIN_MOLECULES: usize = 300;

/// How clearly the data speak for the suggestion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// A hint.
    Low,
    /// Half or double the scale is clearly worse in one direction, or less clearly in both.
    Moderate,
    /// Half and double the scale are clearly worse.
    High,
}

/// What the molecules suggest, with the evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Sizing {
    /// Suggested `--scale`: the expected radius of a cell, in input units.
    pub scale: f64,
    /// Scales that the data support, in input units.
    pub interval: [f64; 2],
    /// Suggested `-m`: a quarter of the molecules of a typical cell, at least 3.
    pub min_molecules_per_cell: usize,
    /// Expected quartiles of the molecules per cell.
    pub molecules_per_cell: [f64; 3],
    /// The scales tried, ascending; of the windows that decided.
    pub trials: Vec<Trial>,
    /// Which of them foretells best.
    pub best: usize,
    /// Molecules in the windows that decided, held-out ones included.
    pub n_molecules_used: usize,
    /// Windows that decided.
    pub n_windows: usize,
    /// One molecule in so many was kept there.
    pub thinning: usize,
    /// How clearly the data speak.
    pub certainty: Certainty,
    /// The same in words.
    pub reasons: Vec<String>,
}

/// A suggestion, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub enum Suggestion {
    /// The molecules suggest a size.
    Found(Sizing),
    /// They do not.
    CannotTell {
        /// Why, as a sentence.
        reason: String,
        /// The scales tried, ascending; empty if none was.
        trials: Vec<Trial>,
    },
}

impl Suggestion {
    /// The suggestion, if there is one.
    pub fn sizing(&self) -> Option<&Sizing> {
        match self {
            Self::Found(sizing) => Some(sizing),
            Self::CannotTell { .. } => None,
        }
    }
}

/// Suggests the scale and the minimal number of molecules per cell.
///
/// `confidence` is `[n_molecules]`; the order of the molecules is free. Takes some seconds at most,
/// whatever the size of the slide. Deterministic for given `seed`, on any number of threads. Never
/// fails: data that tell nothing give [`Suggestion::CannotTell`].
pub fn suggest(molecules: &Molecules, confidence: &[f32], seed: u64, observer: &dyn Observer) -> Suggestion {
    let cannot_tell = |reason: String| Suggestion::CannotTell { reason, trials: Vec::new() };
    if molecules.len() < MIN_MOLECULES {
        return cannot_tell(words::too_few(molecules.len(), MIN_MOLECULES));
    }
    let order = hilbert_order(&molecules.positions);
    let mut last = cannot_tell(words::no_trial());
    for (&thinning, &least_within) in THINNINGS.iter().zip(&LEAST_WITHIN) {
        let windows = windows::cut(molecules, confidence, &order, thinning, seed);
        let n_seen: usize = windows.iter().map(|window| window.molecules.len()).sum();
        if thinning > 1 && n_seen < 2 * MIN_MOLECULES {
            break;
        }
        let Some(scales) = scales(&windows, least_within) else {
            return if thinning == 1 { cannot_tell(words::one_place()) } else { last };
        };
        observer.detail(&format!("Trying {} scales on {n_seen} molecules", scales.len()));
        let mut scored = Vec::new();
        for (scale, within) in scales {
            scored.extend(trial::run(&windows, scale, within, thinning, seed));
            if choice::has_fallen(&scored) {
                break;
            }
        }
        let (found, is_crowded) = choice::choose(scored, &windows, thinning);
        if certainty(&found) > certainty(&last) || last.sizing().is_none() {
            last = found;
        }
        if !is_crowded {
            break;
        }
    }
    last
}

fn certainty(suggestion: &Suggestion) -> Option<Certainty> {
    suggestion.sizing().map(|sizing| sizing.certainty)
}

/// The scales to try, with the median number of seen molecules within each.
///
/// `None` where half of the molecules lie in one place.
fn scales(windows: &[Window], least_within: usize) -> Option<Vec<(f64, f64)>> {
    let surroundings = Surroundings::measure(windows);
    let first = surroundings.radius_of(least_within);
    if !(first > 0.0 && first.is_finite()) {
        return None;
    }
    let n_dims = windows.first()?.molecules.positions.n_dims();
    let step = if n_dims == 3 { 1.3 } else { std::f64::consts::SQRT_2 };
    let n_seen: usize = windows.iter().map(|window| window.molecules.len()).sum();
    let most = MOST_WITHIN.min(MAX_COUNT as f64).min(n_seen as f64 / 10.0);
    let mut scales = Vec::new();
    let mut scale = first;
    while scales.len() < MAX_TRIALS {
        let within = surroundings.count_within(scale);
        if within > most {
            break;
        }
        scales.push((scale, within));
        scale *= step;
    }
    Some(scales)
}

#[cfg(test)]
mod tests;
