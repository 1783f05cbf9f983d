//! The command line: finds the command, runs it, prints errors, chooses the exit status.

mod arguments;
mod command;
mod config;
mod estimate;
mod export;
mod help;
mod inspect;
mod merge;
mod preview;
mod prior;
pub mod progress;
pub mod request;
pub mod run;
mod segfree;
mod signals;
mod split;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use crate::config::options::Command;
use crate::config::{ConfigError, VERSION, nearest};

/// Done.
const SUCCESS: u8 = 0;
/// Data, files, everything that is not misuse.
const FAILURE: u8 = 1;
/// A command line or configuration that cannot be used.
const MISUSE: u8 = 2;

/// Runs the program on the arguments of this process.
pub fn main() -> ExitCode {
    signals::listen();
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    ExitCode::from(dispatch(&arguments))
}

/// Prints the help of a command, in color on a terminal that bears it.
fn help_of(command: Command) -> u8 {
    let help = command::parser(command).render_long_help();
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    print(&if colours { help.ansi().to_string() } else { help.to_string() });
    SUCCESS
}

/// Runs the program on arguments without its own name and returns the exit status.
///
/// KEEPS: `--version` counts anywhere, `--help` anywhere after the command, even where a value is expected.
fn dispatch(arguments: &[OsString]) -> u8 {
    let is_given = |long: &str, short: &str| {
        let options = arguments.iter().take_while(|argument| *argument != "--");
        options.into_iter().any(|argument| argument == long || argument == short)
    };
    if is_given("--version", "-V") {
        print(&format!("{VERSION}\n"));
        return SUCCESS;
    }
    let Some((first, rest)) = arguments.split_first() else {
        complain("a command is needed");
        complain_plainly(help::OVERVIEW);
        return MISUSE;
    };
    let first = first.to_string_lossy();
    if let Some(command) = find(&first) {
        return match command {
            _ if is_given("--help", "-h") => help_of(command),
            Command::Run => status_of(run::run(rest), command),
            Command::Preview => status_of(preview::run(rest), command),
            Command::Prior => status_of(prior::run(rest), command),
            Command::Segfree => status_of(segfree::run(rest), command),
            Command::Export => status_of(export::run(rest), command),
            Command::Split => status_of(split::run(rest), command),
            Command::Merge => status_of(merge::run(rest), command),
            Command::Estimate => printed(estimate::run(rest), command),
            Command::Inspect => printed(inspect::run(rest), command),
            Command::Config => printed(config::run(rest), command),
        };
    }
    match first.as_ref() {
        "help" | "-h" | "--help" => match rest.first().and_then(|name| find(&name.to_string_lossy())) {
            Some(command) => help_of(command),
            None => {
                print(help::OVERVIEW);
                SUCCESS
            }
        },
        name => {
            let hint = match nearest(name, names()) {
                Some(near) => format!("; did you mean '{near}'?"),
                None if is_given("--help", "-h") => {
                    print(help::OVERVIEW);
                    return SUCCESS;
                }
                None => String::new(),
            };
            complain(&format!("unknown command '{name}'{hint}"));
            complain_plainly(help::OVERVIEW);
            MISUSE
        }
    }
}

fn find(name: &str) -> Option<Command> {
    Command::ALL.into_iter().find(|command| command.name() == name)
}

fn names() -> Vec<&'static str> {
    Command::ALL.map(Command::name).into()
}

/// Prints the text that a command has for result.
fn printed(result: anyhow::Result<String>, command: Command) -> u8 {
    status_of(result.map(|text| print(&text)), command)
}

fn status_of(result: anyhow::Result<()>, command: Command) -> u8 {
    let Err(error) = result else { return SUCCESS };
    if error.chain().any(|cause| cause.is::<request::Grammar>()) {
        complain_plainly(&format!("{error}\n"));
        return MISUSE;
    }
    if error.is::<signals::Interrupted>() {
        complain_plainly(&format!("{error}\n"));
        return signals::status();
    }
    complain(&format!("{error:#}"));
    if error.chain().any(|cause| cause.is::<ConfigError>()) {
        complain_plainly(&format!("For the options see: baysor {} --help\n", command.name()));
        return MISUSE;
    }
    FAILURE
}

/// Prints a result. A reader that went away is no error.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn complain(message: &str) {
    complain_plainly(&format!("error: {message}\n"));
}

fn complain_plainly(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
