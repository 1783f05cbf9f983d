//! Molecule tables whose rows are added in parts, for many tiles at once.
//!
//! ```text
//! let mut appender = writer.molecules_appending(&table, &results)?;           one per tile
//! let block = CarriedBlock::new(rows, &carried)?;                             rows a..b of `table`, once for all tiles
//! appender.push(&table, &results, &picked, &block)?;                          those of a..b that the tile has, ascending
//! writer.finish_molecules(appender)?;
//! ```
//!
//! The file is, byte by byte, the one that [`StageWriter::molecules`](super::StageWriter::molecules) writes for the same
//! rows. A tile holds at most one record batch ([`ROWS_PER_BATCH`](super::schema::ROWS_PER_BATCH) rows) and keeps no file
//! open. Appenders are independent of one another: push to several in parallel.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::prelude::{PolarsError, PolarsResult};

use super::appender::{Part, TableAppender};
use super::ipc::{SourceColumn, Values, damaged};
use super::molecules::{Rows, carried_columns, fixed_columns};
use super::schema::MOLECULES;
use super::stores::{Pick, store_of};
use super::{MoleculeResults, StageError};
use crate::io::molecules::{Carried, MoleculeTable};

/// Carried columns of some rows of a table, ready to be written.
pub struct CarriedBlock {
    rows: Range<usize>,
    columns: Vec<Values>,
}

impl CarriedBlock {
    /// Takes the rows `rows` of a table, of which `carried` has the carried columns. Needs memory for a copy of these.
    ///
    /// Errors: a column of a type that a stage cannot hold.
    pub fn new(rows: Range<usize>, carried: &Carried) -> Result<Self, StageError> {
        let n = rows.len();
        let values = |column: &SourceColumn<'_>| {
            let broken = |error: PolarsError| StageError::ColumnType {
                column: column.field.name.to_string(),
                dtype: error.to_string(),
            };
            column.values(0..n).map_err(broken)
        };
        let columns = carried_columns(carried)?.iter().map(values).collect::<Result<_, StageError>>()?;
        Ok(Self { rows, columns })
    }

    /// The rows of the table.
    pub fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }
}

/// A molecule table of a stage while rows are added to it.
pub struct MoleculeAppender {
    table: TableAppender,
    n_columns: usize,
    last_id: Option<u32>,
    path: PathBuf,
}

impl MoleculeAppender {
    pub(super) fn begin(dir: &Path, table: &MoleculeTable, results: &MoleculeResults) -> Result<Self, StageError> {
        let mut columns = fixed_columns(table, results, Rows::All);
        columns.extend(carried_columns(&table.carried)?);
        let path = dir.join(MOLECULES.file);
        let schema = Arc::new(MOLECULES.schema(columns.iter().map(|column| column.field.clone())));
        let store = |column: &SourceColumn<'_>| {
            // Categories grow, but those of an enumeration and of the columns that are not carried are all there.
            store_of(column.field.dtype(), column.settled_dictionary()?)
        };
        let stores: PolarsResult<Vec<_>> = columns.iter().map(store).collect();
        let stores = stores.map_err(|error| damaged(&path, error.to_string()))?;
        let n_columns = columns.len();
        Ok(Self { table: TableAppender::begin(dir, &MOLECULES, schema, stores)?, n_columns, last_id: None, path })
    }

    /// Adds molecules: the rows `picked` of `table` and `results`, which all are among the rows of `block`.
    ///
    /// Errors: ids that do not ascend from push to push; columns that differ from those that the table was begun with;
    /// rows that the block does not have; a disk that is full.
    pub fn push(
        &mut self,
        table: &MoleculeTable,
        results: &MoleculeResults,
        picked: &[u32],
        block: &CarriedBlock,
    ) -> Result<(), StageError> {
        self.check(table, picked, block)?;
        let columns = fixed_columns(table, results, Rows::Picked(picked));
        let fixed: PolarsResult<Vec<Values>> = columns.iter().map(|column| column.values(0..picked.len())).collect();
        let fixed = fixed.map_err(|error: PolarsError| self.misused(error.to_string()))?;
        if fixed.len() + block.columns.len() != self.n_columns {
            return Err(self.misused("molecules with other columns than before are added to it"));
        }
        let in_order: Vec<Pick> = (0..picked.len() as u32).map(|row| [0, row]).collect();
        let in_block: Vec<Pick> = picked.iter().map(|&row| [0, row - block.rows.start as u32]).collect();
        let mut parts: Vec<Part<'_>> = Vec::with_capacity(self.n_columns);
        for values in &fixed {
            parts.push(Part { sources: vec![values.as_ref()], picks: &in_order });
        }
        for values in &block.columns {
            parts.push(Part { sources: vec![values.as_ref()], picks: &in_block });
        }
        self.table.append(&parts, picked.len())
    }

    /// Molecules that were added.
    pub fn n_molecules(&self) -> u64 {
        self.table.n_rows()
    }

    fn check(&mut self, table: &MoleculeTable, picked: &[u32], block: &CarriedBlock) -> Result<(), StageError> {
        for &row in picked {
            if !block.rows.contains(&(row as usize)) {
                return Err(self.misused(format!("row {row} is not in the block {:?}", block.rows)));
            }
            let id = table.molecules.ids[row as usize];
            if self.last_id.is_some_and(|last| id <= last) {
                return Err(self.misused("molecules are not added in the order of their numbers"));
            }
            self.last_id = Some(id);
        }
        Ok(())
    }

    fn misused(&self, detail: impl Into<String>) -> StageError {
        damaged(&self.path, detail)
    }

    pub(super) fn into_table(self) -> TableAppender {
        self.table
    }
}
