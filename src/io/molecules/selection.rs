//! Which rows of a file are left after all filters.

use polars_arrow::bitmap::MutableBitmap;

/// One bit for every row of the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    is_kept: MutableBitmap,
}

impl Selection {
    /// Adds the rows that follow in the file.
    pub fn push(&mut self, is_kept: &[bool]) {
        self.is_kept.reserve(is_kept.len());
        is_kept.iter().for_each(|&is_kept| self.is_kept.push(is_kept));
    }

    /// Rows of the file.
    pub fn n_rows(&self) -> usize {
        self.is_kept.len()
    }

    /// Rows that are left.
    pub fn n_kept(&self) -> usize {
        self.is_kept.set_bits()
    }

    /// Removes some of the rows that are left. `keep`: one entry for each of these. `[n_kept]`
    pub fn retain(&mut self, keep: &[bool]) {
        let mut keep = keep.iter();
        for row in 0..self.is_kept.len() {
            if self.is_kept.get(row) && keep.next() == Some(&false) {
                self.is_kept.set(row, false);
            }
        }
    }

    /// Whether each of `n` rows of the file from `begin` on is left; `None` if the file did not have so many.
    pub fn rows(&self, begin: usize, n: usize) -> Option<Vec<bool>> {
        (begin + n <= self.is_kept.len()).then(|| (begin..begin + n).map(|row| self.is_kept.get(row)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_removed_among_those_that_are_left() {
        let mut selection = Selection::default();
        selection.push(&[true, false, true]);
        selection.push(&[true, false]);
        selection.retain(&[false, true, true]);
        assert_eq!((selection.n_rows(), selection.n_kept()), (5, 2));
        assert_eq!(selection.rows(1, 4).unwrap(), [false, true, true, false]);
        assert_eq!(selection.rows(2, 4), None);
    }
}
