//! Whole commands in this process, as `main` would run them.

use std::ffi::OsString;
use std::path::Path;

use baysor::cli::{request, run as of_run};
use baysor::config::bundle::resolve_export;
use baysor::config::division::{resolve_merge, resolve_split};
use baysor::config::options::Command;
use baysor::config::resolve::{resolve_prior, resolve_segfree};
use baysor::config::resolve_preview;
use baysor::io::stage::{StageKind, StageReader, describe};
use baysor::observe::{Observer, Silent};
use baysor::pipeline::{self, places::Places};

use super::case::ARGUMENTS;

/// Runs the command of a case, and says whether it succeeded.
pub fn run(_: u64) -> bool {
    let line = std::fs::read_to_string(ARGUMENTS).unwrap_or_default();
    let outcome = command(&line, &Silent);
    for folder in ["out", "made"] {
        // Only if it is there; the next case starts anew.
        let _ = std::fs::remove_dir_all(Path::new(folder));
    }
    outcome.is_ok()
}

/// Runs a command, written as in a shell without quotes.
pub fn command(line: &str, observer: &dyn Observer) -> anyhow::Result<()> {
    let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
    let Some((name, arguments)) = words.split_first() else { return Ok(()) };
    let Some(command) = Command::ALL.into_iter().find(|command| *name == *command.name()) else { return Ok(()) };
    let environment = |_: &str| None;
    let parse = || request::parse(command, arguments).map(|(request, _)| request);
    let with_stage = || {
        let mut request = parse()?;
        request.prior_stage = pipeline::prior::stage::settled_by(&request.molecules)?;
        anyhow::Ok(request)
    };
    match command {
        Command::Run => {
            let settings = of_run::parse(arguments, &environment)?;
            let _claim = Places::of_run(&settings).claim()?;
            pipeline::run::run(&settings, observer)
        }
        Command::Estimate => {
            let (settings, _) = (of_run::parse(arguments, &environment)?, ());
            pipeline::estimate::run(&settings, None, observer).map(drop)
        }
        Command::Preview => {
            let settings = resolve_preview(&with_stage()?, &environment)?;
            let _claim = Places::of_preview(&settings).claim()?;
            pipeline::preview::run(&settings, observer)
        }
        Command::Prior => {
            let settings = resolve_prior(&parse()?, &environment)?;
            let _claim = Places::of_prior(&settings).claim()?;
            pipeline::prior::stage::run(&settings, observer)
        }
        Command::Segfree => {
            let settings = resolve_segfree(&with_stage()?, &environment)?;
            let _claim = Places::of_segfree(&settings).claim()?;
            pipeline::segfree::run(&settings, observer)
        }
        Command::Split => {
            let settings = resolve_split(&with_stage()?, &environment)?;
            let _claim = Places::of_split(&settings).claim()?;
            pipeline::split::split(&settings, observer)
        }
        Command::Merge => {
            let settings = resolve_merge(&parse()?, &environment)?;
            let tiles = pipeline::tiles::stages_in(&settings.tiles)?;
            let settings = settings.of(tiles);
            let _claim = Places::of_merge(&settings).claim()?;
            pipeline::merge::merge(&settings, observer)
        }
        Command::Export => {
            let settings = resolve_export(&parse()?, &environment)?;
            let _claim = Places::of_export(&settings).claim()?;
            pipeline::export::run(&settings, observer)
        }
        Command::Inspect => {
            let stage = StageReader::open(&parse()?.molecules, &StageKind::ALL)?;
            describe(&stage).map(drop).map_err(Into::into)
        }
        Command::Config => Ok(()),
    }
}
