//! Eigenvalues of small symmetric matrices.

/// Eigenvalues, largest first, and their vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigen {
    /// Eigenvalues, descending.
    pub values: Vec<f64>,
    /// Unit eigenvectors one after another, `[values.len() * n]`; the entry of largest magnitude
    /// of each (the first of several) is positive.
    pub vectors: Vec<f64>,
}

const MAX_SWEEPS: usize = 60;

/// All eigenpairs of the symmetric `matrix`, `[n * n]`, by cyclic Jacobi rotations.
///
/// Accurate to rounding; meant for `n` up to a few hundred (about `40 n^3` operations). Serial,
/// so the same result for any number of threads.
pub fn eigen(matrix: &[f64], n: usize) -> Eigen {
    let mut a = matrix.to_vec();
    let mut vectors = vec![0.0; n * n];
    for i in 0..n {
        vectors[i * n + i] = 1.0;
    }
    let norm: f64 = a.iter().map(|value| value * value).sum();
    for _ in 0..MAX_SWEEPS {
        let off: f64 =
            (0..n).map(|p| a[p * n + p + 1..(p + 1) * n].iter().map(|value| value * value).sum::<f64>()).sum();
        if off.is_nan() || off <= 1e-32 * norm {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate_away(&mut a, &mut vectors, n, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[j * n + j].total_cmp(&a[i * n + i]));
    let mut sorted = Vec::with_capacity(n * n);
    for &i in &order {
        sorted.extend_from_slice(&vectors[i * n..(i + 1) * n]);
    }
    sorted.chunks_mut(n.max(1)).for_each(fix_sign);
    Eigen { values: order.iter().map(|&i| a[i * n + i]).collect(), vectors: sorted }
}

/// Makes the entry at row `p`, column `q` zero.
fn rotate_away(a: &mut [f64], vectors: &mut [f64], n: usize, p: usize, q: usize) {
    let entry = a[p * n + q];
    if entry == 0.0 {
        return;
    }
    let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * entry);
    let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    let sine = tangent * cosine;
    rotate_rows(a, n, p, q, cosine, sine);
    for row in a.chunks_mut(n) {
        (row[p], row[q]) = (cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]);
    }
    rotate_rows(vectors, n, p, q, cosine, sine);
}

fn rotate_rows(matrix: &mut [f64], n: usize, p: usize, q: usize, cosine: f64, sine: f64) {
    let (upper, lower) = matrix.split_at_mut(q * n);
    for (x, y) in upper[p * n..(p + 1) * n].iter_mut().zip(&mut lower[..n]) {
        (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
    }
}

/// Turns a vector so that its entry of largest magnitude (the first of several) is positive.
pub fn fix_sign(vector: &mut [f64]) {
    let largest = vector.iter().fold(0.0f64, |top, &value| if value.abs() > top.abs() { value } else { top });
    if largest < 0.0 {
        vector.iter_mut().for_each(|value| *value = -*value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_by_two_has_the_textbook_solution() {
        let found = eigen(&[2.0, 1.0, 1.0, 2.0], 2);
        assert!((found.values[0] - 3.0).abs() < 1e-14 && (found.values[1] - 1.0).abs() < 1e-14);
        let half = 0.5f64.sqrt();
        assert!((found.vectors[0] - half).abs() < 1e-14 && (found.vectors[1] - half).abs() < 1e-14);
    }

    #[test]
    fn vectors_rebuild_the_matrix() {
        let n = 7;
        let entry = |i: usize, j: usize| ((i * j + i + j) % 5) as f64 - 0.3 * ((i + j) % 3) as f64;
        let matrix: Vec<f64> = (0..n * n).map(|at| entry(at / n, at % n)).collect();
        let found = eigen(&matrix, n);
        for i in 0..n {
            for j in 0..n {
                let rebuilt: f64 =
                    (0..n).map(|c| found.values[c] * found.vectors[c * n + i] * found.vectors[c * n + j]).sum();
                assert!((rebuilt - matrix[i * n + j]).abs() < 1e-12);
            }
        }
        assert!(found.values.is_sorted_by(|a, b| a >= b));
    }
}
