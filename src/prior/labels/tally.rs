//! Sums over the pixels of every label, from runs of equal pixels.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Labels below are looked up in a table, larger ones in a map.
const TABLE_LIMIT: u32 = 1 << 22;
/// No image has more cells. A label image with more values is something else, and the others are not tallied.
pub(super) const MAX_LABELS: usize = 1 << 24;

/// A stretch of equal pixels in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::prior) struct Run {
    pub page: u32,
    pub row: u32,
    /// First column.
    pub first: u32,
    /// Last column.
    pub last: u32,
}

/// Sums over the pixels of a label. They are whole numbers, so that the order of addition does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::prior) struct Tally {
    pub n_pixels: u64,
    /// Stretches of the label in rows.
    pub n_runs: u64,
    /// Least column, row and page.
    pub low: [u32; 3],
    /// Greatest column, row and page.
    pub high: [u32; 3],
    /// Sums of columns, rows and pages.
    pub sums: [u64; 3],
}

impl Default for Tally {
    fn default() -> Self {
        Self { n_pixels: 0, n_runs: 0, low: [u32::MAX; 3], high: [0; 3], sums: [0; 3] }
    }
}

impl Tally {
    /// Adds a stretch.
    #[inline]
    pub fn add(&mut self, run: Run) {
        let length = u64::from(run.last - run.first) + 1;
        let of_run = Self {
            n_pixels: length,
            n_runs: 1,
            low: [run.first, run.row, run.page],
            high: [run.last, run.row, run.page],
            // The product is even: either factor is.
            sums: [
                (u64::from(run.first) + u64::from(run.last)) * length / 2,
                u64::from(run.row) * length,
                u64::from(run.page) * length,
            ],
        };
        self.merge(&of_run);
    }

    /// Adds all of another one.
    #[inline]
    pub fn merge(&mut self, other: &Self) {
        self.n_pixels += other.n_pixels;
        self.n_runs += other.n_runs;
        for axis in 0..3 {
            self.low[axis] = self.low[axis].min(other.low[axis]);
            self.high[axis] = self.high[axis].max(other.high[axis]);
            self.sums[axis] += other.sums[axis];
        }
    }

    /// Pixels of the bounding box along an axis.
    pub fn extent(&self, axis: usize) -> u64 {
        u64::from(self.high[axis].saturating_sub(self.low[axis])) + 1
    }

    /// Mean column, row and page.
    pub fn center(&self) -> [f64; 3] {
        self.sums.map(|sum| sum as f64 / self.n_pixels.max(1) as f64)
    }
}

/// The tallies of all labels of an image.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    /// Labels in order of their first appearance in the file.
    entries: Vec<(u32, Tally)>,
    /// Place in `entries` plus one, by label.
    table: Vec<u32>,
    /// Place in `entries`, by large label.
    map: HashMap<u32, u32, BuildHasherDefault<MultiplyHasher>>,
    /// Whether there were more labels than are counted.
    pub overflow: bool,
}

impl Tallies {
    /// Number of distinct labels.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds a stretch of a label other than 0.
    #[inline]
    pub fn add(&mut self, label: u32, run: Run) {
        if let Some(tally) = self.get_or_insert(label) {
            tally.add(run);
        }
    }

    /// Two stretches of a label were parts of one.
    pub fn join(&mut self, label: u32) {
        if let Some(tally) = self.get_or_insert(label) {
            tally.n_runs = tally.n_runs.saturating_sub(1);
        }
    }

    /// Labels with their tallies, by label.
    pub fn into_sorted(self) -> Vec<(u32, Tally)> {
        let mut entries = self.entries;
        entries.sort_unstable_by_key(|&(label, _)| label);
        entries
    }

    #[inline]
    fn get_or_insert(&mut self, label: u32) -> Option<&mut Tally> {
        let place = if label < TABLE_LIMIT {
            match self.table.get(label as usize) {
                Some(&place) if place > 0 => place as usize - 1,
                _ => self.insert(label)?,
            }
        } else {
            match self.map.get(&label) {
                Some(&place) => place as usize,
                None => self.insert(label)?,
            }
        };
        Some(&mut self.entries[place].1)
    }

    #[cold]
    fn insert(&mut self, label: u32) -> Option<usize> {
        let place = self.entries.len();
        if place == MAX_LABELS {
            self.overflow = true;
            return None;
        }
        self.entries.push((label, Tally::default()));
        if label < TABLE_LIMIT {
            if self.table.len() <= label as usize {
                let n = (label as usize + 1).next_power_of_two();
                self.table.resize(n, 0);
            }
            self.table[label as usize] = place as u32 + 1;
        } else {
            self.map.insert(label, place as u32);
        }
        Some(place)
    }
}

/// A fast hash of whole numbers. Its order never reaches a result.
#[derive(Debug, Default)]
pub(super) struct MultiplyHasher(u64);

impl Hasher for MultiplyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        let mixed = (self.0.rotate_left(23) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 29);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_add_up_to_the_box_and_center_of_a_label() {
        let mut tallies = Tallies::default();
        for label in [7, u32::MAX] {
            tallies.add(label, Run { page: 0, row: 4, first: 10, last: 13 });
            tallies.add(label, Run { page: 0, row: 5, first: 11, last: 12 });
        }
        let entries = tallies.into_sorted();
        assert_eq!(entries.iter().map(|entry| entry.0).collect::<Vec<_>>(), [7, u32::MAX]);
        let tally = entries[1].1;
        assert_eq!((tally.n_pixels, tally.n_runs, tally.low, tally.high), (6, 2, [10, 4, 0], [13, 5, 0]));
        assert_eq!(tally.center(), [11.5, 26.0 / 6.0, 0.0]);
    }
}
