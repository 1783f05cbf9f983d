//! Boundaries as geometries in Parquet (GeoParquet), in well-known binary.
//!
//! Source: GeoParquet 1.1, <https://geoparquet.org>. MERSCOPE has a row per cell and plane, geopandas and SpatialData one
//! per cell.

use std::path::Path;

use polars::prelude::{ArrowDataType, PolarsError};
use serde_json::Value;

use super::Boundaries;
use super::error::BoundaryError;
use super::features::Features;
use super::parquet::{failure, texts};
use super::table::{GEOMETRY, NAMES};
use crate::io::parquet::ParquetFile;
use crate::io::wkb;

/// Names of columns that are the index of a table of pandas.
const INDEX: [&str; 2] = ["__index_level_0__", "index"];
/// Columns with the field of view, in which the name may be unique only.
const FIELD: &str = "fov";

/// The column with the geometries, if the file has one: that which its metadata name, or `geometry` in binary.
pub(super) fn column(file: &ParquetFile) -> Option<usize> {
    let metadata: Option<Value> = file.text("geo").and_then(|text| serde_json::from_str(&text).ok());
    let named = metadata.as_ref().and_then(|geo| geo.get("primary_column")?.as_str());
    let of_name = |name: &str| file.header.iter().position(|have| have == name);
    let by_habit = || file.header.iter().position(|have| have.trim().eq_ignore_ascii_case(GEOMETRY));
    let is_binary = |&column: &usize| {
        use ArrowDataType::{Binary, BinaryView, LargeBinary};
        matches!(file.types[column], Binary | LargeBinary | BinaryView)
    };
    named.and_then(of_name).or_else(by_habit).filter(is_binary)
}

/// Reads the polygons of a file, whose geometries are in a column.
pub(super) fn read(path: &Path, file: &ParquetFile, geometry: usize) -> Result<Boundaries, BoundaryError> {
    let header = &file.header;
    let place = |wanted: &str| header.iter().position(|name| name.trim().eq_ignore_ascii_case(wanted));
    let keys: Vec<usize> = NAMES.iter().chain(&INDEX).filter_map(|name| place(name)).collect();
    let field = place(FIELD);
    let mut features = Features::default();
    let (mut offset, mut n_ignored) = (0, 0);
    for n_rows in file.pieces() {
        let damaged = |error: PolarsError| BoundaryError::Damaged { path: path.into(), detail: error.to_string() };
        let shapes = file.column(geometry, offset, n_rows).map_err(|fault| failure(path, fault))?;
        let shapes = shapes.binary().map_err(damaged)?;
        let columns: Result<Vec<_>, _> =
            keys.iter().chain(&field).map(|&column| texts(path, file, column, [offset, n_rows])).collect();
        let columns = columns?;
        let columns: Result<Vec<_>, _> = columns.iter().map(|column| column.str()).collect();
        let columns = columns.map_err(damaged)?;
        for row in 0..n_rows {
            let polygons = match shapes.get(row) {
                None => Vec::new(),
                Some(bytes) => wkb::polygons(bytes).ok_or_else(|| BoundaryError::Damaged {
                    path: path.into(),
                    detail: format!(
                        "row {}, column '{}': it is no geometry in well-known binary",
                        offset + row + 1,
                        header[geometry]
                    ),
                })?,
            };
            if polygons.is_empty() {
                n_ignored += 1;
                continue;
            }
            if let Some(vertex) =
                polygons.iter().flatten().flatten().find(|vertex| vertex.iter().any(|at| !at.is_finite()))
            {
                return Err(BoundaryError::BadValue {
                    path: path.into(),
                    column: header[geometry].clone(),
                    row: (offset + row) as u64 + 1,
                    value: format!("'{}, {}'", vertex[0], vertex[1]),
                });
            }
            let names = keys.iter().enumerate().filter_map(|(key, &column)| {
                let name = columns[key].get(row).filter(|name| !name.is_empty())?;
                let is_of_field = header[column].trim().eq_ignore_ascii_case("cellid");
                let field = field.filter(|_| is_of_field).and_then(|_| columns.last()?.get(row));
                Some((key, field.map_or_else(|| name.to_owned(), |field| format!("{field}_{name}"))))
            });
            features.begin(names.collect());
            for polygon in polygons {
                for ring in polygon {
                    ring.into_iter().for_each(|vertex| features.push_vertex(vertex));
                    features.end_ring();
                }
                features.end_part();
            }
        }
        offset += n_rows;
    }
    if offset == 0 {
        return Err(BoundaryError::Empty { path: path.into() });
    }
    let keys: Vec<String> = keys.into_iter().map(|column| header[column].clone()).collect();
    Ok(Boundaries { n_ignored, ..features.finish(&keys).into() })
}
