//! The start: centers, and every molecule at the nearest one.

use rayon::prelude::*;

use super::BmmError;
use super::components::Components;
use super::groups::Groups;
use super::params::{Evidence, MIN_CENTER_CONFIDENCE, Params};
use super::shape::Shape;
use super::state::State;
use crate::data::{ComponentIdx, Molecules, Positions};
use crate::numeric::elementary::{LnTable, ln};
use crate::numeric::stats::round_half_even;
use crate::spatial::kdtree::KdTree;

/// Places `n_cells_init` components and assigns every molecule to the nearest center.
///
/// Components are numbered in the order of the molecules at their centers, so that neighbors in
/// space are neighbors in memory. Errors if fewer than two centers can be placed.
/// Source: Baysor 0.7.1 `initialization.jl`.
pub fn start(evidence: &Evidence<'_>, params: &Params) -> Result<State, BmmError> {
    let molecules = evidence.molecules;
    let mut centers = uniform_selection(molecules, evidence.confidence, params.n_cells_init);
    centers.sort_unstable();
    if centers.len() < 2 {
        return Err(BmmError::TooFewCenters {
            n_centers: centers.len(),
            n_molecules: molecules.len(),
            n_cells_init: params.n_cells_init,
        });
    }
    let assignment = nearest_centers(&molecules.positions, &centers);
    let center_positions: Vec<[f64; 3]> =
        centers.iter().map(|&center| molecules.positions.at(center as usize)).collect();
    let shape = Shape::ball(params.scale, molecules.positions.n_dims());
    Ok(State {
        proposal: vec![None; assignment.len()],
        assignment,
        groups: Groups::default(),
        components: Components::at_centers(&center_positions, shape),
        log_noise_density: f64::NEG_INFINITY,
        log_noise_odds: evidence.confidence.iter().map(|&confidence| log_noise_odds(confidence)).collect(),
        logs: LnTable::new(),
        segment_members: segment_members(evidence, params),
    })
}

fn log_noise_odds(confidence: f32) -> f32 {
    let confidence = f64::from(confidence);
    (ln(1.0 - confidence) - ln(confidence)) as f32
}

/// Members of the segments, if these are hard constraints.
fn segment_members(evidence: &Evidence<'_>, params: &Params) -> Groups {
    let mut groups = Groups::default();
    if let Some(segments) = evidence.segments.filter(|_| params.prior_confidence >= 1.0) {
        let mut numbered: Vec<Option<ComponentIdx>> =
            segments.segment_of.iter().map(|segment| segment.map(|s| ComponentIdx::new(s.idx()))).collect();
        groups.regroup(&mut numbered, segments.n_segments, 1);
    }
    groups
}

/// Molecules at evenly spaced ranks of the sum of coordinates, among those that are likely real.
///
/// Equal sums are ranked by molecule id. All candidates, if there are not more than `n`.
fn uniform_selection(molecules: &Molecules, confidence: &[f32], n: usize) -> Vec<u32> {
    let mut candidates: Vec<(f64, u32, u32)> = (0..molecules.len())
        .filter(|&molecule| confidence[molecule] >= MIN_CENTER_CONFIDENCE)
        .map(|molecule| {
            let [x, y, z] = molecules.positions.at(molecule);
            (x + y + z, molecules.ids[molecule], molecule as u32)
        })
        .collect();
    if candidates.len() <= n {
        return candidates.into_iter().map(|(_, _, molecule)| molecule).collect();
    }
    candidates.par_sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let last = (candidates.len() - 1) as f64;
    let mut chosen: Vec<u32> = match n {
        0 => Vec::new(),
        1 => vec![candidates[0].2],
        _ => (0..n)
            .map(|i| {
                // Ranks count from 1 here, as halves round to the even *rank*.
                let rank = round_half_even(1.0 + last * i as f64 / (n - 1) as f64) as usize;
                candidates[rank - 1].2
            })
            .collect(),
    };
    chosen.dedup();
    chosen
}

/// The center nearest to every molecule; of equally near ones the first.
fn nearest_centers(positions: &Positions, centers: &[u32]) -> Vec<Option<ComponentIdx>> {
    let centers = positions.permuted(centers);
    let tree = KdTree::new(&centers, None);
    (0..positions.len())
        .into_par_iter()
        .with_min_len(256)
        .map_init(Vec::new, |found, molecule| {
            tree.nearest(positions.at(molecule), 1, found);
            found.first().map(|nearest| ComponentIdx::new(nearest.point as usize))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::GeneIdx;

    fn on_a_line(n: usize) -> Molecules {
        Molecules {
            ids: (0..n as u32).collect(),
            positions: Positions { x: (0..n).map(|i| i as f64).collect(), y: vec![0.0; n], z: None },
            genes: vec![GeneIdx::new(0); n],
            n_genes: 1,
        }
    }

    #[test]
    fn centers_stand_at_even_ranks() {
        let ranks = |m: usize, n: usize| -> Vec<u32> {
            uniform_selection(&on_a_line(m), &vec![1.0; m], n).iter().map(|molecule| molecule + 1).collect()
        };
        assert_eq!(ranks(10, 4), [1, 4, 7, 10]);
        assert_eq!(ranks(10, 5), [1, 3, 6, 8, 10]);
        assert_eq!(ranks(100, 6), [1, 21, 41, 60, 80, 100]);
        assert_eq!(ranks(3, 6), [1, 2, 3]);
    }

    #[test]
    fn unlikely_molecules_are_no_centers() {
        let confidence = [1.0, 0.1, 1.0, 0.2, 1.0];
        assert_eq!(uniform_selection(&on_a_line(5), &confidence, 5), [0, 2, 4]);
    }

    #[test]
    fn every_molecule_starts_at_the_nearest_center() {
        let assignment = nearest_centers(&on_a_line(6).positions, &[0, 5]);
        let components: Vec<usize> = assignment.into_iter().flatten().map(ComponentIdx::idx).collect();
        assert_eq!(components, [0, 0, 0, 1, 1, 1]);
    }
}
