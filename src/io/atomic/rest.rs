//! What killed programs have left: temporary files, and folders that have no name yet.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// Removes the temporary files and folders that others have left where these files and folders will be written. For
/// whoever knows that nobody else is writing there. Returns what was removed, sorted.
///
/// Only names count that the program itself gives: `<name>.<process>-<n>.tmp`. What cannot be removed stays; it is in
/// nobody's way. A folder that is complete stays if nothing has its final name, because it may be all there is of it:
/// `is_complete` tells.
pub fn remove_rest(targets: impl IntoIterator<Item = PathBuf>, is_complete: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut names_in: BTreeMap<PathBuf, Vec<OsString>> = BTreeMap::new();
    for target in targets {
        // A symbolic link is kept, and its target replaced.
        let target = fs::canonicalize(&target).unwrap_or(target);
        if let (Some(folder), Some(name)) = (target.parent(), target.file_name()) {
            names_in.entry(folder.to_path_buf()).or_default().push(name.to_owned());
        }
    }
    let mut removed = Vec::new();
    for (folder, names) in names_in {
        let place = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            let file_name = entry.file_name();
            let Some(target) = target_of(&file_name).filter(|name| names.iter().any(|known| known == name)) else {
                continue;
            };
            let path = folder.join(&file_name);
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && is_complete(&path) && !folder.join(target).exists() {
                continue;
            }
            let gone = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            if gone.is_ok() {
                removed.push(path);
            }
        }
    }
    removed.sort();
    removed
}

/// The final name that a temporary name is for.
fn target_of(temporary: &OsStr) -> Option<&str> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (name, number) = temporary.to_str()?.strip_suffix(".tmp")?.rsplit_once('.')?;
    let (process, n) = number.split_once('-')?;
    (digits(process) && digits(n)).then_some(name)
}
