//! Molecules, cells and counts.

use std::io;
use std::path::Path;

use polars::prelude::{DataType, IntoSeries, NamedFrom, NewChunkedArray, Series, UInt32Chunked};

use super::file::{ParquetColumn, write_table};
use crate::cells::{CellCounts, CellStats, StatValues};
use crate::composition::Color;
use crate::data::{CellIdx, CellNames, ClusterIdx, GeneTable};
use crate::io::atomic::WriteError;
use crate::io::export::molecules::{self, Content, MoleculeResults};
use crate::io::molecules::MoleculeTable;

/// Writes the molecules: the columns of the CSV table, in the same order, with their types.
///
/// Noise has no `cell` (null). `prior_segmentation` is 0 outside all segments. Categories of the input become texts.
pub fn write_molecules(path: &Path, table: &MoleculeTable, results: &MoleculeResults<'_>) -> Result<(), WriteError> {
    let system = |source| WriteError::System { path: path.to_path_buf(), source };
    write_table(path, &molecule_columns(table, results).map_err(system)?, table.molecules.len(), &[])
}

/// The columns of [`write_molecules`].
pub fn molecule_columns<'a>(
    table: &'a MoleculeTable,
    results: &MoleculeResults<'a>,
) -> io::Result<Vec<ParquetColumn<'a>>> {
    Ok(molecules::plan(table, results)?.into_iter().map(|(name, content)| molecule_column(name, content)).collect())
}

/// The column of the molecule table with this content.
pub(in crate::io::export) fn molecule_column<'a>(name: &str, content: Content<'a>) -> ParquetColumn<'a> {
    use DataType::{Boolean, Float32, Float64, UInt32};
    match content {
        Content::Float64(values) => {
            ParquetColumn::new(name, Float64, move |rows| Ok(Series::new("".into(), &values[rows])))
        }
        Content::ShortFloat(values) => ParquetColumn::of(name, Float32, move |row| values[row] as f32),
        Content::Gene(genes, names) => {
            ParquetColumn::texts(name, move |row, text| text.push_str(&names[genes[row].idx()]))
        }
        Content::Carried(series, _) => carried(name, series),
        Content::RowNumber => ParquetColumn::of(name, UInt32, |row| row as u32),
        Content::GeneNumber(genes) => ParquetColumn::of(name, UInt32, move |row| genes[row].idx() as u32),
        Content::Zero => ParquetColumn::of(name, UInt32, |_| 0u32),
        Content::CellNumber(cells, names) => {
            let number = move |row: usize| cells[row].map_or(-1, |cell| i64::from(names.number(cell)));
            ParquetColumn::of(name, DataType::Int64, number)
        }
        Content::MoleculeId(ids) => ParquetColumn::of(name, UInt32, move |row| ids[row] + 1),
        Content::Segment(segments, numbers) => ParquetColumn::of(name, UInt32, move |row| {
            segments[row].map_or(0, |segment| numbers.map_or(segment.number(), |numbers| numbers[segment.idx()]))
        }),
        Content::Cluster(clusters) => ParquetColumn::of(name, UInt32, move |row| clusters[row].number()),
        Content::Compartment(parts) => {
            ParquetColumn::texts(name, move |row, text| text.push_str(&parts.names[usize::from(parts.of[row])]))
        }
        Content::Float32(values) | Content::Share(values) => {
            ParquetColumn::new(name, Float32, move |rows| Ok(Series::new("".into(), &values[rows])))
        }
        Content::Cell(cells, names) => ParquetColumn::some_texts(name, move |row, text| {
            let cell = cells[row];
            cell.into_iter().for_each(|cell| push_name(text, names, cell));
            cell.is_some()
        }),
        Content::IsNoise(cells) => ParquetColumn::of(name, Boolean, move |row| cells[row].is_none()),
        Content::Color(colors) => {
            ParquetColumn::texts(name, move |row, text| text.push_str(&Color(colors[row]).to_string()))
        }
    }
}

/// A column of the input; what has no plain type in Parquet becomes text.
fn carried<'a>(name: &str, series: &'a Series) -> ParquetColumn<'a> {
    let dtype = match series.dtype() {
        DataType::Categorical(..) | DataType::Enum(..) | DataType::Null => DataType::String,
        other => other.clone(),
    };
    ParquetColumn::new(name, dtype, |rows| Ok(series.slice(rows.start as i64, rows.len())))
}

/// Adds the name of a cell to a text.
pub fn push_name(text: &mut String, names: &CellNames, cell: CellIdx) {
    text.push_str(names.prefix());
    text.push_str(&names.number(cell).to_string());
}

/// Writes the cells: `cell` (the name), then the statistics of the CSV table under their names; a missing text is null.
pub fn write_cells(path: &Path, names: &CellNames, stats: &CellStats) -> Result<(), WriteError> {
    write_table(path, &cell_columns("cell", names, stats), stats.n_cells(), &[])
}

/// The columns of [`write_cells`]; that of the names is called `name`.
pub fn cell_columns<'a>(name: &str, names: &'a CellNames, stats: &'a CellStats) -> Vec<ParquetColumn<'a>> {
    let mut columns = vec![ParquetColumn::texts(name, |row, text| push_name(text, names, CellIdx::new(row)))];
    for column in stats.columns() {
        columns.push(match (column.name, column.values) {
            (name @ "cluster", _) => {
                let clusters = stats.cluster.as_deref().unwrap_or_default();
                let number = move |row: usize| clusters.get(row).copied().flatten().map(ClusterIdx::number);
                ParquetColumn::of(name, DataType::UInt32, number)
            }
            (name, StatValues::Real(values)) => {
                ParquetColumn::new(name, DataType::Float64, move |rows| Ok(Series::new("".into(), &values[rows])))
            }
            (name, StatValues::Text(texts)) => ParquetColumn::some_texts(name, move |row, buffer| {
                texts[row].iter().for_each(|text| buffer.push_str(text));
                texts[row].is_some()
            }),
            (name, StatValues::Whole(values)) => ParquetColumn::new(name, DataType::UInt32, move |rows| {
                let numbers = values[rows].iter().map(|&number| number as u32);
                Ok(UInt32Chunked::from_iter_values("".into(), numbers).into_series())
            }),
        });
    }
    columns
}

/// Writes the counts that are not zero, one a row, cell by cell: `cell`, `gene`, `n`.
pub fn write_counts(path: &Path, genes: &GeneTable, names: &CellNames, counts: &CellCounts) -> Result<(), WriteError> {
    let cell_of = |entry: usize| CellIdx::new(counts.offsets.partition_point(|&begin| begin as usize <= entry) - 1);
    let columns = [
        ParquetColumn::texts("cell", |entry, text| push_name(text, names, cell_of(entry))),
        ParquetColumn::texts("gene", |entry, text| text.push_str(genes.name(counts.genes[entry]))),
        ParquetColumn::new("n", DataType::UInt32, |entries| Ok(Series::new("".into(), &counts.n[entries]))),
    ];
    write_table(path, &columns, counts.n.len(), &[])
}
