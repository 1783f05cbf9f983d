//! Windows of a slide on which sizes of cells are tried.

use rayon::prelude::*;

use crate::data::Molecules;
use crate::graph::{self, MoleculeGraph};
use crate::numeric::draws::{Draws, Stream};
use crate::numeric::stats;

/// Molecules in a window, held-out ones included.
const WINDOW: usize = 8_000;
/// Windows of a slide at most.
const MAX_WINDOWS: usize = 4;
/// Share of the molecules that are held out.
pub const HELD_OUT: f64 = 0.2;
/// Molecules of a window whose surroundings are counted.
const SAMPLED: usize = 64;
/// Neighbors that are counted at most.
pub const MAX_COUNT: usize = 512;
/// Windows with fewer molecules tell nothing.
const MIN_MOLECULES: usize = 200;
/// Molecules less likely to be real than this say nothing of the surroundings of molecules.
const MIN_CONFIDENCE: f32 = 0.5;

/// A piece of the slide: molecules to fit, and molecules to foretell.
pub struct Window {
    /// Molecules that the model sees, in the order along the curve.
    pub molecules: Molecules,
    /// Their graph, without long edges.
    pub graph: MoleculeGraph,
    /// Their confidence.
    pub confidence: Vec<f32>,
    /// Molecules that it does not see.
    pub held_out: Molecules,
}

/// Cuts windows from the slide and keeps one molecule in `thinning` of each.
///
/// `order` is the order of `molecules` along a Hilbert curve, of which a window is a stretch. Small
/// slides are one window. Of larger ones up to four are taken from the half with the surest
/// molecules, evenly spread along the curve. What is kept and held out is keyed by molecule id.
pub fn cut(molecules: &Molecules, confidence: &[f32], order: &[u32], thinning: usize, seed: u64) -> Vec<Window> {
    let stretch = WINDOW * thinning;
    let stretches: Vec<&[u32]> = if order.len() <= MAX_WINDOWS * stretch {
        vec![order]
    } else {
        dense_stretches(order.chunks_exact(stretch).collect(), confidence)
    };
    let windows: Vec<Option<Window>> =
        stretches.par_iter().map(|stretch| window(molecules, confidence, stretch, thinning, seed)).collect();
    windows.into_iter().flatten().collect()
}

/// Up to [`MAX_WINDOWS`] of the stretches whose molecules are surest, evenly spread.
fn dense_stretches<'a>(stretches: Vec<&'a [u32]>, confidence: &[f32]) -> Vec<&'a [u32]> {
    let mean = |stretch: &[u32]| {
        stretch.iter().map(|&molecule| f64::from(confidence[molecule as usize])).sum::<f64>() / stretch.len() as f64
    };
    let means: Vec<f64> = stretches.par_iter().map(|stretch| mean(stretch)).collect();
    let middle = stats::median(&mut means.clone());
    let dense: Vec<&[u32]> =
        stretches.into_iter().zip(&means).filter(|&(_, &mean)| mean >= middle).map(|(stretch, _)| stretch).collect();
    let n = dense.len().min(MAX_WINDOWS);
    // The middles of n equal parts.
    (0..n).map(|i| dense[(2 * i + 1) * dense.len() / (2 * n)]).collect()
}

fn window(molecules: &Molecules, confidence: &[f32], stretch: &[u32], thinning: usize, seed: u64) -> Option<Window> {
    let draws = Draws::new(seed, Stream::Sizing);
    let (hold_out, thin) = (draws.at(0), draws.at(1));
    let share = 1.0 / thinning as f64;
    let id = |&molecule: &u32| u64::from(molecules.ids[molecule as usize]);
    let kept = stretch.iter().copied().filter(|molecule| thinning == 1 || thin.uniform(id(molecule)) < share);
    let (held_out, seen): (Vec<u32>, Vec<u32>) = kept.partition(|molecule| hold_out.uniform(id(molecule)) < HELD_OUT);
    if seen.len() < MIN_MOLECULES {
        return None;
    }
    let seen_molecules = molecules.permuted(&seen);
    let mut spatial = graph::build(&seen_molecules, Draws::new(seed, Stream::Jitter));
    graph::filter_long_edges(&mut spatial);
    Some(Window {
        graph: graph::weigh(&spatial),
        molecules: seen_molecules,
        confidence: seen.iter().map(|&molecule| confidence[molecule as usize]).collect(),
        held_out: molecules.permuted(&held_out),
    })
}

/// How many molecules a circle (in 3D a ball) around a molecule holds.
pub struct Surroundings {
    /// Ascending distances from sampled molecules to their neighbors, itself included.
    distances: Vec<Vec<f64>>,
}

impl Surroundings {
    /// Measures the surroundings of molecules that are likely real, evenly spread over the windows.
    pub fn measure(windows: &[Window]) -> Self {
        let per_window = |window: &Window| {
            let real: Vec<usize> =
                (0..window.molecules.len()).filter(|&molecule| window.confidence[molecule] >= MIN_CONFIDENCE).collect();
            let n = real.len().min(SAMPLED);
            let sampled: Vec<usize> = (0..n).map(|i| real[(2 * i + 1) * real.len() / (2 * n)]).collect();
            let distances: Vec<Vec<f64>> = sampled.par_iter().map(|&molecule| distances(window, molecule)).collect();
            distances
        };
        Self { distances: windows.iter().flat_map(per_window).collect() }
    }

    /// Median over molecules of the distance within which there are `count` molecules.
    pub fn radius_of(&self, count: usize) -> f64 {
        let mut at: Vec<f64> =
            self.distances.iter().filter_map(|distances| distances.get(count.max(1) - 1).copied()).collect();
        stats::median(&mut at)
    }

    /// Median over molecules of the molecules within `radius`; up to [`MAX_COUNT`].
    pub fn count_within(&self, radius: f64) -> f64 {
        let count = |distances: &Vec<f64>| distances.partition_point(|&distance| distance <= radius) as f64;
        stats::median(&mut self.distances.iter().map(count).collect::<Vec<f64>>())
    }
}

/// Ascending distances from a molecule to the nearest [`MAX_COUNT`] of its window.
fn distances(window: &Window, molecule: usize) -> Vec<f64> {
    let positions = &window.molecules.positions;
    let [x, y, z] = positions.at(molecule);
    let to = |other: usize| {
        let [u, v, w] = positions.at(other);
        ((u - x) * (u - x) + (v - y) * (v - y) + (w - z) * (w - z)).sqrt()
    };
    let mut all: Vec<f64> = (0..positions.len()).map(to).collect();
    if all.len() > MAX_COUNT {
        all.select_nth_unstable_by(MAX_COUNT - 1, f64::total_cmp);
        all.truncate(MAX_COUNT);
    }
    all.sort_unstable_by(f64::total_cmp);
    all
}
