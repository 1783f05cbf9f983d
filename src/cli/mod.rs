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
use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use crate::config::options::Command;
use crate::config::{ConfigError, VERSION, nearest};
use crate::io::images;

/// Done.
const SUCCESS: u8 = 0;
/// Data, files, everything that is not misuse.
const FAILURE: u8 = 1;
/// A command line or configuration that cannot be used.
const MISUSE: u8 = 2;

/// Runs the program on the arguments of this process.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some((_, rest)) = arguments.split_first().filter(|(first, _)| *first == images::HELPER) {
        let done = images::serve(rest, &mut std::io::stdout().lock());
        return ExitCode::from(if done.is_ok() { SUCCESS } else { FAILURE });
    }
    if let Ok(program) = std::env::current_exe() {
        images::read_apart(program);
    }
    signals::listen();
    ExitCode::from(dispatch(&arguments))
}

/// Prints the help of a command, in color on a terminal that bears it.
fn help_of(command: Command) -> u8 {
    let help = command::parser(command).render_long_help();
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    print(&if colours { help.ansi().to_string() } else { help.to_string() })
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
        return print(&format!("{VERSION}\n"));
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
            None => print(help::OVERVIEW),
        },
        name => {
            let hint = match nearest(name, names()) {
                Some(near) => format!("; did you mean '{near}'?"),
                None if is_given("--help", "-h") => {
                    return print(help::OVERVIEW);
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
    match result {
        Ok(text) => print(&text),
        Err(error) => status_of(Err(error), command),
    }
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
    complain(&with_causes(&error));
    if error.chain().any(|cause| cause.is::<ConfigError>()) {
        complain_plainly(&format!("For the options see: baysor {} --help\n", command.name()));
        return MISUSE;
    }
    FAILURE
}

/// Prints a result, and returns the exit status. A reader that went away is not told, but not all of the result is there.
fn print(text: &str) -> u8 {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => SUCCESS,
        Err(error) => {
            if error.kind() != ErrorKind::BrokenPipe {
                complain(&format!("the result cannot be printed: {error}"));
            }
            FAILURE
        }
    }
}

fn complain(message: &str) {
    complain_plainly(&format!("error: {}\n", cut(message)));
}

/// An error with its causes, each of which is said once.
fn with_causes(error: &anyhow::Error) -> String {
    error
        .chain()
        .skip(1)
        .map(ToString::to_string)
        .fold(error.to_string(), |text, cause| if text.contains(&cause) { text } else { format!("{text}: {cause}") })
}

/// Longest message of an error, in characters: values of damaged files may be of any length.
const MAX_MESSAGE: usize = 4000;

fn cut(message: &str) -> String {
    match message.char_indices().nth(MAX_MESSAGE) {
        None => message.to_owned(),
        Some((end, _)) => format!("{} … and {} more bytes", &message[..end], message.len() - end),
    }
}

fn complain_plainly(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
