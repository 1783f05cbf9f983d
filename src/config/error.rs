//! What can be wrong with a command line or a configuration file.

use std::path::PathBuf;

use thiserror::Error;

/// A command line or configuration that cannot be used. The program ends with exit status 2.
///
/// Every message names the option or key, the value seen, and the remedy.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The configuration file cannot be read.
    #[error("cannot read the configuration file '{path}': {reason}")]
    Unreadable {
        /// The file as given.
        path: PathBuf,
        /// The reason given by the system.
        reason: std::io::Error,
    },
    /// The configuration file is not TOML.
    #[error("the configuration file '{path}' is not valid TOML: {message}")]
    Syntax {
        /// The file as given.
        path: PathBuf,
        /// Place and reason, as told by the parser.
        message: String,
    },
    /// A table that does not exist.
    #[error("{place}: unknown table [{table}]{hint}; the tables are {valid}")]
    UnknownTable {
        /// The file.
        place: String,
        /// The table as written.
        table: String,
        /// ` (did you mean …?)`, or nothing.
        hint: String,
        /// All tables.
        valid: String,
    },
    /// A key that does not exist.
    #[error("{place}: unknown key '{key}'{hint}; {valid}")]
    UnknownKey {
        /// The file or the option.
        place: String,
        /// The key as written, with its table.
        key: String,
        /// ` (did you mean …?)`, or nothing.
        hint: String,
        /// The keys there are.
        valid: String,
    },
    /// One thing is given twice in a file, under two spellings.
    #[error("{place}: '{key}' is given twice, once under another spelling; keep one")]
    GivenTwice {
        /// The file.
        place: String,
        /// The key by its own name.
        key: String,
    },
    /// A value of the wrong type.
    #[error("{name}: {expected} expected, but it is {seen}")]
    WrongType {
        /// The option or key.
        name: String,
        /// What is expected, with an example.
        expected: String,
        /// The value as written.
        seen: String,
    },
    /// A value of the right type that makes no sense.
    #[error("{name} is {seen}: {remedy}")]
    Invalid {
        /// The option or key.
        name: String,
        /// The value seen.
        seen: String,
        /// What is allowed, or what to do.
        remedy: String,
    },
    /// A value that contradicts the stage which is read in place of a molecule table.
    #[error("{name} is {seen}, but the stage '{stage}' was made with {key} = {held}; {remedy}")]
    NotAsStaged {
        /// The option or key as given.
        name: String,
        /// The value given.
        seen: String,
        /// The stage.
        stage: String,
        /// The key.
        key: String,
        /// The value of the stage.
        held: String,
        /// What to do.
        remedy: String,
    },
    /// Something needed is not given.
    #[error("{what}; {remedy}")]
    Missing {
        /// What is missing.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// Something known that this version cannot do.
    #[error("{what} not part of this version yet; {remedy}")]
    NotYet {
        /// What was asked for, with its verb: `reports are`.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// Any other misuse of the command line.
    #[error("{0}")]
    Usage(String),
}
