//! The few largest eigenvalues of a large symmetric matrix that is known by its products.

use super::draws::IterationDraws;
use super::symmetric::{self, Eigen};

/// Residuals, relative to the largest eigenvalue, at which pairs count as found.
const TOLERANCE: f64 = 1e-10;
/// Restarts after which the pairs are taken as they are.
const MAX_RESTARTS: usize = 60;
/// The basis grows to this many vectors, or to [`MIN_BLOCKS`] blocks if that is more.
const BASIS: usize = 64;
const MIN_BLOCKS: usize = 3;
/// Vectors in a block beyond the number of pairs wanted: they speed up convergence.
const SPARE: usize = 2;

/// The `k` largest eigenvalues, descending, with unit vectors, of the symmetric positive
/// semidefinite `n` by `n` matrix whose product with `width` vectors `[width * n]` is
/// `multiply(vectors, width)`. Signs are fixed as in [`Eigen`].
///
/// Method: a block Krylov space from a keyed random start, Rayleigh-Ritz in it, restarts from the
/// best Ritz vectors until all residuals are below 1e-10 of the largest eigenvalue.
///
/// `None` if `k > n`, or if numbers are not finite. Deterministic if `multiply` is: all sums here
/// are serial.
pub fn leading(
    n: usize,
    k: usize,
    multiply: impl Fn(&[f64], usize) -> Vec<f64>,
    draws: IterationDraws,
) -> Option<Eigen> {
    if k > n || k == 0 {
        return None;
    }
    let width = (k + SPARE).min(n);
    let basis_size = BASIS.max(MIN_BLOCKS * width).min(n);
    let mut start: Vec<f64> = (0..(width * n) as u64).map(|id| draws.rough_normal(id)).collect();
    let mut best = None;
    for _ in 0..MAX_RESTARTS {
        let basis = Basis::krylov(n, &start, basis_size, &multiply);
        let (pairs, residual) = basis.ritz_pairs(width);
        if !residual[..k.min(residual.len())].iter().all(|value| value.is_finite()) || pairs.values.len() < k {
            return None;
        }
        let worst = residual[..k].iter().copied().fold(0.0, f64::max);
        let done = worst <= TOLERANCE * pairs.values[0].abs();
        start.clone_from(&pairs.vectors);
        best = Some(pairs);
        if done {
            break;
        }
    }
    let mut best = best?;
    best.values.truncate(k);
    best.vectors.truncate(k * n);
    best.vectors.chunks_mut(n).for_each(symmetric::fix_sign);
    Some(best)
}

/// Orthonormal vectors and their products with the matrix, both `[size * n]`.
struct Basis {
    n: usize,
    vectors: Vec<f64>,
    products: Vec<f64>,
}

impl Basis {
    /// The space spanned by `start`, its product, the product of that, … up to `size` vectors.
    fn krylov(n: usize, start: &[f64], size: usize, multiply: &impl Fn(&[f64], usize) -> Vec<f64>) -> Self {
        let mut basis = Self { n, vectors: Vec::with_capacity(size * n), products: Vec::with_capacity(size * n) };
        let mut block = start.to_vec();
        while basis.vectors.len() < size * n {
            let old = basis.vectors.len();
            for vector in block.chunks(n) {
                if basis.vectors.len() < size * n {
                    basis.add(vector);
                }
            }
            let added = (basis.vectors.len() - old) / n;
            if added == 0 {
                break;
            }
            block = multiply(&basis.vectors[old..], added);
            basis.products.extend_from_slice(&block);
        }
        basis
    }

    /// Adds what is new in `vector`, unless it is rounding error.
    fn add(&mut self, vector: &[f64]) {
        let before = dot(vector, vector).sqrt();
        let mut rest = vector.to_vec();
        // Twice: once leaves an error as large as the part removed times the rounding unit.
        for _ in 0..2 {
            for have in self.vectors.chunks(self.n) {
                let part = dot(have, &rest);
                rest.iter_mut().zip(have).for_each(|(value, have)| *value -= part * have);
            }
        }
        let after = dot(&rest, &rest).sqrt();
        if after > 1e-12 * before {
            self.vectors.extend(rest.iter().map(|value| value / after));
        }
    }

    /// The best approximations within the space to the `k` leading pairs, and their residuals.
    fn ritz_pairs(&self, k: usize) -> (Eigen, Vec<f64>) {
        let n = self.n;
        let size = self.vectors.len() / n;
        let mut small = vec![0.0; size * size];
        for i in 0..size {
            for j in i..size {
                let value = dot(&self.vectors[i * n..(i + 1) * n], &self.products[j * n..(j + 1) * n]);
                small[i * size + j] = value;
                small[j * size + i] = value;
            }
        }
        let inner = symmetric::eigen(&small, size);
        let k = k.min(size);
        let (mut vectors, mut residuals) = (Vec::with_capacity(k * n), Vec::with_capacity(k));
        for pair in 0..k {
            let shares = &inner.vectors[pair * size..(pair + 1) * size];
            let vector = combine(&self.vectors, shares, n);
            let product = combine(&self.products, shares, n);
            let square: f64 = product
                .iter()
                .zip(&vector)
                .map(|(have, value)| have - inner.values[pair] * value)
                .map(|difference| difference * difference)
                .sum();
            residuals.push(square.sqrt());
            vectors.extend(vector);
        }
        (Eigen { values: inner.values[..k].to_vec(), vectors }, residuals)
    }
}

fn combine(vectors: &[f64], shares: &[f64], n: usize) -> Vec<f64> {
    let mut sum = vec![0.0; n];
    for (vector, share) in vectors.chunks(n).zip(shares) {
        sum.iter_mut().zip(vector).for_each(|(total, value)| *total += share * value);
    }
    sum
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    // Four partial sums in a fixed order: faster, and the same everywhere.
    let mut sums = [0.0; 4];
    let (a4, b4) = (a.chunks_exact(4), b.chunks_exact(4));
    let tail: f64 = a4.remainder().iter().zip(b4.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a4.zip(b4) {
        for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += x * y;
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + tail
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::draws::{Draws, Stream};

    fn draws() -> IterationDraws {
        Draws::new(1, Stream::Clustering).at(0)
    }

    /// Multiplies by a diagonal matrix.
    fn diagonal(values: &[f64]) -> impl Fn(&[f64], usize) -> Vec<f64> {
        move |vectors, _| vectors.iter().enumerate().map(|(at, vector)| vector * values[at % values.len()]).collect()
    }

    #[test]
    fn largest_of_a_diagonal_are_found() {
        let values: Vec<f64> = (0..500).map(|i| 1.0 / (1.0 + f64::from(i))).collect();
        let found = leading(500, 3, diagonal(&values), draws()).expect("pairs");
        for (pair, want) in values[..3].iter().enumerate() {
            assert!((found.values[pair] - want).abs() < 1e-12);
            assert!((found.vectors[pair * 500 + pair] - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn close_and_repeated_values_are_found() {
        let values: Vec<f64> = (0..300).map(|i| if i < 2 { 2.0 } else { 1.99 - 1e-3 * f64::from(i) }).collect();
        let found = leading(300, 4, diagonal(&values), draws()).expect("pairs");
        for (have, want) in found.values.iter().zip([2.0, 2.0, 1.988, 1.987]) {
            assert!((have - want).abs() < 1e-9, "{have} {want}");
        }
    }

    #[test]
    fn low_rank_leaves_zeros_and_too_many_pairs_none() {
        let found = leading(5, 3, diagonal(&[0.0, 4.0, 0.0, 0.0, 1.0]), draws()).expect("pairs");
        assert!((found.values[0] - 4.0).abs() < 1e-12 && found.values[2].abs() < 1e-12);
        assert!(leading(3, 4, diagonal(&[1.0, 2.0, 3.0]), draws()).is_none());
        assert!(leading(3, 1, diagonal(&[1.0, f64::NAN, 3.0]), draws()).is_none());
    }
}
