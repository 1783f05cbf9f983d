//! How often genes are neighbors in space.

use rayon::prelude::*;

use crate::data::GeneIdx;
use crate::graph::MoleculeGraph;
use crate::numeric::sparse::SparseSymmetric;
use crate::numeric::stats;

/// Molecules below this confidence do not count, unless hardly any reach it.
const MIN_CONFIDENCE: f32 = 0.95;
/// If fewer than this share of the molecules reach it, the more confident half counts.
const MIN_SHARE: f64 = 0.1;
/// Sums of weights below this do not divide.
const MIN_SCALE: f64 = 0.1;
/// Up to so many genes the sums are kept as a full table: faster, at most 8 MB per thread.
const MAX_DENSE_GENES: usize = 1024;
/// Weights are summed as integers, in units of 2^-32.
///
/// METHOD: integer sums are exact, so neither the order nor the number of threads matters, and
/// the result is symmetric to the bit. A weight is rounded by at most 1.2e-10; 2^32 edges of
/// weight 1 fit.
const UNITS: f64 = 4_294_967_296.0;

/// Correlation of genes in space, `[n_genes, n_genes]`, symmetric, only nonzero entries stored.
///
/// `R[g, h] = A[g, h] / max(sqrt(s[g] s[h]), 0.1)`, where `A[g, h]` sums the weights of graph
/// edges between molecules of genes `g` and `h`, seen from both ends, and `s` those at either
/// gene, each edge seen from both ends too. Only edges between molecules of confidence at least
/// 0.95 count.
///
/// DIFFERS: where hardly any molecule is so confident, the more confident half counts; 0.7.1 finds
/// no correlation then (test `without_confident_molecules_the_better_half_counts`).
///
/// Shapes: `genes` and `confidence` are `[n_molecules]`, as many as the nodes of `graph`.
/// Source: Baysor 0.7.1 `pairwise_gene_spatial_cor`. Draws nothing; the same result for any
/// number of threads.
pub fn gene_correlation(
    genes: &[GeneIdx],
    n_genes: usize,
    graph: &MoleculeGraph,
    confidence: &[f32],
) -> SparseSymmetric {
    let min_confidence = min_confidence(confidence);
    let input = Input { genes, n_genes, graph, confidence, min_confidence };
    let mut sums = if n_genes <= MAX_DENSE_GENES { input.sums_in_table() } else { input.sums_by_gene() };
    let scales: Vec<f64> = sums.par_iter().map(|row| 2.0 * row.iter().map(|entry| entry.1).sum::<f64>()).collect();
    sums.par_iter_mut().enumerate().for_each(|(gene, row)| {
        for (other, value) in row {
            *value /= (scales[gene] * scales[*other as usize]).sqrt().max(MIN_SCALE);
        }
    });
    SparseSymmetric::from_rows(sums)
}

/// The least confidence of a molecule that counts.
fn min_confidence(confidence: &[f32]) -> f32 {
    let n_confident = confidence.iter().filter(|&&value| value >= MIN_CONFIDENCE).count();
    if n_confident as f64 >= MIN_SHARE * confidence.len() as f64 {
        return MIN_CONFIDENCE;
    }
    let mut values: Vec<f64> = confidence.iter().map(|&value| f64::from(value)).collect();
    stats::median(&mut values) as f32
}

/// Sums of weights per pair of genes, a row per gene.
type Rows = Vec<Vec<(u32, f64)>>;

struct Input<'a> {
    genes: &'a [GeneIdx],
    n_genes: usize,
    graph: &'a MoleculeGraph,
    confidence: &'a [f32],
    min_confidence: f32,
}

impl Input<'_> {
    /// Calls `add(gene of neighbor, weight in units)` for the edges of a molecule that count.
    #[inline]
    fn edges_of(&self, molecule: usize, mut add: impl FnMut(usize, u64)) {
        if self.confidence[molecule] < self.min_confidence {
            return;
        }
        let (neighbors, weights) = self.graph.neighbors(molecule);
        for (&neighbor, &weight) in neighbors.iter().zip(weights) {
            if self.confidence[neighbor as usize] >= self.min_confidence {
                add(self.genes[neighbor as usize].idx(), (f64::from(weight) * UNITS).round() as u64);
            }
        }
    }

    /// For few genes: one table per thread, molecules in order.
    fn sums_in_table(&self) -> Rows {
        let n = self.genes.len();
        let chunk = n.div_ceil(rayon::current_num_threads()).max(1);
        let table = (0..n.div_ceil(chunk))
            .into_par_iter()
            .map(|part| {
                let mut table = vec![0u64; self.n_genes * self.n_genes];
                for molecule in part * chunk..((part + 1) * chunk).min(n) {
                    let row = self.genes[molecule].idx() * self.n_genes;
                    self.edges_of(molecule, |gene, weight| table[row + gene] += weight);
                }
                table
            })
            .reduce_with(|mut left, right| {
                left.iter_mut().zip(right).for_each(|(sum, part)| *sum += part);
                left
            })
            .unwrap_or_else(|| vec![0; self.n_genes * self.n_genes]);
        let nonzero = |row: &[u64]| {
            let entries = row.iter().enumerate().filter(|(_, sum)| **sum > 0);
            entries.map(|(gene, &sum)| (gene as u32, sum as f64 / UNITS)).collect()
        };
        table.chunks(self.n_genes.max(1)).map(nonzero).collect()
    }

    /// For many genes: one row at a time, over the molecules of its gene.
    fn sums_by_gene(&self) -> Rows {
        let (offsets, molecules) = self.molecules_by_gene();
        (0..self.n_genes)
            .into_par_iter()
            .map_init(
                || (vec![0u64; self.n_genes], Vec::new()),
                |(row, touched): &mut (Vec<u64>, Vec<u32>), gene| {
                    for &molecule in &molecules[offsets[gene] as usize..offsets[gene + 1] as usize] {
                        self.edges_of(molecule as usize, |other, weight| {
                            if row[other] == 0 {
                                touched.push(other as u32);
                            }
                            row[other] += weight;
                        });
                    }
                    touched.sort_unstable();
                    // A weight that rounds to 0 leaves a gene to be touched again.
                    touched.dedup();
                    let drain = touched.drain(..).map(|other| (other, std::mem::take(&mut row[other as usize])));
                    drain.filter(|entry| entry.1 > 0).map(|(other, sum)| (other, sum as f64 / UNITS)).collect()
                },
            )
            .collect()
    }

    /// Molecules sorted by gene, in order within a gene, and where each gene starts.
    fn molecules_by_gene(&self) -> (Vec<u32>, Vec<u32>) {
        let mut offsets = vec![0u32; self.n_genes + 1];
        for gene in self.genes {
            offsets[gene.idx() + 1] += 1;
        }
        for gene in 0..self.n_genes {
            offsets[gene + 1] += offsets[gene];
        }
        let mut place = offsets.clone();
        let mut molecules = vec![0u32; self.genes.len()];
        for (molecule, gene) in self.genes.iter().enumerate() {
            molecules[place[gene.idx()] as usize] = molecule as u32;
            place[gene.idx()] += 1;
        }
        (offsets, molecules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Edge;

    fn genes(idx: &[usize]) -> Vec<GeneIdx> {
        idx.iter().map(|&gene| GeneIdx::new(gene)).collect()
    }

    #[test]
    fn edges_count_from_both_ends_and_doubtful_molecules_do_not() {
        // 0 (gene a) -1- 1 (gene a) -0.5- 2 (gene b) -1- 3 (doubtful)
        let edge = |a, b, value| Edge { a, b, value };
        let graph = MoleculeGraph::from_edges(4, &[edge(0, 1, 1.0), edge(1, 2, 0.5), edge(2, 3, 1.0)]);
        let found = gene_correlation(&genes(&[0, 0, 1, 1]), 2, &graph, &[1.0, 0.95, 1.0, 0.9]);
        // A = [[2, 0.5], [0.5, 0]]; s = 2 * [2.5, 0.5] = [5, 1].
        assert!((found.at(0, 0) - 2.0 / 5.0).abs() < 1e-9);
        assert!((found.at(0, 1) - 0.5 / 5f64.sqrt()).abs() < 1e-9);
        assert_eq!(found.at(0, 1), found.at(1, 0));
        assert_eq!(found.row(1).0, [0]);
    }

    #[test]
    fn both_ways_of_summing_agree() {
        let n = 200u32;
        let edges: Vec<Edge> = (0..n - 7)
            .flat_map(|a| [1, 3, 7].map(|step| Edge { a, b: a + step, value: 1.0 / (1.0 + step as f32) }))
            .collect();
        let graph = MoleculeGraph::from_edges(n as usize, &edges);
        let genes: Vec<GeneIdx> = (0..n as usize).map(|molecule| GeneIdx::new(molecule * molecule % 11)).collect();
        let confidence = vec![1.0; n as usize];
        let input = Input { genes: &genes, n_genes: 12, graph: &graph, confidence: &confidence, min_confidence: 0.95 };
        assert_eq!(input.sums_in_table(), input.sums_by_gene());
    }

    #[test]
    fn without_confident_molecules_the_better_half_counts() {
        let edge = |a, b| Edge { a, b, value: 1.0 };
        let graph = MoleculeGraph::from_edges(4, &[edge(0, 1), edge(1, 2), edge(2, 3)]);
        let found = gene_correlation(&genes(&[0, 0, 1, 1]), 2, &graph, &[0.9, 0.9, 0.5, 0.4]);
        assert!(found.at(0, 0) > 0.0);
        assert_eq!(found.at(1, 1), 0.0);
    }
}
