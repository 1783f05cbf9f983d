//! UMAP: positions in few dimensions that keep neighbors together.
//!
//! Source: McInnes, Healy and Melville, "UMAP: Uniform Manifold Approximation and Projection for
//! Dimension Reduction", 2018. Everything is drawn by keyed draws, and threads cannot change a result.

mod curve;
mod fuzzy;
mod layout;

use rayon::prelude::*;

pub use curve::Curve;
pub use fuzzy::FuzzyGraph;

use super::draws::Draws;
use super::pca::PrincipalAxes;
use super::vector_index::{VectorIndex, VectorSearch};

/// Largest coordinate of a start.
const START_SIZE: f32 = 10.0;
/// Standard deviation of what is added to a start, so that no two points coincide.
const START_NOISE: f32 = 1e-4;

/// Parameters of a layout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UmapParams {
    /// Neighbors of a point, itself not counted.
    pub n_neighbors: usize,
    /// Distance below which points in the layout count as coincident.
    pub min_dist: f64,
    /// Scale of the layout.
    pub spread: f64,
    /// Number of epochs.
    pub n_epochs: usize,
}

impl Default for UmapParams {
    fn default() -> Self {
        Self { n_neighbors: 15, min_dist: 0.1, spread: 1.0, n_epochs: 300 }
    }
}

/// The nearest neighbors of every point, itself left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Neighbors {
    /// Neighbors per point.
    pub k: usize,
    /// Neighbors of every point, nearest first, `[n * k]`.
    pub points: Vec<u32>,
    /// Their distances, `[n * k]`.
    pub distances: Vec<f32>,
}

impl Neighbors {
    /// The `k` nearest neighbors of each of `vectors`, `[n * n_dims]`, exactly; fewer if there are not as many
    /// others. The same for any number of threads.
    pub fn of(vectors: &[f32], n_dims: usize, k: usize) -> Self {
        let index = VectorIndex::new(vectors, n_dims);
        let k = k.min(index.len().saturating_sub(1));
        let found: Vec<(u32, f32)> = vectors
            .par_chunks(n_dims.max(1))
            .enumerate()
            .map_init(VectorSearch::default, |search, (point, vector)| {
                let others = index.nearest(vector, k + 1, search).iter().filter(|near| near.vector != point as u32);
                others.take(k).map(|near| (near.vector, near.distance2.sqrt())).collect::<Vec<_>>()
            })
            .flatten_iter()
            .collect();
        let (points, distances) = found.into_iter().unzip();
        Self { k, points, distances }
    }

    /// Number of points.
    pub fn n_points(&self) -> usize {
        self.points.len() / self.k.max(1)
    }
}

/// Positions in `D` dimensions of `vectors`, `[n * n_dims]`, that keep neighbors together.
///
/// They start from the leading principal components. DIFFERS: the usual start is from eigenvectors of the
/// graph; principal components keep more of what is far from what, and always exist.
pub fn embed<const D: usize>(vectors: &[f32], n_dims: usize, params: &UmapParams, draws: Draws) -> Vec<[f32; D]> {
    let axes = PrincipalAxes::of(vectors, n_dims);
    let mut start = vec![[0.0; D]; vectors.len() / n_dims.max(1)];
    start.par_iter_mut().zip(vectors.par_chunks(n_dims.max(1))).for_each(|(to, vector)| axes.rotate(vector, to));
    let neighbors = Neighbors::of(vectors, n_dims, params.n_neighbors);
    embed_neighbors(&neighbors, start, params, draws)
}

/// Positions in `D` dimensions, from `start`, `[n]` of any size, that keep `neighbors` together.
///
/// Without neighbors they stay where they are. Draws from iterations 0 to `n_epochs` + 1 of `draws`.
pub fn embed_neighbors<const D: usize>(
    neighbors: &Neighbors,
    mut start: Vec<[f32; D]>,
    params: &UmapParams,
    draws: Draws,
) -> Vec<[f32; D]> {
    let largest = start.iter().flatten().fold(0.0f32, |largest, value| largest.max(value.abs()));
    let factor = if largest > 0.0 { START_SIZE / largest } else { 0.0 };
    let noise = draws.at(params.n_epochs as u64 + 1);
    for (at, value) in start.iter_mut().flatten().enumerate() {
        *value = *value * factor + START_NOISE * noise.rough_normal(at as u64) as f32;
    }
    if neighbors.k > 0 {
        let graph = FuzzyGraph::new(neighbors);
        layout::optimize(&graph, &mut start, Curve::fit(params.spread, params.min_dist), params.n_epochs, draws);
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::draws::Stream;

    /// Three clouds of 60 points in ten dimensions.
    fn clouds() -> Vec<f32> {
        let draws = Draws::new(8, Stream::Jitter).at(0);
        (0..180 * 10)
            .map(|at| {
                let (point, dim) = (at / 10, at % 10);
                let center = if dim == point % 3 { 20.0 } else { 0.0 };
                center + draws.rough_normal(at as u64) as f32
            })
            .collect()
    }

    fn distance(a: &[f32; 3], b: &[f32; 3]) -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt()
    }

    #[test]
    fn clouds_stay_together_and_apart() {
        let params = UmapParams { spread: 2.0, ..UmapParams::default() };
        let positions = embed::<3>(&clouds(), 10, &params, Draws::new(1, Stream::Colors));
        for point in 0..180 {
            let mut others: Vec<usize> = (0..180).filter(|&other| other != point).collect();
            others.sort_by(|&a, &b| {
                distance(&positions[point], &positions[a]).total_cmp(&distance(&positions[point], &positions[b]))
            });
            assert!(others[..40].iter().all(|other| other % 3 == point % 3));
        }
        assert!(positions.iter().flatten().all(|value| value.is_finite()));
    }

    #[test]
    fn threads_change_nothing_and_seeds_do() {
        let params = UmapParams { n_epochs: 30, ..UmapParams::default() };
        let with = |threads, seed| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
            pool.install(|| embed::<2>(&clouds(), 10, &params, Draws::new(seed, Stream::Colors)))
        };
        assert_eq!(with(1, 1), with(3, 1));
        assert_ne!(with(1, 1), with(1, 2));
    }

    #[test]
    fn few_and_equal_points_have_positions() {
        for n in 0..6 {
            for vectors in [vec![1.0; n * 4], (0..n * 4).map(|at| at as f32).collect()] {
                let found = embed::<3>(&vectors, 4, &UmapParams::default(), Draws::new(1, Stream::Colors));
                assert_eq!(found.len(), n);
                assert!(found.iter().flatten().all(|value| value.is_finite()));
            }
        }
    }
}
