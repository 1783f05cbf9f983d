//! How profiles move from the start to the end of the iterations, for parts of a slide to follow.

use super::state::{Moves, State};

/// What happens between two looks at the profiles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CourseStep {
    /// A sweep over the molecules.
    Sweep {
        /// Changes up to it are not announced.
        threshold: f32,
        /// Whether every molecule is computed in the next one.
        exhaustive: bool,
    },
    /// Every molecule is to be computed again.
    Wake,
}

/// The course of the profiles of a slide.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// Number of clusters, at least 1.
    pub n_clusters: usize,
    /// Profiles at the start, one after another. `[n_clusters * n_genes]`
    pub first: Vec<f64>,
    /// The steps, each with the number of genes whose profile moved in it.
    pub steps: Vec<(CourseStep, u32)>,
    /// Genes whose profiles moved, step by step. `[n_moves]`
    pub genes: Vec<u32>,
    /// Whether each moved far enough for all its molecules to be computed again. `[n_moves]`
    pub is_far: Vec<bool>,
    /// Where it moved, in all clusters. `[n_moves * n_clusters]`
    pub values: Vec<f32>,
}

impl Course {
    pub(super) fn new(first: &[f64], n_clusters: usize) -> Self {
        Self { n_clusters, first: first.to_vec(), steps: vec![], genes: vec![], is_far: vec![], values: vec![] }
    }

    /// Whether all parts have the lengths that they must have, and genes are below `n_genes`.
    pub fn is_sound(&self, n_genes: usize) -> bool {
        let n_moves: u64 = self.steps.iter().map(|step| u64::from(step.1)).sum();
        self.n_clusters > 0
            && self.first.len() == self.n_clusters * n_genes
            && self.genes.len() as u64 == n_moves
            && self.is_far.len() == self.genes.len()
            && self.values.len() == self.genes.len() * self.n_clusters
            && self.genes.iter().all(|&gene| (gene as usize) < n_genes)
    }

    pub(super) fn record(&mut self, step: CourseStep, state: &State<'_>) {
        let before = self.genes.len();
        for (gene, is_far, values) in state.moves() {
            self.genes.push(gene);
            self.is_far.push(is_far);
            self.values.extend(values);
        }
        self.steps.push((step, (self.genes.len() - before) as u32));
    }

    pub(super) fn moves(&self, begin: usize, n: usize) -> Moves<'_> {
        let (range, k) = (begin..begin + n, self.n_clusters);
        Moves {
            genes: &self.genes[range.clone()],
            is_far: &self.is_far[range],
            values: &self.values[begin * k..(begin + n) * k],
        }
    }
}
