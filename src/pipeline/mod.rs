//! What each subcommand does, free of the command line.

mod compartments;
pub mod export;
mod input;
mod keeper;
pub mod machine;
mod manifest;
mod model;
pub mod pictures;
pub mod preview;
pub mod prior;
mod recorder;
mod results;
pub mod run;
mod scale;
pub mod segfree;
pub mod sizing;
mod start;

pub use keeper::Stopped;
