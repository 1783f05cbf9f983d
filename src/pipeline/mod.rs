//! What each subcommand does, free of the command line.

mod model;
mod results;
pub mod run;
mod scale;
