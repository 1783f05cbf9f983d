//! Shapes of cells whose molecules span no area.

use crate::data::Ring;

/// Smallest half-width of a shape relative to the largest coordinate: 256 steps of an f64, so
/// that rounding cannot fold the shape.
const SMALLEST: f64 = 1.0 / (1u64 << 44) as f64;

/// A thin rhombus along points on (nearly) one line; for points at one place, a rhombus with
/// equal diagonals. Valid for any finite input below 1e150.
///
/// `points`: at least one, sorted by x, then y. `offset`: half the width, in input units.
///
/// DIFFERS: 0.7.1 writes four unclosed vertices, out of order for one molecule, with the width
/// always along x for two, and has no polygon for three or more on a line.
pub(super) fn rhombus(points: &[[f64; 2]], offset: f64) -> Option<Ring> {
    let (&first, &last) = (points.first()?, points.last()?);
    let largest = [first, last].as_flattened().iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    let representable = SMALLEST * largest;
    let offset = offset.max(representable).max(f64::MIN_POSITIVE.sqrt());
    let center = [middle(first[0], last[0]), middle(first[1], last[1])];
    let along = [last[0] - first[0], last[1] - first[1]];
    let length = (along[0] * along[0] + along[1] * along[1]).sqrt();
    if length <= 8.0 * representable || length <= 1e-9 * offset {
        // Too near to each other to tell a direction.
        let [x, y] = center;
        return Some(vec![[x - offset, y], [x, y - offset], [x + offset, y], [x, y + offset], [x - offset, y]]);
    }
    let across = [-along[1] / length * offset, along[0] / length * offset];
    let mut ring = vec![
        first,
        [center[0] - across[0], center[1] - across[1]],
        last,
        [center[0] + across[0], center[1] + across[1]],
    ];
    start_at_smallest(&mut ring);
    ring.push(ring[0]);
    Some(ring)
}

fn middle(a: f64, b: f64) -> f64 {
    a + 0.5 * (b - a)
}

/// Rotates an unclosed ring to its lexicographically smallest vertex.
fn start_at_smallest(ring: &mut [[f64; 2]]) {
    let before = |a: [f64; 2], b: [f64; 2]| a[0] < b[0] || (a[0] == b[0] && a[1] < b[1]);
    let smallest = (1..ring.len()).fold(0, |best, at| if before(ring[at], ring[best]) { at } else { best });
    ring.rotate_left(smallest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polygons::check::assert_valid;

    #[test]
    fn one_molecule_has_a_closed_rhombus_around_it() {
        let ring = rhombus(&[[1.0, 2.0]], 0.5).unwrap();
        assert_eq!(ring, [[0.5, 2.0], [1.0, 1.5], [1.5, 2.0], [1.0, 2.5], [0.5, 2.0]]);
    }

    #[test]
    fn two_molecules_are_the_ends_of_a_rhombus_whatever_their_direction() {
        let ring = rhombus(&[[0.0, 0.0], [4.0, 0.0]], 0.5).unwrap();
        assert_eq!(ring, [[0.0, 0.0], [2.0, -0.5], [4.0, 0.0], [2.0, 0.5], [0.0, 0.0]]);
        let upright = rhombus(&[[0.0, 0.0], [0.0, 4.0]], 0.5).unwrap();
        assert_eq!(upright, [[-0.5, 2.0], [0.0, 0.0], [0.5, 2.0], [0.0, 4.0], [-0.5, 2.0]]);
    }

    #[test]
    fn huge_tiny_and_neighboring_coordinates_keep_an_area() {
        for place in [0.0f64, 1.0, -1e6, 1e16, 1e40, -1e100] {
            for gap in [0.0, f64::EPSILON, 1e-14, 1e-13, 1e-12, 1e-9, 1e-3, 1.0] {
                for (dx, dy) in [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.3, -0.7)] {
                    for offset in [0.0, 1e-300, 1e-12, 0.01, 1e5] {
                        let step = gap * f64::max(place.abs(), 1.0);
                        let points = [[place, place], [place + step * dx, place + step * dy]];
                        assert_valid(&rhombus(&points, offset).unwrap());
                    }
                }
            }
        }
    }
}
