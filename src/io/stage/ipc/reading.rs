//! Reading tables batch by batch, with the columns that are wanted.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::prelude::{PolarsError, PolarsResult};
use polars_arrow::array::{Array, BinaryArray, BooleanArray, DictionaryArray, PrimitiveArray};
use polars_arrow::datatypes::{ArrowSchema, ArrowSchemaRef, Field};
use polars_arrow::io::ipc::read::{Dictionaries, FileMetadata, deserialize_footer, read_batch, read_file_dictionaries};
use polars_arrow::record_batch::RecordBatchT;
use polars_arrow::types::NativeType;
use rayon::prelude::*;

use super::{StageError, Texts, Values, check, wave};
use crate::io::guard;
use crate::io::stage::schema::Table;

/// Some rows of a table that is read.
pub(in crate::io::stage) struct Batch<'a> {
    path: &'a Path,
    schema: &'a ArrowSchemaRef,
    arrays: &'a [Values],
}

/// Reads a table that must have `n_rows` rows, and hands its batches to `take` in order.
///
/// Errors: [`StageError::TableDamaged`] when columns are missing or have other types than defined, and when values are
/// missing that must not. A decoder that panics is such an error, too.
pub(in crate::io::stage) fn read_table(
    path: &Path,
    table: &Table,
    n_rows: u64,
    take: impl FnMut(&Batch<'_>) -> Result<(), StageError>,
) -> Result<(), StageError> {
    read_columns(path, table, n_rows, |_| true, take)
}

/// Reads some columns of a table, as [`read_table`] does. At least one must be wanted.
pub(in crate::io::stage) fn read_columns<E: From<StageError>>(
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
pub(in crate::io::stage) type RowGroup = RecordBatchT<Values>;

/// A table from which batches are read; the file is open only while one is.
pub(in crate::io::stage) struct TableFile {
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
        for block in metadata.dictionaries.iter().flatten() {
            checked(path, || check::block(&mut file, block, metadata.size))?;
        }
        let mut file = BufReader::new(file);
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
        let mut file = open_file(&self.path)?;
        checked(&self.path, || check::block(&mut file, &self.metadata.blocks[batch], self.metadata.size))?;
        let decoded = guarded(|| {
            let mut file = BufReader::new(file);
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
pub(in crate::io::stage) struct Cursor {
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

    /// Goes back to the start.
    pub fn rewind(&mut self) {
        (self.next, self.found) = (0, 0);
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

/// Compares the number of rows that the file of a table has with that of the manifest. Reads no rows.
pub(in crate::io::stage) fn check_rows(path: &Path, n_rows: u64) -> Result<(), StageError> {
    let (mut file, metadata) = open(path)?;
    for block in metadata.dictionaries.iter().flatten() {
        checked(path, || check::block(&mut file, block, metadata.size))?;
    }
    let mut found = 0u64;
    for block in &metadata.blocks {
        found = found.saturating_add(checked(path, || check::block(&mut file, block, metadata.size))?);
    }
    check_number(path, found, n_rows)
}

/// The schema of a table's file, with all metadata.
pub(in crate::io::stage) fn read_schema(path: &Path) -> Result<ArrowSchemaRef, StageError> {
    Ok(open(path)?.1.schema)
}

fn open(path: &Path) -> Result<(File, FileMetadata), StageError> {
    let unreadable = |source| StageError::Unreadable { path: path.to_path_buf(), source };
    let mut file = open_file(path)?;
    let n_bytes = file.metadata().map_err(unreadable)?.len();
    let footer = checked(path, || check::footer(&mut file, n_bytes))?;
    let metadata = guarded(|| deserialize_footer(&footer, n_bytes));
    Ok((file, metadata.map_err(|error| damaged(path, error.to_string()))?))
}

fn open_file(path: &Path) -> Result<File, StageError> {
    File::open(path).map_err(|source| StageError::Unreadable { path: path.to_path_buf(), source })
}

/// Runs a check, which may panic on damaged files as decoders may.
fn checked<T>(path: &Path, check: impl FnOnce() -> Result<T, check::Fault>) -> Result<T, StageError> {
    guard::quietly(check)
        .unwrap_or_else(|| Err("its description makes no sense".to_owned()))
        .map_err(|detail| damaged(path, detail))
}

/// Runs a decoder, which may panic on damaged files.
fn guarded<T>(decode: impl FnOnce() -> PolarsResult<T>) -> PolarsResult<T> {
    guard::quietly(decode).unwrap_or_else(|| Err(PolarsError::ComputeError("the Arrow decoder failed".into())))
}

pub(in crate::io::stage) fn damaged(path: &Path, detail: impl Into<String>) -> StageError {
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
