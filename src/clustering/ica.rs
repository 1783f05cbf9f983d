//! Independent component analysis of the gene correlation: where the clusters start.

use crate::numeric::draws::Draws;
use crate::numeric::elementary::{exp, ln};
use crate::numeric::leading::leading;
use crate::numeric::reduce::ordered_fold;
use crate::numeric::sparse::{SparseSymmetric, transposed};
use crate::numeric::symmetric;

/// Change of direction below which the rotation counts as found.
const TOLERANCE: f64 = 1e-5;
const MAX_ITERATIONS: usize = 1000;
/// Random starts, of which the best counts: ten for up to four components, fewer for more, as each
/// costs more then.
const START_BUDGET: u64 = 40;
/// Eigenvalues below this share of the largest are rounding error.
const MIN_EIGENVALUE: f64 = 1e-12;

/// Result of [`unmixing`].
#[derive(Clone, Debug, PartialEq)]
pub struct Unmixing {
    /// Weight of each gene in each component, `[k * n_genes]`, one component after another.
    pub weights: Vec<f64>,
    /// False if the rotation still moved after the last iteration.
    pub converged: bool,
}

/// FastICA of `correlation`, taken as a data matrix with genes as signals and as observations.
///
/// Rows are centred, whitened by the `k` leading eigenpairs of their covariance, and rotated by
/// the symmetric fixed-point iteration with the tanh contrast. Returns the unmixing matrix, or
/// `None` if `k` exceeds the number of genes or of nonzero eigenvalues.
///
/// Source: Hyvärinen, "Fast and robust fixed-point algorithms for independent component
/// analysis", 1999; Baysor 0.7.1 `molecule_clustering.jl`.
/// DIFFERS: 0.7.1 compares rows where columns are meant, so that its iteration hardly ever counts
/// as converged, and then starts almost uniformly. Here columns are compared, and of several starts
/// the components farthest from normal are taken, converged ones first: which components a single
/// start finds is chance, and the cells that follow from it with them. Only the leading eigenpairs are
/// computed, at every number of genes. Draws from `draws`; the same for any number of threads.
pub fn unmixing(correlation: &SparseSymmetric, k: usize, draws: Draws) -> Option<Unmixing> {
    let whitening = whitening(correlation, k, draws)?;
    let n_genes = correlation.n();
    let mut signals = correlation.multiply(&whitening, k);
    signals.chunks_mut(n_genes).for_each(center);
    let observations = transposed(&signals, k, n_genes);
    let mut best: Option<(f64, Unmixing)> = None;
    let n_starts = (START_BUDGET / k as u64).clamp(3, 10);
    for start in 1..=n_starts {
        let (rotation, converged) = rotation(&observations, k, draws.at(start))?;
        let contrast = contrast(&observations, &rotation, k);
        let better = best.as_ref().is_none_or(|(most, kept)| (converged, contrast) > (kept.converged, *most));
        if better {
            let weights = product(&rotation, &whitening, k, n_genes);
            best = Some((contrast, Unmixing { weights, converged }));
        }
    }
    best.map(|(_, unmixing)| unmixing)
}

/// How far from normal the components are, all together: the sum of the squared differences of
/// their mean ln cosh from that of a normal distribution.
fn contrast(observations: &[f64], vectors: &[f64], k: usize) -> f64 {
    /// Mean of ln cosh under the standard normal distribution.
    const NORMAL: f64 = 0.374_567_2;
    let n = (observations.len() / k).max(1) as f64;
    let of = |vector: &[f64]| {
        let sum: f64 = observations
            .chunks(k)
            .map(|observation| {
                let u = observation.iter().zip(vector).map(|(a, b)| a * b).sum::<f64>().abs();
                u + ln(1.0 + exp(-2.0 * u)) - std::f64::consts::LN_2
            })
            .sum();
        let difference = sum / n - NORMAL;
        difference * difference
    };
    vectors.chunks(k).map(of).sum()
}

/// True if `value` is no larger than `limit`, or if it is not a number.
fn is_negligible(value: f64, limit: f64) -> bool {
    value.is_nan() || value <= limit
}

fn center(signal: &mut [f64]) {
    let mean = signal.iter().sum::<f64>() / signal.len() as f64;
    signal.iter_mut().for_each(|value| *value -= mean);
}

/// Eigenvectors of the covariance of the centred rows, divided by the roots of their eigenvalues,
/// `[k * n_genes]`.
fn whitening(correlation: &SparseSymmetric, k: usize, draws: Draws) -> Option<Vec<f64>> {
    let n_genes = correlation.n();
    if n_genes < 2 {
        return None;
    }
    // METHOD: with R symmetric and H the centring projection the covariance is R H R / (n - 1);
    // it is never formed.
    let covariance = |vectors: &[f64], width: usize| {
        let mut inner = correlation.multiply(vectors, width);
        inner.chunks_mut(n_genes).for_each(center);
        let mut outer = correlation.multiply(&inner, width);
        outer.iter_mut().for_each(|value| *value /= (n_genes - 1) as f64);
        outer
    };
    let mut pairs = leading(n_genes, k, covariance, draws.at(0))?;
    // DIFFERS: 0.7.1 gives up on eigenvalues up to 0, here up to rounding error.
    if is_negligible(pairs.values[k - 1], MIN_EIGENVALUE * pairs.values[0]) {
        return None;
    }
    for (vector, value) in pairs.vectors.chunks_mut(n_genes).zip(&pairs.values) {
        let root = value.sqrt();
        vector.iter_mut().for_each(|entry| *entry /= root);
    }
    Some(pairs.vectors)
}

/// The rotation of white `observations`, `[n * k]`, to independent components: `k` vectors of
/// length `k`, one after another, and whether it converged. `None` if numbers are not finite.
fn rotation(observations: &[f64], k: usize, draws: crate::numeric::draws::IterationDraws) -> Option<(Vec<f64>, bool)> {
    let random: Vec<f64> = (0..(k * k) as u64).map(|id| draws.rough_normal(id)).collect();
    let mut vectors = orthonormal(&random, k)?;
    for _ in 0..MAX_ITERATIONS {
        let next = orthonormal(&fixed_point_step(observations, &vectors, k), k)?;
        let change = next
            .chunks(k)
            .zip(vectors.chunks(k))
            .map(|(new, old)| (new.iter().zip(old).map(|(a, b)| a * b).sum::<f64>().abs() - 1.0).abs())
            .fold(0.0, f64::max);
        vectors = next;
        if change < TOLERANCE {
            return Some((vectors, true));
        }
    }
    Some((vectors, false))
}

/// `E[z tanh(w z)] - E[1 - tanh^2(w z)] w` for every vector `w`.
fn fixed_point_step(observations: &[f64], vectors: &[f64], k: usize) -> Vec<f64> {
    let n = observations.len() / k;
    let block = |range: std::ops::Range<usize>| {
        let mut sums = vec![0.0; k * k + k];
        for z in observations[range.start * k..range.end * k].chunks(k) {
            for (component, w) in vectors.chunks(k).enumerate() {
                let value = tanh(w.iter().zip(z).map(|(a, b)| a * b).sum());
                let row = &mut sums[component * k..(component + 1) * k];
                row.iter_mut().zip(z).for_each(|(sum, entry)| *sum += value * entry);
                sums[k * k + component] += 1.0 - value * value;
            }
        }
        sums
    };
    let add = |mut left: Vec<f64>, right: Vec<f64>| {
        left.iter_mut().zip(right).for_each(|(sum, part)| *sum += part);
        left
    };
    let sums = ordered_fold(n, block, add, vec![0.0; k * k + k]);
    let (products, slopes) = sums.split_at(k * k);
    products.iter().zip(vectors).enumerate().map(|(at, (sum, w))| (sum - slopes[at / k] * w) / n as f64).collect()
}

fn tanh(x: f64) -> f64 {
    let shrunk = exp(-2.0 * x.abs());
    let size = (1.0 - shrunk) / (1.0 + shrunk);
    if x < 0.0 { -size } else { size }
}

/// The orthonormal vectors closest to `vectors`: `W (W' W)^(-1/2)`. `None` if they are dependent
/// or not finite.
fn orthonormal(vectors: &[f64], k: usize) -> Option<Vec<f64>> {
    let mut inner = vec![0.0; k * k];
    for i in 0..k {
        for j in 0..k {
            inner[i * k + j] = (0..k).map(|at| vectors[i * k + at] * vectors[j * k + at]).sum();
        }
    }
    let pairs = symmetric::eigen(&inner, k);
    if is_negligible(pairs.values[k - 1], 1e-14 * pairs.values[0]) {
        return None;
    }
    let mut root = vec![0.0; k * k];
    for (vector, value) in pairs.vectors.chunks(k).zip(&pairs.values) {
        for i in 0..k {
            for j in 0..k {
                root[i * k + j] += vector[i] * vector[j] / value.sqrt();
            }
        }
    }
    Some(product(&root, vectors, k, k))
}

/// `left` `[k, k]` times `right` `[k, n]`, rows one after another.
fn product(left: &[f64], right: &[f64], k: usize, n: usize) -> Vec<f64> {
    let mut result = vec![0.0; k * n];
    for (row, shares) in result.chunks_mut(n).zip(left.chunks(k)) {
        for (share, other) in shares.iter().zip(right.chunks(n)) {
            row.iter_mut().zip(other).for_each(|(sum, value)| *sum += share * value);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::draws::Stream;

    fn draws() -> Draws {
        Draws::new(1, Stream::Clustering)
    }

    #[test]
    fn tanh_agrees_with_the_system() {
        for step in -400..400 {
            let x = f64::from(step) * 0.05;
            assert!((tanh(x) - x.tanh()).abs() < 1e-15);
        }
    }

    #[test]
    fn nearest_orthonormal_vectors_of_scaled_axes_are_the_axes() {
        let found = orthonormal(&[3.0, 0.0, 0.0, -0.5], 2).expect("independent vectors");
        for (have, want) in found.iter().zip([1.0, 0.0, 0.0, -1.0]) {
            assert!((have - want).abs() < 1e-14);
        }
        assert!(orthonormal(&[1.0, 2.0, 2.0, 4.0], 2).is_none());
    }

    #[test]
    fn genes_that_go_together_share_a_component() {
        // Three groups of four genes; within a group genes are neighbors, across hardly.
        let value = |g: usize, h: usize| if g / 4 == h / 4 { 0.2 + 0.01 * ((g * h) % 3) as f64 } else { 0.01 };
        let row = |g: usize| (0..12).map(|h| (h as u32, value(g, h))).collect();
        let matrix = SparseSymmetric::from_rows((0..12).map(row).collect());
        // Centred, three groups span two dimensions besides the variation within groups.
        let found = unmixing(&matrix, 2, draws()).expect("components");
        assert_eq!(found.weights.len(), 24);
        for weights in found.weights.chunks(12) {
            let group = |g: usize| weights[g * 4..(g + 1) * 4].iter().map(|value| value.abs()).sum::<f64>();
            let mut sizes = [group(0), group(1), group(2)];
            sizes.sort_by(f64::total_cmp);
            assert!(sizes[2] > 1.5 * sizes[0]);
        }
    }

    #[test]
    fn empty_matrix_and_too_many_components_have_no_unmixing() {
        let empty = SparseSymmetric::from_rows(vec![vec![]; 5]);
        assert!(unmixing(&empty, 2, draws()).is_none());
        let one = SparseSymmetric::from_rows(vec![vec![(0, 1.0)], vec![(1, 1.0)]]);
        assert!(unmixing(&one, 3, draws()).is_none());
    }
}
