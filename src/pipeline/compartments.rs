//! Compartments of cells: which genes tell them, where they are, and what the model makes of them.

use anyhow::Context as _;

use super::prior::{FoundPrior, Prior};
use super::scale::Scale;
use crate::bmm::CompartmentEvidence;
use crate::compartments::genes::{self, RING_WIDTH, Ranking, Selection};
use crate::compartments::{self, CompartmentError, Compartments, Markers};
use crate::config::{CompartmentGenes, RunSettings, nearest};
use crate::data::{GeneTable, Molecules};
use crate::graph::MoleculeGraph;
use crate::io::molecules::MoleculeTable;
use crate::observe::Observer;

/// Genes that tell compartments apart, and what is made of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompartmentUse {
    /// The genes.
    pub markers: Markers,
    /// Whether nuclei hear less from the cytoplasm around them, so that cells grow outwards.
    pub weaken_edges: bool,
    /// Whether connected nuclear molecules become the segments of a prior, unless one is given.
    pub find_nuclei: bool,
    /// Whether molecules of these genes go by position only.
    ///
    /// METHOD: documented for 0.7.1, but never done by it; off by default, as it made results worse
    /// wherever it was measured.
    pub hide_genes: bool,
}

impl CompartmentUse {
    /// The usual use of these genes.
    pub fn new(markers: Markers) -> Self {
        Self { markers, weaken_edges: true, find_nuclei: true, hide_genes: false }
    }
}

/// Trust in nuclei that compartment genes show.
pub const NUCLEI_CONFIDENCE: f64 = 0.5;

/// The genes of compartments: as given, or found with the nuclei of the prior segmentation.
///
/// Genes that are looked for are also returned as a table, chosen or not.
pub fn genes(
    table: &MoleculeTable,
    prior: Option<&FoundPrior>,
    scale: Scale,
    settings: &RunSettings,
    observer: &dyn Observer,
) -> anyhow::Result<(Option<CompartmentUse>, Option<Ranking>)> {
    let mut ranking = None;
    let markers = match &settings.compartment_genes {
        CompartmentGenes::None => None,
        CompartmentGenes::Given { nuclei, cyto } => {
            let markers = Markers::by_name(nuclei, cyto, &table.genes)
                .map_err(|error| anyhow::anyhow!("{error}{}", hint(&error, &table.genes)))
                .with_context(|| format!("{}: --nuclei-genes and --cyto-genes", table.path.display()))?;
            Some(markers)
        }
        CompartmentGenes::Auto => {
            let found = prior.context("--compartment-genes auto needs a prior segmentation of nuclei")?;
            ranking.insert(find(&table.molecules, &table.genes, &found.prior, scale.radius, observer)).markers()
        }
    };
    Ok((markers.map(CompartmentUse::new), ranking))
}

/// Ranks genes by their preference for the nuclei of a prior, and tells what is chosen.
pub fn find(molecules: &Molecules, names: &GeneTable, nuclei: &Prior, scale: f64, observer: &dyn Observer) -> Ranking {
    observer.stage("Finding genes of compartments");
    let ranking = genes::rank(molecules, &nuclei.segment_of, RING_WIDTH * scale, &Selection::default());
    observer.info(&ranking.summary(names));
    if ranking.markers().is_none() {
        observer.warning(
            "Compartments are not modelled: too few genes prefer one of them. (Segments of the prior must be nuclei, \
             not cells, for this.)",
        );
    }
    ranking
}

/// A near name for every unknown one.
fn hint(error: &CompartmentError, genes: &GeneTable) -> String {
    let CompartmentError::UnknownGenes { names, .. } = error else { return String::new() };
    let near: Vec<&str> =
        names.iter().filter_map(|name| nearest(name, genes.names().iter().map(String::as_str))).collect();
    if near.is_empty() { String::new() } else { format!(". Did you mean {}?", near.join(", ")) }
}

/// Compartments, and what the model takes from them.
pub struct Regions {
    /// Compartments of the molecules.
    pub compartments: Compartments,
    nuclei_probs: Vec<f32>,
    hidden_genes: Option<Vec<bool>>,
    /// Nuclei that the genes show.
    pub nuclei: Option<Prior>,
}

impl Regions {
    /// Finds the compartments of molecules, if they are not known already.
    ///
    /// DIFFERS: on the graph of the model, without long edges; 0.7.1 uses all edges here.
    pub fn locate(
        genes: &CompartmentUse,
        molecules: &Molecules,
        graph: &MoleculeGraph,
        confidence: &[f32],
        scale: Scale,
        known: Option<Compartments>,
        observer: &dyn Observer,
    ) -> anyhow::Result<Compartments> {
        observer.stage("Estimating compartment regions");
        let share = genes.markers.share(&molecules.genes, molecules.n_genes);
        if share < compartments::MIN_MARKER_SHARE {
            observer.warning(&format!(
                "The genes of compartments hold {:.1} % of the molecules. Below {:.0} % compartments rather harm than \
                 help; compare with a run without them",
                100.0 * share,
                100.0 * compartments::MIN_MARKER_SHARE
            ));
        }
        let found = match known {
            Some(found) => found,
            None => compartments::segment(molecules, &genes.markers, graph, confidence, scale.radius)?,
        };
        let [n_nuclear, n_cytoplasmic, n_unknown] = found.counts();
        observer.info(&format!(
            "Compartments after {} iterations: {n_nuclear} molecules in nuclei, {n_cytoplasmic} in the cytoplasm, \
             {n_unknown} in neither. Converged: {}.",
            found.n_iterations, found.converged
        ));
        Ok(found)
    }

    /// What follows from the compartments; weakens edges of `graph` if that is wanted.
    pub fn new(
        genes: &CompartmentUse,
        found: Compartments,
        molecules: &Molecules,
        graph: &mut MoleculeGraph,
        scale: Scale,
        settings: &RunSettings,
        observer: &dyn Observer,
    ) -> Self {
        let nuclei = genes.find_nuclei.then(|| {
            let least = settings.prior.min_molecules_per_segment;
            Prior::new(compartments::find_nuclei(&found, graph, &molecules.positions, scale.radius, least))
        });
        if let Some(nuclei) = &nuclei {
            observer.info(&format!("Compartment genes show {} single nuclei", nuclei.sizes.len()));
        }
        if genes.weaken_edges {
            compartments::keep_nuclei_apart(graph, &found);
        }
        let hidden_genes = genes.hide_genes.then(|| {
            let by_gene = genes.markers.by_gene(molecules.n_genes);
            by_gene.into_iter().map(|compartment| compartment != compartments::Compartment::Unknown).collect()
        });
        Self { nuclei_probs: found.nuclei_probs(), hidden_genes, nuclei, compartments: found }
    }

    /// What the model sees.
    pub fn evidence(&self) -> CompartmentEvidence<'_> {
        CompartmentEvidence { nuclei_probs: &self.nuclei_probs, hidden_genes: self.hidden_genes.as_deref() }
    }
}
