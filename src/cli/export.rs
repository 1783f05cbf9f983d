//! `baysor export`: from arguments to settings, and the files.

use std::ffi::OsString;

use super::progress::Console;
use super::request;
use crate::config::bundle::resolve_export;
use crate::config::options::Command;
use crate::io::running_log;
use crate::pipeline::places::Places;

/// Writes the final files of the stage that the arguments after `export` name.
///
/// # Errors
///
/// A [`request::Grammar`] or [`crate::config::ConfigError`] is misuse; everything else comes from the stage and the files.
pub fn run(arguments: &[OsString]) -> anyhow::Result<()> {
    let (request, _) = request::parse(Command::Export, arguments)?;
    let settings = resolve_export(&request, &|name| std::env::var(name).ok())?;
    let _claim = Places::of_export(&settings).claim()?;
    let console =
        Console::new(settings.program.verbosity, Some(&running_log::place(&settings.bundle.outputs.log, false)));
    console.opening(Command::Export, &settings.program);
    let result = crate::pipeline::export::run(&settings, &console);
    console.end(&result);
    result
}
