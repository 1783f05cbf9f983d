//! Parquet files, row group by row group.
//!
//! METHOD: the Arrow schema that is stored beside the table names plain texts and bytes. The library would name its own
//! "views", which many readers of the last years do not know.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use polars::io::parquet::write::{BatchedWriter, KeyValueMetadata};
use polars::prelude::{
    BinaryChunkedBuilder, Column, CompatLevel, DataFrame, DataType, IntoColumn, IntoSeries, ParquetCompression,
    ParquetWriter, PolarsError, PolarsResult, Schema, Series, StringChunkedBuilder,
};
use polars_arrow::datatypes::{ArrowDataType, ArrowSchema, Field, IntegerType, Metadata};
use polars_arrow::io::ipc::write::{default_ipc_fields, schema_to_bytes};
use rayon::prelude::*;

use crate::io::atomic::{WriteError, disk, write_file};

/// Rows of a row group, at most: what is held in memory at a time for each thread.
pub const ROWS: usize = 1 << 17;
/// Row groups that are compressed at a time, at most.
const MAX_WAVE: usize = 8;

/// A column on its way into a file.
pub struct ParquetColumn<'a> {
    name: String,
    dtype: DataType,
    is_categories: bool,
    rows: Box<dyn Fn(Range<usize>) -> PolarsResult<Series> + Send + Sync + 'a>,
}

impl<'a> ParquetColumn<'a> {
    /// A column of which `rows` makes any range, of the type `dtype`.
    pub fn new(
        name: &str,
        dtype: DataType,
        rows: impl Fn(Range<usize>) -> PolarsResult<Series> + Send + Sync + 'a,
    ) -> Self {
        Self { name: name.to_owned(), dtype, is_categories: false, rows: Box::new(rows) }
    }

    /// Values of any type that the library makes a column of; missing ones are `None`.
    pub fn of<T: Send>(name: &str, dtype: DataType, of: impl Fn(usize) -> T + Send + Sync + 'a) -> Self
    where
        Series: FromIterator<T>,
    {
        Self::new(name, dtype, move |rows| Ok(rows.map(&of).collect()))
    }

    /// Texts, of which one is written into the empty buffer for every row.
    pub fn texts(name: &str, write: impl Fn(usize, &mut String) + Send + Sync + 'a) -> Self {
        Self::some_texts(name, move |row, text| {
            write(row, text);
            true
        })
    }

    /// Texts, some of which are missing: those for which `write` returns false.
    pub fn some_texts(name: &str, write: impl Fn(usize, &mut String) -> bool + Send + Sync + 'a) -> Self {
        Self::new(name, DataType::String, move |rows| {
            let mut texts = StringChunkedBuilder::new("".into(), rows.len());
            let mut buffer = String::new();
            for row in rows {
                buffer.clear();
                let is_there = write(row, &mut buffer);
                texts.append_option(is_there.then_some(&buffer));
            }
            Ok(texts.finish().into_series())
        })
    }

    /// Bytes, which are written into the buffer for every row.
    pub fn bytes(name: &str, write: impl Fn(usize, &mut Vec<u8>) + Send + Sync + 'a) -> Self {
        Self::new(name, DataType::Binary, move |rows| {
            let mut values = BinaryChunkedBuilder::new("".into(), rows.len());
            let mut buffer = Vec::new();
            for row in rows {
                write(row, &mut buffer);
                values.append_value(&buffer);
            }
            Ok(values.finish().into_series())
        })
    }

    /// The same texts, which readers take for categories: pandas has a number for each row then, and each text once.
    pub fn as_categories(self) -> Self {
        Self { is_categories: self.dtype == DataType::String, ..self }
    }

    /// Whether readers take the texts for categories.
    pub fn is_categories(&self) -> bool {
        self.is_categories
    }

    /// Name of the column.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Type of the column.
    pub fn dtype(&self) -> &DataType {
        &self.dtype
    }

    fn column(&self, rows: Range<usize>) -> PolarsResult<Column> {
        let mut series = (self.rows)(rows)?;
        if *series.dtype() != self.dtype {
            series = series.strict_cast(&self.dtype)?;
        }
        Ok(series.with_name(self.name.as_str().into()).into_column())
    }

    /// The field that readers find in the stored schema.
    fn arrow(&self) -> Field {
        let dtype = match &self.dtype {
            DataType::String => ArrowDataType::Utf8,
            DataType::Binary => ArrowDataType::Binary,
            other => other.to_arrow(CompatLevel::oldest()),
        };
        let dtype = match self.is_categories {
            true => ArrowDataType::Dictionary(IntegerType::Int32, Box::new(dtype), false),
            false => dtype,
        };
        Field::new(self.name.as_str().into(), dtype, true)
    }
}

/// Writes a table of `n_rows` rows, compressed with zstd. `metadata`: further entries of the file, by key.
///
/// Holds some row groups of [`ROWS`] rows. The same bytes for any number of threads.
pub fn write_table(
    path: &Path,
    columns: &[ParquetColumn<'_>],
    n_rows: usize,
    metadata: &[(&str, String)],
) -> Result<(), WriteError> {
    write_file(path, |file| write_groups(file, columns, 0..n_rows, metadata).map_err(as_io_error))
}

/// Writes some rows of a table into a file inside a folder that is not complete; otherwise as [`write_table`].
pub fn write_rows(
    path: &Path,
    columns: &[ParquetColumn<'_>],
    rows: Range<usize>,
    metadata: &[(&str, String)],
) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    write_groups(&mut file, columns, rows, metadata).map_err(as_io_error)?;
    disk::close(file.into_inner().map_err(io::IntoInnerError::into_error)?)
}

fn write_groups(
    file: impl Write + Send,
    columns: &[ParquetColumn<'_>],
    rows: Range<usize>,
    metadata: &[(&str, String)],
) -> PolarsResult<()> {
    let schema: Schema = columns.iter().map(|column| (column.name.as_str().into(), column.dtype.clone())).collect();
    let mut entries = vec![("ARROW:schema".to_owned(), stored_schema(columns, metadata))];
    entries.extend(metadata.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    let writer: BatchedWriter<_> = ParquetWriter::new(file)
        .with_compression(ParquetCompression::Zstd(None))
        .set_parallel(false)
        .with_key_value_metadata(Some(KeyValueMetadata::from_static(entries)))
        .batched(&schema)?;
    let n_groups = rows.len().div_ceil(ROWS);
    let wave = rayon::current_num_threads().clamp(1, MAX_WAVE);
    for first in (0..n_groups).step_by(wave) {
        let groups: Vec<PolarsResult<Vec<_>>> = (first..n_groups.min(first + wave))
            .into_par_iter()
            .map(|group| {
                let begin = rows.start + group * ROWS;
                let rows = begin..rows.end.min(begin + ROWS);
                let n = rows.len();
                let columns: PolarsResult<Vec<Column>> =
                    columns.iter().map(|column| column.column(rows.clone())).collect();
                let frame = DataFrame::new(n, columns?)?;
                writer.encode_and_compress(&frame).collect()
            })
            .collect();
        for group in groups {
            writer.write_row_groups(group?)?;
        }
    }
    writer.finish().map(drop)
}

/// The schema as readers of Arrow look for it: an IPC message of the old form, in base64. It repeats the entries of the
/// file, because pyarrow believes the schema alone about them.
fn stored_schema(columns: &[ParquetColumn<'_>], metadata: &[(&str, String)]) -> String {
    let schema: ArrowSchema = columns.iter().map(ParquetColumn::arrow).collect();
    let entries: Metadata = metadata.iter().map(|(key, value)| ((*key).into(), value.as_str().into())).collect();
    let message = schema_to_bytes(&schema, &default_ipc_fields(schema.iter_values()), Some(&entries));
    let mut bytes = vec![0xff; 4];
    bytes.extend_from_slice(&(message.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&message);
    STANDARD.encode(bytes)
}

fn as_io_error(error: PolarsError) -> io::Error {
    match error {
        PolarsError::IO { error, .. } => io::Error::new(error.kind(), error.to_string()),
        other => io::Error::other(other),
    }
}
