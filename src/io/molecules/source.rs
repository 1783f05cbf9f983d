//! Finding and opening the file: its format is told by its content, never by its name.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::error::ReadError;
use super::fingerprint::{Fingerprint, fingerprint_of_files};
use super::folders::{self, Located};

/// Layout of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    GzipCsv,
    Parquet,
}

/// A table file that exists and has a known format.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The table itself, not the `experiment.xenium` or the folder that led to it; of a table in parts, their folder.
    pub path: PathBuf,
    pub format: Format,
    /// The files of the table in order, all of the same format: one, or several of Parquet.
    pub files: Vec<PathBuf>,
}

impl Source {
    /// Looks at the first bytes of `path`; follows folders and `experiment.xenium` to the table.
    pub fn find(path: &Path) -> Result<Self, ReadError> {
        Self::of(&Self::locate(path)?)
    }

    /// Finds the files of the table that `path` means.
    pub fn locate(path: &Path) -> Result<Located, ReadError> {
        let metadata = std::fs::metadata(path).map_err(|source| unreadable(path, source))?;
        if metadata.is_dir() {
            return folders::in_folder(path);
        }
        if !metadata.is_file() {
            return Err(ReadError::NotAFile { path: path.into() });
        }
        let (_, start) = open_start(path)?;
        if start.trim_ascii_start().starts_with(b"{") {
            return folders::beside_experiment(path);
        }
        Ok(Located::file(path))
    }

    /// Opens what was found.
    pub fn of(located: &Located) -> Result<Self, ReadError> {
        let files = &located.tables;
        let mut formats = Vec::with_capacity(files.len());
        for file in files {
            formats.push(format_of(file)?);
        }
        let (Some(first), Some(&format)) = (files.first(), formats.first()) else {
            return Err(ReadError::NoRows { path: PathBuf::new() });
        };
        if let Some(at) = formats.iter().position(|&other| files.len() > 1 && other != Format::Parquet) {
            let reason = "it lies among the parts of a Parquet table, and is none".into();
            return Err(ReadError::WrongFormat { path: files[at].clone(), reason });
        }
        let folder = first.parent().filter(|_| files.len() > 1);
        Ok(Self { path: folder.unwrap_or(first).into(), format, files: files.clone() })
    }

    /// Every file of the table as a source of its own.
    pub fn parts(&self) -> impl Iterator<Item = Self> {
        self.files.iter().map(|file| Self { path: file.clone(), format: self.format, files: vec![file.clone()] })
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

    /// Bytes of all files.
    pub fn n_bytes(&self) -> Result<u64, ReadError> {
        let size = |path: &PathBuf| {
            std::fs::metadata(path).map(|metadata| metadata.len()).map_err(|source| unreadable(path, source))
        };
        self.files.iter().map(size).sum()
    }

    /// The content of all files, one after the other.
    pub fn fingerprint(&self) -> Result<Fingerprint, ReadError> {
        fingerprint_of_files(&self.files).map_err(|source| unreadable(&self.path, source))
    }

    /// The error when the content is not what it was before.
    pub fn changed(&self) -> ReadError {
        ReadError::Changed { path: self.path.clone() }
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

/// The format of a file by its first bytes.
fn format_of(path: &Path) -> Result<Format, ReadError> {
    let (mut file, start) = open_start(path)?;
    Ok(match &start[..] {
        [] => return Err(ReadError::Empty { path: path.into() }),
        [b'P', b'A', b'R', b'1', ..] => {
            check_parquet_end(&mut file, path)?;
            Format::Parquet
        }
        [0x1f, 0x8b, ..] => Format::GzipCsv,
        start => match foreign_format(start) {
            Some(reason) => return Err(ReadError::WrongFormat { path: path.into(), reason: reason.into() }),
            None => Format::Csv,
        },
    })
}

/// Opens a file and reads its first bytes.
fn open_start(path: &Path) -> Result<(File, Vec<u8>), ReadError> {
    let mut file = File::open(path).map_err(|source| unreadable(path, source))?;
    let mut start = [0u8; 8];
    let n = read_start(&mut file, &mut start).map_err(|source| unreadable(path, source))?;
    Ok((file, start[..n].to_vec()))
}

fn unreadable(path: &Path, reason: io::Error) -> ReadError {
    ReadError::Unreadable { path: path.into(), reason }
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
