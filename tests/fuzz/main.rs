//! Readers against damaged input: every reader gets cases made from good inputs by keyed changes, in a process that is
//! watched. A panic, an abort, more than 2 s or more than 1 GiB for a case is a fault.
//!
//! As a test it reads a fixed number of cases with a fixed seed. By hand:
//!
//! ```sh
//! cargo test --release --test fuzz -- --reader parquet --cases 100000 --seed 7
//! cargo test --release --test fuzz -- --reader parquet --seed 7 --case 4711    # one case again; its files are kept
//! ```
//!
//! A case is made from the seed, the name of the reader, the number of the case, and the seeds in [`corpus`]; so the same
//! numbers make the same case until one of these changes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod case;
mod command;
mod corpus;
mod draws;
mod mutate;
mod readers;
mod seal;
mod text;
#[allow(dead_code, reason = "other tests need more")]
#[path = "../support/tissue.rs"]
mod tissue;
mod watch;
mod worker;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use case::{Case, Seed, write_files, write_seeds};
use readers::{READERS, Reader};
use watch::{Fault, Share, Tally, watch};

/// Cases that one process reads at most, so that several have something to do.
const CASES_AT_ONCE: u64 = 5000;

/// What the command line asks for.
#[derive(Debug, Default)]
struct Wanted {
    /// Names of readers; none: all.
    readers: Vec<String>,
    /// Cases of each reader.
    cases: Option<u64>,
    seed: u64,
    /// The one case that is wanted.
    case: Option<u64>,
    /// Processes at a time.
    jobs: Option<usize>,
    /// Where cases with faults are kept.
    keep: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, name, seed, from, to, corpus] = &arguments[..]
        && first == "--worker"
    {
        let reader = READERS.iter().find(|reader| reader.name == name).expect("a reader");
        let [seed, from, to] = [seed, from, to].map(|text| text.parse().expect("a number"));
        baysor::io::images::read_apart(env!("CARGO_BIN_EXE_baysor").into());
        worker::work(reader, seed, from, to, Path::new(corpus)).expect("a folder to work in");
        return ExitCode::SUCCESS;
    }
    let wanted = match wanted(&arguments) {
        Ok(wanted) => wanted,
        Err(problem) => {
            eprintln!("error: {problem}");
            return ExitCode::from(2);
        }
    };
    let is_wanted = |reader: &&Reader| {
        wanted.readers.is_empty() || wanted.readers.iter().any(|name| "fuzz".contains(name) || name == reader.name)
    };
    let readers: Vec<&'static Reader> = READERS.iter().filter(is_wanted).collect();
    if readers.is_empty() {
        // A filter that means other tests.
        return ExitCode::SUCCESS;
    }
    if run(&wanted, &readers).expect("a folder to work in") { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Reads the command line. Options of the usual test harness mean nothing here.
fn wanted(arguments: &[String]) -> Result<Wanted, String> {
    let mut wanted = Wanted { seed: 1, ..Wanted::default() };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut number = || {
            let text = rest.next().ok_or_else(|| format!("{argument} needs a value"))?;
            text.parse::<u64>().map_err(|_| format!("{argument}: '{text}' is no number"))
        };
        match &argument[..] {
            "--cases" => wanted.cases = Some(number()?),
            "--seed" => wanted.seed = number()?,
            "--case" => wanted.case = Some(number()?),
            "--jobs" => wanted.jobs = Some(number()?.max(1) as usize),
            "--keep" => wanted.keep = rest.next().map(PathBuf::from),
            "--reader" => {
                let name = rest.next().cloned().unwrap_or_default();
                if !READERS.iter().any(|reader| reader.name == name) {
                    let names: Vec<&str> = READERS.iter().map(|reader| reader.name).collect();
                    return Err(format!("--reader '{name}': it must be one of {}", names.join(", ")));
                }
                wanted.readers.push(name);
            }
            "--test-threads" | "--format" | "--color" | "--skip" => drop(rest.next()),
            other if other.starts_with('-') => {}
            filter => wanted.readers.push(filter.to_owned()),
        }
    }
    Ok(wanted)
}

/// Reads all cases; true if there was no fault.
fn run(wanted: &Wanted, readers: &[&'static Reader]) -> anyhow::Result<bool> {
    let scratch = tempfile::tempdir()?;
    let keep = wanted.keep.clone().unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz"));
    std::fs::create_dir_all(&keep)?;
    let keep = keep.canonicalize()?;
    let mut seeds: BTreeMap<&str, Vec<Seed>> = BTreeMap::new();
    for reader in readers {
        let folder = scratch.path().join("making").join(reader.name);
        std::fs::create_dir_all(&folder)?;
        std::env::set_current_dir(folder)?;
        let of_reader = corpus::seeds(reader.name)?;
        write_seeds(&scratch.path().join("corpus").join(reader.name), &of_reader)?;
        seeds.insert(reader.name, of_reader);
    }
    std::env::set_current_dir(scratch.path())?;
    let mut shares: Vec<Share> = Vec::new();
    for &reader in readers {
        let (from, to) = match wanted.case {
            Some(case) => (case, case + 1),
            None => (0, wanted.cases.unwrap_or(reader.n_cases)),
        };
        let starts = (from..to).step_by(CASES_AT_ONCE as usize);
        shares.extend(starts.map(|from| Share { reader, seed: wanted.seed, from, to: to.min(from + CASES_AT_ONCE) }));
    }
    let start = Instant::now();
    let tallies = read_all(&shares, scratch.path(), wanted.jobs);
    let mut all: BTreeMap<&str, Tally> = BTreeMap::new();
    for (name, tally) in tallies? {
        let of_reader = all.entry(name).or_default();
        of_reader.n_cases += tally.n_cases;
        of_reader.n_good += tally.n_good;
        of_reader.faults.extend(tally.faults);
    }
    for (name, Tally { n_cases, n_good, faults }) in &all {
        println!("{name:<12} {n_cases:>8} cases, {n_good:>8} taken for good, {:>3} faults", faults.len());
    }
    println!(
        "{} cases in {:.0} s",
        all.values().map(|tally| tally.n_cases).sum::<u64>(),
        start.elapsed().as_secs_f64()
    );
    let mut is_good = true;
    for tally in all.values() {
        for fault in &tally.faults {
            is_good = false;
            tell(fault, wanted.seed, &seeds[fault.reader], &keep)?;
        }
    }
    if let (Some(number), true) = (wanted.case, is_good) {
        for reader in readers {
            let fault = Fault { reader: reader.name, case: number, kind: "no fault".to_owned(), text: String::new() };
            tell(&fault, wanted.seed, &seeds[reader.name], &keep)?;
        }
    }
    Ok(is_good)
}

fn read_all(shares: &[Share], scratch: &Path, jobs: Option<usize>) -> std::io::Result<Vec<(&'static str, Tally)>> {
    let n_jobs = jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from).min(8));
    let next = Mutex::new(shares.iter().enumerate());
    let tallies = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let work = || {
            loop {
                let Some((at, share)) = next.lock().expect("a lock").next() else { return std::io::Result::Ok(()) };
                let corpus = scratch.join("corpus").join(share.reader.name);
                let tally = watch(share, &corpus, &scratch.join(format!("work{at}")))?;
                tallies.lock().expect("a lock").push((share.reader.name, tally));
            }
        };
        let workers: Vec<_> = (0..n_jobs).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("no panic here"))
    })?;
    Ok(tallies.into_inner().expect("a lock"))
}

/// Keeps the files of a case and says where they are.
fn tell(fault: &Fault, seed: u64, seeds: &[Seed], keep: &Path) -> std::io::Result<()> {
    let Fault { reader, case: number, kind, text } = fault;
    let folder = keep.join(format!("{reader}-{seed}-{number}"));
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let case = Case::make(seeds, seed, reader, *number);
    write_files(&folder, &case.files)?;
    println!("{kind}: --reader {reader} --seed {seed} --case {number} (from '{}'): {text}", seeds[case.seed].name);
    println!("    files: {}", folder.display());
    Ok(())
}
