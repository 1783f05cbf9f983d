//! `baysor run`: from arguments to settings, and the run itself.

use std::ffi::OsString;

use clap::ArgMatches;

use super::progress::Console;
use super::{request, signals};
use crate::config::file::{Given, Origin};
use crate::config::options::{Command, find_path};
use crate::config::resolve::{Request, resolve};
use crate::config::values::Value;
use crate::config::{ConfigError, Note, RunSettings};
use crate::io::running_log;
use crate::pipeline::places::Places;
use crate::pipeline::tiles::{Settled, settled_by};

/// Segments molecules as the arguments after `run` say.
///
/// # Errors
///
/// A [`request::Grammar`] or [`ConfigError`] is misuse; everything else comes from the run.
pub fn run(arguments: &[OsString]) -> anyhow::Result<()> {
    let settings = parse(arguments, &|name| std::env::var(name).ok())?;
    signals::remember(arguments);
    let _claim = Places::of_run(&settings).claim()?;
    let resumes = settings.checkpoint.resume;
    let log = settings.writes_bundle.then(|| running_log::place(&settings.outputs.log, resumes));
    let console = Console::new(settings.program.verbosity, log.as_deref()).continuing(resumes);
    console.opening(Command::Run, &settings.program);
    let result = crate::pipeline::run::run(&settings, &console);
    console.end(&result);
    result.map_err(|error| signals::explain(error, arguments))
}

/// Reads the arguments after `run`. `environment` tells variables that set the number of threads.
///
/// # Errors
///
/// [`request::Grammar`] or [`ConfigError`]; of a stage in place of the molecule table, those of its manifest.
pub fn parse(arguments: &[OsString], environment: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<RunSettings> {
    parse_as(Command::Run, arguments, environment).map(|(settings, _)| settings)
}

/// The same for `estimate`, with the matches for what only that command knows.
pub(super) fn parse_as(
    command: Command,
    arguments: &[OsString],
    environment: &dyn Fn(&str) -> Option<String>,
) -> anyhow::Result<(RunSettings, ArgMatches)> {
    let (mut request, matches) = request::parse(command, arguments)?;
    legacy(&matches, &mut request)?;
    match settled_by(&request.molecules)? {
        Some(Settled::Prior(stage)) => request.prior_stage = Some(stage),
        Some(Settled::Tile(tile)) => request.tile = Some(tile),
        None => {}
    }
    Ok((resolve(&request, environment)?, matches))
}

/// KEEPS: spellings of versions before 0.7, which callers still use, each with a warning.
fn legacy(matches: &ArgMatches, request: &mut Request) -> Result<(), ConfigError> {
    if let Some(format) = matches.get_one::<String>("save_polygons") {
        if !format.eq_ignore_ascii_case("geojson") {
            return Err(ConfigError::Invalid {
                name: "--save-polygons".to_owned(),
                seen: format!("'{format}'"),
                remedy: "the old option knows GeoJSON only; use --polygon-format".to_owned(),
            });
        }
        set_if_absent(request, "polygon_format", Value::Text("GeometryCollection".to_owned()), "--save-polygons");
        let text = "--save-polygons GeoJSON is an old spelling of --polygon-format GeometryCollection";
        request.notes.push(Note::Warning(text.to_owned()));
    }
    if matches.get_one::<String>("no_ncv_estimation").is_some_and(|text| text != "false") {
        set_if_absent(request, "skip_ncv_color", Value::Bool(true), "--no-ncv-estimation");
        let text = "--no-ncv-estimation is an old spelling of --skip-ncv-color";
        request.notes.push(Note::Warning(text.to_owned()));
    }
    Ok(())
}

fn set_if_absent(request: &mut Request, name: &str, value: Value, spelled: &str) {
    if let Some(def) = find_path(name).filter(|def| request.flags.iter().all(|given| given.def.name != def.name)) {
        request.flags.push(Given { def, value, origin: Origin::Flag(spelled.to_owned()) });
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
