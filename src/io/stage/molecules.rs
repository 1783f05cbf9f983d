//! The molecule table with whatever is known of molecules.

use std::io::{self, Write};
use std::path::Path;

use polars::prelude::{Column, DataFrame};
use polars_arrow::datatypes::{ArrowSchema, Field};

use super::StageError;
use super::carried::{self, Target};
use super::ipc::{Batch, SourceColumn, damaged, read_table, write_table};
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
    let mut columns = input_columns(table);
    columns.extend(result_columns(results));
    let layout = &table.carried.layout;
    let names = carried::stage_names(table.carried.frame.columns().iter().map(|column| column.name().as_str()));
    for (at, name) in names.iter().enumerate() {
        let position = layout.iter().position(|&entry| entry == OutputColumn::Carried(at));
        columns.push(carried::source(table.carried.series(at), name, position)?);
    }
    Ok(columns)
}

fn input_columns(table: &MoleculeTable) -> Vec<SourceColumn<'_>> {
    let MoleculeTable { molecules, genes, carried, .. } = table;
    let known = [("x", OutputColumn::X), ("y", OutputColumn::Y), ("z", OutputColumn::Z), ("gene", OutputColumn::Gene)];
    let mut columns = Vec::new();
    for column in MOLECULES.columns {
        let positions = &molecules.positions;
        let mut source = match (column.name, &positions.z) {
            ("molecule_id", _) => SourceColumn::numbers(column, |row| molecules.ids[row] + 1),
            ("x", _) => SourceColumn::numbers(column, |row| positions.x[row]),
            ("y", _) => SourceColumn::numbers(column, |row| positions.y[row]),
            ("z", Some(z)) => SourceColumn::numbers(column, |row| z[row]),
            ("gene", _) => SourceColumn::categories(column, genes.names(), |row| molecules.genes[row].idx()),
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

fn result_columns(results: &MoleculeResults) -> Vec<SourceColumn<'_>> {
    let r = results;
    let mut columns = Vec::new();
    for column in MOLECULES.columns {
        columns.extend(match column.name {
            "prior_segmentation" => r
                .prior_segment
                .as_ref()
                .map(|values| SourceColumn::some_numbers(column, |row| values[row].map(SegmentIdx::number))),
            "confidence" => r.confidence.as_ref().map(|values| SourceColumn::numbers(column, |row| values[row])),
            "compartment" => r
                .compartment
                .as_ref()
                .map(|parts| SourceColumn::categories(column, &parts.names, |row| parts.of[row].into())),
            "nuclei_probs" => r.nuclei_probs.as_ref().map(|values| SourceColumn::numbers(column, |row| values[row])),
            "cluster" => r.cluster.as_ref().map(|values| SourceColumn::numbers(column, |row| values[row].number())),
            "cell" => {
                r.cell.as_ref().map(|values| SourceColumn::some_numbers(column, |row| values[row].map(CellIdx::number)))
            }
            "assignment_confidence" => {
                r.assignment_confidence.as_ref().map(|values| SourceColumn::numbers(column, |row| values[row]))
            }
            "ncv_color" => {
                r.ncv_color.as_ref().map(|values| SourceColumn::texts(column, |row| Some(color_text(values[row]))))
            }
            _ => None,
        });
    }
    columns
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
    let mut target = Reading::default();
    read_table(path, &MOLECULES, n_rows, |batch| target.push(batch, n_rows as usize))?;
    target.finish(path, fingerprint)
}

/// The table while it is read.
#[derive(Default)]
struct Reading {
    schema: Option<ArrowSchema>,
    ids: Vec<u32>,
    positions: Positions,
    codes: Vec<GeneIdx>,
    genes: Option<GeneTable>,
    results: MoleculeResults,
    /// Carried columns, with their places in the file.
    carried: Vec<(usize, Target)>,
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
        let fields = batch.schema().iter_values().enumerate();
        self.carried = fields.filter_map(|(at, field)| Some((at, Target::of(field)?))).collect();
        self.schema = Some(batch.schema().clone());
        Ok(())
    }

    fn push(&mut self, batch: &Batch<'_>, n_rows: usize) -> Result<(), StageError> {
        if self.schema.is_none() {
            self.begin(batch, n_rows)?;
        }
        for &id in batch.numbers::<u32>("molecule_id")? {
            self.ids.push(id.checked_sub(1).ok_or_else(|| batch.damaged("a molecule has the number 0"))?);
        }
        self.positions.x.extend_from_slice(batch.numbers("x")?);
        self.positions.y.extend_from_slice(batch.numbers("y")?);
        if let Some(z) = &mut self.positions.z {
            z.extend_from_slice(batch.numbers("z")?);
        }
        self.codes.extend(batch.categories("gene")?.0.iter().map(|&code| GeneIdx::new(code as usize)));
        self.results.push(batch, n_rows)?;
        for (at, target) in &mut self.carried {
            let (name, _) = batch.schema().get_at_index(*at).ok_or_else(|| batch.damaged("a column is missing"))?;
            let values = batch.values(name).ok_or_else(|| batch.damaged("a column is missing"))?;
            target.push(values).map_err(|error| batch.damaged(format!("column '{name}': {error}")))?;
        }
        Ok(())
    }

    fn finish(self, path: &Path, fingerprint: Fingerprint) -> Result<Content, StageError> {
        let (Some(schema), Some(genes)) = (self.schema, self.genes) else {
            return Err(damaged(path, "it has no record batch"));
        };
        let places: Vec<Option<usize>> = self.carried.iter().map(|(_, target)| target.position).collect();
        let series: Vec<_> = self.carried.into_iter().filter_map(|(_, target)| target.finish()).collect();
        let columns = series.into_iter().map(Column::from).collect();
        let frame = DataFrame::new(self.ids.len(), columns).map_err(|error| damaged(path, error.to_string()))?;
        let layout = layout(&schema, &places).ok_or_else(|| damaged(path, "the places of its columns contradict"))?;
        let f32_axes = ["x", "y", "z"].map(|axis| {
            let metadata = schema.get(axis).and_then(|field| field.metadata.as_ref());
            metadata.is_some_and(|metadata| metadata.get(schema::INPUT_TYPE).is_some_and(|found| found == F32))
        });
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
    fn push(&mut self, batch: &Batch<'_>, n_rows: usize) -> Result<(), StageError> {
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
