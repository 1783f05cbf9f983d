//! Gene names and their dense encoding.

use super::GeneIdx;

/// Gene names in encoded order: sorted by the bytes of their UTF-8 text, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GeneTable {
    names: Vec<String>,
}

impl GeneTable {
    /// Takes names in any order; sorts them and removes repetitions.
    pub fn new(mut names: Vec<String>) -> Self {
        names.sort_unstable();
        names.dedup();
        Self { names }
    }

    /// Number of genes.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// True without genes.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Name of a gene.
    pub fn name(&self, gene: GeneIdx) -> &str {
        &self.names[gene.idx()]
    }

    /// Names in encoded order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The gene called `name`.
    pub fn find(&self, name: &str) -> Option<GeneIdx> {
        self.names.binary_search_by(|have| have.as_str().cmp(name)).ok().map(GeneIdx::new)
    }
}
