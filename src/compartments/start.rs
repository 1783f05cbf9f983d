//! First probabilities, and the molecules whose probabilities are final.

use rayon::prelude::*;

use super::{Compartment, CompartmentError, Markers, Probabilities};
use crate::data::{Molecules, Positions};
use crate::spatial::kdtree::KdTree;

/// Above this probability of being in a compartment at all, molecules of known genes are locked.
const SURELY_INSIDE: f64 = 0.99;
/// Below this probability every molecule is locked as outside.
const SURELY_OUTSIDE: f64 = 0.01;

/// Where the propagation starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// `[n_molecules]`
    pub probabilities: Vec<Probabilities>,
    /// Molecules whose probabilities never change. `[n_molecules]`
    pub is_locked: Vec<bool>,
}

/// Probabilities by gene, and by the distance to molecules of both sets of genes.
///
/// With ρ the larger of the distances to the second nearest molecule of each set (of a member: its
/// nearest other one) and s the scale, a molecule is in a compartment with probability
/// π = 1 - clamp((ρ/s - 1) / 2, 0, 1): for certain up to s, not at all from 3 s on.
pub fn start(molecules: &Molecules, markers: &Markers, scale: f64) -> Result<Start, CompartmentError> {
    let by_gene = markers.by_gene(molecules.n_genes);
    let of_gene = |molecule: usize| by_gene[molecules.genes[molecule].idx()];
    let trees = [("nuclear", Compartment::Nuclei), ("cytoplasmic", Compartment::Cyto)].map(|(list, compartment)| {
        let members: Vec<u32> =
            (0..molecules.len()).filter(|&molecule| of_gene(molecule) == compartment).map(|at| at as u32).collect();
        tree(&molecules.positions, &members, list)
    });
    let [nuclear, cytoplasmic] = trees;
    let (nuclear, cytoplasmic) = (nuclear?, cytoplasmic?);
    let (probabilities, is_locked) = (0..molecules.len())
        .into_par_iter()
        .with_min_len(256)
        .map_init(Vec::new, |found, molecule| {
            let at = molecules.positions.at(molecule);
            let mut second_nearest = |tree: &KdTree| {
                tree.nearest(at, 2, found);
                found.last().map_or(f64::INFINITY, |neighbor| neighbor.distance2)
            };
            let distance = second_nearest(&nuclear).max(second_nearest(&cytoplasmic)).sqrt();
            first(of_gene(molecule), distance / scale)
        })
        .unzip();
    Ok(Start { probabilities, is_locked })
}

/// First probabilities of a molecule, and whether they are final; `distance` is in scales.
fn first(of_gene: Compartment, distance: f64) -> (Probabilities, bool) {
    let inside = 1.0 - ((distance - 1.0) / 2.0).clamp(0.0, 1.0);
    let p = inside as f32;
    let probabilities = match of_gene {
        Compartment::Nuclei => [p, 0.0, 1.0 - p],
        Compartment::Cyto => [0.0, p, 1.0 - p],
        Compartment::Unknown => [0.5 * p, 0.5 * p, 1.0 - p],
    };
    let is_marker = of_gene != Compartment::Unknown;
    (probabilities, inside < SURELY_OUTSIDE || (is_marker && inside > SURELY_INSIDE))
}

fn tree(positions: &Positions, members: &[u32], list: &'static str) -> Result<KdTree, CompartmentError> {
    if members.len() < 2 {
        return Err(CompartmentError::TooFewMolecules { list, n_molecules: members.len() });
    }
    Ok(KdTree::new(positions, Some(members)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probability_of_being_inside_falls_from_one_scale_to_three() {
        assert_eq!(first(Compartment::Nuclei, 1.0), ([1.0, 0.0, 0.0], true));
        assert_eq!(first(Compartment::Cyto, 2.0), ([0.0, 0.5, 0.5], false));
        assert_eq!(first(Compartment::Unknown, 0.5), ([0.5, 0.5, 0.0], false));
        assert_eq!(first(Compartment::Unknown, 3.0), ([0.0, 0.0, 1.0], true));
        assert_eq!(first(Compartment::Nuclei, f64::INFINITY), ([0.0, 0.0, 1.0], true));
    }
}
