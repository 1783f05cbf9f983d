//! What a run is asked to do, checked and typed. No value here means "guess"; absence is `None`.

use std::path::PathBuf;

use super::OutputNames;
use super::file::Given;
use crate::data::{Layout3d, PolygonFormat};

/// The settings of one run. They do not change after `resolve`.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSettings {
    /// The molecule table.
    pub molecules: PathBuf,
    /// Where the prior segmentation is, if there is one.
    pub prior: Option<PriorSource>,
    /// Names of the columns of the molecule table.
    pub columns: Columns,
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
    /// Smallest number of molecules of a real cell, at least 1.
    pub min_molecules_per_cell: usize,
    /// Prior segments with fewer molecules are ignored; at least 1.
    pub min_molecules_per_segment: usize,
    /// Which nearest neighbour gives the noise distance, at least 1.
    pub confidence_nn_id: usize,
    /// Where the scale comes from.
    pub scale: ScaleSource,
    /// Number of molecule clusters; 0 or 1: no clustering. At most 255.
    pub n_clusters: usize,
    /// Trust in the prior segmentation, in 0..=1.
    pub prior_confidence: f64,
    /// Number of iterations, at least 1.
    pub iters: usize,
    /// Share of moving molecules below which the model stops early, in 0..=1; 0: never.
    pub tol: f64,
    /// Number of components to start with, at least 2; `None`: derived from the data.
    pub n_cells_init: Option<usize>,
    /// Genes of the nucleus; empty together with `cyto_genes`: compartments are not told apart.
    pub nuclei_genes: Vec<String>,
    /// Genes of the cytoplasm.
    pub cyto_genes: Vec<String>,
    /// Value of the prior column that means no segment.
    pub unassigned_label: String,
    /// Names of the files to write.
    pub outputs: OutputNames,
    /// Format of the cell boundaries; `None`: they are not written.
    pub polygon_format: Option<PolygonFormat>,
    /// Format of the count matrix.
    pub count_format: CountFormat,
    /// Layout of the file with 3D boundaries.
    pub layout_3d: Layout3d,
    /// Largest number of z layers with boundaries of their own, at least 1.
    pub max_z_slices: usize,
    /// Seed of all draws.
    pub seed: u64,
    /// Number of threads, at least 1.
    pub threads: usize,
    /// The user's text in cell names; `None`: `config::run_id` gives one.
    pub run_id: Option<String>,
    /// How much the terminal shows.
    pub verbosity: Verbosity,
    /// The user does without neighbourhood colours.
    pub skip_ncv_color: bool,
    /// The arguments after the command, joined by spaces.
    pub command_line: String,
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
        /// The column's name.
        name: String,
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
    fn a_relative_spread_follows_the_scale() {
        assert_eq!(ScaleStd::Relative(0.25).of(20.0), 5.0);
        assert_eq!(ScaleStd::Absolute(0.2).of(20.0), 0.2);
    }
}
