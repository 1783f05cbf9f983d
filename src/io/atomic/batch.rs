//! Files that get their names together: a result changes as a whole, or not at all.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use super::{NewFolder, NewPath, WriteError, disk};

thread_local! {
    /// What this thread has completed while it holds names back.
    static HELD: RefCell<Option<Vec<Held>>> = const { RefCell::new(None) };
}

/// A file or folder that is complete but for its name.
#[derive(Debug)]
pub(super) enum Held {
    File(NewPath),
    Folder(NewFolder),
}

impl From<NewPath> for Held {
    fn from(file: NewPath) -> Self {
        Self::File(file)
    }
}

impl From<NewFolder> for Held {
    fn from(folder: NewFolder) -> Self {
        Self::Folder(folder)
    }
}

impl Held {
    fn path(&self) -> &Path {
        match self {
            Self::File(file) => file.path(),
            Self::Folder(folder) => folder.path(),
        }
    }

    fn rename(self) -> Result<PathBuf, WriteError> {
        match self {
            Self::File(file) => file.rename(),
            Self::Folder(folder) => folder.rename(),
        }
    }
}

/// Hands what is complete to whoever holds names back on this thread; gives it back if nobody does.
pub(super) fn held<T: Into<Held>>(complete: T) -> Option<T> {
    HELD.with_borrow_mut(|held| match held {
        Some(held) => {
            held.push(complete.into());
            None
        }
        None => Some(complete),
    })
}

/// Files and folders on the disk that only lack their names. Dropping it removes them.
#[derive(Debug, Default)]
pub struct Batch {
    held: Vec<Held>,
}

impl Batch {
    /// Their final names, as given.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.held.iter().map(Held::path)
    }

    /// Gives all their names.
    pub fn commit(self) -> Result<(), WriteError> {
        let mut folders: Vec<PathBuf> = Vec::new();
        for held in self.held {
            let folder = held.rename()?;
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        for folder in folders {
            disk::sync_folder(&folder).map_err(|source| WriteError::System { path: folder, source })?;
        }
        Ok(())
    }
}

impl FromIterator<NewPath> for Batch {
    fn from_iter<I: IntoIterator<Item = NewPath>>(files: I) -> Self {
        Self { held: files.into_iter().map(Held::File).collect() }
    }
}

/// Does `write`, and holds back the names of all files and folders that it commits on this thread. If it fails, they are
/// removed.
pub fn hold<T, E>(write: impl FnOnce() -> Result<T, E>) -> Result<(T, Batch), E> {
    /// Ends the holding, also in a panic.
    struct Holding(Option<Vec<Held>>);
    impl Drop for Holding {
        fn drop(&mut self) {
            HELD.set(self.0.take());
        }
    }
    let outer = Holding(HELD.replace(Some(Vec::new())));
    let value = write()?;
    let held = HELD.take().unwrap_or_default();
    drop(outer);
    Ok((value, Batch { held }))
}
