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
pub mod merge;
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
pub mod split;
mod start;
pub mod tile_size;
pub mod tiles;

pub use keeper::Stopped;
