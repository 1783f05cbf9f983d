//! `baysor segfree`: from arguments to settings, and the work itself.

use std::ffi::OsString;

use super::progress::Console;
use super::request;
use crate::config::options::Command;
use crate::config::resolve::resolve_segfree;
use crate::io::running_log;
use crate::pipeline::places::Places;

/// Describes the neighborhoods of molecules as the arguments after `segfree` say.
///
/// # Errors
///
/// A [`request::Grammar`] or [`crate::config::ConfigError`] is misuse; everything else comes from the work.
pub fn run(arguments: &[OsString]) -> anyhow::Result<()> {
    let (mut request, _) = request::parse(Command::Segfree, arguments)?;
    request.prior_stage = crate::pipeline::prior::stage::settled_by(&request.molecules)?;
    let settings = resolve_segfree(&request, &|name| std::env::var(name).ok())?;
    let _claim = Places::of_segfree(&settings).claim()?;
    let log = settings.output.as_ref().map(|_| running_log::place(&settings.log, false));
    let console = Console::new(settings.program.verbosity, log.as_deref());
    console.opening(Command::Segfree, &settings.program);
    let result = crate::pipeline::segfree::run(&settings, &console);
    console.end(&result);
    result
}
