//! Outlines on their way into a page: on a lattice, as differences, simplified if there are very many.

use super::blocks::{push_number, push_signed};
use super::tiles::power_of_two_below;
use crate::spatial::simplify::simplify_ring;

/// A vertex is exact to this share of the radius of a cell.
const STEPS_PER_RADIUS: f64 = 64.0;
/// With more vertices than this, outlines are simplified.
const MAX_VERTICES: usize = 2_000_000;
/// The largest error of simplified outlines, as a share of the radius of a cell.
const LARGEST_ERROR: f64 = 0.5;

/// Outlines of a map, packed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rings {
    /// Length of a step in units of the coordinates.
    pub step: f64,
    /// Number of outlines.
    pub n: usize,
    /// How far a vertex may lie from its simplified outline; 0 if none is simplified.
    pub error: f64,
    /// For every outline: difference of its number to the one before, number of vertices, the first vertex as
    /// difference to the first one of the outline before, the others as differences to the vertex before.
    pub bytes: Vec<u8>,
}

impl Rings {
    /// Packs outlines with their numbers. Rings may be closed or not; those of fewer than three vertices are left out.
    ///
    /// `origin` is that of the lattice, `radius` that of a typical cell. Outlines that are near come one after another.
    pub fn pack<'a>(outlines: impl Iterator<Item = (u32, &'a [[f64; 2]])>, origin: [f64; 2], radius: f64) -> Self {
        let mut outlines: Vec<(u32, &[[f64; 2]])> =
            outlines.map(|(number, ring)| (number, opened(ring))).filter(|(_, ring)| ring.len() >= 3).collect();
        let step = power_of_two_below(radius / STEPS_PER_RADIUS);
        let band = radius * 16.0;
        outlines.sort_by_cached_key(|&(number, ring)| {
            let [column, row] = [0, 1].map(|axis| ((ring[0][axis] - origin[axis]) / band).floor() as i64);
            // Bands of rows, each from left to right and back.
            (row, if row % 2 == 0 { column } else { -column }, number)
        });
        let n_vertices: usize = outlines.iter().map(|(_, ring)| ring.len()).sum();
        let mut error = 0.0;
        let mut simple: Vec<Vec<[f64; 2]>> = Vec::new();
        if n_vertices > MAX_VERTICES {
            error = radius / STEPS_PER_RADIUS;
            loop {
                simple = outlines.iter().map(|(_, ring)| simplify_ring(ring, error)).collect();
                if error >= radius * LARGEST_ERROR || simple.iter().map(Vec::len).sum::<usize>() <= MAX_VERTICES {
                    break;
                }
                error *= 2.0;
            }
        }
        let (mut bytes, mut before, mut first) = (Vec::new(), 0i64, [0i64; 2]);
        for (at, &(number, ring)) in outlines.iter().enumerate() {
            let ring = simple.get(at).map_or(ring, Vec::as_slice);
            push_signed(&mut bytes, i64::from(number) - before);
            push_number(&mut bytes, ring.len() as u64);
            before = i64::from(number);
            let mut last = first;
            for (place, vertex) in ring.iter().enumerate() {
                let steps = [0, 1].map(|axis| ((vertex[axis] - origin[axis]) / step).round() as i64);
                push_signed(&mut bytes, steps[0] - last[0]);
                push_signed(&mut bytes, steps[1] - last[1]);
                last = steps;
                if place == 0 {
                    first = steps;
                }
            }
        }
        Self { step, n: outlines.len(), error, bytes }
    }
}

/// A ring without the repetition of its first vertex.
fn opened(ring: &[[f64; 2]]) -> &[[f64; 2]] {
    match ring {
        [first, middle @ .., last] if !middle.is_empty() && first == last => &ring[..ring.len() - 1],
        _ => ring,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_of_a_square_are_its_sides() {
        let square = [[1.0, 1.0], [2.0, 1.0], [2.0, 2.0], [1.0, 2.0], [1.0, 1.0]];
        let line = [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]];
        let rings = Rings::pack([(3, &square[..]), (4, &line[..])].into_iter(), [0.0; 2], 64.0);
        assert_eq!((rings.step, rings.n, rings.error), (1.0, 1, 0.0));
        assert_eq!(rings.bytes, [6, 4, 2, 2, 2, 0, 0, 2, 1, 0]);
    }
}
