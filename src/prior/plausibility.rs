//! Whether segments look like cells or nuclei.
//!
//! Most columns and boundaries that are read wrongly are read without an error: a word for "no cell" is taken for a cell,
//! numbers that start anew in each field of view join cells of all fields, a class is taken for a name. All of these show
//! in where the molecules of a segment lie, and in how they compare with those of other segments.

mod doubt;
#[cfg(test)]
mod tests;

use rayon::prelude::*;

pub use doubt::{Doubt, Oddity};

use super::table::SegmentTable;
use crate::data::{CellMembers, Positions, SegmentIdx};
use crate::numeric::stats;
use crate::spatial::extent;

/// Fewest molecules of a segment whose spread tells something.
const MIN_MOLECULES: usize = 8;
/// Molecules of a segment that are looked at for its spacing, at most.
const MAX_SAMPLED: usize = 64;
/// Fewest segments that are compared with each other.
const MIN_SEGMENTS: usize = 5;
/// A segment has far-apart parts if it spreads so many times as wide as its molecules are spaced.
///
/// METHOD: 1 for an even disk and 3 for a line, whatever the density. 5 for two equal disks ten radii apart.
const FAR_APART: f64 = 5.0;
/// Segments lie on top of each other if they cover the area of the molecules so many times; in three dimensions more
/// than one layer of cells does.
const COVERED: f64 = 5.0;
const COVERED_3D: f64 = 12.0;
/// A segment is giant if it has so many times the typical number of molecules, this share of all that are in segments,
/// and so many times the typical radius.
const GIANT_MOLECULES: f64 = 10.0;
const GIANT_SHARE: f64 = 0.1;
const GIANT_RADIUS: f64 = 5.0;
/// A single segment with so large a share of all molecules is suspicious.
const MOST: f64 = 0.5;
/// Fewest molecules of which a single segment can hold most.
const LEAST_OF_MOST: usize = 200;
/// So few segments are classes if they spread over the area of the molecules so many times, or in three dimensions so many.
///
/// METHOD: 1 for two that share the area, such as cells in a crop, and 2 for two that are everywhere. A single one is a disk
/// in its box at most, 0.79, or everywhere, which is 1.05.
const CLASSES_COVER: f64 = 1.5;
const CLASSES_COVER_3D: f64 = 4.0;
const CLASS_COVERS: f64 = 0.9;
/// With a scale that is given, a segment of so many times its radius is too large for a cell; told if such segments hold
/// this share of the molecules in segments.
const BEYOND_SCALE: f64 = 5.0;
const BEYOND_SCALE_SHARE: f64 = 0.2;
/// A typical segment of so small a share of the scale is too small, even for a nucleus.
const BELOW_SCALE: f64 = 0.1;
/// A segment of so many times the typical radius is too large; such segments are told if they hold this share of the
/// molecules in segments.
const LARGE_RADIUS: f64 = 9.0;
const LARGE_SHARE: f64 = 0.01;
/// Ratio of spread and spacing of an even disk: the spread is 0.40 and the distance to the third neighbor 0.94 times the
/// mean distance of molecules, times the root of their number.
const EVEN_DISK: f64 = 0.43;
/// Which neighbor tells the spacing; the nearest may be a copy.
const NEIGHBOR: usize = 3;
/// Segments named in a message at most.
const MAX_NAMES: usize = 5;

/// A segment, measured.
#[derive(Clone, Copy)]
struct Measured {
    segment: usize,
    n: usize,
    /// Root of the mean squared distance from the mean, in the plane.
    spread: f64,
    /// Spread as a multiple of that of an even disk of the same spacing.
    evenness: f64,
    /// Radius, from the area if that is known.
    radius: f64,
}

/// What is odd about segments, the worst first; nothing for those that look like cells or nuclei.
///
/// Shapes: `segment_of` is `[n_molecules]`, `table` has the names and, if they are known, the areas of the segments. Draws
/// nothing, and looks at a fixed sample of the molecules of a segment; the same result on any thread count.
pub fn doubts(positions: &Positions, segment_of: &[Option<SegmentIdx>], table: &SegmentTable) -> Vec<Doubt> {
    let measured = measure(positions, segment_of, table);
    let n_inside: usize = measured.iter().map(|one| one.n).sum();
    let Some([low, high]) = extent::bulk(&positions.x, &positions.y).filter(|_| n_inside > 0) else {
        return Vec::new();
    };
    let area = (high[0] - low[0]) * (high[1] - low[1]);
    let all = All { measured: &measured, n_inside, table, names: names_of(table) };
    let mut is_told = vec![false; measured.len()];
    let mut doubts = Vec::new();
    let mut tell = |oddity, odd: Vec<usize>, ratio: f64, is_told: &mut Vec<bool>| {
        if !odd.is_empty() {
            odd.iter().for_each(|&at| is_told[at] = true);
            doubts.push(all.doubt(oddity, odd, ratio));
        }
    };

    let median = |value: fn(&Measured) -> f64| {
        let mut values: Vec<f64> = measured.iter().map(value).collect();
        if values.is_empty() { 0.0 } else { stats::median(&mut values) }
    };
    let (typical_n, typical_spread) = (median(|one| one.n as f64), median(|one| one.spread));
    let share = |one: &Measured| one.n as f64 / n_inside as f64;
    let is_giant = |one: &Measured| match measured.len() {
        1 => one.n as f64 > MOST * positions.len() as f64 && one.n >= LEAST_OF_MOST,
        2..MIN_SEGMENTS => share(one) > 1.0 - GIANT_SHARE && one.n >= LEAST_OF_MOST,
        _ => {
            share(one) >= GIANT_SHARE
                && one.n as f64 > GIANT_MOLECULES * typical_n
                && one.spread > GIANT_RADIUS * typical_spread
        }
    };
    let pick = |is_odd: &dyn Fn(&Measured) -> bool, is_told: &[bool]| -> Vec<usize> {
        (0..measured.len()).filter(|&at| !is_told[at] && is_odd(&measured[at])).collect()
    };
    for giant in pick(&is_giant, &is_told) {
        tell(Oddity::Giant, vec![giant], measured[giant].n as f64 / typical_n.max(1.0), &mut is_told);
    }
    let covered_by = |at: &[usize]| {
        let squares = at.iter().map(|&at| measured[at].spread * measured[at].spread);
        std::f64::consts::TAU * squares.sum::<f64>()
    };
    let is_3d = positions.z.is_some();
    if measured.len() < MIN_SEGMENTS && n_inside >= LEAST_OF_MOST {
        let rest = pick(&|_| true, &is_told);
        let covered = covered_by(&rest);
        let limit = match measured.len() {
            1 => CLASS_COVERS,
            _ if is_3d => CLASSES_COVER_3D,
            _ => CLASSES_COVER,
        };
        if rest.len() == measured.len() && covered > limit * area {
            tell(Oddity::Classes, rest, covered / area, &mut is_told);
        }
    }
    let far = pick(&|one| one.evenness > FAR_APART, &is_told);
    let ratio = far.iter().map(|&at| measured[at].evenness).fold(0.0, f64::max);
    tell(Oddity::FarApart, far, ratio, &mut is_told);
    // What was told is left out of what remains to be told of all.
    let rest = pick(&|_| true, &is_told);
    let covered = covered_by(&rest);
    let limit = if is_3d { COVERED_3D } else { COVERED };
    if rest.len() >= MIN_SEGMENTS && covered > limit * area {
        let mut widest = rest;
        widest.sort_by(|&one, &other| measured[other].spread.total_cmp(&measured[one].spread).then(one.cmp(&other)));
        tell(Oddity::OnTop, widest, covered / area, &mut is_told);
    }
    if measured.len() >= MIN_SEGMENTS {
        let typical = median(|one| one.radius);
        let large = pick(&|one| one.radius > LARGE_RADIUS * typical, &is_told);
        if large.iter().map(|&at| share(&measured[at])).sum::<f64>() >= LARGE_SHARE {
            let ratio = large.iter().map(|&at| measured[at].radius / typical).fold(0.0, f64::max);
            tell(Oddity::Large, large, ratio, &mut is_told);
        }
    }
    doubts
}

/// What is odd about segments beside the expected radius of a cell that the user gives: segments too large for a cell, or
/// nearly all too small even for a nucleus. Shapes as for [`doubts`].
pub fn doubts_by_scale(
    positions: &Positions,
    segment_of: &[Option<SegmentIdx>],
    table: &SegmentTable,
    scale: f64,
) -> Option<Doubt> {
    let measured = measure(positions, segment_of, table);
    let n_inside: usize = measured.iter().map(|one| one.n).sum();
    let all = All { measured: &measured, n_inside, table, names: names_of(table) };
    let large: Vec<usize> = (0..measured.len()).filter(|&at| measured[at].radius > BEYOND_SCALE * scale).collect();
    let n_large: usize = large.iter().map(|&at| measured[at].n).sum();
    if n_large > 0 && n_large as f64 >= BEYOND_SCALE_SHARE * n_inside as f64 {
        let ratio = large.iter().map(|&at| measured[at].radius / scale).fold(0.0, f64::max);
        return Some(all.doubt(Oddity::BeyondScale, large, ratio));
    }
    let mut radii: Vec<f64> = measured.iter().map(|one| one.radius).filter(|&radius| radius > 0.0).collect();
    if radii.len() < MIN_SEGMENTS {
        return None;
    }
    let typical = stats::median(&mut radii);
    let small = (0..measured.len()).filter(|&at| measured[at].radius < BELOW_SCALE * scale).collect();
    (typical < BELOW_SCALE * scale).then(|| all.doubt(Oddity::BelowScale, small, scale / typical))
}

/// All that a doubt is worded with.
struct All<'a> {
    measured: &'a [Measured],
    n_inside: usize,
    table: &'a SegmentTable,
    /// Row of every segment in the table. `[n_segments]`
    names: Vec<usize>,
}

impl All<'_> {
    fn doubt(&self, oddity: Oddity, odd: Vec<usize>, ratio: f64) -> Doubt {
        let n: usize = odd.iter().map(|&at| self.measured[at].n).sum();
        let n_odd = odd.len();
        let mut named = odd;
        if oddity != Oddity::OnTop {
            named.sort_by_key(|&at| (std::cmp::Reverse(self.measured[at].n), at));
        }
        let name = |&at: &usize| {
            let row = self.names.get(self.measured[at].segment).copied().unwrap_or_default();
            self.table.labels.text(row).into_owned()
        };
        Doubt {
            oddity,
            n_odd,
            n_segments: self.measured.len(),
            share: n as f64 / self.n_inside as f64,
            ratio,
            names: named.iter().take(MAX_NAMES).map(name).collect(),
        }
    }
}

/// Row of every segment with molecules.
fn names_of(table: &SegmentTable) -> Vec<usize> {
    let mut rows = Vec::new();
    for (at, row) in table.rows.iter().enumerate() {
        if let Some(segment) = row.segment {
            rows.resize(rows.len().max(segment.idx() + 1), 0);
            rows[segment.idx()] = at;
        }
    }
    rows
}

/// Measures the segments with enough molecules, in their order.
fn measure(positions: &Positions, segment_of: &[Option<SegmentIdx>], table: &SegmentTable) -> Vec<Measured> {
    let index_of = segment_of.iter().map(|segment| segment.map(SegmentIdx::idx));
    let n_segments = index_of.clone().flatten().max().map_or(0, |last| last + 1);
    let members = CellMembers::group_by(index_of, n_segments);
    let mut radius_of = vec![None; n_segments];
    for row in &table.rows {
        if let Some(segment) = row.segment.filter(|segment| segment.idx() < n_segments) {
            radius_of[segment.idx()] = row.radius;
        }
    }
    let measure = |segment: usize| {
        let members = members.at(segment);
        (members.len() >= MIN_MOLECULES).then(|| {
            let spread = spread(positions, members);
            let step = members.len().div_ceil(MAX_SAMPLED);
            let sample: Vec<[f64; 2]> = members
                .iter()
                .step_by(step)
                .map(|&molecule| [positions.x[molecule as usize], positions.y[molecule as usize]])
                .collect();
            let evenness = match spacing(&sample) {
                spacing if spacing > 0.0 => spread / (EVEN_DISK * spacing * (sample.len() as f64).sqrt()),
                _ => 0.0,
            };
            let radius = radius_of[segment].unwrap_or(std::f64::consts::SQRT_2 * spread);
            Measured { segment, n: members.len(), spread, evenness, radius }
        })
    };
    (0..n_segments).into_par_iter().filter_map(measure).collect()
}

fn spread(positions: &Positions, members: &[u32]) -> f64 {
    let n = members.len() as f64;
    let axes = [&positions.x, &positions.y].map(|axis| {
        let mean = members.iter().map(|&molecule| axis[molecule as usize]).sum::<f64>() / n;
        let square = |&molecule: &u32| (axis[molecule as usize] - mean) * (axis[molecule as usize] - mean);
        members.iter().map(square).sum::<f64>() / n
    });
    (axes[0] + axes[1]).sqrt()
}

/// Median distance to the third nearest of some points.
fn spacing(points: &[[f64; 2]]) -> f64 {
    let of = |at: usize| {
        let mut nearest = [f64::INFINITY; NEIGHBOR];
        for (other, point) in points.iter().enumerate() {
            let [dx, dy] = [point[0] - points[at][0], point[1] - points[at][1]];
            let distance = dx * dx + dy * dy;
            if other != at && distance < nearest[NEIGHBOR - 1] {
                let place = nearest.partition_point(|&have| have <= distance);
                nearest[place..].rotate_right(1);
                nearest[place] = distance;
            }
        }
        nearest[NEIGHBOR - 1].sqrt()
    };
    let mut distances: Vec<f64> = (0..points.len()).map(of).collect();
    stats::median(&mut distances)
}
