//! How large a table is, before it is read.

use std::path::Path;

use super::error::ReadError;
use super::source::{Format, Source};
use super::{parquet, text};

/// How a table lies in its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableForm {
    /// CSV.
    Text {
        /// Whether it is compressed with gzip.
        is_compressed: bool,
    },
    /// Parquet, whose footers tell the number of rows.
    Parquet {
        /// Rows of all files.
        n_rows: u64,
        /// Rows of the largest row group.
        largest_group: u64,
    },
}

/// How large a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSize {
    /// How it lies in its files.
    pub form: TableForm,
    /// Columns.
    pub n_columns: usize,
    /// Bytes of all files.
    pub n_bytes: u64,
}

/// Bytes of a row of text, as a rule, and of one that is compressed.
const TEXT_ROW: u64 = 45;
const GZIP_ROW: u64 = 14;

impl TableSize {
    /// The rows of a Parquet table, exactly; of text a guess by the bytes of the files, within a factor of three.
    pub fn n_rows(&self) -> u64 {
        match self.form {
            TableForm::Parquet { n_rows, .. } => n_rows,
            TableForm::Text { is_compressed } => self.n_bytes / if is_compressed { GZIP_ROW } else { TEXT_ROW },
        }
    }
}

/// The size of a molecule table: of Parquet from the footers, of text from the files and its header. Reads no rows but
/// the first.
///
/// Errors: [`ReadError`], as [`read`](super::read) would have them.
pub fn size_of_table(path: &Path) -> Result<TableSize, ReadError> {
    let source = Source::find(path)?;
    let n_bytes = source.n_bytes()?;
    let first = source.parts().next();
    let first = first.as_ref().unwrap_or(&source);
    let (form, n_columns) = match source.format {
        Format::Parquet => {
            let groups = parquet::row_groups(&source)?;
            let n_rows = groups.iter().map(|&n| n as u64).sum();
            let largest_group = groups.iter().map(|&n| n as u64).max().unwrap_or(0);
            (TableForm::Parquet { n_rows, largest_group }, parquet::header(first)?.len())
        }
        format => (TableForm::Text { is_compressed: format == Format::GzipCsv }, text::header(first)?.len()),
    };
    Ok(TableSize { form, n_columns, n_bytes })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use polars::prelude::{DataFrame, NamedFrom as _, ParquetWriter, Series};

    use super::*;
    use crate::io::molecules::{ReadRequest, read};

    const N: usize = 25_000;

    fn csv() -> String {
        let rows = (0..N).map(|row| format!("{row},{}.5,g{},{row}\n", row % 77, row % 9));
        format!("x,y,gene,id\n{}", rows.collect::<String>())
    }

    fn rows_read(path: &Path) -> u64 {
        let crop = crate::io::molecules::Crop { x_max: Some(100.0), ..Default::default() };
        let table = read(&ReadRequest { path: path.into(), crop, ..ReadRequest::default() }).unwrap();
        assert_eq!(table.molecules.len(), 101);
        table.seen.n_rows
    }

    #[test]
    fn rows_of_text_are_guessed_before_and_counted_while_reading() {
        let dir = tempfile::tempdir().unwrap();
        let plain = dir.path().join("t.csv");
        std::fs::write(&plain, csv()).unwrap();
        let packed = dir.path().join("t.csv.gz");
        let file = std::fs::File::create(&packed).unwrap();
        let mut packer = flate2::write::GzEncoder::new(file, flate2::Compression::default());
        packer.write_all(csv().as_bytes()).unwrap();
        packer.finish().unwrap();
        for (path, is_compressed) in [(plain, false), (packed, true)] {
            let size = size_of_table(&path).unwrap();
            assert_eq!((size.form, size.n_columns), (TableForm::Text { is_compressed }, 4));
            let guess = size.n_rows() as f64 / N as f64;
            assert!((0.33..3.0).contains(&guess), "{guess}");
            assert_eq!(rows_read(&path), N as u64);
        }
    }

    #[test]
    fn footers_tell_the_rows_of_parquet() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.parquet");
        let numbers = |name: &str, of: fn(usize) -> f64| Series::new(name.into(), (0..N).map(of).collect::<Vec<f64>>());
        let genes: Vec<String> = (0..N).map(|row| format!("g{}", row % 9)).collect();
        let columns = vec![
            numbers("x", |row| row as f64).into(),
            numbers("y", |row| (row % 77) as f64).into(),
            Series::new("gene".into(), genes).into(),
        ];
        let mut frame = DataFrame::new(N, columns).unwrap();
        let file = std::fs::File::create(&path).unwrap();
        ParquetWriter::new(file).with_row_group_size(Some(10_000)).finish(&mut frame).unwrap();
        let size = size_of_table(&path).unwrap();
        let TableForm::Parquet { n_rows, largest_group } = size.form else { panic!("{size:?}") };
        assert_eq!((n_rows, size.n_rows(), size.n_columns), (N as u64, N as u64, 3));
        assert!((5_000..=12_500).contains(&largest_group), "{largest_group}");
        assert_eq!(rows_read(&path), N as u64);
    }
}
