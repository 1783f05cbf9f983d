//! What can be wrong with a stage directory.

use std::io;
use std::path::PathBuf;

use super::StageKind;
use crate::io::atomic::WriteError;

/// Why a stage cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// There is nothing.
    #[error("{}: there is no such stage directory. Check the path, or make the stage first", dir.display())]
    Missing {
        /// The path.
        dir: PathBuf,
    },
    /// A file stands where a directory should be.
    #[error("{}: is a file, not a stage directory; choose another name", path.display())]
    NotADirectory {
        /// The file.
        path: PathBuf,
    },
    /// A directory without a manifest.
    #[error(
        "{}: is not a finished stage: it has no manifest.json. {hint}", dir.display()
    )]
    NotFinished {
        /// The directory.
        dir: PathBuf,
        /// What to do.
        hint: &'static str,
    },
    /// A `manifest.json` of something else.
    #[error("{}: is not the manifest of a stage: {detail}. Name a directory that this program has made", path.display())]
    NotAManifest {
        /// The manifest.
        path: PathBuf,
        /// How it shows.
        detail: String,
    },
    /// A manifest that was edited or cut.
    #[error("{}: the manifest is damaged ({detail}). Copy the whole stage directory again, or make the stage \
             again", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// How it shows.
        detail: String,
    },
    /// A format that this program does not know yet.
    #[error(
        "{}: the stage has the format version {version}, made by baysor {program}; this is baysor {ours}, which reads \
         versions up to {newest}. Use baysor {program} or newer, or make the stage again with this one", dir.display()
    )]
    Newer {
        /// The directory.
        dir: PathBuf,
        /// Version of its format.
        version: u64,
        /// Version of the program that made it.
        program: String,
        /// Version of this program.
        ours: &'static str,
        /// The newest format that is understood.
        newest: u32,
    },
    /// A stage of a kind that is of no use here.
    #[error("{}: is a stage of the kind '{found}'; needed is {expected}", dir.display())]
    WrongKind {
        /// The directory.
        dir: PathBuf,
        /// Its kind.
        found: StageKind,
        /// The kinds that would do.
        expected: String,
    },
    /// A table is gone.
    #[error("{}: the table is missing, though the manifest lists it. Copy the whole stage directory again, or make the \
             stage again", path.display())]
    TableMissing {
        /// The table's file.
        path: PathBuf,
    },
    /// A table has another size.
    #[error("{}: the table has {found} bytes, but the manifest says {expected}: it is truncated, edited or from another \
             run. Copy the whole stage directory again, or make the stage again", path.display())]
    TableSize {
        /// The table's file.
        path: PathBuf,
        /// Bytes by the manifest.
        expected: u64,
        /// Bytes on disk.
        found: u64,
    },
    /// A table has another content.
    #[error("{}: the content of the table is not what the manifest says: it is edited or from another run. Copy the \
             whole stage directory again, or make the stage again", path.display())]
    TableChanged {
        /// The table's file.
        path: PathBuf,
    },
    /// A table cannot be decoded, or does not hold what it should.
    #[error("{}: the table is damaged: {detail}. Make the stage again", path.display())]
    TableDamaged {
        /// The table's file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The stage never had this table.
    #[error("{}: the stage has no table '{table}'", dir.display())]
    NoTable {
        /// The directory.
        dir: PathBuf,
        /// Name of the table.
        table: &'static str,
    },
    /// A directory with foreign files, where a stage should go.
    #[error("{}: holds files that are not of a stage, such as '{found}'. Choose a new or an empty directory", dir.display())]
    Occupied {
        /// The directory.
        dir: PathBuf,
        /// One of the files.
        found: String,
    },
    /// A finished stage of another kind, where a stage should go.
    #[error("{}: holds a finished stage of the kind '{found}', and '{wanted}' is to be written. Choose another directory, \
             or remove this one", dir.display())]
    OtherKind {
        /// The directory.
        dir: PathBuf,
        /// The kind of the stage there.
        found: StageKind,
        /// The kind to be written.
        wanted: StageKind,
    },
    /// The system does not let us read.
    #[error("{}: cannot be read: {source}. Check the path and its permissions", path.display())]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A column has a type that stages do not hold.
    #[error("the column '{column}' has the type {dtype}, which a stage cannot hold; remove it from the molecule table")]
    ColumnType {
        /// The column.
        column: String,
        /// Its type.
        dtype: String,
    },
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}
