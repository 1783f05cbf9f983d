//! Molecules as points.

use std::fs;
use std::io;

use polars::prelude::{DataType, NamedFrom, Series};
use serde_json::json;

use super::{POINTS, PandasType, element_attributes, pandas_metadata};
use crate::io::export::content::ExportContent;
use crate::io::export::molecules::{Content, plan};
use crate::io::export::parquet::{ParquetColumn, molecule_column, write_rows};
use crate::io::export::zarr::Store;

/// Rows of a file, at most: what dask reads at a time.
const ROWS_PER_PART: usize = 1 << 20;
/// The index, under the name that dask gives to one without a name.
const INDEX: &str = "__null_dask_index__";

pub(super) fn write(store: &mut Store, content: &ExportContent<'_>) -> io::Result<()> {
    let axes: &[&str] = if content.table.molecules.positions.z.is_some() { &["x", "y", "z"] } else { &["x", "y"] };
    let format = json!({"version": "0.1", "feature_key": "gene", "instance_key": "cell"});
    store.group(POINTS, element_attributes("ngff:points", axes, format))?;
    let folder = store.folder(POINTS).join("points.parquet");
    fs::create_dir(&folder)?;
    let columns = columns(content)?;
    let types: Vec<_> = columns.iter().map(|column| (column.name().to_owned(), pandas_type(column))).collect();
    let metadata = [("pandas", pandas_metadata(INDEX, &types))];
    let n_molecules = content.table.molecules.len();
    for (part, begin) in (0..n_molecules).step_by(ROWS_PER_PART).enumerate() {
        let rows = begin..n_molecules.min(begin + ROWS_PER_PART);
        write_rows(&folder.join(format!("part.{part}.parquet")), &columns, rows, &metadata)?;
    }
    Ok(())
}

/// The columns of the molecule table, and an index.
fn columns<'a>(content: &ExportContent<'a>) -> io::Result<Vec<ParquetColumn<'a>>> {
    let is_flat = content.table.molecules.positions.z.is_none();
    let mut taken: Vec<String> =
        plan(content.table, content.molecules)?.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut columns = Vec::with_capacity(taken.len() + 1);
    for (name, values) in plan(content.table, content.molecules)? {
        columns.push(match values {
            // Of double precision, as the vertices of the boundaries are, which are molecules.
            Content::Float64(values) | Content::ShortFloat(values) => {
                ParquetColumn::new(name, DataType::Float64, move |rows| Ok(Series::new("".into(), &values[rows])))
            }
            Content::Carried(..) if is_flat && name == "z" => {
                let free = free_name("z_input", &taken);
                taken.push(free.clone());
                molecule_column(&free, values)
            }
            Content::Gene(..) | Content::Cell(..) | Content::Compartment(_) | Content::Color(_) => {
                molecule_column(name, values).as_categories()
            }
            // Bytes are mostly texts, and dask takes them all for texts.
            Content::Carried(series, _) if series.dtype() == &DataType::Binary => {
                let bytes = series.binary().map_err(io::Error::other)?;
                ParquetColumn::some_texts(name, move |row, text| {
                    let value = bytes.get(row);
                    value.into_iter().for_each(|value| text.push_str(&String::from_utf8_lossy(value)));
                    value.is_some()
                })
            }
            Content::Carried(series, _) if series.dtype().is_categorical() || series.dtype().is_enum() => {
                molecule_column(name, values).as_categories()
            }
            _ => molecule_column(name, values),
        });
    }
    columns.push(ParquetColumn::of(INDEX, DataType::Int64, |row| row as i64));
    Ok(columns)
}

/// A name that no column has.
fn free_name(wanted: &str, taken: &[String]) -> String {
    let mut name = wanted.to_owned();
    while taken.contains(&name) {
        name.push('_');
    }
    name
}

fn pandas_type(column: &ParquetColumn<'_>) -> PandasType {
    if column.is_categories() {
        return PandasType { pandas: "categorical", numpy: "int32" };
    }
    let same = |name| PandasType { pandas: name, numpy: name };
    match column.dtype() {
        DataType::Boolean => same("bool"),
        DataType::Int8 => same("int8"),
        DataType::Int16 => same("int16"),
        DataType::Int32 => same("int32"),
        DataType::Int64 => same("int64"),
        DataType::UInt8 => same("uint8"),
        DataType::UInt16 => same("uint16"),
        DataType::UInt32 => same("uint32"),
        DataType::UInt64 => same("uint64"),
        DataType::Float32 => same("float32"),
        DataType::Float64 => same("float64"),
        DataType::Date => PandasType { pandas: "date", numpy: "object" },
        DataType::Datetime(..) => PandasType { pandas: "datetime", numpy: "datetime64[ns]" },
        DataType::Duration(_) => PandasType { pandas: "timedelta", numpy: "timedelta64[ns]" },
        DataType::Binary => PandasType { pandas: "bytes", numpy: "object" },
        _ => PandasType { pandas: "unicode", numpy: "object" },
    }
}
