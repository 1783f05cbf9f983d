//! Compartments: which molecules lie in a nucleus, which in the cytoplasm, which outside of both.
//!
//! Where nucleus and cytoplasm of a cell hold different genes, a model of cells takes them for two
//! cells. Genes that are known to stay in one compartment ([`Markers`]) tell where the compartments
//! are ([`segment`]); the model then places cells by their nuclei, and does not mistake a change of
//! compartment for a change of cell. Such genes can be found in the data if nuclei are known
//! ([`genes`]).
//!
//! Source: Baysor 0.7.1 `compartment_segmentation.jl`; user documentation, "Using compartment-specific
//! genes".

mod barrier;
pub mod genes;
mod markers;
mod nuclei;
mod propagate;
mod start;

use crate::data::{Change, Molecules};
use crate::graph::MoleculeGraph;

pub use barrier::keep_nuclei_apart;
pub use markers::{CompartmentError, MIN_MARKER_SHARE, Markers};
pub use nuclei::find_nuclei;

/// Part of a cell that a molecule lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compartment {
    /// The nucleus.
    Nuclei,
    /// The cytoplasm.
    Cyto,
    /// Neither, as far as the genes tell: too few of their molecules are near.
    Unknown,
}

impl Compartment {
    /// The name in files, as 0.7.1 writes it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Nuclei => "Nuclei",
            Self::Cyto => "Cyto",
            Self::Unknown => "Unknown",
        }
    }
}

/// Probabilities of nucleus, cytoplasm and neither, which sum to 1.
pub type Probabilities = [f32; 3];

/// Compartments of all molecules.
#[derive(Clone, Debug, PartialEq)]
pub struct Compartments {
    /// Most probable compartment of every molecule; of equally probable ones the first. `[n_molecules]`
    pub compartment_of: Vec<Compartment>,
    /// Probabilities of every molecule. `[n_molecules]`
    pub probabilities: Vec<Probabilities>,
    /// Iterations done.
    pub n_iterations: usize,
    /// Largest change of a probability, times confidence, in the last iteration.
    pub last_change: f32,
    /// True if the iterations ended because changes were small.
    pub converged: bool,
    /// Every iteration.
    pub trace: Vec<Change>,
}

impl Compartments {
    /// 1 minus the probability of cytoplasm. `[n_molecules]`, in 0..=1
    ///
    /// KEEPS: what is in no compartment counts as nuclear.
    pub fn nuclei_probs(&self) -> Vec<f32> {
        self.probabilities.iter().map(|probabilities| 1.0 - probabilities[1]).collect()
    }

    /// Number of molecules per compartment: nuclei, cytoplasm, unknown.
    pub fn counts(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        for compartment in &self.compartment_of {
            counts[*compartment as usize] += 1;
        }
        counts
    }

    /// The compartments of the molecules `order[0]`, `order[1]`, … in that order.
    pub fn permuted(&self, order: &[u32]) -> Self {
        Self {
            compartment_of: order.iter().map(|&row| self.compartment_of[row as usize]).collect(),
            probabilities: order.iter().map(|&row| self.probabilities[row as usize]).collect(),
            trace: self.trace.clone(),
            ..*self
        }
    }
}

/// Finds the compartment of every molecule from the molecules of known genes around it.
///
/// Molecules of `markers` are in their compartment for certain where both compartments are near
/// (within about one `scale`), and molecules far from both (three scales) are in none; all others
/// take after their neighbors in `graph`, until nothing changes.
///
/// Shapes: `graph` has one node per molecule; `confidence` is `[n_molecules]`;
/// `scale` is the expected cell radius in input units. Works in 2D and 3D. Errors if either set of
/// genes has fewer than two molecules. Draws nothing; the same result for any number of threads, and
/// for any order of the molecules up to the rounding of sums over neighbors.
///
/// Source: Baysor 0.7.1, spec 4.2.1 and 4.2.2.
pub fn segment(
    molecules: &Molecules,
    markers: &Markers,
    graph: &MoleculeGraph,
    confidence: &[f32],
    scale: f64,
) -> Result<Compartments, CompartmentError> {
    let start = start::start(molecules, markers, scale)?;
    Ok(propagate::propagate(start, graph, confidence))
}

#[cfg(test)]
mod tests;
