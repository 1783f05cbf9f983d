//! Parquet files that others wrote: names and types of their columns, and the values of one column at a time.
//!
//! Nothing that a file says of itself is believed before it is compared with the length of the file: see [`check`]. The
//! decoder below would otherwise reserve whatever a damaged header asks for, and end the process.

mod check;
mod thrift;
mod unusual;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::prelude::{ArrowDataType, ParallelStrategy, ParquetReader, PolarsError, PolarsResult, SerReader, Series};
use polars_parquet::parquet::metadata::FileMetadata;

use super::guard;

/// Rows that are read together at most. Some writers make one row group of tens of millions of rows.
pub(super) const MAX_ROWS: usize = 1 << 20;

/// Why a Parquet file cannot be read.
#[derive(Debug)]
pub(super) enum ParquetFault {
    /// The operating system does not give us the file.
    Unreadable(io::Error),
    /// What the decoder or the checks before it say.
    Damaged(String),
}

impl From<io::Error> for ParquetFault {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

impl From<PolarsError> for ParquetFault {
    fn from(error: PolarsError) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// A Parquet file whose footer was read.
pub(super) struct ParquetFile {
    path: PathBuf,
    n_bytes: u64,
    metadata: Arc<FileMetadata>,
    /// Names of the columns. `[n_columns]`
    pub header: Vec<String>,
    /// Their types; decimals and half-precision numbers as [`ParquetFile::column`] converts them. `[n_columns]`
    pub types: Vec<ArrowDataType>,
}

impl ParquetFile {
    /// Reads the footer.
    ///
    /// Errors: a file that is unreadable, or whose footer makes no sense.
    pub fn open(path: &Path) -> Result<Self, ParquetFault> {
        let mut file = File::open(path)?;
        let n_bytes = file.metadata()?.len();
        thrift::check_footer(&mut file, n_bytes)?.map_err(ParquetFault::Damaged)?;
        let mut reader = ParquetReader::new(file);
        let (metadata, header, types) = guarded(|| {
            let metadata = reader.get_metadata()?.clone();
            let schema = reader.schema()?;
            let header = schema.iter_names().map(|name| name.to_string()).collect();
            let types = schema.iter_values().map(|field| unusual::converted(&field.dtype)).collect();
            Ok((metadata, header, types))
        })?;
        check::footer(&metadata, n_bytes)?;
        Ok(Self { path: path.into(), n_bytes, metadata, header, types })
    }

    /// An entry of the file's own metadata.
    pub fn text(&self, key: &str) -> Option<String> {
        let entries = self.metadata.key_value_metadata().as_ref()?;
        entries.iter().find(|entry| entry.key == key)?.value.clone()
    }

    /// Rows that are read together: of every row group, or of parts of large ones.
    pub fn pieces(&self) -> Vec<usize> {
        self.metadata.row_groups.iter().flat_map(|group| pieces(group.num_rows())).collect()
    }

    /// Some rows of a column, decoded in the calling thread.
    ///
    /// Decimals become integers, numbers of double precision, or text where neither holds their digits; half precision
    /// becomes single precision. Errors: pages that do not fit the file, and what the decoder finds.
    pub fn column(&self, column: usize, offset: usize, n_rows: usize) -> Result<Series, ParquetFault> {
        let name = &self.header[column];
        let of_column = |fault| match fault {
            ParquetFault::Damaged(detail) => ParquetFault::Damaged(format!("column '{name}': {detail}")),
            fault => fault,
        };
        check::pages(&self.path, &self.metadata, name, offset, n_rows, self.n_bytes).map_err(of_column)?;
        let file = File::open(&self.path)?;
        let series = guarded(|| match unusual::storage(&self.metadata, name) {
            Some(storage) => unusual::read(&file, &self.metadata, name, &storage, offset, n_rows),
            None => {
                let mut reader = ParquetReader::new(file);
                reader.set_metadata(self.metadata.clone());
                let reader = reader.read_parallel(ParallelStrategy::None).with_projection(Some(vec![column]));
                let frame = reader.with_slice(Some((offset, n_rows))).finish()?;
                let column = frame.into_columns().pop();
                column.map(|column| column.take_materialized_series()).ok_or_else(|| missing("no rows"))
            }
        });
        let series = series.map_err(|error| of_column(error.into()))?;
        if series.len() == n_rows { Ok(series) } else { Err(of_column(missing("has missing rows").into())) }
    }
}

/// Cuts a row group of `n_rows` rows into pieces.
fn pieces(n_rows: usize) -> impl Iterator<Item = usize> {
    (0..n_rows).step_by(MAX_ROWS).map(move |begin| MAX_ROWS.min(n_rows - begin))
}

fn missing(what: &str) -> PolarsError {
    PolarsError::ComputeError(what.to_owned().into())
}

/// Runs a decoder, which may panic on damaged files.
fn guarded<T>(decode: impl FnOnce() -> PolarsResult<T>) -> PolarsResult<T> {
    guard::quietly(decode).unwrap_or_else(|| Err(missing("the Parquet decoder failed")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_row_groups_are_cut() {
        let of = |n_rows: usize| pieces(n_rows).collect::<Vec<_>>();
        assert_eq!((of(0), of(5), of(MAX_ROWS)), (vec![], vec![5], vec![MAX_ROWS]));
        assert_eq!(of(2 * MAX_ROWS + 1), [MAX_ROWS, MAX_ROWS, 1]);
    }
}
