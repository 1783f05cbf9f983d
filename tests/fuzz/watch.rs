//! Watches over processes that read cases: notes what ends them, and goes on behind the case that did.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::readers::Reader;

/// A case that takes longer never ends.
const HANG: Duration = Duration::from_secs(60);
/// Faults after which a reader is left.
const MAX_FAULTS: usize = 100;

/// Cases of one reader.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// The reader.
    pub reader: &'static Reader,
    /// The seed of all cases.
    pub seed: u64,
    /// The first case.
    pub from: u64,
    /// The case after the last one.
    pub to: u64,
}

/// What a case did that it must not.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its reader.
    pub reader: &'static str,
    /// Its number.
    pub case: u64,
    /// `panic`, `slow`, `hang`, or `abort`, which is also what too much memory is.
    pub kind: String,
    /// What was said about it.
    pub text: String,
}

/// What came of some cases.
#[derive(Debug, Default)]
pub struct Tally {
    /// Cases that were read.
    pub n_cases: u64,
    /// Of these the ones that were taken for good.
    pub n_good: u64,
    /// Faults.
    pub faults: Vec<Fault>,
}

/// Has cases read by other processes. `corpus` holds the seeds, `folder` is made, to work in.
pub fn watch(share: &Share, corpus: &Path, folder: &Path) -> io::Result<Tally> {
    let mut tally = Tally::default();
    let mut from = share.from;
    while from < share.to && tally.faults.len() < MAX_FAULTS {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        from = one_process(share, from, corpus, folder, &mut tally)?;
    }
    fs::remove_dir_all(folder)?;
    Ok(tally)
}

/// Lets one process read, and returns the first case that it has not begun.
fn one_process(share: &Share, from: u64, corpus: &Path, folder: &Path, tally: &mut Tally) -> io::Result<u64> {
    let said = folder.with_extension("stderr");
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--worker", share.reader.name]).args([share.seed, from, share.to].map(|number| number.to_string()));
    command.arg(corpus).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&said)?);
    // One thread each: more processes are faster, and starting threads is not what is tested.
    command.env("RAYON_NUM_THREADS", "1").env("POLARS_MAX_THREADS", "1");
    let mut child = command.spawn()?;
    let lines = BufReader::new(child.stdout.take().ok_or_else(|| io::Error::other("no pipe"))?).lines();
    let (sender, receiver) = channel();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let (mut at, mut is_done) = (from, false);
    let mut fault = |case: u64, kind: &str, text: String| {
        eprintln!("{kind} in case {case} of {}: {text}", share.reader.name);
        tally.faults.push(Fault { reader: share.reader.name, case, kind: kind.to_owned(), text });
    };
    loop {
        let line = match receiver.recv_timeout(HANG) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => {
                child.kill()?;
                fault(at, "hang", format!("more than {} s", HANG.as_secs()));
                at += 1;
                is_done = true;
                break;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["begin", number] => at = number.parse().map_err(io::Error::other)?,
            ["fault", number, kind, text] => fault(number.parse().map_err(io::Error::other)?, kind, text.to_owned()),
            ["end", _, is_good] => {
                tally.n_cases += 1;
                tally.n_good += u64::from(is_good == "1");
                at += 1;
            }
            ["done"] => is_done = true,
            _ => return Err(io::Error::other(format!("a process said '{line}'"))),
        }
    }
    let status = child.wait()?;
    if !is_done {
        let said = fs::read(&said)?;
        let said = String::from_utf8_lossy(&said).trim().replace('\n', " ");
        fault(at, "abort", format!("{status}: {}", said.chars().take(300).collect::<String>()));
        at += 1;
    }
    fs::remove_file(&said)?;
    Ok(at)
}
