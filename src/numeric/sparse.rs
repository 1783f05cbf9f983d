//! Sparse symmetric matrices in compressed rows.

use rayon::prelude::*;

/// A symmetric matrix of which only some entries differ from zero. Both triangles are stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SparseSymmetric {
    /// Start of each row's entries, `[n + 1]`.
    offsets: Vec<usize>,
    /// Column of every entry, ascending within a row.
    columns: Vec<u32>,
    /// Value of every entry.
    values: Vec<f64>,
}

impl SparseSymmetric {
    /// A matrix from its rows, each a list of (column, value) with ascending columns. The caller
    /// answers for symmetry.
    pub fn from_rows(rows: Vec<Vec<(u32, f64)>>) -> Self {
        let n_entries = rows.iter().map(Vec::len).sum();
        let mut matrix = Self {
            offsets: Vec::with_capacity(rows.len() + 1),
            columns: Vec::with_capacity(n_entries),
            values: Vec::with_capacity(n_entries),
        };
        matrix.offsets.push(0);
        for row in rows {
            matrix.columns.extend(row.iter().map(|entry| entry.0));
            matrix.values.extend(row.iter().map(|entry| entry.1));
            matrix.offsets.push(matrix.columns.len());
        }
        matrix
    }

    /// Number of rows, which is that of columns.
    pub fn n(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Number of stored entries.
    pub fn n_entries(&self) -> usize {
        self.values.len()
    }

    /// Columns and values of a row's entries, columns ascending.
    #[inline]
    pub fn row(&self, row: usize) -> (&[u32], &[f64]) {
        let range = self.offsets[row]..self.offsets[row + 1];
        (&self.columns[range.clone()], &self.values[range])
    }

    /// The entry at a place; 0 where none is stored.
    pub fn at(&self, row: usize, column: usize) -> f64 {
        let (columns, values) = self.row(row);
        columns.binary_search(&(column as u32)).map_or(0.0, |found| values[found])
    }

    /// The matrix times each of `width` vectors. `vectors` and the result are `[width * n]`, one
    /// vector after another. Rows in parallel; the same result for any number of threads.
    pub fn multiply(&self, vectors: &[f64], width: usize) -> Vec<f64> {
        let n = self.n();
        // Interleaved, an entry of the matrix meets all vectors in one place of memory.
        let interleaved = transposed(vectors, width, n);
        let mut product = vec![0.0; n * width];
        product.par_chunks_mut(width.max(1)).with_min_len(32).enumerate().for_each(|(row, sums)| {
            let (columns, values) = self.row(row);
            for (&column, &value) in columns.iter().zip(values) {
                let others = &interleaved[column as usize * width..][..width];
                for (sum, other) in sums.iter_mut().zip(others) {
                    *sum += value * other;
                }
            }
        });
        transposed(&product, n, width)
    }
}

/// The transpose of a matrix of `n_rows` rows, one after another.
pub fn transposed(matrix: &[f64], n_rows: usize, n_columns: usize) -> Vec<f64> {
    let mut result = vec![0.0; matrix.len()];
    for (row, values) in matrix.chunks(n_columns.max(1)).take(n_rows).enumerate() {
        for (column, &value) in values.iter().enumerate() {
            result[column * n_rows + row] = value;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_with_two_vectors() {
        // [[2, 0, 1], [0, 0, 0], [1, 0, 3]]
        let matrix = SparseSymmetric::from_rows(vec![vec![(0, 2.0), (2, 1.0)], vec![], vec![(0, 1.0), (2, 3.0)]]);
        assert_eq!(matrix.multiply(&[1.0, 1.0, 1.0, 0.0, 5.0, 2.0], 2), [3.0, 0.0, 4.0, 2.0, 0.0, 6.0]);
        assert_eq!(matrix.at(2, 0), 1.0);
        assert_eq!(matrix.at(1, 1), 0.0);
    }
}
