//! Colors and confidences of molecules, from their neighborhoods alone.

use std::io::{self, Write};
use std::path::Path;

use super::StageError;
use super::ipc::{SourceColumn, read_table, write_table};
use super::molecules::{color_of, color_text};
use super::schema::NCV;

/// What `segfree` knows of molecules. All columns are `[n_molecules]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NcvTable {
    /// Row of the molecule among the kept rows, from 0.
    pub ids: Vec<u32>,
    /// Color of the neighborhood: red, green, blue.
    pub colors: Vec<[u8; 3]>,
    /// Probability to be real and not noise, 0..=1.
    pub confidence: Vec<f32>,
}

/// Writes the table.
pub(super) fn write_ncv(out: impl Write, ncv: &NcvTable) -> io::Result<u32> {
    let columns: Vec<SourceColumn<'_>> = (NCV.columns.iter())
        .map(|column| match column.name {
            "molecule_id" => SourceColumn::numbers(column, |row| ncv.ids[row] + 1),
            "ncv_color" => SourceColumn::texts(column, |row| Some(color_text(ncv.colors[row]))),
            _ => SourceColumn::numbers(column, |row| ncv.confidence[row]),
        })
        .collect();
    write_table(out, &NCV, &columns, ncv.ids.len())?;
    Ok(columns.len() as u32)
}

/// Reads the table.
pub(super) fn read_ncv(path: &Path, n_rows: u64) -> Result<NcvTable, StageError> {
    let mut ncv = NcvTable::default();
    read_table(path, &NCV, n_rows, |batch| {
        for &id in batch.numbers::<u32>("molecule_id")? {
            ncv.ids.push(id.checked_sub(1).ok_or_else(|| batch.damaged("a molecule has the number 0"))?);
        }
        for text in batch.texts("ncv_color")?.values_iter() {
            ncv.colors.push(color_of(text).ok_or_else(|| batch.damaged(format!("'{text}' is not a color")))?);
        }
        ncv.confidence.extend_from_slice(batch.numbers("confidence")?);
        Ok(())
    })?;
    Ok(ncv)
}
