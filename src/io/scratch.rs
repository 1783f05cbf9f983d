//! A folder for intermediate results that is the program's own, and is told from others by a file in it.
//!
//! Nothing is removed but what the program made: files with names of its own, in a folder with its mark. Whatever else
//! lies there stays, and the folders around it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::atomic::{self, NewFolder, WriteError};

/// The file that marks such a folder.
pub const MARKER: &str = "BAYSOR_SCRATCH";
const TEXT: &str = "Intermediate results of baysor. The folder goes when the run is complete; after an interruption \
                    --resume uses it. Without that it can be removed.\n";

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScratchError {
    /// Something has the name that this program did not make.
    #[error(
        "'{path}' is needed for intermediate results, but something of that name is there that this program did not \
         make (it has no file {MARKER}); rename it, or choose another output name"
    )]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },
    /// It cannot be made.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Something cannot be removed.
    #[error("{path}: is not needed any more, but cannot be removed")]
    Remove {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A folder for intermediate results.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Sees to it that `path` can become such a folder, or is one that an earlier run has left. Changes nothing.
    ///
    /// Errors: [`ScratchError::NotOurs`].
    pub fn check(path: &Path) -> Result<(), ScratchError> {
        let is_free = fs::symlink_metadata(path).is_err();
        if is_free || is_marked(path) { Ok(()) } else { Err(ScratchError::NotOurs { path: path.to_path_buf() }) }
    }

    /// Makes the folder, or takes one that an earlier run has left.
    ///
    /// Errors: those of [`check`](Self::check), and a place where nothing can be written.
    pub fn open(path: &Path) -> Result<Self, ScratchError> {
        Self::check(path)?;
        if !is_marked(path) {
            atomic::create_parent(path)?;
            let folder = NewFolder::create(path)?;
            atomic::write_file(&folder.temporary().join(MARKER), |file| io::Write::write_all(file, TEXT.as_bytes()))?;
            folder.commit()?;
        }
        Ok(Self { path: path.to_path_buf() })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes all files whose names are those of the program, the mark, and the folders that are empty then. Returns
    /// what is left because the program did not make it, sorted.
    ///
    /// `is_own`: whether a file of this name is one of the program. Links are not followed. Errors:
    /// [`ScratchError::Remove`].
    pub fn remove(self, is_own: &dyn Fn(&str) -> bool) -> Result<Vec<PathBuf>, ScratchError> {
        let mut left = Vec::new();
        let is_own_or_mark = |name: &str| is_own(name) || name == MARKER;
        clear(&self.path, &is_own_or_mark, &mut left)?;
        left.sort();
        Ok(left)
    }
}

fn is_marked(path: &Path) -> bool {
    path.join(MARKER).is_file()
}

/// Clears a folder, and removes it if nothing is left.
fn clear(folder: &Path, is_own: &dyn Fn(&str) -> bool, left: &mut Vec<PathBuf>) -> Result<(), ScratchError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| ScratchError::Remove { path, source }
    };
    let n_before = left.len();
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        let path = entry.path();
        if entry.file_type().map_err(failed(&path))?.is_dir() {
            clear(&path, is_own, left)?;
        } else if entry.file_name().to_str().is_some_and(is_own) {
            fs::remove_file(&path).map_err(failed(&path))?;
        } else {
            left.push(path);
        }
    }
    if left.len() == n_before {
        fs::remove_dir(folder).map_err(failed(folder))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_the_user_is_neither_used_nor_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("slide_scratch");
        for make in [|path: &Path| fs::create_dir(path), |path: &Path| fs::write(path, "mine")] {
            make(&path).unwrap();
            let error = Scratch::open(&path).unwrap_err().to_string();
            assert!(error.contains("this program did not make") && error.contains("slide_scratch'"), "{error}");
            assert!(path.exists());
            fs::remove_file(&path).or_else(|_| fs::remove_dir(&path)).unwrap();
        }
    }

    #[test]
    fn what_the_program_did_not_make_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scratch");
        let scratch = Scratch::open(&path).unwrap();
        for name in ["a/own.arrow", "b/own.arrow", "b/precious.tif"] {
            let file = path.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "x").unwrap();
        }
        let left = scratch.remove(&|name| name == "own.arrow").unwrap();
        assert_eq!(left, [path.join("b/precious.tif")]);
        assert!(!path.join("a").exists() && !path.join("b/own.arrow").exists());
        fs::remove_dir_all(&path).unwrap();
        let scratch = Scratch::open(&path).unwrap();
        drop(Scratch::open(&path).unwrap());
        assert_eq!(scratch.remove(&|_| false).unwrap(), Vec::<PathBuf>::new());
        assert!(!path.exists());
    }
}
