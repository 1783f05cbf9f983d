//! Feature-barcode matrices as Cell Ranger writes them: one HDF5 file, or a folder of three texts.
//!
//! Cells are barcodes, genes are features of the type `Gene Expression`; a gene has its name as its id, since a molecule
//! table knows no other.

use std::io::{self, Write};
use std::path::Path;

use flate2::{Compression, GzBuilder};
use hdf5_metno::types::{FixedAscii, VarLenAscii};
use hdf5_metno::{File, Group, H5Type};

use super::hdf5::{Hdf5Error, with_references, write_column, write_in_memory, write_numbers, write_text_attribute};
use super::quoted::write_text;
use crate::cells::CellCounts;
use crate::data::{CellIdx, CellNames, GeneTable};
use crate::io::atomic::{WriteError, write_file};

/// The type of all features.
const FEATURE_TYPE: &str = "Gene Expression";

/// Writes the matrix as HDF5, version 3 of the layout: compressed by columns, which are the cells.
///
/// Texts are ASCII of a fixed length, as Cell Ranger writes them and as readers expect: other letters of gene names
/// become numeric character references (`è` is `&#232;`). Memory: the compressed file.
pub fn write_h5(path: &Path, genes: &GeneTable, names: &CellNames, counts: &CellCounts) -> Result<(), Hdf5Error> {
    write_in_memory(path, |file| write_matrix(file, genes, names, counts))
}

fn write_matrix(file: &File, genes: &GeneTable, names: &CellNames, counts: &CellCounts) -> hdf5_metno::Result<()> {
    write_text_attribute(file, "filetype", "matrix")?;
    write_text_attribute(file, "software_version", concat!("baysor-", env!("CARGO_PKG_VERSION")))?;
    file.new_attr::<i64>().create("version")?.write_scalar(&2)?;
    let matrix = file.create_group("matrix")?;
    let barcodes: Vec<String> = (0..counts.n_cells()).map(|cell| names.name(CellIdx::new(cell))).collect();
    write_ascii(&matrix, "barcodes", &barcodes)?;
    write_numbers(&matrix, "data", &counts.n.iter().map(|&n| n as i32).collect::<Vec<_>>())?;
    write_numbers(&matrix, "indices", &counts.genes.iter().map(|gene| gene.idx() as i64).collect::<Vec<_>>())?;
    write_numbers(&matrix, "indptr", &counts.offsets.iter().map(|&offset| i64::from(offset)).collect::<Vec<_>>())?;
    write_column(&matrix, "shape", &[counts.n_genes as i32, counts.n_cells() as i32])?;
    let features = matrix.create_group("features")?;
    let gene_names: Vec<String> = genes.names().iter().map(|name| with_references(name)).collect();
    let of_all = |text: &str| vec![text.to_owned(); genes.len()];
    write_ascii(&features, "_all_tag_keys", &["genome".to_owned()])?;
    write_ascii(&features, "id", &gene_names)?;
    write_ascii(&features, "name", &gene_names)?;
    write_ascii(&features, "feature_type", &of_all(FEATURE_TYPE))?;
    write_ascii(&features, "genome", &of_all("unknown"))
}

/// Writes ASCII texts of a fixed length that holds the longest, or of their own lengths if that is long.
fn write_ascii(group: &Group, name: &str, texts: &[String]) -> hdf5_metno::Result<()> {
    fn fixed<const N: usize>(group: &Group, name: &str, texts: &[String]) -> hdf5_metno::Result<()> {
        write(group, name, texts, |text| FixedAscii::<N>::from_ascii(text.as_bytes()).ok())
    }
    fn write<T: H5Type>(
        group: &Group,
        name: &str,
        texts: &[String],
        of: impl Fn(&String) -> Option<T>,
    ) -> hdf5_metno::Result<()> {
        let values: Option<Vec<T>> = texts.iter().map(of).collect();
        write_numbers(group, name, &values.ok_or_else(|| format!("a text of {name} is not ASCII"))?)
    }
    match texts.iter().map(String::len).max().unwrap_or(0) {
        0..=16 => fixed::<16>(group, name, texts),
        17..=32 => fixed::<32>(group, name, texts),
        33..=64 => fixed::<64>(group, name, texts),
        65..=256 => fixed::<256>(group, name, texts),
        _ => write(group, name, texts, |text| VarLenAscii::from_ascii(text.as_bytes()).ok()),
    }
}

/// Writes the matrix into the folder `folder`: `matrix.mtx.gz` (genes by cells), `barcodes.tsv.gz`, `features.tsv.gz`.
///
/// Texts are UTF-8, in quotation marks if they have a tab, a quotation mark or a line break. The compressed files hold
/// neither times nor names.
pub fn write_mtx(folder: &Path, genes: &GeneTable, names: &CellNames, counts: &CellCounts) -> Result<(), WriteError> {
    write_gzip(&folder.join("matrix.mtx.gz"), |out| write_entries(out, counts))?;
    write_gzip(&folder.join("barcodes.tsv.gz"), |out| {
        (0..counts.n_cells()).try_for_each(|cell| writeln!(out, "{}", names.name(CellIdx::new(cell))))
    })?;
    write_gzip(&folder.join("features.tsv.gz"), |out| {
        genes.names().iter().try_for_each(|name| {
            write_text(out, name, '\t')?;
            out.write_all(b"\t")?;
            write_text(out, name, '\t')?;
            writeln!(out, "\t{FEATURE_TYPE}")
        })
    })
}

fn write_entries(out: &mut impl Write, counts: &CellCounts) -> io::Result<()> {
    out.write_all(b"%%MatrixMarket matrix coordinate integer general\n%\n")?;
    writeln!(out, "{} {} {}", counts.n_genes, counts.n_cells(), counts.n.len())?;
    for cell in 0..counts.n_cells() {
        for (gene, n) in counts.of(CellIdx::new(cell)) {
            writeln!(out, "{} {} {n}", gene.number(), cell + 1)?;
        }
    }
    Ok(())
}

/// Writes a gzip file without a time.
pub(super) fn write_gzip(
    path: &Path,
    fill: impl FnOnce(&mut io::BufWriter<flate2::write::GzEncoder<&mut crate::io::atomic::NewFile>>) -> io::Result<()>,
) -> Result<(), WriteError> {
    write_file(path, |file| {
        let mut out = io::BufWriter::with_capacity(1 << 16, GzBuilder::new().write(file, Compression::default()));
        fill(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.finish().map(drop)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::data::GeneIdx;

    fn example() -> (GeneTable, CellCounts) {
        let genes = GeneTable::new(["say \"hi\"", "G\u{e8}ne"].map(str::to_owned).into());
        let gene = GeneIdx::new;
        let counts = CellCounts {
            n_genes: 2,
            offsets: vec![0, 1, 1, 3],
            genes: vec![gene(1), gene(0), gene(1)],
            n: vec![7, 1, 2],
        };
        (genes, counts)
    }

    fn text_of(path: &Path) -> String {
        let mut text = String::new();
        flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn texts_are_genes_by_cells_with_numbers_from_one() {
        let folder = tempfile::tempdir().unwrap();
        let (genes, counts) = example();
        write_mtx(folder.path(), &genes, &CellNames::new("R1"), &counts).unwrap();
        assert!(text_of(&folder.path().join("matrix.mtx.gz")).ends_with("%\n2 3 3\n2 1 7\n1 3 1\n2 3 2\n"));
        assert_eq!(text_of(&folder.path().join("barcodes.tsv.gz")), "CR1-1\nCR1-2\nCR1-3\n");
        let features = text_of(&folder.path().join("features.tsv.gz"));
        let expected =
            "G\u{e8}ne\tG\u{e8}ne\tGene Expression\n\"say \"\"hi\"\"\"\t\"say \"\"hi\"\"\"\tGene Expression\n";
        assert_eq!(features, expected);
    }

    #[test]
    fn hdf5_is_compressed_by_cells_and_ascii() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.h5");
        let (genes, counts) = example();
        write_h5(&path, &genes, &CellNames::new("R1"), &counts).unwrap();
        let file = File::open(&path).unwrap();
        let numbers = |name: &str| file.dataset(name).unwrap().read_raw::<i64>().unwrap();
        assert_eq!(numbers("matrix/indptr"), [0, 1, 1, 3]);
        assert_eq!(numbers("matrix/indices"), [1, 0, 1]);
        assert_eq!(numbers("matrix/data"), [7, 1, 2]);
        assert_eq!(numbers("matrix/shape"), [2, 3]);
        let names = file.dataset("matrix/features/name").unwrap().read_raw::<FixedAscii<16>>().unwrap();
        assert_eq!(names.iter().map(FixedAscii::as_str).collect::<Vec<_>>(), ["G&#232;ne", "say \"hi\""]);
    }
}
