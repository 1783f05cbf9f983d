//! The label under every molecule, from an image that passes by block by block.
//!
//! A [`LabelScan`] keeps the molecules sorted by pixel row, sums over every label, a bit per pixel while the image
//! may be a binary mask, and a small picture. The image itself is never in memory.

mod content;
mod contours;
mod lookup;
mod overview;
pub(super) mod tally;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::components::{Bitmap, find_components};
use super::placement::Placement;
use crate::data::{LabelBlock, LabelImage, Positions};
pub use content::{Content, ContentStatistics};
pub use contours::Contour;
use contours::Contours;
use lookup::Lookup;
pub use overview::Overview;
use tally::{MultiplyHasher, Run, Tallies, Tally};

/// What the values of an image mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// Told by the image: see [`Content`].
    #[default]
    Recognize,
    /// Values are labels, even if there is one only.
    Labels,
    /// All values but 0 are foreground, whose connected parts are the segments.
    Mask,
}

/// An area of one label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// The label in the image; of a mask, the number of the connected part.
    pub label: u32,
    /// Pixels, in a stack voxels.
    pub n_pixels: u64,
    /// Molecules on them.
    pub n_molecules: u32,
    /// Least column, row and page.
    pub low: [u32; 3],
    /// Greatest column, row and page.
    pub high: [u32; 3],
    /// Mean column, row and page.
    pub center: [f64; 3],
}

/// What a label image says about molecules.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// Where the image lies.
    pub placement: Placement,
    /// What it shows.
    pub content: Content,
    /// What that judgement rests on.
    pub statistics: ContentStatistics,
    /// Label under every molecule, 0 for background and outside of the image. `[n_molecules]`
    pub label_of: Vec<u32>,
    /// All labels, by label. Not complete if the content is a stain of very many values.
    pub regions: Vec<Region>,
    /// Molecules outside of the image.
    pub n_outside: usize,
    /// The image at a glance.
    pub overview: Overview,
    /// Outlines of the regions, seen from above, by label.
    pub contours: Vec<Contour>,
}

/// Collects the labels under molecules while an image passes by.
///
/// Source: spec 02 §2.5.2. DIFFERS: 0.7.1 holds the whole image, labels the parts of a mask in TIFF and PNG only, and
/// takes a gray image for labels.
///
/// Determinism: the result depends on the pixels and not on how they are cut into blocks. Memory: 12 bytes per
/// molecule, some 100 per label, and a bit per pixel while there is one value only.
#[derive(Debug)]
pub struct LabelScan {
    placement: Placement,
    lookup: Lookup,
    label_of: Vec<u32>,
    tallies: Tallies,
    /// The foreground, while it may be needed.
    bitmap: Option<Bitmap>,
    reading: Reading,
    overview: Overview,
    contours: Contours,
    page: usize,
    /// Labels at the borders of blocks, waiting for their other side: by row and the column right of the border.
    borders: HashMap<u64, u32, BuildHasherDefault<MultiplyHasher>>,
    /// Horizontally adjacent pixels that are both not 0.
    n_adjacent: u64,
}

impl LabelScan {
    /// Prepares for an image. `positions` are `[n_molecules]`, in the units of the placement; those of 2D data lie
    /// at z = 0.
    pub fn new(placement: Placement, positions: &Positions, reading: Reading) -> Self {
        Self {
            placement,
            lookup: Lookup::new(&placement, positions),
            label_of: vec![0; positions.len()],
            tallies: Tallies::default(),
            bitmap: (reading != Reading::Labels).then(|| Bitmap::new(placement.size)),
            reading,
            overview: Overview::new(placement.size),
            contours: Contours::default(),
            page: 0,
            borders: HashMap::default(),
            n_adjacent: 0,
        }
    }

    /// The blocks that follow are of this page, from 0. Pages come in their order; the first is begun already.
    pub fn begin_page(&mut self, page: usize) {
        self.page = page;
        self.borders.clear();
    }

    /// Takes a part of the page. The parts may come in any order and must not overlap; what lies beyond the image is
    /// ignored.
    pub fn take(&mut self, block: &LabelBlock) {
        let size = self.placement.size;
        if block.width == 0 || block.column >= size.width || self.page >= size.n_pages {
            return;
        }
        let width = block.width.min(size.width - block.column);
        for (at, row) in block.labels.chunks_exact(block.width).enumerate() {
            let row_number = block.row + at;
            if row_number >= size.height {
                break;
            }
            self.take_row(row_number, block.column, &row[..width]);
        }
    }

    fn take_row(&mut self, row: usize, column: usize, labels: &[u32]) {
        let size = self.placement.size;
        self.tally_row(row, column, labels);
        for &(at, molecule) in self.lookup.in_span(self.page, row, column, column + labels.len()) {
            self.label_of[molecule as usize] = labels[at as usize - column];
        }
        if let Some(shown) = self.overview.row_showing(row, size.height) {
            self.overview.take(shown, column, labels.len(), size.width, |at| labels[at]);
        }
        if column > 0 {
            self.meet(row, column, labels[0]);
        }
        if let (true, Some(&last)) = (column + labels.len() < size.width, labels.last()) {
            self.meet(row, column + labels.len(), last);
        }
    }

    /// Adds the stretches of equal pixels of a row.
    fn tally_row(&mut self, row: usize, column: usize, labels: &[u32]) {
        let mut begin = 0;
        let mut before = 0;
        while begin < labels.len() {
            let label = labels[begin];
            let end = end_of_run(labels, begin);
            if label != 0 {
                let (first, last) = ((column + begin) as u32, (column + end - 1) as u32);
                let run = Run { page: self.page as u32, row: row as u32, first, last };
                self.n_adjacent += (end - begin) as u64 - u64::from(before == 0);
                self.tallies.add(label, run);
                self.contours.add(label, run.row, first, last + 1);
                if let Some(bitmap) = &mut self.bitmap {
                    if self.tallies.len() > 1 && self.reading == Reading::Recognize {
                        self.bitmap = None;
                    } else {
                        bitmap.set(run);
                    }
                }
            }
            before = label;
            begin = end;
        }
    }

    /// A border between blocks: what comes second finds the label on the other side.
    fn meet(&mut self, row: usize, column: usize, label: u32) {
        let key = (row as u64) << 32 | column as u64;
        let Some(other) = self.borders.remove(&key) else {
            self.borders.insert(key, label);
            return;
        };
        if label != 0 && other != 0 {
            self.n_adjacent += 1;
            if label == other {
                self.tallies.join(label);
            }
        }
    }

    /// The result, once all blocks were taken.
    pub fn finish(mut self) -> Scan {
        let overflow = self.tallies.overflow;
        let n_outside = self.label_of.len() - self.lookup.n_inside();
        let mut tallies = std::mem::take(&mut self.tallies).into_sorted();
        let n_pixels = self.placement.size.n_pixels();
        let (recognized, statistics) = content::judge(&tallies, self.n_adjacent, overflow, n_pixels);
        let content = match (recognized, self.reading) {
            (Content::Empty, _) | (_, Reading::Recognize) => recognized,
            (_, Reading::Labels) => Content::Labels,
            (_, Reading::Mask) => Content::Mask,
        };
        if let (Content::Mask, Some(bitmap)) = (content, self.bitmap.take()) {
            tallies = self.label_components(&bitmap);
        }
        if let Content::LabelsOnBackground(value) = content {
            forget_background(&mut self.label_of, &mut self.overview.image, value);
            tallies.retain(|&(label, _)| label != value);
        }
        let is_region = |label: u32| tallies.binary_search_by_key(&label, |&(label, _)| label).is_ok();
        let mut contours = std::mem::take(&mut self.contours).trace(&self.placement.frame);
        contours.retain(|contour| is_region(contour.label));
        Scan {
            placement: self.placement,
            content,
            statistics,
            regions: regions_of(&tallies, &self.label_of),
            label_of: self.label_of,
            n_outside,
            overview: self.overview,
            contours,
        }
    }

    /// Replaces the values of a mask by the numbers of its connected parts.
    fn label_components(&mut self, bitmap: &Bitmap) -> Vec<(u32, Tally)> {
        let (label_of, overview, lookup) = (&mut self.label_of, &mut self.overview, &self.lookup);
        let contours = &mut self.contours;
        overview.image.labels.fill(0);
        contours.clear();
        let size = self.placement.size;
        let found = find_components(bitmap, |page, row, parts| {
            let mut at = 0;
            for &(column, molecule) in lookup.in_row(page, row) {
                while parts.get(at).is_some_and(|part| part.end <= column) {
                    at += 1;
                }
                if let Some(part) = parts.get(at).filter(|part| part.first <= column) {
                    label_of[molecule as usize] = part.provisional + 1;
                }
            }
            for part in parts {
                contours.add(part.provisional + 1, row as u32, part.first, part.end);
            }
            if let Some(shown) = overview.row_showing(row, size.height) {
                for part in parts {
                    let length = (part.end - part.first) as usize;
                    overview.take(shown, part.first as usize, length, size.width, |_| part.provisional + 1);
                }
            }
        });
        let final_number = |provisional: &mut u32| {
            if *provisional > 0 {
                *provisional = found.number_of[*provisional as usize - 1];
            }
        };
        label_of.iter_mut().for_each(final_number);
        overview.image.labels.iter_mut().for_each(final_number);
        contours.rename(|provisional| found.number_of[provisional as usize - 1]);
        (1..).zip(found.tallies).collect()
    }
}

/// Scans a label image that is in memory. Its values are labels.
pub fn scan_image(image: &LabelImage, placement: Placement, positions: &Positions) -> Scan {
    let mut scan = LabelScan::new(placement, positions, Reading::Labels);
    scan.take(&LabelBlock { row: 0, column: 0, width: image.width, labels: &image.labels });
    scan.finish()
}

/// Where the stretch of pixels equal to the one at `begin` ends.
#[inline]
fn end_of_run(labels: &[u32], begin: usize) -> usize {
    const STEP: usize = 8;
    let label = labels[begin];
    let mut end = begin + 1;
    // Without branches inside, so that the eight comparisons become one.
    while let Some(next) = labels.get(end..end + STEP) {
        if !next.iter().fold(true, |equal, &other| equal & (other == label)) {
            break;
        }
        end += STEP;
    }
    while labels.get(end) == Some(&label) {
        end += 1;
    }
    end
}

fn forget_background(label_of: &mut [u32], image: &mut LabelImage, value: u32) {
    for label in label_of.iter_mut().chain(&mut image.labels) {
        if *label == value {
            *label = 0;
        }
    }
}

/// Regions with their molecules. `tallies` are sorted by label.
fn regions_of(tallies: &[(u32, Tally)], label_of: &[u32]) -> Vec<Region> {
    let mut regions: Vec<Region> = tallies
        .iter()
        .map(|&(label, ref tally)| Region {
            label,
            n_pixels: tally.n_pixels,
            n_molecules: 0,
            low: tally.low,
            high: tally.high,
            center: tally.center(),
        })
        .collect();
    for (region, n_molecules) in regions.iter_mut().zip(count_labels(tallies, label_of)) {
        region.n_molecules = n_molecules;
    }
    regions
}

/// Molecules of every label. `tallies` are sorted by label. `[n_labels]`
fn count_labels(tallies: &[(u32, Tally)], label_of: &[u32]) -> Vec<u32> {
    /// Labels below are counted in a table, whatever gaps there are between them.
    const TABLE: u32 = 1 << 24;
    let largest = tallies.last().map_or(0, |&(label, _)| label);
    if largest < TABLE {
        let mut table = vec![0u32; largest as usize + 1];
        for &label in label_of {
            if let Some(count) = table.get_mut(label as usize) {
                *count += 1;
            }
        }
        return tallies.iter().map(|&(label, _)| table[label as usize]).collect();
    }
    let mut counts = vec![0u32; tallies.len()];
    // Molecules of a table are often sorted, and neighbors have the same label.
    let mut place = 0;
    for &label in label_of.iter().filter(|&&label| label > 0) {
        if tallies[place].0 != label {
            match tallies.binary_search_by_key(&label, |&(label, _)| label) {
                Ok(found) => place = found,
                Err(_) => continue,
            }
        }
        counts[place] += 1;
    }
    counts
}
