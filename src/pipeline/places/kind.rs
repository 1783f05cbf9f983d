//! What cannot be written to, whatever the command: devices, pipes, open files of processes, names that are no text.

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::ConfigError;

/// Folders of devices and processes. What lies in them is no file, or is gone with its process.
const OF_SYSTEM: [&str; 3] = ["/dev", "/proc", "/sys"];
/// A folder for files among them.
const SHARED_MEMORY: &str = "/dev/shm";

/// Sees to it that `path` can be the name of a result. `option`: what names it.
pub(super) fn check(option: &str, path: &Path) -> Result<(), ConfigError> {
    let refused = |remedy: &str| {
        Err(ConfigError::Invalid {
            name: option.to_owned(),
            seen: format!("'{}'", path.display()),
            remedy: remedy.to_owned(),
        })
    };
    if path.to_str().is_none() {
        return refused("the name is not UTF-8, and not all files can have such names; give another one");
    }
    let is_of_system = |path: &Path| OF_SYSTEM.iter().any(|folder| path.starts_with(folder));
    let is_among_devices = |path: &Path| is_of_system(path) && !path.starts_with(SHARED_MEMORY);
    if std::path::absolute(path).is_ok_and(|path| is_among_devices(&path)) || is_among_devices(&real_parent(path)) {
        return refused(
            "a result is more than a stream: it has several files, each of which appears when it is complete. Give the \
             name of a file or folder, not of a device or of an open file",
        );
    }
    if fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return refused(
            "it is a device or pipe, and a result appears as a file when it is complete; give the name of a file or folder",
        );
    }
    Ok(())
}

/// The nearest folder above `path` that exists, without links.
fn real_parent(path: &Path) -> PathBuf {
    let above = path.ancestors().skip(1);
    above.filter_map(|folder| folder.canonicalize().ok()).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &str) -> Option<String> {
        check("--output", Path::new(path)).err().map(|error| error.to_string())
    }

    #[test]
    fn streams_and_devices_are_no_results() {
        for path in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/null", "/dev/stdout_log.log"] {
            let told = refused(path).unwrap_or_default();
            assert!(told.contains(path) && told.contains("not of a device"), "{path}: {told}");
        }
        for path in ["/dev/shm/a.csv", "a.csv", "/device/a.csv", "dev/stdout", ""] {
            assert_eq!(refused(path), None, "{path}");
        }
    }
}
