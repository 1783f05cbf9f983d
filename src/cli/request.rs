//! From the arguments after a command to what they ask for.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::ArgMatches;
use thiserror::Error;

use super::progress::Console;
use super::{arguments, command, machine};
use crate::config::file::{Given, Origin};
use crate::config::options::{Command, OPTIONS, OptionDef};
use crate::config::resolve::Request;
use crate::config::values::from_text;
use crate::config::{ConfigError, Note, ProgramSettings, VERSION};
use crate::observe::Observer;

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
    let sorted = arguments::sort(arguments)?;
    let matches = command::parser(command)
        .try_get_matches_from(&sorted.rest)
        .map_err(|error| Grammar(error.render().to_string()))?;
    let mut request = Request {
        molecules: path(&matches, "molecules").unwrap_or_default(),
        prior: match command {
            Command::Segfree => None,
            Command::Run | Command::Prior => {
                matches.get_one::<OsString>("prior").map(|prior| prior.to_string_lossy().into_owned())
            }
        },
        file: path(&matches, "config"),
        output: path(&matches, "output"),
        dotted: sorted.dotted,
        command_line: arguments.join(OsStr::new(" ")).to_string_lossy().into_owned(),
        ..Request::default()
    };
    let has_flag = |def: &&OptionDef| def.flag.is_some() && def.commands.contains(&command) && !command::is_path(def);
    for def in OPTIONS.iter().filter(has_flag) {
        if let Some(text) = matches.get_one::<String>(def.name) {
            request.flags.push(flag(def, def.spelled(), text)?);
        }
    }
    if command == Command::Run {
        request.save_prior = path(&matches, "save_prior");
    }
    if command == Command::Segfree {
        request.stage = path(&matches, "stage");
    }
    if sorted.n_config_files > 1 {
        let last = request.file.as_deref().map(|file| file.display().to_string()).unwrap_or_default();
        request
            .notes
            .push(Note::Warning(format!("Several configuration files are named; only the last counts: {last}")));
    }
    Ok((request, matches))
}

fn path(matches: &ArgMatches, name: &str) -> Option<PathBuf> {
    matches.get_one::<OsString>(name).map(PathBuf::from)
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
        self.info(&format!("Threads: {}, seed: {}", program.threads, program.seed));
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
