//! Segments of the prior that are too small to be believed.

use rayon::prelude::*;

use crate::data::{SegmentIdx, count_molecules};

/// Segments numbered densely, with the labels that they have in the prior.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NumberedSegments {
    /// Segment of every molecule. `[n_molecules]`
    pub segment_of: Vec<Option<SegmentIdx>>,
    /// Label of every segment, ascending. `[n_segments]`
    pub labels: Vec<u32>,
}

/// Turns labels into segments: a segment is the rank of its label among those that have molecules.
///
/// `label_of` is `[n_molecules]`, 0 for none. Draws nothing; the same result on any thread count.
pub fn number_labels(label_of: &[u32]) -> NumberedSegments {
    let mut labels: Vec<u32> = label_of.iter().copied().filter(|&label| label > 0).collect();
    labels.par_sort_unstable();
    labels.dedup();
    labels.shrink_to_fit();
    let segment = |&label: &u32| labels.binary_search(&label).ok().map(SegmentIdx::new);
    NumberedSegments { segment_of: label_of.par_iter().map(segment).collect(), labels }
}

/// What [`drop_small_segments`] took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DroppedSegments {
    /// Segments that had molecules, but too few.
    pub n_segments: usize,
    /// Molecules in them, which belong to no segment now.
    pub n_molecules: usize,
    /// Segments that are left.
    pub n_left: usize,
}

/// Frees the molecules of segments with fewer than `min_molecules` molecules.
///
/// KEEPS: the indices of the segments that stay; they are not made dense again.
///
/// Source: spec 02 §2.5.1, step 4. Shapes: `segments` is `[n_molecules]`. Draws nothing.
pub fn drop_small_segments(segments: &mut [Option<SegmentIdx>], min_molecules: usize) -> DroppedSegments {
    let counts = count_molecules(segments);
    let mut dropped = DroppedSegments::default();
    for &count in counts.iter().filter(|&&count| count > 0) {
        if (count as usize) < min_molecules {
            dropped.n_segments += 1;
            dropped.n_molecules += count as usize;
        } else {
            dropped.n_left += 1;
        }
    }
    if dropped.n_segments > 0 {
        for entry in segments.iter_mut() {
            if entry.is_some_and(|segment| (counts[segment.idx()] as usize) < min_molecules) {
                *entry = None;
            }
        }
    }
    dropped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(numbers: &[u32]) -> Vec<Option<SegmentIdx>> {
        numbers.iter().map(|&number| SegmentIdx::from_number(number)).collect()
    }

    #[test]
    fn segments_are_ranks_of_labels_that_have_molecules() {
        let numbered = number_labels(&[7, 0, u32::MAX, 7, 3]);
        assert_eq!(numbered.segment_of, segments(&[2, 0, 3, 2, 1]));
        assert_eq!(numbered.labels, [3, 7, u32::MAX]);
        assert_eq!(number_labels(&[0, 0]).segment_of, [None, None]);
    }

    /// Source: spec 08 §8.3, a molecule on every pixel of a 3 by 3 image.
    #[test]
    fn segment_filter_has_the_values_of_0_7_1() {
        let labels = [1, 2, 3, 1, 2, 4, 5, 2, 7];
        let cases =
            [(0, labels), (1, labels), (2, [1, 2, 0, 1, 2, 0, 0, 2, 0]), (3, [0, 2, 0, 0, 2, 0, 0, 2, 0]), (4, [0; 9])];
        for (min_molecules, expected) in cases {
            let mut numbered = number_labels(&labels);
            drop_small_segments(&mut numbered.segment_of, min_molecules);
            let left = numbered.segment_of.iter().map(|segment| segment.map_or(0, |at| numbered.labels[at.idx()]));
            assert_eq!(left.collect::<Vec<_>>(), expected, "at least {min_molecules}");
        }
    }

    #[test]
    fn small_segments_become_unassigned_and_the_others_keep_their_index() {
        let mut of = segments(&[1, 3, 3, 0, 3, 2, 2]);
        let dropped = drop_small_segments(&mut of, 3);
        assert_eq!(of, segments(&[0, 3, 3, 0, 3, 0, 0]));
        assert_eq!(dropped, DroppedSegments { n_segments: 2, n_molecules: 3, n_left: 1 });
    }

    #[test]
    fn nothing_is_dropped_at_the_threshold_or_without_segments() {
        let mut of = segments(&[1, 1, 2, 2]);
        assert_eq!(drop_small_segments(&mut of, 2), DroppedSegments { n_segments: 0, n_molecules: 0, n_left: 2 });
        assert_eq!(of, segments(&[1, 1, 2, 2]));
        assert_eq!(drop_small_segments(&mut segments(&[0, 0]), 5), DroppedSegments::default());
    }
}
