//! From molecules to cells: graph, confidence, clusters, mixture model.

use super::compartments::{CompartmentUse, NUCLEI_CONFIDENCE, Regions};
use super::keeper::Keeper;
use super::prior::Prior;
use super::scale::{self, Scale};
use crate::bmm::{self, Choice, Evidence, Params, Quirks};
use crate::clustering;
use crate::compartments::Compartments;
use crate::composition::{self, Color, ColorParams};
use crate::config::RunSettings;
use crate::data::{Change, ClusterIdx, Molecules, Segmentation};
use crate::graph::{self, MoleculeGraph};
use crate::io::stage::ClusteringTable;
use crate::noise::{self, Confidence, PriorTrust};
use crate::numeric::draws::{Draws, Stream};
use crate::observe::Observer;
use crate::spatial::order::hilbert_order;

/// What the model found, in the order of the molecule table.
pub struct Found {
    /// Cells.
    pub segmentation: Segmentation,
    /// Confidence of every molecule.
    pub confidence: Vec<f32>,
    /// Cluster of every molecule, if molecules were clustered.
    pub clusters: Option<Vec<ClusterIdx>>,
    /// Color of the neighborhood of every molecule, if it is wanted.
    pub colors: Option<Vec<Color>>,
    /// Compartments of the molecules, if genes of compartments are given.
    pub compartments: Option<Compartments>,
    /// Values that only the data could tell: name, value, origin.
    pub resolved: Vec<(&'static str, String, &'static str)>,
    /// Iterations of the molecule clustering and of the compartments.
    pub clustering: ClusteringTable,
    /// Numbers of every iteration of the model.
    pub trace: bmm::Trace,
}

/// Segments molecules into cells.
///
/// The computation works on molecules sorted in space, where neighbors are near in memory;
/// `molecules` are back in their order afterwards, and so is the result.
pub fn segment(
    molecules: &mut Molecules,
    prior: Option<&Prior>,
    scale: Scale,
    compartment_genes: Option<&CompartmentUse>,
    settings: &RunSettings,
    keeper: &mut Keeper<'_>,
    observer: &dyn Observer,
) -> anyhow::Result<Found> {
    let order = hilbert_order(&molecules.positions);
    *molecules = molecules.permuted(&order);
    let prior = prior.map(|prior| prior.permuted(&order));
    let found = segment_sorted(molecules, prior.as_ref(), scale, compartment_genes, settings, keeper, observer);
    let place_of = inverse(&order);
    *molecules = molecules.permuted(&place_of);
    let found = found?;
    Ok(Found {
        segmentation: found.segmentation.scattered(&order),
        confidence: pick(&found.confidence, &place_of),
        clusters: found.clusters.map(|clusters| pick(&clusters, &place_of)),
        colors: found.colors.map(|colors| pick(&colors, &place_of)),
        compartments: found.compartments.map(|compartments| compartments.permuted(&place_of)),
        ..found
    })
}

fn segment_sorted(
    molecules: &Molecules,
    prior: Option<&Prior>,
    scale: Scale,
    compartment_genes: Option<&CompartmentUse>,
    settings: &RunSettings,
    keeper: &mut Keeper<'_>,
    observer: &dyn Observer,
) -> anyhow::Result<Found> {
    let (mut graph, confidence) = graph_and_confidence(molecules, prior, scale, settings, observer);
    let (clusters, changes) = cluster(molecules, &graph, &confidence, settings, observer).unzip();
    let regions = match compartment_genes {
        Some(genes) => Some(Regions::find(genes, molecules, &mut graph, &confidence, scale, settings, observer)?),
        None => None,
    };
    // A prior of trust 0 is ignored, so that nuclei shown by genes take its place.
    let heeded = prior.filter(|_| settings.prior_confidence > 0.0);
    let nuclei = regions.as_ref().and_then(|regions| regions.nuclei.as_ref()).filter(|_| heeded.is_none());
    let prior_confidence = if nuclei.is_some() { NUCLEI_CONFIDENCE } else { settings.prior_confidence };
    let segments = nuclei.or(prior).map(Prior::segments);
    let (n_cells_init, origin) = match settings.n_cells_init {
        Some(n_cells) => (n_cells, "given".to_owned()),
        None => {
            let heeded = segments.filter(|_| prior_confidence > 0.0);
            bmm::params::default_n_cells_init(molecules.len(), settings.min_molecules_per_cell, heeded)
        }
    };
    let params = Params {
        scale: scale.radius,
        scale_std: scale.std,
        min_molecules_per_cell: settings.min_molecules_per_cell,
        prior_confidence,
        iterations: settings.iters,
        tolerance: settings.tol,
        converged: settings.converged,
        n_cells_init,
        choice: Choice::Draw,
        quirks: Quirks::default(),
    };
    let evidence = Evidence {
        molecules,
        graph: &graph,
        confidence: &confidence,
        clusters: clusters.as_deref(),
        segments,
        compartments: regions.as_ref().map(Regions::evidence),
    };

    observer.stage("Segmenting cells");
    observer.info(&format!(
        "Initializing algorithm. Scale: {:.5}, scale std: {:.5}, initial #components: {n_cells_init} ({origin}), \
         #molecules: {}.",
        scale.radius,
        scale.std,
        molecules.len()
    ));
    observer.info(&format!("Using the following additional information about molecules: {}", known(&evidence)));
    observer.info(&format!("Using {}D coordinates", molecules.positions.n_dims()));
    let draws = Draws::new(settings.program.seed, Stream::Assignment);
    let outcome = keeper.segment(&evidence, &params, draws)?;
    let n_noise = outcome.segmentation.cell_of.iter().filter(|cell| cell.is_none()).count();
    observer.info(&format!(
        "Found {} cells; {:.1} % of the molecules are noise",
        outcome.segmentation.n_cells,
        100.0 * n_noise as f64 / molecules.len().max(1) as f64
    ));
    let colors = color(molecules, &confidence, settings, observer);
    let clustering = ClusteringTable {
        clusters: changes.unwrap_or_default(),
        compartments: regions.as_ref().map(|regions| regions.compartments.trace.clone()).unwrap_or_default(),
    };
    Ok(Found {
        segmentation: outcome.segmentation,
        confidence,
        clusters,
        colors,
        trace: outcome.trace,
        clustering,
        compartments: regions.map(|regions| regions.compartments),
        resolved: vec![
            ("scale", scale.radius.to_string(), scale.origin),
            ("scale_std", scale.std.to_string(), scale.origin),
            (
                "n_cells_init",
                n_cells_init.to_string(),
                if settings.n_cells_init.is_some() { "given" } else { "derived" },
            ),
        ],
    })
}

/// The graph of the model, without long edges, and the confidences, which use all edges.
fn graph_and_confidence(
    molecules: &Molecules,
    prior: Option<&Prior>,
    scale: Scale,
    settings: &RunSettings,
    observer: &dyn Observer,
) -> (MoleculeGraph, Vec<f32>) {
    observer.stage("Building the molecule graph");
    let mut spatial = graph::build(molecules, Draws::new(settings.program.seed, Stream::Jitter));
    if spatial.n_jittered > 0 {
        observer.info(&format!(
            "{} molecules coincide with others; they were moved apart in the graph",
            spatial.n_jittered
        ));
    }
    observer.stage("Estimating noise level");
    let trust =
        prior.map(|prior| PriorTrust { segment_of: &prior.segment_of, prior_confidence: settings.prior_confidence });
    let nn_id = settings.confidence_nn_id;
    let Confidence { values, fit } = noise::estimate(molecules, nn_id, &graph::weigh(&spatial), trust);
    match &fit {
        Some(fit) => {
            let expected = values.iter().map(|&value| 1.0 - f64::from(value)).sum::<f64>() / values.len().max(1) as f64;
            observer.info(&format!(
                "Distance to neighbor {nn_id}: {:.4} in cells, {:.4} in the background; expected noise {:.1} %",
                fit.signal.mean,
                fit.background.mean,
                100.0 * expected
            ));
        }
        None => observer.warning(&format!(
            "All molecules are (nearly) equally far from their neighbors, as on a grid: noise cannot be told from \
             density, and every molecule gets the confidence {}",
            noise::DEFAULT_CONFIDENCE
        )),
    }
    scale::check_unit(scale, fit.as_ref(), nn_id, molecules.positions.n_dims(), settings, observer);
    graph::filter_long_edges(&mut spatial);
    (graph::weigh(&spatial), values)
}

/// Clusters of molecules with every iteration, if more than one is wanted.
fn cluster(
    molecules: &Molecules,
    graph: &MoleculeGraph,
    confidence: &[f32],
    settings: &RunSettings,
    observer: &dyn Observer,
) -> Option<(Vec<ClusterIdx>, Vec<Change>)> {
    if settings.n_clusters < 2 {
        return None;
    }
    observer.stage("Clustering molecules");
    let data = clustering::Data { genes: &molecules.genes, n_genes: molecules.n_genes, graph, confidence };
    let params = clustering::Params::new(settings.n_clusters, molecules.len());
    let draws = Draws::new(settings.program.seed, Stream::Clustering);
    let clusters = clustering::cluster(data, &params, draws, observer);
    observer.info(&format!(
        "Algorithm stopped after {} iterations. Max. probability difference: {:.2e}. Converged: {}.",
        clusters.n_iterations, clusters.last_change, clusters.converged
    ));
    Some((clusters.cluster_of, clusters.trace))
}

/// Colors of neighborhoods, if they are wanted.
fn color(
    molecules: &Molecules,
    confidence: &[f32],
    settings: &RunSettings,
    observer: &dyn Observer,
) -> Option<Vec<Color>> {
    let colors = settings.colors?;
    observer.stage("Coloring neighborhoods");
    let n_neighbors = colors.n_neighbors(molecules.n_genes, settings.min_molecules_per_cell);
    let params = ColorParams::of_run(n_neighbors, colors.method, settings.program.seed);
    Some(composition::colors(molecules, confidence, &params, observer))
}

/// Names of what the model knows about molecules.
fn known(evidence: &Evidence<'_>) -> String {
    let mut names = vec!["confidence"];
    names.extend(evidence.clusters.map(|_| "cluster"));
    names.extend(evidence.segments.map(|_| "prior_segmentation"));
    names.join(", ")
}

pub(super) fn pick<T: Copy>(values: &[T], order: &[u32]) -> Vec<T> {
    order.iter().map(|&at| values[at as usize]).collect()
}

/// Where each row went.
pub(super) fn inverse(order: &[u32]) -> Vec<u32> {
    let mut place_of = vec![0; order.len()];
    for (place, &row) in order.iter().enumerate() {
        place_of[row as usize] = place as u32;
    }
    place_of
}
