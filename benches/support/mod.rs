//! The tissue that all benchmarks work on, and what the stages of a run make of it.
//!
//! Everything is drawn by keyed draws, so that every run on every machine measures the same work.
//! A stage that is not measured is computed once, when a benchmark first needs its result.

use std::f64::consts::TAU;
use std::sync::{LazyLock, OnceLock};

use baysor::bmm::params::default_n_cells_init;
use baysor::bmm::{self, Choice, Evidence, Params, Quirks, Segments, State};
use baysor::clustering;
use baysor::data::{self, CellIdx, ClusterIdx, ComponentIdx, GeneIdx, Molecules, Positions, SegmentIdx};
use baysor::graph::{self, MoleculeGraph};
use baysor::noise;
use baysor::numeric::draws::{Draws, Stream};
use baysor::observe::Silent;
use baysor::spatial::order::hilbert_order;

/// Molecules in the tissue.
pub const N_MOLECULES: usize = 100_000;
/// Genes in the panel.
pub const N_GENES: usize = 100;
/// Cell types; every one has its own genes.
pub const N_CLUSTERS: usize = 6;
/// Molecules of a cell, at least, as a user would say.
pub const MIN_MOLECULES_PER_CELL: usize = 20;
/// Which neighbor's distance tells background from cells.
pub const NN_ID: usize = 10;
/// Iterations before the state in which single steps are measured.
pub const N_WARM_UP: u64 = 30;
/// Assignments after those, for the history.
pub const N_RECORDED: u64 = 20;

/// Places for cells per side of the square tissue.
const SIDE: usize = 48;
/// Share of the places that are empty but for background.
const EMPTY: f64 = 0.12;
/// Distance between centers of neighboring cells, in microns.
const SPACING: f64 = 12.0;
/// Radius of a cell, in microns.
const RADIUS: f64 = 4.5;
/// Thickness of the section, in microns.
const THICKNESS: f64 = 10.0;
/// Share of the molecules that are background.
const BACKGROUND: f64 = 0.15;
/// Share of a cell's molecules that are of the genes of its type.
const MARKERS: f64 = 0.6;

/// A square of about 2,000 round cells of six types, with gaps, over a sparse background.
pub struct Tissue {
    /// The molecules, sorted in space as the pipeline sorts them.
    pub molecules: Molecules,
    /// The cell that each molecule was drawn for.
    pub cell_of: Vec<Option<CellIdx>>,
    /// Number of cells.
    pub n_cells: usize,
    /// The same cells as a prior segmentation that misses every fifth one.
    pub segment_of: Vec<Option<SegmentIdx>>,
    /// Molecules per segment.
    pub segment_sizes: Vec<u32>,
}

/// The flat tissue.
pub static FLAT: LazyLock<Tissue> = LazyLock::new(|| Tissue::new(2));
/// The same tissue as a section ten microns thick.
pub static THICK: LazyLock<Tissue> = LazyLock::new(|| Tissue::new(3));

impl Tissue {
    fn new(n_dims: usize) -> Self {
        // The stream does not matter here: nothing else is drawn with this seed.
        let draws = Draws::new(2026, Stream::Jitter);
        let uniform = |what: u64, item: usize| draws.at(what).uniform(item as u64);
        let center = |place: usize| {
            let along = |what: u64, at: usize| SPACING * (at as f64 + 0.5 + 0.3 * (uniform(what, place) - 0.5));
            [along(0, place % SIDE), along(1, place / SIDE)]
        };
        let centers: Vec<[f64; 2]> =
            (0..SIDE * SIDE).filter(|&place| uniform(10, place) >= EMPTY).map(center).collect();
        let n_cells = centers.len();
        let mut molecules = Molecules { n_genes: N_GENES, ..Molecules::default() };
        let mut z = Vec::new();
        let mut cell_of = Vec::new();
        for molecule in 0..N_MOLECULES {
            let at = |what: u64| uniform(what, molecule);
            let cell = (at(2) >= BACKGROUND).then(|| (at(3) * n_cells as f64) as usize);
            let [x, y] = match cell {
                Some(cell) => {
                    let [x, y] = centers[cell];
                    let (distance, angle) = (RADIUS * at(4).sqrt(), TAU * at(5));
                    [x + distance * angle.cos(), y + distance * angle.sin()]
                }
                None => [4, 5].map(|what| SIDE as f64 * SPACING * at(what)),
            };
            // Gene g is a marker of the type g % N_CLUSTERS.
            let any_gene = (at(6) * N_GENES as f64) as usize;
            let gene = match cell {
                Some(cell) if at(7) < MARKERS => {
                    let kind = (uniform(8, cell) * N_CLUSTERS as f64) as usize;
                    let marker = any_gene - any_gene % N_CLUSTERS + kind;
                    if marker < N_GENES { marker } else { kind }
                }
                _ => any_gene,
            };
            molecules.ids.push(molecule as u32);
            molecules.positions.x.push(x);
            molecules.positions.y.push(y);
            molecules.genes.push(GeneIdx::new(gene));
            z.push(THICKNESS * at(9));
            cell_of.push(cell.map(CellIdx::new));
        }
        if n_dims == 3 {
            molecules.positions.z = Some(z);
        }
        let order = hilbert_order(&molecules.positions);
        let cell_of: Vec<Option<CellIdx>> = order.iter().map(|&row| cell_of[row as usize]).collect();
        let known = |cell: &CellIdx| !cell.idx().is_multiple_of(5);
        let segment_of: Vec<Option<SegmentIdx>> =
            cell_of.iter().map(|cell| cell.filter(known).map(|cell| SegmentIdx::new(cell.idx()))).collect();
        let segment_sizes = data::count_molecules(&segment_of);
        Self { molecules: molecules.permuted(&order), cell_of, n_cells, segment_of, segment_sizes }
    }

    /// Where the molecules are.
    pub fn positions(&self) -> &Positions {
        &self.molecules.positions
    }

    /// The graph of neighbors in space, with long edges.
    pub fn spatial_graph(&self) -> graph::SpatialGraph {
        graph::build(&self.molecules, jitter())
    }
}

/// The draws of the graph.
pub fn jitter() -> Draws {
    Draws::new(1, Stream::Jitter)
}

/// What is known about the molecules of a tissue when the model starts.
pub struct Known {
    /// The tissue.
    pub tissue: &'static Tissue,
    /// The graph with all edges, on which confidences are estimated.
    pub full_graph: MoleculeGraph,
    /// The graph without long edges.
    pub graph: MoleculeGraph,
    /// Confidences.
    pub confidence: Vec<f32>,
    clusters: OnceLock<Vec<ClusterIdx>>,
}

/// What is known about the flat tissue.
pub static KNOWN_FLAT: LazyLock<Known> = LazyLock::new(|| Known::new(&FLAT));
/// What is known about the thick tissue.
pub static KNOWN_THICK: LazyLock<Known> = LazyLock::new(|| Known::new(&THICK));

impl Known {
    fn new(tissue: &'static Tissue) -> Self {
        let mut spatial = tissue.spatial_graph();
        let full_graph = graph::weigh(&spatial);
        let confidence = noise::estimate(&tissue.molecules, NN_ID, &full_graph, None).values;
        graph::filter_long_edges(&mut spatial);
        Self { tissue, full_graph, graph: graph::weigh(&spatial), confidence, clusters: OnceLock::new() }
    }

    /// What the clustering takes.
    pub fn clustering_data(&self) -> clustering::Data<'_> {
        let molecules = &self.tissue.molecules;
        clustering::Data { genes: &molecules.genes, n_genes: N_GENES, graph: &self.graph, confidence: &self.confidence }
    }

    /// Clusters of the molecules.
    pub fn clusters(&self) -> &[ClusterIdx] {
        self.clusters.get_or_init(|| {
            let params = clustering::Params::new(N_CLUSTERS, N_MOLECULES);
            clustering::cluster(self.clustering_data(), &params, Draws::new(1, Stream::Clustering), &Silent).cluster_of
        })
    }

    /// What the mixture model takes: with clusters, and with the prior segmentation if asked for.
    pub fn evidence(&self, with_prior: bool) -> Evidence<'_> {
        let segments = Segments {
            segment_of: &self.tissue.segment_of,
            n_segments: self.tissue.segment_sizes.len(),
            sizes: &self.tissue.segment_sizes,
        };
        Evidence {
            molecules: &self.tissue.molecules,
            graph: &self.graph,
            confidence: &self.confidence,
            clusters: Some(self.clusters()),
            segments: with_prior.then_some(segments),
            compartments: None,
            centers: None,
        }
    }
}

/// The model between two iterations, with all that a step takes.
pub struct Model {
    /// What is known about the molecules.
    pub evidence: Evidence<'static>,
    /// Parameters.
    pub params: Params,
    /// The state after the first iterations.
    pub state: State,
}

/// The model of the flat tissue.
pub static MODEL_FLAT: LazyLock<Model> = LazyLock::new(|| Model::new(&KNOWN_FLAT, false));
/// The model of the thick tissue.
pub static MODEL_THICK: LazyLock<Model> = LazyLock::new(|| Model::new(&KNOWN_THICK, false));
/// The model of the flat tissue with a prior segmentation.
pub static MODEL_WITH_PRIOR: LazyLock<Model> = LazyLock::new(|| Model::new(&KNOWN_FLAT, true));
/// Assignments of successive iterations of [`MODEL_FLAT`].
pub static ASSIGNMENTS: LazyLock<Vec<Vec<Option<ComponentIdx>>>> = LazyLock::new(|| {
    let Model { evidence, params, state } = &*MODEL_FLAT;
    let mut state = state.clone();
    let following = N_WARM_UP + 1..=N_WARM_UP + N_RECORDED;
    let assignment_after = |iteration| {
        iterate(&mut state, evidence, params, iteration);
        state.assignment().to_vec()
    };
    following.map(assignment_after).collect()
});

impl Model {
    fn new(known: &'static Known, with_prior: bool) -> Self {
        let evidence = known.evidence(with_prior);
        let (n_cells_init, _) = default_n_cells_init(N_MOLECULES, MIN_MOLECULES_PER_CELL, evidence.segments);
        let params = Params {
            scale: RADIUS,
            scale_std: 0.25 * RADIUS,
            min_molecules_per_cell: MIN_MOLECULES_PER_CELL,
            prior_confidence: if with_prior { 0.5 } else { 0.0 },
            iterations: 500,
            tolerance: 0.0,
            converged: 0.0,
            n_cells_init,
            choice: Choice::Draw,
            quirks: Quirks::default(),
            log_noise_density: None,
            learned: None,
            owners: None,
        };
        let mut state = bmm::init::start(&evidence, &params).expect("a tissue of many molecules");
        state.regroup(1);
        bmm::mstep::refit(&mut state, &evidence, &params, None).expect("a sensible scale");
        for iteration in 1..=N_WARM_UP {
            iterate(&mut state, &evidence, &params, iteration);
        }
        Self { evidence, params, state }
    }
}

/// One iteration of the model.
fn iterate(state: &mut State, evidence: &Evidence<'_>, params: &Params, iteration: u64) {
    bmm::estep::propose(state, evidence, params, assignment_draws(iteration));
    if iteration.is_multiple_of(bmm::params::SPLIT_EVERY as u64) {
        state.regroup(1);
        bmm::split::detach_fragments(state, evidence, params);
    }
    state.regroup(bmm::params::MIN_MOLECULES_TO_SURVIVE);
    bmm::mstep::refit(state, evidence, params, None).expect("a sensible scale");
}

/// The draws of an iteration of the model.
pub fn assignment_draws(iteration: u64) -> baysor::numeric::draws::IterationDraws {
    Draws::new(1, Stream::Assignment).at(iteration)
}
