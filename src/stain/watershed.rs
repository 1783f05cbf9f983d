//! Nuclei as basins of the relief, flooded from their peaks.

use std::f64::consts::PI;

use super::params::Settings;
use super::runs::{Run, connected_runs};

/// A peak that holds less than this share of a nucleus' area when it meets a higher one is part of it.
const MIN_SHARE_OF_PEAK: f64 = 0.04;

/// A basin while it is flooded: a peak and what drains to it.
#[derive(Clone, Copy, Debug)]
struct Basin {
    peak: f32,
    area: u32,
    /// The basin it was merged into, or itself.
    parent: u32,
}

/// Splits the connected parts of the mask along the valleys of the relief.
///
/// METHOD: pixels of a part are flooded from the highest to the lowest; where two basins meet, the one with the lower
/// peak is merged into the other unless its peak rises above the meeting point by the least prominence and it is not
/// a mere speck. This is the watershed of the peaks that an h-maxima transform would leave, in one pass.
///
/// Equal heights are taken in the order of the pixels. Returns basins per pixel, 0 for background, and the largest.
pub(super) fn split(mask: &[u8], width: usize, relief: &[f32], settings: &Settings) -> (Vec<u32>, usize) {
    let (runs, n_parts) = connected_runs(mask, width, 1, true);
    let (runs, starts) = grouped(runs, n_parts);
    let mut flood = Flood {
        basins: Vec::new(),
        labels: vec![0; mask.len()],
        width,
        height: mask.len() / width.max(1),
        min_prominence: settings.min_prominence,
        min_area: (MIN_SHARE_OF_PEAK * PI * settings.radius * settings.radius) as u32,
    };
    let mut pixels: Vec<u32> = Vec::new();
    for part in starts.windows(2) {
        pixels.clear();
        for run in &runs[part[0]..part[1]] {
            let first = run.row as usize * width + run.start as usize;
            pixels.extend(first as u32..(first + run.len()) as u32);
        }
        let height = |pixel: u32| relief[pixel as usize];
        pixels.sort_unstable_by(|&a, &b| height(b).total_cmp(&height(a)).then(a.cmp(&b)));
        pixels.iter().for_each(|&pixel| flood.add(pixel as usize, relief));
    }
    flood.finish()
}

/// Runs sorted by part, and where each part begins. `[n_runs]`, `[n_parts + 1]`
fn grouped(mut runs: Vec<Run>, n_parts: usize) -> (Vec<Run>, Vec<usize>) {
    runs.sort_by_key(|run| run.part);
    let mut starts = vec![0; n_parts + 1];
    runs.iter().for_each(|run| starts[run.part as usize + 1] += 1);
    for part in 0..n_parts {
        starts[part + 1] += starts[part];
    }
    (runs, starts)
}

struct Flood {
    basins: Vec<Basin>,
    /// Number of the basin plus 1 per pixel. `[height * width]`
    labels: Vec<u32>,
    width: usize,
    height: usize,
    min_prominence: f32,
    min_area: u32,
}

impl Flood {
    /// Adds a pixel, none of whose unlabeled neighbors is higher.
    fn add(&mut self, pixel: usize, relief: &[f32]) {
        let level = relief[pixel];
        let (mut found, mut n_found) = ([0u32; 8], 0);
        let mut nearest = (f32::NEG_INFINITY, 0);
        for neighbor in self.neighbors(pixel) {
            let label = self.labels[neighbor];
            if label == 0 {
                continue;
            }
            let basin = self.root(label - 1);
            if relief[neighbor] > nearest.0 {
                nearest = (relief[neighbor], basin);
            }
            if !found[..n_found].contains(&basin) {
                found[n_found] = basin;
                n_found += 1;
            }
        }
        if n_found == 0 {
            self.basins.push(Basin { peak: level, area: 1, parent: self.basins.len() as u32 });
            self.labels[pixel] = self.basins.len() as u32;
            return;
        }
        self.labels[pixel] = nearest.1 + 1;
        self.basins[nearest.1 as usize].area += 1;
        if n_found > 1 {
            self.merge(&mut found[..n_found], level);
        }
    }

    /// Merges basins that meet at a level into the highest of them, unless they are nuclei of their own.
    fn merge(&mut self, found: &mut [u32], level: f32) {
        let peak = |basin: &u32| self.basins[*basin as usize].peak;
        found.sort_unstable_by(|a, b| peak(b).total_cmp(&peak(a)).then(a.cmp(b)));
        let highest = found[0];
        for &other in &found[1..] {
            let basin = self.basins[other as usize];
            if basin.peak - level < self.min_prominence || basin.area < self.min_area {
                self.basins[other as usize].parent = highest;
                self.basins[highest as usize].area += basin.area;
            }
        }
    }

    fn root(&mut self, mut basin: u32) -> u32 {
        while self.basins[basin as usize].parent != basin {
            let parent = self.basins[basin as usize].parent;
            self.basins[basin as usize].parent = self.basins[parent as usize].parent;
            basin = parent;
        }
        basin
    }

    /// The up to eight neighbors of a pixel, row by row.
    fn neighbors(&self, pixel: usize) -> impl Iterator<Item = usize> + use<> {
        let (width, x, y) = (self.width, pixel % self.width, pixel / self.width);
        let columns = x.saturating_sub(1)..=(x + 1).min(width - 1);
        let rows = y.saturating_sub(1)..=(y + 1).min(self.height - 1);
        rows.flat_map(move |row| columns.clone().map(move |column| row * width + column)).filter(move |&n| n != pixel)
    }

    /// The final basin of every pixel.
    fn finish(mut self) -> (Vec<u32>, usize) {
        for basin in 0..self.basins.len() as u32 {
            self.basins[basin as usize].parent = self.root(basin);
        }
        let basins = self.basins;
        self.labels.iter_mut().filter(|label| **label > 0).for_each(|label| {
            *label = basins[*label as usize - 1].parent + 1;
        });
        (self.labels, basins.len())
    }
}

/// Labels after small objects are gone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kept {
    pub labels: Vec<u32>,
    pub n_nuclei: usize,
    pub n_removed: usize,
}

/// Removes objects below an area and numbers the others from 1 in the order of their first pixels.
pub(super) fn keep_large(mut labels: Vec<u32>, largest: usize, min_area: f64) -> Kept {
    let mut areas = vec![0u32; largest + 1];
    labels.iter().for_each(|&label| areas[label as usize] += 1);
    areas[0] = 0;
    let n_removed = areas.iter().filter(|&&area| area > 0 && f64::from(area) < min_area).count();
    let mut numbers = vec![0u32; largest + 1];
    let mut n_nuclei = 0;
    for label in &mut labels {
        let old = *label as usize;
        if old > 0 && numbers[old] == 0 && f64::from(areas[old]) >= min_area {
            n_nuclei += 1;
            numbers[old] = n_nuclei;
        }
        *label = numbers[old];
    }
    Kept { labels, n_nuclei: n_nuclei as usize, n_removed }
}
