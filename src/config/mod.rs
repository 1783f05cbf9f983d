//! Configuration: what the user may ask for, in one vocabulary, and what it means once checked.
//!
//! `options` is the one definition of every key: its place in a configuration file, its flag, type, default, limits and
//! meaning. The command line, the reader of files, `example_config.toml`, the parameter dump and `--help` are all made
//! from it. `file` reads a file as written, `presets` are files that come with the program, `detect` is what a molecule
//! table tells of its columns. `resolve` lays default < preset < file < dotted option < flag over each other and returns
//! `RunSettings`, which hold no sentinels and do not change afterwards.

pub mod bundle;
mod detect;
pub mod division;
pub mod dump;
pub mod error;
pub mod example;
pub mod file;
pub mod formats;
mod merged;
mod nearest;
pub mod options;
pub mod outputs;
pub mod presets;
mod preview;
mod prior;
pub mod prior_settings;
pub mod resolve;
pub mod run_id;
mod sample;
mod scale;
pub mod settings;
pub mod stage;
pub mod threads;
pub mod tile;
pub mod values;

pub use detect::FoundInput;
pub use division::{MARGIN_SCALES, MOLECULES_PER_TILE, MaxMemory, MergeSettings, SplitSettings};
pub use error::ConfigError;
pub use formats::{EXPORT_RECORD, ExportFormat, NucleiSource, RangerSettings};
pub use nearest::nearest;
pub use outputs::OutputNames;
pub use preview::{PreviewOutputs, PreviewSettings, resolve_preview};
pub use prior_settings::{
    ImageKind, PriorSettings, PriorSource, SegmentMeaning, SegmentSettings, StainSettings, XyAndZ,
};
pub use run_id::{run_id, run_id_in_tiles, slide_id};
pub use settings::{
    BundleSettings, CheckpointSettings, ColorSettings, Columns, CompartmentGenes, CountFormat, Crop, ExportSettings,
    InputSettings, Note, PriorStageSettings, ProgramSettings, RunSettings, ScaleSource, ScaleStd, SegfreeSettings,
    Verbosity,
};
pub use stage::PriorStage;
pub use tile::TileStage;

/// The version of this program, e.g. `1.3.0`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
