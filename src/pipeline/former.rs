//! The result that an earlier command has left where this one writes: it stays as it is until there is a new one, and then
//! nothing of it stays.
//!
//! Files get their names in groups, each as a whole. With the first group everything of the earlier result goes that is not
//! in it. What goes is known from the earlier log, which lists the files with their sizes: a file of the user, or one that
//! the user has changed, is no file of an earlier result.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use super::places::Places;
use crate::io::export::spatialdata;
use crate::io::{atomic, running_log};
use crate::observe::Observer;

/// Which earlier results a command takes the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaces {
    /// All.
    All,
    /// Those of other runs: what is there of the same run may stay beside.
    OtherRuns,
}

/// The earlier result, and the names of the new one.
pub struct Former<'a> {
    /// All names that a result may have.
    candidates: Vec<PathBuf>,
    log: PathBuf,
    /// What this command reads.
    places: Places,
    /// The logs of earlier commands.
    record: String,
    /// What the files of this command are of, such as a run with its id.
    origin: String,
    replaces: Replaces,
    state: RefCell<State>,
    observer: &'a dyn Observer,
}

#[derive(Default)]
struct State {
    has_begun: bool,
    /// What was removed.
    removed: Vec<PathBuf>,
    /// What this command has written.
    written: Vec<PathBuf>,
    /// What stays, because it is of the same run.
    kept: Vec<PathBuf>,
}

impl<'a> Former<'a> {
    /// Looks at the earlier logs. `candidates`: all names that a result may have; `log`: the final name of the log;
    /// `origin`: what the new files are of.
    pub fn new(
        candidates: Vec<PathBuf>,
        log: &Path,
        places: Places,
        origin: String,
        replaces: Replaces,
        observer: &'a dyn Observer,
    ) -> Self {
        let text = |path: &Path| fs::read(path).map(|text| String::from_utf8_lossy(&text).into_owned());
        let record = text(log).unwrap_or_default() + &text(&running_log::new_log(log)).unwrap_or_default();
        let state = RefCell::default();
        Self { candidates, log: log.to_path_buf(), places, record, origin, replaces, state, observer }
    }

    /// Does `write`, and gives all files that it commits their names at once. Before the first ones get theirs, the
    /// earlier result goes, and the log of this command takes the place of the earlier one.
    ///
    /// Errors: those of `write`; nothing has changed then. And a file that cannot get its name.
    pub fn commit(&self, write: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
        let ((), batch) = atomic::hold(write)?;
        let paths: Vec<PathBuf> = batch.paths().map(Path::to_path_buf).collect();
        if paths.is_empty() {
            return Ok(());
        }
        self.begin(&paths);
        batch.commit()?;
        self.tell("Files", &paths);
        self.state.borrow_mut().written.extend(paths);
        Ok(())
    }

    /// Says what was removed for good, and what lies there that nobody knows.
    fn end(&self) {
        let state = self.state.borrow();
        if !state.has_begun {
            return;
        }
        let gone: Vec<&PathBuf> = state.removed.iter().filter(|path| !state.written.contains(path)).collect();
        if !gone.is_empty() {
            self.observer
                .info(&format!("Removed files of an earlier result, which this one does not have: {}", list(&gone)));
        }
        self.tell("Files that were there", &state.kept);
        let is_strange = |path: &&PathBuf| {
            !state.written.contains(path) && !state.kept.contains(path) && fs::symlink_metadata(path).is_ok()
        };
        let strange: Vec<&PathBuf> = self.candidates.iter().filter(is_strange).collect();
        if self.replaces == Replaces::All && !strange.is_empty() {
            self.observer.warning(&format!(
                "Not of this result, though the name says so: {}. That stays, since nothing tells that this program has \
                 made it",
                list(&strange)
            ));
        }
    }

    /// Removes the earlier result but for what is replaced now.
    fn begin(&self, replaced: &[PathBuf]) {
        let mut state = self.state.borrow_mut();
        if std::mem::replace(&mut state.has_begun, true) {
            return;
        }
        if let Err(error) = running_log::settle(&self.log) {
            self.observer.warning(&format!("cannot give the log its name '{}': {error}", self.log.display()));
        }
        for path in self.candidates.iter().filter(|path| !replaced.contains(path)) {
            let Some(entry) = self.entry(path).filter(|entry| self.record.contains(entry)) else { continue };
            let origin = format!(" of {}:", self.origin);
            let is_same = |line: &str| line.contains(&entry) && line.contains(&origin);
            if self.replaces == Replaces::OtherRuns && self.record.lines().any(is_same) {
                state.kept.push(path.clone());
            } else if !self.places.is_read(path) {
                match remove(path) {
                    Ok(true) => state.removed.push(path.clone()),
                    Ok(false) => {}
                    Err(error) => {
                        let place = path.display();
                        self.observer.warning(&format!("cannot remove '{place}' of an earlier result: {error}"));
                    }
                }
            }
        }
    }

    fn tell(&self, what: &str, paths: &[PathBuf]) {
        let entries: Vec<String> = paths.iter().filter_map(|path| self.entry(path)).collect();
        if !entries.is_empty() {
            self.observer.detail(&format!("{what} of {}:{}", self.origin, entries.join(",")));
        }
    }

    /// How a file stands in the log; `None` if it is not there.
    fn entry(&self, path: &Path) -> Option<String> {
        let found = fs::symlink_metadata(path).ok()?;
        let folder = self.log.parent().unwrap_or(Path::new(""));
        let name = path.strip_prefix(folder).unwrap_or(path).display();
        Some(match found.is_dir() {
            true => format!(" {name} (folder)"),
            false => format!(" {name} ({} bytes)", fs::metadata(path).ok()?.len()),
        })
    }
}

impl Drop for Former<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Removes a file, and its folder if that belongs to it and is empty; or a store that nobody has added to. Returns
/// whether it is gone.
fn remove(path: &Path) -> std::io::Result<bool> {
    if path.is_dir() {
        let is_ours = spatialdata::check_replaceable(path).is_ok();
        return if is_ours { fs::remove_dir_all(path).map(|()| true) } else { Ok(false) };
    }
    fs::remove_file(path)?;
    // The folders of results whose files have fixed names. Others are never empty: the log is there.
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let _ = fs::remove_dir(folder);
    }
    Ok(true)
}

fn list(paths: &[&PathBuf]) -> String {
    paths.iter().map(|path| format!("'{}'", path.display())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Silent;

    struct Told(std::sync::Mutex<String>);
    impl Observer for Told {
        fn detail(&self, message: &str) {
            self.0.lock().unwrap().push_str(&format!("[12:00:00] Info: {message}\n"));
        }
        fn info(&self, message: &str) {
            self.detail(message);
        }
        fn warning(&self, message: &str) {
            self.detail(message);
        }
    }

    /// Writes some of the files `s_a`, `s_b`, `s_c` as the result of a run, and its log.
    fn run(folder: &Path, id: &str, replaces: Replaces, files: &[(&str, &str)]) -> String {
        let (told, log) = (Told(std::sync::Mutex::default()), folder.join("s_log.log"));
        let candidates = ["s_a", "s_b", "s_c"].map(|name| folder.join(name)).to_vec();
        let former = Former::new(candidates, &log, Places::default(), format!("run {id}"), replaces, &told);
        for (name, content) in files {
            let path = folder.join(name);
            let write = || Ok(atomic::write_file(&path, |file| std::io::Write::write_all(file, content.as_bytes()))?);
            former.commit(write).unwrap();
        }
        drop(former);
        let text = told.0.lock().unwrap().clone();
        fs::write(&log, &text).unwrap();
        text
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn nothing_of_an_earlier_result_stays_beside_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), "R1", Replaces::All, &[("s_a", "1"), ("s_b", "22")]);
        let text = run(folder.path(), "R2", Replaces::All, &[("s_a", "3"), ("s_c", "4")]);
        assert_eq!(names(folder.path()), ["s_a", "s_c", "s_log.log"]);
        assert!(text.contains("does not have: '") && text.contains("/s_b'"), "{text}");
    }

    #[test]
    fn what_the_user_made_or_changed_stays_and_is_told() {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), "R1", Replaces::All, &[("s_a", "1"), ("s_b", "22")]);
        fs::write(folder.path().join("s_b"), "changed").unwrap();
        fs::write(folder.path().join("s_c"), "own").unwrap();
        let text = run(folder.path(), "R2", Replaces::All, &[("s_a", "3")]);
        assert_eq!(names(folder.path()), ["s_a", "s_b", "s_c", "s_log.log"]);
        assert!(text.contains("nothing tells that this program has made it"), "{text}");
    }

    #[test]
    fn an_export_of_the_same_run_may_lie_beside() {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), "R1", Replaces::OtherRuns, &[("s_a", "1")]);
        run(folder.path(), "R1", Replaces::OtherRuns, &[("s_b", "2")]);
        run(folder.path(), "R1", Replaces::OtherRuns, &[("s_c", "3")]);
        assert_eq!(names(folder.path()), ["s_a", "s_b", "s_c", "s_log.log"]);
        run(folder.path(), "R2", Replaces::OtherRuns, &[("s_b", "2")]);
        assert_eq!(names(folder.path()), ["s_b", "s_log.log"]);
    }

    #[test]
    fn a_failure_leaves_the_earlier_result() {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), "R1", Replaces::All, &[("s_a", "1"), ("s_b", "22")]);
        let paths = ["s_a", "s_b"].map(|name| folder.path().join(name)).to_vec();
        let log = folder.path().join("s_log.log");
        let former = Former::new(paths.clone(), &log, Places::default(), "run R2".to_owned(), Replaces::All, &Silent);
        let failed = former.commit(|| {
            atomic::write_file(&paths[0], |file| std::io::Write::write_all(file, b"new"))?;
            anyhow::bail!("no space")
        });
        assert_eq!(failed.unwrap_err().to_string(), "no space");
        assert_eq!(fs::read_to_string(&paths[0]).unwrap(), "1");
        assert_eq!(names(folder.path()), ["s_a", "s_b", "s_log.log"]);
    }
}
