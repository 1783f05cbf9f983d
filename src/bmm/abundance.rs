//! How many molecules cells have, learned from the cells of the run.
//!
//! METHOD: cells are a Poisson process of clusters (Neyman and Scott 1958): a cell has N molecules, N negative binomial
//! with mean m and variance m + m²/a. Given the n molecules that a cell has, another one falls to it in proportion to
//! (n + a) / (1 + a/m): with a small shape a nearly to n, which is the mixing weight of a mixture, with a large one to
//! the same m for all. So cells of about equal counts cannot be eaten by a neighbor that happens to be larger.

use crate::numeric::elementary::ln;
use crate::numeric::gamma::ln_gamma;

/// Range of the shape: from hardly any prior to cells of equal counts.
const SHAPES: [f64; 2] = [0.5, 200.0];

/// The prior of the number of molecules of a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AbundancePrior {
    /// Shape a of the gamma distribution of expected counts: 1 / (squared coefficient of variation).
    pub shape: f64,
    /// Mean number m of molecules of a cell.
    pub mean: f64,
}

impl AbundancePrior {
    /// The prior before anything is learned: cells of twice the minimum, of any size.
    pub fn expected(min_molecules_per_cell: usize) -> Self {
        Self { shape: 1.0, mean: 2.0 * min_molecules_per_cell.max(1) as f64 }
    }

    /// Learns from numbers of molecules by their first two moments. `counts` are summed in order.
    pub fn learned(self, counts: &[f64]) -> Self {
        if counts.len() < super::size_prior::MIN_CELLS {
            return self;
        }
        let n = counts.len() as f64;
        let mean = counts.iter().sum::<f64>() / n;
        let variance = counts.iter().map(|count| (count - mean) * (count - mean)).sum::<f64>() / n;
        let excess = (variance - mean).max(mean * mean / SHAPES[1]);
        Self { shape: (mean * mean / excess).clamp(SHAPES[0], SHAPES[1]), mean }
    }

    /// ln of the expected number of further molecules of a cell of `n`.
    pub fn log_weight(&self, n: f64) -> f64 {
        ln((n + self.shape) / (1.0 + self.shape / self.mean))
    }

    /// ln of n! times the probability of `n` molecules: what counts for a set of molecules without an order.
    pub fn log_evidence(&self, n: f64) -> f64 {
        let Self { shape, mean } = *self;
        let total = mean + shape;
        ln_gamma(n + shape) - ln_gamma(shape) + n * ln(mean / total) + shape * ln(shape / total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_counts_give_equal_weights_and_unequal_ones_nearly_the_counts() {
        let equal = AbundancePrior::expected(10).learned(&[100.0; 20]);
        assert_eq!((equal.shape, equal.mean), (200.0, 100.0));
        assert!(equal.log_weight(150.0) - equal.log_weight(50.0) < f64::ln(1.5));
        let counts: Vec<f64> = (0..20).map(|cell| if cell % 4 == 0 { 340.0 } else { 20.0 }).collect();
        let unequal = equal.learned(&counts);
        assert!(unequal.shape < 1.0 && unequal.mean == 100.0);
        assert!(unequal.log_weight(150.0) - unequal.log_weight(50.0) > f64::ln(2.9));
    }

    #[test]
    fn a_molecule_more_multiplies_the_evidence_by_the_weight() {
        let prior = AbundancePrior { shape: 3.0, mean: 40.0 };
        for n in [1.0, 10.0, 200.0] {
            let step = prior.log_evidence(n + 1.0) - prior.log_evidence(n);
            assert!((step - prior.log_weight(n)).abs() < 1e-9);
        }
    }
}
