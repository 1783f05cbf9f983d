//! The molecule table with whatever is known of molecules.

use std::io::{self, Write};

use polars_arrow::datatypes::Field;

use super::StageError;
use super::carried;
use super::ipc::{SourceColumn, write_table};
use super::schema::{self, MOLECULES};
use crate::data::{CellIdx, ClusterIdx, SegmentIdx};
use crate::io::molecules::{Carried, MoleculeTable, OutputColumn};

/// What is known of molecules besides the input; all columns are `[n_molecules]`, in the order of the table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MoleculeResults {
    /// Segment of the prior segmentation.
    pub prior_segment: Option<Vec<Option<SegmentIdx>>>,
    /// Probability to be real and not noise, 0..=1.
    pub confidence: Option<Vec<f32>>,
    /// Whether a component starts from the molecule; of tiles.
    pub is_center: Option<Vec<bool>>,
    /// Part of the cell.
    pub compartment: Option<Compartments>,
    /// Probability to be in a nucleus, 0..=1.
    pub nuclei_probs: Option<Vec<f32>>,
    /// Molecule cluster.
    pub cluster: Option<Vec<ClusterIdx>>,
    /// Cell, `None` for noise.
    pub cell: Option<Vec<Option<CellIdx>>>,
    /// Trust in the assignment, 0..=1.
    pub assignment_confidence: Option<Vec<f32>>,
    /// Color of the neighborhood: red, green, blue.
    pub ncv_color: Option<Vec<[u8; 3]>>,
}

/// Parts of cells by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compartments {
    /// Names of the parts.
    pub names: Vec<String>,
    /// Position in `names` for every molecule. `[n_molecules]`
    pub of: Vec<u8>,
}

/// Writes the table of `n_rows` molecules; returns the number of columns.
pub(super) fn write(out: impl Write, columns: &[SourceColumn<'_>], n_rows: usize) -> io::Result<u32> {
    write_table(out, &MOLECULES, columns, n_rows)?;
    Ok(columns.len() as u32)
}

/// All columns with their sources.
pub(super) fn columns<'a>(
    table: &'a MoleculeTable,
    results: &'a MoleculeResults,
) -> Result<Vec<SourceColumn<'a>>, StageError> {
    let mut columns = fixed_columns(table, results, Rows::All);
    columns.extend(carried_columns(&table.carried)?);
    Ok(columns)
}

/// Rows of a table.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rows<'a> {
    /// All.
    All,
    /// These.
    Picked(&'a [u32]),
}

impl Rows<'_> {
    #[inline]
    fn at(&self, row: usize) -> usize {
        match self {
            Self::All => row,
            Self::Picked(rows) => rows[row] as usize,
        }
    }
}

/// Some rows of the columns that are not carried.
pub(super) fn fixed_columns<'a>(
    table: &'a MoleculeTable,
    results: &'a MoleculeResults,
    rows: Rows<'a>,
) -> Vec<SourceColumn<'a>> {
    let mut columns = input_columns(table, rows);
    columns.extend(result_columns(results, rows));
    columns
}

/// The carried columns.
pub(super) fn carried_columns(carried: &Carried) -> Result<Vec<SourceColumn<'_>>, StageError> {
    let names = carried::stage_names(carried.frame.columns().iter().map(|column| column.name().as_str()));
    let source = |(at, name): (usize, &String)| {
        let position = carried.layout.iter().position(|&entry| entry == OutputColumn::Carried(at));
        carried::source(carried.series(at), name, position)
    };
    names.iter().enumerate().map(source).collect()
}

fn input_columns<'a>(table: &'a MoleculeTable, rows: Rows<'a>) -> Vec<SourceColumn<'a>> {
    let MoleculeTable { molecules, genes, carried, .. } = table;
    let known = [("x", OutputColumn::X), ("y", OutputColumn::Y), ("z", OutputColumn::Z), ("gene", OutputColumn::Gene)];
    let mut columns = Vec::new();
    for column in MOLECULES.columns {
        let positions = &molecules.positions;
        let mut source = match (column.name, &positions.z) {
            ("molecule_id", _) => SourceColumn::numbers(column, move |row| molecules.ids[rows.at(row)] + 1),
            ("x", _) => SourceColumn::numbers(column, move |row| positions.x[rows.at(row)]),
            ("y", _) => SourceColumn::numbers(column, move |row| positions.y[rows.at(row)]),
            ("z", Some(z)) => SourceColumn::numbers(column, move |row| z[rows.at(row)]),
            ("gene", _) => {
                SourceColumn::categories(column, genes.names(), move |row| molecules.genes[rows.at(row)].idx())
            }
            _ => continue,
        };
        if let Some((_, output)) = known.iter().find(|(name, _)| *name == column.name) {
            let position = carried.layout.iter().position(|entry| entry == output);
            let axis = ["x", "y", "z"].iter().position(|axis| *axis == column.name);
            let is_f32 = axis.is_some_and(|axis| carried.f32_axes[axis]);
            source.field = with_origin(source.field, column, position, is_f32);
        }
        columns.push(source);
    }
    columns
}

/// Adds to the metadata what is needed to write the user's table again.
fn with_origin(field: Field, column: &schema::Column, position: Option<usize>, is_f32: bool) -> Field {
    let mut metadata = column.metadata();
    if let Some(position) = position {
        metadata.insert(schema::POSITION.into(), position.to_string().into());
    }
    if is_f32 {
        metadata.insert(schema::INPUT_TYPE.into(), F32.into());
    }
    field.with_metadata(metadata)
}

/// What [`schema::INPUT_TYPE`] says of coordinates that were 32-bit numbers.
pub(super) const F32: &str = "float32";

fn result_columns<'a>(results: &'a MoleculeResults, rows: Rows<'a>) -> Vec<SourceColumn<'a>> {
    MOLECULES.columns.iter().filter_map(|column| result_column(results, column, rows)).collect()
}

fn result_column<'a>(
    results: &'a MoleculeResults,
    column: &schema::Column,
    rows: Rows<'a>,
) -> Option<SourceColumn<'a>> {
    let r = results;
    let numbers = |values: &'a Option<Vec<f32>>| {
        let values = values.as_ref()?;
        Some(SourceColumn::numbers(column, move |row| values[rows.at(row)]))
    };
    match column.name {
        "prior_segmentation" => {
            let values = r.prior_segment.as_ref()?;
            Some(SourceColumn::some_numbers(column, move |row| values[rows.at(row)].map(SegmentIdx::number)))
        }
        "confidence" => numbers(&r.confidence),
        "is_center" => {
            let values = r.is_center.as_ref()?;
            Some(SourceColumn::flags(column, move |row| values[rows.at(row)]))
        }
        "compartment" => {
            let parts = r.compartment.as_ref()?;
            Some(SourceColumn::categories(column, &parts.names, move |row| parts.of[rows.at(row)].into()))
        }
        "nuclei_probs" => numbers(&r.nuclei_probs),
        "cluster" => {
            let values = r.cluster.as_ref()?;
            Some(SourceColumn::numbers(column, move |row| values[rows.at(row)].number()))
        }
        "cell" => {
            let values = r.cell.as_ref()?;
            Some(SourceColumn::some_numbers(column, move |row| values[rows.at(row)].map(CellIdx::number)))
        }
        "assignment_confidence" => numbers(&r.assignment_confidence),
        "ncv_color" => {
            let values = r.ncv_color.as_ref()?;
            Some(SourceColumn::texts(column, move |row| Some(color_text(values[rows.at(row)]))))
        }
        _ => None,
    }
}

/// A color as text: `#RRGGBB`.
pub(super) fn color_text([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// Reads a color.
pub(super) fn color_of(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some([red, green, blue])
}
