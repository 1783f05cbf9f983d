//! Outlines of the segments of the prior segmentation.

use std::io::{self, Write};
use std::path::Path;

use polars_arrow::array::BinaryArray;

use super::StageError;
use super::ipc::{SourceColumn, damaged, read_table, write_table};
use super::schema::PRIOR_OUTLINES;
use crate::io::wkb;
use crate::prior::SegmentOutline;

/// Writes the outlines.
pub(super) fn write_prior_outlines(out: impl Write, outlines: &[SegmentOutline]) -> io::Result<u32> {
    let columns: Vec<SourceColumn<'_>> = (PRIOR_OUTLINES.columns.iter())
        .map(|column| match column.name {
            "row" => SourceColumn::numbers(column, |at| outlines[at].row + 1),
            _ => SourceColumn::new(column.field(), |rows| {
                let mut bytes = Vec::new();
                let shapes = rows.map(|at| {
                    wkb::encode(&outlines[at].ring, &mut bytes);
                    Some(bytes.clone())
                });
                Ok(BinaryArray::<i64>::from_iter(shapes).boxed())
            }),
        })
        .collect();
    write_table(out, &PRIOR_OUTLINES, &columns, outlines.len())?;
    Ok(columns.len() as u32)
}

/// Reads the outlines of `n_segments` segments.
pub(super) fn read_prior_outlines(
    path: &Path,
    n_rows: u64,
    n_segments: u64,
) -> Result<Vec<SegmentOutline>, StageError> {
    let mut outlines = Vec::new();
    read_table(path, &PRIOR_OUTLINES, n_rows, |batch| {
        for (&row, shape) in batch.numbers::<u32>("row")?.iter().zip(batch.bytes("geometry")?.values_iter()) {
            if row == 0 || u64::from(row) > n_segments {
                return Err(batch.damaged(format!("an outline is of the segment in row {row} of {n_segments}")));
            }
            let ring = wkb::decode(shape).ok_or_else(|| {
                damaged(path, format!("an outline of row {row} is not a polygon of one ring with finite coordinates"))
            })?;
            outlines.push(SegmentOutline { row: row - 1, ring });
        }
        Ok(())
    })?;
    Ok(outlines)
}
