//! Counts and cell statistics as a loom file (spec 6.5, 10 §3.3).

use std::path::Path;

use hdf5_metno::types::{FixedUnicode, VarLenUnicode};
use hdf5_metno::{Dataset, File};
use ndarray::Array2;

use super::hdf5::{DEFLATE, Hdf5Error, unicode, with_references, write_column, write_in_memory};
use crate::cells::{CellCounts, CellStats, StatValues};
use crate::data::{CellIdx, CellNames, GeneTable};

/// Largest side of a chunk of the matrix.
const CHUNK: usize = 64;
/// Version of the loom format; readers apply the rules of the version they find.
const VERSION: &str = "3.0.0";

/// Writes the counts, genes by cells, with the cell statistics as column attributes.
///
/// Memory: the compressed file, about four bytes per entry of `counts` where one number in eight is not
/// zero; only a block of 64 cells is dense at a time. The file is the same from run to run: it holds no
/// times. Any numbers of genes and cells work, 0 included.
///
/// KEEPS: `CellID` is a real number, that in the name of the cell: 1, 2, …, as Baysor 0.7.1 wrote it.
/// A missing text is empty, since loom knows no missing ones.
/// DIFFERS: `row_attrs/Gene` and the empty groups `layers`, `row_graphs` and `col_graphs` are added,
/// since readers of loom expect them; as many cells as genes, or none, are no error.
pub fn write_loom(
    path: &Path,
    genes: &GeneTable,
    names: &CellNames,
    counts: &CellCounts,
    stats: &CellStats,
) -> Result<(), Hdf5Error> {
    write_in_memory(path, |file| write_contents(file, genes, names, counts, stats))
}

fn write_contents(
    file: &File,
    genes: &GeneTable,
    names: &CellNames,
    counts: &CellCounts,
    stats: &CellStats,
) -> hdf5_metno::Result<()> {
    write_frame(file)?;
    write_matrix(file, counts)?;

    let rows = file.create_group("row_attrs")?;
    let gene_names: Vec<_> = genes.names().iter().map(|name| loom_text(name)).collect();
    write_column(&rows, "Name", &gene_names)?;
    write_column(&rows, "Gene", &gene_names)?;

    let columns = file.create_group("col_attrs")?;
    let cells = (0..counts.n_cells()).map(CellIdx::new);
    write_column(&columns, "CellID", &cells.clone().map(|cell| f64::from(names.number(cell))).collect::<Vec<_>>())?;
    write_column(&columns, "Name", &cells.map(|cell| loom_text(&names.name(cell))).collect::<Vec<_>>())?;
    for column in stats.columns() {
        match &column.values {
            StatValues::Real(values) => write_column(&columns, column.name, values)?,
            StatValues::Whole(values) => write_column(&columns, column.name, values)?,
            StatValues::Text(texts) => {
                let texts: Vec<_> = texts.iter().map(|text| loom_text(text.as_deref().unwrap_or_default())).collect();
                write_column(&columns, column.name, &texts)?;
            }
        }
    }
    Ok(())
}

/// What every loom file has: its version, and the groups that are empty here.
pub(super) fn write_frame(file: &File) -> hdf5_metno::Result<()> {
    let attrs = file.create_group("attrs")?;
    let version: FixedUnicode<5> = VERSION.parse().map_err(|error| format!("{error:?}"))?;
    attrs.new_dataset::<FixedUnicode<5>>().create("LOOM_SPEC_VERSION")?.write_scalar(&version)?;
    for group in ["layers", "row_graphs", "col_graphs"] {
        file.create_group(group)?;
    }
    Ok(())
}

/// Writes `/matrix`, chunk by chunk: every chunk is compressed once.
///
/// METHOD: chunks that hold zeros only are not written; readers see the fill value, which is 0.
fn write_matrix(file: &File, counts: &CellCounts) -> hdf5_metno::Result<()> {
    let (n_genes, n_cells) = (counts.n_genes, counts.n_cells());
    let builder = file.new_dataset::<i64>();
    if n_genes == 0 || n_cells == 0 {
        // HDF5 knows no chunks of size zero.
        builder.shape((n_genes, n_cells)).create("matrix")?;
        return Ok(());
    }
    let matrix = builder
        .chunk((n_genes.min(CHUNK), n_cells.min(CHUNK)))
        .shuffle()
        .deflate(DEFLATE)
        .shape((n_genes, n_cells))
        .create("matrix")?;
    let mut entries: Vec<_> = Vec::with_capacity(CHUNK);
    for first_cell in (0..n_cells).step_by(CHUNK) {
        let cells = first_cell..(first_cell + CHUNK).min(n_cells);
        entries.clear();
        entries.extend(cells.map(|cell| counts.of(CellIdx::new(cell)).peekable()));
        for first_gene in (0..n_genes).step_by(CHUNK) {
            let end_gene = (first_gene + CHUNK).min(n_genes);
            let mut block = Array2::<i64>::zeros((end_gene - first_gene, entries.len()));
            let mut empty = true;
            for (column, entries) in entries.iter_mut().enumerate() {
                while let Some((gene, n)) = entries.next_if(|(gene, _)| gene.idx() < end_gene) {
                    block[[gene.idx() - first_gene, column]] = i64::from(n);
                    empty = false;
                }
            }
            if !empty {
                write_block(&matrix, &block, first_gene, first_cell)?;
            }
        }
    }
    Ok(())
}

fn write_block(matrix: &Dataset, block: &Array2<i64>, gene: usize, cell: usize) -> hdf5_metno::Result<()> {
    let (n_genes, n_cells) = block.dim();
    matrix.write_slice(block, (gene..gene + n_genes, cell..cell + n_cells))
}

/// Text as loom has it: letters beyond ASCII become numeric character references, `è` is `&#232;`.
///
/// METHOD: loom readers drop other letters. A zero character would end the text, so it is a
/// reference too.
pub(super) fn loom_text(text: &str) -> VarLenUnicode {
    unicode(&with_references(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::GeneIdx;

    /// Cell `c` has `c + 1` molecules of gene `7 c mod n_genes`, and one of the last gene.
    fn example(n_genes: usize, n_cells: usize) -> (GeneTable, CellCounts, CellStats) {
        let genes = GeneTable::new((0..n_genes).map(|gene| format!("g{gene:04}")).collect());
        let mut counts = CellCounts { n_genes, offsets: vec![0], ..CellCounts::default() };
        for cell in 0..n_cells {
            let gene = 7 * cell % n_genes;
            counts.genes.push(GeneIdx::new(gene));
            counts.n.push(cell as u32 + 1);
            if gene + 1 < n_genes {
                counts.genes.push(GeneIdx::new(n_genes - 1));
                counts.n.push(1);
            }
            counts.offsets.push(counts.genes.len() as u32);
        }
        let reals: Vec<f64> = (0..n_cells).map(|cell| cell as f64 / 2.0).collect();
        let stats = CellStats {
            x: reals.clone(),
            y: reals.clone(),
            n_transcripts: vec![2; n_cells],
            density: reals.clone(),
            elongation: reals.clone(),
            area: vec![f64::NAN; n_cells],
            avg_confidence: reals,
            ..CellStats::default()
        };
        (genes, counts, stats)
    }

    fn write(path: &Path, n_genes: usize, n_cells: usize) -> CellCounts {
        let (genes, counts, stats) = example(n_genes, n_cells);
        write_loom(path, &genes, &CellNames::new("R1"), &counts, &stats).expect("a loom file");
        counts
    }

    #[test]
    fn matrix_reads_back_whatever_its_shape() {
        let folder = tempfile::tempdir().expect("a folder");
        for (n_genes, n_cells) in [(3, 5), (5, 5), (64, 64), (65, 130), (200, 1), (1, 200)] {
            let path = folder.path().join(format!("{n_genes}x{n_cells}.loom"));
            let counts = write(&path, n_genes, n_cells);
            let file = File::open(&path).expect("an HDF5 file");
            let matrix = file.dataset("matrix").and_then(|matrix| matrix.read_2d::<i64>()).expect("a matrix");
            assert_eq!(matrix.dim(), (n_genes, n_cells));
            let mut expected = Array2::<i64>::zeros((n_genes, n_cells));
            for cell in 0..n_cells {
                for (gene, n) in counts.of(CellIdx::new(cell)) {
                    expected[[gene.idx(), cell]] = i64::from(n);
                }
            }
            assert_eq!(matrix, expected);
            let ids = file.dataset("col_attrs/CellID").and_then(|ids| ids.read_raw::<f64>()).expect("ids");
            assert_eq!(ids.last(), Some(&(n_cells as f64)));
        }
    }

    #[test]
    fn no_cells_make_an_empty_matrix() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("empty.loom");
        write(&path, 4, 0);
        let file = File::open(&path).expect("an HDF5 file");
        assert_eq!(file.dataset("matrix").expect("a matrix").shape(), [4, 0]);
        assert_eq!(file.dataset("row_attrs/Gene").expect("genes").shape(), [4]);
        assert_eq!(file.dataset("col_attrs/Name").expect("names").shape(), [0]);
        for group in ["layers", "row_graphs", "col_graphs"] {
            assert!(file.group(group).expect("a group").is_empty());
        }
    }

    #[test]
    fn file_is_the_same_from_run_to_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let (first, second) = (folder.path().join("first.loom"), folder.path().join("second.loom"));
        write(&first, 70, 150);
        std::thread::sleep(std::time::Duration::from_millis(1100));
        write(&second, 70, 150);
        let bytes = |path| std::fs::read(path).expect("a file");
        assert!(bytes(&first) == bytes(&second));
    }

    #[test]
    fn letters_beyond_ascii_become_references() {
        assert_eq!(loom_text("Gène&0").as_str(), "G&#232;ne&0");
        assert_eq!(loom_text("a\0b").as_str(), "a&#0;b");
    }

    #[test]
    fn error_names_the_file_that_was_asked_for() {
        let (genes, counts, stats) = example(2, 2);
        let path = Path::new("/nowhere/at/all.loom");
        let error = write_loom(path, &genes, &CellNames::new("R1"), &counts, &stats).expect_err("no such folder");
        assert!(error.to_string().contains("/nowhere/at/all.loom'"), "{error}");
    }
}
