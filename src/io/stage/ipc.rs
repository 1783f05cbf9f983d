//! Tables as Arrow IPC files, batch by batch.
//!
//! METHOD: buffers are compressed with zstd, which takes a molecule table to less than a third of its size and costs less
//! than reading the input (`docs/stages.md` has the figures). Batches are compressed and decompressed in parallel, some
//! at a time, each on its own, so that bytes do not depend on threads and memory not on the number of rows.

mod check;
mod reading;

use std::io::{self, Write};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use polars::prelude::{PolarsError, PolarsResult};
use polars_arrow::array::{Array, BooleanArray, DictionaryArray, PrimitiveArray, Utf8Array};
use polars_arrow::datatypes::{ArrowDataType, ArrowSchemaRef, Field};
use polars_arrow::io::ipc::read::Dictionaries;
use polars_arrow::io::ipc::write::{
    Compression, DictionaryTracker, EncodedData, FileWriter, WriteOptions, default_ipc_fields, encode_new_dictionaries,
    encode_record_batch,
};
use polars_arrow::record_batch::RecordBatchT;
use polars_arrow::types::NativeType;
use rayon::prelude::*;

use super::StageError;
use super::schema::{Column, Table};
use crate::io::molecules::{Fingerprint, Hasher};
pub(super) use reading::{
    Batch, Cursor, RowGroup, TableFile, check_rows, damaged, read_columns, read_schema, read_table,
};

/// Values of some rows of a column.
pub(super) type Values = Box<dyn Array>;
/// Texts and bytes of a column, or missing ones.
pub(super) type Texts = Utf8Array<i32>;

/// A column on its way into a file.
pub(super) struct SourceColumn<'a> {
    /// Name, type and metadata.
    pub field: Field,
    rows: Rows<'a>,
    /// Positions in a dictionary alone.
    keys: Option<Rows<'a>>,
}

type Rows<'a> = Box<dyn Fn(Range<usize>) -> PolarsResult<Values> + Send + Sync + 'a>;

impl<'a> SourceColumn<'a> {
    /// A column of which `rows` makes any range.
    pub fn new(field: Field, rows: impl Fn(Range<usize>) -> PolarsResult<Values> + Send + Sync + 'a) -> Self {
        Self { field, rows: Box::new(rows), keys: None }
    }

    /// Some rows; of a column with a dictionary that was settled beforehand, positions in it.
    pub fn values(&self, rows: Range<usize>) -> PolarsResult<Values> {
        self.keys.as_ref().unwrap_or(&self.rows)(rows)
    }

    /// The entries of the dictionary, if they do not depend on the rows.
    pub fn settled_dictionary(&self) -> PolarsResult<Option<Texts>> {
        let is_settled = self.keys.is_some() || matches!(self.field.dtype(), ArrowDataType::Dictionary(_, _, true));
        if !is_settled {
            return Ok(None);
        }
        let rows = (self.rows)(0..0)?;
        let dictionary = rows.as_any().downcast_ref::<DictionaryArray<i32>>();
        Ok(dictionary.and_then(|dictionary| dictionary.values().as_any().downcast_ref::<Texts>()).cloned())
    }

    /// Numbers without missing ones.
    pub fn numbers<T: NativeType>(column: &Column, of: impl Fn(usize) -> T + Send + Sync + 'a) -> Self {
        Self::new(column.field(), move |rows| Ok(PrimitiveArray::from_vec(rows.map(&of).collect()).boxed()))
    }

    /// Numbers, some of which are missing.
    pub fn some_numbers<T: NativeType>(column: &Column, of: impl Fn(usize) -> Option<T> + Send + Sync + 'a) -> Self {
        Self::new(column.field(), move |rows| Ok(PrimitiveArray::<T>::from_iter(rows.map(&of)).boxed()))
    }

    /// Yes or no.
    pub fn flags(column: &Column, of: impl Fn(usize) -> bool + Send + Sync + 'a) -> Self {
        Self::new(column.field(), move |rows| Ok(BooleanArray::from_trusted_len_values_iter(rows.map(&of)).boxed()))
    }

    /// Texts, some of which may be missing.
    pub fn texts<S: AsRef<str>>(column: &Column, of: impl Fn(usize) -> Option<S> + Send + Sync + 'a) -> Self {
        Self::new(column.field(), move |rows| Ok(Texts::from_iter(rows.map(&of)).boxed()))
    }

    /// Entries of a dictionary, by their positions in it.
    pub fn categories(
        column: &Column,
        names: &'a [impl AsRef<str> + Sync],
        of: impl Fn(usize) -> usize + Send + Sync + 'a,
    ) -> Self {
        let of = Arc::new(of);
        let keys = move |rows: Range<usize>| PrimitiveArray::from_vec(rows.map(|row| of(row) as i32).collect());
        let keys_alone = keys.clone();
        let values = OnceLock::new();
        let rows = move |rows| {
            let values = values.get_or_init(|| Texts::from_iter_values(names.iter()));
            Ok(DictionaryArray::try_from_keys(keys(rows), values.clone().boxed(), false)?.boxed())
        };
        let keys = Box::new(move |rows| Ok(keys_alone(rows).boxed()));
        Self { field: column.field(), rows: Box::new(rows), keys: Some(keys) }
    }
}

/// Writes a table of `n_rows` rows. Holds one batch; the same bytes for any number of threads.
pub(super) fn write_table(
    out: impl Write,
    table: &Table,
    columns: &[SourceColumn<'_>],
    n_rows: usize,
) -> io::Result<()> {
    write_batches(out, table, columns, n_rows, options()).map_err(as_io_error)
}

/// How tables are written.
pub(super) fn options() -> WriteOptions {
    WriteOptions { compression: Some(Compression::ZSTD(Default::default())) }
}

/// Batches that are held at a time, at most.
const MAX_WAVE: usize = 8;

fn wave() -> usize {
    rayon::current_num_threads().clamp(1, MAX_WAVE)
}

pub(super) fn write_batches(
    out: impl Write,
    table: &Table,
    columns: &[SourceColumn<'_>],
    n_rows: usize,
    options: WriteOptions,
) -> PolarsResult<()> {
    let schema = Arc::new(table.schema(columns.iter().map(|column| column.field.clone())));
    let encode = |batch: usize| {
        let rows = batch * table.rows_per_batch..n_rows.min((batch + 1) * table.rows_per_batch);
        encode_batch(&schema, columns, rows, batch == 0, &options)
    };
    let mut writer = FileWriter::try_new(out, schema.clone(), None, options)?;
    // A table without rows has one empty batch, because dictionaries are written with batches.
    let n_batches = n_rows.div_ceil(table.rows_per_batch).max(1);
    for first in (0..n_batches).step_by(wave()) {
        // Collected before the first error is looked for: it is the one of the first batch then.
        let batches: Vec<PolarsResult<_>> =
            (first..n_batches.min(first + wave())).into_par_iter().map(encode).collect();
        for batch in batches {
            let (dictionaries, rows) = batch?;
            writer.write_encoded(&dictionaries, &rows)?;
        }
    }
    writer.finish()
}

/// Some rows as they stand in the file, with all dictionaries if they are the first rows.
fn encode_batch(
    schema: &ArrowSchemaRef,
    columns: &[SourceColumn<'_>],
    rows: Range<usize>,
    with_dictionaries: bool,
    options: &WriteOptions,
) -> PolarsResult<(Vec<EncodedData>, EncodedData)> {
    let n = rows.len();
    let arrays = columns.iter().map(|column| (column.rows)(rows.clone())).collect::<PolarsResult<Vec<_>>>()?;
    let dictionaries = if with_dictionaries { encode_dictionaries(schema, &arrays, options)? } else { Vec::new() };
    Ok((dictionaries, encode_rows(schema, arrays, n, options)?))
}

/// The dictionaries of columns.
pub(super) fn encode_dictionaries(
    schema: &ArrowSchemaRef,
    arrays: &[Values],
    options: &WriteOptions,
) -> PolarsResult<Vec<EncodedData>> {
    let mut dictionaries = Vec::new();
    let mut tracker = DictionaryTracker { dictionaries: Dictionaries::default(), cannot_replace: true };
    for (field, array) in default_ipc_fields(schema.iter_values()).iter().zip(arrays) {
        encode_new_dictionaries(field, array.as_ref(), options, &mut tracker, &mut dictionaries)?;
    }
    Ok(dictionaries)
}

/// `n` rows without dictionaries.
pub(super) fn encode_rows(
    schema: &ArrowSchemaRef,
    arrays: Vec<Values>,
    n: usize,
    options: &WriteOptions,
) -> PolarsResult<EncodedData> {
    let mut encoded = EncodedData::default();
    encode_record_batch(&RecordBatchT::try_new(n, schema.clone(), arrays)?, options, &mut encoded);
    Ok(encoded)
}

pub(super) fn as_io_error(error: PolarsError) -> io::Error {
    match error {
        PolarsError::IO { error, .. } => io::Error::new(error.kind(), error.to_string()),
        other => io::Error::other(other),
    }
}

/// Passes bytes on and hashes them.
pub(super) struct Hashing<W> {
    inner: W,
    hasher: Hasher,
}

impl<W: Write> Hashing<W> {
    pub fn new(inner: W) -> Self {
        Self { inner, hasher: Hasher::default() }
    }

    /// Size and hash of what has passed.
    pub fn fingerprint(&self) -> Fingerprint {
        self.hasher.finish()
    }

    pub fn into_inner(self) -> W {
        self.inner
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
