//! A folder on its way to its final name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{MAX_ATTEMPTS, WriteError, batch, disk, is_finished, temporary_name, unfinished};

/// A new folder that gets its name when it is complete; see [`NewPath`](super::NewPath) for the same of files.
///
/// Files in it must be written with [`disk`], or else their errors are lost. Dropping it without a commit removes what
/// was written.
#[derive(Debug)]
pub struct NewFolder {
    named: PathBuf,
    target: PathBuf,
    temporary: PathBuf,
    committed: bool,
}

impl NewFolder {
    /// Begins the folder that will be called `path`; the folder around it must exist. What has the name now stays as it
    /// is until the commit, and is gone after that: whoever calls has looked at it. A symbolic link to a folder is kept.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        let system = |source| WriteError::System { path: path.to_path_buf(), source };
        let target = if path.exists() { fs::canonicalize(path).map_err(system)? } else { path.to_path_buf() };
        if target.file_name().is_none() {
            return Err(WriteError::NoName { path: path.to_path_buf() });
        }
        let mut others = unfinished();
        let temporary = beside(&target, |temporary| fs::create_dir(temporary)).map_err(system)?;
        others.push(temporary.clone());
        Ok(Self { named: path.to_path_buf(), target, temporary, committed: false })
    }

    /// The folder to write into.
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// The final name, as given.
    pub fn path(&self) -> &Path {
        &self.named
    }

    /// Gives the folder its final name; what had it is removed. While somebody [holds](super::hold) files, the name
    /// comes later.
    pub fn commit(self) -> Result<(), WriteError> {
        disk::sync_folders(&self.temporary).map_err(|source| self.error(source))?;
        match batch::held(self) {
            Some(folder) => {
                let around = folder.rename()?;
                let failed = |source| WriteError::System { path: around.clone(), source };
                disk::sync_folder(&around).map_err(failed)
            }
            None => Ok(()),
        }
    }

    /// Gives the folder its final name. Returns the folder around it.
    pub(super) fn rename(mut self) -> Result<PathBuf, WriteError> {
        let old = if self.target.exists() {
            // It is not among the unfinished: whoever is interrupted here still has it.
            let place = beside(&self.target, |place| fs::rename(&self.target, place));
            Some(place.map_err(|source| self.error(source))?)
        } else {
            None
        };
        if let Err(source) = fs::rename(&self.temporary, &self.target) {
            if let Some(old) = old {
                let _ = fs::rename(&old, &self.target);
            }
            return Err(self.error(source));
        }
        self.committed = true;
        is_finished(&self.temporary);
        if let Some(old) = old {
            fs::remove_dir_all(&old).map_err(|source| self.error(source))?;
        }
        Ok(self.target.parent().map(Path::to_path_buf).unwrap_or_default())
    }

    /// An error of writing this folder.
    pub fn error(&self, source: io::Error) -> WriteError {
        WriteError::System { path: self.named.clone(), source }
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if !self.committed {
            let _ = fs::remove_dir_all(&self.temporary);
            is_finished(&self.temporary);
        }
    }
}

/// Makes something under a temporary name beside `target` that nothing has yet.
fn beside(target: &Path, make: impl Fn(&Path) -> io::Result<()>) -> io::Result<PathBuf> {
    for attempt in 0..=MAX_ATTEMPTS {
        let temporary = temporary_name(target, attempt);
        let made = if temporary.exists() { Err(io::ErrorKind::AlreadyExists.into()) } else { make(&temporary) };
        match made {
            Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| temporary),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
