//! Tables of vertices as Parquet: one row group at a time.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use polars::prelude::{
    Column, DataFrame, DataType, ParallelStrategy, ParquetReader, PolarsError, PolarsResult, SerReader, Series,
};

use super::error::BoundaryError;
use super::table::{Columns, Vertices};
use super::{Boundaries, failure};

/// Reads a Parquet file.
pub(super) fn read(path: &Path) -> Result<Boundaries, BoundaryError> {
    let damaged = |error: PolarsError| BoundaryError::Damaged { path: path.into(), detail: error.to_string() };
    let open = || File::open(path).map_err(|error| failure(path, error));
    let mut reader = ParquetReader::new(open()?);
    let (header, row_groups) = guarded(|| {
        let schema = reader.schema()?;
        let header: Vec<String> = schema.iter_names().map(|name| name.to_string()).collect();
        let metadata = reader.get_metadata()?;
        Ok((header, metadata.row_groups.iter().map(|group| group.num_rows()).collect::<Vec<usize>>()))
    })
    .map_err(damaged)?;
    let columns = Columns::find(path, &header)?;
    let mut vertices = Vertices::default();
    let mut offset = 0;
    for n_rows in row_groups.into_iter().filter(|&n_rows| n_rows > 0) {
        let file = open()?;
        let frame = guarded(|| {
            ParquetReader::new(file)
                .read_parallel(ParallelStrategy::None)
                .with_projection(Some(columns.wanted()))
                .with_slice(Some((offset, n_rows)))
                .finish()
        })
        .map_err(damaged)?;
        push_rows(path, &mut vertices, &columns, &header, frame, offset)?;
        offset += n_rows;
    }
    if offset == 0 {
        return Err(BoundaryError::Empty { path: path.into() });
    }
    Ok(vertices.finish())
}

fn push_rows(
    path: &Path,
    vertices: &mut Vertices,
    columns: &Columns,
    header: &[String],
    frame: DataFrame,
    offset: usize,
) -> Result<(), BoundaryError> {
    let damaged = |error: PolarsError| BoundaryError::Damaged { path: path.into(), detail: error.to_string() };
    let n_rows = frame.height();
    let read: Vec<Series> = frame.into_columns().into_iter().map(Column::take_materialized_series).collect();
    let wanted = columns.wanted();
    let series = |column: usize| {
        let at = wanted.partition_point(|&have| have < column);
        read.get(at).ok_or_else(|| BoundaryError::Damaged {
            path: path.into(),
            detail: format!("column '{}' is missing", header[column]),
        })
    };
    let numbers = |column: usize| series(column)?.cast(&DataType::Float64).map_err(damaged);
    let texts = |column: usize| series(column)?.cast(&DataType::String).map_err(damaged);
    let (x, y, name) = (numbers(columns.x)?, numbers(columns.y)?, texts(columns.name)?);
    let (x, y, name) = (x.f64().map_err(damaged)?, y.f64().map_err(damaged)?, name.str().map_err(damaged)?);
    let field = columns.field.map(texts).transpose()?;
    let field = field.as_ref().map(|field| field.str()).transpose().map_err(damaged)?;
    let part = columns.part.map(texts).transpose()?;
    let part = part.as_ref().map(|part| part.str()).transpose().map_err(damaged)?;
    let finite = |value: Option<f64>, column: usize, row: usize| {
        value.filter(|value| value.is_finite()).ok_or_else(|| BoundaryError::BadValue {
            path: path.into(),
            column: header[column].clone(),
            row: (offset + row) as u64 + 1,
            value: value.map_or_else(|| "a missing value".into(), |value| format!("'{value}'")),
        })
    };
    let mut full_name = String::new();
    for row in 0..n_rows {
        let vertex = [finite(x.get(row), columns.x, row)?, finite(y.get(row), columns.y, row)?];
        full_name.clear();
        if let Some(field) = field {
            full_name.push_str(field.get(row).unwrap_or_default());
            full_name.push('_');
        }
        full_name.push_str(name.get(row).unwrap_or_default());
        vertices.push(&full_name, part.and_then(|part| part.get(row)).unwrap_or_default(), vertex);
    }
    Ok(())
}

/// Runs a decoder, which may panic on damaged files.
fn guarded<T>(decode: impl FnOnce() -> PolarsResult<T>) -> PolarsResult<T> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(PolarsError::ComputeError("the Parquet decoder failed".into())))
}
