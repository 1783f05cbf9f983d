//! Finding and opening the file: its format is told by its content, never by its name.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::error::ReadError;
use super::fingerprint::{Fingerprint, fingerprint};

/// Layout of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    GzipCsv,
    Parquet,
}

/// A table file that exists and has a known format.
#[derive(Debug)]
pub(super) struct Source {
    /// The table itself, not the `experiment.xenium` that led to it.
    pub path: PathBuf,
    pub format: Format,
}

impl Source {
    /// Looks at the first bytes of `path`; follows `experiment.xenium` to the table beside it.
    pub fn find(path: &Path) -> Result<Self, ReadError> {
        let metadata = std::fs::metadata(path).map_err(|source| unreadable(path, source))?;
        if metadata.is_dir() {
            return Err(ReadError::Directory { path: path.into(), hint: directory_hint(path) });
        }
        if !metadata.is_file() {
            return Err(ReadError::NotAFile { path: path.into() });
        }
        let mut file = File::open(path).map_err(|source| unreadable(path, source))?;
        let mut start = [0u8; 8];
        let n = read_start(&mut file, &mut start).map_err(|source| unreadable(path, source))?;
        let start = &start[..n];
        if start.is_empty() {
            return Err(ReadError::Empty { path: path.into() });
        }
        if start.trim_ascii_start().starts_with(b"{") {
            return Self::beside_experiment(path);
        }
        let format = match start {
            [b'P', b'A', b'R', b'1', ..] => {
                check_parquet_end(&mut file, path)?;
                Format::Parquet
            }
            [0x1f, 0x8b, ..] => Format::GzipCsv,
            _ => match foreign_format(start) {
                Some(reason) => return Err(ReadError::WrongFormat { path: path.into(), reason: reason.into() }),
                None => Format::Csv,
            },
        };
        Ok(Self { path: path.into(), format })
    }

    /// The molecule table beside a Xenium experiment file.
    fn beside_experiment(path: &Path) -> Result<Self, ReadError> {
        for name in TABLE_NAMES {
            let beside = path.with_file_name(name);
            if beside.is_file() {
                return Self::find(&beside);
            }
        }
        Err(ReadError::WrongFormat {
            path: path.into(),
            reason: "it is a JSON file, and no transcripts.parquet lies beside it. Name the molecule table itself"
                .into(),
        })
    }

    /// The decompressed bytes of a CSV file.
    pub fn text(&self) -> Result<Box<dyn Read + Send>, ReadError> {
        let file = BufReader::with_capacity(1 << 20, self.open()?);
        Ok(match self.format {
            Format::GzipCsv => Box::new(MultiGzDecoder::new(file)),
            _ => Box::new(file),
        })
    }

    pub fn open(&self) -> Result<File, ReadError> {
        File::open(&self.path).map_err(|source| unreadable(&self.path, source))
    }

    pub fn fingerprint(&self) -> Result<Fingerprint, ReadError> {
        fingerprint(self.open()?).map_err(|source| unreadable(&self.path, source))
    }

    /// The error for a failure while the content is read.
    pub fn read_failure(&self, error: io::Error) -> ReadError {
        let path = self.path.clone();
        match (self.format, error.kind()) {
            (Format::GzipCsv, io::ErrorKind::UnexpectedEof) => {
                ReadError::Truncated { path, detail: "the gzip stream has no end".into() }
            }
            (Format::GzipCsv, io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => {
                ReadError::Damaged { path, detail: format!("bad gzip data: {error}") }
            }
            _ => unreadable(&path, error),
        }
    }
}

/// What Xenium calls its molecule table.
const TABLE_NAMES: [&str; 3] = ["transcripts.parquet", "transcripts.csv.gz", "transcripts.csv"];

fn unreadable(path: &Path, reason: io::Error) -> ReadError {
    ReadError::Unreadable { path: path.into(), reason }
}

fn directory_hint(path: &Path) -> String {
    match TABLE_NAMES.iter().find(|name| path.join(name).is_file()) {
        Some(name) => format!("Did you mean {}?", path.join(name).display()),
        None => "Name the CSV or Parquet file itself".into(),
    }
}

fn read_start(file: &mut File, start: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while n < start.len() {
        match file.read(&mut start[n..])? {
            0 => break,
            more => n += more,
        }
    }
    Ok(n)
}

/// A complete Parquet file ends with the four bytes it starts with.
fn check_parquet_end(file: &mut File, path: &Path) -> Result<(), ReadError> {
    let mut end = [0u8; 4];
    let whole = file.seek(SeekFrom::End(-4)).and_then(|at| file.read_exact(&mut end).map(|()| at));
    match whole {
        Ok(at) if at >= 8 && &end == b"PAR1" => Ok(()),
        Ok(_) => Err(ReadError::Truncated { path: path.into(), detail: "a Parquet file without its footer".into() }),
        Err(source) => Err(unreadable(path, source)),
    }
}

/// Names formats that people hand over by mistake.
fn foreign_format(start: &[u8]) -> Option<&'static str> {
    match start {
        [b'P', b'K', 3, 4, ..] => Some("it is a zip archive (or an Excel workbook). Unpack it, or export CSV"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("it is compressed with zstd. Decompress it, or use gzip or Parquet"),
        [b'B', b'Z', b'h', ..] => Some("it is compressed with bzip2. Decompress it, or use gzip or Parquet"),
        [0xfd, b'7', b'z', ..] => Some("it is compressed with xz. Decompress it, or use gzip or Parquet"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("it is UTF-16 text. Convert it to UTF-8"),
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Some("it is an Arrow file. Convert it to Parquet or CSV"),
        [0x89, b'H', b'D', b'F', ..] => Some("it is an HDF5 file. Export the molecules to Parquet or CSV"),
        [0x89, b'P', b'N', b'G', ..] | [b'I', b'I', b'*' | b'+', 0, ..] | [b'M', b'M', 0, b'*' | b'+', ..] => {
            Some("it is an image. Molecules come first on the command line, the prior second")
        }
        _ => None,
    }
}
