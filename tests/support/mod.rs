//! What the tests of `baysor run` share: a synthetic tissue, the program in a folder of its own, readers of its files.

#![allow(dead_code, unused_imports, reason = "every test file uses a part of this")]

mod program;
mod results;
mod table;
mod tissue;

pub use program::{Folder, Outcome};
pub use results::{CellSets, agreement, polygon_cells, ring_of};
pub use table::Table;
pub use tissue::{Molecule, Tissue};
