//! Where the log of a command is while it runs: a log that belongs to a result stays until there is another result.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The log to write to: `log` itself, or, if an earlier command has left one, [`new_log`] beside it. `continues`: the
/// command goes on with what an interrupted one has begun, and so does its log.
pub fn place(log: &Path, continues: bool) -> PathBuf {
    let new = new_log(log);
    let is_own = if continues { !new.is_file() } else { !log.is_file() };
    if is_own { log.to_path_buf() } else { new }
}

/// The log of a command that has no result yet, beside that of an earlier one: `X_new_log.log` for `X_log.log`.
pub fn new_log(log: &Path) -> PathBuf {
    let name = log.file_name().unwrap_or_default().to_string_lossy();
    let new = match name.strip_suffix("_log.log") {
        Some(stem) => format!("{stem}_new_log.log"),
        None => format!("new_{name}"),
    };
    log.with_file_name(new)
}

/// Gives the log of this command its final name, because its result takes the place of the earlier one. Whoever writes
/// to it goes on.
pub fn settle(log: &Path) -> io::Result<()> {
    match fs::rename(new_log(log), log) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_of_a_result_stays_until_there_is_another_result() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("s_log.log");
        let new = folder.path().join("s_new_log.log");
        assert_eq!((place(&log, false), place(&log, true)), (log.clone(), log.clone()));
        fs::write(&log, "old").unwrap();
        assert_eq!((place(&log, false), place(&log, true)), (new.clone(), log.clone()));
        fs::write(&new, "new").unwrap();
        assert_eq!((place(&log, false), place(&log, true)), (new.clone(), new.clone()));
        settle(&log).unwrap();
        settle(&log).unwrap();
        assert_eq!((fs::read_to_string(&log).unwrap().as_str(), new.exists()), ("new", false));
    }
}
