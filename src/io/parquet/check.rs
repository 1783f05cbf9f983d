//! What a Parquet file says of its rows and pages, compared with its length.
//!
//! METHOD: the decoder reserves memory for as many values as a header names, and a damaged header may name any number:
//! the process would be ended by the allocator, which nothing can catch. So the headers of all pages of a column are
//! read once before they are decoded. Their bytes are a thousandth of the file's.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use polars_parquet::parquet::metadata::{ColumnChunkMetadata, FileMetadata};
use polars_parquet::parquet::page::{PageType, ParquetPageHeader};
use polars_parquet_format::thrift::protocol::TCompactInputProtocol;

use super::{ParquetFault, guarded};

/// Rows of a file at most: more molecules or vertices than a run can take.
const MAX_ROWS_OF_FILE: usize = 1 << 33;
/// Values of a page at most; writers make pages of some thousands.
const MAX_VALUES_OF_PAGE: i64 = 1 << 27;
/// Bytes that a page may unpack to in any case, and for each of its packed bytes.
const ALWAYS_FINE: i64 = 1 << 26;
const EXPANSION: i64 = 1100;
/// Bytes of the header of a page at most; minima and maxima of long texts are part of it.
const MAX_HEADER: usize = 16 << 20;

fn damaged<T>(what: String) -> Result<T, ParquetFault> {
    Err(ParquetFault::Damaged(what))
}

/// Checks the footer: numbers of rows, and places of columns within the `n_bytes` of the file.
pub(super) fn footer(metadata: &FileMetadata, n_bytes: u64) -> Result<(), ParquetFault> {
    let mut n_rows = 0usize;
    for (at, group) in metadata.row_groups.iter().enumerate() {
        n_rows = n_rows.saturating_add(group.num_rows());
        if n_rows > MAX_ROWS_OF_FILE {
            return damaged(format!("row group {at} is said to have {} rows", group.num_rows()));
        }
        for column in group.parquet_columns() {
            let name = &column.descriptor().path_in_schema[0];
            let (begin, n) = (column.data_page_offset(), column.compressed_size());
            let begin = column.dictionary_page_offset().map_or(begin, |offset| offset.min(begin));
            let end = begin.checked_add(n).and_then(|end| u64::try_from(end).ok());
            if begin < 0 || n < 0 || end.is_none_or(|end| end > n_bytes) {
                return damaged(format!("column '{name}' is said to lie at byte {begin}, outside of the file"));
            }
            if is_flat(column) && column.num_values() != group.num_rows() as i64 {
                return damaged(format!(
                    "column '{name}' is said to have {} values in row group {at}, which has {} rows",
                    column.num_values(),
                    group.num_rows()
                ));
            }
        }
    }
    if n_rows != metadata.num_rows {
        return damaged(format!("its row groups have {n_rows} rows, but the file {}", metadata.num_rows));
    }
    Ok(())
}

fn is_flat(column: &ColumnChunkMetadata) -> bool {
    column.descriptor().descriptor.max_rep_level == 0
}

/// Checks the pages of a column in the row groups that hold the rows from `offset` on.
pub(super) fn pages(
    path: &Path,
    metadata: &FileMetadata,
    name: &str,
    offset: usize,
    n_rows: usize,
    n_bytes: u64,
) -> Result<(), ParquetFault> {
    let mut begin = 0;
    for group in &metadata.row_groups {
        let end = begin + group.num_rows();
        if end > offset && begin < offset + n_rows {
            let Some(chunks) = group.columns_under_root_iter(name) else {
                return damaged("it is missing in a row group".to_owned());
            };
            for chunk in chunks {
                pages_of(path, chunk, n_bytes)?;
            }
        }
        begin = end;
    }
    Ok(())
}

fn pages_of(path: &Path, chunk: &ColumnChunkMetadata, n_bytes: u64) -> Result<(), ParquetFault> {
    let range = chunk.byte_range();
    let end = range.end.min(n_bytes);
    let mut file = BufReader::with_capacity(1 << 12, File::open(path)?);
    file.seek(SeekFrom::Start(range.start))?;
    let mut at = range.start;
    let mut n_left = chunk.num_values();
    while n_left > 0 {
        let mut counted = Counted { inner: &mut file, n_read: 0 };
        let header = guarded(|| {
            let mut protocol = TCompactInputProtocol::new(&mut counted, MAX_HEADER);
            ParquetPageHeader::read_from_in_protocol(&mut protocol)
                .map_err(|error| super::missing(&format!("the header of a page at byte {at}: {error}")))
        })?;
        at += counted.n_read;
        n_left -= i64::from(values_of(&header, n_left)?);
        let n_packed = u64::try_from(header.compressed_page_size).unwrap_or(u64::MAX);
        if n_packed > end.saturating_sub(at) {
            return damaged(format!("a page at byte {at} is said to have {} bytes", header.compressed_page_size));
        }
        file.seek_relative(header.compressed_page_size.into())?;
        at += n_packed;
    }
    Ok(())
}

/// The values of a page that is not a dictionary, if its header can be believed. `n_left`: values that the column may
/// still have.
fn values_of(header: &ParquetPageHeader, n_left: i64) -> Result<i32, ParquetFault> {
    let (n_unpacked, n_packed) = (i64::from(header.uncompressed_page_size), i64::from(header.compressed_page_size));
    if n_unpacked < 0 || n_packed < 0 || n_unpacked > ALWAYS_FINE.max(n_packed.saturating_mul(EXPANSION)) {
        return damaged(format!("a page of {n_packed} bytes is said to unpack to {n_unpacked}"));
    }
    let odd = |n: i32| damaged(format!("a page is said to have {n} values"));
    let page = match PageType::try_from(header.type_) {
        Ok(PageType::DictionaryPage) => {
            let n = header.dictionary_page_header.as_ref().map_or(-1, |dictionary| dictionary.num_values);
            // Every value but a truth value, which has no dictionary, takes a byte at least.
            return if i64::from(n) >= 0 && i64::from(n) <= n_unpacked { Ok(0) } else { odd(n) };
        }
        Ok(PageType::DataPage) => header.data_page_header.as_ref().map(|page| page.num_values),
        Ok(PageType::DataPageV2) => header.data_page_header_v2.as_ref().map(|page| {
            let levels = [page.definition_levels_byte_length, page.repetition_levels_byte_length];
            let is_fine = levels.iter().all(|&n| n >= 0)
                && levels.iter().map(|&n| i64::from(n)).sum::<i64>() <= n_packed.min(n_unpacked)
                && (0..=page.num_values).contains(&page.num_nulls)
                && (0..=page.num_values).contains(&page.num_rows);
            if is_fine { page.num_values } else { -1 }
        }),
        Err(_) => None,
    };
    match page {
        Some(n) if n >= 0 && i64::from(n) <= n_left.min(MAX_VALUES_OF_PAGE) => Ok(n),
        Some(n) => odd(n),
        None => damaged("the header of a page has no kind".to_owned()),
    }
}

/// Counts the bytes that are read.
struct Counted<R> {
    inner: R,
    n_read: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(bytes)?;
        self.n_read += n as u64;
        Ok(n)
    }
}
