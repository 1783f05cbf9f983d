//! Molecule clusters: coarse cell types by a categorical mixture on the graph.
//!
//! Genes that are neighbors in space give first profiles ([`first_profiles`]); then every molecule asks its
//! neighbors for their clusters, and profiles follow, until nothing moves ([`fit()`]).

mod correlation;
mod course;
mod fit;
mod ica;
mod init;
mod state;
#[cfg(test)]
mod tests;

pub use correlation::gene_correlation;
pub use course::{Course, CourseStep};
pub use fit::{Clusters, Params, Skip, fit, follow};
pub use init::{Start, first_profiles};
pub use state::Data;

use crate::numeric::draws::Draws;
use crate::observe::Observer;

/// Clusters molecules by genes and neighborhood: a mixture of categorical distributions with a
/// Markov random field on the molecule graph.
///
/// Shapes: `data` describes `n_molecules` molecules and a graph with as many nodes. Every
/// molecule gets a cluster, noise included. With fewer than two clusters all get the first.
///
/// Source: Petukhov et al. 2022, Methods, "Molecule clustering"; Baysor 0.7.1
/// `molecule_clustering.jl`. Draws the start of the independent component analysis from `draws`;
/// the same result for any number of threads.
pub fn cluster(data: Data<'_>, params: &Params, draws: Draws, observer: &dyn Observer) -> Clusters {
    let correlation = gene_correlation(data.genes, data.n_genes, data.graph, data.confidence);
    let (profiles, start) = first_profiles(data.genes, &correlation, params.n_clusters.max(1), draws);
    drop(correlation);
    match start {
        Start::Ica { converged: true } | Start::Followed => {}
        Start::Ica { converged: false } => observer.info(
            "molecule clustering starts from independent components that were still turning after the last iteration",
        ),
        Start::Fallback => observer.warning(
            "no independent components of the gene correlation; molecule clustering starts from nearly uniform \
             profiles and may be poor: are there fewer genes than clusters, or hardly any confident neighbors?",
        ),
    }
    fit(data, &profiles, start, params, observer)
}
