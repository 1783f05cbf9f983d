//! A map of genes in which those that occur together are near each other.

use std::fmt;

use rayon::prelude::*;

use crate::numeric::draws::{Draws, Stream};
use crate::numeric::leading::leading;
use crate::numeric::sparse::SparseSymmetric;
use crate::numeric::stats::quantile;
use crate::numeric::umap::{self, Neighbors, UmapParams};

/// Neighbors of a gene at most.
const N_NEIGHBORS: usize = 15;
/// Quantile of the positive correlations, and its divisor, below which genes are unrelated.
const LOW: (f64, f64) = (0.001, 5.0);
/// Quantile of all correlations from which on genes are the same.
const HIGH: f64 = 0.99;
/// Distance of genes that are the same.
const LEAST_DISTANCE: f64 = 1e-3;
/// Epochs for one gene; more genes have fewer, within the limits.
const EPOCHS: usize = 600_000;
const N_EPOCHS: [usize; 2] = [300, 2000];
/// Iteration of the draws for the start, beyond those of the layout and of colors.
const START_DRAWS: u64 = 1 << 33;

/// Why genes have no map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoGeneMap {
    /// Fewer than three genes.
    FewGenes,
    /// No two genes occur together.
    NoCorrelation,
}

impl fmt::Display for NoGeneMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FewGenes => "there are fewer than three genes",
            Self::NoCorrelation => "no two genes occur next to each other",
        })
    }
}

/// Places of all genes in a plane, `[n_genes]`: those that are neighbors in space often are near each other.
///
/// `correlation`, `[n_genes, n_genes]`, symmetric and not negative, says how often; its diagonal has no say. Its distance
/// is `1 - clamp(r, low, high) / high`, with low a fifth of the 0.001 quantile of the positive entries and high the 0.99
/// quantile of all. UMAP with spread 1, minimal distance 0.1 and min(15, n / 2) neighbors lays the genes out, from
/// leading eigenvectors of the correlation. Genes without any correlation come to lie somewhere.
///
/// Source: Baysor 0.7.1, `estimate_gene_structure_embedding`. The same for any number of threads.
/// DIFFERS: where more than 99 % of the entries are 0, `high` is the 0.99 quantile of the positive ones (0.7.1 fails);
/// and instead of 5000 epochs there are 300 (many genes) to 2000, after which nothing moves.
///
/// Errors: fewer than three genes, or no positive correlation of two genes.
pub fn gene_map(correlation: &SparseSymmetric, seed: u64) -> Result<Vec<[f32; 2]>, NoGeneMap> {
    let n = correlation.n();
    if n < 3 {
        return Err(NoGeneMap::FewGenes);
    }
    let [low, high] = limits(correlation).ok_or(NoGeneMap::NoCorrelation)?;
    let similarity = |r: f64| r.clamp(low, high) / high;
    let k = (n / 2).clamp(2, N_NEIGHBORS);
    let draws = Draws::new(seed, Stream::Colors);
    // METHOD: no distance is 0. Neighbors at no distance would not count as the nearest, and others as near as them.
    let neighbors = neighbors(correlation, k, |r| (1.0 - similarity(r)).max(LEAST_DISTANCE));
    let start = start(correlation, similarity, draws);
    let n_epochs = (EPOCHS / n).clamp(N_EPOCHS[0], N_EPOCHS[1]);
    let params = UmapParams { n_neighbors: k, min_dist: 0.1, spread: 1.0, n_epochs };
    Ok(umap::embed_neighbors(&neighbors, start, &params, draws))
}

/// Correlations below which genes are unrelated, and from which on they are the same. `None` without positive ones.
fn limits(correlation: &SparseSymmetric) -> Option<[f64; 2]> {
    let n = correlation.n();
    let of_others = |gene: usize| {
        let (others, values) = correlation.row(gene);
        others.iter().zip(values).filter(move |(other, value)| **other as usize != gene && **value > 0.0)
    };
    if (0..n).all(|gene| of_others(gene).next().is_none()) {
        return None;
    }
    let mut positive: Vec<f64> =
        (0..n).flat_map(|gene| correlation.row(gene).1).copied().filter(|&value| value > 0.0).collect();
    let low = quantile(&mut positive, LOW.0) / LOW.1;
    // The quantile of all entries is one of those stored: the others are 0.
    let rank_from_above = (1.0 - HIGH) * (n * n - 1) as f64;
    let place = 1.0 - rank_from_above / (positive.len().max(2) - 1) as f64;
    let high = quantile(&mut positive, if place > 0.0 { place } else { HIGH });
    Some([low.min(high), high])
}

/// The genes nearest to each, by correlation; those without one by their number, after the gene's own.
fn neighbors(correlation: &SparseSymmetric, k: usize, distance: impl Fn(f64) -> f64 + Sync) -> Neighbors {
    let n = correlation.n();
    let rows: Vec<Vec<(u32, f32)>> = (0..n)
        .into_par_iter()
        .map(|gene| {
            let (others, values) = correlation.row(gene);
            let mut row: Vec<(u32, f64)> = others.iter().copied().zip(values.iter().copied()).collect();
            row.retain(|&(other, value)| other as usize != gene && value > 0.0);
            row.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            row.truncate(k);
            let missing = (1..n).map(|step| ((gene + step) % n) as u32);
            let known: Vec<u32> = row.iter().map(|entry| entry.0).collect();
            let more = missing.filter(|other| !known.contains(other)).take(k - row.len());
            row.extend(more.map(|other| (other, 0.0)));
            row.into_iter().map(|(other, value)| (other, distance(value) as f32)).collect()
        })
        .collect();
    let (points, distances) = rows.into_iter().flatten().unzip();
    Neighbors { k, points, distances }
}

/// Where genes are at first: the second and third eigenvector of the similarities, each row and column divided by the
/// root of its sum. The first would be the sums themselves.
fn start(correlation: &SparseSymmetric, similarity: impl Fn(f64) -> f64, draws: Draws) -> Vec<[f32; 2]> {
    let n = correlation.n();
    let mut rows: Vec<Vec<(u32, f64)>> = (0..n)
        .map(|gene| {
            let (others, values) = correlation.row(gene);
            let of_others =
                others.iter().zip(values).filter(|(other, value)| **other as usize != gene && **value > 0.0);
            of_others.map(|(&other, &value)| (other, similarity(value))).collect()
        })
        .collect();
    let roots: Vec<f64> = rows.iter().map(|row| (row.iter().map(|entry| entry.1).sum::<f64>() + 1e-9).sqrt()).collect();
    for (gene, row) in rows.iter_mut().enumerate() {
        row.iter_mut().for_each(|(other, value)| *value /= roots[gene] * roots[*other as usize]);
    }
    let matrix = SparseSymmetric::from_rows(rows);
    // Eigenvalues are in -1..=1: half of the matrix and half of the identity have none below 0.
    let multiply = |vectors: &[f64], width: usize| {
        let mut product = matrix.multiply(vectors, width);
        product.iter_mut().zip(vectors).for_each(|(value, &own)| *value = 0.5 * (*value + own));
        product
    };
    let Some(found) = leading(n, 3, multiply, draws.at(START_DRAWS)) else { return vec![[0.0; 2]; n] };
    (0..n).map(|gene| [1, 2].map(|vector| found.vectors[vector * n + gene] as f32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A matrix from its upper triangle.
    fn matrix(n: usize, entry: impl Fn(usize, usize) -> f64) -> SparseSymmetric {
        let row = |a: usize| {
            let entries = (0..n).map(|b| (b as u32, entry(a.min(b), a.max(b))));
            entries.filter(|entry| entry.1 != 0.0).collect()
        };
        SparseSymmetric::from_rows((0..n).map(row).collect())
    }

    fn distance([ax, ay]: [f32; 2], [bx, by]: [f32; 2]) -> f32 {
        ((ax - bx).powi(2) + (ay - by).powi(2)).sqrt()
    }

    #[test]
    fn genes_that_occur_together_are_near_each_other() {
        // Gene g is of group g % 3; within groups correlations are high, between them low or, in the second case, none.
        for between in [0.01, 0.0] {
            let jitter = |a: usize, b: usize| 1.0 + 0.1 * ((a * 31 + b * 17) % 10) as f64;
            let correlation = matrix(90, |a, b| jitter(a, b) * if a % 3 == b % 3 { 0.2 } else { between });
            let places = gene_map(&correlation, 1).unwrap();
            assert!(places.iter().flatten().all(|value| value.is_finite()));
            for (gene, &place) in places.iter().enumerate() {
                let mut others: Vec<usize> = (0..90).filter(|&other| other != gene).collect();
                others.sort_by(|&a, &b| distance(place, places[a]).total_cmp(&distance(place, places[b])));
                let n_alike = others[..20].iter().filter(|&&other| other % 3 == gene % 3).count();
                assert!(n_alike >= 19, "{gene}: {n_alike} of 20");
            }
        }
    }

    #[test]
    fn what_has_no_map_says_why() {
        assert_eq!(gene_map(&matrix(2, |_, _| 0.5), 1), Err(NoGeneMap::FewGenes));
        assert_eq!(gene_map(&matrix(0, |_, _| 0.5), 1), Err(NoGeneMap::FewGenes));
        let only_themselves = matrix(6, |a, b| if a == b { 0.5 } else { 0.0 });
        assert_eq!(gene_map(&only_themselves, 1), Err(NoGeneMap::NoCorrelation));
        assert!(NoGeneMap::NoCorrelation.to_string().contains("no two genes"));
    }

    #[test]
    fn sparse_correlations_have_a_map() {
        // Three genes, and fifty of which only two occur together: far more than 99 % of the entries are 0.
        for (n, pairs) in [(3, vec![(0, 1)]), (50, vec![(3, 40)]), (4, vec![(0, 1), (1, 2), (2, 3)])] {
            let correlation = matrix(n, |a, b| if pairs.contains(&(a, b)) { 0.3 } else { 0.0 });
            let places = gene_map(&correlation, 1).unwrap();
            assert!(places.len() == n && places.iter().flatten().all(|value| value.is_finite()));
            assert!((1..n).all(|gene| distance(places[gene], places[0]) > 0.0));
        }
    }

    #[test]
    fn limits_are_quantiles_of_all_entries() {
        // 3 x 3 with values 1 to 9 stored but for a zero: sorted 0, 1, 1, 2, 2, 3, 3, 5, 9.
        let entries = [[0.0, 1.0, 2.0], [1.0, 5.0, 3.0], [2.0, 3.0, 9.0]];
        let [low, high] = limits(&matrix(3, |a, b| entries[a][b])).unwrap();
        let mut all: Vec<f64> = entries.iter().flatten().copied().collect();
        assert!((high - quantile(&mut all, 0.99)).abs() < 1e-12, "{high}");
        assert!((low - 0.2).abs() < 1e-9);
    }

    #[test]
    fn threads_change_nothing() {
        let correlation = matrix(60, |a, b| 1.0 / (1.0 + a.abs_diff(b) as f64));
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
            pool.install(|| gene_map(&correlation, 7))
        };
        assert_eq!(with(1), with(3));
    }
}
