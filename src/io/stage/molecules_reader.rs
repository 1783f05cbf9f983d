//! Reading the molecule table: whole, without carried columns, or these alone, batch by batch.

use std::ops::Range;
use std::path::Path;

use polars::prelude::{Column, DataFrame};
use polars_arrow::datatypes::{ArrowSchema, ArrowSchemaRef, Field};

use super::StageError;
use super::carried::{self, Target, is_carried};
use super::ipc::{Batch, TableFile, damaged, read_columns, read_schema, read_table};
use super::molecules::{Compartments, F32, MoleculeResults, color_of};
use super::schema::{self, MOLECULES};
use crate::data::{CellIdx, ClusterIdx, GeneIdx, GeneTable, Molecules, Positions, SegmentIdx};
use crate::io::molecules::{Carried, Fingerprint, MoleculeTable, OutputColumn, ReadFacts};

/// What the molecule table of a stage holds.
pub(super) type Content = (MoleculeTable, MoleculeResults);

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
