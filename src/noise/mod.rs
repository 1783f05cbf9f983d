//! Molecule confidence: the probability that a molecule is real and not background.
//!
//! Background molecules are sparse, so the distance to the k-th nearest neighbor tells them
//! apart: a mixture of two normals, smoothed by letting graph neighbors vote.

mod fit;

use rayon::prelude::*;

use crate::data::{Molecules, Positions, SegmentIdx};
use crate::graph::MoleculeGraph;
use crate::spatial::kdtree::KdTree;

pub use fit::{NoiseFit, Normal, Sweep, fit, posterior, without_strays};

/// Confidence of every molecule when the data cannot tell: what 0.7.1 assumes without a column.
pub const DEFAULT_CONFIDENCE: f32 = 0.95;

/// A prior segmentation as far as noise is concerned.
#[derive(Clone, Copy, Debug)]
pub struct PriorTrust<'a> {
    /// Segment of every molecule.
    pub segment_of: &'a [Option<SegmentIdx>],
    /// `prior_segmentation_confidence`, 0..=1.
    pub prior_confidence: f64,
}

impl PriorTrust<'_> {
    /// Probability, before any distance is seen, that a molecule is real.
    fn floor(&self, molecule: usize) -> f64 {
        if self.segment_of[molecule].is_some() { self.prior_confidence * self.prior_confidence } else { 0.0 }
    }
}

/// Confidences and the fit they come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Confidence {
    /// Probability of being real, `[n_molecules]`, in 0..=1.
    pub values: Vec<f32>,
    /// The fitted mixture; `None` when all distances are (nearly) equal, as on a grid. Then every
    /// confidence is [`DEFAULT_CONFIDENCE`].
    pub fit: Option<NoiseFit>,
    /// Distances beyond this one, far above the bulk, counted as this one.
    pub longest: f32,
}

/// Distance of every molecule to its `nn_id`-th nearest other molecule, in input units.
///
/// With fewer molecules than that, the farthest one counts. `[n_molecules]`. The same result for
/// any number of threads.
pub fn neighbor_distances(positions: &Positions, nn_id: usize) -> Vec<f32> {
    let tree = KdTree::new(positions, None);
    (0..positions.len())
        .into_par_iter()
        .with_min_len(256)
        .map_init(Vec::new, |found, molecule| distance_in(&tree, positions.at(molecule), nn_id, found))
        .collect()
}

/// [`neighbor_distances`] of some of the molecules, with neighbors among all. `[n_wanted]`
pub fn neighbor_distances_of(positions: &Positions, wanted: &[u32], nn_id: usize) -> Vec<f32> {
    let tree = KdTree::new(positions, None);
    wanted
        .par_iter()
        .with_min_len(256)
        .map_init(Vec::new, |found, &molecule| distance_in(&tree, positions.at(molecule as usize), nn_id, found))
        .collect()
}

fn distance_in(tree: &KdTree, at: [f64; 3], nn_id: usize, found: &mut Vec<crate::spatial::kdtree::Neighbor>) -> f32 {
    tree.nearest(at, nn_id + 1, found);
    found.last().map_or(0.0, |farthest| farthest.distance2.sqrt() as f32)
}

/// Estimates every molecule's confidence from the distance to its `nn_id`-th neighbor.
///
/// Model: two normals, with the labels smoothed over `graph` (the unfiltered molecule graph)
/// while fitting; the reported confidence is a function of the distance and the prior alone.
/// Source: Petukhov et al. 2022, Methods; Baysor 0.7.1 `noise_estimation.jl`.
/// Draws nothing; the same result for any number of threads.
///
/// DIFFERS: a molecule nearer to its neighbors than at the surest distance is as real as one there.
/// In 0.7.1 the wide background normal overtakes the narrow signal at very small distances, and
/// the densest molecules are called noise (test `the_densest_molecules_are_not_noise`). Distances
/// far above the bulk are shortened before the fit (test `one_stray_does_not_move_the_background`).
pub fn estimate(
    molecules: &Molecules,
    nn_id: usize,
    graph: &MoleculeGraph,
    prior: Option<PriorTrust<'_>>,
) -> Confidence {
    estimate_from(neighbor_distances(&molecules.positions, nn_id), graph, prior)
}

/// [`estimate`] from the distances that [`neighbor_distances`] gives.
pub fn estimate_from(mut distances: Vec<f32>, graph: &MoleculeGraph, prior: Option<PriorTrust<'_>>) -> Confidence {
    let longest = without_strays(&mut distances);
    let Some(fit) = fit(&distances, graph, prior, Sweep::Blocks) else {
        return Confidence { values: vec![DEFAULT_CONFIDENCE; distances.len()], fit: None, longest };
    };
    Confidence { values: values(&distances, &fit, longest, prior), fit: Some(fit), longest }
}

/// Confidences by the fit of a slide. `distances`: of some of its molecules, as [`neighbor_distances`] gives them.
///
/// `longest`: beyond it distances do not count; see [`Confidence::longest`]. `[n_molecules]`
pub fn values(distances: &[f32], fit: &NoiseFit, longest: f32, prior: Option<PriorTrust<'_>>) -> Vec<f32> {
    let surest = fit.surest_distance();
    distances
        .par_iter()
        .enumerate()
        .map(|(molecule, &distance)| {
            let real = posterior(fit, f64::from(distance.min(longest)).max(surest));
            with_prior(real, prior, molecule) as f32
        })
        .collect()
}

/// `κ + p (1 - κ)`, where κ is the prior's share.
fn with_prior(real: f64, prior: Option<PriorTrust<'_>>, molecule: usize) -> f64 {
    let floor = prior.map_or(0.0, |prior| prior.floor(molecule));
    floor + real * (1.0 - floor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::GeneIdx;
    use crate::graph;
    use crate::numeric::draws::{Draws, Stream};

    /// A dense square in the middle of a sparse one.
    fn dense_patch() -> Molecules {
        let draws = Draws::new(9, Stream::Jitter);
        let (dense, sparse) = (900, 300);
        let axis = |which: u64| {
            (0..dense + sparse)
                .map(|i| {
                    let u = draws.at(which).uniform(i as u64);
                    if i < dense { 40.0 + 20.0 * u } else { 100.0 * u }
                })
                .collect::<Vec<f64>>()
        };
        Molecules {
            ids: (0..(dense + sparse) as u32).collect(),
            positions: Positions { x: axis(0), y: axis(1), z: None },
            genes: vec![GeneIdx::new(0); dense + sparse],
            n_genes: 1,
        }
    }

    fn unfiltered(molecules: &Molecules) -> MoleculeGraph {
        graph::weigh(&graph::build(molecules, Draws::new(1, Stream::Jitter)))
    }

    #[test]
    fn dense_molecules_are_real_and_sparse_ones_are_not() {
        let molecules = dense_patch();
        let confidence = estimate(&molecules, 5, &unfiltered(&molecules), None);
        let mean = |range: std::ops::Range<usize>| {
            let n = range.len() as f32;
            confidence.values[range].iter().sum::<f32>() / n
        };
        // The 300 scattered molecules include about 12 that fall into the patch.
        assert!(mean(0..900) > 0.95, "{}", mean(0..900));
        assert!(mean(900..1200) < 0.15, "{}", mean(900..1200));
    }

    #[test]
    fn the_densest_molecules_are_not_noise() {
        let mut molecules = dense_patch();
        for i in 0..8 {
            molecules.positions.x[i] = 50.0 + 1e-4 * i as f64;
            molecules.positions.y[i] = 50.0 - 2e-4 * i as f64;
        }
        let confidence = estimate(&molecules, 5, &unfiltered(&molecules), None);
        let densest = confidence.values[..8].iter().copied().fold(1.0, f32::min);
        assert!(densest > 0.9, "{densest}");
    }

    #[test]
    fn a_grid_gives_no_evidence_rather_than_an_error() {
        let mut molecules = dense_patch();
        for i in 0..molecules.len() {
            molecules.positions.x[i] = (i % 35) as f64;
            molecules.positions.y[i] = (i / 35) as f64;
        }
        let confidence = estimate(&molecules, 3, &unfiltered(&molecules), None);
        assert!(confidence.values.iter().all(|&value| value.is_finite() && value >= 0.25));
    }

    #[test]
    fn trusted_segments_raise_confidence_to_at_least_the_square_of_the_trust() {
        let molecules = dense_patch();
        let segment_of = vec![Some(SegmentIdx::new(0)); molecules.len()];
        let prior = PriorTrust { segment_of: &segment_of, prior_confidence: 0.8 };
        let confidence = estimate(&molecules, 5, &unfiltered(&molecules), Some(prior));
        assert!(confidence.values.iter().all(|&value| value >= 0.64 - 1e-6));
    }

    #[test]
    fn one_molecule_has_no_neighbor_and_no_crash() {
        let positions = Positions { x: vec![1.0], y: vec![1.0], z: None };
        assert_eq!(neighbor_distances(&positions, 5), [0.0]);
    }
}
