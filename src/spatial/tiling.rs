//! Dividing the plane into rectangles that hold about equally many points.

mod histogram;
mod rect;

pub use rect::Rect;

use histogram::{BinRect, Histogram};

/// By what part the number of tiles is raised when it was too small; at least by one.
const RAISE: usize = 32;

/// A division of the plane: every point is in exactly one core, and near borders in several tiles.
///
/// A tile is a core with a margin of one width around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tiling {
    /// The cores, which touch but do not overlap. Those at the outside are unbounded.
    pub cores: Vec<Rect>,
    /// Width of the margin, in the unit of the coordinates.
    pub margin: f64,
    /// How the plane was cut, as a tree. The first node is its root.
    nodes: Vec<Node>,
}

/// A part of the plane.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Node {
    /// It is the core of this tile.
    Core(u32),
    /// It is cut in two: what is below the border along an axis (0 for x), and the rest.
    Cut { axis: usize, border: f64, below: u32, above: u32 },
}

/// Tiles with this margin cannot keep to the number of points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the smallest tiles, with cores as wide as their margins, have up to {least} points, which is more than the {wanted} \
     that were asked for"
)]
pub struct MarginTooWide {
    /// The number of points that was asked for.
    pub wanted: usize,
    /// The smallest number for which there are tiles.
    pub least: usize,
}

/// Divides points into as few tiles as there must be for none to have more than `max_points`, margin included.
///
/// Shapes: `x` and `y` are `[n_points]`, finite. The plane is cut in two, and the parts again, across the longer side of
/// the rectangle that holds their points, each time where the parts get points in proportion to their numbers of tiles.
/// Tiles that are too full all the same, because their margins are in dense places, are cut further. Of the numbers of
/// tiles to aim for the one is taken that ends with the fewest.
///
/// METHOD: no core gets narrower than its margin, or nearly all work would be done in margins. So a tile that cannot be
/// cut any more is less than four margins wide, and `max_points` has to be enough for the fullest square of that width.
///
/// Points are counted in a grid of up to 2048 by 2048 square bins over the bulk of them, to whose borders cuts are
/// confined; what lies in a bin that a margin touches is counted with the margin. Bins are 1, 2 or 5 times a power of
/// ten wide, so borders are short decimal numbers. Where there is a gap, the cut is in its middle. A tile that borders
/// on a gap can be a little fuller than wanted after all; see [`Tiling::count`].
///
/// Errors: `max_points` is too small for the margin.
/// Draws nothing; the same result for any number of threads and any order of points (beyond 100,000, up to where the
/// bulk of points ends). Memory: 20 MB. One pass over the points.
pub fn plan(x: &[f64], y: &[f64], max_points: usize, margin: f64) -> Result<Tiling, MarginTooWide> {
    let histogram = Histogram::of(x, y);
    let planner = Planner::new(&histogram, max_points, margin);
    if x.len() <= max_points {
        return Ok(planner.tiling(1));
    }
    let least = planner.least();
    if least > max_points {
        return Err(MarginTooWide { wanted: max_points, least });
    }
    let mut aim = x.len().div_ceil(max_points.max(1));
    let mut best = planner.tiling(aim);
    while aim < best.cores.len() {
        aim += (aim / RAISE).max(1);
        let tiling = planner.tiling(aim);
        if tiling.cores.len() < best.cores.len() {
            best = tiling;
        }
    }
    Ok(best)
}

/// Cuts the plane.
struct Planner<'a> {
    histogram: &'a Histogram,
    max_points: usize,
    margin: f64,
    /// The margin in bins, rounded up.
    margin_bins: usize,
    /// The narrowest core, in bins.
    core_bins: usize,
}

impl<'a> Planner<'a> {
    fn new(histogram: &'a Histogram, max_points: usize, margin: f64) -> Self {
        let margin_bins = histogram.n_bins_across(margin);
        Self { histogram, max_points, margin, margin_bins, core_bins: margin_bins.max(1) }
    }

    /// The most points in a square as wide as a tile can be that is not cut any more.
    fn least(&self) -> usize {
        let width = (2 * self.core_bins - 1).saturating_add(self.margin_bins.saturating_mul(2));
        self.histogram.fullest_square(width)
    }

    fn with_margin(&self, core: &BinRect) -> usize {
        self.histogram.count(&self.histogram.widened(core, self.margin_bins))
    }

    /// A tiling of `n_tiles` tiles; of more if some would be too full, and of fewer if there are not so many bins.
    fn tiling(&self, n_tiles: usize) -> Tiling {
        let mut tiling = Tiling { cores: Vec::new(), margin: self.margin, nodes: Vec::new() };
        self.divide(self.histogram.all(), Rect::PLANE, n_tiles.max(1), &mut tiling);
        tiling
    }

    /// Adds the tree of a part of the plane that is to have `n_tiles` tiles, and returns its root.
    fn divide(&self, bins: BinRect, part: Rect, n_tiles: usize, tiling: &mut Tiling) -> u32 {
        let node = tiling.nodes.len() as u32;
        let n_tiles = if n_tiles == 1 && self.with_margin(&bins) > self.max_points { 2 } else { n_tiles };
        let shares = [n_tiles / 2, n_tiles - n_tiles / 2];
        let cut = if n_tiles > 1 { self.histogram.cut(&bins, shares, self.core_bins) } else { None };
        let Some((axis, at)) = cut else {
            tiling.nodes.push(Node::Core(tiling.cores.len() as u32));
            tiling.cores.push(part);
            return node;
        };
        let border = self.histogram.border(axis, at);
        tiling.nodes.push(Node::Cut { axis, border, below: 0, above: 0 });
        let [low_bins, high_bins] = bins.cut(axis, at);
        let [low_part, high_part] = part.cut(axis, border);
        let below = self.divide(low_bins, low_part, shares[0], tiling);
        let above = self.divide(high_bins, high_part, shares[1], tiling);
        tiling.nodes[node as usize] = Node::Cut { axis, border, below, above };
        node
    }
}

impl Tiling {
    /// Number of tiles.
    pub fn n_tiles(&self) -> usize {
        self.cores.len()
    }

    /// The tile with the point in its core.
    pub fn tile_of(&self, x: f64, y: f64) -> usize {
        let mut node = 0;
        loop {
            match self.nodes[node as usize] {
                Node::Core(tile) => return tile as usize,
                Node::Cut { axis, border, below, above } => node = if [x, y][axis] < border { below } else { above },
            }
        }
    }

    /// Calls `with` for every tile that has the point in its core or margin, ascending.
    ///
    /// These are the tiles of which [`Rect::widened`] by the margin contains the point.
    pub fn tiles_with(&self, x: f64, y: f64, mut with: impl FnMut(usize)) {
        self.visit(0, [x, y], &mut with);
    }

    fn visit(&self, node: u32, point: [f64; 2], with: &mut impl FnMut(usize)) {
        match self.nodes[node as usize] {
            Node::Core(tile) => with(tile as usize),
            Node::Cut { axis, border, below, above } => {
                if point[axis] < border + self.margin {
                    self.visit(below, point, with);
                }
                if point[axis] >= border - self.margin {
                    self.visit(above, point, with);
                }
            }
        }
    }

    /// Points of every tile: in its core, and with its margin. `[n_tiles]`
    pub fn count(&self, x: &[f64], y: &[f64]) -> Vec<TileCount> {
        let mut counts = vec![TileCount::default(); self.n_tiles()];
        for (&x, &y) in x.iter().zip(y) {
            counts[self.tile_of(x, y)].n_core += 1;
            self.tiles_with(x, y, |tile| counts[tile].n_all += 1);
        }
        counts
    }
}

/// How many points a tile has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TileCount {
    /// In its core.
    pub n_core: u64,
    /// In core and margin.
    pub n_all: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::draws::{Draws, Stream};

    fn plan_ok(x: &[f64], y: &[f64], max_points: usize, margin: f64) -> Tiling {
        let tiling = plan(x, y, max_points, margin).expect("a tiling");
        let counts = tiling.count(x, y);
        assert_eq!(counts.iter().map(|count| count.n_core).sum::<u64>(), x.len() as u64);
        for (at, count) in counts.iter().enumerate() {
            let wide = tiling.cores[at].widened(margin);
            let inside = |rect: &Rect| x.iter().zip(y).filter(|&(&x, &y)| rect.contains(x, y)).count() as u64;
            assert_eq!((count.n_core, count.n_all), (inside(&tiling.cores[at]), inside(&wide)), "tile {at}");
            assert!(count.n_all <= max_points as u64, "tile {at} of {}: {count:?}", tiling.n_tiles());
        }
        tiling
    }

    fn random(n: u64, density: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<f64>) {
        let draws = Draws::new(5, Stream::Jitter);
        let axis = |axis: u64| (0..n).map(|i| 1000.0 * density(draws.at(axis).uniform(i))).collect();
        (axis(0), axis(1))
    }

    #[test]
    fn few_points_are_one_tile_without_borders() {
        let tiling = plan_ok(&[1.0, 2.0, 3.0], &[0.0, 0.0, 5.0], 3, 10.0);
        assert_eq!(tiling.cores, [Rect::PLANE]);
        assert_eq!(plan_ok(&[], &[], 1, 1.0).n_tiles(), 1);
    }

    #[test]
    fn two_groups_are_cut_in_the_middle_of_the_gap_across_the_longer_side() {
        let (x, y) = ([0.0, 1.0, 2.0, 100.0, 101.0, 102.0], [0.0, 3.0, 0.0, 3.0, 0.0, 3.0]);
        let tiling = plan_ok(&x, &y, 3, 5.0);
        assert_eq!(tiling.n_tiles(), 2);
        let border = tiling.cores[0].x[1];
        assert!((border - 51.0).abs() < 2.0, "{border}");
        assert_eq!(tiling.cores[0], Rect { x: [f64::NEG_INFINITY, border], ..Rect::PLANE });
        assert_eq!(tiling.cores[1], Rect { x: [border, f64::INFINITY], ..Rect::PLANE });
    }

    #[test]
    fn a_point_on_a_border_is_in_the_upper_core_and_near_it_in_both_tiles() {
        let x: Vec<f64> = (0..100).map(f64::from).collect();
        let tiling = plan_ok(&x, &[7.0; 100], 60, 5.0);
        assert_eq!(tiling.n_tiles(), 2);
        let border = tiling.cores[0].x[1];
        assert_eq!((tiling.tile_of(border, 7.0), tiling.tile_of(border - 1e-9, 7.0)), (1, 0));
        let tiles = |x: f64| {
            let mut tiles = Vec::new();
            tiling.tiles_with(x, 7.0, |tile| tiles.push(tile));
            tiles
        };
        // Half-open: the upper end of a margin is outside, the lower end inside.
        assert_eq!(
            [-5.1, -5.0, 0.0, 4.9, 5.0].map(|off| tiles(border + off)),
            [vec![0], vec![0, 1], vec![0, 1], vec![0, 1], vec![1]]
        );
    }

    #[test]
    fn even_points_have_tiles_of_even_size() {
        let (x, y) = random(20_000, |u| u);
        let tiling = plan_ok(&x, &y, 3000, 20.0);
        let counts = tiling.count(&x, &y);
        assert!((7..=10).contains(&tiling.n_tiles()), "{}", tiling.n_tiles());
        let core = |pick: fn(u64, u64) -> u64| counts.iter().map(|count| count.n_core).reduce(pick).unwrap();
        assert!(core(u64::max) < core(u64::min) * 11 / 10, "{counts:?}");
    }

    #[test]
    fn uneven_points_have_smaller_tiles_where_they_are_dense() {
        let (x, y) = random(20_000, |u| u * u);
        let tiling = plan_ok(&x, &y, 3000, 10.0);
        let counts = tiling.count(&x, &y);
        assert!(counts.iter().all(|count| count.n_core > 200), "{counts:?}");
        let wide = tiling.cores.iter().map(|core| core.x[1].min(1000.0) - core.x[0].max(0.0)).fold(0.0, f64::max);
        let narrow = tiling.cores.iter().map(|core| core.x[1] - core.x[0].max(0.0)).fold(f64::INFINITY, f64::min);
        assert!(wide > 4.0 * narrow, "{wide} {narrow}");
    }

    #[test]
    fn a_point_far_away_does_not_spoil_the_bins() {
        let (mut x, mut y) = random(20_000, |u| u);
        (x[77], y[78]) = (1e12, -1e15);
        assert!((7..=10).contains(&plan_ok(&x, &y, 3000, 20.0).n_tiles()));
    }

    #[test]
    fn the_order_of_points_does_not_matter() {
        let (x, y) = random(3000, |u| u * u);
        let backwards = |values: &[f64]| values.iter().rev().copied().collect::<Vec<_>>();
        assert_eq!(plan(&x, &y, 900, 9.0), plan(&backwards(&x), &backwards(&y), 900, 9.0));
    }

    #[test]
    fn a_margin_too_wide_for_the_number_tells_the_number_that_would_do() {
        let (x, y) = random(20_000, |u| u);
        let error = plan(&x, &y, 1000, 100.0).unwrap_err();
        // A square of 400 by 400 of 1000 by 1000 has 3200 points, give or take.
        assert!((3200..3500).contains(&error.least), "{error}");
        let tiling = plan_ok(&x, &y, error.least, 100.0);
        let ends = tiling.cores.iter().flat_map(|core| [core.x, core.y]);
        assert!(ends.map(|[from, to]| to.min(1000.0) - from.max(0.0)).all(|width| width >= 99.0));
        assert_eq!(plan(&[1.0; 9], &[1.0; 9], 8, 0.0).unwrap_err().least, 9);
    }

    #[test]
    fn borders_are_short_decimal_numbers() {
        let (x, y) = random(20_000, |u| u / 7.0);
        let tiling = plan_ok(&x, &y, 3000, 5.0);
        let ends = tiling.cores.iter().flat_map(|core| [core.x, core.y]).flatten();
        assert!(ends.filter(|end| end.is_finite()).all(|end| format!("{end}").len() <= 6), "{tiling:?}");
    }
}
