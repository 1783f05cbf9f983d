//! From the arguments after a command to what they ask for.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::ArgMatches;
use thiserror::Error;

use super::progress::Console;
use super::{arguments, command};
use crate::config::file::{Given, Origin};
use crate::config::options::{Command, Kind, OPTIONS, OptionDef};
use crate::config::resolve::Request;
use crate::config::values::from_text;
use crate::config::{ConfigError, Note, ProgramSettings, VERSION};
use crate::observe::Observer;
use crate::pipeline::{input, machine};

/// A command line the parser library does not understand. Its text has the usage and is printed as it is.
#[derive(Debug, Error)]
#[error("{}", .0.trim_end())]
pub struct Grammar(String);

/// Reads the arguments after a command; the matches are for what only that command knows.
///
/// # Errors
///
/// [`Grammar`] or [`ConfigError`].
pub fn parse(command: Command, arguments: &[OsString]) -> anyhow::Result<(Request, ArgMatches)> {
    refuse_long_names(arguments)?;
    let sorted = arguments::sort(command, arguments)?;
    if let Some(dotted) = sorted.dotted.first().filter(|_| !command.is_configured()) {
        return Err(ConfigError::Usage(format!(
            "{}: {} has no configuration; the stage has that of the run",
            dotted.name(),
            command.name()
        ))
        .into());
    }
    let matches = command::parser(command)
        .try_get_matches_from(&sorted.rest)
        .map_err(|error| Grammar(error.render().to_string()))?;
    let mut request = Request {
        molecules: path(&matches, "molecules").unwrap_or_default(),
        prior: path(&matches, "prior").map(|prior| prior.to_string_lossy().into_owned()),
        file: path(&matches, "config"),
        output: path(&matches, "output"),
        stage: path(&matches, "stage"),
        ncv: path(&matches, "ncv"),
        add_excluded: path(&matches, "add_excluded"),
        xenium_bundle: path(&matches, "xenium_bundle"),
        save_prior: path(&matches, "save_prior"),
        tiles: paths(&matches, "tiles"),
        dotted: sorted.dotted,
        command_line: arguments.join(OsStr::new(" ")).to_string_lossy().into_owned(),
        ..Request::default()
    };
    if Command::COMPUTING.contains(&command) {
        request.found = input::look(&request.molecules);
    }
    let has_flag = |def: &&OptionDef| def.flag.is_some() && def.is_of(command) && def.kind != Kind::Path;
    for def in OPTIONS.iter().filter(has_flag) {
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
    Ok((request, matches))
}

/// Bytes of the name of an option; the search for what may be meant by a longer one would take seconds.
const LONGEST_NAME: usize = 200;

fn refuse_long_names(arguments: &[OsString]) -> Result<(), ConfigError> {
    let name = |argument: &OsString| {
        let bytes = argument.as_encoded_bytes();
        let n = bytes.iter().position(|&byte| byte == b'=').unwrap_or(bytes.len());
        (bytes.starts_with(b"-") && n > LONGEST_NAME).then(|| String::from_utf8_lossy(&bytes[..40]).into_owned())
    };
    match arguments.iter().find_map(name) {
        Some(start) => Err(ConfigError::Usage(format!("there is no option {start}... (a name of so many letters)"))),
        None => Ok(()),
    }
}

/// A path, if the command has such an argument and it is given.
fn path(matches: &ArgMatches, name: &str) -> Option<PathBuf> {
    matches.try_get_one::<OsString>(name).ok().flatten().map(PathBuf::from)
}

/// Several paths; none if the command has no such argument.
fn paths(matches: &ArgMatches, name: &str) -> Vec<PathBuf> {
    let given = matches.try_get_many::<OsString>(name).ok().flatten();
    given.into_iter().flatten().map(PathBuf::from).collect()
}

fn flag(def: &'static OptionDef, spelled: String, text: &str) -> Result<Given, ConfigError> {
    let value = from_text(def, &spelled, text)?;
    Ok(Given { def, value, origin: Origin::Flag(spelled) })
}

impl Console {
    /// Tells version, threads, and the remarks on the configuration.
    pub fn opening(&self, command: Command, program: &ProgramSettings) {
        self.info(&format!("({}) Run Baysor v{VERSION}", machine::date()));
        self.detail(&format!("Command: baysor {} {}", command.name(), program.command_line));
        let seed = if command.is_configured() { format!(", seed: {}", program.seed) } else { String::new() };
        self.info(&format!("Threads: {}{seed}", program.threads));
        for note in &program.notes {
            match note {
                Note::Info(text) => self.info(text),
                Note::Warning(text) => self.warning(text),
            }
        }
    }

    /// Tells how a command ended; stderr gets an error from elsewhere.
    pub fn end(&self, result: &anyhow::Result<()>) {
        match result {
            Ok(()) => self.closing(),
            Err(error) => self.failed(&format!("{error:#}")),
        }
    }
}
