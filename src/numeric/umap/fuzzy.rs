//! The weighted graph of neighbors that the layout is to show.

use rayon::prelude::*;

use super::Neighbors;
use crate::numeric::elementary::{exp, ln};

const BISECTIONS: usize = 64;
/// Difference to the target at which bisection stops.
const TOLERANCE: f64 = 1e-5;
/// Least width of a kernel, as a share of the mean distance to neighbors.
const LEAST_WIDTH: f64 = 1e-3;

/// A symmetric weighted graph in compressed rows; both directions of every edge are stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FuzzyGraph {
    /// Start of every point's edges, `[n + 1]`.
    pub offsets: Vec<u32>,
    /// Other end of every edge, ascending within a point.
    pub ends: Vec<u32>,
    /// Membership of every edge, in 0..=1.
    pub weights: Vec<f32>,
}

impl FuzzyGraph {
    /// Edges between every point and its neighbors: `exp(-(d - ρ) / σ)`, where ρ is the distance to the nearest
    /// neighbor elsewhere and σ such that memberships sum to log2 k; both directions are joined by
    /// `u + v - u v`. The same for any number of threads.
    pub fn new(neighbors: &Neighbors) -> Self {
        let k = neighbors.k;
        let n = neighbors.n_points();
        let mut directed = vec![0.0f32; n * k];
        directed
            .par_chunks_mut(k.max(1))
            .zip(neighbors.distances.par_chunks(k.max(1)))
            .for_each(|(into, distances)| memberships(distances, into));
        let mut edges: Vec<(u32, u32, f32)> = Vec::with_capacity(2 * n * k);
        for (at, (&end, &weight)) in neighbors.points.iter().zip(&directed).enumerate() {
            let point = (at / k) as u32;
            edges.push((point, end, weight));
            edges.push((end, point, weight));
        }
        edges.par_sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
        let mut graph = Self { offsets: vec![0; n + 1], ends: Vec::new(), weights: Vec::new() };
        for same in edges.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let joined = same.iter().fold(0.0, |joined, edge| joined + edge.2 - joined * edge.2);
            graph.ends.push(same[0].1);
            graph.weights.push(joined);
            graph.offsets[same[0].0 as usize + 1] += 1;
        }
        for point in 0..n {
            graph.offsets[point + 1] += graph.offsets[point];
        }
        graph
    }

    /// Positions of the edges of a point in [`FuzzyGraph::ends`] and [`FuzzyGraph::weights`].
    #[inline]
    pub fn range(&self, point: usize) -> std::ops::Range<usize> {
        self.offsets[point] as usize..self.offsets[point + 1] as usize
    }
}

/// Memberships of one point's neighbors by their distances, which ascend.
fn memberships(distances: &[f32], into: &mut [f32]) {
    let nearest = distances.iter().copied().find(|&distance| distance > 0.0).unwrap_or(0.0);
    let beyond = |distance: f32| f64::from(distance - nearest);
    let target = ln(distances.len() as f64) / std::f64::consts::LN_2;
    let membership =
        |distance: f32, width: f64| if beyond(distance) > 0.0 { exp(-beyond(distance) / width) } else { 1.0 };
    let (mut low, mut high, mut width) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..BISECTIONS {
        let sum: f64 = distances.iter().map(|&distance| membership(distance, width)).sum();
        if (sum - target).abs() < TOLERANCE {
            break;
        }
        if sum > target {
            high = width;
            width = 0.5 * (low + high);
        } else {
            low = width;
            width = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * width };
        }
    }
    let mean = distances.iter().map(|&distance| f64::from(distance)).sum::<f64>() / distances.len().max(1) as f64;
    let width = width.max(LEAST_WIDTH * mean);
    into.iter_mut().zip(distances).for_each(|(into, &distance)| *into = membership(distance, width) as f32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memberships_sum_to_the_logarithm_of_their_number() {
        let distances = [0.5, 0.7, 1.0, 1.1, 2.0, 2.5, 2.6, 3.0];
        let mut found = [0.0; 8];
        memberships(&distances, &mut found);
        assert_eq!(found[0], 1.0);
        assert!((found.iter().sum::<f32>() - 3.0).abs() < 1e-4);
        assert!(found.is_sorted_by(|a, b| a >= b));
        memberships(&[0.0; 8], &mut found);
        assert_eq!(found, [1.0; 8]);
    }

    #[test]
    fn graph_is_symmetric_and_joins_both_directions() {
        // 0 - 1 mutual, 2 -> 0 only.
        let neighbors = Neighbors { k: 1, points: vec![1, 0, 0], distances: vec![1.0, 1.0, 2.0] };
        let graph = FuzzyGraph::new(&neighbors);
        assert_eq!(graph.offsets, [0, 2, 3, 4]);
        assert_eq!(graph.ends, [1, 2, 0, 0]);
        assert_eq!(graph.weights, [1.0, 1.0, 1.0, 1.0]);
    }
}
