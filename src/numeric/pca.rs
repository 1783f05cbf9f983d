//! Principal axes of vectors of few dimensions.

use super::reduce::ordered_fold;
use super::sparse::transposed;
use super::symmetric;

/// A rotation of vectors to their principal axes.
#[derive(Clone, Debug, PartialEq)]
pub struct PrincipalAxes {
    /// Number of dimensions.
    pub n_dims: usize,
    /// Mean of the vectors, `[n_dims]`.
    pub mean: Vec<f32>,
    /// Share of every dimension in every axis, that of the largest variance first,
    /// `[n_dims * n_dims]`, one dimension after another.
    pub shares: Vec<f32>,
    /// Variance along every axis, `[n_dims]`.
    pub variances: Vec<f64>,
}

impl PrincipalAxes {
    /// The axes of `vectors`, `[n * n_dims]`. The same for any number of threads.
    pub fn of(vectors: &[f32], n_dims: usize) -> Self {
        let n = (vectors.len() / n_dims.max(1)).max(1);
        let add = |mut total: Vec<f64>, part: Vec<f64>| {
            total.iter_mut().zip(part).for_each(|(total, value)| *total += value);
            total
        };
        let rows = |range: std::ops::Range<usize>| vectors[range.start * n_dims..range.end * n_dims].chunks(n_dims);
        let n_rows = vectors.len() / n_dims.max(1);
        let sum = |range: std::ops::Range<usize>| {
            let mut sums = vec![0.0; n_dims];
            for vector in rows(range) {
                sums.iter_mut().zip(vector).for_each(|(sum, &value)| *sum += f64::from(value));
            }
            sums
        };
        let mut mean = ordered_fold(n_rows, sum, add, vec![0.0; n_dims]);
        mean.iter_mut().for_each(|sum| *sum /= n as f64);
        let products = |range: std::ops::Range<usize>| {
            let mut sums = vec![0.0; n_dims * n_dims];
            let mut centered = vec![0.0; n_dims];
            for vector in rows(range) {
                centered
                    .iter_mut()
                    .zip(vector)
                    .zip(&mean)
                    .for_each(|((to, &value), mean)| *to = f64::from(value) - mean);
                for (sums, a) in sums.chunks_mut(n_dims).zip(&centered) {
                    sums.iter_mut().zip(&centered).for_each(|(sum, b)| *sum += a * b);
                }
            }
            sums
        };
        let mut covariance = ordered_fold(n_rows, products, add, vec![0.0; n_dims * n_dims]);
        covariance.iter_mut().for_each(|sum| *sum /= n as f64);
        let eigen = symmetric::eigen(&covariance, n_dims);
        let single = |values: &[f64]| values.iter().map(|&value| value as f32).collect();
        Self {
            n_dims,
            mean: single(&mean),
            shares: single(&transposed(&eigen.vectors, n_dims, n_dims)),
            variances: eigen.values,
        }
    }

    /// Coordinates of `vector`, `[n_dims]`, along the first axes, as many as `into` has room for. Its
    /// further entries become 0.
    #[inline]
    pub fn rotate(&self, vector: &[f32], into: &mut [f32]) {
        into.fill(0.0);
        let shares = self.shares.chunks_exact(self.n_dims.max(1));
        for (shares, (value, mean)) in shares.zip(vector.iter().zip(&self.mean)) {
            let value = value - mean;
            into.iter_mut().zip(shares).for_each(|(to, share)| *to += share * value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_of_a_tilted_cloud() {
        // Points at ±3 along (1, 1) and ±1 along (1, -1), around (5, 0).
        let vectors = [8.0, 3.0, 2.0, -3.0, 6.0, -1.0, 4.0, 1.0];
        let axes = PrincipalAxes::of(&vectors, 2);
        assert_eq!(axes.mean, [5.0, 0.0]);
        assert!((axes.variances[0] - 9.0).abs() < 1e-6 && (axes.variances[1] - 1.0).abs() < 1e-6);
        let mut turned = [9.0; 3];
        axes.rotate(&[8.0, 3.0], &mut turned);
        assert!((turned[0] - 18f32.sqrt()).abs() < 1e-5 && turned[1].abs() < 1e-5 && turned[2] == 0.0);
    }
}
