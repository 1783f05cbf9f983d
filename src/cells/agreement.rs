//! How cells and the segments of a prior segmentation go together, by the molecules that they share.

use crate::data::{CellIdx, SegmentIdx};

/// A segment with a smaller share of its molecules in cells is lost.
const LOST_BELOW: f64 = 0.5;
/// A second cell with at least this share of the molecules of a segment splits it.
const SPLIT_FROM: f64 = 0.25;
/// A cell with at least this share of a segment holds a part of it.
const PART_FROM: f64 = 0.1;

/// What became of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is the core of one cell that has no other.
    Kept,
    /// Two or more cells share it: a second cell has at least a quarter of its molecules.
    Split,
    /// One cell holds it together with another segment.
    Merged,
    /// Most of its molecules are noise.
    Lost,
}

/// One segment with molecules.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SegmentFate {
    /// What became of it.
    pub fate: Fate,
    /// The cell with the most of its molecules, the first among equals; `None` if all are noise.
    pub main_cell: Option<CellIdx>,
    /// Share of its molecules that are in the main cell.
    pub main_share: f64,
    /// Shared molecules by those of segment and main cell together.
    pub iou: f64,
    /// Cells that hold at least a tenth of its molecules.
    pub n_cells: u32,
}

/// Cells and segments side by side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agreement {
    /// Segments with molecules, in their order.
    pub segments: Vec<SegmentFate>,
    /// Segments of which each cell is the main cell. `[n_cells]`
    pub segments_of_cell: Vec<u32>,
}

impl Agreement {
    /// Compares cells with segments. Both slices are `[n_molecules]`.
    ///
    /// METHOD: a segment need not be a whole cell; nuclei are the usual case. So what counts is where the molecules of
    /// a segment went, not which share of a cell they are; `iou` is for those whose segments are cells.
    ///
    /// Whole numbers and a sort: the same for any number of threads. Memory: 8 bytes per molecule in a segment.
    pub fn of(cell_of: &[Option<CellIdx>], n_cells: usize, segment_of: &[Option<SegmentIdx>]) -> Self {
        let mut sizes = vec![0u32; n_cells];
        cell_of.iter().flatten().for_each(|cell| sizes[cell.idx()] += 1);
        let pairs =
            segment_of.iter().zip(cell_of).filter_map(|(segment, &cell)| segment.map(|segment| (segment, cell)));
        let mut pairs: Vec<(SegmentIdx, Option<CellIdx>)> = pairs.collect();
        pairs.sort_unstable();
        let segments: Vec<SegmentFate> =
            pairs.chunk_by(|a, b| a.0 == b.0).map(|molecules| one_segment(molecules, &sizes)).collect();
        let mut agreement = Self { segments, segments_of_cell: vec![0; n_cells] };
        agreement.find_merged();
        agreement
    }

    /// Marks segments that share their main cell.
    fn find_merged(&mut self) {
        let whole = |segment: &SegmentFate| segment.fate == Fate::Kept;
        for cell in self.segments.iter().filter(|segment| whole(segment)).filter_map(|segment| segment.main_cell) {
            self.segments_of_cell[cell.idx()] += 1;
        }
        for segment in self.segments.iter_mut().filter(|segment| segment.fate == Fate::Kept) {
            if segment.main_cell.is_some_and(|cell| self.segments_of_cell[cell.idx()] > 1) {
                segment.fate = Fate::Merged;
            }
        }
        // A cell that has the larger part of a split segment is not new.
        for segment in self.segments.iter().filter(|segment| segment.fate == Fate::Split) {
            if let Some(cell) = segment.main_cell {
                self.segments_of_cell[cell.idx()] += 1;
            }
        }
    }

    /// Segments of a fate.
    pub fn n(&self, fate: Fate) -> usize {
        self.segments.iter().filter(|segment| segment.fate == fate).count()
    }

    /// Cells that are no segment's main cell.
    pub fn n_new_cells(&self) -> usize {
        self.segments_of_cell.iter().filter(|&&n| n == 0).count()
    }
}

/// A segment from its molecules, sorted by cell; noise comes first.
fn one_segment(molecules: &[(SegmentIdx, Option<CellIdx>)], sizes: &[u32]) -> SegmentFate {
    let n = molecules.len() as f64;
    let mut parts: Vec<(usize, CellIdx)> = molecules
        .chunk_by(|a, b| a.1 == b.1)
        .filter_map(|part| part.first().and_then(|first| first.1).map(|cell| (part.len(), cell)))
        .collect();
    // The largest first; among equals the first cell.
    parts.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let share = |at: usize| parts.get(at).map_or(0.0, |part| part.0 as f64 / n);
    let in_cells = parts.iter().map(|part| part.0).sum::<usize>() as f64 / n;
    let fate = if in_cells < LOST_BELOW {
        Fate::Lost
    } else if share(1) >= SPLIT_FROM {
        Fate::Split
    } else {
        Fate::Kept
    };
    let iou = parts.first().map_or(0.0, |&(shared, cell)| {
        let shared = shared as f64;
        shared / (n + f64::from(sizes[cell.idx()]) - shared)
    });
    SegmentFate {
        fate,
        main_cell: parts.first().map(|part| part.1),
        main_share: share(0),
        iou,
        n_cells: parts.iter().filter(|part| part.0 as f64 >= PART_FROM * n).count() as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_kept_split_merged_or_lost_and_cells_new() {
        // Segment by segment: 1 in cell 1; 2 and 3 in cell 2; 4 in cells 3 and 4; 5 is noise; cell 5 has no segment.
        let segments = [1, 1, 1, 1, 0, 2, 2, 3, 3, 4, 4, 4, 4, 5, 5, 5, 0, 0];
        let cells = [1, 1, 1, 0, 1, 2, 2, 2, 2, 3, 3, 4, 4, 0, 0, 3, 5, 5];
        let segment_of: Vec<_> = segments.into_iter().map(SegmentIdx::from_number).collect();
        let cell_of: Vec<_> = cells.into_iter().map(CellIdx::from_number).collect();
        let agreement = Agreement::of(&cell_of, 5, &segment_of);
        let fates: Vec<Fate> = agreement.segments.iter().map(|segment| segment.fate).collect();
        assert_eq!(fates, [Fate::Kept, Fate::Merged, Fate::Merged, Fate::Split, Fate::Lost]);
        assert_eq!(agreement.segments_of_cell, [1, 2, 1, 0, 0]);
        assert_eq!((agreement.n(Fate::Merged), agreement.n_new_cells()), (2, 2));
        let first = agreement.segments[0];
        assert_eq!((first.main_cell, first.main_share, first.iou), (CellIdx::from_number(1), 0.75, 0.6));
        assert_eq!(agreement.segments.iter().map(|segment| segment.n_cells).collect::<Vec<_>>(), [1, 1, 1, 2, 1]);
    }

    #[test]
    fn without_segments_or_cells_there_is_nothing_to_compare() {
        assert_eq!(Agreement::of(&[None, None], 0, &[None, None]), Agreement::default());
        let lost = Agreement::of(&[None], 0, &[SegmentIdx::from_number(7)]);
        assert_eq!((lost.segments[0].fate, lost.segments[0].main_cell), (Fate::Lost, None));
    }
}
