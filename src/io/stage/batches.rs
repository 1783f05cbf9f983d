//! Molecules of a stage batch by batch, with the columns that are wanted only.
//!
//! ```text
//! let mut cursor = stage.molecule_cursor(&["x", "y", "cell"])?;
//! while let Some(batch) = cursor.next_batch()? { … }                at most ROWS_PER_BATCH molecules at a time
//! stage.molecule_batches(&["x", "y", "cell"], |batch| { … Ok(()) })?;      the same, decoded in parallel
//! ```

use std::path::Path;

use polars_arrow::datatypes::Field;

use super::StageError;
use super::ipc::{Batch, Cursor, read_columns};
use super::molecules::MoleculeResults;
use super::molecules_reader::ids;
use super::schema::MOLECULES;
use crate::data::{GeneIdx, Positions};

/// Some molecules of a stage. Columns that were not asked for, or that the stage does not have, are empty or `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MoleculeBatch {
    /// Rows of the table that come before.
    pub first_row: u64,
    /// Identity of every molecule, from 0. `[n_rows]`, and so are the others.
    pub ids: Vec<u32>,
    /// Coordinates.
    pub positions: Positions,
    /// Genes, as positions in the gene table of the stage.
    pub genes: Vec<GeneIdx>,
    /// What else is known.
    pub results: MoleculeResults,
}

impl MoleculeBatch {
    fn of(batch: &Batch<'_>, first_row: u64, n_rows: usize) -> Result<Self, StageError> {
        let reals = |name: &str| -> Result<Vec<f64>, StageError> {
            if batch.has(name) { Ok(batch.numbers(name)?.to_vec()) } else { Ok(Vec::new()) }
        };
        let mut found = Self { first_row, ids: ids(batch)?, ..Self::default() };
        found.positions.x = reals("x")?;
        found.positions.y = reals("y")?;
        found.positions.z = batch.has("z").then(|| reals("z")).transpose()?;
        if batch.has("gene") {
            found.genes = batch.categories("gene")?.0.iter().map(|&code| GeneIdx::new(code as usize)).collect();
        }
        found.results.push(batch, n_rows)?;
        Ok(found)
    }
}

/// Whether a column is read: `molecule_id` always, carried ones never.
fn is_wanted(field: &Field, columns: &[&str]) -> bool {
    let name = field.name.as_str();
    name == "molecule_id" || (columns.contains(&name) && MOLECULES.column(name).is_some())
}

/// A place in the molecule table of a stage; holds one batch, and no open file.
pub struct MoleculeCursor(Cursor);

impl MoleculeCursor {
    pub(super) fn open(path: &Path, n_rows: u64, columns: &[&str]) -> Result<Self, StageError> {
        Ok(Self(Cursor::open(path, &MOLECULES, n_rows, |field| is_wanted(field, columns))?))
    }

    /// The molecules that follow, one at least; `None` at the end.
    ///
    /// Errors: a damaged table.
    pub fn next_batch(&mut self) -> Result<Option<MoleculeBatch>, StageError> {
        let Some((before, rows)) = self.0.next()? else { return Ok(None) };
        MoleculeBatch::of(&self.0.file.batch(&rows), before, rows.len()).map(Some)
    }
}

/// Hands all batches to `take` in order.
pub(super) fn read_batches(
    path: &Path,
    n_rows: u64,
    columns: &[&str],
    mut take: impl FnMut(MoleculeBatch) -> Result<(), StageError>,
) -> Result<(), StageError> {
    let mut before = 0;
    read_columns(
        path,
        &MOLECULES,
        n_rows,
        |field| is_wanted(field, columns),
        |batch| {
            let found = MoleculeBatch::of(batch, before, 0)?;
            before += found.ids.len() as u64;
            if found.ids.is_empty() { Ok(()) } else { take(found) }
        },
    )
}
