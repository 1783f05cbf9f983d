//! Molecules grouped by cell, or by segment.

use super::{CellIdx, SegmentIdx};

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
        Self::group_by(cell_of.iter().map(|cell| cell.map(CellIdx::idx)), n_cells)
    }

    /// [`group`](Self::group) for groups of any kind, which are numbered below `n_groups`.
    pub fn group_by(group_of: impl Iterator<Item = Option<usize>> + Clone, n_groups: usize) -> Self {
        let mut offsets = vec![0u32; n_groups + 1];
        for group in group_of.clone().flatten() {
            offsets[group + 1] += 1;
        }
        for group in 0..n_groups {
            offsets[group + 1] += offsets[group];
        }
        // Filling moves every offset to the end of its group, which is the start of the next one.
        let mut members = vec![0u32; offsets[n_groups] as usize];
        for (molecule, group) in group_of.enumerate() {
            if let Some(group) = group {
                let place = &mut offsets[group];
                members[*place as usize] = molecule as u32;
                *place += 1;
            }
        }
        offsets.rotate_right(1);
        offsets[0] = 0;
        // The rotation has brought the untouched total to the front and the end of the last group to
        // the back, where the total belongs: both are the number of assigned molecules.
        Self { offsets, members }
    }

    /// Number of cells, those without molecules included.
    pub fn n_cells(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Molecules of a cell, ascending.
    pub fn of(&self, cell: CellIdx) -> &[u32] {
        self.at(cell.idx())
    }

    /// Molecules of the group of this number, ascending.
    pub fn at(&self, group: usize) -> &[u32] {
        &self.members[self.offsets[group] as usize..self.offsets[group + 1] as usize]
    }
}

/// Counts the molecules of every segment. `[largest segment + 1]`, empty without segments.
pub fn count_molecules(segments: &[Option<SegmentIdx>]) -> Vec<u32> {
    let n_segments = segments.iter().flatten().map(|segment| segment.idx() + 1).max().unwrap_or(0);
    let mut counts = vec![0u32; n_segments];
    for segment in segments.iter().flatten() {
        counts[segment.idx()] += 1;
    }
    counts
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
