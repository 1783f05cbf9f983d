//! One writer at a time: a lock for every place that files are written to.
//!
//! The lock is one of the system's on a file with a name of its own, which is removed at the end. The system takes it
//! back when its process ends, however that ends: a file that is left says nothing. Where a file system has no locks,
//! there are none.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::atomic::{self, WriteError, disk};

/// Name of the lock of a folder, in the folder.
pub const IN_FOLDER: &str = ".baysor.lock";
/// How the content of a lock begins.
const MARK: &str = "baysor, process ";
/// Longest content that is looked at.
const LONGEST: u64 = 100;

/// Why a place cannot be written to.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another program is at it.
    #[error("'{place}': another baysor{process} is writing there; wait until it has finished, or choose another name")]
    Taken {
        /// What is to be written.
        place: PathBuf,
        /// Its number, if it has told.
        process: String,
    },
    /// A file with the name of the lock is no lock.
    #[error("'{path}' is needed as a lock, and is a file that this program did not make; rename it")]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The lock cannot be made.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// The sole right to write to a place, until it is dropped.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    /// `None` where there are no locks.
    file: Option<File>,
}

impl Lock {
    /// Takes the lock of all files that begin with `stem`, of which `file` is one, for messages: `.STEM.baysor.lock`
    /// beside them. The folder is made if it is missing.
    ///
    /// Errors: [`LockError`].
    pub fn of_files(stem: &Path, file: &Path) -> Result<Self, LockError> {
        atomic::create_parent(file)?;
        let Some(name) = stem.file_name() else {
            return Err(WriteError::NoName { path: file.to_path_buf() }.into());
        };
        let mut lock_name = std::ffi::OsString::from(".");
        lock_name.push(name);
        lock_name.push(IN_FOLDER);
        Self::take(stem.with_file_name(lock_name), stem, file)
    }

    /// Takes the lock of a folder, which must exist. Errors: [`LockError`].
    pub fn of_folder(folder: &Path) -> Result<Self, LockError> {
        Self::take(folder.join(IN_FOLDER), folder, folder)
    }

    /// Whether others are kept out: false where the file system has no locks.
    pub fn is_sole(&self) -> bool {
        self.file.is_some()
    }

    /// `place`: what is locked, in messages; `file`: what cannot be written if there is no lock.
    fn take(path: PathBuf, place: &Path, file: &Path) -> Result<Self, LockError> {
        let failed = |source| WriteError::System { path: file.to_path_buf(), source };
        loop {
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
            let mut content = Vec::new();
            Read::by_ref(&mut file).take(LONGEST).read_to_end(&mut content).map_err(failed)?;
            let content = String::from_utf8_lossy(&content).into_owned();
            if !content.is_empty() && !content.starts_with(MARK) {
                return Err(LockError::NotOurs { path });
            }
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let number = content.strip_prefix(MARK).and_then(|rest| rest.split(',').next());
                    let process = number.map(|number| format!(" (process {number})")).unwrap_or_default();
                    return Err(LockError::Taken { place: place.to_path_buf(), process });
                }
                // No locks here, or not enough of them. Nobody is told that this file means anything.
                Err(TryLockError::Error(_)) => {
                    let _ = fs::remove_file(&path);
                    return Ok(Self { path, file: None });
                }
            }
            // Whoever had it may have removed the file between the two steps; then this is the lock of nothing.
            if !is_same(&file, &path) {
                continue;
            }
            atomic::is_begun(&path);
            let text = format!("{MARK}{}, writes here. The file goes when it ends.\n", std::process::id());
            let written = file.rewind().and_then(|()| file.set_len(0)).and_then(|()| file.write_all(text.as_bytes()));
            // What it says is for people; a full disk must not be found here.
            drop(written);
            return Ok(Self { path, file: Some(file) });
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            // Removed while it is held, so that nobody's lock is removed but this one.
            let _ = fs::remove_file(&self.path);
            let _ = disk::close_unsynced(file);
            atomic::is_finished(&self.path);
        }
    }
}

/// Whether an open file still has its name.
#[cfg(unix)]
fn is_same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = |one: fs::Metadata, other: fs::Metadata| (one.dev(), one.ino()) == (other.dev(), other.ino());
    let found = || -> io::Result<bool> { Ok(same(file.metadata()?, fs::metadata(path)?)) };
    found().unwrap_or(false)
}

#[cfg(not(unix))]
fn is_same(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_one_writer_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/slide");
        let lock = Lock::of_files(&file, &file).unwrap();
        let error = Lock::of_files(&file, &file).unwrap_err().to_string();
        let process = format!("another baysor (process {})", std::process::id());
        assert!(error.contains(&process) && error.contains("new/slide'"), "{error}");
        // Other places are free.
        let other = folder.path().join("new/other");
        drop((Lock::of_files(&other, &other).unwrap(), Lock::of_folder(folder.path()).unwrap()));
        drop(lock);
        assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 0);
        drop(Lock::of_files(&file, &file).unwrap());
    }

    #[test]
    fn the_lock_of_a_process_that_is_gone_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(".slide.baysor.lock");
        fs::write(&left, "baysor, process 1, writes here.").unwrap();
        let file = folder.path().join("slide");
        let lock = Lock::of_files(&file, &file).unwrap();
        assert!(lock.is_sole());
        drop(lock);
        assert!(!left.exists());
    }

    #[test]
    fn a_file_that_is_no_lock_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(IN_FOLDER);
        fs::write(&file, "mine").unwrap();
        assert!(matches!(Lock::of_folder(folder.path()), Err(LockError::NotOurs { .. })));
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }
}
