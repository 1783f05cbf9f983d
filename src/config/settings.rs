//! What a run is asked to do, checked and typed. No value here means "guess"; absence is `None`.

use std::path::PathBuf;

use super::file::Given;
use super::prior_settings::{PriorSettings, SegmentSettings};
use super::{ExportFormat, MaxMemory, NucleiSource, OutputNames, RangerSettings};
use crate::cells::CellFilter;
use crate::composition::VectorMethod;
use crate::data::{Layout3d, PolygonFormat};

/// The settings of one run. They do not change after `resolve`.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSettings {
    /// The molecules.
    pub input: InputSettings,
    /// Whether they are a tile of the command `split`, so that the result is a part of a slide.
    pub is_tile: bool,
    /// The prior segmentation.
    pub prior: PriorSettings,
    /// Folder for what the command `prior` would write; `None`: it is not written.
    pub save_prior: Option<PathBuf>,
    /// Smallest number of molecules of a real cell, at least 1.
    pub min_molecules_per_cell: usize,
    /// Which nearest neighbour gives the noise distance, at least 1.
    pub confidence_nn_id: usize,
    /// Where the scale comes from.
    pub scale: ScaleSource,
    /// Which genes tell nucleus from cytoplasm.
    pub compartment_genes: CompartmentGenes,
    /// Number of molecule clusters; 0 or 1: no clustering. At most 255.
    pub n_clusters: usize,
    /// Trust in the prior segmentation, in 0..=1.
    pub prior_confidence: f64,
    /// What the segments of the prior are to the model.
    pub segments: SegmentSettings,
    /// Number of iterations, at least 1.
    pub iters: usize,
    /// Share of moving molecules below which the model stops early, in 0..=1; 0: never.
    pub tol: f64,
    /// Share of molecules that leave their cell for good below which the model stops early, in 0..=1; 0: never.
    pub converged: f64,
    /// Number of components to start with, at least 2; `None`: derived from the data.
    pub n_cells_init: Option<usize>,
    /// Names of the files to write, that of the checkpoint included, which lies in the stage if there is one.
    pub outputs: OutputNames,
    /// Whether the final files are written.
    pub writes_bundle: bool,
    /// What to write then, each format once.
    pub formats: Vec<ExportFormat>,
    /// Where nuclei are known from, for the counts of nuclei and cytoplasm.
    pub nuclei: NucleiSource,
    /// How the pair for Xenium Ranger is written.
    pub ranger: RangerSettings,
    /// The folder for the result as a stage, if it is wanted.
    pub stage: Option<PathBuf>,
    /// Format of the cell boundaries; `None`: they are not written.
    pub polygon_format: Option<PolygonFormat>,
    /// Format of the count matrix.
    pub count_format: CountFormat,
    /// Layout of the file with 3D boundaries.
    pub layout_3d: Layout3d,
    /// Whether reports are written beside the final files.
    pub plot: bool,
    /// Largest number of z layers with boundaries of their own, at least 1.
    pub max_z_slices: usize,
    /// The user's text in cell names; `None`: `config::run_id` gives one.
    pub run_id: Option<String>,
    /// How the state of the model is kept.
    pub checkpoint: CheckpointSettings,
    /// How molecules are colored by neighborhood; `None`: they are not.
    pub colors: Option<ColorSettings>,
    /// Molecules of a tile, margin included, at most; `None`: no limit. Always `None` for a tile itself.
    pub max_molecules_per_tile: Option<usize>,
    /// Memory that may be used; what needs more is divided into tiles. `None`: no limit.
    pub max_memory: Option<MaxMemory>,
    /// Width of the margin of tiles, in units of the scale, >= 0.
    pub margin_scales: f64,
    /// Seed, threads, messages.
    pub program: ProgramSettings,
}

impl RunSettings {
    /// How the final files are written, if they are.
    pub fn bundle(&self) -> Option<BundleSettings> {
        self.writes_bundle.then(|| BundleSettings {
            outputs: self.outputs.clone(),
            polygon_format: self.polygon_format,
            count_format: self.count_format,
            layout_3d: self.layout_3d,
            plot: self.plot,
        })
    }
}

/// The files of Baysor 0.7.1: where, and in which formats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleSettings {
    /// Names of the files.
    pub outputs: OutputNames,
    /// Format of the cell boundaries; `None`: they are not written.
    pub polygon_format: Option<PolygonFormat>,
    /// Format of the count matrix.
    pub count_format: CountFormat,
    /// Layout of the file with 3D boundaries.
    pub layout_3d: Layout3d,
    /// Whether reports are written beside the other files.
    pub plot: bool,
}

/// The settings of the command `export`.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportSettings {
    /// The stage to read.
    pub stage: PathBuf,
    /// The stage with colors of the molecules, if they do not come from the run.
    pub ncv: Option<PathBuf>,
    /// What to write, each format once.
    pub formats: Vec<ExportFormat>,
    /// The limits that cells must keep to be written.
    pub filters: Vec<CellFilter>,
    /// Where nuclei are known from, for the counts of nuclei and cytoplasm.
    pub nuclei: NucleiSource,
    /// How the pair for Xenium Ranger is written.
    pub ranger: RangerSettings,
    /// The molecule table of the run, whose excluded genes are counted in cells too, if it is given.
    pub add_excluded: Option<PathBuf>,
    /// The files of Baysor 0.7.1.
    pub bundle: BundleSettings,
    /// Threads and messages; the seed has no meaning.
    pub program: ProgramSettings,
}

/// How the state of the model is kept, to go on from after an interruption. Never changes a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckpointSettings {
    /// Iterations between checkpoints; 0: some minutes instead.
    pub every: usize,
    /// Go on from a checkpoint if there is one.
    pub resume: bool,
}

/// The settings of the command `prior`.
#[derive(Clone, Debug, PartialEq)]
pub struct PriorStageSettings {
    /// The molecules.
    pub input: InputSettings,
    /// The prior segmentation, which has a source.
    pub prior: PriorSettings,
    /// Smallest number of molecules of a real cell, at least 1.
    pub min_molecules_per_cell: usize,
    /// The folder to write.
    pub output: PathBuf,
    /// Seed, threads, messages.
    pub program: ProgramSettings,
}

/// The settings of the command `segfree`.
#[derive(Clone, Debug, PartialEq)]
pub struct SegfreeSettings {
    /// The molecules.
    pub input: InputSettings,
    /// Smallest number of molecules of a real cell, at least 1: the default size of a neighborhood follows from it.
    pub min_molecules_per_cell: usize,
    /// Which nearest neighbour gives the noise distance, at least 1.
    pub confidence_nn_id: usize,
    /// Neighborhoods and colors.
    pub colors: ColorSettings,
    /// The loom file to write; `None` with a stage alone.
    pub output: Option<PathBuf>,
    /// The stage directory to write, if any.
    pub stage: Option<PathBuf>,
    /// The log file.
    pub log: PathBuf,
    /// Seed, threads, messages.
    pub program: ProgramSettings,
}

/// How neighborhoods become colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColorSettings {
    /// Molecules in a neighborhood, itself included; `None`: derived from genes and molecules per cell.
    pub n_neighbors: Option<usize>,
    /// How compositions become a few numbers.
    pub method: VectorMethod,
}

impl ColorSettings {
    /// Molecules in a neighborhood.
    ///
    /// KEEPS: a tenth of the genes, or the molecules of a cell if they are more; at least 3 (spec 01 §1.7).
    pub fn n_neighbors(self, n_genes: usize, min_molecules_per_cell: usize) -> usize {
        self.n_neighbors.unwrap_or((n_genes / 10).max(min_molecules_per_cell)).max(3)
    }
}

/// Which molecules are read.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSettings {
    /// The molecule table, the folder that it lies in, a stage of the command `prior`, or a tile of `split`.
    pub molecules: PathBuf,
    /// Whether [`molecules`](Self::molecules) is a stage or a tile, whose molecules are read as they are.
    pub is_stage: bool,
    /// Names of the columns of the molecule table.
    pub columns: Columns,
    /// Factor for x and y, > 0.
    pub coordinate_scale: f64,
    /// Factor for z, > 0.
    pub z_scale: f64,
    /// Ignore the z column.
    pub force_2d: bool,
    /// Genes with fewer molecules are removed.
    pub min_molecules_per_gene: usize,
    /// Regular expressions, unanchored; matching genes are removed.
    pub exclude_genes: Vec<String>,
    /// Molecules of a lower quality value are removed; `None`: the quality column is not read.
    pub min_qv: Option<f64>,
    /// Molecules outside are removed.
    pub crop: Crop,
    /// Of molecules with the same gene at the same place only the first is kept.
    pub drop_duplicates: bool,
}

/// Which genes tell nucleus from cytoplasm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompartmentGenes {
    /// Compartments are not modelled.
    None,
    /// The user knows them. Both lists hold at least one gene.
    Given {
        /// Genes of the nucleus.
        nuclei: Vec<String>,
        /// Genes of the cytoplasm.
        cyto: Vec<String>,
    },
    /// They are found with the prior segmentation, whose segments are nuclei.
    Auto,
}

/// What concerns the program and no result, except for the seed.
#[derive(Clone, Debug, PartialEq)]
pub struct ProgramSettings {
    /// Seed of all draws.
    pub seed: u64,
    /// Number of threads, at least 1.
    pub threads: usize,
    /// How much the terminal shows.
    pub verbosity: Verbosity,
    /// The arguments after the command, joined by spaces.
    pub command_line: String,
    /// The configuration file, if one was read.
    pub config_file: Option<PathBuf>,
    /// Every key of the configuration with its value before derivation, in the order of `options::OPTIONS`.
    pub values: Vec<Given>,
    /// What the user should be told about this configuration, in order.
    pub notes: Vec<Note>,
}

/// Names of columns of the molecule table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// x coordinate.
    pub x: String,
    /// y coordinate.
    pub y: String,
    /// z coordinate; the table may lack it.
    pub z: String,
    /// Gene.
    pub gene: String,
    /// Quality value.
    pub qv: String,
}

/// Limits of the coordinates, included, in coordinate units; `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Crop {
    pub x_min: Option<f64>,
    pub x_max: Option<f64>,
    pub y_min: Option<f64>,
    pub y_max: Option<f64>,
    pub z_min: Option<f64>,
    pub z_max: Option<f64>,
}

/// Where the expected cell radius comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScaleSource {
    /// The user gave it.
    Given {
        /// Radius in coordinate units, > 0.
        scale: f64,
        /// Its spread.
        std: ScaleStd,
    },
    /// It is estimated from the prior segmentation.
    FromPrior {
        /// The spread, if the user gave one; otherwise it is estimated too.
        ///
        /// DIFFERS: Baysor 0.7.1 silently ignores a spread that is given with a prior.
        std: Option<ScaleStd>,
    },
}

/// Spread of the cell radius.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScaleStd {
    /// In coordinate units, > 0.
    Absolute(f64),
    /// As a share of the scale (0.25 for `25%`), > 0.
    Relative(f64),
}

impl ScaleStd {
    /// The spread in coordinate units for a scale.
    pub fn of(self, scale: f64) -> f64 {
        match self {
            Self::Absolute(std) => std,
            Self::Relative(share) => share * scale,
        }
    }
}

/// Format of the count matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountFormat {
    /// HDF5 in the loom layout.
    Loom,
    /// Tab-separated text.
    Tsv,
}

impl CountFormat {
    /// Extension of the file, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Loom => "loom",
            Self::Tsv => "tsv",
        }
    }
}

/// How much the terminal shows. The log file always has everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// Warnings and errors.
    Quiet,
    /// Stages, facts and progress too.
    Normal,
    /// Details too.
    Verbose,
}

/// A remark on the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// Worth knowing.
    Info(String),
    /// Something is assumed, ignored or old.
    Warning(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_spread_follows_the_scale() {
        assert_eq!(ScaleStd::Relative(0.25).of(20.0), 5.0);
        assert_eq!(ScaleStd::Absolute(0.2).of(20.0), 0.2);
    }
}
