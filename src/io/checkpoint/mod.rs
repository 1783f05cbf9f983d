//! What a run has found by now, in a file, to go on from after an interruption.
//!
//! A format of our own, little-endian throughout:
//!
//! | bytes | content |
//! |---|---|
//! | 8 | `BAYSORCK` |
//! | 4 | version of the format |
//! | … | identity: a count, then names and values of everything that may change a result |
//! | … | what is [`Prepared`]: confidences, clusters, compartments, each after a byte that says whether it is there |
//! | … | after such a byte the [`Checkpoint`]: iteration, assignment, shapes, owners, trace, history, convergence |
//! | 8 | XXH64 of all bytes before it |
//!
//! Lengths are 64-bit numbers before the items; texts are UTF-8; an absent component is 0.
//! The file appears when it is complete, and is checked from end to end before anything in it is
//! believed.

mod bytes;
mod content;
mod prepared;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::atomic::{self, WriteError};
use crate::bmm::Checkpoint;
use bytes::{Sink, Source, is_whole};
use content::{read_checkpoint, write_checkpoint};
pub use prepared::Prepared;
use prepared::{read_prepared, write_prepared};

const MAGIC: [u8; 8] = *b"BAYSORCK";
const VERSION: u32 = 3;
/// Magic, version, number of identity entries, hash.
const SHORTEST: u64 = 8 + 4 + 8 + 8;

/// What a run is, as names and values; only a run with the same may go on from its checkpoint.
pub type Identity = Vec<(String, String)>;

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The system refused to read it.
    #[error(
        "cannot read the checkpoint '{path}'; make it readable, or run without --resume to start from the beginning"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It begins otherwise.
    #[error(
        "'{path}' is not a checkpoint of baysor; move it away, or run without --resume to start from the beginning"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later version of the program wrote it.
    #[error(
        "the checkpoint '{path}' has the format {seen}, and this program knows formats up to {VERSION}; go on with \
         the program that wrote it, or run without --resume to start from the beginning"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its format.
        seen: u32,
    },
    /// It is cut off, or a byte is not as it was written.
    #[error(
        "the checkpoint '{path}' is truncated or damaged; delete it, or run without --resume to start from the beginning"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// It belongs to a run with other data or parameters.
    #[error(
        "the checkpoint '{path}' belongs to another run: {difference}. Repeat that run exactly, or run without \
         --resume to start from the beginning"
    )]
    OtherRun {
        /// The file.
        path: PathBuf,
        /// What was otherwise.
        difference: String,
    },
}

/// Writes a checkpoint of the run `identity`; the file of an earlier one is replaced when this one is complete.
///
/// `model`: its state, once it has begun.
pub fn write(
    path: &Path,
    identity: &Identity,
    prepared: &Prepared<'_>,
    model: Option<&Checkpoint<'_>>,
) -> Result<(), WriteError> {
    atomic::write_file(path, |file| {
        let mut sink = Sink::new(file);
        sink.bytes(&MAGIC)?;
        sink.bytes(&VERSION.to_le_bytes())?;
        sink.length(identity.len())?;
        for text in identity.iter().flat_map(|(name, value)| [name, value]) {
            sink.length(text.len())?;
            sink.bytes(text.as_bytes())?;
        }
        write_prepared(&mut sink, prepared)?;
        sink.flag(model.is_some())?;
        if let Some(model) = model {
            write_checkpoint(&mut sink, model)?;
        }
        sink.finish()
    })
}

/// Whether there is a checkpoint at `path`, whatever its state: a file that begins as one.
pub fn is_checkpoint(path: &Path) -> bool {
    let mut magic = [0; 8];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == MAGIC
}

/// A checkpoint file that was found whole; its identity is read, its content not yet.
#[derive(Debug)]
pub struct Stored {
    path: PathBuf,
    identity: Identity,
    source: Source<BufReader<File>>,
}

impl Stored {
    /// Opens and checks the file from end to end; `None` if there is none.
    ///
    /// Errors: every [`CheckpointError`] but `OtherRun`.
    pub fn open(path: &Path) -> Result<Option<Self>, CheckpointError> {
        let unreadable = |source| CheckpointError::Unreadable { path: path.to_owned(), source };
        let damaged = || CheckpointError::Damaged { path: path.to_owned() };
        let open = || File::open(path).map(|file| BufReader::with_capacity(1 << 20, file));
        let mut reader = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(unreadable)?,
        };
        let size = reader.get_ref().metadata().map_err(unreadable)?.len();
        let mut start = Vec::new();
        (&mut reader).take(12).read_to_end(&mut start).map_err(unreadable)?;
        if !start.starts_with(&MAGIC) {
            return Err(CheckpointError::Foreign { path: path.to_owned() });
        }
        let version = start[8..].try_into().map(u32::from_le_bytes).map_err(|_| damaged())?;
        if version > VERSION {
            return Err(CheckpointError::Newer { path: path.to_owned(), seen: version });
        }
        if size < SHORTEST || !is_whole(open().map_err(unreadable)?, size).map_err(unreadable)? {
            return Err(damaged());
        }
        let mut source = Source { reader, left: size - 12 - 8 };
        let identity = read_identity(&mut source).map_err(|_| damaged())?;
        Ok(Some(Self { path: path.to_owned(), identity, source }))
    }

    /// Sees to it that the entries of `identity` are those of the run that wrote the file; others do not matter.
    ///
    /// Errors: [`CheckpointError::OtherRun`] names the first that is not.
    pub fn check(&self, identity: &[(String, String)]) -> Result<(), CheckpointError> {
        let in_file = |name: &str| self.identity.iter().find(|entry| entry.0 == name).map(|entry| entry.1.as_str());
        let other = identity.iter().find(|(name, value)| in_file(name) != Some(value));
        let Some((name, value)) = other else { return Ok(()) };
        let difference = match in_file(name) {
            Some(before) => format!("{name} was {} and is {} now", show(before), show(value)),
            None => format!("it says nothing of {name}"),
        };
        Err(CheckpointError::OtherRun { path: self.path.clone(), difference })
    }

    /// Reads what was found before the model began. What follows is read by [`Begun::read`], if there is anything.
    pub fn prepared(mut self) -> Result<(Prepared<'static>, Option<Begun>), CheckpointError> {
        let read = read_prepared(&mut self.source).and_then(|prepared| Ok((prepared, self.source.flag()?)));
        match read {
            Ok((prepared, true)) => Ok((prepared, Some(Begun(self)))),
            Ok((prepared, false)) if self.source.left == 0 => Ok((prepared, None)),
            _ => Err(CheckpointError::Damaged { path: self.path }),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The part of a checkpoint file with the state of the model.
#[derive(Debug)]
pub struct Begun(Stored);

impl Begun {
    /// The same as [`Stored::check`].
    pub fn check(&self, identity: &[(String, String)]) -> Result<(), CheckpointError> {
        self.0.check(identity)
    }

    /// Reads the state of the model.
    pub fn read(self) -> Result<Checkpoint<'static>, CheckpointError> {
        let mut source = self.0.source;
        let checkpoint = read_checkpoint(&mut source);
        checkpoint.ok().filter(|_| source.left == 0).ok_or(CheckpointError::Damaged { path: self.0.path })
    }
}

/// A value in a message.
fn show(value: &str) -> String {
    const LONGEST: usize = 60;
    let line: String = value.chars().map(|c| if c.is_control() { ',' } else { c }).take(LONGEST).collect();
    match line.len() {
        0 => "not given".to_owned(),
        _ if line.len() < value.len() => format!("'{line}…'"),
        _ => format!("'{line}'"),
    }
}

fn read_identity(source: &mut Source<impl Read>) -> io::Result<Identity> {
    let n = source.length(16)?;
    (0..n).map(|_| Ok((source.text()?, source.text()?))).collect()
}
