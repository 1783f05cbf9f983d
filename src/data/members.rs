//! Molecules grouped by cell.

use super::CellIdx;

/// Which molecules each cell has: the inverse of [`Segmentation::cell_of`](super::Segmentation::cell_of).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CellMembers {
    /// Where the molecules of each cell begin in `members`. `[n_cells + 1]`
    pub offsets: Vec<u32>,
    /// Molecules, cell after cell, ascending inside a cell. `[n_assigned_molecules]`
    pub members: Vec<u32>,
}

impl CellMembers {
    /// Groups molecules by a counting sort; noise is left out. All cells must be below `n_cells`.
    ///
    /// Two passes, no memory besides the result.
    pub fn group(cell_of: &[Option<CellIdx>], n_cells: usize) -> Self {
        let mut offsets = vec![0u32; n_cells + 1];
        for cell in cell_of.iter().flatten() {
            offsets[cell.idx() + 1] += 1;
        }
        for cell in 0..n_cells {
            offsets[cell + 1] += offsets[cell];
        }
        // Filling moves every offset to the end of its cell, which is the start of the next one.
        let mut members = vec![0u32; offsets[n_cells] as usize];
        for (molecule, cell) in cell_of.iter().enumerate() {
            if let Some(cell) = cell {
                let place = &mut offsets[cell.idx()];
                members[*place as usize] = molecule as u32;
                *place += 1;
            }
        }
        offsets.rotate_right(1);
        offsets[0] = 0;
        // The rotation has brought the untouched total to the front and the end of the last cell to
        // the back, where the total belongs: both are the number of assigned molecules.
        Self { offsets, members }
    }

    /// Number of cells, those without molecules included.
    pub fn n_cells(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Molecules of a cell, ascending.
    pub fn of(&self, cell: CellIdx) -> &[u32] {
        let idx = cell.idx();
        &self.members[self.offsets[idx] as usize..self.offsets[idx + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn molecules_of_a_cell_ascend_and_noise_belongs_to_nobody() {
        let cell_of: Vec<_> = [2, 0, 1, 2, 1, 4].into_iter().map(CellIdx::from_number).collect();
        let members = CellMembers::group(&cell_of, 4);
        assert_eq!(members.n_cells(), 4);
        assert_eq!(members.of(CellIdx::new(0)), [2, 4]);
        assert_eq!(members.of(CellIdx::new(1)), [0, 3]);
        assert!(members.of(CellIdx::new(2)).is_empty());
        assert_eq!(members.of(CellIdx::new(3)), [5]);
        assert_eq!(members.offsets, [0, 2, 4, 4, 5]);
    }

    #[test]
    fn no_cells_have_no_members() {
        let members = CellMembers::group(&[None, None], 0);
        assert_eq!((members.n_cells(), members.offsets.as_slice()), (0, &[0][..]));
    }
}
