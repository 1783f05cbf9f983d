//! How much cells that touch are alike: halves of one cell are more alike than neighbors in a tissue.

use rayon::prelude::*;

use super::{CellCounts, CellStats};
use crate::data::{CellIdx, Positions};
use crate::spatial::kdtree::KdTree;

/// Cells looked at, at most; of more every so many.
const N_SAMPLED: usize = 20_000;
/// Fewer cells tell nothing.
const LEAST_CELLS: usize = 20;

/// Likeness of pairs of cells, in -1..=1: the correlation of their profiles, less what all cells have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Likeness {
    /// Of every sampled cell and the cell whose center is the nearest.
    pub of_neighbors: Vec<f64>,
    /// Of every sampled cell and one that stands half the table further on.
    pub of_strangers: Vec<f64>,
}

impl Likeness {
    /// Compares cells of at least `min_molecules`; empty if there are fewer than twenty of them.
    ///
    /// METHOD: a profile holds the square roots of the shares of the genes, whose noise is alike for rare and frequent
    /// genes; the mean profile of all cells is taken off. Cells of a tissue are numbered without regard to place, so the
    /// cell half the table further on is any cell. If neighbors are much more alike than such strangers, then either
    /// cells of a kind keep together, or many cells are parts of one.
    ///
    /// Draws nothing; the same for any number of threads.
    pub fn of(stats: &CellStats, counts: &CellCounts, min_molecules: usize) -> Self {
        let large = |&cell: &u32| stats.n_transcripts[cell as usize] as usize >= min_molecules.max(1);
        let cells: Vec<u32> = (0..stats.n_cells() as u32).filter(large).collect();
        if cells.len() < LEAST_CELLS {
            return Self::default();
        }
        let positions = Positions { x: stats.x.clone(), y: stats.y.clone(), z: stats.z.clone() };
        let tree = KdTree::new(&positions, Some(&cells));
        let profiles = Profiles::new(counts, &cells);
        let step = cells.len().div_ceil(N_SAMPLED);
        let sampled: Vec<usize> = (0..cells.len()).step_by(step).collect();
        let pairs: Vec<(f64, f64)> = sampled
            .par_iter()
            .map_init(Vec::new, |found, &at| {
                tree.nearest(positions.at(cells[at] as usize), 2, found);
                let neighbor = found.iter().map(|neighbor| neighbor.point).find(|&point| point != cells[at]);
                let stranger = cells[(at + cells.len() / 2) % cells.len()];
                let with = |other: u32| profiles.correlation(cells[at], other);
                (neighbor.map_or(f64::NAN, with), with(stranger))
            })
            .collect();
        let (of_neighbors, of_strangers) = pairs.into_iter().unzip();
        Self { of_neighbors, of_strangers }
    }
}

/// Profiles of cells, as sparse as the counts, and their mean.
struct Profiles<'a> {
    counts: &'a CellCounts,
    mean: Vec<f64>,
    mean2: f64,
}

impl<'a> Profiles<'a> {
    fn new(counts: &'a CellCounts, cells: &[u32]) -> Self {
        let mut mean = vec![0.0; counts.n_genes];
        for &cell in cells {
            profile(counts, cell).for_each(|(gene, value)| mean[gene] += value);
        }
        mean.iter_mut().for_each(|value| *value /= cells.len() as f64);
        let mean2 = mean.iter().map(|value: &f64| value * value).sum();
        Self { counts, mean, mean2 }
    }

    /// Cosine of the angle between two profiles, each less the mean.
    fn correlation(&self, one: u32, other: u32) -> f64 {
        let (mut dot, mut others) = (0.0, profile(self.counts, other).peekable());
        for (gene, value) in profile(self.counts, one) {
            while others.next_if(|next| next.0 < gene).is_some() {}
            if let Some((_, second)) = others.next_if(|next| next.0 == gene) {
                dot += value * second;
            }
        }
        let (a, b) = (self.along_mean(one), self.along_mean(other));
        let norm = |along: f64| (1.0 - 2.0 * along + self.mean2).max(0.0).sqrt();
        (dot - a - b + self.mean2) / (norm(a) * norm(b))
    }

    fn along_mean(&self, cell: u32) -> f64 {
        profile(self.counts, cell).map(|(gene, value)| value * self.mean[gene]).sum()
    }
}

/// Square roots of the shares of a cell's genes, genes ascending; the squares sum to 1.
fn profile(counts: &CellCounts, cell: u32) -> impl Iterator<Item = (usize, f64)> + '_ {
    let cell = CellIdx::new(cell as usize);
    let total: f64 = counts.of(cell).map(|(_, n)| f64::from(n)).sum();
    counts.of(cell).map(move |(gene, n)| (gene.idx(), (f64::from(n) / total).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::GeneIdx;

    /// Cells in pairs along a line, every pair of one gene of its own besides a common one.
    fn pairs(n_pairs: usize) -> (CellStats, CellCounts) {
        let n = 2 * n_pairs;
        let x = (0..n).map(|cell| (cell / 2 * 10 + cell % 2) as f64).collect();
        let stats = CellStats { x, y: vec![0.0; n], n_transcripts: vec![10; n], ..CellStats::default() };
        let genes = (0..n).flat_map(|cell| [GeneIdx::new(0), GeneIdx::new(1 + cell / 2)]).collect();
        let offsets = (0..=n as u32).map(|cell| 2 * cell).collect();
        (stats, CellCounts { n_genes: 1 + n_pairs, offsets, genes, n: vec![5; 2 * n] })
    }

    #[test]
    fn halves_of_a_cell_are_alike_and_strangers_are_not() {
        let (stats, counts) = pairs(12);
        let Likeness { of_neighbors, of_strangers } = Likeness::of(&stats, &counts, 5);
        assert_eq!((of_neighbors.len(), of_strangers.len()), (24, 24));
        assert!(of_neighbors.iter().all(|likeness| (likeness - 1.0).abs() < 1e-9), "{of_neighbors:?}");
        assert!(of_strangers.iter().all(|likeness| *likeness < 0.0), "{of_strangers:?}");
    }

    #[test]
    fn few_cells_tell_nothing() {
        let (stats, counts) = pairs(9);
        assert_eq!(Likeness::of(&stats, &counts, 5), Likeness::default());
        let (stats, counts) = pairs(12);
        assert_eq!(Likeness::of(&stats, &counts, 11), Likeness::default());
    }
}
