//! Result files that are either complete or absent.
//!
//! A file is written beside its final place as `<name>.<process>-<n>.tmp` and renamed when it is
//! complete. Whoever is interrupted leaves at most a `.tmp` file, never half a result.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Buffer of a [`NewFile`], in bytes.
const BUFFER: usize = 1 << 20;
/// Temporary names tried before giving up; more than a few are left over only by killed programs.
const MAX_ATTEMPTS: u32 = 1000;

/// Temporary files that are being written.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_finished(temporary: &Path) {
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
    committed: bool,
}

impl NewPath {
    /// Reserves a temporary name for the final file `path` by creating an empty file.
    ///
    /// An existing file at `path` stays as it is until the commit. A symbolic link to a file is
    /// kept: the file it points to will be replaced.
    pub fn reserve(path: &Path) -> Result<Self, WriteError> {
        Self::reserve_opened(path).map(|(place, _)| place)
    }

    fn reserve_opened(path: &Path) -> Result<(Self, File), WriteError> {
        let there = check_replaceable(path)?;
        let followed = there.then(|| fs::canonicalize(path).ok()).flatten();
        let target = followed.unwrap_or_else(|| path.to_path_buf());
        let Some(name) = target.file_name() else { return Err(WriteError::NoName { path: path.to_path_buf() }) };
        let mut attempt = 0;
        loop {
            let mut temporary_name = OsString::from(name);
            temporary_name.push(format!(".{}-{attempt}.tmp", std::process::id()));
            let temporary = target.with_file_name(temporary_name);
            let mut others = unfinished();
            match File::create_new(&temporary) {
                Ok(file) => {
                    others.push(temporary.clone());
                    let place = Self { named: path.to_path_buf(), target, temporary, committed: false };
                    return Ok((place, file));
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

    /// Gives the file its final name, replacing what had it. The writer must have closed the file.
    pub fn commit(mut self) -> Result<(), WriteError> {
        fs::rename(&self.temporary, &self.target).map_err(|source| self.error(source))?;
        self.committed = true;
        is_finished(&self.temporary);
        Ok(())
    }

    /// An error of writing this file.
    pub fn error(&self, source: io::Error) -> WriteError {
        WriteError::System { path: self.named.clone(), source }
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
    /// Begins the file that will be called `path`. Its folder must exist; see [`create_parent`].
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        let (place, file) = NewPath::reserve_opened(path)?;
        Ok(Self { writer: BufWriter::with_capacity(BUFFER, file), place })
    }

    /// Writes out what is buffered and gives the file its final name. Does not wait for the disk.
    pub fn commit(self) -> Result<(), WriteError> {
        self.close()?.commit()
    }

    /// Writes out what is buffered and closes the file, which is complete but for its final name.
    pub fn close(mut self) -> Result<NewPath, WriteError> {
        self.writer.flush().map_err(|source| self.place.error(source))?;
        let Self { writer, place } = self;
        drop(writer);
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

/// A new folder that gets its name when it is complete; see [`NewPath`] for the same of files.
///
/// Dropping it without a commit removes what was written.
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

    /// Gives the folder its final name; what had it is removed.
    pub fn commit(mut self) -> Result<(), WriteError> {
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
        Ok(())
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
    let name = target.file_name().unwrap_or_default();
    for attempt in 0.. {
        let mut temporary_name = OsString::from(name);
        temporary_name.push(format!(".{}-{attempt}.tmp", std::process::id()));
        let temporary = target.with_file_name(temporary_name);
        let made = if temporary.exists() { Err(io::ErrorKind::AlreadyExists.into()) } else { make(&temporary) };
        match made {
            Ok(()) => return Ok(temporary),
            Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists && attempt < MAX_ATTEMPTS => {}
            Err(source) => return Err(source),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Writes the file `path` by `fill`, which gets its buffered writer; all or nothing.
pub fn write_file(path: &Path, fill: impl FnOnce(&mut NewFile) -> io::Result<()>) -> Result<(), WriteError> {
    let mut file = NewFile::create(path)?;
    match fill(&mut file) {
        Ok(()) => file.commit(),
        Err(source) => Err(file.error(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn final_name_appears_at_the_commit_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cells.csv");
        let mut file = NewFile::create(&path).expect("a file");
        file.write_all(b"cell\n").expect("written");
        assert!(!path.exists());
        file.commit().expect("renamed");
        assert_eq!(fs::read(&path).expect("a file"), b"cell\n");
        assert_eq!(names_in(folder.path()), ["cells.csv"]);
    }

    #[test]
    fn abandoned_file_leaves_the_old_one_and_no_rubbish() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cells.csv");
        fs::write(&path, "old").expect("written");
        let failed = write_file(&path, |file| {
            file.write_all(b"new")?;
            Err(io::Error::other("no more"))
        });
        let message = failed.expect_err("the failure").to_string();
        assert!(message.contains("/cells.csv'"), "{message}");
        assert_eq!(fs::read_to_string(&path).expect("a file"), "old");
        assert_eq!(names_in(folder.path()), ["cells.csv"]);
        write_file(&path, |file| file.write_all(b"new")).expect("written");
        assert_eq!(fs::read_to_string(&path).expect("a file"), "new");
    }

    #[test]
    fn two_writers_of_one_file_do_not_meet() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        let (first, second) = (NewPath::reserve(&path).expect("a place"), NewPath::reserve(&path).expect("a place"));
        assert_ne!(first.temporary(), second.temporary());
        fs::write(first.temporary(), "first").expect("written");
        first.commit().expect("renamed");
        drop(second);
        assert_eq!(fs::read_to_string(&path).expect("a file"), "first");
        assert_eq!(names_in(folder.path()), ["a"]);
    }

    #[test]
    fn folder_and_missing_folder_are_named_in_the_error() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(NewFile::create(folder.path()), Err(WriteError::NotAFile { found: "a folder", .. })));
        let deep = folder.path().join("not/yet/there.csv");
        assert!(matches!(NewFile::create(&deep), Err(WriteError::System { .. })));
        create_parent(&deep).expect("folders");
        write_file(&deep, |_| Ok(())).expect("written");
        create_parent(Path::new("plain.csv")).expect("nothing to do");
        let below_a_file = deep.join("sub/x.csv");
        let message = create_parent(&below_a_file).expect_err("a file in the way").to_string();
        assert!(message.contains("/there.csv' is not a folder"), "{message}");
    }

    #[test]
    fn a_name_that_cannot_become_a_file_is_found_beforehand() {
        let folder = tempfile::tempdir().expect("a folder");
        let taken = folder.path().join("new/taken");
        prepare(&taken).expect("a new folder");
        assert_eq!(names_in(folder.path()), ["new"]);
        fs::create_dir(&taken).expect("a folder");
        assert!(matches!(prepare(&taken), Err(WriteError::NotAFile { found: "a folder", .. })));
    }

    #[test]
    fn a_folder_appears_at_the_commit_and_replaces_the_old_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store");
        for content in ["first", "second"] {
            let new = NewFolder::create(&path).expect("a folder");
            fs::write(new.temporary().join(content), content).expect("written");
            assert!(!path.join(content).exists());
            new.commit().expect("renamed");
            assert_eq!(names_in(&path), [content]);
            assert_eq!(names_in(folder.path()), ["store"]);
        }
        let abandoned = NewFolder::create(&path).expect("a folder");
        fs::write(abandoned.temporary().join("third"), "third").expect("written");
        drop(abandoned);
        assert_eq!((names_in(&path), names_in(folder.path())), (vec!["second".to_owned()], vec!["store".to_owned()]));
    }

    #[cfg(unix)]
    #[test]
    fn symbolic_link_stays_and_devices_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        write_file(&link, |writer| writer.write_all(b"new")).expect("written");
        assert_eq!(fs::read_to_string(&file).expect("a file"), "new");
        assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
        assert!(NewFile::create(Path::new("/dev/null")).is_err());
    }
}
