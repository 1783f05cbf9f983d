//! Neighborhood compositions as a loom file, `ncvs.loom` (spec 6.6, 10 §3.7).

use std::path::Path;

use hdf5_metno::{Dataset, File, Group, H5Type};
use ndarray::{Array2, ArrayView1, Axis, Slice};

use super::hdf5::{DEFLATE, GROWTH, Hdf5Error, failure, write_column};
use super::loom::{loom_text, write_frame};
use crate::composition::{Color, Compositions, Neighborhoods};
use crate::data::GeneTable;
use crate::io::atomic::NewPath;

/// Genes and molecules in a chunk of the matrix, at most.
const CHUNK: (usize, usize) = (64, 256);
/// Molecules whose texts are in memory at a time.
const TEXTS: usize = 1 << 16;
/// Up to this size, in bytes, a file is put together in memory.
const IN_MEMORY: usize = 1 << 30;
/// Bytes of a compressed file for every neighbor of every molecule, at most, and for every molecule.
const BYTES_PER_NEIGHBOR: usize = 6;
const BYTES_PER_MOLECULE: usize = 120;

/// What goes beside the compositions, an entry per molecule.
#[derive(Clone, Copy, Debug)]
pub struct MoleculeColumns<'a> {
    /// Colors, `[n_molecules]`.
    pub colors: &'a [Color],
    /// Confidences, `[n_molecules]`, in 0..=1.
    pub confidence: &'a [f32],
}

/// Writes the compositions, genes by molecules, with names, colors and confidences as attributes.
///
/// The columns are the molecules of `neighborhoods` in their order in memory, which should be that of the
/// input table; they are called `V<run id>-1`, `V<run id>-2`, … . The matrix has 32-bit floats, and every column
/// sums to 1: shares as they are, never their logarithms. Compositions are computed some thousand at a time
/// and written as they come. The file is the same from run to run and for any number of threads. Any numbers of
/// genes and molecules work, 0 included.
///
/// Memory: files up to about 1 GiB are put together in memory, see `loom`; larger ones go to the disk at once.
pub fn write_ncvs(
    path: &Path,
    genes: &GeneTable,
    run_id: &str,
    neighborhoods: &Neighborhoods<'_>,
    columns: MoleculeColumns<'_>,
) -> Result<(), Hdf5Error> {
    let place = NewPath::reserve(path)?;
    write_hdf5(place.temporary(), genes, run_id, neighborhoods, columns).map_err(|error| failure(path, &error))?;
    Ok(place.commit()?)
}

fn write_hdf5(
    path: &Path,
    genes: &GeneTable,
    run_id: &str,
    neighborhoods: &Neighborhoods<'_>,
    columns: MoleculeColumns<'_>,
) -> hdf5_metno::Result<()> {
    let n = neighborhoods.n_molecules();
    let expected = n * (BYTES_PER_MOLECULE + BYTES_PER_NEIGHBOR * neighborhoods.n_neighbors());
    // METHOD: a file on a full disk ends in an error only if it is written in one go at its end.
    let file = if expected <= IN_MEMORY {
        File::with_options().with_fapl(|access| access.core_options(GROWTH, true)).create(path)?
    } else {
        File::create(path)?
    };
    write_frame(&file)?;
    write_matrix(&file, genes.len(), neighborhoods)?;
    let rows = file.create_group("row_attrs")?;
    let gene_names: Vec<_> = genes.names().iter().map(|name| loom_text(name)).collect();
    write_column(&rows, "Name", &gene_names)?;
    write_column(&rows, "Gene", &gene_names)?;
    let group = file.create_group("col_attrs")?;
    write_parts(&group, "CellID", n, |molecule| (molecule + 1) as f64)?;
    write_parts(&group, "Name", n, |molecule| loom_text(&format!("V{run_id}-{}", molecule + 1)))?;
    write_parts(&group, "ncv_color", n, |molecule| loom_text(&columns.colors[molecule].to_string()))?;
    write_parts(&group, "confidence", n, |molecule| f64::from(columns.confidence[molecule]))?;
    file.flush()?;
    file.close()
}

/// Writes a column of `n` values, which are never all in memory.
fn write_parts<T: H5Type>(group: &Group, name: &str, n: usize, value: impl Fn(usize) -> T) -> hdf5_metno::Result<()> {
    let column = group.new_dataset::<T>().shape(n).create(name)?;
    for first in (0..n).step_by(TEXTS) {
        let end = (first + TEXTS).min(n);
        let values: Vec<T> = (first..end).map(&value).collect();
        column.write_slice(ArrayView1::from(&values), first..end)?;
    }
    Ok(())
}

/// Writes `/matrix`, chunk by chunk, as compositions come; chunks of zeros only are left out.
fn write_matrix(file: &File, n_genes: usize, neighborhoods: &Neighborhoods<'_>) -> hdf5_metno::Result<()> {
    let n = neighborhoods.n_molecules();
    let builder = file.new_dataset::<f32>();
    if n_genes == 0 || n == 0 {
        // HDF5 knows no chunks of size zero.
        builder.shape((n_genes, n)).create("matrix")?;
        return Ok(());
    }
    let chunk = (n_genes.min(CHUNK.0), n.min(CHUNK.1));
    let matrix = builder.chunk(chunk).shuffle().deflate(DEFLATE).shape((n_genes, n)).create("matrix")?;
    let mut dense = Array2::zeros((n_genes, CHUNK.1));
    neighborhoods.visit(|molecules, compositions| {
        for first in (0..compositions.n_rows()).step_by(CHUNK.1) {
            let rows = first..(first + CHUNK.1).min(compositions.n_rows());
            write_molecules(&matrix, &mut dense, compositions, rows, molecules.start)?;
        }
        Ok(())
    })
}

/// Writes some of the compositions, at most as many as are in a chunk. `dense` is zero before and after.
fn write_molecules(
    matrix: &Dataset,
    dense: &mut Array2<f32>,
    compositions: &Compositions,
    rows: std::ops::Range<usize>,
    offset: usize,
) -> hdf5_metno::Result<()> {
    let n_genes = dense.nrows();
    let mut occupied = vec![false; n_genes.div_ceil(CHUNK.0)];
    for (column, row) in rows.clone().enumerate() {
        let (genes, shares) = compositions.row(row);
        for (gene, &share) in genes.iter().zip(shares) {
            dense[[gene.idx(), column]] = share;
            occupied[gene.idx() / CHUNK.0] = true;
        }
    }
    let place = offset + rows.start..offset + rows.end;
    for (part, _) in occupied.iter().enumerate().filter(|(_, occupied)| **occupied) {
        let genes = part * CHUNK.0..((part + 1) * CHUNK.0).min(n_genes);
        let used = dense.slice_axis(Axis(1), Slice::from(..rows.len()));
        let block = used.slice_axis(Axis(0), Slice::from(genes.clone())).to_owned();
        matrix.write_slice(&block, (genes, place.clone()))?;
    }
    for (column, row) in rows.enumerate() {
        compositions.row(row).0.iter().for_each(|gene| dense[[gene.idx(), column]] = 0.0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{GeneIdx, Molecules, Positions};

    /// Molecules on a line, genes in turn.
    fn line(n: usize, n_genes: usize) -> (Molecules, GeneTable) {
        let molecules = Molecules {
            ids: (0..n as u32).collect(),
            positions: Positions { x: (0..n).map(|at| (at * at % 97) as f64).collect(), y: vec![0.0; n], z: None },
            genes: (0..n).map(|at| GeneIdx::new(at % n_genes)).collect(),
            n_genes,
        };
        (molecules, GeneTable::new((0..n_genes).map(|gene| format!("g{gene:04}")).collect()))
    }

    fn write(path: &Path, n: usize, n_genes: usize) -> Compositions {
        let (molecules, genes) = line(n, n_genes);
        let neighborhoods = Neighborhoods::new(&molecules, 5);
        let colors: Vec<Color> = (0..n).map(|at| Color([at as u8, 7, 255])).collect();
        let columns = MoleculeColumns { colors: &colors, confidence: &vec![0.25; n] };
        write_ncvs(path, &genes, "R7", &neighborhoods, columns).expect("a loom file");
        let mut all = Compositions::default();
        neighborhoods.compose(0..n as u32, &mut all);
        all
    }

    #[test]
    fn matrix_reads_back_whatever_its_shape() {
        let folder = tempfile::tempdir().expect("a folder");
        for (n, n_genes) in [(3, 2), (256, 64), (257, 65), (1500, 130), (2, 200)] {
            let path = folder.path().join(format!("{n}x{n_genes}.loom"));
            let expected = write(&path, n, n_genes);
            let file = File::open(&path).expect("an HDF5 file");
            let matrix = file.dataset("matrix").and_then(|matrix| matrix.read_2d::<f32>()).expect("a matrix");
            assert_eq!(matrix.dim(), (n_genes, n));
            for (molecule, (genes, shares)) in expected.rows().enumerate() {
                let column = matrix.column(molecule);
                assert_eq!(column.iter().filter(|&&share| share != 0.0).count(), genes.len());
                assert!(genes.iter().zip(shares).all(|(gene, share)| column[gene.idx()] == *share));
            }
            let text = |name: &str| {
                let column =
                    file.dataset(name).and_then(|column| column.read_raw::<hdf5_metno::types::VarLenUnicode>());
                column.expect("texts").last().expect("a text").to_string()
            };
            assert_eq!(text("col_attrs/Name"), format!("VR7-{n}"));
            assert_eq!(text("col_attrs/ncv_color"), format!("#{:02X}07FF", (n - 1) as u8));
            assert_eq!(text("row_attrs/Name"), format!("g{:04}", n_genes - 1));
            let confidence = file.dataset("col_attrs/confidence").and_then(|column| column.read_raw::<f64>());
            assert_eq!(confidence.expect("numbers"), vec![0.25; n]);
        }
    }

    #[test]
    fn no_molecules_make_an_empty_matrix() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("empty.loom");
        write(&path, 0, 3);
        let file = File::open(&path).expect("an HDF5 file");
        assert_eq!(file.dataset("matrix").expect("a matrix").shape(), [3, 0]);
        assert_eq!(file.dataset("col_attrs/ncv_color").expect("colors").shape(), [0]);
    }

    #[test]
    fn file_is_the_same_from_run_to_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let (first, second) = (folder.path().join("first.loom"), folder.path().join("second.loom"));
        write(&first, 600, 70);
        write(&second, 600, 70);
        let bytes = |path| std::fs::read(path).expect("a file");
        assert!(bytes(&first) == bytes(&second));
    }
}
