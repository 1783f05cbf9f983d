//! A uniform grid over molecules in the plane.

use rayon::prelude::*;

use crate::numeric::stats;

/// Molecules per bin, on average.
const PER_BIN: usize = 4;
/// Molecules looked at to find the extent of the data and the distance between molecules.
const N_SAMPLED: usize = 4096;
/// This share of molecules at each end of an axis does not count as the bulk of them.
const OUTLYING: f64 = 0.05;
/// Bands of the grid are widened by this share of a bin against rounding.
const BAND_MARGIN: f64 = 1e-6;

/// A subset of molecules sorted into the bins of a grid.
///
/// METHOD: the grid spans the molecules near the bulk, not all of them: some that are far away must
/// not make its bins so large that one of them holds everything. Those outside are in the
/// nearest bin, which keeps every query exact.
pub(super) struct PlaneIndex<'a> {
    x: &'a [f64],
    y: &'a [f64],
    columns: Axis,
    rows: Axis,
    /// Where the molecules of each bin start, row after row. `[n_rows * n_columns + 1]`
    starts: Vec<u32>,
    /// Molecules by bin, in their given order within a bin.
    order: Vec<u32>,
}

/// One axis of the grid.
#[derive(Clone, Copy)]
struct Axis {
    low: f64,
    bins_per_unit: f64,
    n_bins: usize,
}

impl Axis {
    /// The bin of a coordinate. Monotonic, so that an interval maps to an interval of bins.
    #[inline]
    fn bin(self, value: f64) -> usize {
        // A cast saturates, and takes NaN (an infinite distance times zero) to 0.
        (((value - self.low) * self.bins_per_unit) as usize).min(self.n_bins - 1)
    }

    /// The interval of coordinates of a bin; unbounded for those at the ends.
    fn interval(self, bin: usize) -> [f64; 2] {
        let border = |at: f64| self.low + at / self.bins_per_unit;
        let low = if bin == 0 { f64::NEG_INFINITY } else { border(bin as f64 - BAND_MARGIN) };
        let high = if bin + 1 == self.n_bins { f64::INFINITY } else { border((bin + 1) as f64 + BAND_MARGIN) };
        [low, high]
    }

    /// How far the value, moved into the grid, is from everything outside of the bins
    /// `first..=last`; infinite if there is nothing.
    fn clearance(self, value: f64, first: usize, last: usize) -> f64 {
        let width = 1.0 / self.bins_per_unit;
        let offset = (value - self.low).clamp(0.0, self.n_bins as f64 * width);
        let below = if first == 0 { f64::INFINITY } else { offset - first as f64 * width };
        let above = if last + 1 >= self.n_bins { f64::INFINITY } else { (last + 1) as f64 * width - offset };
        below.min(above)
    }
}

impl<'a> PlaneIndex<'a> {
    /// Sorts `members` (indices into `x` and `y`) into bins. 5 bytes per member.
    pub(super) fn new(x: &'a [f64], y: &'a [f64], members: &[u32]) -> Self {
        let (columns, rows) = axes(span(x, members), span(y, members), (members.len() / PER_BIN).max(1));
        let bin = |member: u32| rows.bin(y[member as usize]) * columns.n_bins + columns.bin(x[member as usize]);
        let (starts, order) = counting_sort(members, columns.n_bins * rows.n_bins, |member| Some(bin(member)));
        Self { x, y, columns, rows, starts, order }
    }

    /// Whether a molecule that satisfies `counts` lies in the triangle `corners`, given
    /// counter-clockwise. The sides belong to it, the corners do not.
    pub(super) fn any_in_triangle(&self, corners: [[f64; 2]; 3], counts: impl Fn(u32) -> bool) -> bool {
        let [a, b, c] = corners;
        let (bottom, top) = (a[1].min(b[1]).min(c[1]), a[1].max(b[1]).max(c[1]));
        let rows = self.rows.bin(bottom)..=self.rows.bin(top);
        rows.into_iter().any(|row| {
            let Some([left, right]) = span_in_band(&corners, self.rows.interval(row)) else { return false };
            self.in_row(row, self.columns.bin(left), self.columns.bin(right)).iter().any(|&member| {
                counts(member) && in_triangle(&corners, [self.x[member as usize], self.y[member as usize]])
            })
        })
    }

    /// Mean distance of molecules to the nearest other one, over a fixed sample of at most 4096.
    /// `None` with fewer than two molecules.
    pub(super) fn mean_nearest_distance(&self) -> Option<f64> {
        if self.order.len() < 2 {
            return None;
        }
        let sampled: Vec<u32> = sample(&self.order).collect();
        let distances: Vec<f64> = sampled.par_iter().map(|&member| self.nearest_distance(member)).collect();
        Some(distances.iter().sum::<f64>() / distances.len() as f64)
    }

    /// Distance to the nearest other molecule: rings of bins around its own one, until none
    /// farther out can hold a nearer molecule.
    fn nearest_distance(&self, member: u32) -> f64 {
        let (x, y) = (self.x[member as usize], self.y[member as usize]);
        let (column, row) = (self.columns.bin(x), self.rows.bin(y));
        let mut best2 = f64::INFINITY;
        for ring in 0usize.. {
            let (first_column, first_row) = (column.saturating_sub(ring), row.saturating_sub(ring));
            let last_column = (column + ring).min(self.columns.n_bins - 1);
            let last_row = (row + ring).min(self.rows.n_bins - 1);
            for at_row in first_row..=last_row {
                let whole_row = at_row.abs_diff(row) == ring;
                let sides = [column.checked_sub(ring), Some(column + ring).filter(|&right| right <= last_column)];
                let parts = if whole_row {
                    [self.in_row(at_row, first_column, last_column), &[]]
                } else {
                    sides.map(|side| side.map_or(&[][..], |side| self.in_row(at_row, side, side)))
                };
                for &other in parts.into_iter().flatten().filter(|&&other| other != member) {
                    let (dx, dy) = (self.x[other as usize] - x, self.y[other as usize] - y);
                    best2 = best2.min(dx * dx + dy * dy);
                    if best2 == 0.0 {
                        return 0.0;
                    }
                }
            }
            let clearance =
                self.columns.clearance(x, first_column, last_column).min(self.rows.clearance(y, first_row, last_row));
            if best2.sqrt() <= clearance {
                break;
            }
        }
        best2.sqrt()
    }

    /// The molecules of the bins `first..=last` of a row.
    #[inline]
    fn in_row(&self, row: usize, first: usize, last: usize) -> &[u32] {
        let base = row * self.columns.n_bins;
        &self.order[self.starts[base + first] as usize..self.starts[base + last + 1] as usize]
    }
}

/// Sorts `members` by bin: where each of `n_bins` bins starts `[n_bins + 1]`, and the members in
/// order of their bins, in their given order within one. Members without a bin are left out.
pub(super) fn counting_sort(
    members: &[u32],
    n_bins: usize,
    bin: impl Fn(u32) -> Option<usize>,
) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0u32; n_bins + 1];
    for at in members.iter().filter_map(|&member| bin(member)) {
        starts[at] += 1;
    }
    let mut total = 0;
    for start in &mut starts {
        total += std::mem::replace(start, total);
    }
    let mut order = vec![0u32; total as usize];
    for &member in members {
        if let Some(at) = bin(member) {
            order[starts[at] as usize] = member;
            starts[at] += 1;
        }
    }
    // Every start has moved to the start of the next bin.
    starts.rotate_right(1);
    starts[0] = 0;
    (starts, order)
}

/// At most `N_SAMPLED` members at even steps.
fn sample(members: &[u32]) -> impl Iterator<Item = u32> {
    members.iter().copied().step_by(members.len().div_ceil(N_SAMPLED).max(1))
}

/// The interval that the grid spans along an axis: that of the members, but no more than the
/// width of the bulk beyond the bulk.
fn span(axis: &[f64], members: &[u32]) -> [f64; 2] {
    let mut values: Vec<f64> = sample(members).map(|member| axis[member as usize]).collect();
    if values.is_empty() {
        return [0.0, 0.0];
    }
    let [from, to] = [OUTLYING, 1.0 - OUTLYING].map(|share| stats::quantile(&mut values, share));
    let of_members = |start: f64, choose: fn(f64, f64) -> f64| {
        members.iter().fold(start, |extreme, &member| choose(extreme, axis[member as usize]))
    };
    let (low, high) = (of_members(f64::INFINITY, f64::min), of_members(f64::NEG_INFINITY, f64::max));
    if from < to { [low.max(from - (to - from)), high.min(to + (to - from))] } else { [low, high] }
}

/// Splits the box of `x` and `y` into about `n_bins` bins that are about square.
fn axes(x: [f64; 2], y: [f64; 2], n_bins: usize) -> (Axis, Axis) {
    let (width, height) = (x[1] - x[0], y[1] - y[0]);
    let n_columns = if width > 0.0 { (n_bins as f64 * (width / height)).sqrt().clamp(1.0, n_bins as f64) } else { 1.0 };
    let n_columns = n_columns as usize;
    let axis = |[low, high]: [f64; 2], n_bins: usize| {
        let n_bins = if high > low { n_bins.max(1) } else { 1 };
        let bins_per_unit = if high > low { n_bins as f64 / (high - low) } else { 0.0 };
        Axis { low, bins_per_unit, n_bins }
    };
    (axis(x, n_columns), axis(y, n_bins / n_columns))
}

/// The interval of x that the part of a triangle between two values of y covers.
fn span_in_band(corners: &[[f64; 2]; 3], [low, high]: [f64; 2]) -> Option<[f64; 2]> {
    let mut span = [f64::INFINITY, f64::NEG_INFINITY];
    let mut cover = |x: f64| span = [span[0].min(x), span[1].max(x)];
    for side in 0..3 {
        let (from, to) = (corners[side], corners[(side + 1) % 3]);
        if from[1] >= low && from[1] <= high {
            cover(from[0]);
        }
        for border in [low, high] {
            if (from[1] < border) != (to[1] < border) {
                let share = (border - from[1]) / (to[1] - from[1]);
                cover(from[0] + share * (to[0] - from[0]));
            }
        }
    }
    (span[0] <= span[1]).then_some(span)
}

/// Whether a point is in a counter-clockwise triangle: on its sides too, but not at its corners.
fn in_triangle(corners: &[[f64; 2]; 3], point: [f64; 2]) -> bool {
    let left_of = |from: [f64; 2], to: [f64; 2]| {
        (to[0] - from[0]) * (point[1] - from[1]) - (to[1] - from[1]) * (point[0] - from[0]) >= 0.0
    };
    let [a, b, c] = *corners;
    left_of(a, b) && left_of(b, c) && left_of(c, a) && !corners.contains(&point)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::draws::{Draws, Stream};

    fn scattered(n: usize, stretch: f64) -> (Vec<f64>, Vec<f64>) {
        let draws = Draws::new(5, Stream::Jitter);
        let axis = |which, length| (0..n).map(|i| length * draws.at(which).uniform(i as u64)).collect();
        (axis(0, stretch), axis(1, 1.0))
    }

    #[test]
    fn points_of_the_unit_square_are_in_a_large_triangle_and_a_far_one_is_not() {
        let corners = [[0.0, 0.0], [20.0, 0.0], [0.0, 20.0]];
        let (x, y) = scattered(20, 1.0);
        assert!(x.iter().zip(&y).all(|(&x, &y)| in_triangle(&corners, [x, y])));
        assert!(!in_triangle(&corners, [100.0, 100.0]));
        assert!(in_triangle(&corners, [10.0, 10.0]), "a side belongs to the triangle");
        assert!(!in_triangle(&corners, [20.0, 0.0]), "a corner does not");
    }

    #[test]
    fn the_grid_finds_what_a_look_at_all_points_finds() {
        for stretch in [1.0, 30.0, 0.001, 0.0] {
            let (mut x, mut y) = scattered(2000, stretch);
            (x[7], y[7]) = (1e6, -1e7); // an outlier lies outside the grid
            let members: Vec<u32> = (0..2000).filter(|member| member % 3 != 0).collect();
            let index = PlaneIndex::new(&x, &y, &members);
            let draws = Draws::new(9, Stream::Jitter);
            for query in 0..300 {
                let at = |i: u64| draws.at(query).uniform(i) * 1.2 - 0.1;
                let size = if query % 7 == 0 { 1e8 } else { 0.1 };
                let (cx, cy) = (at(0) * stretch, at(1));
                let corners =
                    [[cx, cy], [cx + size * stretch, cy + size * at(2)], [cx - size * stretch * at(3), cy + size]];
                let counts = |member: u32| member % 2 == query as u32 % 2;
                let expected =
                    members.iter().any(|&m| counts(m) && in_triangle(&corners, [x[m as usize], y[m as usize]]));
                assert_eq!(index.any_in_triangle(corners, counts), expected, "query {query}, stretch {stretch}");
            }
        }
    }

    #[test]
    fn nearest_distances_are_exact() {
        for stretch in [1.0, 50.0, 0.0] {
            let (mut x, mut y) = scattered(500, stretch);
            (x[3], y[3]) = (1e3, 1e4);
            let members: Vec<u32> = (0..500).collect();
            let index = PlaneIndex::new(&x, &y, &members);
            for member in 0..500usize {
                let others = (0..500).filter(|&other| other != member);
                let squares =
                    others.map(|other: usize| (x[other] - x[member]).powi(2) + (y[other] - y[member]).powi(2));
                let expected = squares.fold(f64::INFINITY, f64::min).sqrt();
                assert_eq!(index.nearest_distance(member as u32), expected);
            }
        }
    }

    #[test]
    fn mean_distance_in_a_row_of_points_is_their_step() {
        let x: Vec<f64> = (0..100).map(|i| 2.0 * f64::from(i)).collect();
        let members: Vec<u32> = (0..100).collect();
        assert_eq!(PlaneIndex::new(&x, &[1.0; 100], &members).mean_nearest_distance(), Some(2.0));
        assert_eq!(PlaneIndex::new(&x, &x, &[4]).mean_nearest_distance(), None);
        assert_eq!(PlaneIndex::new(&x, &x, &[]).mean_nearest_distance(), None);
    }
}
