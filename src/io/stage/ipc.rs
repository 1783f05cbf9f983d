//! Tables as Arrow IPC files, batch by batch.
//!
//! METHOD: buffers are compressed with zstd, which takes a molecule table to less than a third of its size and costs less
//! than reading the input (`docs/stages.md` has the figures). Batches are compressed and decompressed in parallel, some
//! at a time, each on its own, so that bytes do not depend on threads and memory not on the number of rows.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use polars::prelude::{PolarsError, PolarsResult};
use polars_arrow::array::{Array, BinaryArray, BooleanArray, DictionaryArray, PrimitiveArray, Utf8Array};
use polars_arrow::datatypes::{ArrowDataType, ArrowSchema, ArrowSchemaRef, Field};
use polars_arrow::io::ipc::read::{Dictionaries, FileMetadata, read_batch, read_file_dictionaries, read_file_metadata};
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

/// Some rows of a table that is read.
pub(super) struct Batch<'a> {
    path: &'a Path,
    schema: &'a ArrowSchemaRef,
    arrays: &'a [Values],
}

/// Reads a table that must have `n_rows` rows, and hands its batches to `take` in order.
///
/// Errors: [`StageError::TableDamaged`] when columns are missing or have other types than defined, and when values are
/// missing that must not. A decoder that panics is such an error, too.
pub(super) fn read_table(
    path: &Path,
    table: &Table,
    n_rows: u64,
    take: impl FnMut(&Batch<'_>) -> Result<(), StageError>,
) -> Result<(), StageError> {
    read_columns(path, table, n_rows, |_| true, take)
}

/// Reads some columns of a table, as [`read_table`] does. At least one must be wanted.
pub(super) fn read_columns<E: From<StageError>>(
    path: &Path,
    table: &Table,
    n_rows: u64,
    is_wanted: impl Fn(&Field) -> bool,
    mut take: impl FnMut(&Batch<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let file = TableFile::open(path, table, is_wanted)?;
    let mut found = 0;
    for first in (0..file.n_batches()).step_by(wave()) {
        let batches: Vec<Result<_, StageError>> =
            (first..file.n_batches().min(first + wave())).into_par_iter().map(|batch| file.decode(batch)).collect();
        for batch in batches {
            let rows = batch?;
            found += rows.len() as u64;
            let batch = file.batch(&rows);
            check_nulls(&batch, table)?;
            take(&batch)?;
        }
    }
    Ok(check_number(path, found, n_rows)?)
}

fn check_number(path: &Path, found: u64, n_rows: u64) -> Result<(), StageError> {
    if found == n_rows {
        Ok(())
    } else {
        Err(damaged(path, format!("it has {found} rows, but the manifest says {n_rows}")))
    }
}

/// Some rows of a table in memory.
pub(super) type RowGroup = RecordBatchT<Values>;

/// A table from which batches are read; the file is open only while one is.
pub(super) struct TableFile {
    path: PathBuf,
    metadata: FileMetadata,
    dictionaries: Dictionaries,
    /// Positions of the columns that are read, ascending.
    columns: Vec<usize>,
    /// Their fields.
    schema: ArrowSchemaRef,
}

impl TableFile {
    /// Opens the file of a table of which the wanted columns, one at least, will be read.
    pub fn open(path: &Path, table: &Table, is_wanted: impl Fn(&Field) -> bool) -> Result<Self, StageError> {
        let (mut file, metadata) = open(path)?;
        check_schema(path, table, &metadata.schema)?;
        let dictionaries =
            guarded(|| read_file_dictionaries(&mut file, &metadata, &mut Vec::new(), Default::default()));
        let dictionaries = dictionaries.map_err(|error| damaged(path, error.to_string()))?;
        let fields = || metadata.schema.iter_values().enumerate().filter(|(_, field)| is_wanted(field));
        let columns = fields().map(|(at, _)| at).collect();
        let schema = Arc::new(fields().map(|(_, field)| field.clone()).collect());
        Ok(Self { path: path.to_path_buf(), metadata, dictionaries, columns, schema })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Fields of the columns that are read.
    pub fn schema(&self) -> &ArrowSchemaRef {
        &self.schema
    }

    /// Entries of the dictionary of a column that is read, if it has one.
    pub fn entries(&self, column: usize) -> Option<&Texts> {
        let field = self.metadata.ipc_schema.fields.get(*self.columns.get(column)?)?;
        self.dictionaries.get(&field.dictionary_id?)?.as_any().downcast_ref()
    }

    /// Number of record batches.
    pub fn n_batches(&self) -> usize {
        self.metadata.blocks.len()
    }

    /// Reads a record batch.
    pub fn decode(&self, batch: usize) -> Result<RowGroup, StageError> {
        let decoded = guarded(|| {
            let mut file = BufReader::new(File::open(&self.path)?);
            let (message, data) = (&mut Vec::new(), &mut Vec::new());
            let (checked, columns) = (Default::default(), Some(&self.columns[..]));
            let Self { dictionaries, metadata, .. } = self;
            read_batch(&mut file, dictionaries, metadata, columns, None, batch, false, message, data, checked)
        });
        decoded.map_err(|error| damaged(&self.path, error.to_string()))
    }

    /// Rows by the names of their columns.
    pub fn batch<'a>(&'a self, rows: &'a RowGroup) -> Batch<'a> {
        Batch { path: &self.path, schema: &self.schema, arrays: rows.arrays() }
    }
}

/// A place in a table that is read batch by batch; holds one batch.
pub(super) struct Cursor {
    pub file: TableFile,
    table: &'static Table,
    n_rows: u64,
    next: usize,
    found: u64,
}

impl Cursor {
    /// Stands before the first of `n_rows` rows.
    pub fn open(
        path: &Path,
        table: &'static Table,
        n_rows: u64,
        is_wanted: impl Fn(&Field) -> bool,
    ) -> Result<Self, StageError> {
        Ok(Self { file: TableFile::open(path, table, is_wanted)?, table, n_rows, next: 0, found: 0 })
    }

    /// The rows that follow, and how many stand before them; `None` at the end. Batches without rows are left out.
    pub fn next(&mut self) -> Result<Option<(u64, RowGroup)>, StageError> {
        while self.next < self.file.n_batches() {
            let rows = self.file.decode(self.next)?;
            check_nulls(&self.file.batch(&rows), self.table)?;
            let before = self.found;
            self.next += 1;
            self.found += rows.len() as u64;
            if !rows.is_empty() {
                return Ok(Some((before, rows)));
            }
        }
        check_number(self.file.path(), self.found, self.n_rows)?;
        Ok(None)
    }
}

/// The schema of a table's file, with all metadata.
pub(super) fn read_schema(path: &Path) -> Result<ArrowSchemaRef, StageError> {
    Ok(open(path)?.1.schema)
}

fn open(path: &Path) -> Result<(BufReader<File>, FileMetadata), StageError> {
    let file = File::open(path).map_err(|source| StageError::Unreadable { path: path.to_path_buf(), source })?;
    let mut file = BufReader::new(file);
    let metadata = guarded(|| read_file_metadata(&mut file)).map_err(|error| damaged(path, error.to_string()))?;
    Ok((file, metadata))
}

/// Runs a decoder, which may panic on damaged files.
fn guarded<T>(decode: impl FnOnce() -> PolarsResult<T>) -> PolarsResult<T> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(PolarsError::ComputeError("the Arrow decoder failed".into())))
}

pub(super) fn damaged(path: &Path, detail: impl Into<String>) -> StageError {
    StageError::TableDamaged { path: path.to_path_buf(), detail: detail.into() }
}

fn check_schema(path: &Path, table: &Table, schema: &ArrowSchema) -> Result<(), StageError> {
    for column in table.columns.iter().filter(|column| !column.name.contains('<')) {
        match schema.get(column.name) {
            Some(field) if field.dtype().to_storage() == column.kind.arrow().to_storage() => {}
            Some(field) => {
                let (name, wanted, found) = (column.name, column.kind.name(), field.dtype());
                return Err(damaged(path, format!("its column '{name}' is {found:?}, not {wanted}")));
            }
            None if column.optional => {}
            None => return Err(damaged(path, format!("it has no column '{}'", column.name))),
        }
    }
    Ok(())
}

fn check_nulls(batch: &Batch<'_>, table: &Table) -> Result<(), StageError> {
    for column in table.columns.iter().filter(|column| !column.nullable) {
        if batch.values(column.name).is_some_and(|values| values.null_count() > 0) {
            return Err(damaged(batch.path, format!("values of '{}' are missing", column.name)));
        }
    }
    Ok(())
}

impl<'a> Batch<'a> {
    /// The schema of the file.
    pub fn schema(&self) -> &'a ArrowSchemaRef {
        self.schema
    }

    /// Values of the column called `name`, if there is one.
    pub fn values(&self, name: &str) -> Option<&'a dyn Array> {
        self.schema.index_of(name).map(|at| self.arrays[at].as_ref())
    }

    /// Whether there is a column called `name`.
    pub fn has(&self, name: &str) -> bool {
        self.schema.index_of(name).is_some()
    }

    /// An error about the file.
    pub fn damaged(&self, detail: impl Into<String>) -> StageError {
        damaged(self.path, detail)
    }

    /// Numbers; what stands in place of missing ones has no meaning.
    pub fn numbers<T: NativeType>(&self, name: &str) -> Result<&'a [T], StageError> {
        Ok(self.some_numbers::<T>(name)?.values().as_slice())
    }

    /// Numbers, some of which are missing.
    pub fn some_numbers<T: NativeType>(&self, name: &str) -> Result<&'a PrimitiveArray<T>, StageError> {
        self.downcast(name)
    }

    /// Yes or no.
    pub fn flags(&self, name: &str) -> Result<impl Iterator<Item = bool> + use<'a>, StageError> {
        Ok(self.downcast::<BooleanArray>(name)?.values_iter())
    }

    /// Texts.
    pub fn texts(&self, name: &str) -> Result<&'a Texts, StageError> {
        self.downcast(name)
    }

    /// Bytes.
    pub fn bytes(&self, name: &str) -> Result<&'a BinaryArray<i64>, StageError> {
        self.downcast(name)
    }

    /// Positions in a dictionary, and the dictionary. All positions are in it.
    pub fn categories(&self, name: &str) -> Result<(&'a [i32], &'a Texts), StageError> {
        let dictionary: &DictionaryArray<i32> = self.downcast(name)?;
        let values = dictionary.values().as_any().downcast_ref().ok_or_else(|| self.wrong_type(name))?;
        Ok((dictionary.keys().values().as_slice(), values))
    }

    fn downcast<A: 'static>(&self, name: &str) -> Result<&'a A, StageError> {
        self.values(name).and_then(|values| values.as_any().downcast_ref()).ok_or_else(|| self.wrong_type(name))
    }

    fn wrong_type(&self, name: &str) -> StageError {
        self.damaged(format!("its column '{name}' is missing or has another type"))
    }
}
