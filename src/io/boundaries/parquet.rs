//! Tables of vertices as Parquet: one row group at a time.

use std::path::Path;

use polars::prelude::{ArrowDataType, DataType, PolarsError, Series};

use super::error::BoundaryError;
use super::table::{Columns, Vertices};
use super::{Boundaries, geoparquet};
use crate::io::parquet::{ParquetFault, ParquetFile};

/// Reads a Parquet file: a table of vertices, or one of geometries.
pub(super) fn read(path: &Path) -> Result<Boundaries, BoundaryError> {
    let file = ParquetFile::open(path).map_err(|fault| failure(path, fault))?;
    if let Some(geometry) = geoparquet::column(&file) {
        return geoparquet::read(path, &file, geometry);
    }
    let columns = Columns::find(path, &file.header)?;
    let mut vertices = Vertices::default();
    let mut offset = 0;
    for n_rows in file.pieces() {
        push_rows(path, &mut vertices, &columns, &file, offset, n_rows)?;
        offset += n_rows;
    }
    if offset == 0 {
        return Err(BoundaryError::Empty { path: path.into() });
    }
    Ok(vertices.finish(&file.header[columns.name]))
}

pub(super) fn failure(path: &Path, fault: ParquetFault) -> BoundaryError {
    let path = path.to_path_buf();
    match fault {
        ParquetFault::Unreadable(reason) => BoundaryError::Unreadable { path, reason },
        ParquetFault::Damaged(detail) => BoundaryError::Damaged { path, detail },
    }
}

/// Some rows of a column as text. Errors: the type has no texts, or the file is damaged.
pub(super) fn texts(
    path: &Path,
    file: &ParquetFile,
    column: usize,
    [offset, n_rows]: [usize; 2],
) -> Result<Series, BoundaryError> {
    use ArrowDataType::{FixedSizeList, LargeList, List, Map, Struct};
    let dtype = &file.types[column];
    if matches!(dtype, List(_) | LargeList(_) | FixedSizeList(..) | Map(..) | Struct(_)) {
        return Err(wrong_type(path, file, column, "the names of cells"));
    }
    let series = file.column(column, offset, n_rows).map_err(|fault| failure(path, fault))?;
    series.cast(&DataType::String).map_err(|_| wrong_type(path, file, column, "the names of cells"))
}

fn wrong_type(path: &Path, file: &ParquetFile, column: usize, needed: &'static str) -> BoundaryError {
    let dtype = format!("{:?}", file.types[column]).to_lowercase();
    BoundaryError::ColumnType { path: path.into(), column: file.header[column].clone(), dtype, needed }
}

fn push_rows(
    path: &Path,
    vertices: &mut Vertices,
    columns: &Columns,
    file: &ParquetFile,
    offset: usize,
    n_rows: usize,
) -> Result<(), BoundaryError> {
    let damaged = |error: PolarsError| BoundaryError::Damaged { path: path.into(), detail: error.to_string() };
    let numbers = |column: usize| {
        let wrong = || wrong_type(path, file, column, "coordinates");
        let series = file.column(column, offset, n_rows).map_err(|fault| failure(path, fault))?;
        let is_number = series.dtype().is_primitive_numeric() || matches!(series.dtype(), DataType::String);
        if is_number { series.cast(&DataType::Float64).map_err(damaged) } else { Err(wrong()) }
    };
    let texts = |column: usize| texts(path, file, column, [offset, n_rows]);
    let (x, y, name) = (numbers(columns.x)?, numbers(columns.y)?, texts(columns.name)?);
    let (x, y, name) = (x.f64().map_err(damaged)?, y.f64().map_err(damaged)?, name.str().map_err(damaged)?);
    let field = columns.field.map(texts).transpose()?;
    let field = field.as_ref().map(|field| field.str()).transpose().map_err(damaged)?;
    let part = columns.part.map(texts).transpose()?;
    let part = part.as_ref().map(|part| part.str()).transpose().map_err(damaged)?;
    let finite = |value: Option<f64>, column: usize, row: usize| {
        value.filter(|value| value.is_finite()).ok_or_else(|| BoundaryError::BadValue {
            path: path.into(),
            column: file.header[column].clone(),
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
