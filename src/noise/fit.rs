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

/// A normal distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normal {
    /// Mean (μ).
    pub mean: f64,
    /// Standard deviation (σ).
    pub std: f64,
}

impl Normal {
    /// Log density without the constant ln √2π, which cancels between the two components.
    #[inline]
    fn log_density(&self, x: f64) -> f64 {
        let deviation = (x - self.mean) / self.std;
        -0.5 * deviation * deviation - ln(self.std)
    }
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
    /// Distances above this one are background for certain (METHOD: both densities underflow).
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
pub fn posterior(fit: &NoiseFit, distance: f64) -> f64 {
    let log_signal = ln(fit.n_signal) + fit.signal.log_density(distance);
    // KEEPS: beyond the threshold the background counts as 1, whatever its density.
    let log_background = if distance > fit.outlier_threshold {
        HALF_LN_TWO_PI
    } else {
        ln(fit.n_background) + fit.background.log_density(distance)
    };
    logistic(log_signal - log_background)
}

/// ln √2π: what [`Normal::log_density`] leaves out.
const HALF_LN_TWO_PI: f64 = 0.918_938_533_204_672_8;

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
    let mut sorted: Vec<f64> = distances.iter().map(|&distance| f64::from(distance)).collect();
    let low = quantile(&mut sorted, 0.1);
    let high = quantile(&mut sorted, 0.9);
    drop(sorted);
    let spread = (high - low) / 4.0;
    // The negation also catches NaN.
    if !(spread > 1e-9 * high) {
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
    let mut real: Vec<f32> =
        distances.par_iter().map(|&distance| posterior(&fit, f64::from(distance)) as f32).collect();
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
    if !(total > 0.0) {
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
        assert!(posterior(&fit, 9.5) < 1e-9);
    }

    #[test]
    fn equal_distances_have_no_fit() {
        let graph = MoleculeGraph::from_edges(3, &[]);
        assert!(fit(&[1.0, 1.0, 1.0], &graph, None, Sweep::Blocks).is_none());
    }
}
