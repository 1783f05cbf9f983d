//! From positions to the molecule graph: edges, the long-edge filter, weights.

use rayon::prelude::*;

use super::{Edge, MoleculeGraph};
use crate::data::Molecules;
use crate::numeric::draws::Draws;
use crate::numeric::stats;
use crate::spatial::delaunay;
use crate::spatial::frame::Frame;
use crate::spatial::kdtree::KdTree;
use crate::spatial::normalize;

/// Neighbors per molecule in the 3D graph.
const N_NEIGHBORS_3D: usize = 5;
/// Edges whose log length lies this many deviations above the median are too long.
const LONG_EDGE_DEVIATIONS: f64 = 2.0;
/// Edges up to this quantile of lengths have weight 1.
const FULL_WEIGHT_QUANTILE: f64 = 0.3;

/// Who neighbors whom in space, before weights: the base of all graphs of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct SpatialGraph {
    /// Number of molecules.
    pub n_molecules: usize,
    /// Edges with their lengths in normalised coordinates (see [`normalize`]), sorted by ends.
    pub edges: Vec<Edge>,
    /// How many molecules were jittered because another one lies at (nearly) the same place.
    pub n_jittered: usize,
}

/// Joins molecules that are neighbors in space: by Delaunay triangulation in 2D, by the union of
/// five nearest neighbors in 3D.
///
/// Source: Baysor 0.7.1 `triangulation.jl`. Draws the jitter of coincident molecules, keyed by
/// molecule id. The same result for any number of threads.
///
/// DIFFERS: all edges of the convex hull are present; 0.7.1 loses some to the artificial corners
/// of its triangulation library.
pub fn build(molecules: &Molecules, jitter: Draws) -> SpatialGraph {
    build_in(molecules, &Frame::of(&molecules.positions), jitter)
}

/// [`build`] for a part of a slide whose frame is `frame`: away from the rim of the part the graph is that of the
/// whole slide.
pub fn build_in(molecules: &Molecules, frame: &Frame, jitter: Draws) -> SpatialGraph {
    let normalized = normalize::normalize_in(&molecules.positions, &molecules.ids, frame, jitter);
    let points = &normalized.positions;
    let n_molecules = points.len();
    let pairs = match points.z {
        None => {
            let planar: Vec<[f64; 2]> = points.x.iter().zip(&points.y).map(|(&x, &y)| [x, y]).collect();
            delaunay::edges(&planar)
        }
        Some(_) => nearest_neighbor_pairs(points),
    };
    let edges = pairs
        .into_iter()
        .map(|[a, b]| {
            let (p, q) = (points.at(a as usize), points.at(b as usize));
            let square = |axis: usize| (p[axis] - q[axis]) * (p[axis] - q[axis]);
            Edge { a, b, value: (square(0) + square(1) + square(2)).sqrt() as f32 }
        })
        .collect();
    SpatialGraph { n_molecules, edges, n_jittered: normalized.n_jittered }
}

/// Pairs of molecules of which at least one is among the other's nearest; sorted, each once.
fn nearest_neighbor_pairs(points: &crate::data::Positions) -> Vec<[u32; 2]> {
    let tree = KdTree::new(points, None);
    let n_molecules = points.len() as u32;
    let mut pairs: Vec<[u32; 2]> = (0..n_molecules)
        .into_par_iter()
        .with_min_len(256)
        .map_init(Vec::new, |found, molecule| {
            tree.nearest(points.at(molecule as usize), N_NEIGHBORS_3D + 1, found);
            let others = found.iter().map(|neighbor| neighbor.point).filter(|&other| other != molecule);
            let pairs: Vec<[u32; 2]> =
                others.take(N_NEIGHBORS_3D).map(|other| [molecule.min(other), molecule.max(other)]).collect();
            pairs
        })
        .flatten_iter()
        .collect();
    pairs.par_sort_unstable();
    pairs.dedup();
    pairs
}

/// What is usual among the edges of a slide. Lengths are in normalized coordinates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EdgeLengths {
    /// log10 of the length from which on edges are too long; `None` keeps all.
    pub log_limit: Option<f64>,
    /// Edges up to this length have weight 1; the 0.3 quantile of the lengths of those that are kept.
    pub full_weight: f64,
}

impl EdgeLengths {
    /// Measures the edges of a slide.
    pub fn of(graph: &SpatialGraph) -> Self {
        let log_limit = long_edge_limit(graph);
        let is_kept = |edge: &&Edge| log_limit.is_none_or(|limit| log_length(edge.value) < limit);
        let lengths = graph.edges.iter().filter(is_kept).map(|edge| f64::from(edge.value)).collect();
        Self { log_limit, full_weight: full_weight_length(lengths) }
    }

    /// The weighted graph without long edges: the graph of the model.
    ///
    /// With the lengths of its own slide it is what [`filter_long_edges`] and [`weigh`] give.
    pub fn apply(&self, mut graph: SpatialGraph) -> MoleculeGraph {
        if let Some(limit) = self.log_limit {
            graph.edges.retain(|edge| log_length(edge.value) < limit);
        }
        weigh_from(&graph, self.full_weight)
    }
}

/// Removes edges that are much longer than usual: log10 length at or above median + 2 MAD.
///
/// Source: Baysor 0.7.1 `filter_long_edges`. On for the model and the clustering, off for noise.
pub fn filter_long_edges(graph: &mut SpatialGraph) {
    if let Some(limit) = long_edge_limit(graph) {
        graph.edges.retain(|edge| log_length(edge.value) < limit);
    }
}

fn long_edge_limit(graph: &SpatialGraph) -> Option<f64> {
    let mut logs: Vec<f64> = graph.edges.par_iter().map(|edge| log_length(edge.value)).collect();
    let center = stats::median(&mut logs);
    let limit = center + LONG_EDGE_DEVIATIONS * stats::mad(&mut logs);
    (limit > center).then_some(limit)
}

fn log_length(length: f32) -> f64 {
    crate::numeric::elementary::ln(f64::from(length)) * std::f64::consts::LOG10_E
}

/// The weighted graph: `w = d0 / max(d, d0)` with `d0` the 0.3 quantile of the edge lengths.
///
/// Source: Baysor 0.7.1 `build_molecule_graph`.
pub fn weigh(graph: &SpatialGraph) -> MoleculeGraph {
    weigh_from(graph, full_weight_length(graph.edges.iter().map(|edge| f64::from(edge.value)).collect()))
}

fn full_weight_length(mut lengths: Vec<f64>) -> f64 {
    stats::quantile(&mut lengths, FULL_WEIGHT_QUANTILE)
}

fn weigh_from(graph: &SpatialGraph, reference: f64) -> MoleculeGraph {
    let weighted: Vec<Edge> = graph
        .edges
        .iter()
        .map(|edge| {
            let length = f64::from(edge.value);
            let weight = if length <= reference { 1.0 } else { reference / length };
            Edge { value: weight as f32, ..*edge }
        })
        .collect();
    MoleculeGraph::from_edges(graph.n_molecules, &weighted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{GeneIdx, Positions};
    use crate::numeric::draws::Stream;

    fn molecules(x: Vec<f64>, y: Vec<f64>, z: Option<Vec<f64>>) -> Molecules {
        let n = x.len();
        Molecules {
            ids: (0..n as u32).collect(),
            positions: Positions { x, y, z },
            genes: vec![GeneIdx::new(0); n],
            n_genes: 1,
        }
    }

    fn jitter() -> Draws {
        Draws::new(1, Stream::Jitter)
    }

    #[test]
    fn three_molecules_make_a_triangle_weighted_by_length() {
        let graph = build(&molecules(vec![0.0, 3.0, 0.0], vec![0.0, 0.0, 4.0], None), jitter());
        assert_eq!(graph.edges.len(), 3);
        let weighted = weigh(&graph);
        // Lengths 3, 4, 5: the 0.3 quantile is 3.6.
        let (neighbors, weights) = weighted.neighbors(1);
        assert_eq!(neighbors, [0, 2]);
        assert!((f64::from(weights[0]) - 1.0).abs() < 1e-6);
        assert!((f64::from(weights[1]) - 3.6 / 5.0).abs() < 1e-6);
    }

    #[test]
    fn a_far_molecule_loses_its_edges() {
        let side = 10;
        let mut x: Vec<f64> = (0..side * side).map(|i| f64::from(i % side) + 0.01 * f64::from(i * 7 % 13)).collect();
        let mut y: Vec<f64> = (0..side * side).map(|i| f64::from(i / side) + 0.01 * f64::from(i * 5 % 11)).collect();
        x.push(100.0);
        y.push(100.0);
        let mut graph = build(&molecules(x, y, None), jitter());
        let far = (side * side) as u32;
        assert!(graph.edges.iter().any(|edge| edge.b == far));
        filter_long_edges(&mut graph);
        assert!(graph.edges.iter().all(|edge| edge.b != far));
    }

    #[test]
    fn coincident_molecules_are_joined() {
        let graph = build(&molecules(vec![0.0, 5.0, 0.0, 2.0], vec![0.0, 0.0, 0.0, 7.0], None), jitter());
        assert_eq!(graph.n_jittered, 2);
        assert!(graph.edges.iter().any(|edge| (edge.a, edge.b) == (0, 2)));
    }

    #[test]
    fn three_dimensional_neighbors_are_mutual_or_not_but_listed_once() {
        let n = 40;
        let line: Vec<f64> = (0..n).map(f64::from).collect();
        let graph = build(&molecules(line.clone(), line.clone(), Some(line)), jitter());
        assert!(graph.edges.windows(2).all(|pair| (pair[0].a, pair[0].b) < (pair[1].a, pair[1].b)));
        assert!(graph.edges.iter().any(|edge| (edge.a, edge.b) == (0, 5)));
    }

    #[test]
    fn a_part_has_the_graph_of_the_whole_away_from_its_rim() {
        let draws = jitter().at(7);
        let axis = |which: u64| (0..3000u64).map(|i| 30.0 * draws.uniform(3 * i + which)).collect::<Vec<f64>>();
        for z in [None, Some(axis(2))] {
            let whole = molecules(axis(0), axis(1), z);
            let frame = Frame::of(&whole.positions);
            let rows: Vec<u32> = (0..3000).filter(|&row| whole.positions.x[row as usize] < 20.0).collect();
            let part = whole.permuted(&rows);
            let spatial = build(&whole, jitter());
            let lengths = EdgeLengths::of(&spatial);
            let mut filtered = spatial.clone();
            filter_long_edges(&mut filtered);
            let of_whole = lengths.apply(spatial);
            assert_eq!(of_whole, weigh(&filtered));
            let of_part = lengths.apply(build_in(&part, &frame, jitter()));
            for (row, &molecule) in rows.iter().enumerate().filter(|(_, id)| whole.positions.x[**id as usize] < 12.0) {
                let (neighbors, weights) = of_part.neighbors(row);
                let named: Vec<u32> = neighbors.iter().map(|&at| rows[at as usize]).collect();
                assert_eq!((&named[..], weights), of_whole.neighbors(molecule as usize));
            }
        }
    }
}
