//! Counts as a dense text matrix, genes by cells (spec 6.4).

use std::io::{self, Write};
use std::path::Path;

use super::quoted::write_text;
use crate::cells::CellCounts;
use crate::data::{CellIdx, CellNames, GeneIdx, GeneTable};
use crate::io::atomic::{WriteError, write_file};

/// Writes the count matrix: `gene` and the cell names, then one line per gene in encoded order.
///
/// The table is transposed once; besides that, memory does not grow with genes times cells.
pub fn write_tsv(path: &Path, genes: &GeneTable, names: &CellNames, counts: &CellCounts) -> Result<(), WriteError> {
    write_file(path, |file| write_matrix(file, genes, names, counts))
}

fn write_matrix(out: &mut impl Write, genes: &GeneTable, names: &CellNames, counts: &CellCounts) -> io::Result<()> {
    out.write_all(b"gene")?;
    for cell in 0..counts.n_cells() {
        write!(out, "\t{}{}", names.prefix(), names.number(CellIdx::new(cell)))?;
    }
    out.write_all(b"\n")?;
    let by_gene = ByGene::transpose(counts);
    for (idx, name) in genes.names().iter().enumerate() {
        write_text(out, name, '\t')?;
        let mut next_cell = 0;
        for (cell, n) in by_gene.of(GeneIdx::new(idx)) {
            write_zeros(out, cell - next_cell)?;
            write!(out, "\t{n}")?;
            next_cell = cell + 1;
        }
        write_zeros(out, counts.n_cells() - next_cell)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Writes `n` cells without molecules.
fn write_zeros(out: &mut impl Write, mut n: usize) -> io::Result<()> {
    const ZEROS: &[u8] =
        b"\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0";
    while n > 0 {
        let now = n.min(ZEROS.len() / 2);
        out.write_all(&ZEROS[..2 * now])?;
        n -= now;
    }
    Ok(())
}

/// The counts by gene, cells ascending.
struct ByGene {
    /// Where the entries of each gene begin. `[n_genes + 1]`
    offsets: Vec<u32>,
    /// Cell (position) and number of molecules. `[n_entries]`
    entries: Vec<(u32, u32)>,
}

impl ByGene {
    fn transpose(counts: &CellCounts) -> Self {
        let mut offsets = vec![0u32; counts.n_genes + 1];
        for gene in &counts.genes {
            offsets[gene.idx() + 1] += 1;
        }
        for gene in 0..counts.n_genes {
            offsets[gene + 1] += offsets[gene];
        }
        let mut ends = offsets.clone();
        let mut entries = vec![(0, 0); counts.genes.len()];
        for cell in 0..counts.n_cells() {
            for (gene, n) in counts.of(CellIdx::new(cell)) {
                let place = &mut ends[gene.idx()];
                entries[*place as usize] = (cell as u32, n);
                *place += 1;
            }
        }
        Self { offsets, entries }
    }

    fn of(&self, gene: GeneIdx) -> impl Iterator<Item = (usize, u32)> + '_ {
        let entries = self.offsets[gene.idx()] as usize..self.offsets[gene.idx() + 1] as usize;
        self.entries[entries].iter().map(|&(cell, n)| (cell as usize, n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(genes: &[&str], counts: &CellCounts) -> String {
        let table = GeneTable::new(genes.iter().map(|name| (*name).to_owned()).collect());
        let mut text = Vec::new();
        write_matrix(&mut text, &table, &CellNames::new("R1"), counts).expect("written");
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn matrix_is_genes_by_cells_with_zeros_written_out() {
        let gene = GeneIdx::new;
        let counts = CellCounts {
            n_genes: 3,
            offsets: vec![0, 2, 2, 3],
            genes: vec![gene(0), gene(2), gene(2)],
            n: vec![1, 12, 3],
        };
        let expected = "gene\tCR1-1\tCR1-2\tCR1-3\nActb\t1\t0\t0\nGad1\t0\t0\t0\nVip\t12\t0\t3\n";
        assert_eq!(text_of(&["Vip", "Actb", "Gad1"], &counts), expected);
    }

    #[test]
    fn long_rows_of_zeros_have_the_right_length() {
        let counts = CellCounts { n_genes: 1, offsets: vec![0; 101], ..CellCounts::default() };
        let text = text_of(&["a"], &counts);
        assert_eq!(text.lines().nth(1), Some(format!("a{}", "\t0".repeat(100)).as_str()));
    }

    #[test]
    fn awkward_gene_names_are_quoted_and_no_cells_give_gene_names_alone() {
        let counts = CellCounts { n_genes: 2, offsets: vec![0], ..CellCounts::default() };
        assert_eq!(text_of(&["a\tb", "c\"d"], &counts), "gene\n\"a\tb\"\n\"c\"\"d\"\n");
    }
}
