//! How many nuclei a cell has, and what became of the nuclei.
//!
//! A nucleus is any segment of the prior here, whatever the prior says that its segments are.

use rayon::prelude::*;

use crate::data::{CellIdx, SegmentIdx, count_molecules};

/// A nucleus with at least so many tenths of its molecules in one cell is whole.
const WHOLE_FROM_TENTHS: u64 = 9;

/// Cells by their number of nuclei, and nuclei by what became of them. Segments without molecules are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NucleusCounts {
    /// Cells that have no nucleus.
    pub n_cells_without: u64,
    /// Cells that have one.
    pub n_cells_with_one: u64,
    /// Cells that have two or more.
    pub n_cells_with_several: u64,
    /// Nuclei with at least 90 % of their molecules in one cell.
    pub n_whole: u64,
    /// Nuclei that are neither whole nor without a cell.
    pub n_divided: u64,
    /// Nuclei with fewer than half of their molecules in cells.
    pub n_without_cell: u64,
}

impl NucleusCounts {
    /// Cells.
    pub fn n_cells(&self) -> u64 {
        self.n_cells_without + self.n_cells_with_one + self.n_cells_with_several
    }

    /// Nuclei.
    pub fn n_nuclei(&self) -> u64 {
        self.n_whole + self.n_divided + self.n_without_cell
    }

    /// Share of the cells that have several nuclei; NaN without cells.
    pub fn several_share(&self) -> f64 {
        self.n_cells_with_several as f64 / self.n_cells() as f64
    }

    /// Share of the cells that have no nucleus; NaN without cells.
    pub fn without_share(&self) -> f64 {
        self.n_cells_without as f64 / self.n_cells() as f64
    }

    /// Share of the nuclei that are whole; NaN without nuclei.
    pub fn whole_share(&self) -> f64 {
        self.n_whole as f64 / self.n_nuclei() as f64
    }
}

/// Counts nuclei of cells that come in parts, such as those of one tile after another.
///
/// A cell *has* a nucleus if it holds more than half of the nucleus's molecules, so that a nucleus is in one cell at
/// most. Whole numbers and a sort: the same for any number of threads. Memory: 12 bytes per segment, and while a part is
/// added 8 bytes per molecule in a segment and a cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NucleusTally {
    /// Molecules of each segment. `[n_segments]`
    sizes: Vec<u32>,
    /// The most that one cell holds of them. `[n_segments]`
    largest: Vec<u32>,
    /// Those in cells. `[n_segments]`
    in_cells: Vec<u32>,
    /// Cells without nuclei, with one, with more.
    n_cells: [u64; 3],
}

impl NucleusTally {
    /// Before any cell is added. `sizes`: all molecules of each segment, 0 for one that is not used. `[n_segments]`
    pub fn new(sizes: Vec<u32>) -> Self {
        let zeros = vec![0; sizes.len()];
        Self { largest: zeros.clone(), in_cells: zeros, sizes, n_cells: [0; 3] }
    }

    /// Adds `n_cells` cells with all of their molecules, and returns the number of nuclei of each. `[n_cells]`
    ///
    /// `cell_of` and `segment_of` are `[n_molecules]`; segments are those of `sizes`, cells count from 0 in every part.
    pub fn add(&mut self, cell_of: &[Option<CellIdx>], n_cells: usize, segment_of: &[Option<SegmentIdx>]) -> Vec<u32> {
        let mut pairs: Vec<(SegmentIdx, CellIdx)> =
            segment_of.iter().zip(cell_of).filter_map(|(&segment, &cell)| segment.zip(cell)).collect();
        // Equal pairs cannot be told apart, so the order is the same for any number of threads.
        pairs.par_sort_unstable();
        let mut n_nuclei = vec![0u32; n_cells];
        for shared in pairs.chunk_by(|a, b| a == b) {
            let ((segment, cell), n) = (shared[0], shared.len() as u32);
            let at = segment.idx();
            let Some(&size) = self.sizes.get(at) else { continue };
            self.largest[at] = self.largest[at].max(n);
            self.in_cells[at] += n;
            if 2 * u64::from(n) > u64::from(size) {
                n_nuclei[cell.idx()] += 1;
            }
        }
        n_nuclei.iter().for_each(|&n| self.n_cells[n.min(2) as usize] += 1);
        n_nuclei
    }

    /// What was counted so far.
    pub fn counts(&self) -> NucleusCounts {
        let [n_cells_without, n_cells_with_one, n_cells_with_several] = self.n_cells;
        let mut counts =
            NucleusCounts { n_cells_without, n_cells_with_one, n_cells_with_several, ..NucleusCounts::default() };
        let segments = self.sizes.iter().zip(&self.largest).zip(&self.in_cells);
        for ((size, largest), in_cells) in segments.map(|((&a, &b), &c)| ((u64::from(a), u64::from(b)), u64::from(c))) {
            if size == 0 {
                continue;
            } else if 10 * largest >= WHOLE_FROM_TENTHS * size {
                counts.n_whole += 1;
            } else if 2 * in_cells < size {
                counts.n_without_cell += 1;
            } else {
                counts.n_divided += 1;
            }
        }
        counts
    }
}

/// Nuclei and cells of a result as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nuclei {
    /// Number of nuclei of each cell. `[n_cells]`
    pub n_of_cell: Vec<u32>,
    /// In numbers.
    pub counts: NucleusCounts,
}

impl Nuclei {
    /// Counts nuclei. `cell_of` and `segment_of` are `[n_molecules]`.
    pub fn of(cell_of: &[Option<CellIdx>], n_cells: usize, segment_of: &[Option<SegmentIdx>]) -> Self {
        let mut tally = NucleusTally::new(count_molecules(segment_of));
        let n_of_cell = tally.add(cell_of, n_cells, segment_of);
        Self { n_of_cell, counts: tally.counts() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(numbers: &[u32]) -> Vec<Option<SegmentIdx>> {
        numbers.iter().map(|&number| SegmentIdx::from_number(number)).collect()
    }

    fn cells(numbers: &[u32]) -> Vec<Option<CellIdx>> {
        numbers.iter().map(|&number| CellIdx::from_number(number)).collect()
    }

    #[test]
    fn a_cell_has_the_nuclei_of_which_it_holds_more_than_half() {
        // Segment by segment: 1 whole in cell 1; 2 and 3 in cell 2; 4 half and half in cells 3 and 4; 5 mostly noise;
        // 7 two thirds in cell 1. Nothing is in segment 6.
        let segment_of = segments(&[1, 1, 0, 2, 2, 3, 3, 4, 4, 4, 4, 5, 5, 5, 7, 7, 7]);
        let cell_of = cells(&[1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 0, 0, 3, 1, 1, 0]);
        let found = Nuclei::of(&cell_of, 5, &segment_of);
        assert_eq!(found.n_of_cell, [2, 2, 0, 0, 0]);
        let counts = found.counts;
        assert_eq!((counts.n_cells_without, counts.n_cells_with_one, counts.n_cells_with_several), (3, 0, 2));
        assert_eq!((counts.n_whole, counts.n_divided, counts.n_without_cell), (3, 2, 1));
        assert_eq!((counts.n_cells(), counts.n_nuclei()), (5, 6));
        assert_eq!((counts.several_share(), counts.without_share(), counts.whole_share()), (0.4, 0.6, 0.5));
    }

    #[test]
    fn nine_tenths_in_one_cell_are_whole_and_less_is_not() {
        let of = |n_in: usize| {
            let cell_of = cells(&(0..10).map(|at| u32::from(at < n_in)).collect::<Vec<_>>());
            Nuclei::of(&cell_of, 1, &segments(&[1; 10]))
        };
        assert_eq!((of(9).counts.n_whole, of(8).counts.n_divided), (1, 1));
        assert_eq!((of(6).n_of_cell[0], of(5).n_of_cell[0]), (1, 0));
        assert_eq!((of(5).counts.n_divided, of(4).counts.n_without_cell), (1, 1));
    }

    #[test]
    fn cells_of_tiles_one_by_one_are_counted_as_those_of_the_slide() {
        // Segment 1 is cut by the border of two tiles: its molecules are in a cell of each.
        let segment_of = segments(&[1, 1, 1, 1, 2, 2, 3, 3]);
        let slide = Nuclei::of(&cells(&[1, 1, 1, 2, 2, 2, 3, 0]), 3, &segment_of);
        let mut tally = NucleusTally::new(vec![4, 2, 2]);
        let first = tally.add(&cells(&[1, 1, 1, 0]), 1, &segments(&[1, 1, 1, 1]));
        let second = tally.add(&cells(&[1, 1, 1, 2, 0]), 2, &segments(&[1, 2, 2, 3, 3]));
        assert_eq!([first, second].concat(), slide.n_of_cell);
        assert_eq!(tally.counts(), slide.counts);
    }

    #[test]
    fn without_cells_or_segments_there_is_nothing_to_count() {
        assert_eq!(Nuclei::of(&[None], 0, &[None]), Nuclei::default());
        assert!(NucleusCounts::default().several_share().is_nan());
        let alone = Nuclei::of(&cells(&[1]), 1, &[None]);
        assert_eq!((alone.n_of_cell, alone.counts.n_cells_without), (vec![0], 1));
    }
}
