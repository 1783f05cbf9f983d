//! Molecules per cell and gene.

use rayon::prelude::*;

use crate::data::{CellIdx, CellMembers, GeneIdx};

/// Cells per parallel block. A constant, so that blocks do not depend on threads.
const BLOCK: usize = 1024;

/// How many molecules of each gene each cell has; only what is not zero is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CellCounts {
    /// Number of genes in the gene table.
    pub n_genes: usize,
    /// Where the entries of each cell begin. `[n_cells + 1]`
    pub offsets: Vec<u32>,
    /// Genes, cell after cell, ascending inside a cell. `[n_entries]`
    pub genes: Vec<GeneIdx>,
    /// Number of molecules of the gene in the cell, at least 1. `[n_entries]`
    pub n: Vec<u32>,
}

impl CellCounts {
    /// Number of cells.
    pub fn n_cells(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Genes of a cell and their numbers of molecules, genes ascending.
    pub fn of(&self, cell: CellIdx) -> impl Iterator<Item = (GeneIdx, u32)> + '_ {
        let entries = self.offsets[cell.idx()] as usize..self.offsets[cell.idx() + 1] as usize;
        self.genes[entries.clone()].iter().copied().zip(self.n[entries].iter().copied())
    }
}

impl CellCounts {
    /// The counts of some of the cells, in their order in `kept`.
    pub fn select(&self, kept: &[CellIdx]) -> Self {
        let mut selected = Self { n_genes: self.n_genes, offsets: vec![0], ..Self::default() };
        for &cell in kept {
            for (gene, n) in self.of(cell) {
                selected.genes.push(gene);
                selected.n.push(n);
            }
            selected.offsets.push(selected.genes.len() as u32);
        }
        selected
    }
}

/// Entries of one block of cells.
#[derive(Default)]
struct Block {
    /// Number of entries of each cell.
    lengths: Vec<u32>,
    genes: Vec<GeneIdx>,
    n: Vec<u32>,
}

/// Counts the molecules of every cell by gene. Molecules outside cells (noise) are not counted.
///
/// Shapes: `genes` is `[n_molecules]`, all below `n_genes`. Whole numbers only: the result is the
/// same for any number of threads. Source: spec 6.4 and 6.5.
pub fn count_genes(genes: &[GeneIdx], n_genes: usize, members: &CellMembers) -> CellCounts {
    let n_cells = members.n_cells();
    let blocks: Vec<Block> = (0..n_cells.div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| count_block(genes, members, block * BLOCK..((block + 1) * BLOCK).min(n_cells)))
        .collect();
    let n_entries = blocks.iter().map(|block| block.genes.len()).sum();
    let mut counts = CellCounts {
        n_genes,
        offsets: Vec::with_capacity(n_cells + 1),
        genes: Vec::with_capacity(n_entries),
        n: Vec::with_capacity(n_entries),
    };
    let mut end = 0;
    counts.offsets.push(end);
    for block in blocks {
        for length in block.lengths {
            end += length;
            counts.offsets.push(end);
        }
        counts.genes.extend(block.genes);
        counts.n.extend(block.n);
    }
    counts
}

fn count_block(genes: &[GeneIdx], members: &CellMembers, cells: std::ops::Range<usize>) -> Block {
    let mut block = Block::default();
    let mut sorted = Vec::new();
    for cell in cells {
        sorted.clear();
        sorted.extend(members.of(CellIdx::new(cell)).iter().map(|&molecule| genes[molecule as usize]));
        sorted.sort_unstable();
        let before = block.genes.len();
        for run in sorted.chunk_by(|a, b| a == b) {
            block.genes.push(run[0]);
            block.n.push(run.len() as u32);
        }
        block.lengths.push((block.genes.len() - before) as u32);
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(cells: &[u32], n_cells: usize) -> CellMembers {
        let cell_of: Vec<_> = cells.iter().map(|&number| CellIdx::from_number(number)).collect();
        CellMembers::group(&cell_of, n_cells)
    }

    #[test]
    fn genes_ascend_and_noise_is_not_counted() {
        let genes: Vec<_> = [3, 0, 3, 1, 2, 3].into_iter().map(GeneIdx::new).collect();
        let counts = count_genes(&genes, 4, &members(&[1, 1, 1, 2, 0, 2], 3));
        let of = |cell| counts.of(CellIdx::new(cell)).map(|(gene, n)| (gene.idx(), n)).collect::<Vec<_>>();
        assert_eq!(of(0), [(0, 1), (3, 2)]);
        assert_eq!(of(1), [(1, 1), (3, 1)]);
        assert!(of(2).is_empty());
        assert_eq!(counts.n.iter().sum::<u32>(), 5);
    }

    #[test]
    fn more_cells_than_one_block_stay_in_order() {
        let n_cells = 2 * BLOCK + 7;
        let numbers: Vec<u32> = (0..n_cells as u32).map(|cell| cell + 1).collect();
        let genes: Vec<_> = (0..n_cells).map(|molecule| GeneIdx::new(molecule % 5)).collect();
        let counts = count_genes(&genes, 5, &members(&numbers, n_cells));
        assert_eq!(counts.n_cells(), n_cells);
        assert!((0..n_cells).all(|cell| counts.of(CellIdx::new(cell)).eq([(GeneIdx::new(cell % 5), 1)])));
    }

    #[test]
    fn no_cells_give_an_empty_table() {
        let counts = count_genes(&[GeneIdx::new(0)], 1, &members(&[0], 0));
        assert_eq!((counts.n_cells(), counts.offsets), (0, vec![0]));
    }
}
