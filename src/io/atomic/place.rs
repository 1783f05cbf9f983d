//! One file on its way to its final name.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{MAX_ATTEMPTS, WriteError, batch, check_replaceable, disk, is_finished, temporary_name, unfinished};

/// Buffer of a [`NewFile`], in bytes.
const BUFFER: usize = 1 << 20;

/// A place for a new file, for writers that open their file by name.
///
/// Write to [`temporary`](Self::temporary), close it, then [`commit`](Self::commit). Dropping it
/// without a commit removes what was written.
#[derive(Debug)]
pub struct NewPath {
    /// The name as the user gave it, for messages.
    named: PathBuf,
    /// Where the file goes; differs from `named` when that is a symbolic link.
    target: PathBuf,
    temporary: PathBuf,
    /// Whether the content is on the disk.
    is_synced: bool,
    committed: bool,
}

impl NewPath {
    /// Reserves a temporary name for the final file `path` by creating an empty file.
    ///
    /// An existing file at `path` stays as it is until the commit. A symbolic link to a file is
    /// kept: the file it points to will be replaced.
    pub fn reserve(path: &Path) -> Result<Self, WriteError> {
        let (place, file) = Self::reserve_opened(path)?;
        disk::close_unsynced(file).map_err(|source| place.error(source))?;
        Ok(place)
    }

    fn reserve_opened(path: &Path) -> Result<(Self, File), WriteError> {
        let there = check_replaceable(path)?;
        let followed = there.then(|| fs::canonicalize(path).ok()).flatten();
        let target = followed.unwrap_or_else(|| path.to_path_buf());
        if target.file_name().is_none() {
            return Err(WriteError::NoName { path: path.to_path_buf() });
        }
        let mut attempt = 0;
        loop {
            let temporary = temporary_name(&target, attempt);
            let mut others = unfinished();
            match File::create_new(&temporary) {
                Ok(file) => {
                    others.push(temporary.clone());
                    let named = path.to_path_buf();
                    return Ok((Self { named, target, temporary, is_synced: false, committed: false }, file));
                }
                Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists && attempt < MAX_ATTEMPTS => attempt += 1,
                Err(source) => return Err(WriteError::System { path: path.to_path_buf(), source }),
            }
        }
    }

    /// The name to write to; the file exists and is empty at first.
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// The final name, as given.
    pub fn path(&self) -> &Path {
        &self.named
    }

    /// Brings the file to the disk and gives it its final name, replacing what had it. The writer must have closed the
    /// file. While somebody [holds](super::hold) files, the name comes later.
    pub fn commit(mut self) -> Result<(), WriteError> {
        self.sync()?;
        match batch::held(self) {
            Some(place) => {
                let folder = place.rename()?;
                let failed = |source| WriteError::System { path: folder.clone(), source };
                disk::sync_folder(&folder).map_err(failed)
            }
            None => Ok(()),
        }
    }

    /// Brings the file to the disk, unless it is there. The writer must have closed it.
    pub fn sync(&mut self) -> Result<(), WriteError> {
        if !self.is_synced {
            disk::sync_file(&self.temporary).map_err(|source| self.error(source))?;
            self.is_synced = true;
        }
        Ok(())
    }

    /// Gives the file its final name. Returns the folder that has changed.
    pub(super) fn rename(mut self) -> Result<PathBuf, WriteError> {
        fs::rename(&self.temporary, &self.target).map_err(|source| self.error(source))?;
        self.committed = true;
        is_finished(&self.temporary);
        Ok(self.target.parent().map(Path::to_path_buf).unwrap_or_default())
    }

    /// An error of writing this file.
    pub fn error(&self, source: io::Error) -> WriteError {
        let path = self.named.clone();
        match source.kind() {
            io::ErrorKind::InvalidData => WriteError::Content { path, source },
            _ => WriteError::System { path, source },
        }
    }
}

impl Drop for NewPath {
    fn drop(&mut self) {
        if !self.committed {
            // Nothing can be done, and nobody told, if even this fails.
            let _ = fs::remove_file(&self.temporary);
            is_finished(&self.temporary);
        }
    }
}

/// A new file with a buffered writer; see [`NewPath`].
#[derive(Debug)]
pub struct NewFile {
    // The order matters: a dropped file is closed before its name is removed.
    writer: BufWriter<File>,
    place: NewPath,
}

impl NewFile {
    /// Begins the file that will be called `path`. Its folder must exist; see [`create_parent`](super::create_parent).
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        let (place, file) = NewPath::reserve_opened(path)?;
        Ok(Self { writer: BufWriter::with_capacity(BUFFER, file), place })
    }

    /// Brings all to the disk, closes the file, and gives it its final name; see [`NewPath::commit`].
    pub fn commit(self) -> Result<(), WriteError> {
        self.close()?.commit()
    }

    /// Brings all to the disk and closes the file, which is complete but for its final name.
    pub fn close(self) -> Result<NewPath, WriteError> {
        let Self { writer, mut place } = self;
        let file = writer.into_inner().map_err(|error| place.error(error.into_error()))?;
        disk::close(file).map_err(|source| place.error(source))?;
        place.is_synced = true;
        Ok(place)
    }

    /// An error of writing this file.
    pub fn error(&self, source: io::Error) -> WriteError {
        self.place.error(source)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Seek for NewFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.writer.seek(to)
    }
}
