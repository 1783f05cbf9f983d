//! Ctrl-C, requests to terminate, and a terminal that goes away: a clean stop where the run can be continued, a prompt
//! end elsewhere.
//!
//! While the model iterates, the first signal asks for a stop after the iteration, so that a
//! checkpoint is kept; a second one, a second later or more, ends the program at once. Elsewhere
//! the first one does; after the last iteration there is a checkpoint already, and the last words say so. The exit
//! status is 128 plus the number of the signal: 130 for Ctrl-C (SIGINT), 143 for SIGTERM, 129 for SIGHUP. Files
//! that are not complete are removed; under their final names there is never half a file.

use std::ffi::{OsStr, OsString};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};

use crate::pipeline::Stopped;

/// Signals so soon after the first are copies of it: shells and supervisors such as `timeout` send
/// one to the program and another one to its group.
const ONE_WISH: Duration = Duration::from_secs(1);

/// The last signal received, 0 for none.
static RECEIVED: AtomicI32 = AtomicI32::new(0);
/// Whether somebody asks [`stop_requested`] from time to time.
static IS_HANDLED: AtomicBool = AtomicBool::new(false);

/// Whether there is a checkpoint to go on from.
static IS_KEPT: AtomicBool = AtomicBool::new(false);
/// The command line that goes on from it.
static CONTINUING: OnceLock<String> = OnceLock::new();

/// Begins to listen; call it once, before anything else. Where there are no signals nothing happens.
///
/// A signal that was ignored when the program started stays ignored, as shells want it for what
/// runs in the background.
pub fn listen() {
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
        // A file beyond the limit of its size would be the death of the program; so writing fails, as on a full disk.
        let _ = signal_hook::flag::register(SIGXFSZ, std::sync::Arc::new(AtomicBool::new(false)));
        let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| !is_ignored(signal));
        let Ok(mut signals) = signal_hook::iterator::Signals::new(wanted) else { return };
        let thread = std::thread::Builder::new().name("signals".to_owned());
        // Without the thread signals would be swallowed; then nothing would be left but to be killed.
        let _ = thread.spawn(move || {
            let mut first = None;
            signals.forever().for_each(|signal| receive(signal, &mut first));
        });
    }
}

/// Remembers the arguments after `run`, for the last words.
pub fn remember(arguments: &[OsString]) {
    let _ = CONTINUING.set(continuing(arguments));
}

/// Says whether there is a checkpoint to go on from.
pub fn offer(is_kept: bool) {
    IS_KEPT.store(is_kept, Ordering::SeqCst);
}

/// Whether a signal asked for a stop.
pub fn stop_requested() -> bool {
    RECEIVED.load(Ordering::SeqCst) != 0
}

/// Says whether [`stop_requested`] will be asked. When it no longer is, and a signal waits, the program ends.
pub fn handle(is_handled: bool) {
    IS_HANDLED.store(is_handled, Ordering::SeqCst);
    #[cfg(unix)]
    if !is_handled && stop_requested() {
        end(RECEIVED.load(Ordering::SeqCst));
    }
}

/// The exit status after the signal that was received: 130 if there was none.
pub fn status() -> u8 {
    const CTRL_C: i32 = 2;
    match RECEIVED.load(Ordering::SeqCst) {
        0 => 128 + CTRL_C as u8,
        signal => 128 + signal as u8,
    }
}

/// Answers a signal; `first` is when the first one came.
#[cfg(unix)]
fn receive(signal: i32, first: &mut Option<Instant>) {
    let since_first = first.map(|first| first.elapsed());
    first.get_or_insert_with(Instant::now);
    // A copy may be of another kind; the first one gives the exit status.
    let _ = RECEIVED.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst);
    match answer(since_first, IS_HANDLED.load(Ordering::SeqCst)) {
        Answer::Stop => say("\nStopping after this iteration; once more ends the program at once.\n"),
        Answer::Nothing => {}
        Answer::End => end(signal),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// The run will stop.
    Stop,
    /// The run will stop anyway.
    Nothing,
    /// The program ends.
    End,
}

/// What a signal leads to that comes `since_first` after the first one.
fn answer(since_first: Option<Duration>, is_handled: bool) -> Answer {
    match since_first {
        _ if !is_handled => Answer::End,
        None => Answer::Stop,
        Some(since) if since < ONE_WISH => Answer::Nothing,
        Some(_) => Answer::End,
    }
}

/// Ends the program now. Nothing of it runs on, other threads included.
#[cfg(unix)]
fn end(signal: i32) -> ! {
    crate::io::atomic::remove_unfinished();
    let word = match signal {
        signal_hook::consts::SIGINT => "Interrupted",
        signal_hook::consts::SIGHUP => "Ended, as the terminal has gone",
        _ => "Terminated",
    };
    match CONTINUING.get().filter(|_| IS_KEPT.load(Ordering::SeqCst)) {
        Some(line) => say(&format!("\n{word}; continue with: {line}\n")),
        None => say(&format!("\n{word}.\n")),
    }
    signal_hook::low_level::exit(128 + signal)
}

#[cfg(unix)]
fn say(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Whether this process ignores a signal, where the system tells.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignored(&status) >> (signal - 1) & 1 == 1
}

/// The set of ignored signals in the status of a process, a bit for each.
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// A run that was stopped, with how to continue it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Interrupted(String);

/// Adds to the news of a stop the command line that continues; other errors stay as they are.
pub fn explain(error: anyhow::Error, arguments: &[OsString]) -> anyhow::Error {
    let Some(stopped) = error.downcast_ref::<Stopped>() else { return error };
    let text = if stopped.is_kept {
        format!("{stopped}; continue with: {}", continuing(arguments))
    } else {
        format!("{stopped}; no checkpoint could be written, so it cannot be continued")
    };
    Interrupted(text).into()
}

/// The command line that continues a run, for a shell.
fn continuing(arguments: &[OsString]) -> String {
    let mut words: Vec<String> = vec!["baysor".to_owned(), "run".to_owned()];
    let is_there = arguments.iter().any(|argument| argument == "--resume");
    let only_names_follow = arguments.iter().any(|argument| argument == "--");
    if only_names_follow && !is_there {
        words.push("--resume".to_owned());
    }
    words.extend(arguments.iter().map(|argument| quoted(argument)));
    if !only_names_follow && !is_there {
        words.push("--resume".to_owned());
    }
    words.join(" ")
}

/// A word as a shell reads it.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=:,+%@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(arguments: &[&str]) -> String {
        continuing(&arguments.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_command_line_that_continues_can_be_pasted() {
        assert_eq!(line(&["m.csv", ":cell", "-m", "3"]), "baysor run m.csv :cell -m 3 --resume");
        assert_eq!(line(&["--resume", "m.csv"]), "baysor run --resume m.csv");
        assert_eq!(line(&["a b.csv", "--exclude-genes=Neg*"]), "baysor run 'a b.csv' '--exclude-genes=Neg*' --resume");
        assert_eq!(line(&["-m", "3", "--", "it's.csv"]), r"baysor run --resume -m 3 -- 'it'\''s.csv'");
    }

    #[test]
    fn the_first_signal_stops_a_copy_does_nothing_and_the_next_one_ends() {
        assert_eq!(answer(None, true), Answer::Stop);
        assert_eq!(answer(Some(Duration::from_millis(3)), true), Answer::Nothing);
        assert_eq!(answer(Some(Duration::from_secs(2)), true), Answer::End);
        assert_eq!(answer(None, false), Answer::End);
    }

    #[test]
    fn ignored_signals_are_read_from_the_status_of_the_process() {
        let set = ignored("Name:\tbaysor\nSigIgn:\t0000000000001002\n");
        assert_eq!((set >> 1 & 1, set >> 14 & 1), (1, 0));
        assert_eq!(ignored("Name:\tbaysor\n"), 0);
    }

    #[test]
    fn other_errors_stay_as_they_are() {
        let error = explain(anyhow::anyhow!("no space"), &[]);
        assert_eq!((error.to_string().as_str(), error.is::<Interrupted>()), ("no space", false));
        let lost = Stopped { iteration: 3, total: 9, is_kept: false };
        assert!(explain(lost.into(), &[]).to_string().starts_with("stopped after iteration 3 of 9; no checkpoint"));
    }
}
