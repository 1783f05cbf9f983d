//! Which file a path means, whatever its name.

use std::path::Path;

/// A file as the system knows it: device and number, where there are such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity(Known);

#[cfg(unix)]
type Known = (u64, u64);
#[cfg(not(unix))]
type Known = std::path::PathBuf;

impl Identity {
    /// The file that a path leads to; `None` if there is none.
    #[cfg(unix)]
    pub fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let found = std::fs::metadata(path).ok()?;
        Some(Self((found.dev(), found.ino())))
    }

    /// The file that a path leads to; `None` if there is none.
    #[cfg(not(unix))]
    pub fn of(path: &Path) -> Option<Self> {
        path.canonicalize().ok().map(Self)
    }
}
