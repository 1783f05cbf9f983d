//! Molecule tables: CSV (plain or gzip) and Parquet in, also from the folders that instruments write; molecules and the
//! user's other columns out.

mod blocks;
mod byte_strings;
mod carried;
mod chunk;
mod columns;
mod csv;
mod error;
mod fields;
mod filters;
mod fingerprint;
mod folders;
mod load;
mod parquet;
mod parquet_types;
mod segments;
mod selection;
mod size;
mod source;
#[cfg(test)]
mod tests;
mod text;
mod unassigned;
mod values;

use std::path::{Path, PathBuf};

use polars::prelude::{Column, DataFrame};

pub use blocks::CarriedPlan;
pub use carried::{Carried, OutputColumn};
pub use error::ReadError;
pub use filters::repeats;
pub use fingerprint::{Fingerprint, Hasher, fingerprint};
pub use folders::{Layout, Located};
pub use load::{Scan, read, scan};
pub use segments::ColumnSegments;
pub use size::{TableForm, TableSize, size_of_table};

use crate::data::{GeneTable, Molecules, Positions};
use source::{Format, Source};

/// Columns that results are written to. Columns of the input with these names are replaced in place, and never
/// interpreted.
pub const RESULT_COLUMNS: [&str; 10] = [
    "molecule_id",
    "prior_segmentation",
    "confidence",
    "compartment",
    "nuclei_probs",
    "cluster",
    "cell",
    "assignment_confidence",
    "is_noise",
    "ncv_color",
];

/// Names of the columns that matter, as the file has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnNames {
    /// x coordinate.
    pub x: String,
    /// y coordinate.
    pub y: String,
    /// z coordinate; data are two-dimensional if the name is `z` and there is no such column.
    pub z: String,
    /// Gene.
    pub gene: String,
    /// Quality, needed only with a least quality.
    pub qv: String,
}

impl Default for ColumnNames {
    fn default() -> Self {
        Self { x: "x".into(), y: "y".into(), z: "z".into(), gene: "gene".into(), qv: "qv".into() }
    }
}

/// Part of the slide to read, bounds included, in the units of the result.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Crop {
    /// Least x.
    pub x_min: Option<f64>,
    /// Greatest x.
    pub x_max: Option<f64>,
    /// Least y.
    pub y_min: Option<f64>,
    /// Greatest y.
    pub y_max: Option<f64>,
    /// Least z.
    pub z_min: Option<f64>,
    /// Greatest z.
    pub z_max: Option<f64>,
}

impl Crop {
    fn limits_z(&self) -> bool {
        self.z_min.is_some() || self.z_max.is_some()
    }
}

/// A column that holds a prior segmentation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriorColumn {
    /// Its name, in the output or in the file. If no column has this name, it may be several names with commas between
    /// them: a segment is a combination of values then, and the last column tells what is in none.
    pub name: String,
    /// The value that means "in no segment"; or several with commas between them, in which `*` stands for any text.
    pub unassigned_label: String,
    /// Whether the user named it: otherwise negative numbers and the usual words for nothing count, too.
    pub label_is_given: bool,
    /// Molecules with another value in a column are in no segment.
    pub only: Option<OnlyWhere>,
}

/// A column and the value that is wanted in it, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnlyWhere {
    /// The column's name.
    pub column: String,
    /// The value.
    pub value: String,
}

/// What to read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadRequest {
    /// CSV, gzipped CSV, Parquet, an `experiment.xenium` beside such a table, or a folder of a known [`Layout`].
    pub path: PathBuf,
    /// Columns.
    pub columns: ColumnNames,
    /// Ignore z.
    pub force_2d: bool,
    /// Factor for x and y; `None`: they stay as they are.
    pub coordinate_scale: Option<f64>,
    /// Factor for z; `None`: it stays as it is.
    pub z_scale: Option<f64>,
    /// Genes with fewer molecules are removed.
    pub min_molecules_per_gene: usize,
    /// Regular expressions; genes that contain a match are removed.
    pub exclude_genes: Vec<String>,
    /// Molecules of less quality are removed.
    pub min_qv: Option<f64>,
    /// Molecules outside are removed.
    pub crop: Crop,
    /// Of molecules with the same gene at the same place (z included) only the first is kept.
    pub drop_duplicates: bool,
    /// Column with a prior segmentation.
    pub prior: Option<PriorColumn>,
}

/// Something worth telling the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A fact.
    Info(String),
    /// Something that was assumed or may be wrong.
    Warning(String),
}

/// Molecules, in the order of the file, with all that came along.
#[derive(Clone, Debug)]
pub struct MoleculeTable {
    /// The molecules that are left; `ids` are 0, 1, ….
    pub molecules: Molecules,
    /// Genes, every one with a molecule.
    pub genes: GeneTable,
    /// Segments of the prior column, if one was asked for.
    pub prior_segments: Option<ColumnSegments>,
    /// The other columns.
    pub carried: Carried,
    /// What happened, in order.
    pub notes: Vec<Note>,
    /// What was seen while reading.
    pub seen: ReadFacts,
    /// The file that was read: beside an `experiment.xenium`, the table itself.
    pub path: PathBuf,
    /// Its content.
    pub fingerprint: Fingerprint,
}

/// A gene that the filters removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedGene {
    /// Its name.
    pub name: String,
    /// Its molecules, which are removed too.
    pub n_molecules: u64,
    /// Whether a pattern excluded it; otherwise it is too rare.
    pub is_excluded: bool,
}

/// What was seen while a table was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadFacts {
    /// Genes that the filters removed, sorted by name.
    pub removed_genes: Vec<RemovedGene>,
    /// Molecules that repeat another one: same gene, same place.
    pub n_duplicates: usize,
    /// Rows of the table, before all filters.
    pub n_rows: u64,
}

/// A molecule table before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Its files, and what lies beside them.
    pub located: Located,
    /// Names of its columns.
    pub header: Vec<String>,
}

/// Finds the files of a molecule table. Errors: [`ReadError`].
pub fn locate(path: &Path) -> Result<Located, ReadError> {
    Source::locate(path)
}

/// Finds a molecule table and the names of its columns.
///
/// Errors: [`ReadError`], as [`read`] would have them. Reads some blocks of the first file at most.
pub fn look(path: &Path) -> Result<Look, ReadError> {
    let located = Source::locate(path)?;
    let source = Source::of(&located)?;
    let first = source.parts().next();
    let first = first.as_ref().unwrap_or(&source);
    let header = match first.format {
        Format::Parquet => parquet::header(first)?,
        Format::Csv | Format::GzipCsv => text::header(first)?,
    };
    Ok(Look { located, header })
}

/// The content of the files of a molecule table, as [`read`] tells it. Errors: [`ReadError`].
pub fn fingerprint_of_table(path: &Path) -> Result<Fingerprint, ReadError> {
    Source::find(path)?.fingerprint()
}

impl MoleculeTable {
    /// The molecules of some genes, in the same order, with new ids; segments of a prior column are left out.
    ///
    /// `is_wanted`: by gene. `[n_genes]` Errors: the carried columns are damaged, which `read` would have found.
    pub fn of_genes(self, is_wanted: &[bool]) -> Result<Self, ReadError> {
        let Molecules { positions, genes: gene_of, .. } = self.molecules;
        let keep: Vec<bool> = gene_of.iter().map(|gene| is_wanted[gene.idx()]).collect();
        let names = self.genes.names();
        let wanted = names.iter().zip(is_wanted).filter(|(_, is_wanted)| **is_wanted);
        let genes = GeneTable::new(wanted.map(|(name, _)| name.clone()).collect());
        let new_of: Vec<_> = names.iter().map(|name| genes.find(name)).collect();
        let of_kept = |mut values: Vec<f64>| {
            chunk::retain_rows(&mut values, &keep);
            values
        };
        let Positions { x, y, z } = positions;
        let positions = Positions { x: of_kept(x), y: of_kept(y), z: z.map(of_kept) };
        let genes_of_kept: Vec<_> = gene_of.iter().filter_map(|gene| new_of[gene.idx()]).collect();
        let n_molecules = genes_of_kept.len();
        let damaged = |error: polars::prelude::PolarsError| ReadError::Damaged {
            path: self.path.clone(),
            detail: error.to_string(),
        };
        let mask = chunk::mask(&keep);
        let has_rows = self.carried.frame.height() == keep.len();
        let filter = |column: &Column| if has_rows { column.filter(&mask) } else { Ok(column.clear()) };
        let columns: Result<Vec<Column>, _> = self.carried.frame.columns().iter().map(filter).collect();
        let n_rows = if has_rows { n_molecules } else { 0 };
        let frame = DataFrame::new(n_rows, columns.map_err(damaged)?).map_err(damaged)?;
        let molecules =
            Molecules { ids: (0..n_molecules as u32).collect(), positions, genes: genes_of_kept, n_genes: genes.len() };
        Ok(Self { molecules, genes, prior_segments: None, carried: Carried { frame, ..self.carried }, ..self })
    }
}
