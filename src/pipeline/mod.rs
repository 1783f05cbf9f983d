//! What each subcommand does, free of the command line.

mod compartments;
mod input;
mod keeper;
mod manifest;
mod model;
pub mod prior;
mod results;
pub mod run;
mod scale;
pub mod segfree;

pub use keeper::Stopped;
