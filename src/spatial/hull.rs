//! Convex hull and its area.

/// The convex hull of points, by Andrew's monotone chain. Sorts `points`.
///
/// Returns a closed ring, `[n_vertices + 1]` pairs of x, y: it starts at the lexicographically
/// smallest point, follows the upper chain first (clockwise when y points up) and repeats its
/// start at the end. Repeated points and points on an edge are dropped. One distinct point gives
/// `[p, p]`, points on one line `[a, b, a]`, no points an empty ring.
///
/// Source: spec 8.1. Draws nothing; the order of `points` does not matter.
pub fn convex_hull(points: &mut [[f64; 2]]) -> Vec<[f64; 2]> {
    // Adding 0.0 makes the two zeros one number, as they are in the tests for equality below.
    let key = |value: f64| value + 0.0;
    points.sort_unstable_by(|a, b| key(a[0]).total_cmp(&key(b[0])).then(key(a[1]).total_cmp(&key(b[1]))));
    let Some(&start) = points.first() else { return Vec::new() };
    let mut ring = Vec::with_capacity(16);
    extend_chain(&mut ring, points.iter().copied());
    if ring.len() == 1 {
        return vec![start, start];
    }
    extend_chain(&mut ring, points.iter().rev().copied());
    ring
}

/// Appends one chain: the outermost points from the first to the last of `points`, turning right only.
/// The last vertex of an earlier chain is the first of this one.
fn extend_chain(ring: &mut Vec<[f64; 2]>, points: impl Iterator<Item = [f64; 2]>) {
    let first = ring.len().saturating_sub(1);
    for point in points {
        if ring.last() == Some(&point) {
            continue;
        }
        while ring.len() >= first + 2 && turn(ring[ring.len() - 2], ring[ring.len() - 1], point) >= 0.0 {
            ring.pop();
        }
        ring.push(point);
    }
}

/// Positive when the way a, b, c turns left, negative when right, zero when straight on.
fn turn(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// The area inside a simple closed ring, in squared input units, by the shoelace formula. 0 for
/// rings without inside; the direction of the ring does not matter.
///
/// METHOD: the sum runs over triangles with the first vertex, because products of coordinates far
/// from the origin would cancel and take the digits of a small cell with them.
pub fn area(ring: &[[f64; 2]]) -> f64 {
    let Some(&first) = ring.first() else { return 0.0 };
    let doubled: f64 = ring.windows(2).map(|edge| turn(first, edge[0], edge[1])).sum();
    doubled.abs() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: [[f64; 2]; 5] = [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 1.0]];

    fn hull_with(more: &[[f64; 2]]) -> Vec<[f64; 2]> {
        let mut points = SQUARE.to_vec();
        points.extend_from_slice(more);
        convex_hull(&mut points)
    }

    #[test]
    fn square_starts_at_its_smallest_corner_and_goes_up_first() {
        let ring = hull_with(&[]);
        assert_eq!(ring, [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]]);
        assert_eq!(area(&ring), 1.0);
    }

    #[test]
    fn points_on_an_edge_are_dropped() {
        let ring = hull_with(&[[0.0, 2.0], [2.0, 0.0]]);
        assert_eq!(ring, [[0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [0.0, 0.0]]);
        assert_eq!(area(&ring), 2.0);
        let ring = hull_with(&[[0.0, 2.0], [2.0, 0.0], [2.0, 2.0]]);
        assert_eq!(ring, [[0.0, 0.0], [0.0, 2.0], [2.0, 2.0], [2.0, 0.0], [0.0, 0.0]]);
        assert_eq!(area(&ring), 4.0);
    }

    #[test]
    fn degenerate_input_has_a_ring_without_area() {
        assert!(convex_hull(&mut []).is_empty());
        assert_eq!(convex_hull(&mut [[3.0, 4.0], [3.0, 4.0]]), [[3.0, 4.0], [3.0, 4.0]]);
        let line = convex_hull(&mut [[1.0, 1.0], [3.0, 3.0], [2.0, 2.0], [0.0, 0.0]]);
        assert_eq!(line, [[0.0, 0.0], [3.0, 3.0], [0.0, 0.0]]);
        assert_eq!(area(&line), 0.0);
        assert_eq!(area(&[]), 0.0);
    }

    #[test]
    fn the_two_zeros_are_one_coordinate() {
        let ring = convex_hull(&mut [[-0.0, 1.0], [0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]);
        assert_eq!(ring, [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]);
    }

    #[test]
    fn area_keeps_its_digits_far_from_the_origin() {
        let ring = [[1e9, 1e9], [1e9, 1e9 + 0.5], [1e9 + 0.5, 1e9 + 0.5], [1e9 + 0.5, 1e9], [1e9, 1e9]];
        assert_eq!(area(&ring), 0.25);
    }
}
