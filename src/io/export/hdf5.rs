//! What the writers of HDF5 files share.

use std::path::{Path, PathBuf};

use hdf5_metno::types::VarLenUnicode;
use hdf5_metno::{File, Group, H5Type, Location};

use crate::io::atomic::{NewPath, WriteError};

/// Level of compression.
pub(super) const DEFLATE: u8 = 3;
/// By how much the file's image in memory grows at a time, in bytes.
pub(super) const GROWTH: usize = 4 << 20;
/// Values in a chunk of a long column.
const CHUNK: usize = 1 << 16;

/// Why an HDF5 file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Hdf5Error {
    /// The file could not be created or renamed.
    #[error(transparent)]
    File(#[from] WriteError),
    /// The HDF5 library refused.
    #[error("cannot write '{path}' as HDF5; check that its folder is writable and has space left: {cause}")]
    Hdf5 {
        /// The file that was to be written.
        path: PathBuf,
        /// What the library said, without its internals.
        cause: String,
    },
}

/// Writes the file `path` by `fill`; all or nothing.
///
/// METHOD: the file is put together in memory, compressed, and written in one go at the end. The HDF5
/// library does not survive a chunk that it cannot write: after a full disk it would crash when it
/// closes the data set. So there is nothing but the whole file that can fail to be written.
pub(super) fn write_in_memory(
    path: &Path,
    fill: impl FnOnce(&File) -> hdf5_metno::Result<()>,
) -> Result<(), Hdf5Error> {
    let place = NewPath::reserve(path)?;
    let write = || {
        let file =
            File::with_options().with_fapl(|access| access.core_options(GROWTH, true)).create(place.temporary())?;
        fill(&file)?;
        // Dropping would swallow the errors of writing to the disk.
        file.flush()?;
        file.close()
    };
    write().map_err(|error: hdf5_metno::Error| failure(path, &error))?;
    Ok(place.commit()?)
}

/// The error of a file that the library refused to write.
pub(super) fn failure(path: &Path, error: &hdf5_metno::Error) -> Hdf5Error {
    Hdf5Error::Hdf5 { path: path.to_path_buf(), cause: plain_cause(&error.to_string()) }
}

/// The part of the library's message that helps a user: what the system said, or else the first line.
fn plain_cause(message: &str) -> String {
    let system = message.split_once("error message = '").and_then(|(_, rest)| rest.split_once('\''));
    system.map_or(message.lines().next().unwrap_or_default(), |(said, _)| said).to_owned()
}

/// Writes a column as it is.
pub(super) fn write_column<T: H5Type>(group: &Group, name: &str, values: &[T]) -> hdf5_metno::Result<()> {
    group.new_dataset::<T>().shape(values.len()).create(name).and_then(|column| column.write_raw(values))
}

/// Writes a long column of numbers, compressed.
pub(super) fn write_numbers<T: H5Type>(group: &Group, name: &str, values: &[T]) -> hdf5_metno::Result<()> {
    if values.is_empty() {
        // HDF5 knows no chunks of size zero.
        return write_column(group, name, values);
    }
    let builder = group.new_dataset::<T>().chunk(values.len().min(CHUNK)).shuffle().deflate(DEFLATE);
    builder.shape(values.len()).create(name).and_then(|column| column.write_raw(values))
}

/// Attaches a text to a group or data set.
pub(super) fn write_text_attribute(place: &Location, name: &str, text: &str) -> hdf5_metno::Result<()> {
    place.new_attr::<VarLenUnicode>().create(name)?.write_scalar(&unicode(text))
}

/// Text as it is. A zero character, which would end it, becomes the sign for characters that cannot be shown.
pub(super) fn unicode(text: &str) -> VarLenUnicode {
    // Without zero characters the conversion cannot fail.
    text.replace('\0', "\u{fffd}").parse().unwrap_or_default()
}

/// Text in ASCII: other letters become numeric character references, `è` is `&#232;`.
pub(super) fn with_references(text: &str) -> String {
    let encode = |letter: char| match letter {
        '\0' | '\u{80}'.. => format!("&#{};", u32::from(letter)),
        _ => letter.to_string(),
    };
    text.chars().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cause_of_an_error_is_what_the_system_said() {
        let message =
            "H5Fflush(): failed: time = now\n, errno = 28, error message = 'No space left on device', ptr = 0";
        assert_eq!(plain_cause(message), "No space left on device");
        assert_eq!(plain_cause("H5Gcreate2(): name exists\nmore"), "H5Gcreate2(): name exists");
    }
}
