//! From molecules to cells: graph, confidence, clusters, mixture model.

use std::borrow::Cow;

use super::compartments::{CompartmentUse, Regions};
use super::keeper::Keeper;
use super::learned;
use super::prior::Prior;
use super::scale::{self, Scale};
use super::trusted::TrustedSegments;
use crate::bmm::{self, Choice, Evidence, Params, Quirks};
use crate::clustering::{self, Clusters};
use crate::compartments::Compartments;
use crate::composition::{self, Color, ColorParams};
use crate::config::RunSettings;
use crate::data::{ClusterIdx, Molecules, Segmentation};
use crate::graph::{self, EdgeLengths, MoleculeGraph, SpatialGraph};
use crate::io::checkpoint::Prepared;
use crate::io::stage::{ClusteringTable, SlideFit};
use crate::noise::{self, Confidence, PriorTrust};
use crate::numeric::draws::{Draws, Stream};
use crate::observe::Observer;
use crate::spatial::frame::Frame;
use crate::spatial::order::{hilbert_order, hilbert_order_in};

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

/// What the model takes from the slide, if the molecules are a part of one.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    /// What was fitted to the slide.
    pub fit: &'a SlideFit,
    /// Confidence of every molecule. `[n_molecules]`
    pub confidence: &'a [f32],
    /// Whether a component starts from a molecule. `[n_molecules]`
    pub is_center: &'a [bool],
}

/// Segments molecules into cells; `part` if they are a part of a slide.
///
/// The computation works on molecules sorted in space, where neighbors are near in memory;
/// `molecules` are back in their order afterwards, and so is the result.
pub fn segment(
    molecules: &mut Molecules,
    prior: Option<&Prior>,
    known: Known<'_>,
    settings: &RunSettings,
    keeper: &mut Keeper<'_>,
    observer: &dyn Observer,
) -> anyhow::Result<Found> {
    let order = match known.part {
        Some(part) => hilbert_order_in(&molecules.positions, &part.fit.frame),
        None => hilbert_order(&molecules.positions),
    };
    *molecules = molecules.permuted(&order);
    let prior = prior.map(|prior| prior.permuted(&order));
    let confidence = known.part.map(|part| pick(part.confidence, &order));
    let is_center = known.part.map(|part| pick(part.is_center, &order));
    let part = known.part.zip(confidence.as_deref().zip(is_center.as_deref()));
    let part = part.map(|(part, (confidence, is_center))| Part { confidence, is_center, ..part });
    let found = segment_sorted(molecules, prior.as_ref(), Known { part, ..known }, settings, keeper, observer);
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

/// What is known before the model starts.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Expected cell radius.
    pub scale: Scale,
    /// Genes of compartments.
    pub compartment_genes: Option<&'a CompartmentUse>,
    /// The slide, if the molecules are a part of one.
    pub part: Option<Part<'a>>,
    /// Whether it is kept how clusters were found, for parts to follow.
    pub keeps_course: bool,
}

fn segment_sorted(
    molecules: &Molecules,
    prior: Option<&Prior>,
    known: Known<'_>,
    settings: &RunSettings,
    keeper: &mut Keeper<'_>,
    observer: &dyn Observer,
) -> anyhow::Result<Found> {
    let scale = known.scale;
    let grounds = Grounds::prepare(molecules, prior, known, settings, Some(keeper), observer)?;
    let regions = grounds.regions.as_ref();
    let segments = TrustedSegments::new(prior, regions, known.part, settings);
    let (n_cells_init, origin) = segments.n_cells_init(molecules, scale, known.part, settings);
    let params = params(scale, &segments, n_cells_init, known.part, settings);
    let evidence = Evidence {
        molecules,
        graph: &grounds.graph,
        confidence: &grounds.confidence.values,
        clusters: grounds.clustering.as_ref().map(|found| &found.cluster_of[..]),
        segments: segments.segments,
        compartments: regions.map(Regions::evidence),
        centers: known.part.map(|part| part.is_center),
    };

    observer.stage("Segmenting cells");
    observer.info(&format!(
        "Initializing algorithm. Scale: {:.5}, scale std: {:.5}, initial #components: {n_cells_init} ({origin}), \
         #molecules: {}.",
        scale.radius,
        scale.std,
        molecules.len()
    ));
    observer.info(&format!("Using the following additional information about molecules: {}", names_of(&evidence)));
    observer.info(&format!("Using {}D coordinates", molecules.positions.n_dims()));
    if let Some(owners) = params.owners {
        learned::report_meaning(owners, observer);
    }
    let draws = Draws::new(settings.program.seed, Stream::Assignment);
    let outcome = keeper.segment(&evidence, &params, draws, &grounds.to_keep(known.part.is_some()))?;
    let n_noise = outcome.segmentation.cell_of.iter().filter(|cell| cell.is_none()).count();
    observer.info(&format!(
        "Found {} cells; {:.1} % of the molecules are noise",
        outcome.segmentation.n_cells,
        100.0 * n_noise as f64 / molecules.len().max(1) as f64
    ));
    let mut resolved = vec![
        ("scale", scale.radius.to_string(), scale.origin),
        ("scale_std", scale.std.to_string(), scale.origin),
        ("n_cells_init", n_cells_init.to_string(), if settings.n_cells_init.is_some() { "given" } else { "derived" }),
    ];
    if let (Some(owners), Some(numbers)) = (params.owners, outcome.learned) {
        learned::report(numbers, molecules.positions.n_dims(), observer);
        resolved.extend(learned::values(owners, numbers, molecules.positions.n_dims()));
    }
    let Grounds { confidence, clustering, regions, .. } = grounds;
    let confidence = confidence.values;
    let colors = match known.part {
        Some(part) => color_part(molecules, part.fit, settings, observer),
        None => color(molecules, &confidence, settings, observer),
    };
    let (clusters, changes) = clustering.map(|found| (found.cluster_of, found.trace)).unzip();
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
        resolved,
    })
}

/// What the model stands on, in the order of the molecules given.
pub struct Grounds {
    /// The graph of the model, without long edges.
    pub graph: MoleculeGraph,
    /// Its edges, as far as they say what is usual.
    pub edges: EdgeLengths,
    /// Confidence of every molecule, with the fit that it comes from; parts of slides have none.
    pub confidence: Confidence,
    /// Clusters of molecules.
    pub clustering: Option<Clusters>,
    /// Compartments.
    pub regions: Option<Regions>,
}

impl Grounds {
    /// Computes graph, confidences, clusters and compartments of molecules that are sorted in space.
    ///
    /// What `keeper` has of them is not computed again, and it keeps what is.
    pub fn prepare(
        molecules: &Molecules,
        prior: Option<&Prior>,
        known: Known<'_>,
        settings: &RunSettings,
        mut keeper: Option<&mut Keeper<'_>>,
        observer: &dyn Observer,
    ) -> anyhow::Result<Self> {
        let scale = known.scale;
        let Prepared { confidence, clusters, compartments } = match &mut keeper {
            Some(keeper) => keeper.prepared(molecules.len())?,
            None => Prepared::default(),
        };
        let is_new = (confidence.is_none() && known.part.is_none(), clusters.is_none(), compartments.is_none());
        let (graph, edges, confidence) =
            graph_and_confidence(molecules, prior, known, confidence.map(Cow::into_owned), settings, observer);
        let clustering = clusters.map(Cow::into_owned);
        let mut grounds = Self { graph, edges, confidence, clustering, regions: None };
        let mut keep = |grounds: &Self, is_new: bool| {
            if let Some(keeper) = keeper.as_mut().filter(|_| is_new) {
                keeper.keep_prepared(&grounds.to_keep(known.part.is_some()));
            }
        };
        keep(&grounds, is_new.0);
        if settings.n_clusters > 1 {
            grounds.clustering = Some(grounds.cluster(molecules, known, settings, observer));
            keep(&grounds, is_new.1);
        }
        if let Some(genes) = known.compartment_genes {
            let (graph, confidence) = (&mut grounds.graph, &grounds.confidence.values);
            let found = compartments.map(Cow::into_owned);
            let found = Regions::locate(genes, molecules, graph, confidence, scale, found, observer)?;
            grounds.regions = Some(Regions::new(genes, found, molecules, graph, scale, settings, observer));
            keep(&grounds, is_new.2);
        }
        Ok(grounds)
    }

    /// Clusters of molecules; those that are known, or by the profiles of the slide, or of these molecules.
    fn cluster(
        &mut self,
        molecules: &Molecules,
        known: Known<'_>,
        settings: &RunSettings,
        observer: &dyn Observer,
    ) -> Clusters {
        observer.stage("Clustering molecules");
        let data = clustering::Data {
            genes: &molecules.genes,
            n_genes: molecules.n_genes,
            graph: &self.graph,
            confidence: &self.confidence.values,
        };
        let slide = known.part.and_then(|part| part.fit.clustering.as_ref());
        let clusters = match (self.clustering.take(), slide) {
            (Some(clusters), _) => clusters,
            (None, Some(course)) => clustering::follow(data, course, observer),
            (None, None) => {
                let params = clustering::Params {
                    keeps_course: known.keeps_course,
                    ..clustering::Params::new(settings.n_clusters, molecules.len())
                };
                let draws = Draws::new(settings.program.seed, Stream::Clustering);
                clustering::cluster(data, &params, draws, observer)
            }
        };
        observer.info(&format!(
            "Algorithm stopped after {} iterations. Max. probability difference: {:.2e}. Converged: {}.",
            clusters.n_iterations, clusters.last_change, clusters.converged
        ));
        clusters
    }

    /// What a checkpoint keeps. Confidences of a part are with the part.
    fn to_keep(&self, is_part: bool) -> Prepared<'_> {
        Prepared {
            confidence: (!is_part).then_some(Cow::Borrowed(&self.confidence)),
            clusters: self.clustering.as_ref().map(Cow::Borrowed),
            compartments: self.regions.as_ref().map(|regions| Cow::Borrowed(&regions.compartments)),
        }
    }
}

/// Parameters of the model.
pub fn params(
    scale: Scale,
    trusted: &TrustedSegments<'_>,
    n_cells_init: usize,
    part: Option<Part<'_>>,
    settings: &RunSettings,
) -> Params {
    Params {
        scale: scale.radius,
        scale_std: scale.std,
        min_molecules_per_cell: settings.min_molecules_per_cell,
        prior_confidence: trusted.confidence,
        owners: trusted.owners,
        iterations: settings.iters,
        tolerance: settings.tol,
        converged: settings.converged,
        n_cells_init,
        choice: Choice::Draw,
        quirks: Quirks::default(),
        log_noise_density: part.map(|part| part.fit.log_noise_density.clone()).filter(|course| !course.is_empty()),
        learned: part
            .and_then(|part| part.fit.owners.as_ref())
            .map(|owners| owners.learned.clone())
            .filter(|course| !course.is_empty()),
    }
}

fn build_graph(molecules: &Molecules, frame: &Frame, settings: &RunSettings, observer: &dyn Observer) -> SpatialGraph {
    let spatial = graph::build_in(molecules, frame, Draws::new(settings.program.seed, Stream::Jitter));
    if spatial.n_jittered > 0 {
        observer.info(&format!(
            "{} molecules coincide with others; they were moved apart in the graph",
            spatial.n_jittered
        ));
    }
    spatial
}

/// The graph of the model, without long edges, and the confidences, which use all edges. `found`: confidences that are
/// known already. A part has both from its slide.
fn graph_and_confidence(
    molecules: &Molecules,
    prior: Option<&Prior>,
    known: Known<'_>,
    found: Option<Confidence>,
    settings: &RunSettings,
    observer: &dyn Observer,
) -> (MoleculeGraph, EdgeLengths, Confidence) {
    observer.stage("Building the molecule graph");
    if let Some(Part { fit, confidence, .. }) = known.part {
        let spatial = build_graph(molecules, &fit.frame, settings, observer);
        let confidence = Confidence { values: confidence.to_vec(), fit: None, longest: f32::INFINITY };
        return (fit.edges.apply(spatial), fit.edges, confidence);
    }
    let spatial = build_graph(molecules, &Frame::of(&molecules.positions), settings, observer);
    observer.stage("Estimating noise level");
    let nn_id = settings.confidence_nn_id;
    let confidence = found.unwrap_or_else(|| {
        let trust = prior
            .map(|prior| PriorTrust { segment_of: &prior.segment_of, prior_confidence: settings.prior_confidence });
        noise::estimate(molecules, nn_id, &graph::weigh(&spatial), trust)
    });
    let values = &confidence.values;
    match &confidence.fit {
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
    let n_dims = molecules.positions.n_dims();
    scale::check_unit(known.scale, confidence.fit.as_ref(), nn_id, n_dims, settings, observer);
    let edges = EdgeLengths::of(&spatial);
    (edges.apply(spatial), edges, confidence)
}

/// Colors of the neighborhoods of a part of a slide, if they are wanted.
fn color_part(
    molecules: &Molecules,
    slide: &SlideFit,
    settings: &RunSettings,
    observer: &dyn Observer,
) -> Option<Vec<Color>> {
    settings.colors?;
    observer.stage("Coloring neighborhoods");
    Some(match &slide.colors {
        Some(colors) => colors.colors(molecules),
        None => vec![Color::GRAY; molecules.len()],
    })
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
fn names_of(evidence: &Evidence<'_>) -> String {
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
