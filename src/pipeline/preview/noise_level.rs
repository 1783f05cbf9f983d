//! How noisy the molecules are.

use crate::data::Molecules;
use crate::graph::MoleculeGraph;
use crate::noise::{self, Normal};
use crate::numeric::reduce::ordered_sum;
use crate::numeric::stats;
use crate::report::chart::{Histogram, significant};
use crate::report::preview::{Bins, NoiseFacts, NormalFacts};

/// Distances above this quantile are not in the histogram.
const SHOWN: f64 = 0.99;
const N_BINS: usize = 50;
/// Below this confidence a molecule is surely noise.
const SURELY_NOISE: f32 = 0.01;

/// The minimum of molecules per cell that the noise is estimated with, and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minimum {
    /// Molecules.
    pub n: usize,
    /// `given`, `suggested` or `assumed`.
    pub origin: &'static str,
}

/// Confidence of every molecule, with what it comes from.
pub fn estimate(
    molecules: &Molecules,
    graph: &MoleculeGraph,
    nn_id: usize,
    minimum: Minimum,
) -> (Vec<f32>, NoiseFacts) {
    let distances = noise::neighbor_distances(&molecules.positions, nn_id);
    let bins = histogram(&distances);
    let confidence = noise::estimate_from(distances, graph, None);
    let (values, fit) = (confidence.values, confidence.fit);
    let n = values.len().max(1) as f64;
    let minimal = values.iter().filter(|&&value| value < SURELY_NOISE).count() as f64 / n;
    let expected = ordered_sum(values.len(), |at| 1.0 - f64::from(values[at])) / n;
    let share = |of: f64| fit.map(|fit| of / (fit.n_signal + fit.n_background));
    let normal = |normal: Normal, share: Option<f64>| {
        share.map(|share| NormalFacts { mean: normal.mean, std: normal.std, share })
    };
    let facts = NoiseFacts {
        nn_id,
        min_molecules_per_cell: minimum.n,
        min_molecules_per_cell_origin: minimum.origin,
        minimal: fit.map(|_| minimal),
        expected: fit.map(|_| expected),
        text: fit.map(|_| text(minimal, expected)),
        signal: fit.and_then(|fit| normal(fit.signal, share(fit.n_signal))),
        background: fit.and_then(|fit| normal(fit.background, share(fit.n_background))),
        n_iterations: fit.map_or(0, |fit| fit.n_iterations),
        converged: fit.is_some_and(|fit| fit.converged),
        distances: bins,
    };
    (values, facts)
}

/// KEEPS: the line of Baysor 0.7.1, with three and two significant digits.
fn text(minimal: f64, expected: f64) -> String {
    let percent = |share: f64, digits| {
        let value = significant(100.0 * share, digits).as_f64().unwrap_or(0.0);
        format!("{value:?}%")
    };
    format!("Minimal noise level={}. Expected noise level={}.", percent(minimal, 3), percent(expected, 2))
}

/// Distances below their 0.99 quantile; `None` if there are none.
fn histogram(distances: &[f32]) -> Option<Bins> {
    let mut sorted: Vec<f64> = distances.iter().map(|&distance| f64::from(distance)).collect();
    let high = stats::quantile(&mut sorted, SHOWN);
    let low = sorted.iter().copied().fold(f64::INFINITY, f64::min);
    let histogram = Histogram::of(sorted.into_iter(), [low, high], N_BINS);
    let is_any = distances.len() > 1 && !histogram.counts.is_empty();
    is_any.then_some(Bins {
        from: histogram.from,
        width: histogram.width,
        counts: histogram.counts,
        n: distances.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_that_of_0_7_1() {
        assert_eq!(text(0.012_345, 0.078_9), "Minimal noise level=1.23%. Expected noise level=7.9%.");
        assert_eq!(text(0.0, 0.5), "Minimal noise level=0.0%. Expected noise level=50.0%.");
    }

    #[test]
    fn the_largest_distances_are_left_out() {
        let mut distances: Vec<f32> = (0..1000).map(|at| at as f32 * 0.001).collect();
        distances.extend([50.0; 5]);
        let bins = histogram(&distances).unwrap();
        assert_eq!(bins.n, 1005);
        assert!((40..=60).contains(&bins.counts.len()), "{}", bins.counts.len());
        // The quantile lies between the 994th and the 995th distance.
        assert_eq!(bins.counts.iter().sum::<u64>(), 994);
        assert_eq!(histogram(&[0.0]), None);
    }
}
