//! `baysor estimate`: from arguments to settings, and the work itself.

use std::ffi::OsString;
use std::path::PathBuf;

use super::progress::Console;
use super::run as of_run;
use crate::config::options::Command;
use crate::pipeline::places::Places;

/// Tells what the run with these arguments will need: as text, and as JSON into a file if that is named.
///
/// # Errors
///
/// A [`Grammar`](super::request::Grammar) or [`crate::config::ConfigError`] is misuse; everything else comes from the work.
pub fn run(arguments: &[OsString]) -> anyhow::Result<String> {
    let (settings, matches) = of_run::parse_as(Command::Estimate, arguments, &|name| std::env::var(name).ok())?;
    let json = matches.get_one::<OsString>("json_file").map(PathBuf::from);
    let _claim = Places::of_estimate(&settings, json.as_deref()).claim()?;
    let console = Console::new(settings.program.verbosity, None);
    console.opening(Command::Estimate, &settings.program);
    crate::pipeline::estimate::run(&settings, json.as_deref(), &console)
}
