//! Compressed neighbor lists with 32-bit ids and weights.

use rayon::prelude::*;

/// Molecules per block of parallel work.
const BLOCK: usize = 4096;

/// An undirected edge between molecules `a` < `b`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// The molecule of smaller index.
    pub a: u32,
    /// The molecule of larger index.
    pub b: u32,
    /// Length (in normalised coordinates) or weight, as the function that takes it says.
    pub value: f32,
}

/// An undirected weighted graph over molecules; every edge stands in the lists of both its ends.
///
/// The weights at the two ends may differ after [`MoleculeGraph::weaken`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MoleculeGraph {
    /// Start of each molecule's list, `[n_molecules + 1]`.
    offsets: Vec<u32>,
    /// Neighbors, ascending within a list.
    neighbors: Vec<u32>,
    /// Weight of each entry, in 0..=1.
    weights: Vec<f32>,
}

impl MoleculeGraph {
    /// Builds the lists of `n_molecules` from `edges`, each given once, without loops; `value`
    /// is the weight. The order of `edges` does not matter.
    pub fn from_edges(n_molecules: usize, edges: &[Edge]) -> Self {
        let mut offsets = vec![0u32; n_molecules + 1];
        for edge in edges {
            offsets[edge.a as usize + 1] += 1;
            offsets[edge.b as usize + 1] += 1;
        }
        for molecule in 0..n_molecules {
            offsets[molecule + 1] += offsets[molecule];
        }
        let mut place = offsets.clone();
        let mut neighbors = vec![0u32; 2 * edges.len()];
        let mut weights = vec![0f32; 2 * edges.len()];
        for edge in edges {
            for (from, to) in [(edge.a, edge.b), (edge.b, edge.a)] {
                let entry = place[from as usize] as usize;
                place[from as usize] += 1;
                neighbors[entry] = to;
                weights[entry] = edge.value;
            }
        }
        let mut list: Vec<(u32, f32)> = Vec::new();
        for molecule in 0..n_molecules {
            let range = offsets[molecule] as usize..offsets[molecule + 1] as usize;
            if neighbors[range.clone()].is_sorted() {
                continue;
            }
            list.clear();
            list.extend(range.clone().map(|entry| (neighbors[entry], weights[entry])));
            list.sort_unstable_by_key(|entry| entry.0);
            for (entry, &(neighbor, weight)) in range.zip(&list) {
                neighbors[entry] = neighbor;
                weights[entry] = weight;
            }
        }
        Self { offsets, neighbors, weights }
    }

    /// Number of molecules.
    pub fn n_molecules(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Number of edges, each counted once.
    pub fn n_edges(&self) -> usize {
        self.neighbors.len() / 2
    }

    /// Neighbors of a molecule, ascending, and the weights of the edges to them.
    #[inline]
    pub fn neighbors(&self, molecule: usize) -> (&[u32], &[f32]) {
        let range = self.offsets[molecule] as usize..self.offsets[molecule + 1] as usize;
        (&self.neighbors[range.clone()], &self.weights[range])
    }

    /// Range of a molecule's entries in [`Self::all_neighbors`] and [`Self::all_weights`].
    #[inline]
    pub fn range(&self, molecule: usize) -> std::ops::Range<usize> {
        self.offsets[molecule] as usize..self.offsets[molecule + 1] as usize
    }

    /// Multiplies the weights in some lists: `factors` gives, for a molecule, the factor of each of
    /// its neighbors, or `None` to leave its list as it is.
    ///
    /// Weights that fall to `min_weight` or below become 0, which means "connected, but without a
    /// say"; if that would be all of a list, its small weights stay, above 0. Parallel over molecules.
    pub fn weaken<F>(&mut self, min_weight: f32, factors: impl Fn(usize) -> Option<F> + Sync)
    where
        F: Fn(usize) -> f32,
    {
        let Self { offsets, neighbors, weights } = self;
        let mut lists = Vec::with_capacity(offsets.len().saturating_sub(1).div_ceil(BLOCK));
        let (mut rest, mut begin) = (&mut weights[..], 0);
        for first in (0..offsets.len().saturating_sub(1)).step_by(BLOCK) {
            let last = (first + BLOCK).min(offsets.len() - 1);
            let (here, after) = rest.split_at_mut((offsets[last] - begin) as usize);
            lists.push((first..last, begin, here));
            (rest, begin) = (after, offsets[last]);
        }
        lists.into_par_iter().for_each(|(molecules, begin, weights)| {
            for molecule in molecules {
                let Some(factor) = factors(molecule) else { continue };
                let range = offsets[molecule] as usize..offsets[molecule + 1] as usize;
                let neighbors = &neighbors[range.clone()];
                let weights = &mut weights[range.start - begin as usize..range.end - begin as usize];
                for (weight, &neighbor) in weights.iter_mut().zip(neighbors) {
                    *weight *= factor(neighbor as usize);
                }
                let small = if weights.iter().any(|&weight| weight > min_weight) { 0.0 } else { f32::MIN_POSITIVE };
                weights.iter_mut().filter(|weight| **weight <= min_weight).for_each(|weight| {
                    *weight = if small > 0.0 { weight.max(small) } else { 0.0 };
                });
            }
        });
    }

    /// The lists of all molecules, one after another.
    #[inline]
    pub fn all_neighbors(&self) -> &[u32] {
        &self.neighbors
    }

    /// The weights that go with [`Self::all_neighbors`].
    #[inline]
    pub fn all_weights(&self) -> &[f32] {
        &self.weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_symmetric_and_sorted() {
        let edge = |a, b, value| Edge { a, b, value };
        let graph = MoleculeGraph::from_edges(4, &[edge(1, 2, 0.5), edge(0, 2, 0.25), edge(0, 1, 1.0)]);
        assert_eq!(graph.n_edges(), 3);
        assert_eq!(graph.neighbors(0), (&[1u32, 2][..], &[1.0f32, 0.25][..]));
        assert_eq!(graph.neighbors(2), (&[0u32, 1][..], &[0.25f32, 0.5][..]));
        assert_eq!(graph.neighbors(3).0.len(), 0);
    }

    #[test]
    fn weakened_edges_lose_their_say_unless_all_would() {
        let edge = |a, b, value| Edge { a, b, value };
        let mut graph = MoleculeGraph::from_edges(3, &[edge(0, 1, 0.5), edge(0, 2, 1.0), edge(1, 2, 0.5)]);
        graph.weaken(0.01, |molecule| {
            match molecule {
                0 => Some([1.0f32, 0.0, 0.5]),
                1 => Some([0.0, 0.0, 0.0]),
                _ => None,
            }
            .map(|factors| move |neighbor: usize| factors[neighbor])
        });
        assert_eq!(graph.neighbors(0), (&[1u32, 2][..], &[0.0f32, 0.5][..]));
        assert!(graph.neighbors(1).1.iter().all(|&weight| weight > 0.0 && weight < 1e-30));
        assert_eq!(graph.neighbors(2).1, [1.0, 0.5]);
    }
}
