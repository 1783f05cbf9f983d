//! Numbers of every iteration.

use std::io::{self, Write};
use std::path::Path;

use polars_arrow::array::Array as _;

use super::StageError;
use super::ipc::{SourceColumn, read_table, write_table};
use super::schema::{COMPONENTS_PREFIX, DESCRIPTION, TRACE};
use crate::bmm::Trace;
use crate::bmm::trace::TraceEntry;

/// The course of the iterations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceTable {
    /// Smallest sizes of the components that are counted.
    pub thresholds: Vec<u32>,
    /// The start and the iterations.
    pub entries: Vec<TraceEntry>,
}

impl From<&Trace> for TraceTable {
    fn from(trace: &Trace) -> Self {
        Self { thresholds: trace.thresholds().to_vec(), entries: trace.entries().to_vec() }
    }
}

/// Writes the trace, with a column for every threshold.
pub(super) fn write_trace(out: impl Write, trace: &TraceTable) -> io::Result<u32> {
    let entries = &trace.entries;
    let mut columns = Vec::new();
    for column in TRACE.columns {
        match column.name {
            "iteration" => columns.push(SourceColumn::numbers(column, |row| row as u32)),
            "noise_share" => columns.push(SourceColumn::numbers(column, |row| entries[row].noise_share)),
            "share_that_left" => {
                columns.push(SourceColumn::some_numbers(column, |row| entries[row].share_that_left));
            }
            "n_changed" => columns.push(SourceColumn::numbers(column, |row| entries[row].n_changed as u32)),
            _ => columns.extend(trace.thresholds.iter().enumerate().map(|(at, threshold)| {
                let mut source = SourceColumn::numbers(column, move |row| entries[row].n_components[at]);
                source.field.name = format!("{COMPONENTS_PREFIX}{threshold}").into();
                let mut metadata = column.metadata();
                metadata.insert(DESCRIPTION.into(), format!("components with at least {threshold} molecules").into());
                source.field = source.field.with_metadata(metadata);
                source
            })),
        }
    }
    write_table(out, &TRACE, &columns, entries.len())?;
    Ok(columns.len() as u32)
}

/// Reads the trace.
pub(super) fn read_trace(path: &Path, n_rows: u64) -> Result<TraceTable, StageError> {
    let mut trace = TraceTable::default();
    read_table(path, &TRACE, n_rows, |batch| {
        let names: Vec<&str> = batch.schema().iter_names().map(|name| name.as_str()).collect();
        let counted =
            names.iter().filter_map(|name| Some((*name, name.strip_prefix(COMPONENTS_PREFIX)?.parse().ok()?)));
        let counted: Vec<(&str, u32)> = counted.collect();
        trace.thresholds = counted.iter().map(|&(_, threshold)| threshold).collect();
        let counts: Result<Vec<&[u32]>, StageError> = counted.iter().map(|&(name, _)| batch.numbers(name)).collect();
        let counts = counts?;
        let changed = batch.numbers::<u32>("n_changed")?;
        let majority = batch.some_numbers::<f64>("share_that_left")?;
        for (row, &noise_share) in batch.numbers::<f64>("noise_share")?.iter().enumerate() {
            let n_components = counts.iter().map(|column| column[row]).collect();
            trace.entries.push(TraceEntry {
                n_components,
                noise_share,
                n_changed: changed[row] as usize,
                share_that_left: majority.is_valid(row).then(|| majority.value(row)),
            });
        }
        Ok(())
    })?;
    Ok(trace)
}
