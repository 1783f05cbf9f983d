//! Writing, synchronizing and closing, each with its errors.
//!
//! A file that is dropped is closed too, but then nobody hears that closing failed; and a server on a network, or a quota,
//! may refuse data as late as that. What is not synchronized may be gone after a power failure, though it was renamed.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Brings all that was written into a file to the disk and closes it.
pub fn close(file: File) -> io::Result<()> {
    tolerated(file.sync_all())?;
    close_unsynced(file)
}

/// Closes a file of which more will be written, or which nobody will miss.
pub fn close_unsynced(file: File) -> io::Result<()> {
    close_err::Closable::close(file)
}

/// Writes a file that lies where nobody looks yet, such as in a folder without its final name.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    close(file)
}

/// Brings a file to the disk that somebody else has written and closed.
pub fn sync_file(path: &Path) -> io::Result<()> {
    close(OpenOptions::new().read(true).write(true).open(path)?)
}

/// Brings the names in a folder to the disk. Nothing happens where folders cannot be opened.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match File::open(folder) {
        Ok(folder) => tolerated(folder.sync_all()),
        // Folders may be writable without being readable.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(error),
    }
}

/// Brings the names in a folder and in all folders below it to the disk.
pub fn sync_folders(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    sync_folder(folder)
}

/// Some file systems cannot synchronize. That is no failure.
fn tolerated(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        result => result,
    }
}
