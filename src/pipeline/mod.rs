//! What each subcommand does, free of the command line.

pub mod run;
