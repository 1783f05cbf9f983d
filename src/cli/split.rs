//! `baysor split`: from arguments to settings, and the work itself.

use std::ffi::OsString;

use super::progress::Console;
use super::request;
use crate::config::division::resolve_split;
use crate::config::options::Command;
use crate::pipeline::places::Places;

/// Divides a slide into tiles as the arguments after `split` say.
///
/// # Errors
///
/// A [`request::Grammar`] or [`crate::config::ConfigError`] is misuse; everything else comes from the work.
pub fn run(arguments: &[OsString]) -> anyhow::Result<()> {
    let (mut request, _) = request::parse(Command::Split, arguments)?;
    request.prior_stage = crate::pipeline::prior::stage::settled_by(&request.molecules)?;
    let settings = resolve_split(&request, &|name| std::env::var(name).ok())?;
    let _claim = Places::of_split(&settings).claim()?;
    let console = Console::new(settings.run.program.verbosity, None);
    console.opening(Command::Split, &settings.run.program);
    let result = crate::pipeline::split::split(&settings, &console);
    console.end(&result);
    result
}
