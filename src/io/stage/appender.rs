//! Tables whose rows are added in parts: written batch by batch, with the same bytes as if all rows had been there.
//!
//! At most one batch is held, and no file is open between two batches, so that thousands of tables can be written at a
//! time. The categories of a carried column are known only at the end, but stand before the rows in the file: the rows
//! of such a table wait in a second file, encoded, and are copied.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use polars::prelude::{PolarsError, PolarsResult};
use polars_arrow::array::Array;
use polars_arrow::datatypes::ArrowSchemaRef;
use polars_arrow::io::ipc::write::{EncodedData, FileWriter};
use rayon::prelude::*;

use super::StageError;
use super::ipc::{Hashing, Values, as_io_error, encode_dictionaries, encode_rows, options};
use super::schema::Table;
use super::stores::{Pick, Store};
use crate::io::atomic::{NewPath, WriteError, disk};
use crate::io::molecules::Fingerprint;

/// Bytes that wait for the next write at most.
const BUFFER: usize = 1 << 15;
/// Values from which on columns are gathered in parallel.
const LARGE: usize = 1 << 16;

/// A table while rows are added to it.
pub(super) struct TableAppender {
    schema: ArrowSchemaRef,
    stores: Vec<Box<dyn Store>>,
    rows_per_batch: usize,
    /// Rows that wait for their batch.
    n_waiting: usize,
    n_rows: u64,
    /// Whether a batch was written.
    has_batch: bool,
    sink: Sink,
    place: NewPath,
}

/// A table that is complete but for its name.
pub(super) struct WrittenTable {
    pub file: NewPath,
    pub n_rows: u64,
    pub n_columns: u64,
    pub content: Fingerprint,
}

/// Where batches go.
enum Sink {
    File(Box<FileWriter<Hashing<Reopened>>>),
    /// The rows wait until all categories are known: sizes of the parts of every batch, and the file that has them.
    Waiting(Vec<[usize; 2]>, Reopened, NewPath),
}

/// Values of a column that are added: arrays, and which rows of them.
pub(super) struct Part<'a> {
    pub sources: Vec<&'a dyn Array>,
    pub picks: &'a [Pick],
}

impl TableAppender {
    /// Begins the table in the directory `dir`. `stores`: one for every field of the schema.
    pub fn begin(
        dir: &Path,
        table: &Table,
        schema: ArrowSchemaRef,
        stores: Vec<Box<dyn Store>>,
    ) -> Result<Self, StageError> {
        let path = dir.join(table.file);
        let place = NewPath::reserve(&path)?;
        let sink = if stores.iter().any(|store| store.is_growing()) {
            let waiting = NewPath::reserve(&path)?;
            Sink::Waiting(Vec::new(), Reopened::new(waiting.temporary()), waiting)
        } else {
            Sink::File(Box::new(begin_file(&place, &schema).map_err(|error| failed(&place, error))?))
        };
        let rows_per_batch = table.rows_per_batch;
        Ok(Self { schema, stores, rows_per_batch, n_waiting: 0, n_rows: 0, has_batch: false, sink, place })
    }

    /// Rows that were added.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Adds `n` rows. `parts`: one for every column, with `n` picks each.
    ///
    /// Errors: arrays of other types than the columns; a disk that is full.
    pub fn append(&mut self, parts: &[Part<'_>], n: usize) -> Result<(), StageError> {
        let mut begin = 0;
        while begin < n {
            let end = n.min(begin + self.rows_per_batch - self.n_waiting);
            let gather =
                |(store, part): (&mut Box<dyn Store>, &Part<'_>)| store.gather(&part.sources, &part.picks[begin..end]);
            let columns = self.stores.par_iter_mut().zip(parts);
            let columns = columns.with_min_len(if (end - begin) * parts.len() < LARGE { parts.len() } else { 1 });
            columns.map(gather).collect::<PolarsResult<()>>().map_err(|error| failed(&self.place, error))?;
            self.n_waiting += end - begin;
            self.n_rows += (end - begin) as u64;
            begin = end;
            if self.n_waiting == self.rows_per_batch {
                self.write_batch().map_err(|error| failed(&self.place, error))?;
            }
        }
        Ok(())
    }

    /// Writes what is left and closes the file.
    pub fn finish(mut self) -> Result<WrittenTable, StageError> {
        // A table without rows has one empty batch, because dictionaries are written with batches.
        if self.n_waiting > 0 || !self.has_batch {
            self.write_batch().map_err(|error| failed(&self.place, error))?;
        }
        let Self { schema, mut stores, n_rows, sink, place, .. } = self;
        let content = match sink {
            Sink::File(writer) => end_file(*writer),
            Sink::Waiting(sizes, rows, waiting) => put_together(&place, &schema, &mut stores, &sizes, rows, &waiting),
        };
        let content = content.map_err(|error| failed(&place, error))?;
        Ok(WrittenTable { file: place, n_rows, n_columns: stores.len() as u64, content })
    }

    fn write_batch(&mut self) -> PolarsResult<()> {
        let n = std::mem::take(&mut self.n_waiting);
        let arrays = self.stores.iter_mut().map(|store| store.take()).collect::<PolarsResult<Vec<Values>>>()?;
        let is_first = !std::mem::replace(&mut self.has_batch, true);
        let options = options();
        match &mut self.sink {
            Sink::File(writer) => {
                let dictionaries =
                    if is_first { encode_dictionaries(&self.schema, &arrays, &options)? } else { Vec::new() };
                writer.write_encoded(&dictionaries, &encode_rows(&self.schema, arrays, n, &options)?)
            }
            Sink::Waiting(sizes, file, _) => {
                let EncodedData { ipc_message, arrow_data } = encode_rows(&self.schema, arrays, n, &options)?;
                sizes.push([ipc_message.len(), arrow_data.len()]);
                file.write_all(&ipc_message)?;
                Ok(file.write_all(&arrow_data)?)
            }
        }
    }
}

/// Copies the rows that have waited behind the dictionaries.
fn put_together(
    place: &NewPath,
    schema: &ArrowSchemaRef,
    stores: &mut [Box<dyn Store>],
    sizes: &[[usize; 2]],
    mut rows: Reopened,
    waiting: &NewPath,
) -> PolarsResult<Fingerprint> {
    rows.flush()?;
    let mut rows = BufReader::with_capacity(BUFFER, File::open(waiting.temporary())?);
    let entries = stores.iter_mut().map(|store| match store.empty()? {
        Some(entries) => Ok(entries),
        None => store.take(),
    });
    let mut dictionaries = encode_dictionaries(schema, &entries.collect::<PolarsResult<Vec<_>>>()?, &options())?;
    let mut writer = begin_file(place, schema)?;
    let mut read = |n: usize| {
        let mut bytes = vec![0; n];
        rows.read_exact(&mut bytes).map(|()| bytes)
    };
    for &[message, data] in sizes {
        let batch = EncodedData { ipc_message: read(message)?, arrow_data: read(data)? };
        writer.write_encoded(&std::mem::take(&mut dictionaries), &batch)?;
    }
    end_file(writer)
}

fn begin_file(place: &NewPath, schema: &ArrowSchemaRef) -> PolarsResult<FileWriter<Hashing<Reopened>>> {
    FileWriter::try_new(Hashing::new(Reopened::new(place.temporary())), schema.clone(), None, options())
}

/// Writes the footer and all that waits; returns size and hash of the file.
fn end_file(mut writer: FileWriter<Hashing<Reopened>>) -> PolarsResult<Fingerprint> {
    writer.finish()?;
    Ok(writer.into_inner().fingerprint())
}

fn failed(place: &NewPath, error: PolarsError) -> StageError {
    WriteError::System { path: place.path().to_path_buf(), source: as_io_error(error) }.into()
}

/// A file that is open only while something is written to its end.
struct Reopened {
    path: PathBuf,
    waiting: Vec<u8>,
}

impl Reopened {
    fn new(path: &Path) -> Self {
        Self { path: path.to_path_buf(), waiting: Vec::new() }
    }
}

impl Write for Reopened {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.waiting.len() + bytes.len() <= BUFFER {
            self.waiting.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        let mut file = OpenOptions::new().append(true).open(&self.path)?;
        file.write_all(&self.waiting)?;
        self.waiting.clear();
        file.write_all(bytes)?;
        // Brought to the disk when the table is complete.
        disk::close_unsynced(file)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.waiting.is_empty() {
            let mut file = OpenOptions::new().append(true).open(&self.path)?;
            file.write_all(&self.waiting)?;
            self.waiting.clear();
            disk::close_unsynced(file)?;
        }
        Ok(())
    }
}
