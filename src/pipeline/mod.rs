//! What each subcommand does, free of the command line.

pub mod compartments;
pub mod estimate;
mod excluded;
pub mod export;
mod formats;
pub mod input;
pub mod keeper;
pub mod machine;
mod manifest;
pub mod map;
pub mod memory;
pub mod merge;
pub mod model;
mod nuclei;
pub mod pictures;
pub mod preview;
pub mod prior;
pub mod recorder;
mod reports;
mod results;
pub mod run;
pub mod scale;
pub mod segfree;
pub mod sizing;
pub mod slide;
pub mod split;
pub mod start;
pub mod tile_size;
mod tiled;
pub mod tiles;
mod workload;

pub use keeper::Stopped;
