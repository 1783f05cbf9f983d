//! What each subcommand does, free of the command line.

mod compartments;
pub mod export;
mod formats;
mod input;
mod keeper;
pub mod machine;
mod manifest;
mod model;
mod nuclei;
pub mod prior;
mod recorder;
mod results;
pub mod run;
mod scale;
pub mod segfree;
mod start;

pub use keeper::Stopped;
