//! Numbers of points in a grid of square bins, to be asked for any rectangle of bins.

use crate::spatial::extent;

/// Bins along the longer side of the bulk of points, at most.
const MAX_BINS: usize = 2048;

/// A rectangle of bins: from (inclusive) and to (exclusive) along x and y.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BinRect {
    pub of: [[usize; 2]; 2],
}

impl BinRect {
    /// The bins below the one at `at` along an axis, and the rest.
    pub fn cut(&self, axis: usize, at: usize) -> [Self; 2] {
        let (mut below, mut above) = (*self, *self);
        (below.of[axis][1], above.of[axis][0]) = (at, at);
        [below, above]
    }
}

/// Points counted in bins. Those outside of the grid count in the bin nearest to them.
pub(super) struct Histogram {
    /// Side of a bin.
    side: Side,
    /// Number of the first bin along x and y: it begins at that many sides.
    first: [f64; 2],
    /// Bins along x and y.
    n_bins: [usize; 2],
    /// Points in columns before `column` and rows before `row`. `[(n_bins_x + 1) * (n_bins_y + 1)]`, x fastest.
    sums: Vec<u32>,
}

/// A length of `steps` · 10^`exponent`, with 1, 2 or 5 steps.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Side {
    steps: f64,
    exponent: i32,
}

impl Side {
    /// The shortest one of at least `length`.
    fn at_least(length: f64) -> Self {
        let mut exponent = length.log10().floor() as i32 - 1;
        loop {
            for steps in [1.0, 2.0, 5.0] {
                let side = Self { steps, exponent };
                if side.times(1.0) >= length {
                    return side;
                }
            }
            exponent += 1;
        }
    }

    /// `number` times the side. One rounding only, so that whole numbers give short decimal ones.
    fn times(self, number: f64) -> f64 {
        let power = 10f64.powi(self.exponent.abs());
        if self.exponent < 0 { number * self.steps / power } else { number * self.steps * power }
    }
}

impl Histogram {
    pub fn of(x: &[f64], y: &[f64]) -> Self {
        let [low, high] = extent::bulk(x, y).unwrap_or_default();
        let length = [0, 1].map(|axis| high[axis] - low[axis]);
        let longest = length[0].max(length[1]);
        // One bin less, because the first one begins below the first point. With all points at one place, any unit will do.
        let is_usable = longest.is_finite() && longest >= f64::MIN_POSITIVE * 1e30;
        let side = Side::at_least(if is_usable { longest / (MAX_BINS - 1) as f64 } else { 1.0 });
        let width = side.times(1.0);
        let first = low.map(|low| (low / width).floor());
        let n_bins = [0, 1].map(|axis| (((high[axis] / width).floor() - first[axis]) as usize + 1).clamp(1, MAX_BINS));
        let mut histogram = Self { side, first, n_bins, sums: vec![0; (n_bins[0] + 1) * (n_bins[1] + 1)] };
        for (&x, &y) in x.iter().zip(y) {
            // A float below zero becomes 0, one that is too large the largest integer.
            let bin = [x, y].map(|value| (value / width).floor());
            let bin = [0, 1].map(|axis| ((bin[axis] - first[axis]) as usize).min(n_bins[axis] - 1));
            let place = histogram.place(bin[0] + 1, bin[1] + 1);
            histogram.sums[place] += 1;
        }
        for row in 1..=n_bins[1] {
            let mut in_row = 0;
            for column in 1..=n_bins[0] {
                let place = histogram.place(column, row);
                in_row += histogram.sums[place];
                histogram.sums[place] = in_row + histogram.sums[histogram.place(column, row - 1)];
            }
        }
        histogram
    }

    fn place(&self, column: usize, row: usize) -> usize {
        row * (self.n_bins[0] + 1) + column
    }

    /// All bins.
    pub fn all(&self) -> BinRect {
        BinRect { of: self.n_bins.map(|n| [0, n]) }
    }

    /// How many bins a length reaches into, from the border of one.
    pub fn n_bins_across(&self, length: f64) -> usize {
        (length / self.side.times(1.0)).ceil() as usize
    }

    /// The rectangle with `n` bins more on all sides, as far as there are.
    pub fn widened(&self, bins: &BinRect, n: usize) -> BinRect {
        let wider = |axis: usize| {
            let [from, to] = bins.of[axis];
            [from.saturating_sub(n), to.saturating_add(n).min(self.n_bins[axis])]
        };
        BinRect { of: [0, 1].map(wider) }
    }

    /// Points in a rectangle of bins.
    pub fn count(&self, bins: &BinRect) -> usize {
        let [[x0, x1], [y0, y1]] = bins.of;
        let sum = |column, row| self.sums[self.place(column, row)] as usize;
        sum(x1, y1) + sum(x0, y0) - sum(x0, y1) - sum(x1, y0)
    }

    /// Where the bin at `at` begins along an axis.
    pub fn border(&self, axis: usize, at: usize) -> f64 {
        self.side.times(self.first[axis] + at as f64)
    }

    /// The most points in a square of `width` by `width` bins.
    pub fn fullest_square(&self, width: usize) -> usize {
        let width = self.n_bins.map(|n| n.min(width.max(1)));
        let at = |column, row| self.count(&BinRect { of: [[column, column + width[0]], [row, row + width[1]]] });
        let in_column = |column| (0..=self.n_bins[1] - width[1]).map(|row| at(column, row)).max().unwrap_or(0);
        (0..=self.n_bins[0] - width[0]).map(in_column).max().unwrap_or(0)
    }

    /// Where to cut so that points are divided as `shares` (axis and bin), both parts with points over at least `width`
    /// bins; `None` if they lie in less than two such widths.
    pub fn cut(&self, bins: &BinRect, shares: [usize; 2], width: usize) -> Option<(usize, usize)> {
        let occupied = self.occupied(bins)?;
        let length = occupied.of.map(|[from, to]| to - from);
        let axis = usize::from(length[1] > length[0]);
        if length[axis] < width.saturating_mul(2) {
            return None;
        }
        let [from, to] = [occupied.of[axis][0] + width, occupied.of[axis][1] - width];
        let n_below = |at: usize| self.count(&occupied.cut(axis, at)[0]);
        let off = |at: usize| (n_below(at) * (shares[0] + shares[1])).abs_diff(self.count(&occupied) * shares[0]);
        let first = (from..=to).min_by_key(|&at| off(at))?;
        let last = (first..=to).take_while(|&at| n_below(at) == n_below(first)).last()?;
        Some((axis, (first + last) / 2))
    }

    /// The smallest rectangle with all points of this one; `None` without points.
    fn occupied(&self, bins: &BinRect) -> Option<BinRect> {
        if self.count(bins) == 0 {
            return None;
        }
        let mut occupied = *bins;
        for axis in [0, 1] {
            let [from, to] = bins.of[axis];
            let n = self.count(bins);
            let n_below = |at: &usize| self.count(&bins.cut(axis, *at)[0]);
            let is_before = |at: &usize| n_below(at) == 0;
            occupied.of[axis][0] = (from..to).take_while(is_before).last().unwrap_or(from);
            occupied.of[axis][1] = (from..=to).find(|at| n_below(at) == n).unwrap_or(to);
        }
        Some(occupied)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_of_bins_count_their_points() {
        // Bins are one unit wide.
        let x = [0.5, 1.5, 1.7, 2000.0];
        let y = [10.5, 10.5, 12.0, 11.0];
        let histogram = Histogram::of(&x, &y);
        assert_eq!((histogram.n_bins, histogram.border(0, 7), histogram.border(1, 0)), ([2001, 3], 7.0, 10.0));
        let count = |x, y| histogram.count(&BinRect { of: [x, y] });
        assert_eq!(count([0, 2001], [0, 3]), 4);
        assert_eq!((count([0, 1], [0, 1]), count([1, 2], [0, 3]), count([2, 2000], [0, 3])), (1, 2, 0));
        assert_eq!(histogram.occupied(&BinRect { of: [[1, 2000], [0, 3]] }), Some(BinRect { of: [[1, 2], [0, 3]] }));
        // Two of four on each side: in the middle of the bins 1 and 2000 there is a gap for one against three.
        assert_eq!(histogram.cut(&histogram.all(), [3, 1], 1), Some((0, 1001)));
        assert_eq!(histogram.cut(&histogram.all(), [1, 3], 1), Some((0, 1)));
        assert_eq!(histogram.cut(&histogram.all(), [1, 3], 1001), None);
        assert_eq!([1, 2, 5000].map(|width| histogram.fullest_square(width)), [1, 2, 4]);
    }

    #[test]
    fn sides_are_round_numbers() {
        let side = |length| Side::at_least(length).times(1.0);
        assert_eq!([0.9, 1.0, 1.1, 2.1, 5.1, 0.03, 1234.0].map(side), [1.0, 1.0, 2.0, 5.0, 10.0, 0.05, 2000.0]);
        assert_eq!(Side::at_least(0.03).times(7.0), 0.35);
    }
}
