//! Molecule tables: CSV (plain or gzip) and Parquet in, also from the folders that instruments write; molecules and the
//! user's other columns out.

mod carried;
mod chunk;
mod columns;
mod csv;
mod error;
mod filters;
mod fingerprint;
mod folders;
mod parquet;
mod segments;
mod source;
#[cfg(test)]
mod tests;
mod text;
mod values;

use std::path::{Path, PathBuf};

use polars::prelude::{Column, DataFrame, Series};

pub use carried::{Carried, OutputColumn};
pub use error::ReadError;
pub use filters::count_duplicates;
pub use fingerprint::{Fingerprint, Hasher, fingerprint};
pub use folders::{Layout, Located};
pub use segments::ColumnSegments;

use crate::data::{GeneTable, Molecules, Positions};
use chunk::Collected;
use columns::{Use, Uses};
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
    /// The value that means "in no segment".
    pub unassigned_label: String,
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
}

/// A table after the filters that look at one row only.
struct RawTable {
    header: Vec<String>,
    uses: Uses,
    collected: Collected,
    /// Columns to carry, complete. `[n_carried]`
    carried: Vec<Series>,
    f32_axes: [bool; 3],
    notes: Vec<Note>,
    seen: ReadFacts,
}

/// A molecule table before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Its files, and what lies beside them.
    pub located: Located,
    /// Names of its columns.
    pub header: Vec<String>,
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

/// Reads a molecule table.
///
/// Coordinates are multiplied first. Order of the filters: crop, least quality, duplicates, rare genes, excluded genes.
/// z is dropped if asked for, or if fewer than two values of it are left.
///
/// Source: spec 02 §2.1 to 2.3 and 2.5.1. DIFFERS: the format is told by the content of the file; z is judged after
/// the filters, so that a slide of one plane is never taken for three-dimensional.
/// Errors: [`ReadError`] names file, column, row and value. Needs the columns once in memory, plus one row group of a
/// Parquet file or some blocks of a text file. The result does not depend on the number of threads.
pub fn read(request: &ReadRequest) -> Result<MoleculeTable, ReadError> {
    let patterns = filters::compile(&request.exclude_genes)?;
    let source = Source::find(&request.path)?;
    let fingerprint = source.fingerprint()?;
    let mut table = match source.format {
        Format::Parquet => parquet::read(&source, request)?,
        Format::Csv | Format::GzipCsv => text::read(&source, request)?,
    };
    note_columns(&mut table, request);
    if request.drop_duplicates {
        filters::drop_duplicates(&mut table, &source)?;
    }
    let (genes, gene_of) = filters::filter_genes(&mut table, request, &patterns, &source)?;
    let n_molecules = gene_of.len();
    if n_molecules >= u32::MAX as usize {
        return Err(ReadError::TooManyRows { path: source.path, n_rows: n_molecules as u64 });
    }
    drop_flat_z(&mut table, request);
    let RawTable { uses, collected, carried, f32_axes, mut notes, mut seen, .. } = table;
    let Collected { x, y, z, .. } = collected;
    let n_duplicates = filters::count_duplicates(&x, &y, z.as_deref(), &gene_of);
    seen.n_duplicates = n_duplicates;
    if n_duplicates > 0 {
        notes.push(Note::Warning(format!(
            "{n_duplicates} molecules repeat another one (same gene, same place). They are kept; remove them from the \
             table if it was exported with duplicates"
        )));
    }
    notes.push(Note::Info(format!("Loaded {n_molecules} transcripts, {} genes", genes.len())));
    let broken = |error: polars::prelude::PolarsError| ReadError::Damaged {
        path: source.path.clone(),
        detail: error.to_string(),
    };
    let layout = layout(&uses, z.is_some());
    let prior_segments = match &request.prior {
        Some(prior) => {
            let series = |&column: &usize| &carried[carried_before(&uses, column)];
            let columns = segments::PriorSeries {
                labels: uses.prior.iter().map(series).collect(),
                only: uses.prior_only.as_ref().map(series),
            };
            Some(segments::segments_of(&columns, prior, &mut notes).map_err(broken)?)
        }
        None => None,
    };
    let columns: Vec<Column> = carried.into_iter().map(Column::from).collect();
    let frame = DataFrame::new(n_molecules, columns).map_err(broken)?;
    let molecules = Molecules {
        ids: (0..n_molecules as u32).collect(),
        positions: Positions { x, y, z },
        genes: gene_of,
        n_genes: genes.len(),
    };
    let carried = Carried { frame, layout, f32_axes };
    Ok(MoleculeTable { molecules, genes, prior_segments, carried, notes, seen, path: source.path, fingerprint })
}

/// z must be read if it is kept, limits the crop or tells molecules apart.
fn needs_z(request: &ReadRequest) -> bool {
    !request.force_2d || request.crop.limits_z() || request.drop_duplicates
}

/// Factors of x, y and z.
fn scales(request: &ReadRequest) -> [f64; 3] {
    let xy = request.coordinate_scale.unwrap_or(1.0);
    [xy, xy, request.z_scale.unwrap_or(1.0)]
}

/// Multiplies the coordinates by their factors.
fn rescale(request: &ReadRequest, x: &mut [f64], y: &mut [f64], z: Option<&mut [f64]>) {
    for (axis, factor) in [Some(x), Some(y), z].into_iter().zip(scales(request)) {
        if factor != 1.0 {
            axis.into_iter().flatten().for_each(|value| *value *= factor);
        }
    }
}

/// What to do about a value that is not a number.
fn value_remedy(uses: &Uses, column: usize, text: &str) -> &'static str {
    if text.contains(',') && text.replace(',', ".").parse::<f64>().is_ok() {
        "Decimal commas are not understood: write numbers with a point"
    } else if uses.qv == Some(column) {
        "Qualities must be numbers: name the right column with --qv-column"
    } else {
        "Coordinates must be finite: remove the row, or name the right column with -x, -y or -z"
    }
}

fn carried_before(uses: &Uses, column: usize) -> usize {
    uses.of[..column].iter().filter(|entry| matches!(entry, Use::Carried(_))).count()
}

/// Order of the output: that of the input.
fn layout(uses: &Uses, has_z: bool) -> Vec<OutputColumn> {
    let place = |(column, entry): (usize, &Use)| match entry {
        Use::X => Some(OutputColumn::X),
        Use::Y => Some(OutputColumn::Y),
        Use::Z => has_z.then_some(OutputColumn::Z),
        Use::Gene => Some(OutputColumn::Gene),
        Use::Carried(_) => Some(OutputColumn::Carried(carried_before(uses, column))),
        Use::Dropped => None,
    };
    uses.of.iter().enumerate().filter_map(place).collect()
}

fn drop_flat_z(table: &mut RawTable, request: &ReadRequest) {
    let Some(z) = &table.collected.z else { return };
    let reason = if request.force_2d {
        "as asked for"
    } else if z.iter().all(|&value| value == z[0]) {
        "as all molecules have the same"
    } else {
        return;
    };
    table.collected.z = None;
    table.notes.push(Note::Info(format!("The z coordinate is dropped, {reason}: the data are two-dimensional")));
}

/// Notes on crop, quality and columns whose names mean something.
fn note_columns(table: &mut RawTable, request: &ReadRequest) {
    let RawTable { uses, collected, notes, .. } = table;
    for (old, new) in &uses.renamed {
        notes.push(Note::Warning(format!(
            "The input column '{old}' is written as '{new}', since '{old}' is used otherwise"
        )));
    }
    let carried = |name: &&str| uses.of.iter().any(|entry| matches!(entry, Use::Carried(have) if have == name));
    let taken: Vec<&str> = RESULT_COLUMNS.iter().copied().filter(carried).collect();
    if !taken.is_empty() {
        let names = taken.join("', '");
        notes.push(Note::Info(format!(
            "The input has columns with names of results: '{names}'. They are not used, and results replace them"
        )));
    }
    if uses.of.iter().zip(&table.header).any(|(entry, name)| *entry == Use::Dropped && *name == request.columns.z) {
        notes.push(Note::Info("The z coordinate is dropped, as asked for: the data are two-dimensional".into()));
    }
    if uses.z.is_none() && request.crop.limits_z() {
        notes.push(Note::Warning("There is no z coordinate: the crop in z is ignored".into()));
    }
    for (n, filter) in [(collected.n_cropped, "outside the crop"), (collected.n_low_qv, "of low quality")] {
        if n > 0 {
            notes.push(Note::Info(format!("Removed {n} of {} molecules {filter}", collected.n_rows)));
        }
    }
}
