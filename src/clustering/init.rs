//! First profiles of the clusters.

use super::ica;
use crate::data::GeneIdx;
use crate::numeric::draws::Draws;
use crate::numeric::sparse::SparseSymmetric;

/// How the first profiles were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// By independent component analysis.
    Ica {
        /// False if the analysis still moved after its last iteration; its last state was used.
        converged: bool,
    },
    /// Nearly uniform, because independent components could not be computed.
    Fallback,
    /// Those of the slide, whose course was followed.
    Followed,
}

/// Profiles of `k` clusters to start from, `[k * n_genes]`, one profile after another, and how
/// they were found.
///
/// Source: Baysor 0.7.1 `molecule_clustering.jl`. Keyed draws; the same for any number of threads.
pub fn first_profiles(genes: &[GeneIdx], correlation: &SparseSymmetric, k: usize, draws: Draws) -> (Vec<f64>, Start) {
    match ica::unmixing(correlation, k, draws) {
        Some(found) => {
            let mut profiles = found.weights;
            for profile in profiles.chunks_mut(correlation.n()) {
                let total: f64 = profile.iter().map(|weight| weight.abs()).sum();
                profile.iter_mut().for_each(|weight| *weight = weight.abs() / total);
            }
            (profiles, Start::Ica { converged: found.converged })
        }
        None => (nearly_uniform(genes, correlation.n(), k, draws), Start::Fallback),
    }
}

/// The frequencies of genes with some noise and a large pseudo-count.
///
/// KEEPS: the pseudo-count of 0.7.1 makes these almost uniform, and they do not sum to 1. Noise
/// of this size is all that tells clusters apart.
fn nearly_uniform(genes: &[GeneIdx], n_genes: usize, k: usize, draws: Draws) -> Vec<f64> {
    let mut counts = vec![0usize; n_genes];
    for gene in genes {
        counts[gene.idx()] += 1;
    }
    let noise = draws.at(u64::MAX);
    let mut profiles = Vec::with_capacity(k * n_genes);
    for cluster in 0..k {
        let noisy = counts.iter().enumerate().map(|(gene, &count)| {
            let id = (cluster * n_genes + gene) as u64;
            count as f64 / genes.len().max(1) as f64 * (0.95 + 0.1 * noise.uniform(id))
        });
        let start = profiles.len();
        profiles.extend(noisy);
        let total: f64 = profiles[start..].iter().sum();
        profiles[start..].iter_mut().for_each(|value| *value = (*value + 1.0) / (total + 1.0));
    }
    profiles
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::draws::Stream;

    #[test]
    fn without_neighbors_the_start_is_nearly_uniform_but_not_equal() {
        let genes: Vec<GeneIdx> = [0, 1, 1, 2].map(GeneIdx::new).to_vec();
        let draws = Draws::new(1, Stream::Clustering);
        let (profiles, start) = first_profiles(&genes, &SparseSymmetric::from_rows(vec![vec![]; 3]), 2, draws);
        assert_eq!(start, Start::Fallback);
        assert_eq!(profiles.len(), 6);
        assert!(profiles.iter().all(|&value| (0.5..0.8).contains(&value)));
        assert_ne!(profiles[..3], profiles[3..]);
    }
}
