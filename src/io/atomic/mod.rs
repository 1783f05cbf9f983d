//! Result files that are either complete or absent.
//!
//! A file is written beside its final place as `<name>.<process>-<n>.tmp`. When it is complete it is brought to the
//! disk, closed, and renamed, and its folder is brought to the disk. Every step can fail, closing too, and a failure
//! is an error. Whoever is interrupted leaves at most a `.tmp` file, never half a result.
//!
//! ```text
//! place     one file: NewPath, NewFile
//! folder    a folder full of files: NewFolder
//! batch     several files that get their names together
//! disk      writing, synchronizing and closing, with all errors
//! rest      what killed programs have left
//! ```

mod batch;
pub mod disk;
mod folder;
mod place;
mod rest;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use batch::{Batch, hold};
pub use folder::NewFolder;
pub use place::{NewFile, NewPath};
pub use rest::remove_rest;

/// Temporary names tried before giving up; more than a few are left over only by killed programs.
const MAX_ATTEMPTS: u32 = 1000;

/// Temporary files and folders that are there now.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Enters a file that must go if the program ends in the middle.
pub(super) fn is_begun(temporary: &Path) {
    unfinished().push(temporary.to_path_buf());
}

/// Takes a file or folder off the list, which is finished or gone.
pub(super) fn is_finished(temporary: &Path) {
    unfinished().retain(|path| path != temporary);
}

/// Removes all files and folders that are being written; for a program that is about to end in the middle of it.
///
/// No new file can be begun after that.
pub fn remove_unfinished() {
    let files = unfinished();
    for path in files.iter() {
        let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
    }
    std::mem::forget(files);
}

/// Why a result file could not be written. The path is always the final one.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The system refused: no permission, no space, no such folder.
    #[error("cannot write '{path}'; check that its folder exists, is writable and has space left")]
    System {
        /// The file that was to be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The format cannot hold what was to be written.
    #[error("cannot write '{path}': {source}")]
    Content {
        /// The file that was to be written.
        path: PathBuf,
        /// What it cannot hold.
        source: io::Error,
    },
    /// Something that is not a file has the name already.
    #[error("cannot write '{path}': it is {found}, not a file; choose another output name")]
    NotAFile {
        /// The file that was to be written.
        path: PathBuf,
        /// What is there.
        found: &'static str,
    },
    /// A part of the path that should be a folder is a file.
    #[error("cannot write '{path}': '{file}' is not a folder; choose another output name")]
    NotAFolder {
        /// The file that was to be written.
        path: PathBuf,
        /// What stands where a folder should be.
        file: PathBuf,
    },
    /// The path is a folder's, or empty.
    #[error("cannot write '{path}': the path does not end in a file name")]
    NoName {
        /// The path as given.
        path: PathBuf,
    },
}

/// Creates the folder that will hold `path`, and the folders above it, when missing.
///
/// Errors: [`WriteError::NotAFolder`] when a file is in the way, [`WriteError::System`] when the system refuses.
pub fn create_parent(path: &Path) -> Result<(), WriteError> {
    let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else { return Ok(()) };
    fs::create_dir_all(parent).map_err(|source| {
        let in_the_way = parent.ancestors().find(|above| fs::metadata(above).is_ok_and(|found| !found.is_dir()));
        match in_the_way {
            Some(file) => WriteError::NotAFolder { path: path.to_path_buf(), file: file.to_path_buf() },
            None => WriteError::System { path: path.to_path_buf(), source },
        }
    })
}

/// Sees to it, before hours of work, that `path` can become a file: makes its folder and looks at what is there.
///
/// Errors: those of [`create_parent`], and [`WriteError::NotAFile`] when a folder or a device has the name.
pub fn prepare(path: &Path) -> Result<(), WriteError> {
    create_parent(path)?;
    check_replaceable(path).map(drop)
}

/// Whether there is a file at `path` already; anything else there is an error.
fn check_replaceable(path: &Path) -> Result<bool, WriteError> {
    let error = |found| Err(WriteError::NotAFile { path: path.to_path_buf(), found });
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => error("a folder"),
        Ok(found) if !found.is_file() => error("a device or pipe"),
        Ok(_) => Ok(true),
        Err(_) => Ok(false),
    }
}

/// Writes the file `path` by `fill`, which gets its buffered writer; all or nothing.
pub fn write_file(path: &Path, fill: impl FnOnce(&mut NewFile) -> io::Result<()>) -> Result<(), WriteError> {
    let mut file = NewFile::create(path)?;
    match fill(&mut file) {
        Ok(()) => file.commit(),
        Err(source) => Err(file.error(source)),
    }
}

/// The temporary name beside `target`, at the given attempt to find one that is free.
fn temporary_name(target: &Path, attempt: u32) -> PathBuf {
    let mut name = OsString::from(target.file_name().unwrap_or_default());
    name.push(format!(".{}-{attempt}.tmp", std::process::id()));
    target.with_file_name(name)
}
