//! The two-normal mixture and its fit by expectation-maximisation on the graph.

use rayon::prelude::*;

use super::{PriorTrust, with_prior};
use crate::graph::MoleculeGraph;
use crate::numeric::elementary::{exp, ln};
use crate::numeric::reduce::{BLOCK, ordered_fold};
use crate::numeric::stats::quantile;

const MAX_ITERATIONS: usize = 10_000;
/// Largest relative change of a parameter in the last iteration.
const TOLERANCE: f64 = 0.005;
/// Smallest standard deviation, as a share of the distance between the starting means.
const MIN_STD_SHARE: f64 = 1e-6;

/// Distances count up to the 0.9 quantile plus so many times its lead on the 0.1 quantile: twice
/// as far beyond it as the outlier threshold.
const LONGEST_SPREADS: f64 = 1.5;

/// A normal distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normal {
    /// Mean (μ).
    pub mean: f64,
    /// Standard deviation (σ).
    pub std: f64,
}

/// The fitted mixture of distances to the k-th neighbor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseFit {
    /// Real molecules: short distances.
    pub signal: Normal,
    /// Background: long distances.
    pub background: Normal,
    /// Molecules in the signal component, as a real number.
    pub n_signal: f64,
    /// Molecules in the background component.
    pub n_background: f64,
    /// Distances above this one count as background for certain while the mixture is fitted.
    pub outlier_threshold: f64,
    /// Iterations used.
    pub n_iterations: usize,
    /// Whether the parameters settled.
    pub converged: bool,
}

/// How neighbors' labels are read while a sweep is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// Fixed blocks in parallel; inside a block new labels are used at once, from other blocks
    /// the labels of the last sweep. The fixed point is that of [`Sweep::Sequential`].
    Blocks,
    /// One block: the sequential sweep of Baysor 0.7.1.
    Sequential,
}

/// Probability that a molecule at `distance` from its k-th neighbor is real.
///
/// DIFFERS: no distance is a special case. 0.7.1 counts the background as 1 beyond
/// `outlier_threshold`, a number with a unit, so that there confidence grows with the slide.
pub fn posterior(fit: &NoiseFit, distance: f64) -> f64 {
    logistic(DensityRatio::new(fit).log(distance))
}

impl NoiseFit {
    /// The distance at which a molecule is most likely real. Below it the wider background normal
    /// overtakes the narrow signal.
    pub fn surest_distance(&self) -> f64 {
        let signal = 1.0 / (self.signal.std * self.signal.std);
        let background = 1.0 / (self.background.std * self.background.std);
        if signal > background {
            (self.signal.mean * signal - self.background.mean * background) / (signal - background)
        } else {
            f64::NEG_INFINITY
        }
    }
}

#[inline]
fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + exp(-log_odds))
}

/// Fits the mixture to `distances`, `[n_molecules]`. `None` if they hardly differ.
///
/// Source: Baysor 0.7.1 `fit_noise_probabilities`, in the log domain, with two-pass variances and
/// a floor under the standard deviations.
pub fn fit(distances: &[f32], graph: &MoleculeGraph, prior: Option<PriorTrust<'_>>, sweep: Sweep) -> Option<NoiseFit> {
    let n_molecules = distances.len();
    let (low, high) = starting_means(distances);
    let spread = (high - low) / 4.0;
    if spread.is_nan() || spread <= 1e-9 * high {
        return None;
    }
    let min_std = MIN_STD_SHARE * (high - low);
    let mut fit = NoiseFit {
        signal: Normal { mean: low, std: spread },
        background: Normal { mean: high, std: spread },
        n_signal: 1.0,
        n_background: 1.0,
        outlier_threshold: high + 3.0 * spread,
        n_iterations: 0,
        converged: false,
    };
    let ratio = DensityRatio::new(&fit);
    let start = |distance: f64| if distance > fit.outlier_threshold { 0.0 } else { logistic(ratio.log(distance)) };
    let mut real: Vec<f32> = distances.par_iter().map(|&distance| start(f64::from(distance)) as f32).collect();
    let mut previous = real.clone();
    let block = match sweep {
        Sweep::Blocks => BLOCK,
        Sweep::Sequential => n_molecules.max(1),
    };
    while fit.n_iterations < MAX_ITERATIONS && !fit.converged {
        (fit.n_signal, fit.n_background) = shares(&real);
        previous.copy_from_slice(&real);
        let ratio = DensityRatio::new(&fit);
        real.par_chunks_mut(block).enumerate().for_each(|(index, labels)| {
            sweep_block(index * block, labels, &previous, distances, graph, prior, &ratio);
        });
        let signal = weighted_normal(distances, &real, |p| p, min_std).unwrap_or(fit.signal);
        let background = weighted_normal(distances, &real, |p| 1.0 - p, min_std).unwrap_or(fit.background);
        let change = relative_change(fit.signal, signal).max(relative_change(fit.background, background));
        (fit.signal, fit.background) = (signal, background);
        fit.n_iterations += 1;
        fit.converged = change < TOLERANCE;
    }
    if fit.signal.mean > fit.background.mean {
        std::mem::swap(&mut fit.signal, &mut fit.background);
    }
    (fit.n_signal, fit.n_background) = shares(&real);
    Some(fit)
}

/// The means at the start: the quantiles 0.1 and 0.9.
fn starting_means(distances: &[f32]) -> (f64, f64) {
    let mut sorted: Vec<f64> = distances.iter().map(|&distance| f64::from(distance)).collect();
    let low = quantile(&mut sorted, 0.1);
    (low, quantile(&mut sorted, 0.9))
}

/// Shortens distances far above the bulk, so that a few strays cannot take over the background.
///
/// METHOD: what lies beyond the outlier threshold is background for certain, but still counts in
/// its mean and deviation; one molecule a slide's width away moved the mean fourfold.
///
/// Returns the length that none is longer than afterwards.
pub fn without_strays(distances: &mut [f32]) -> f32 {
    let (low, high) = starting_means(distances);
    let longest = (high + LONGEST_SPREADS * (high - low)) as f32;
    distances.par_iter_mut().for_each(|distance| *distance = distance.min(longest));
    longest
}

/// ln(n₁ φ₁(d)) - ln(n₂ φ₂(d)) as a quadratic in d.
struct DensityRatio {
    signal: Normal,
    background: Normal,
    offset: f64,
    outlier_threshold: f64,
}

impl DensityRatio {
    fn new(fit: &NoiseFit) -> Self {
        let offset = ln(fit.n_signal) - ln(fit.n_background) - ln(fit.signal.std) + ln(fit.background.std);
        Self { signal: fit.signal, background: fit.background, offset, outlier_threshold: fit.outlier_threshold }
    }

    #[inline]
    fn log(&self, distance: f64) -> f64 {
        let a = (distance - self.signal.mean) / self.signal.std;
        let b = (distance - self.background.mean) / self.background.std;
        self.offset + 0.5 * (b * b - a * a)
    }
}

/// Updates the labels of the molecules `first..first + labels.len()` in place.
fn sweep_block(
    first: usize,
    labels: &mut [f32],
    previous: &[f32],
    distances: &[f32],
    graph: &MoleculeGraph,
    prior: Option<PriorTrust<'_>>,
    ratio: &DensityRatio,
) {
    for local in 0..labels.len() {
        let molecule = first + local;
        let distance = f64::from(distances[molecule]);
        if distance > ratio.outlier_threshold {
            continue;
        }
        let (neighbors, weights) = graph.neighbors(molecule);
        let mut vote = 0.0;
        for (&neighbor, &weight) in neighbors.iter().zip(weights) {
            let neighbor = neighbor as usize;
            let label = match neighbor.checked_sub(first) {
                Some(inside) if inside < labels.len() => labels[inside],
                _ => previous[neighbor],
            };
            // e₁ - e₂ of the specification: weight times P - (1 - P).
            vote += f64::from(weight) * (2.0 * f64::from(label) - 1.0);
        }
        let real = logistic(ratio.log(distance) + vote);
        labels[local] = with_prior(real, prior, molecule) as f32;
    }
}

/// Sums of the two columns of probabilities, never quite zero.
fn shares(real: &[f32]) -> (f64, f64) {
    let signal = ordered_fold(real.len(), |range| sum(&real[range]), |a, b| a + b, 0.0);
    (signal.max(1e-10), (real.len() as f64 - signal).max(1e-10))
}

fn sum(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum()
}

/// Mean and population standard deviation under weights; `None` if they are all zero.
fn weighted_normal(
    distances: &[f32],
    real: &[f32],
    weight: impl Fn(f64) -> f64 + Sync,
    min_std: f64,
) -> Option<Normal> {
    let moments = |center: f64| {
        ordered_fold(
            real.len(),
            |range| {
                range.fold((0.0, 0.0, 0.0), |(w, d, d2), molecule| {
                    let weight = weight(f64::from(real[molecule]));
                    let deviation = f64::from(distances[molecule]) - center;
                    (w + weight, d + weight * deviation, d2 + weight * deviation * deviation)
                })
            },
            |a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2),
            (0.0, 0.0, 0.0),
        )
    };
    let (total, first, _) = moments(0.0);
    if total <= 0.0 {
        return None;
    }
    let mean = first / total;
    let (_, _, square) = moments(mean);
    Some(Normal { mean, std: (square / total).sqrt().max(min_std) })
}

fn relative_change(old: Normal, new: Normal) -> f64 {
    let mean = (new.mean - old.mean).abs() / old.mean.abs().max(f64::MIN_POSITIVE);
    mean.max((new.std - old.std).abs() / old.std)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posterior_is_one_half_where_the_densities_cross() {
        let normal = |mean| Normal { mean, std: 1.0 };
        let fit = NoiseFit {
            signal: normal(2.0),
            background: normal(6.0),
            n_signal: 10.0,
            n_background: 10.0,
            outlier_threshold: 9.0,
            n_iterations: 0,
            converged: true,
        };
        assert!((posterior(&fit, 4.0) - 0.5).abs() < 1e-12);
        // log odds -0.5 (7.5² - 3.5²)
        assert!((posterior(&fit, 9.5) - (-22.0f64).exp()).abs() < 1e-12);
    }

    #[test]
    fn one_stray_does_not_move_the_background() {
        let mut distances: Vec<f32> = (0..1000).map(|i| 1.0 + 0.002 * i as f32).collect();
        distances.push(5000.0);
        without_strays(&mut distances);
        assert!(distances[1000] < 7.0);
        assert_eq!(distances[999], 1.0 + 0.002 * 999.0);
    }

    #[test]
    fn equal_distances_have_no_fit() {
        let graph = MoleculeGraph::from_edges(3, &[]);
        assert!(fit(&[1.0, 1.0, 1.0], &graph, None, Sweep::Blocks).is_none());
    }
}
