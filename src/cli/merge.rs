//! `baysor merge`: from arguments to settings, and the work itself.

use std::ffi::OsString;

use super::progress::Console;
use super::request;
use crate::config::ConfigError;
use crate::config::division::resolve_merge;
use crate::config::options::Command;
use crate::pipeline::places::Places;
use crate::pipeline::tiles::stages_in;

/// Puts the tiles of a slide together as the arguments after `merge` say.
///
/// # Errors
///
/// A [`request::Grammar`] or [`crate::config::ConfigError`] is misuse; everything else comes from the tiles.
pub fn run(arguments: &[OsString]) -> anyhow::Result<()> {
    let is_output = |argument: &OsString| {
        let text = argument.to_string_lossy();
        text == "-o" || text == "--output" || text.starts_with("--output=")
    };
    if arguments.iter().any(is_output) {
        let text =
            "--output: merge writes a stage; give --stage DIR, then baysor export DIR -o ... for the final files";
        return Err(ConfigError::Usage(text.to_owned()).into());
    }
    let (request, _) = request::parse(Command::Merge, arguments)?;
    let settings = resolve_merge(&request, &|name| std::env::var(name).ok())?;
    let tiles = stages_in(&settings.tiles)?;
    let settings = settings.of(tiles);
    let _claim = Places::of_merge(&settings).claim()?;
    let console = Console::new(settings.program.verbosity, None);
    console.opening(Command::Merge, &settings.program);
    let result = crate::pipeline::merge::merge(&settings, &console);
    console.end(&result);
    result
}
