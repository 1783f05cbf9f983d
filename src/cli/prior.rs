//! `baysor prior`: from arguments to settings, and the stage itself.

use std::ffi::OsString;

use super::progress::Console;
use super::request;
use crate::config::options::Command;
use crate::config::resolve::resolve_prior;
use crate::pipeline::places::Places;

/// Reads molecules and their prior segmentation as the arguments after `prior` say.
///
/// # Errors
///
/// A [`request::Grammar`] or [`crate::config::ConfigError`] is misuse; everything else comes from the stage.
pub fn run(arguments: &[OsString]) -> anyhow::Result<()> {
    let (request, _) = request::parse(Command::Prior, arguments)?;
    let settings = resolve_prior(&request, &|name| std::env::var(name).ok())?;
    let _claim = Places::of_prior(&settings).claim()?;
    let console = Console::new(settings.program.verbosity, None);
    console.opening(Command::Prior, &settings.program);
    let result = crate::pipeline::prior::stage::run(&settings, &console);
    console.end(&result);
    result
}
