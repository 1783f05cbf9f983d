//! What a run is asked to do, checked and typed. No value here means "guess"; absence is `None`.

use std::path::PathBuf;

use super::file::Given;
use super::{ExportFormat, MaxMemory, NucleiSource, OutputNames, RangerSettings};
use crate::bmm::FreeCells;
use crate::cells::CellFilter;
use crate::composition::VectorMethod;
use crate::data::{Layout3d, PolygonFormat};
use crate::stain::ThresholdMethod;

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

/// What the segments of a prior are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SegmentMeaning {
    /// Nuclei or cells, as the prior itself tells.
    #[default]
    Auto,
    /// Nuclei: one cell each, and no cell holds molecules of two.
    Nuclei,
    /// Cells: one each, with borders that may move.
    Cells,
    /// Regions that cells may share and cross.
    Regions,
}

/// How the model takes the segments of a prior.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentSettings {
    /// How far cells without a segment are believed in.
    pub free_cells: FreeCells,
    /// Whether the spread of cell sizes was given, so that it counts besides what the cells teach.
    pub spread_is_given: bool,
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

/// How the prior segmentation is read.
#[derive(Clone, Debug, PartialEq)]
pub struct PriorSettings {
    /// Where it is, if there is one.
    pub source: Option<PriorSource>,
    /// Column and value: molecules with another value in this column of the table are in no segment.
    pub only: Option<(String, String)>,
    /// Factor of the coordinates of the molecules: where nothing else is said, boundaries are in the units of the
    /// table as it is, and images in its pixels.
    pub coordinate_scale: f64,
    /// Value of the prior column that means no segment.
    pub unassigned_label: String,
    /// Whether the user named it, and not a default, a preset or the table.
    pub label_is_given: bool,
    /// Segments with fewer molecules are ignored; at least 1.
    pub min_molecules_per_segment: usize,
    /// What the segments are.
    pub meaning: SegmentMeaning,
    /// What the pixels of an image mean.
    pub image_kind: ImageKind,
    /// Width, height and maybe depth of a pixel, in coordinate units; `None`: as the file says, or 1.
    pub pixel_size: Option<XyAndZ>,
    /// Coordinates of the outer corner of the first pixel; `None`: the first pixel has its centre at (1, 1) if
    /// coordinates are in pixels, otherwise its corner at (0, 0).
    pub origin: Option<XyAndZ>,
    /// Page of an image with several, from 0; `None`: all for 3D data, the first for 2D data.
    pub page: Option<usize>,
    /// How a stain is segmented.
    pub stain: StainSettings,
}

impl PriorSettings {
    /// What it says itself that its segments are: by being a stain, or by the name of the column or file.
    pub fn named_meaning(&self) -> Option<SegmentMeaning> {
        let name = match &self.source {
            Some(PriorSource::Column { name }) => name.clone(),
            Some(PriorSource::File { path }) => {
                path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
            }
            None => String::new(),
        };
        match self.image_kind {
            ImageKind::Stain => Some(SegmentMeaning::Nuclei),
            _ => meaning_of_name(&name, self.only.as_ref().map(|(column, value)| [&column[..], value])),
        }
    }
}

/// What segments of a column or file of this name are; with the column and the value that molecules in segments have.
fn meaning_of_name(name: &str, only: Option<[&str; 2]>) -> Option<SegmentMeaning> {
    let has = |text: &str, word: &str| text.to_ascii_lowercase().contains(word);
    if has(name, "nucle") || only.is_some_and(|texts| texts.iter().any(|text| has(text, "nucle"))) {
        Some(SegmentMeaning::Nuclei)
    } else if has(name, "cell") && only.is_none() {
        Some(SegmentMeaning::Cells)
    } else {
        None
    }
}

/// A size or a place in the plane, and maybe along z, in coordinate units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct XyAndZ {
    /// x and y.
    pub xy: [f64; 2],
    /// z, if it was given.
    pub z: Option<f64>,
}

/// What the pixels of a prior image mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageKind {
    /// The content tells.
    Auto,
    /// The number of a segment, 0 for none.
    Labels,
    /// Segment or not; what hangs together is one segment.
    Mask,
    /// How bright a stain of nuclei is.
    Stain,
}

/// How a stain is segmented. Lengths in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StainSettings {
    /// Standard deviation of the blur; `None`: chosen from the image.
    pub sigma: Option<f64>,
    /// How the threshold is found; `None`: the method that is best in general.
    pub threshold: Option<ThresholdMethod>,
    /// Objects of a smaller area are removed; `None`: chosen from the image.
    pub min_area: Option<f64>,
    /// Touching nuclei are split.
    pub split: bool,
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

/// Where the prior segmentation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PriorSource {
    /// In a column of the molecule table.
    Column {
        /// The column's name, or several with commas between them.
        name: String,
    },
    /// In a file: an image, a matrix, or boundaries.
    File {
        /// The file.
        path: PathBuf,
    },
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
    fn names_tell_nuclei_from_cells() {
        let (nuclei, cells) = (Some(SegmentMeaning::Nuclei), Some(SegmentMeaning::Cells));
        assert_eq!(meaning_of_name("nucleus_boundaries.parquet", None), nuclei);
        assert_eq!(meaning_of_name("cell_ID", None), cells);
        assert_eq!(meaning_of_name("cell_id", Some(["overlaps_nucleus", "1"])), nuclei);
        assert_eq!(meaning_of_name("fov,cell_ID", Some(["CellComp", "Nuclear"])), nuclei);
        assert_eq!(meaning_of_name("cell_id", Some(["part", "2"])), None);
        assert_eq!(meaning_of_name("prior", None), None);
    }

    #[test]
    fn a_relative_spread_follows_the_scale() {
        assert_eq!(ScaleStd::Relative(0.25).of(20.0), 5.0);
        assert_eq!(ScaleStd::Absolute(0.2).of(20.0), 0.2);
    }
}
