//! Connected components.

use super::MoleculeGraph;

/// Numbers the connected parts of the molecules with `is_member`, from 0, by their first molecule;
/// `None` for other molecules. `[n_molecules]`, and the number of parts.
///
/// Weights do not count, edges of weight 0 connect too. Serial, in time proportional to the edges.
pub fn parts(graph: &MoleculeGraph, is_member: impl Fn(usize) -> bool) -> (Vec<Option<u32>>, usize) {
    let mut part_of: Vec<Option<u32>> = vec![None; graph.n_molecules()];
    let mut n_parts = 0;
    let mut stack = Vec::new();
    for first in 0..part_of.len() {
        if part_of[first].is_some() || !is_member(first) {
            continue;
        }
        part_of[first] = Some(n_parts);
        stack.push(first as u32);
        while let Some(molecule) = stack.pop() {
            for &neighbor in graph.neighbors(molecule as usize).0 {
                let part = &mut part_of[neighbor as usize];
                if part.is_none() && is_member(neighbor as usize) {
                    *part = Some(n_parts);
                    stack.push(neighbor);
                }
            }
        }
        n_parts += 1;
    }
    (part_of, n_parts as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Edge;

    #[test]
    fn parts_are_joined_through_members_only() {
        let edges = [(0, 1), (1, 2), (2, 3), (4, 5)].map(|(a, b)| Edge { a, b, value: 1.0 });
        let graph = MoleculeGraph::from_edges(6, &edges);
        let (part_of, n_parts) = parts(&graph, |molecule| molecule != 1);
        assert_eq!(part_of, [Some(0), None, Some(1), Some(1), Some(2), Some(2)]);
        assert_eq!(n_parts, 3);
    }
}
