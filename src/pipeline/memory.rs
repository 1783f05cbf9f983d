//! How much memory a run needs: the one model of it in this program.
//!
//! The peak of a stage of the work is a sum of terms: what the program needs whatever it does, arrays with one entry per
//! molecule (counted from their types), what belongs to genes, segments, pixels or threads, and what earlier stages gave
//! back to the allocator, which keeps it from the system. The last was measured, as were a few others; docs/estimate.md
//! has the measurements. Pure functions: nothing here asks the machine.
//!
//! METHOD: up to about two million molecules arrays are small enough for the allocator to keep what it gets back;
//! larger ones return to the system when they are dropped. So that term stops growing there.

/// A stage of the work of `run`, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The molecule table.
    Loading,
    /// The prior segmentation, if it is not a column.
    Prior,
    /// Order in space, molecule graph.
    Graph,
    /// Confidence of molecules.
    Noise,
    /// Molecule clusters.
    Clustering,
    /// Compartments of cells.
    Compartments,
    /// Iterations of the mixture model.
    Model,
    /// Colors of neighborhoods.
    Colors,
    /// Tables of the result: final files, or a stage directory, or both.
    Writing,
    /// Boundaries of cells.
    Polygons,
    /// Diagnostics, map, pictures.
    Reports,
}

impl Stage {
    /// All stages in their order.
    pub const ALL: [Self; 11] = [
        Self::Loading,
        Self::Prior,
        Self::Graph,
        Self::Noise,
        Self::Clustering,
        Self::Compartments,
        Self::Model,
        Self::Colors,
        Self::Writing,
        Self::Polygons,
        Self::Reports,
    ];

    /// The stage that a phase of a run belongs to, by the name that observers and manifests have for it; `None` for one
    /// that takes no time.
    pub fn of_phase(name: &str) -> Option<Self> {
        Some(match name {
            "Loading data" => Self::Loading,
            "Reading the prior segmentation" => Self::Prior,
            "Building the molecule graph" => Self::Graph,
            "Estimating noise level" => Self::Noise,
            "Clustering molecules" => Self::Clustering,
            "Finding genes of compartments" | "Estimating compartment regions" => Self::Compartments,
            "Segmenting cells" => Self::Model,
            "Coloring neighborhoods" => Self::Colors,
            "Estimating boundary polygons" => Self::Polygons,
            "Writing reports" | "Drawing the map" => Self::Reports,
            _ if name.starts_with("Saving ") => Self::Writing,
            _ => return None,
        })
    }

    /// Its name for people and programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Prior => "prior",
            Self::Graph => "graph",
            Self::Noise => "noise",
            Self::Clustering => "clustering",
            Self::Compartments => "compartments",
            Self::Model => "model",
            Self::Colors => "colors",
            Self::Writing => "writing",
            Self::Polygons => "polygons",
            Self::Reports => "reports",
        }
    }
}

/// Where molecules are read from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source {
    /// CSV, plain or compressed, with so many columns.
    Text {
        /// Columns, carried and not.
        n_columns: usize,
    },
    /// Parquet.
    Parquet {
        /// Rows of the largest row group: a group is in memory as a whole.
        largest_group: u64,
    },
    /// A stage directory, read in batches.
    Stage,
}

/// Where a prior segmentation comes from, as far as memory depends on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PriorForm {
    /// A column of the table, or a stage that knows the segments.
    Known,
    /// Labels in an image, which is read piece by piece, or boundaries.
    Areas,
    /// A gray image whose nuclei are found.
    Stain {
        /// Pixels of a page.
        n_pixels: u64,
    },
}

/// A prior segmentation, as far as memory depends on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PriorLoad {
    /// Where it comes from.
    pub form: PriorForm,
    /// Its segments.
    pub n_segments: u64,
}

/// What the memory of a run depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Rows of the table, before filters.
    pub n_rows: u64,
    /// Molecules that are left after filters.
    pub n_molecules: u64,
    /// 2 or 3.
    pub n_dims: usize,
    /// Genes.
    pub n_genes: usize,
    /// Where molecules come from.
    pub source: Source,
    /// Bytes per molecule of the table's other columns in memory.
    pub carried_bytes: f64,
    /// The prior segmentation, if there is one.
    pub prior: Option<PriorLoad>,
    /// Components that the model starts with.
    pub n_cells_init: u64,
    /// Clusters; 0 or 1: none are looked for.
    pub n_clusters: usize,
    /// Whether compartments are found.
    pub has_compartments: bool,
    /// Whether the model watches for an early end.
    pub may_end_early: bool,
    /// Molecules in a neighborhood, if neighborhoods are colored.
    pub n_neighbors: Option<usize>,
    /// Whether boundaries are made.
    pub has_polygons: bool,
    /// Pixels of the largest picture of the reports, if they are written.
    pub report_pixels: Option<u64>,
    /// Threads.
    pub n_threads: usize,
}

impl Workload {
    /// The same work on another number of molecules of the same tissue.
    pub fn with_molecules(&self, n_molecules: u64) -> Self {
        let share = n_molecules as f64 / self.n_molecules.max(1) as f64;
        let of = |n: u64| (n as f64 * share).ceil() as u64;
        let source = match self.source {
            Source::Parquet { largest_group } => Source::Parquet { largest_group: largest_group.min(of(self.n_rows)) },
            other => other,
        };
        Self {
            n_rows: of(self.n_rows),
            n_molecules,
            source,
            prior: self.prior.map(|prior| PriorLoad { n_segments: of(prior.n_segments), ..prior }),
            n_cells_init: of(self.n_cells_init),
            ..self.clone()
        }
    }

    /// The work on a tile with so many molecules, margin included, of the slide that this is the work on.
    ///
    /// A tile is read from a stage that knows everything of its molecules, and has no boundaries and no reports.
    pub fn of_tile(&self, n_molecules: u64) -> Self {
        let slide = self.with_molecules(n_molecules);
        Self {
            n_rows: n_molecules,
            source: Source::Stage,
            prior: slide.prior.map(|prior| PriorLoad { form: PriorForm::Known, ..prior }),
            has_polygons: false,
            report_pixels: None,
            ..slide
        }
    }

    /// Whether the work has this stage.
    pub fn has(&self, stage: Stage) -> bool {
        match stage {
            Stage::Prior => self.prior.is_some_and(|prior| prior.form != PriorForm::Known),
            Stage::Clustering => self.n_clusters > 1,
            Stage::Compartments => self.has_compartments,
            Stage::Colors => self.n_neighbors.is_some(),
            Stage::Polygons => self.has_polygons,
            Stage::Reports => self.report_pixels.is_some(),
            Stage::Loading | Stage::Graph | Stage::Noise | Stage::Model | Stage::Writing => true,
        }
    }
}

/// The program itself and its libraries, once all of it has been called. Measured.
const PROGRAM: f64 = 29.0 * MEBI;
/// What of it a run does without that reads a stage: the readers of text and Parquet. Measured.
const READERS: f64 = 6.0 * MEBI;
/// What a thread needs for itself. Measured.
const THREAD: f64 = 0.75 * MEBI;
const MEBI: f64 = 1_048_576.0;
/// Beyond so many molecules the allocator gives back what it gets back.
const KEPT_MOLECULES: f64 = 2_000_000.0;
/// Up to so many the vectors of colors partly find a place in what the allocator keeps.
const FEW_MOLECULES: f64 = 1_000_000.0;
/// Share of the largest peak so far that the allocator gives back all the same, with a million molecules. Measured.
const GIVEN_BACK: f64 = 0.32;
/// Bytes of a component of the model: its numbers, and its part of the counts of genes.
const COMPONENT: f64 = 210.0;
/// Bytes of a segment of the prior: its row, its label, its outline.
const SEGMENT: f64 = 500.0;
/// Numbers in a row of the random vectors of colors, molecules of a block, and blocks whose products are held at a time:
/// 64, less what finds a place in what the allocator keeps.
const COLOR_WIDTH: f64 = 21.0;
const COLOR_BLOCK: f64 = 1024.0;
const COLOR_BLOCKS: f64 = 52.0;
/// Anchors of the colors at most, and what the layout needs for each. Measured.
const ANCHORS: f64 = 10_000.0;
const ANCHOR: f64 = 1_000.0;
/// Bytes of a pixel of a stain while its nuclei are found, and of a pixel of a picture.
const STAIN_PIXEL: f64 = 17.0;
const PICTURE_PIXEL: f64 = 6.0;
/// Bytes of text that a thread works on at a time, with the places of the fields in it and their values.
const TEXT_BLOCK: f64 = 14.0 * MEBI;

/// The largest memory of every stage that the work has, in bytes, in the order of the stages.
///
/// Grows with every number in `workload`.
pub fn stages(workload: &Workload) -> Vec<(Stage, u64)> {
    let terms = Terms::of(workload);
    let kept = (KEPT_MOLECULES / terms.n.max(1.0)).min(1.0) * (1.0 - GIVEN_BACK * (terms.n / FEW_MOLECULES).min(1.0));
    let program = if workload.source == Source::Stage { PROGRAM - READERS } else { PROGRAM };
    let mut highest = 0.0f64;
    let mut peaks = Vec::new();
    for stage in Stage::ALL.into_iter().filter(|&stage| workload.has(stage)) {
        let fixed = program + THREAD * workload.n_threads as f64 + terms.fixed(stage);
        let needed = (fixed + terms.molecules(stage) + terms.held_back(stage)).max(kept * highest);
        // What the rows of a file needed goes back as a whole.
        if stage != Stage::Loading {
            highest = highest.max(needed);
        }
        peaks.push((stage, (needed + terms.pictures(stage)) as u64));
    }
    peaks
}

/// The largest memory of the work, in bytes.
pub fn peak(workload: &Workload) -> u64 {
    stages(workload).into_iter().map(|(_, bytes)| bytes).max().unwrap_or(0)
}

/// The largest number of molecules with which work like this stays within `bytes`; `None` if no number does.
///
/// `workload` is the work on the slide, or [`Workload::of_tile`] of it: numbers that belong to molecules go along.
pub fn molecules_for_memory(workload: &Workload, bytes: u64) -> Option<u64> {
    let fits = |n: u64| peak(&workload.with_molecules(n)) <= bytes;
    if !fits(1) {
        return None;
    }
    let (mut low, mut high) = (1u64, 2u64);
    while fits(high) && high < 1 << 40 {
        (low, high) = (high, 2 * high);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle) { low = middle } else { high = middle }
    }
    Some(low)
}

/// The terms of the sum. Comments name arrays with their bytes per molecule.
struct Terms<'a> {
    workload: &'a Workload,
    n: f64,
    dims: f64,
    /// Edges of the graph per molecule: a triangulation has three; five neighbors in 3D are shared in pairs.
    edges: f64,
}

impl<'a> Terms<'a> {
    fn of(workload: &'a Workload) -> Self {
        let edges = if workload.n_dims == 3 { 3.4 } else { 3.0 };
        Self { workload, n: workload.n_molecules as f64, dims: workload.n_dims as f64, edges }
    }

    /// Ids 4, genes 4, coordinates, other columns, segment of the prior 4.
    fn table(&self) -> f64 {
        let prior = if self.workload.prior.is_some() { 4.0 } else { 0.0 };
        8.0 + 8.0 * self.dims + self.workload.carried_bytes + prior
    }

    /// The table, the order along the curve 4, and segments in that order 4: what all stages of the model hold.
    fn sorted(&self) -> f64 {
        self.table() + 4.0 + if self.workload.prior.is_some() { 4.0 } else { 0.0 }
    }

    /// Offsets 4; a neighbor 4 and a weight 4 for both ends of every edge.
    fn graph(&self) -> f64 {
        4.0 + 16.0 * self.edges
    }

    /// Confidence 4, cluster 4, compartment 1 and probability of the nucleus 4.
    fn known(&self) -> f64 {
        let w = self.workload;
        4.0 + if w.n_clusters > 1 { 4.0 } else { 0.0 } + if w.has_compartments { 5.0 } else { 0.0 }
    }

    /// Bytes of arrays by molecule at the peak of a stage.
    fn molecules(&self, stage: Stage) -> f64 {
        let clusters = self.workload.n_clusters as f64;
        let tree = 28.0; // a point 24, its number 4
        let keyed = 32.0; // while the tree grows
        let list = 12.0 * self.edges;
        let per_molecule = match stage {
            Stage::Loading => return self.loading(),
            // Segment of every molecule, twice.
            Stage::Prior => self.table() + 8.0,
            // The second pass of an array of pairs, which are joined from lists; or the triangulation: coordinates 32,
            // vertices 32, faces 8, edges 96, pairs 24.
            Stage::Graph if self.workload.n_dims == 3 => self.sorted() + 24.0 + tree + 80.0,
            Stage::Graph => self.sorted() + 32.0 + 32.0 + 8.0 + 96.0 + 24.0,
            // The list of edges, the graph with all of them, the tree as it grows, the distance.
            Stage::Noise => self.sorted() + list + self.graph() + tree + keyed + 4.0,
            // Messages, and proposals.
            Stage::Clustering => self.sorted() + self.graph() + self.known() + 8.0 * clusters,
            Stage::Compartments => self.sorted() + self.graph() + self.known() + 32.0,
            // Assignment and proposal 8, groups 8, odds of noise 4, history 16 (twice with an early end, and its
            // majority 4), counts of genes 8, lists of the history 4.
            Stage::Model => {
                let early = if self.workload.may_end_early { 20.0 } else { 0.0 };
                self.sorted() + self.graph() + self.known() + 48.0 + early
            }
            // Assignment and its confidence 8; order and genes 8, tree, vectors 80, color 3.
            Stage::Colors => self.sorted() + self.graph() + self.known() + 8.0 + 8.0 + tree + 83.0,
            // Cell and confidence 8, color 3, members 4, counts 8.
            Stage::Writing | Stage::Polygons | Stage::Reports => self.table() + self.known() + 23.0,
        };
        per_molecule * self.n
    }

    /// Rows of Parquet are held as their file has them, and once more as numbers; text by blocks, and numbers as wide
    /// as they may be; batches of a stage are small. Then hashes 8 and genes once more.
    fn loading(&self) -> f64 {
        let w = self.workload;
        let n_rows = w.n_rows as f64;
        let table = self.table() * self.n;
        match w.source {
            Source::Parquet { largest_group } => {
                let row = 16.0 * self.dims + 16.0 + w.carried_bytes;
                let group = (largest_group as f64).min(n_rows);
                let others = (self.n * (1.0 - group / n_rows.max(1.0))).max(0.0);
                (row * group + (self.table() + 2.0 * w.carried_bytes) * others).max(table + 12.0 * self.n)
            }
            Source::Text { n_columns } => {
                let n_carried = n_columns.saturating_sub(w.n_dims + 1) as f64;
                let wide = w.carried_bytes.max(8.0 * n_carried);
                let blocks = (n_rows * 12.0 * (n_columns as f64 + 2.0)).min(TEXT_BLOCK * w.n_threads.min(16) as f64);
                table + (wide + 12.0) * self.n + blocks
            }
            Source::Stage => table + 12.0 * self.n + (60.0 * n_rows).min(8.0 * MEBI),
        }
    }

    /// Bytes that do not belong to molecules.
    fn fixed(&self, stage: Stage) -> f64 {
        let w = self.workload;
        let segments = w.prior.map_or(0.0, |prior| SEGMENT * prior.n_segments as f64);
        let of_stage = match stage {
            Stage::Prior => match w.prior.map(|prior| prior.form) {
                Some(PriorForm::Stain { n_pixels }) => STAIN_PIXEL * n_pixels as f64,
                _ => 0.0,
            },
            Stage::Model => COMPONENT * w.n_cells_init as f64,
            Stage::Clustering => 24.0 * (w.n_genes * w.n_clusters.max(1)) as f64,
            Stage::Colors => {
                let blocks = (self.n / COLOR_BLOCK).ceil().min(COLOR_BLOCKS);
                let products = 8.0 * COLOR_WIDTH * w.n_genes as f64 * blocks;
                let neighborhoods = 8.0 * COLOR_BLOCK * w.n_neighbors.unwrap_or(0).min(w.n_genes) as f64;
                products + neighborhoods * w.n_threads as f64 + ANCHOR * self.n.min(ANCHORS)
            }
            _ => 0.0,
        };
        segments + of_stage
    }

    /// Pixels of a picture, which are needed on top of everything.
    fn pictures(&self, stage: Stage) -> f64 {
        let n_pixels = self.workload.report_pixels.filter(|_| stage == Stage::Reports);
        PICTURE_PIXEL * n_pixels.unwrap_or(0) as f64
    }

    /// What earlier stages gave back to the allocator and this one cannot use, in bytes. Measured.
    fn held_back(&self, stage: Stage) -> f64 {
        let per_molecule = match stage {
            Stage::Loading | Stage::Prior => 5.0,
            Stage::Graph => 10.0,
            Stage::Noise => 22.0,
            Stage::Clustering | Stage::Compartments => 25.0,
            Stage::Model => 25.0,
            // The vectors of few molecules find a place in what was given back.
            Stage::Colors => 55.0 * (self.n / FEW_MOLECULES).min(1.0),
            Stage::Writing | Stage::Polygons | Stage::Reports => 30.0,
        };
        per_molecule * self.n.min(KEPT_MOLECULES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload() -> Workload {
        Workload {
            n_rows: 1_000_000,
            n_molecules: 1_000_000,
            n_dims: 2,
            n_genes: 300,
            source: Source::Parquet { largest_group: 1_000_000 },
            carried_bytes: 16.0,
            prior: None,
            n_cells_init: 66_000,
            n_clusters: 4,
            has_compartments: false,
            may_end_early: false,
            n_neighbors: None,
            has_polygons: true,
            report_pixels: None,
            n_threads: 1,
        }
    }

    #[test]
    fn more_of_anything_never_needs_less() {
        let base = workload();
        let prior = |n_segments| Some(PriorLoad { form: PriorForm::Areas, n_segments });
        let larger = [
            Workload { n_genes: 5000, ..base.clone() },
            Workload { carried_bytes: 100.0, ..base.clone() },
            Workload { prior: prior(10_000), ..base.clone() },
            Workload { n_cells_init: 1_000_000, ..base.clone() },
            Workload { n_clusters: 12, ..base.clone() },
            Workload { n_neighbors: Some(30), ..base.clone() },
            Workload { report_pixels: Some(9_000_000), ..base.clone() },
            Workload { n_threads: 16, ..base.clone() },
            Workload { may_end_early: true, ..base.clone() },
            Workload { has_compartments: true, ..base.clone() },
        ];
        for other in larger {
            assert!(peak(&other) >= peak(&base), "{other:?}");
            for (stage, bytes) in stages(&base) {
                let more = stages(&other).into_iter().find(|(have, _)| *have == stage).unwrap().1;
                assert!(more >= bytes, "{stage:?} of {other:?}");
            }
        }
        let mut before = 0;
        for n in [1, 1_000, 100_000, 1_000_000, 1_999_999, 2_000_000, 2_000_001, 3_000_000, 10_000_000, 400_000_000] {
            let now = peak(&base.with_molecules(n));
            assert!(now > before, "{n}");
            before = now;
        }
    }

    #[test]
    fn molecules_for_memory_is_the_inverse_of_the_peak() {
        let tile = Workload { n_neighbors: Some(30), ..workload() }.of_tile(1_000_000);
        for bytes in [100 << 20, 1 << 30, 8 << 30, 64u64 << 30] {
            let n = molecules_for_memory(&tile, bytes).unwrap();
            assert!(peak(&tile.with_molecules(n)) <= bytes && peak(&tile.with_molecules(n + 1)) > bytes, "{n}");
        }
        assert_eq!(molecules_for_memory(&tile, 1 << 20), None);
    }

    #[test]
    fn a_tile_needs_less_than_a_slide_of_as_many_molecules() {
        let slide = Workload { report_pixels: Some(1_000_000_000), ..workload() };
        let tile = slide.of_tile(1_000_000);
        assert!(peak(&tile) < peak(&slide));
        assert!(!tile.has(Stage::Polygons) && !tile.has(Stage::Reports) && tile.has(Stage::Model));
        assert_eq!(tile.of_tile(500_000).n_cells_init, 33_000);
    }
}
