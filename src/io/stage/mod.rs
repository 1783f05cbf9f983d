//! Stage directories: what subcommands hand over to one another, and to whoever wants to look.
//!
//! A directory holds Arrow IPC tables and, written last, `manifest.json`. Without a manifest it is not a result.
//! `docs/stages.md` describes every table, column and field for users; [`schema`] is the one place that defines them.
//!
//! ```text
//! StageWriter::create -> one call per table -> finish(Manifest)     tables under temporary names, then all at once
//! StageReader::open   -> manifest, sizes and hashes checked -> one call per table
//! ```
//!
//! Everything but the `timing` part of the manifest is the same, byte by byte, for the same inputs, parameters, seed and
//! version, whatever the number of threads.

mod appender;
mod batches;
mod carried;
mod cells;
mod cells_appender;
mod clustering;
mod compartment_genes;
mod describe;
mod error;
mod ipc;
mod kind;
mod manifest;
mod merged;
mod molecules;
mod molecules_appender;
mod molecules_reader;
mod ncv;
mod polygons;
mod prior_outlines;
mod reader;
pub mod schema;
mod seal;
mod segments;
mod slide_fit;
mod stores;
#[cfg(test)]
mod tests;
mod tile;
mod trace;
mod writer;

pub use batches::{MoleculeBatch, MoleculeCursor};
pub use cells_appender::{CellsAppender, CountsAppender, PolygonsAppender};
pub use clustering::ClusteringTable;
pub use describe::{Description, describe};
pub use error::StageError;
pub use kind::StageKind;
pub use manifest::{
    Estimate, FORMAT_VERSION, InputFingerprint, MANIFEST_FILE, MIN_MOLECULES_PER_SEGMENT, Manifest, NoteLevel, Phase,
    StageNote, TableEntry, Timing,
};
pub use merged::{Choice, Claim, Claims, MergedMolecules};
pub use molecules::{Compartments, MoleculeResults};
pub use molecules_appender::{CarriedBlock, MoleculeAppender};
pub use ncv::NcvTable;
pub use polygons::StagePolygons;
pub use reader::StageReader;
pub use seal::seal;
pub use slide_fit::{FitTexts, SlideFit, SlideMarkers, SlideOwners};
pub use tile::{OutlineBasis, TileManifest};
pub use trace::TraceTable;
pub use writer::{StageWriter, UNFINISHED_FILE, files_of_stage, is_file_of_stage, remove_stage};
