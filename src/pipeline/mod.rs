//! What each subcommand does, free of the command line.

mod compartments;
pub mod estimate;
mod excluded;
pub mod export;
mod formats;
mod former;
pub mod input;
mod keeper;
pub mod machine;
mod manifest;
pub mod map;
mod memory;
pub mod merge;
mod model;
mod nuclei;
mod nuclei_of_cells;
pub mod pictures;
pub mod places;
pub mod preview;
pub mod prior;
mod recorder;
mod reports;
mod results;
pub mod run;
mod scale;
pub mod segfree;
pub mod sizing;
mod slide;
pub mod split;
mod start;
mod tile_size;
mod tiled;
pub mod tiles;
mod workload;

pub use keeper::Stopped;
