//! The molecule graph with weaker edges from nuclei into the cytoplasm.

use super::Compartments;
use crate::graph::MoleculeGraph;

/// Molecules up to this probability of being in a nucleus keep their edges.
const MIN_NUCLEUS: f32 = 0.25;
/// Edges of at most this weight are dropped.
const MIN_WEIGHT: f32 = 0.01;

/// Weakens what molecules in nuclei hear from neighbors in the cytoplasm: the weight of the edge
/// from i to j becomes w_ij (1 - P_nucleus(i) P_cytoplasm(j)), and edges of at most 0.01 are dropped
/// unless a molecule would lose all of them.
///
/// So cells grow from nuclei into the cytoplasm, not from the cytoplasm into nuclei. A dropped edge
/// stays in the lists with a weight of 0: cells are connected through it, but it makes no candidate.
///
/// DIFFERS: 0.7.1 documents this, but a mistake in its condition (a constant stands where the
/// molecule's probability is meant) leaves every weight as it was. Source: spec 4.2.3 and A4.
pub fn keep_nuclei_apart(graph: &mut MoleculeGraph, compartments: &Compartments) {
    let probabilities = &compartments.probabilities;
    graph.weaken(MIN_WEIGHT, |molecule| {
        let nucleus = probabilities[molecule][0];
        (nucleus > MIN_NUCLEUS).then_some(move |neighbor: usize| 1.0 - nucleus * probabilities[neighbor][1])
    });
}
