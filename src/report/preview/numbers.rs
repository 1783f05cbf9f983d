//! Every number of the report of `preview`, as `preview.json` has them; `docs/preview.md` tells the keys.
//!
//! The page is drawn from the same values. Lengths are in the units of the input; shares are in 0..=1. What cannot be
//! told is `None`, and `null` in JSON.

use serde::Serialize;

/// Version of the layout: changes when a key is renamed or removed, or its meaning changes.
pub const FORMAT_VERSION: u32 = 1;

/// The report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Preview {
    /// `baysor-preview`.
    pub format: &'static str,
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Version of the program.
    pub baysor_version: &'static str,
    /// The molecules at a glance.
    pub molecules: MoleculeFacts,
    /// The unit of the coordinates.
    pub unit: Unit,
    /// The noise.
    pub noise: NoiseFacts,
    /// What to begin with.
    pub suggestion: Suggestion,
    /// The genes.
    pub genes: GeneFacts,
    /// Genes that are controls of the panel.
    pub controls: ControlFacts,
    /// The third coordinate.
    pub z: DepthFacts,
    /// The pictures.
    pub pictures: PictureFacts,
    /// What the report warns of, in sentences.
    pub warnings: Vec<String>,
}

/// The molecules at a glance.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MoleculeFacts {
    /// Molecules after the filters.
    pub n: usize,
    /// Genes after the filters.
    pub n_genes: usize,
    /// 2 or 3.
    pub n_dims: usize,
    /// Least and greatest x.
    pub x: [f64; 2],
    /// Least and greatest y.
    pub y: [f64; 2],
    /// Area that molecules cover, in square units; `None` if they lie on a line or a point.
    pub area: Option<f64>,
    /// Molecules per square unit of it.
    pub per_area: Option<f64>,
    /// Side of the square that one molecule has for itself on average.
    pub spacing: Option<f64>,
    /// Molecules that repeat another one: same gene, same place.
    pub n_duplicates: usize,
    /// Their share.
    pub duplicate_share: f64,
}

/// The unit of the coordinates.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unit {
    /// `microns`, `pixels`, `nanometers`, `millimeters`, or `unknown`.
    pub guess: &'static str,
    /// Whether axes may say so.
    pub is_sure: bool,
    /// Why, in a sentence or two.
    pub reason: String,
}

impl Unit {
    /// The unit of a length, as axes say it.
    pub fn of_length(&self) -> &'static str {
        match (self.is_sure, self.guess) {
            (true, "microns") => "µm",
            (true, "pixels") => "pixels",
            _ => "input units",
        }
    }

    /// The unit of an area.
    pub fn of_area(&self) -> &'static str {
        match self.of_length() {
            "µm" => "µm²",
            "pixels" => "square pixels",
            _ => "square input units",
        }
    }
}

/// The noise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NoiseFacts {
    /// Which nearest neighbor gives the distance.
    pub nn_id: usize,
    /// The minimum of molecules per cell that it follows from.
    pub min_molecules_per_cell: usize,
    /// `given`, `suggested` or `assumed`: where that minimum comes from.
    pub min_molecules_per_cell_origin: &'static str,
    /// Share of molecules with a confidence below 0.01; `None` if noise cannot be told from density.
    pub minimal: Option<f64>,
    /// Mean of one minus the confidence.
    pub expected: Option<f64>,
    /// The line of Baysor 0.7.1.
    pub text: Option<String>,
    /// Normal of the real molecules.
    pub signal: Option<NormalFacts>,
    /// Normal of the background.
    pub background: Option<NormalFacts>,
    /// Iterations of the fit.
    pub n_iterations: usize,
    /// Whether the fit settled.
    pub converged: bool,
    /// Distances to the neighbor, below their 0.99 quantile.
    pub distances: Option<Bins>,
}

/// A fitted normal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NormalFacts {
    /// Mean distance.
    pub mean: f64,
    /// Standard deviation.
    pub std: f64,
    /// Share of the molecules.
    pub share: f64,
}

/// A histogram.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bins {
    /// Lower bound of the first bin.
    pub from: f64,
    /// Width of a bin.
    pub width: f64,
    /// Molecules per bin.
    pub counts: Vec<u64>,
    /// All molecules, those outside of the bins too.
    pub n: usize,
}

/// Parameters to begin with.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Suggestion {
    /// Expected cell radius.
    pub scale: Option<f64>,
    /// Least and greatest scale that the data support alike.
    pub scale_range: Option<[f64; 2]>,
    /// Smallest number of molecules of a real cell.
    pub min_molecules_per_cell: Option<usize>,
    /// Quartiles of the molecules per cell at that scale.
    pub molecules_per_cell: Option<[f64; 3]>,
    /// How clearly the data speak: `high`, `moderate`, `low`, or `none`.
    pub certainty: &'static str,
    /// The evidence, in sentences.
    pub reasons: Vec<String>,
    /// What was tried.
    pub trials: Vec<Trial>,
    /// Value for `--exclude-genes`, with the patterns given; `None` if there is nothing to exclude.
    pub exclude_genes: Option<String>,
    /// A command line to begin with.
    pub command: String,
}

/// A scale that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Trial {
    /// Radius that the model was given.
    pub scale: f64,
    /// Mean log density of molecules that the model had not seen, in nats; larger is better.
    pub score: f64,
    /// How far it falls behind the best one.
    pub deficit: f64,
    /// Standard error of that.
    pub deficit_error: f64,
    /// Cells found.
    pub n_cells: usize,
    /// Their median radius.
    pub median_radius: f64,
    /// Quartiles of their molecules.
    pub molecules_per_cell: [f64; 3],
}

/// The genes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GeneFacts {
    /// Median of the molecules per gene, controls left out.
    pub median_molecules: f64,
    /// Genes with fewer than [`RARE`] molecules, controls left out.
    pub n_rare: usize,
    /// Their names, at most 100 of them.
    pub rare: Vec<String>,
    /// Whether the genes have places in the embedding, and if not, why.
    pub embedding: String,
    /// All genes, sorted by name.
    pub table: Vec<Gene>,
}

/// Genes with fewer molecules tell hardly anything.
pub const RARE: usize = 10;

/// A gene.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gene {
    /// Name.
    pub name: String,
    /// Molecules.
    pub molecules: u64,
    /// Molecules with a confidence of at least 0.5.
    pub real: u64,
    /// Whether it is a control of the panel.
    pub is_control: bool,
    /// Place in the embedding.
    pub place: Option<[f64; 2]>,
}

/// Controls of the panel.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ControlFacts {
    /// Controls among the genes that are left.
    pub n_genes: usize,
    /// Their molecules.
    pub n_molecules: u64,
    /// Their share of all molecules that are left.
    pub share: f64,
    /// Controls that the filters removed.
    pub n_removed_genes: usize,
    /// Their molecules.
    pub n_removed_molecules: u64,
    /// Median molecules per control, removed ones included.
    pub median_per_control: Option<f64>,
    /// Median molecules per gene that is no control.
    pub median_per_gene: Option<f64>,
    /// The first by the second.
    pub ratio: Option<f64>,
    /// Kinds of controls.
    pub families: Vec<ControlFamily>,
}

/// Controls with names of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ControlFamily {
    /// What the names begin with.
    pub prefix: String,
    /// Regular expression for `--exclude-genes`.
    pub pattern: String,
    /// What they are for.
    pub meaning: &'static str,
    /// Genes, removed ones included.
    pub n_genes: usize,
    /// Molecules, removed ones included.
    pub n_molecules: u64,
    /// Genes that the filters removed.
    pub n_removed_genes: usize,
    /// Some names.
    pub examples: Vec<String>,
}

/// The third coordinate.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DepthFacts {
    /// `absent`, `ignored` (as asked for), `planes` or `continuous`.
    pub kind: &'static str,
    /// Distinct values, up to [`MANY_VALUES`]; this many mean so many or more.
    pub n_distinct: usize,
    /// Least and greatest value.
    pub range: Option<[f64; 2]>,
    /// Distance between the 0.01 and 0.99 quantile.
    pub thickness: Option<f64>,
    /// Median distance between neighboring planes.
    pub plane_spacing: Option<f64>,
    /// Thickness by the mean spacing of molecules in the plane.
    pub thickness_in_spacings: Option<f64>,
    /// Whether `--force-2d` is worth a try.
    pub try_2d: bool,
    /// Advice, in a sentence or two.
    pub advice: String,
}

/// Distinct values of z are counted up to so many.
pub const MANY_VALUES: usize = 1000;

/// The pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct PictureFacts {
    /// Molecules drawn.
    pub n_molecules: usize,
    /// Whether colors tell local expression; otherwise all neighborhoods are alike.
    pub has_colors: bool,
    /// Molecules in a neighborhood.
    pub n_neighbors: usize,
}
