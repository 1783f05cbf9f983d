//! Measures of the geometries of a cell over all planes.

use super::Plane;
use crate::spatial::hull;

/// By what share of its area a rectangle must be smaller to count as smaller.
const MARGIN: f64 = 1e-9;

/// Measures of a cell, as vpt defines them; NaN for a cell without geometry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Measures {
    /// Sum over planes of area times depth.
    pub volume: f64,
    /// Mean over planes of the centroids.
    pub center: [f64; 2],
    /// Least x and y, greatest x and y.
    pub bounds: [f64; 4],
    /// Longer by shorter side of the smallest rectangle around all planes.
    pub anisotropy: f64,
    /// Mean over planes of perimeter by area.
    pub perimeter_by_area: f64,
    /// Area of all planes by that of their convex hulls.
    pub solidity: f64,
}

/// Sums over the planes of one cell.
#[derive(Clone, Debug, Default)]
struct Sums {
    n_planes: u32,
    volume: f64,
    center: [f64; 2],
    perimeter_by_area: f64,
    area: f64,
    hull_area: f64,
    /// Vertices of the hulls of all planes.
    vertices: Vec<[f64; 2]>,
}

impl Measures {
    /// Measures all cells. `[n_cells]`
    pub fn of_cells(planes: &[Plane<'_>], n_cells: usize) -> Vec<Self> {
        let mut sums = vec![Sums::default(); n_cells];
        for plane in planes {
            for outline in plane.outlines {
                sums[outline.cell.idx()].add(&outline.ring, plane.depth);
            }
        }
        sums.into_iter().map(Sums::finish).collect()
    }
}

impl Sums {
    fn add(&mut self, ring: &[[f64; 2]], depth: f64) {
        let area = hull::area(ring);
        if area <= 0.0 {
            return;
        }
        let perimeter: f64 = ring.windows(2).map(|edge| distance(edge[0], edge[1])).sum();
        let [x, y] = centroid(ring);
        let hull_ring = hull::convex_hull(&mut ring.to_vec());
        self.n_planes += 1;
        self.volume += area * depth;
        self.center = [self.center[0] + x, self.center[1] + y];
        self.perimeter_by_area += perimeter / area;
        self.area += area;
        self.hull_area += hull::area(&hull_ring);
        self.vertices.extend(hull_ring);
    }

    fn finish(mut self) -> Measures {
        let n = f64::from(self.n_planes);
        let mut bounds = [f64::NAN; 4];
        for &[x, y] in &self.vertices {
            let [x_min, y_min, x_max, y_max] = bounds;
            bounds = [x_min.min(x), y_min.min(y), x_max.max(x), y_max.max(y)];
        }
        let hull_ring = hull::convex_hull(&mut self.vertices);
        Measures {
            volume: if self.n_planes > 0 { self.volume } else { f64::NAN },
            center: self.center.map(|sum| sum / n),
            bounds,
            anisotropy: anisotropy(&hull_ring),
            perimeter_by_area: self.perimeter_by_area / n,
            solidity: self.area / self.hull_area,
        }
    }
}

fn distance([ax, ay]: [f64; 2], [bx, by]: [f64; 2]) -> f64 {
    ((bx - ax) * (bx - ax) + (by - ay) * (by - ay)).sqrt()
}

/// Center of the area inside a closed ring.
///
/// METHOD: relative to the first vertex, so that the digits of a small cell far from the origin survive.
fn centroid(ring: &[[f64; 2]]) -> [f64; 2] {
    let Some(&[x0, y0]) = ring.first() else { return [f64::NAN; 2] };
    let (mut twice_area, mut x_sum, mut y_sum) = (0.0, 0.0, 0.0);
    for edge in ring.windows(2) {
        let [[ax, ay], [bx, by]] = [edge[0], edge[1]].map(|[x, y]| [x - x0, y - y0]);
        let cross = ax * by - bx * ay;
        twice_area += cross;
        x_sum += (ax + bx) * cross;
        y_sum += (ay + by) * cross;
    }
    [x0 + x_sum / (3.0 * twice_area), y0 + y_sum / (3.0 * twice_area)]
}

/// Longer by shorter side of the smallest rectangle around a closed convex ring.
///
/// METHOD: the smallest rectangle has a side along an edge of the hull. Among equally small ones, as around a triangle,
/// the first edge counts; without the margin rounding would choose.
fn anisotropy(hull_ring: &[[f64; 2]]) -> f64 {
    let (mut best_area, mut best) = (f64::INFINITY, f64::NAN);
    for edge in hull_ring.windows(2) {
        let length = distance(edge[0], edge[1]);
        if length <= 0.0 {
            continue;
        }
        let [dx, dy] = [(edge[1][0] - edge[0][0]) / length, (edge[1][1] - edge[0][1]) / length];
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for &[x, y] in hull_ring {
            let (x, y) = (x - edge[0][0], y - edge[0][1]);
            for (axis, value) in [x * dx + y * dy, y * dx - x * dy].into_iter().enumerate() {
                (low[axis], high[axis]) = (low[axis].min(value), high[axis].max(value));
            }
        }
        let sides = [high[0] - low[0], high[1] - low[1]];
        let area = sides[0] * sides[1];
        if area < best_area * (1.0 - MARGIN) {
            (best_area, best) = (area, sides[0].max(sides[1]) / sides[0].min(sides[1]));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{CellIdx, CellOutline};

    fn outline(cell: usize, ring: &[[f64; 2]]) -> CellOutline {
        CellOutline { cell: CellIdx::new(cell), ring: ring.to_vec() }
    }

    #[test]
    fn measures_sum_over_the_planes() {
        // An L of area 3 in a square of 2 by 2, far from the origin, and above it a rectangle of 4 by 2.
        let o = 1e6;
        let l =
            [[o, o], [o + 2.0, o], [o + 2.0, o + 1.0], [o + 1.0, o + 1.0], [o + 1.0, o + 2.0], [o, o + 2.0], [o, o]];
        let rectangle = [[o, o], [o + 4.0, o], [o + 4.0, o + 2.0], [o, o + 2.0], [o, o]];
        let (lower, upper) = ([outline(0, &l)], [outline(0, &rectangle)]);
        let plane = |index, depth, outlines| Plane { index, level: 0.0, depth, outlines };
        let cells = Measures::of_cells(&[plane(0, 1.0, &lower), plane(1, 0.5, &upper)], 2);
        let found = cells[0];
        assert_eq!(found.volume, 3.0 + 4.0);
        assert_eq!(found.bounds, [o, o, o + 4.0, o + 2.0]);
        assert_eq!(found.anisotropy, 2.0);
        assert!((found.center[0] - (o + (5.0 / 6.0 + 2.0) / 2.0)).abs() < 1e-9, "{found:?}");
        assert!((found.center[1] - (o + (5.0 / 6.0 + 1.0) / 2.0)).abs() < 1e-9, "{found:?}");
        assert!((found.perimeter_by_area - (8.0 / 3.0 + 12.0 / 8.0) / 2.0).abs() < 1e-12);
        assert!((found.solidity - 11.0 / 11.5).abs() < 1e-12);
        assert!(cells[1].volume.is_nan() && cells[1].center[0].is_nan() && cells[1].bounds[0].is_nan());
    }

    #[test]
    fn the_smallest_rectangle_may_be_turned() {
        let diamond = [[0.0, 1.0], [3.0, 4.0], [4.0, 3.0], [1.0, 0.0], [0.0, 1.0]];
        assert!((anisotropy(&diamond) - 3.0).abs() < 1e-12);
    }
}
