//! The molecule table with whatever is known of molecules.

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use polars::prelude::{Column, DataFrame};
use polars_arrow::datatypes::{ArrowSchema, ArrowSchemaRef, Field};

use super::StageError;
use super::carried::{self, Target, is_carried};
use super::ipc::{Batch, SourceColumn, TableFile, damaged, read_columns, read_schema, read_table, write_table};
use super::schema::{self, MOLECULES};
use crate::data::{CellIdx, ClusterIdx, GeneIdx, GeneTable, Molecules, Positions, SegmentIdx};
use crate::io::molecules::{Carried, Fingerprint, MoleculeTable, OutputColumn, ReadFacts};

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

/// What the molecule table of a stage holds.
pub(super) type Content = (MoleculeTable, MoleculeResults);

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
const F32: &str = "float32";

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

/// Reads the table of `n_rows` molecules. `fingerprint`: that of the input that the stage was made from.
///
/// Needs the table once in memory, and a carried column twice while it is put together.
pub(super) fn read(path: &Path, n_rows: u64, fingerprint: Fingerprint) -> Result<Content, StageError> {
    let mut target = Reading { has_carried: true, ..Reading::default() };
    read_table(path, &MOLECULES, n_rows, |batch| target.push(batch, n_rows as usize))?;
    target.finish(path, fingerprint)
}

/// Reads the table as [`read`] does, but of the carried columns names and types only.
pub(super) fn read_without_carried(path: &Path, n_rows: u64, fingerprint: Fingerprint) -> Result<Content, StageError> {
    let mut target = Reading { schema: Some(read_schema(path)?), carried: empty_targets(path)?, ..Reading::default() };
    read_columns(path, &MOLECULES, n_rows, |field| !is_carried(field), |batch| target.push(batch, n_rows as usize))?;
    target.finish(path, fingerprint)
}

/// The carried columns of a table, without rows.
fn empty_targets(path: &Path) -> Result<Vec<Target>, StageError> {
    let file = TableFile::open(path, &MOLECULES, is_carried)?;
    let mut targets = Vec::new();
    for (at, field) in file.schema().iter_values().enumerate() {
        let Some(mut target) = Target::of(field) else { continue };
        let pushed = carried::no_rows(field, file.entries(at)).and_then(|values| target.push(values.as_ref()));
        pushed.map_err(|error| damaged(path, format!("column '{}': {error}", field.name)))?;
        targets.push(target);
    }
    Ok(targets)
}

/// Hands over the carried columns of all molecules in order, batch by batch.
pub(super) fn read_carried<E: From<StageError>>(
    path: &Path,
    n_rows: u64,
    mut take: impl FnMut(Range<usize>, Carried) -> Result<(), E>,
) -> Result<(), E> {
    let mut targets = empty_targets(path)?;
    let (layout, f32_axes) = origin(path, &*read_schema(path)?, &targets)?;
    let mut begin = 0;
    let is_wanted = |field: &Field| is_carried(field) || field.name == "molecule_id";
    read_columns(path, &MOLECULES, n_rows, is_wanted, |batch| {
        let n = batch.numbers::<u32>("molecule_id")?.len();
        push_carried(&mut targets, batch)?;
        let frame = frame(path, n, &mut targets)?;
        let rows = begin..begin + n;
        begin = rows.end;
        if n == 0 { Ok(()) } else { take(rows, Carried { frame, layout: layout.clone(), f32_axes }) }
    })
}

/// The frame of carried columns of `n` rows.
fn frame(path: &Path, n: usize, targets: &mut [Target]) -> Result<DataFrame, StageError> {
    let columns = targets.iter_mut().filter_map(|target| target.take()).map(Column::from).collect();
    DataFrame::new(n, columns).map_err(|error| damaged(path, error.to_string()))
}

fn push_carried(targets: &mut [Target], batch: &Batch<'_>) -> Result<(), StageError> {
    let fields = batch.schema().iter_values().filter(|field| is_carried(field));
    for (target, field) in targets.iter_mut().zip(fields) {
        let values = batch.values(&field.name).ok_or_else(|| batch.damaged("a column is missing"))?;
        target.push(values).map_err(|error| batch.damaged(format!("column '{}': {error}", field.name)))?;
    }
    Ok(())
}

/// The order of the user's table, and which coordinates were 32-bit numbers.
fn origin(path: &Path, schema: &ArrowSchema, carried: &[Target]) -> Result<(Vec<OutputColumn>, [bool; 3]), StageError> {
    let places: Vec<Option<usize>> = carried.iter().map(|target| target.position).collect();
    let layout = layout(schema, &places).ok_or_else(|| damaged(path, "the places of its columns contradict"))?;
    let f32_axes = ["x", "y", "z"].map(|axis| {
        let metadata = schema.get(axis).and_then(|field| field.metadata.as_ref());
        metadata.is_some_and(|metadata| metadata.get(schema::INPUT_TYPE).is_some_and(|found| found == F32))
    });
    Ok((layout, f32_axes))
}

/// Identities, from 0.
pub(super) fn ids(batch: &Batch<'_>) -> Result<Vec<u32>, StageError> {
    let numbers = batch.numbers::<u32>("molecule_id")?.iter();
    let ids: Option<Vec<u32>> = numbers.map(|number| number.checked_sub(1)).collect();
    ids.ok_or_else(|| batch.damaged("a molecule has the number 0"))
}

/// The table while it is read.
#[derive(Default)]
struct Reading {
    schema: Option<ArrowSchemaRef>,
    ids: Vec<u32>,
    positions: Positions,
    codes: Vec<GeneIdx>,
    genes: Option<GeneTable>,
    results: MoleculeResults,
    /// Carried columns, in the order of the file.
    carried: Vec<Target>,
    /// Whether these have rows.
    has_carried: bool,
}

impl Reading {
    fn begin(&mut self, batch: &Batch<'_>, n_rows: usize) -> Result<(), StageError> {
        let (_, names) = batch.categories("gene")?;
        let names: Vec<String> = names.values_iter().map(str::to_owned).collect();
        let table = GeneTable::new(names.clone());
        if table.names() != names {
            return Err(batch.damaged("its genes are not sorted"));
        }
        self.genes = Some(table);
        self.ids.reserve_exact(n_rows);
        self.codes.reserve_exact(n_rows);
        self.positions.x.reserve_exact(n_rows);
        self.positions.y.reserve_exact(n_rows);
        self.positions.z = batch.has("z").then(|| Vec::with_capacity(n_rows));
        if self.schema.is_none() {
            self.carried = batch.schema().iter_values().filter_map(Target::of).collect();
            self.schema = Some(batch.schema().clone());
        }
        Ok(())
    }

    fn push(&mut self, batch: &Batch<'_>, n_rows: usize) -> Result<(), StageError> {
        if self.genes.is_none() {
            self.begin(batch, n_rows)?;
        }
        self.ids.extend(ids(batch)?);
        self.positions.x.extend_from_slice(batch.numbers("x")?);
        self.positions.y.extend_from_slice(batch.numbers("y")?);
        if let Some(z) = &mut self.positions.z {
            z.extend_from_slice(batch.numbers("z")?);
        }
        self.codes.extend(batch.categories("gene")?.0.iter().map(|&code| GeneIdx::new(code as usize)));
        self.results.push(batch, n_rows)?;
        push_carried(&mut self.carried, batch)
    }

    fn finish(mut self, path: &Path, fingerprint: Fingerprint) -> Result<Content, StageError> {
        let (Some(schema), Some(genes)) = (self.schema, self.genes) else {
            return Err(damaged(path, "it has no record batch"));
        };
        let (layout, f32_axes) = origin(path, &schema, &self.carried)?;
        let n_rows = if self.has_carried { self.ids.len() } else { 0 };
        let frame = frame(path, n_rows, &mut self.carried)?;
        let molecules = Molecules { ids: self.ids, positions: self.positions, genes: self.codes, n_genes: genes.len() };
        let table = MoleculeTable {
            molecules,
            genes,
            prior_segments: None,
            carried: Carried { frame, layout, f32_axes },
            notes: Vec::new(),
            seen: ReadFacts::default(),
            path: path.to_path_buf(),
            fingerprint,
        };
        Ok((table, self.results))
    }
}

/// The order of the user's table; `None` if it is not one.
fn layout(schema: &ArrowSchema, carried: &[Option<usize>]) -> Option<Vec<OutputColumn>> {
    let known = [("x", OutputColumn::X), ("y", OutputColumn::Y), ("z", OutputColumn::Z), ("gene", OutputColumn::Gene)];
    let mut places: Vec<(usize, OutputColumn)> = Vec::new();
    for (name, column) in known {
        places.extend(schema.get(name).and_then(carried::position).map(|place| (place, column)));
    }
    for (at, place) in carried.iter().enumerate() {
        places.extend(place.map(|place| (place, OutputColumn::Carried(at))));
    }
    places.sort_unstable_by_key(|&(place, _)| place);
    let dense = places.iter().enumerate().all(|(at, &(place, _))| at == place);
    dense.then(|| places.into_iter().map(|(_, column)| column).collect())
}

impl MoleculeResults {
    /// Adds the results in a batch to columns for `n_rows` molecules.
    pub(super) fn push(&mut self, batch: &Batch<'_>, n_rows: usize) -> Result<(), StageError> {
        fn column<T>(values: &mut Option<Vec<T>>, n_rows: usize) -> &mut Vec<T> {
            values.get_or_insert_with(|| Vec::with_capacity(n_rows))
        }
        if batch.has("prior_segmentation") {
            let numbers = batch.some_numbers::<u32>("prior_segmentation")?.iter();
            column(&mut self.prior_segment, n_rows)
                .extend(numbers.map(|number| number.and_then(|&number| SegmentIdx::from_number(number))));
        }
        if batch.has("cell") {
            let numbers = batch.some_numbers::<u32>("cell")?.iter();
            column(&mut self.cell, n_rows)
                .extend(numbers.map(|number| number.and_then(|&number| CellIdx::from_number(number))));
        }
        if batch.has("cluster") {
            let clusters = column(&mut self.cluster, n_rows);
            for &number in batch.numbers::<u32>("cluster")? {
                let cluster = ClusterIdx::from_number(number);
                clusters.push(cluster.ok_or_else(|| batch.damaged("a molecule has the cluster 0"))?);
            }
        }
        for (name, values) in [
            ("confidence", &mut self.confidence),
            ("nuclei_probs", &mut self.nuclei_probs),
            ("assignment_confidence", &mut self.assignment_confidence),
        ] {
            if batch.has(name) {
                column(values, n_rows).extend_from_slice(batch.numbers(name)?);
            }
        }
        if batch.has("is_center") {
            column(&mut self.is_center, n_rows).extend(batch.flags("is_center")?);
        }
        if batch.has("ncv_color") {
            let colors = column(&mut self.ncv_color, n_rows);
            for text in batch.texts("ncv_color")?.values_iter() {
                colors.push(color_of(text).ok_or_else(|| batch.damaged(format!("'{text}' is not a color")))?);
            }
        }
        self.push_compartments(batch)
    }

    fn push_compartments(&mut self, batch: &Batch<'_>) -> Result<(), StageError> {
        if !batch.has("compartment") {
            return Ok(());
        }
        let (codes, names) = batch.categories("compartment")?;
        let parts = self.compartment.get_or_insert_with(|| Compartments {
            names: names.values_iter().map(str::to_owned).collect(),
            of: Vec::new(),
        });
        for &code in codes {
            parts.of.push(u8::try_from(code).map_err(|_| batch.damaged("it has more than 256 compartments"))?);
        }
        Ok(())
    }
}
