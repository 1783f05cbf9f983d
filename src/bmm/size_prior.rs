//! How large cells are, learned from the cells of the run.
//!
//! METHOD: the covariance Σ_c of a cell has an inverse-Wishart prior with the mean S and the strength ν, in molecules.
//! S is round in the plane, `sd²`, with a variance of its own along z, `sd_z²`: cells of a section are cut. With the
//! sample covariance C of n molecules the posterior mean is (ν S + n C) / (ν + n). Both parameters are learned: S from
//! the median size of the cells, ν from how far the axes of single cells are from it, so that elongated cells and
//! cells of many sizes make it weak, and equal round ones strong.
//!
//! METHOD: the molecules of a cell were assigned by the very shape that they are to tell. So a molecule counts in a
//! shape as [`INDEPENDENT_SHARE`] of an independent one; without that a cell that has grown into its neighbor by chance
//! keeps growing. The share was chosen on simulated tissue, see `docs/accuracy.md`.

use super::params::LN_TWO_PI;
use super::shape::{self, Shape, Symmetric};
use crate::numeric::elementary::{exp, ln};
use crate::numeric::gamma::ln_gamma;
use crate::numeric::stats;

/// What a molecule contributes to a shape, as a share of what an independent one would.
pub const INDEPENDENT_SHARE: f64 = 0.05;
/// The strength of the prior where a set of molecules is judged as a whole, as a multiple of ν.
///
/// METHOD: there molecules are not reassigned, and count in full against the prior.
const EVIDENCE_FACTOR: f64 = 10.0;
/// Cells that it takes to learn from.
pub const MIN_CELLS: usize = 10;
/// The standard deviation of molecules that fill a disc, as a share of its radius. Cells are not quite that compact.
const SD_OF_RADIUS: f64 = 0.6;
/// Smallest spread of cell sizes (of ln sd).
const MIN_SPREAD: f64 = 0.1;
/// ln π.
const LN_PI: f64 = 1.144_729_885_849_400_2;

/// The prior of a cell's covariance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SizePrior {
    /// Standard deviation of the molecules of a typical cell along an axis in the plane, in input units.
    pub sd: f64,
    /// The same along z; `sd` in two dimensions.
    pub sd_z: f64,
    /// Strength ν of the prior, in molecules that are independent.
    pub strength: f64,
}

/// A cell as far as sizes are learned from it: the covariance of its molecules and their number.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Covariance of the molecules.
    pub covariance: Symmetric,
    /// Number of molecules, > 0.
    pub n_molecules: u32,
}

impl SizePrior {
    /// The prior before anything is learned: cells of the radius `scale` whose radii spread by `scale_std`.
    pub fn expected(scale: f64, scale_std: f64) -> Self {
        Self { sd: SD_OF_RADIUS * scale, sd_z: SD_OF_RADIUS * scale, strength: strength_of(scale_std / scale) }
    }

    /// Learns from cells; fewer than [`MIN_CELLS`] teach nothing. With `spread_is_given` the strength is half learned.
    ///
    /// Medians throughout, so that wrong cells do not count. The order of the cells does not matter.
    pub fn learned(self, cells: &[Sample], n_dims: usize, spread_is_given: bool) -> Self {
        if cells.len() < MIN_CELLS {
            return self;
        }
        let floor = 1e-6 * self.sd * self.sd;
        let mut sizes: Vec<f64> = cells.iter().map(|cell| 0.25 * ln(determinant_xy(cell, floor))).collect();
        let log_sd = stats::median(&mut sizes);
        let sd = exp(log_sd);
        let sd_z = if n_dims == 3 {
            let mut heights: Vec<f64> = cells.iter().map(|cell| 0.5 * ln(cell.covariance[5].max(floor))).collect();
            exp(stats::median(&mut heights))
        } else {
            sd
        };
        let deviation = |variance: f64| (0.5 * ln(variance.max(floor)) - log_sd).abs();
        let mut deviations: Vec<f64> =
            cells.iter().flat_map(|cell| shape::variances_xy(cell.covariance).map(deviation)).collect();
        let spread = stats::MAD_TO_SD * stats::median(&mut deviations);
        // ln of a standard deviation of n molecules has itself the variance 1 / 2n.
        let mut sampling: Vec<f64> = cells.iter().map(|cell| 0.5 / f64::from(cell.n_molecules)).collect();
        let variance = spread * spread - stats::median(&mut sampling);
        let found = strength_of(variance.max(0.0).sqrt());
        // A given spread counts as much as the cells: the geometric mean of both.
        let strength = if spread_is_given { (self.strength * found).sqrt() } else { found };
        Self { sd, sd_z, strength }
    }

    /// The spread of ln sd that the strength stands for.
    pub fn spread(&self) -> f64 {
        (0.5 / self.strength).sqrt()
    }

    /// The shape of a cell, given the covariance of its `n` molecules: the posterior mean.
    pub fn shape(&self, covariance: Symmetric, n: u32, n_dims: usize) -> Shape {
        let n = INDEPENDENT_SHARE * f64::from(n);
        let total = n + self.strength;
        let mut posterior = covariance.map(|value| n * value / total);
        for (entry, variance) in self.variances() {
            posterior[entry] += self.strength * variance / total;
        }
        Shape::normal(posterior, n_dims)
    }

    /// ln of the marginal likelihood of the places of `n` molecules of one cell, wherever it lies: times the density
    /// of cells it is a density of the places.
    ///
    /// Source: the normal-inverse-Wishart model with a flat prior on the mean.
    pub fn log_evidence(&self, covariance: Symmetric, n: u32, n_dims: usize) -> f64 {
        let (d, n) = (n_dims as f64, f64::from(n));
        let strength = EVIDENCE_FACTOR * self.strength;
        let freedom = strength + d + 1.0;
        let mut scatter = covariance.map(|value| n * value);
        for (entry, variance) in self.variances() {
            scatter[entry] += strength * variance;
        }
        let [xx, xy, yy, xz, yz, zz] = scatter;
        let log_scatter = if n_dims == 2 {
            ln(xx * yy - xy * xy)
        } else {
            ln(xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz))
        };
        let log_prior = d * ln(strength) + self.log_determinant(n_dims);
        let gammas: f64 = (0..n_dims)
            .map(|axis| axis as f64)
            .map(|axis| ln_gamma(0.5 * (freedom + n - 1.0 - axis)) - ln_gamma(0.5 * (freedom - axis)))
            .sum();
        -0.5 * d * ln(n) - 0.5 * (n - 1.0) * d * LN_PI + 0.5 * freedom * log_prior
            - 0.5 * (freedom + n - 1.0) * log_scatter
            + gammas
    }

    /// ln of the area (volume) that a typical cell takes up: that of an ellipse whose molecules have this spread.
    pub fn log_volume(&self, n_dims: usize) -> f64 {
        // A uniform disc has half its radius as standard deviation, a uniform ball 1 / √5 of it.
        let of_unit = if n_dims == 2 {
            4.0 * std::f64::consts::PI
        } else {
            4.0 / 3.0 * std::f64::consts::PI * 5.0 * 2.236_067_977_499_79
        };
        ln(of_unit) + 0.5 * self.log_determinant(n_dims)
    }

    fn log_determinant(&self, n_dims: usize) -> f64 {
        4.0 * ln(self.sd) + if n_dims == 3 { 2.0 * ln(self.sd_z) } else { 0.0 }
    }

    /// The entries of S that are not 0.
    fn variances(&self) -> [(usize, f64); 3] {
        [(0, self.sd * self.sd), (2, self.sd * self.sd), (5, self.sd_z * self.sd_z)]
    }
}

/// The strength of the prior for a spread of ln sd: t² = 1 / 2ν.
fn strength_of(spread: f64) -> f64 {
    let spread = spread.max(MIN_SPREAD);
    0.5 / (spread * spread)
}

fn determinant_xy(cell: &Sample, floor: f64) -> f64 {
    let [xx, xy, yy, ..] = cell.covariance;
    (xx * yy - xy * xy).max(floor * floor)
}

impl Shape {
    /// The shape of a normal distribution with this covariance, which must be positive definite.
    pub fn normal(covariance: Symmetric, n_dims: usize) -> Self {
        let (precision, log_determinant) = shape::inverse(covariance, n_dims);
        Self { precision, log_peak: -0.5 * (n_dims as f64 * LN_TWO_PI + log_determinant) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(variance: f64, n_molecules: u32) -> Sample {
        Sample { covariance: [variance, 0.0, variance, 0.0, 0.0, 0.0], n_molecules }
    }

    #[test]
    fn the_size_of_most_cells_is_learned_and_few_wrong_ones_do_not_count() {
        let expected = SizePrior::expected(10.0, 2.5);
        assert_eq!((expected.sd, expected.strength), (6.0, 8.0));
        let mut cells = vec![round(16.0, 100); 20];
        cells.extend([round(400.0, 900); 5]);
        let learned = expected.learned(&cells, 2, false);
        assert!((learned.sd - 4.0).abs() < 1e-12 && learned.sd_z == learned.sd);
        // Equal round cells: as strong as it gets.
        assert!((learned.strength - 50.0).abs() < 1e-9);
        assert!((expected.learned(&cells, 2, true).strength - 20.0).abs() < 1e-9);
        assert_eq!(expected.learned(&cells[..5], 2, false), expected);
    }

    #[test]
    fn elongated_cells_make_the_prior_weak() {
        let long = Sample { covariance: [64.0, 0.0, 4.0, 0.0, 0.0, 0.0], n_molecules: 200 };
        let learned = SizePrior::expected(10.0, 2.5).learned(&[long; 20], 2, false);
        // ln 8 - ln 4 = ln 2 on both axes, times the factor of a normal distribution.
        let spread = stats::MAD_TO_SD * std::f64::consts::LN_2;
        assert!((learned.sd - 4.0).abs() < 1e-12);
        assert!((learned.strength - 0.5 / (spread * spread - 1.0 / 400.0)).abs() < 1e-9);
    }

    #[test]
    fn a_cell_of_the_expected_size_keeps_its_shape_and_a_tiny_one_takes_the_expected() {
        let prior = SizePrior { sd: 3.0, sd_z: 2.0, strength: 8.0 };
        let variances = |covariance, n, n_dims| {
            let [xx, _, yy, _, _, zz] = prior.shape(covariance, n, n_dims).precision;
            [1.0 / xx, 1.0 / yy, 1.0 / zz]
        };
        let same = variances([9.0, 0.0, 9.0, 0.0, 0.0, 4.0], 50, 3);
        assert!(same.iter().zip([9.0, 9.0, 4.0]).all(|(a, b)| (a - b).abs() < 1e-9));
        // 160 molecules count as 8, as much as the prior.
        let wide = variances([25.0, 0.0, 9.0, 0.0, 0.0, 0.0], 160, 2);
        assert!((wide[0] - 17.0).abs() < 1e-9 && (wide[1] - 9.0).abs() < 1e-9);
        let [xx, ..] = prior.shape([0.0; 6], 1, 2).precision;
        assert!((1.0 / xx - 9.0 * 8.0 / 8.05).abs() < 1e-9);
    }

    #[test]
    fn a_cell_of_the_expected_size_is_more_likely_than_one_twice_as_large() {
        let prior = SizePrior { sd: 3.0, sd_z: 3.0, strength: 8.0 };
        let of = |variance: f64| prior.log_evidence([variance, 0.0, variance, 0.0, 0.0, 0.0], 50, 2);
        // The same places on a coarser ruler are less dense by 2 ln 2 per molecule but one; what is left is the prior.
        let ruler = 49.0 * 2.0 * std::f64::consts::LN_2;
        assert!(of(9.0) > of(36.0) + ruler);
        assert!(of(9.0) > of(2.25) - ruler);
    }

    #[test]
    fn the_evidence_integrates_the_places_of_two_molecules() {
        // Two molecules at a distance r: by hand with the t distribution of their difference. The densities of all
        // places of the second one add up to 1.
        let prior = SizePrior { sd: 1.0, sd_z: 1.0, strength: 1.0 };
        let step = 0.05;
        let mut total = 0.0;
        for i in -600..600 {
            for j in -600..600 {
                let (x, y) = (f64::from(i) * step, f64::from(j) * step);
                let covariance = [x * x / 4.0, x * y / 4.0, y * y / 4.0, 0.0, 0.0, 0.0];
                total += prior.log_evidence(covariance, 2, 2).exp() * step * step;
            }
        }
        assert!((total - 1.0).abs() < 0.01, "{total}");
    }
}
