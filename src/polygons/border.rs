//! The border of one cell: its triangulation without border triangles that hold others' molecules.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::data::Ring;
use crate::spatial::delaunay;

/// No triangle on this side.
const OUTSIDE: u32 = u32::MAX;
/// A ring whose area is below this share of its squared extent is too thin to be relied on.
const THINNEST: f64 = 1e-12;

/// The border of a cell, as a closed ring from `points[0]`, counter-clockwise.
///
/// `points`: the cell's molecules, distinct, sorted by x, then y. `has_foreign` says whether a
/// counter-clockwise triangle holds a molecule that is not the cell's. `None` if the points span
/// no area.
///
/// 1. Triangulates the points (Delaunay). The border is their convex hull.
/// 2. Visits the triangles at the border, in passes, in order of their corners. One that holds
///    a foreign molecule and has its third corner inside is removed, which makes that corner
///    part of the border. Ends when nothing is left to remove.
/// 3. Walks along the border.
///
/// METHOD: removal swaps one side of the ring for two over a vertex that was inside, so the border
/// remains one ring that visits no vertex twice: no holes, no pinches, no lost molecules. It
/// follows that a vertex never leaves the border, so a triangle that must stay once stays forever
/// and every triangle is examined at most once, when it comes to the border.
///
/// DIFFERS: 0.7.1 stops after 100 passes (and fails there), starts from a triangulation that may
/// lack parts of the hull, and visits triangles in the order of its library. Sorted points make
/// the result independent of the order of molecules.
///
/// Source: Baysor 0.7.1 `boundary_estimation.jl`, `find_border_without_admixture` and `border_edges_to_poly`.
pub(super) fn find_border(points: &[[f64; 2]], has_foreign: impl Fn([[f64; 2]; 3]) -> bool) -> Option<Ring> {
    let triangles = match points {
        [a, b, c] => single_triangle([*a, *b, *c])?,
        _ => delaunay::triangulation(points).triangles,
    };
    let mut mesh = Mesh::new(points, triangles);
    let hull = mesh.trace()?;
    mesh.erode(has_foreign);
    mesh.trace().filter(|ring| spans_area(ring)).or(Some(hull)).filter(|ring| spans_area(ring))
}

/// The triangle of three points, its smallest corner first, counter-clockwise.
fn single_triangle([a, b, c]: [[f64; 2]; 3]) -> Option<Vec<[u32; 3]>> {
    let doubled_area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    match doubled_area.partial_cmp(&0.0)? {
        std::cmp::Ordering::Greater => Some(vec![[0, 1, 2]]),
        std::cmp::Ordering::Less => Some(vec![[0, 2, 1]]),
        std::cmp::Ordering::Equal => None,
    }
}

struct Mesh<'a> {
    points: &'a [[f64; 2]],
    /// Corners of each triangle, counter-clockwise. `[n_triangles]`
    triangles: Vec<[u32; 3]>,
    /// The triangle beyond side k, which runs from corner k to the next. `[n_triangles]`
    beyond: Vec<[u32; 3]>,
    removed: Vec<bool>,
    /// Whether a point is on the border. `[n_points]`
    on_border: Vec<bool>,
}

impl<'a> Mesh<'a> {
    fn new(points: &'a [[f64; 2]], triangles: Vec<[u32; 3]>) -> Self {
        let beyond = neighbors(&triangles);
        let mut on_border = vec![false; points.len()];
        for (corners, beyond) in triangles.iter().zip(&beyond) {
            for side in (0..3).filter(|&side| beyond[side] == OUTSIDE) {
                on_border[corners[side] as usize] = true;
            }
        }
        let removed = vec![false; triangles.len()];
        Self { points, triangles, beyond, removed, on_border }
    }

    fn erode(&mut self, has_foreign: impl Fn([[f64; 2]; 3]) -> bool) {
        let at_border = |beyond: &[u32; 3]| beyond.contains(&OUTSIDE);
        let first_pass = (0..self.triangles.len()).filter(|&triangle| at_border(&self.beyond[triangle]));
        let mut to_visit: BinaryHeap<Reverse<(u32, u32)>> =
            first_pass.map(|triangle| Reverse((0, triangle as u32))).collect();
        while let Some(Reverse((pass, triangle))) = to_visit.pop() {
            let Some(side) = self.removable_over(triangle as usize) else { continue };
            let corners = self.triangles[triangle as usize];
            if !has_foreign(corners.map(|corner| self.points[corner as usize])) {
                continue;
            }
            self.removed[triangle as usize] = true;
            self.on_border[corners[(side + 2) % 3] as usize] = true;
            for inner in [(side + 1) % 3, (side + 2) % 3] {
                let exposed = self.beyond[triangle as usize][inner];
                // A triangle that this pass has gone by waits for the next one.
                to_visit.push(Reverse((pass + u32::from(exposed < triangle), exposed)));
            }
        }
    }

    /// The border side of a triangle that may be removed: its only one, facing an inner vertex.
    fn removable_over(&self, triangle: usize) -> Option<usize> {
        if self.removed[triangle] {
            return None;
        }
        let mut border_sides = (0..3).filter(|&side| self.is_outside(self.beyond[triangle][side]));
        let side = border_sides.next()?;
        let facing = self.triangles[triangle][(side + 2) % 3];
        (border_sides.next().is_none() && !self.on_border[facing as usize]).then_some(side)
    }

    fn is_outside(&self, triangle: u32) -> bool {
        triangle == OUTSIDE || self.removed[triangle as usize]
    }

    /// The border as a closed ring from point 0, or nothing if it is not one simple ring.
    fn trace(&self) -> Option<Ring> {
        let mut next = vec![OUTSIDE; self.points.len()];
        let mut n_sides = 0;
        for (triangle, corners) in self.triangles.iter().enumerate().filter(|&(triangle, _)| !self.removed[triangle]) {
            for side in (0..3).filter(|&side| self.is_outside(self.beyond[triangle][side])) {
                next[corners[side] as usize] = corners[(side + 1) % 3];
                n_sides += 1;
            }
        }
        let mut ring = Vec::with_capacity(n_sides + 1);
        let mut point = 0;
        for _ in 0..=n_sides {
            ring.push(*self.points.get(point as usize)?);
            point = next[point as usize];
        }
        // After as many steps as there are sides, and not before, the walk is back.
        (n_sides >= 3 && ring[n_sides] == ring[0] && !ring[1..n_sides].contains(&ring[0])).then_some(ring)
    }
}

/// For each side of each triangle the triangle that shares it.
fn neighbors(triangles: &[[u32; 3]]) -> Vec<[u32; 3]> {
    let mut sides: Vec<(u64, u32)> = Vec::with_capacity(3 * triangles.len());
    for (triangle, corners) in triangles.iter().enumerate() {
        for side in 0..3 {
            let (a, b) = (corners[side], corners[(side + 1) % 3]);
            let key = (u64::from(a.min(b)) << 32) | u64::from(a.max(b));
            sides.push((key, (3 * triangle + side) as u32));
        }
    }
    sides.sort_unstable();
    let mut beyond = vec![[OUTSIDE; 3]; triangles.len()];
    for pair in sides.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        let (one, other) = (pair[0].1, pair[1].1);
        beyond[one as usize / 3][one as usize % 3] = other / 3;
        beyond[other as usize / 3][other as usize % 3] = one / 3;
    }
    beyond
}

/// Whether the area is positive beyond rounding.
fn spans_area(ring: &[[f64; 2]]) -> bool {
    let Some(&[x, y]) = ring.first() else { return false };
    let (mut doubled_area, mut extent) = (0.0f64, 0.0f64);
    for side in ring.windows(2) {
        let [a, b] = [[side[0][0] - x, side[0][1] - y], [side[1][0] - x, side[1][1] - y]];
        doubled_area += a[0] * b[1] - b[0] * a[1];
        extent = extent.max(b[0].abs()).max(b[1].abs());
    }
    doubled_area > THINNEST * extent * extent
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polygons::check::{area, assert_valid};

    /// A square of four points with a fifth inside, sorted.
    const TENT: [[f64; 2]; 5] = [[0.0, 0.0], [0.0, 4.0], [2.0, 1.0], [4.0, 0.0], [4.0, 4.0]];

    #[test]
    fn without_others_the_border_is_the_convex_hull() {
        let ring = find_border(&TENT, |_| false).unwrap();
        assert_eq!(ring, [[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0], [0.0, 0.0]]);
    }

    #[test]
    fn a_border_triangle_with_a_foreign_molecule_is_cut_out() {
        let below = |corners: [[f64; 2]; 3]| corners.iter().all(|corner| corner[1] < 2.0);
        let ring = find_border(&TENT, below).unwrap();
        assert_eq!(ring, [[0.0, 0.0], [2.0, 1.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0], [0.0, 0.0]]);
        assert_eq!(area(&ring), 14.0);
    }

    #[test]
    fn a_cell_full_of_foreign_molecules_keeps_a_simple_ring_with_all_its_molecules() {
        let ring = find_border(&TENT, |_| true).unwrap();
        assert_valid(&ring);
        // The first cut takes the inner point to the border; any other would pinch the ring.
        assert_eq!(ring.len(), 6);
    }

    #[test]
    fn three_points_are_a_triangle_and_points_on_a_line_are_nothing() {
        let ring = find_border(&[[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]], |_| true).unwrap();
        assert_eq!(ring, [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]);
        assert_eq!(find_border(&[[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]], |_| true), None);
        assert_eq!(find_border(&[[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0]], |_| true), None);
        assert_eq!(find_border(&[[0.0, 0.0], [1.0, 1.0]], |_| true), None);
    }

    #[test]
    fn erosion_goes_on_through_many_passes() {
        // A comb: foreign everywhere; the number of passes exceeds the 100 at which 0.7.1 stops.
        let mut points: Vec<[f64; 2]> =
            (0..60).flat_map(|i| (0..60).map(move |j| [f64::from(i), f64::from(j)])).collect();
        for (at, point) in points.iter_mut().enumerate() {
            point[1] += 0.01 * ((at * 7919) % 101) as f64 / 101.0;
        }
        let ring = find_border(&points, |_| true).unwrap();
        assert_valid(&ring);
        assert!(ring.len() > 1000, "only {} vertices", ring.len());
    }
}
