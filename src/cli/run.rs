//! `baysor run`: from arguments to settings, and the run itself.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::ArgMatches;
use thiserror::Error;

use super::progress::Console;
use super::{arguments, command};
use crate::config::file::{Given, Origin};
use crate::config::options::{OPTIONS, OptionDef, find_path};
use crate::config::resolve::{Request, resolve};
use crate::config::values::{Value, from_text};
use crate::config::{ConfigError, Note, RunSettings};
use crate::observe::Observer;

/// A command line the parser library does not understand. Its text has the usage and is printed as it is.
#[derive(Debug, Error)]
#[error("{}", .0.trim_end())]
pub struct Grammar(String);

/// Segments molecules as the arguments after `run` say.
///
/// # Errors
///
/// A [`Grammar`] or [`ConfigError`] is misuse; everything else comes from the run.
pub fn run(arguments: &[OsString]) -> anyhow::Result<()> {
    let settings = parse(arguments, &|name| std::env::var(name).ok())?;
    let console = Console::new(settings.verbosity, &settings.outputs.log);
    console.opening(&settings);
    let result = crate::pipeline::run::run(&settings, &console);
    match &result {
        Ok(()) => console.closing(),
        Err(error) => console.failed(&format!("{error:#}")),
    }
    result
}

/// Reads the arguments after `run`. `environment` tells variables that set the number of threads.
///
/// # Errors
///
/// [`Grammar`] or [`ConfigError`].
pub fn parse(arguments: &[OsString], environment: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<RunSettings> {
    let sorted = arguments::sort(arguments)?;
    let matches =
        command::run().try_get_matches_from(&sorted.rest).map_err(|error| Grammar(error.render().to_string()))?;
    let mut request = Request {
        molecules: path(&matches, "molecules").unwrap_or_default(),
        prior: matches.get_one::<OsString>("prior").map(|prior| prior.to_string_lossy().into_owned()),
        file: path(&matches, "config"),
        output: path(&matches, "output"),
        dotted: sorted.dotted,
        command_line: arguments.join(OsStr::new(" ")).to_string_lossy().into_owned(),
        ..Request::default()
    };
    for def in OPTIONS.iter().filter(|def| def.flag.is_some() && !command::is_path(def)) {
        if let Some(text) = matches.get_one::<String>(def.name) {
            request.flags.push(flag(def, def.spelled(), text)?);
        }
    }
    if sorted.n_config_files > 1 {
        let last = request.file.as_deref().map(|file| file.display().to_string()).unwrap_or_default();
        request
            .notes
            .push(Note::Warning(format!("Several configuration files are named; only the last counts: {last}")));
    }
    legacy(&matches, &mut request)?;
    Ok(resolve(&request, environment)?)
}

fn path(matches: &ArgMatches, name: &str) -> Option<PathBuf> {
    matches.get_one::<OsString>(name).map(PathBuf::from)
}

fn flag(def: &'static OptionDef, spelled: String, text: &str) -> Result<Given, ConfigError> {
    let value = from_text(def, &spelled, text)?;
    Ok(Given { def, value, origin: Origin::Flag(spelled) })
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

impl Console {
    /// Tells version, threads, and the remarks on the configuration.
    fn opening(&self, settings: &RunSettings) {
        self.info(&format!("({}) Run Baysor v{}", super::machine::date(), crate::config::VERSION));
        self.detail(&format!("Command: baysor run {}", settings.command_line));
        self.info(&format!("Threads: {}, seed: {}", settings.threads, settings.seed));
        for note in &settings.notes {
            match note {
                Note::Info(text) => self.info(text),
                Note::Warning(text) => self.warning(text),
            }
        }
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
