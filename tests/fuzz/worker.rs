//! The process that reads cases. It tells what it does line by line on its stdout, so that whoever watches knows which
//! case ended it.
//!
//! `begin N`, then maybe `fault N KIND TEXT`, then `end N 0|1` (whether the case was taken for good); at last `done`.

use std::alloc::System;
use std::fs;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cap::Cap;

use super::case::{Case, Files, read_seeds, write_files};
use super::readers::Reader;

/// Counts memory, and refuses more than [`MAX_MEMORY`]: a case that wants it ends the process.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Memory that a case may have.
const MAX_MEMORY: usize = 1 << 30;
/// How often a slow case is read: other work on the machine makes no case slow every time.
const ATTEMPTS: usize = 3;

static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Reads the cases `from..to` in the current folder.
pub fn work(reader: &Reader, seed: u64, from: u64, to: u64, corpus: &Path) -> io::Result<()> {
    set_hook(Box::new(|panic| {
        PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(panic.to_string().replace('\n', " "));
    }));
    let seeds = read_seeds(corpus)?;
    let max_time = Duration::from_secs(reader.max_seconds);
    let mut out = io::stdout().lock();
    let mut on_disk = Files::new();
    for number in from..to {
        writeln!(out, "begin {number}")?;
        out.flush()?;
        let case = Case::make(&seeds, seed, reader.name, number);
        let mut least = Duration::MAX;
        let mut is_good = false;
        for _ in 0..ATTEMPTS {
            if reader.name == "command" {
                // Commands write, and some remove.
                clear()?;
                on_disk.clear();
            }
            place(&case.files, &mut on_disk)?;
            let (good, time) = read(reader, case.variant);
            (is_good, least) = (good, least.min(time));
            if least <= max_time {
                break;
            }
        }
        if least > max_time {
            writeln!(out, "fault {number} slow {:.1} s", least.as_secs_f64())?;
        }
        let panics = std::mem::take(&mut *PANICS.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(panic) = panics.first() {
            writeln!(out, "fault {number} panic {panic}")?;
        }
        writeln!(out, "end {number} {}", u8::from(is_good))?;
    }
    writeln!(out, "done")?;
    out.flush()
}

fn read(reader: &Reader, variant: u64) -> (bool, Duration) {
    // A limit below what is in use already is not possible.
    let _ = ALLOCATOR.set_limit(ALLOCATOR.allocated().saturating_add(MAX_MEMORY));
    let start = Instant::now();
    let is_good = catch_unwind(AssertUnwindSafe(|| (reader.read)(variant))).unwrap_or(false);
    let time = start.elapsed();
    let _ = ALLOCATOR.set_limit(usize::MAX);
    (is_good, time)
}

/// Brings the files of a case to the disk, where those of the last one lie.
fn place(files: &Files, on_disk: &mut Files) -> io::Result<()> {
    for name in on_disk.keys().filter(|name| !files.contains_key(*name)) {
        fs::remove_file(name)?;
    }
    let changed = files.iter().filter(|(name, bytes)| on_disk.get(*name) != Some(bytes));
    write_files(Path::new("."), &changed.map(|(name, bytes)| (name.clone(), bytes.clone())).collect())?;
    *on_disk = files.clone();
    Ok(())
}

fn clear() -> io::Result<()> {
    for entry in fs::read_dir(".")? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
