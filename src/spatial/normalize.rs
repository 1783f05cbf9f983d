//! Coordinates mapped near the unit square, with coincident points moved apart.

use rayon::prelude::*;

use super::frame::Frame;
use super::kdtree::KdTree;
use crate::data::Positions;
use crate::numeric::draws::Draws;

/// Points nearer to each other than this (in normalised units) are jittered.
const COINCIDENT: f64 = 1e-6;
/// Largest jitter per coordinate, in normalised units.
const JITTER: f64 = 1e-5;

/// Normalised positions.
pub struct Normalized {
    /// Coordinates in [1.01, 1.92], one scale for all axes.
    pub positions: Positions,
    /// How many points were jittered.
    pub n_jittered: usize,
}

/// Maps positions to the unit range of Baysor 0.7.1 (`normalize_points`): minus the minimum of
/// each axis, divided by 1.1 times the largest value, plus 1.01; then moves every point whose
/// nearest other point is closer than 1e-6 by a uniform draw from (-1e-5, 1e-5) per coordinate.
///
/// Jitter is keyed by `ids`. The same result for any number of threads.
pub fn normalize(positions: &Positions, ids: &[u32], jitter: Draws) -> Normalized {
    normalize_in(positions, ids, &Frame::of(positions), jitter)
}

/// [`normalize`] for a part of a slide: minus the minimum and by the extent of the whole, whose frame is `frame`.
pub fn normalize_in(positions: &Positions, ids: &[u32], frame: &Frame, jitter: Draws) -> Normalized {
    let mut normalized = positions.clone();
    let axes = [Some(&mut normalized.x), Some(&mut normalized.y), normalized.z.as_mut()];
    let largest = frame.longest_side();
    // All points at one place: any scale will do.
    let divisor = if largest > 0.0 { 1.1 * largest } else { 1.0 };
    for (axis, low) in axes.into_iter().zip(frame.low).filter_map(|(axis, low)| Some((axis?, low))) {
        axis.par_iter_mut().for_each(|value| *value = (*value - low) / divisor + 1.01);
    }

    let coincident = coincident_points(&normalized);
    for &point in &coincident {
        let id = u64::from(ids[point as usize]);
        let mut axes = [Some(&mut normalized.x), Some(&mut normalized.y), normalized.z.as_mut()];
        for (axis, values) in axes.iter_mut().enumerate() {
            if let Some(values) = values {
                values[point as usize] += JITTER * (2.0 * jitter.at(axis as u64).uniform(id) - 1.0);
            }
        }
    }
    Normalized { positions: normalized, n_jittered: coincident.len() }
}

/// Points that have another one closer than [`COINCIDENT`], ascending.
fn coincident_points(positions: &Positions) -> Vec<u32> {
    let tree = KdTree::new(positions, None);
    (0..positions.len() as u32)
        .into_par_iter()
        .with_min_len(256)
        .map_init(Vec::new, |found, point| {
            tree.nearest(positions.at(point as usize), 2, found);
            let coincides = found.len() > 1 && found[1].distance2 < COINCIDENT * COINCIDENT;
            coincides.then_some(point)
        })
        .flatten_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::draws::Stream;

    #[test]
    fn keeps_proportions_and_moves_only_coincident_points() {
        let positions = Positions { x: vec![10.0, 20.0, 30.0, 30.0], y: vec![5.0, 5.0, 10.0, 10.0], z: None };
        let normalized = normalize(&positions, &[0, 1, 2, 3], Draws::new(1, Stream::Jitter));
        assert_eq!(normalized.n_jittered, 2);
        assert_eq!(normalized.positions.x[0], 1.01);
        assert!((normalized.positions.x[1] - (1.01 + 10.0 / 22.0)).abs() < 1e-15);
        assert!((normalized.positions.y[2] - (1.01 + 5.0 / 22.0)).abs() <= JITTER);
        assert_ne!(normalized.positions.x[2], normalized.positions.x[3]);
    }
}
