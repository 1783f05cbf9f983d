//! Messages and progress of a run: log lines on stderr and in the log file, bars on a terminal.

use std::fs::File;
use std::fs::OpenOptions;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::signals;
use crate::config::Verbosity;
use crate::observe::{Observer, Progress};
use crate::pipeline::machine::{current_memory, peak_memory, show_bytes, show_seconds, time_of_day};

/// Between two progress lines of a loop there is at least this time.
const BETWEEN_LINES: Duration = Duration::from_secs(30);

/// Tells the user what a run does.
///
/// The log file gets every message and is flushed after each. It is created with the first message for which its
/// folder exists; what was said before stands in it too. stderr gets what the verbosity lets through: bars if it is a
/// terminal, otherwise one line per stage and at most one per 30 seconds. No colours are used.
pub struct Console {
    verbosity: Verbosity,
    draws_bars: bool,
    between_lines: Duration,
    started: Instant,
    state: Mutex<State>,
}

struct State {
    screen: Box<dyn Write + Send>,
    log: Log,
    /// Finished stages with their times.
    stages: Vec<(String, Duration)>,
    stage: Option<(String, Instant)>,
    running: Option<Loop>,
}

/// A loop that reports iterations.
struct Loop {
    what: &'static str,
    started: Instant,
    last_line: Instant,
    bar: Option<ProgressBar>,
}

enum Level {
    Error,
    Warning,
    Info,
    Detail,
}

impl Console {
    /// A console for a command whose log file is `log`, if it has one.
    pub fn new(verbosity: Verbosity, log: Option<&Path>) -> Self {
        let draws_bars = verbosity != Verbosity::Quiet && std::io::stderr().is_terminal();
        Self::on(Box::new(std::io::stderr()), draws_bars, BETWEEN_LINES, verbosity, log)
    }

    fn on(
        screen: Box<dyn Write + Send>,
        draws_bars: bool,
        between_lines: Duration,
        verbosity: Verbosity,
        log: Option<&Path>,
    ) -> Self {
        let path = log.map(Path::to_owned).unwrap_or_default();
        let log = Log { path, file: None, pending: Vec::new(), continues: false, is_lost: log.is_none() };
        let state = State { screen, log, stages: Vec::new(), stage: None, running: None };
        Self { verbosity, draws_bars, between_lines, started: Instant::now(), state: Mutex::new(state) }
    }

    /// A console whose log file goes on from what is in it.
    pub fn continuing(self, continues: bool) -> Self {
        self.lock().log.continues = continues;
        self
    }

    /// Tells times and peak memory at the end of a run that succeeded.
    pub fn closing(&self) {
        let mut state = self.lock();
        state.end_stage();
        let times: Vec<String> =
            state.stages.iter().map(|(name, time)| format!("{name} {}", show_seconds(time.as_secs_f64()))).collect();
        let mut total = format!("Total time: {}", show_seconds(self.started.elapsed().as_secs_f64()));
        if let Some(bytes) = peak_memory() {
            total.push_str(&format!("; peak memory: {}", show_bytes(bytes)));
        }
        if !times.is_empty() {
            self.say(&mut state, &Level::Info, &format!("Times: {}", times.join(", ")));
        }
        self.say(&mut state, &Level::Info, &total);
        self.say(&mut state, &Level::Info, "All done!");
    }

    /// Notes in the log that the run failed; stderr gets the error from elsewhere.
    pub fn failed(&self, message: &str) {
        let mut state = self.lock();
        state.end_stage();
        self.say(&mut state, &Level::Error, message);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, state: &mut State, level: &Level, message: &str) {
        let line = line(level, &super::cut(message));
        let shown = match level {
            Level::Error => false,
            Level::Warning => true,
            Level::Info => self.verbosity != Verbosity::Quiet,
            Level::Detail => self.verbosity == Verbosity::Verbose,
        };
        if shown {
            let State { screen, running, .. } = state;
            // A reader of stderr that went away must not end the run.
            let mut write = || {
                let _ = screen.write_all(line.as_bytes());
            };
            match running.as_ref().and_then(|running| running.bar.as_ref()) {
                Some(bar) => bar.suspend(write),
                None => write(),
            }
        }
        if let Err(complaint) = state.log.write(&line) {
            let _ = state.screen.write_all(self::line(&Level::Warning, &complaint).as_bytes());
        }
    }

    fn progress_line(&self, progress: &Progress, elapsed: Duration) -> String {
        let mut text = format!("{}: iteration {} of {}", progress.what, progress.iteration, progress.total);
        for (name, number) in &progress.numbers {
            text.push_str(&format!(", {name} {}", show_number(name, *number)));
        }
        if let Some(bytes) = current_memory() {
            text.push_str(&format!(", memory {}", show_bytes(bytes)));
        }
        if progress.iteration > 0 {
            let left = progress.total.saturating_sub(progress.iteration) as f64;
            let per_iteration = elapsed.as_secs_f64() / progress.iteration as f64;
            text.push_str(&format!(", {} left at most", show_seconds(left * per_iteration)));
        }
        text
    }
}

impl Observer for Console {
    fn handles_stop(&self, handles: bool) {
        signals::handle(handles);
    }

    fn can_continue(&self, can: bool) {
        signals::offer(can);
    }

    fn stop_requested(&self) -> bool {
        signals::stop_requested()
    }

    fn stage(&self, name: &str) {
        let mut state = self.lock();
        state.end_stage();
        state.stage = Some((name.to_owned(), Instant::now()));
        self.say(&mut state, &Level::Info, &format!("{name}..."));
    }

    fn info(&self, message: &str) {
        self.say(&mut self.lock(), &Level::Info, message);
    }

    fn detail(&self, message: &str) {
        self.say(&mut self.lock(), &Level::Detail, message);
    }

    fn warning(&self, message: &str) {
        self.say(&mut self.lock(), &Level::Warning, message);
    }

    fn iteration(&self, progress: &Progress) {
        let mut state = self.lock();
        let now = Instant::now();
        let is_new = state.running.as_ref().is_none_or(|running| running.what != progress.what);
        if is_new {
            state.end_loop();
            let bar = self.draws_bars.then(|| bar(progress));
            state.running = Some(Loop { what: progress.what, started: now, last_line: now, bar });
        }
        let Some(running) = state.running.as_mut() else { return };
        if let Some(bar) = &running.bar {
            bar.set_position(progress.iteration as u64);
            let numbers: Vec<String> = progress
                .numbers
                .iter()
                .map(|(name, number)| format!("{name} {}", show_number(name, *number)))
                .collect();
            bar.set_message(numbers.join(", "));
        }
        if !is_new && now.duration_since(running.last_line) >= self.between_lines {
            running.last_line = now;
            let text = self.progress_line(progress, now.duration_since(running.started));
            // Bars already show this on a terminal; the log wants it all the same.
            let line = line(&Level::Info, &text);
            if running.bar.is_none() && self.verbosity != Verbosity::Quiet {
                let _ = state.screen.write_all(line.as_bytes());
            }
            let _ = state.log.write(&line);
        }
    }
}

impl State {
    fn end_loop(&mut self) {
        if let Some(Loop { bar: Some(bar), .. }) = self.running.take() {
            bar.finish_and_clear();
        }
    }

    fn end_stage(&mut self) {
        self.end_loop();
        if let Some((name, started)) = self.stage.take() {
            self.stages.push((name, started.elapsed()));
        }
    }
}

fn bar(progress: &Progress) -> ProgressBar {
    let target = ProgressDrawTarget::stderr();
    let bar = ProgressBar::with_draw_target(Some(progress.total as u64), target);
    let template = "{prefix} [{bar:30}] {pos}/{len}, {eta} left, {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(progress.what);
    bar
}

/// Shares as percentages, counts whole, everything else with four digits.
fn show_number(name: &str, number: f64) -> String {
    if name.contains("noise") || name.contains("share") {
        format!("{:.1}%", number * 100.0)
    } else if number.fract() == 0.0 && number.abs() < 1e15 {
        format!("{number:.0}")
    } else if number.abs() >= 1e-3 && number.abs() < 1e6 {
        format!("{number:.4}")
    } else {
        format!("{number:.3e}")
    }
}

/// KEEPS: the log lines of Baysor 0.7.1; further lines of a message begin with `|`, the last with `└`.
fn line(level: &Level, message: &str) -> String {
    let name = match level {
        Level::Error => "Error",
        Level::Warning => "Warning",
        Level::Info | Level::Detail => "Info",
    };
    let mut lines = message.trim_end().lines();
    let mut text = format!("[{}] {name}: {}\n", time_of_day(), lines.next().unwrap_or_default());
    let further: Vec<&str> = lines.collect();
    for (position, further_line) in further.iter().enumerate() {
        let mark = if position + 1 == further.len() { '└' } else { '|' };
        text.push_str(&format!("           {mark} {further_line}\n"));
    }
    text
}

/// The log file.
struct Log {
    path: PathBuf,
    file: Option<File>,
    /// Lines said before the file could be created.
    pending: Vec<u8>,
    /// What is in the file stays, and new lines follow it.
    continues: bool,
    /// There is no log file, or writing failed; nothing more is tried.
    is_lost: bool,
}

impl Log {
    /// Writes a line and flushes it. The first failure is returned as a complaint, later ones are not repeated.
    fn write(&mut self, line: &str) -> Result<(), String> {
        if self.is_lost {
            return Ok(());
        }
        self.pending.extend_from_slice(line.as_bytes());
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if self.file.is_none() && folder.is_some_and(|folder| !folder.is_dir()) {
            return Ok(());
        }
        self.flush().map_err(|error| {
            self.is_lost = true;
            format!("cannot write the log file '{}': {error}", self.path.display())
        })
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(open_log(&self.path, self.continues)?),
        };
        file.write_all(&self.pending)?;
        self.pending.clear();
        file.flush()
    }
}

fn open_log(path: &Path, continues: bool) -> std::io::Result<File> {
    if continues { OpenOptions::new().create(true).append(true).open(path) } else { File::create(path) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Screen {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn progress(iteration: usize) -> Progress {
        Progress { what: "segmentation", iteration, total: 100, numbers: vec![("noise", 0.125), ("components", 42.0)] }
    }

    fn console(verbosity: Verbosity, between: Duration, log: &Path) -> (Console, Screen) {
        let screen = Screen::default();
        (Console::on(Box::new(screen.clone()), false, between, verbosity, Some(log)), screen)
    }

    #[test]
    fn quiet_shows_warnings_and_the_log_has_everything() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("run_log.log");
        let (console, screen) = console(Verbosity::Quiet, BETWEEN_LINES, &log);
        console.stage("Loading data");
        console.warning("Odd");
        console.detail("Small");
        console.closing();
        assert!(screen.text().contains("Warning: Odd") && !screen.text().contains("Loading"));
        let log = std::fs::read_to_string(log).unwrap();
        for text in
            ["Info: Loading data...\n", "Warning: Odd\n", "Info: Small\n", "Times: Loading data 0.0 s", "All done!\n"]
        {
            assert!(log.contains(text), "{log}");
        }
    }

    #[test]
    fn the_log_waits_for_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("new").join("run_log.log");
        let (console, _) = console(Verbosity::Normal, BETWEEN_LINES, &log);
        console.info("before");
        assert!(!log.exists());
        std::fs::create_dir(folder.path().join("new")).unwrap();
        console.info("after");
        let log = std::fs::read_to_string(log).unwrap();
        assert!(log.lines().next().unwrap().ends_with("Info: before") && log.contains("Info: after"));
    }

    #[test]
    fn a_log_that_cannot_be_written_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let (console, screen) = console(Verbosity::Normal, BETWEEN_LINES, folder.path());
        console.info("one");
        console.info("two");
        assert_eq!(screen.text().matches("cannot write the log file").count(), 1);
        assert!(screen.text().contains("Info: two"));
    }

    #[test]
    fn iterations_are_told_sparsely() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("l.log");
        let (seldom, screen) = console(Verbosity::Normal, Duration::from_secs(3600), &log);
        (1..=100).for_each(|iteration| seldom.iteration(&progress(iteration)));
        assert_eq!(screen.text(), "");
        let (often, screen) = console(Verbosity::Normal, Duration::ZERO, &log);
        (1..=3).for_each(|iteration| often.iteration(&progress(iteration)));
        assert_eq!(screen.text().lines().count(), 2);
        assert!(screen.text().contains("segmentation: iteration 2 of 100, noise 12.5%, components 42"));
        assert!(screen.text().contains(" left at most"));
    }

    #[test]
    fn a_label_of_fifty_thousand_letters_filled_the_screen() {
        let folder = tempfile::tempdir().unwrap();
        let (console, screen) = console(Verbosity::Normal, BETWEEN_LINES, &folder.path().join("l.log"));
        console.warning(&format!("The segment '{}' is odd", "L".repeat(50_000)));
        let text = screen.text();
        assert!(
            text.len() < 5000 && text.contains("The segment 'LLL") && text.contains("more bytes"),
            "{}",
            text.len()
        );
    }

    #[test]
    fn further_lines_are_marked() {
        let text = line(&Level::Info, "one\ntwo\nthree");
        let tail: Vec<&str> = text.lines().skip(1).map(str::trim).collect();
        assert_eq!(tail, ["| two", "└ three"]);
        assert_eq!(text.find("] Info: one"), Some(9));
    }
}
