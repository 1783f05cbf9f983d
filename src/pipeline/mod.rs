//! What each subcommand does, free of the command line.

mod compartments;
mod excluded;
pub mod export;
mod formats;
pub mod input;
mod keeper;
pub mod machine;
mod manifest;
pub mod map;
pub mod memory;
mod model;
mod nuclei;
pub mod pictures;
pub mod preview;
pub mod prior;
mod recorder;
mod reports;
mod results;
pub mod run;
mod scale;
pub mod segfree;
pub mod sizing;
mod start;

pub use keeper::Stopped;
