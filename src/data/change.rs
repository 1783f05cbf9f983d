//! How far an iteration of a propagation on the graph has moved its probabilities.

/// One iteration of the molecule clustering, or of the compartments.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Change {
    /// Largest change of a probability times the molecule's confidence.
    pub largest: f32,
    /// Share of molecules whose change, so weighted, exceeds 1e-7. Molecules left out count as unchanged.
    pub share: f32,
}
