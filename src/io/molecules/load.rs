//! Reading a table whole, or in two passes of which the first holds no carried columns.

use polars::prelude::{Column, DataFrame, DataType, PolarsError, Series};

use super::blocks::CarriedPlan;
use super::chunk::Collected;
use super::columns::{Use, Uses};
use super::segments::SegmentsFault;
use super::source::{Format, Source};
use super::{
    Carried, MoleculeTable, Note, OutputColumn, RESULT_COLUMNS, ReadError, ReadFacts, ReadRequest, byte_strings,
    filters, parquet, segments, text,
};
use crate::data::{Molecules, Positions};

/// Which carried columns are held in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// All.
    All,
    /// Those that the prior segmentation is made of.
    Needed,
}

impl Hold {
    /// Whether each carried column is held. `[n_carried]`
    pub fn columns(self, uses: &Uses) -> Vec<bool> {
        let is_needed = |column: &usize| {
            uses.prior.contains(column) || [uses.prior_only, uses.prior_field].contains(&Some(*column))
        };
        let carried = (0..uses.of.len()).filter(|&column| matches!(uses.of[column], Use::Carried(_)));
        carried.map(|column| self == Self::All || is_needed(&column)).collect()
    }
}

/// A molecule table without its carried columns, and how to read these.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The molecules as [`read`] gives them, but the frame of the carried columns has names and types only and no rows.
    pub table: MoleculeTable,
    /// What the second pass needs.
    pub plan: CarriedPlan,
}

/// A table after the filters that look at one row only.
pub(super) struct RawTable {
    pub header: Vec<String>,
    pub uses: Uses,
    pub collected: Collected,
    /// Columns to carry that are held, complete. `[n_carried]`
    pub carried: Vec<Option<Series>>,
    /// Their types. `[n_carried]`
    pub types: Vec<DataType>,
    pub f32_axes: [bool; 3],
    pub notes: Vec<Note>,
    pub seen: ReadFacts,
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
    Ok(load(request, Hold::All)?.table)
}

/// The first of two passes over a molecule table: gives what [`read`] gives, without the carried columns.
///
/// Positions, genes and segments of a prior column are held, and one bit for every row of the file. The second pass,
/// [`CarriedPlan::blocks`], hands over the carried columns of the molecules that are left, some rows at a time.
/// Errors: those of [`read`].
pub fn scan(request: &ReadRequest) -> Result<Scan, ReadError> {
    load(request, Hold::Needed)
}

fn load(request: &ReadRequest, hold: Hold) -> Result<Scan, ReadError> {
    let patterns = filters::compile(&request.exclude_genes)?;
    let source = Source::find(&request.path)?;
    let fingerprint = source.fingerprint()?;
    let mut table = match source.format {
        Format::Parquet => parquet::read(&source, request, hold)?,
        Format::Csv | Format::GzipCsv => text::read(&source, request, hold)?,
    };
    note_columns(&mut table, request);
    byte_strings::unmark(&mut table.collected.genes, &mut table.notes);
    if request.drop_duplicates {
        filters::drop_duplicates(&mut table, &source)?;
    }
    let (genes, gene_of) = filters::filter_genes(&mut table, request, &patterns, &source)?;
    let n_molecules = gene_of.len();
    if n_molecules >= u32::MAX as usize {
        return Err(ReadError::TooManyRows { path: source.path, n_rows: n_molecules as u64 });
    }
    drop_flat_z(&mut table, request);
    let RawTable { header, uses, collected, carried, types, f32_axes, mut notes, mut seen } = table;
    let Collected { x, y, z, selection, .. } = collected;
    seen.n_rows = selection.n_rows() as u64;
    let filters::Repeats { n_duplicates, crowd } = filters::repeats(&x, &y, z.as_deref(), &gene_of);
    seen.n_duplicates = n_duplicates;
    if let Some(filters::Crowd { row, n_molecules }) = crowd {
        let depth = z.as_ref().map_or_else(String::new, |z| format!(", {}", z[row]));
        notes.push(Note::Warning(format!(
            "{n_molecules} molecules lie at the same point ({}, {}{depth}). If that stands for molecules without a place, \
             leave them out, for example with --x-min, --x-max, --y-min or --y-max",
            x[row], y[row]
        )));
    }
    if n_duplicates > 0 {
        notes.push(Note::Warning(format!(
            "{n_duplicates} molecules repeat another one (same gene, same place). They are kept; remove them from the \
             table if it was exported with duplicates"
        )));
    }
    notes.push(Note::Info(format!("Loaded {n_molecules} transcripts, {} genes", genes.len())));
    let path = source.path.clone();
    let broken = |error: PolarsError| ReadError::Damaged { path: path.clone(), detail: error.to_string() };
    let layout = layout(&uses, z.is_some());
    let prior_segments = match &request.prior {
        Some(prior) => {
            let series = |&column: &usize| carried[carried_before(&uses, column)].as_ref();
            let field_name = uses.prior_field.map_or("", |column| header[column].as_str());
            let columns = segments::PriorSeries {
                labels: uses.prior.iter().filter_map(series).collect(),
                only: uses.prior_only.as_ref().and_then(series),
                field: uses.prior_field.as_ref().and_then(series).map(|field| (field, field_name)),
            };
            let segments = segments::segments_of(&columns, prior, [&x, &y], &mut notes);
            Some(segments.map_err(|fault| match (fault, &prior.only) {
                (SegmentsFault::NoneLeft(seen), Some(only)) => ReadError::NoneWhere {
                    path: path.clone(),
                    column: only.column.clone(),
                    value: only.value.clone(),
                    seen,
                },
                (SegmentsFault::NoneLeft(seen), None) => ReadError::Damaged { path: path.clone(), detail: seen },
                (SegmentsFault::Values(error), _) => broken(error),
            })?)
        }
        None => None,
    };
    let frame = match hold {
        Hold::All => frame(n_molecules, carried.into_iter().flatten()),
        Hold::Needed => frame(0, without_rows(&uses, &types)),
    };
    let carried = Carried { frame: frame.map_err(broken)?, layout, f32_axes };
    let molecules = Molecules {
        ids: (0..n_molecules as u32).collect(),
        positions: Positions { x, y, z },
        genes: gene_of,
        n_genes: genes.len(),
    };
    let shape = carried.without_rows();
    let plan = CarriedPlan { source, fingerprint, request: request.clone(), uses, types, selection, shape };
    let table = MoleculeTable { molecules, genes, prior_segments, carried, notes, seen, path, fingerprint };
    Ok(Scan { table, plan })
}

fn frame(n_rows: usize, columns: impl Iterator<Item = Series>) -> polars::prelude::PolarsResult<DataFrame> {
    DataFrame::new(n_rows, columns.map(Column::from).collect())
}

/// The carried columns, empty.
fn without_rows(uses: &Uses, types: &[DataType]) -> impl Iterator<Item = Series> {
    let names = uses.of.iter().filter_map(|entry| if let Use::Carried(name) = entry { Some(name) } else { None });
    names.zip(types).map(|(name, dtype)| Series::new_empty(name.as_str().into(), dtype))
}

/// z must be read if it is kept, limits the crop or tells molecules apart.
pub(super) fn needs_z(request: &ReadRequest) -> bool {
    !request.force_2d || request.crop.limits_z() || request.drop_duplicates
}

/// Factors of x, y and z.
pub(super) fn scales(request: &ReadRequest) -> [f64; 3] {
    let xy = request.coordinate_scale.unwrap_or(1.0);
    [xy, xy, request.z_scale.unwrap_or(1.0)]
}

/// Multiplies the coordinates by their factors.
pub(super) fn rescale(request: &ReadRequest, x: &mut [f64], y: &mut [f64], z: Option<&mut [f64]>) {
    for (axis, factor) in [Some(x), Some(y), z].into_iter().zip(scales(request)) {
        if factor != 1.0 {
            axis.into_iter().flatten().for_each(|value| *value *= factor);
        }
    }
}

/// What to do about a value that is not a number.
pub(super) fn value_remedy(uses: &Uses, column: usize, text: &str) -> &'static str {
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
            notes.push(Note::Info(format!("Removed {n} of {} molecules {filter}", collected.n_rows())));
        }
    }
}
