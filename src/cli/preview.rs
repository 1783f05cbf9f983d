//! `baysor preview`: from arguments to settings, and the work itself.

use std::ffi::OsString;

use super::progress::Console;
use super::request;
use crate::config::options::Command;
use crate::config::resolve_preview;
use crate::io::running_log;
use crate::pipeline::places::Places;

/// Reports on the molecules as the arguments after `preview` say.
///
/// # Errors
///
/// A [`request::Grammar`] or [`crate::config::ConfigError`] is misuse; everything else comes from the work.
pub fn run(arguments: &[OsString]) -> anyhow::Result<()> {
    let (mut request, _) = request::parse(Command::Preview, arguments)?;
    request.prior_stage = crate::pipeline::prior::stage::settled_by(&request.molecules)?;
    let settings = resolve_preview(&request, &|name| std::env::var(name).ok())?;
    let _claim = Places::of_preview(&settings).claim()?;
    let console = Console::new(settings.program.verbosity, Some(&running_log::place(&settings.outputs.log, false)));
    console.opening(Command::Preview, &settings.program);
    let result = crate::pipeline::preview::run(&settings, &console);
    console.end(&result);
    result
}
