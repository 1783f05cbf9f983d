//! Connected parts of a mask, as runs of pixels in rows.

/// Pixels of one row that follow each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    pub row: u32,
    /// First column.
    pub start: u32,
    /// Column after the last.
    pub end: u32,
    /// Connected part, numbered from 0 in the order of first pixels.
    pub part: u32,
}

impl Run {
    pub fn len(&self) -> usize {
        (self.end - self.start) as usize
    }
}

/// Runs of the pixels that equal `value`, row by row, with the connected part of each, and the number of parts.
///
/// `diagonal`: pixels that share a corner only are connected, too. Memory: 16 bytes per run.
pub(super) fn connected_runs(mask: &[u8], width: usize, value: u8, diagonal: bool) -> (Vec<Run>, usize) {
    let mut runs: Vec<Run> = Vec::new();
    let mut previous = 0..0;
    for (row, pixels) in mask.chunks(width.max(1)).enumerate() {
        let first = runs.len();
        let mut x = 0;
        while let Some(skip) = pixels[x..].iter().position(|&pixel| pixel == value) {
            let start = x + skip;
            let length = pixels[start..].iter().position(|&pixel| pixel != value).unwrap_or(width - start);
            x = start + length;
            // Until all rows are read, `part` is the index of an earlier run of the same part, or its own.
            let part = runs.len() as u32;
            runs.push(Run { row: row as u32, start: start as u32, end: x as u32, part });
        }
        let current = first..runs.len();
        join_rows(&mut runs, previous, current.clone(), u32::from(diagonal));
        previous = current;
    }
    let n_parts = number_parts(&mut runs);
    (runs, n_parts)
}

/// Joins runs of neighboring rows that touch, one walk along both.
fn join_rows(runs: &mut [Run], above: std::ops::Range<usize>, below: std::ops::Range<usize>, reach: u32) {
    let (mut upper, mut lower) = (above.start, below.start);
    while upper < above.end && lower < below.end {
        let (a, b) = (runs[upper], runs[lower]);
        if a.start < b.end + reach && b.start < a.end + reach {
            let (a, b) = (root(runs, upper as u32), root(runs, lower as u32));
            runs[a.max(b) as usize].part = a.min(b);
        }
        if a.end < b.end {
            upper += 1;
        } else {
            lower += 1;
        }
    }
}

fn root(runs: &mut [Run], mut idx: u32) -> u32 {
    while runs[idx as usize].part != idx {
        let parent = runs[idx as usize].part;
        runs[idx as usize].part = runs[parent as usize].part;
        idx = parent;
    }
    idx
}

/// Replaces links by numbers of parts.
fn number_parts(runs: &mut [Run]) -> usize {
    let mut n_parts = 0;
    // Links point backwards only: whatever a run points to has its number already.
    for idx in 0..runs.len() {
        let link = runs[idx].part as usize;
        if link == idx {
            runs[idx].part = n_parts;
            n_parts += 1;
        } else {
            runs[idx].part = runs[link].part;
        }
    }
    n_parts as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n_parts(mask: &[u8], width: usize, value: u8, diagonal: bool) -> usize {
        connected_runs(mask, width, value, diagonal).1
    }

    #[test]
    fn pixels_that_share_a_corner_are_connected_on_request_only() {
        let mask = [1, 0, 0, 1];
        assert_eq!([n_parts(&mask, 2, 1, true), n_parts(&mask, 2, 1, false)], [1, 2]);
    }

    #[test]
    fn a_ring_is_one_part_and_its_hole_another() {
        #[rustfmt::skip]
        let mask = [
            1, 1, 1, 0,
            1, 0, 1, 0,
            1, 1, 1, 0,
        ];
        assert_eq!([n_parts(&mask, 4, 1, true), n_parts(&mask, 4, 0, false)], [1, 2]);
        let (runs, _) = connected_runs(&mask, 4, 1, true);
        assert_eq!(runs.iter().map(Run::len).sum::<usize>(), 8);
    }

    #[test]
    fn branches_that_meet_below_are_one_part_and_parts_are_numbered_by_first_pixel() {
        #[rustfmt::skip]
        let mask = [
            1, 0, 1, 0, 1,
            1, 0, 1, 0, 0,
            1, 1, 1, 0, 1,
        ];
        let (runs, n_parts) = connected_runs(&mask, 5, 1, false);
        assert_eq!(n_parts, 3);
        assert_eq!(runs.iter().map(|run| run.part).collect::<Vec<_>>(), [0, 0, 1, 0, 0, 0, 2]);
    }
}
