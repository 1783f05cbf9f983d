//! What the iterations of the clustering change, and the two steps that change it.

mod estep;
mod mstep;

use std::sync::atomic::AtomicU64;

use crate::data::GeneIdx;
use crate::graph::MoleculeGraph;

/// Molecules per word of a bit set.
const WORD: usize = 64;
/// If more than one in so many molecules announced a change, all are recomputed.
const FEW: usize = 3;

/// The data that the clustering works on; see [`super::cluster`].
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    /// Gene of every molecule.
    pub genes: &'a [GeneIdx],
    /// Number of genes.
    pub n_genes: usize,
    /// Neighbors and weights.
    pub graph: &'a MoleculeGraph,
    /// Confidence of every molecule, in 0..=1.
    pub confidence: &'a [f32],
}

/// Who is computed in a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// Every molecule.
    All,
    /// Molecules marked as stale, and those whose gene has moved.
    Stale,
}

/// How far the profile entries of a gene have moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moved {
    /// Too little to matter.
    No,
    /// Enough for molecules that are not sure of their cluster.
    Some,
    /// Enough for all molecules of the gene.
    Far,
}

/// What a sweep did. Combined by maximum and integer sums, so in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sweep {
    /// Largest change of a probability times the molecule's confidence.
    pub max_change: f32,
    /// Molecules whose change, so weighted, exceeds 1e-7.
    pub n_changed: usize,
    /// Molecules that were computed.
    pub n_computed: usize,
    /// Molecules that announced their change to neighbors and profiles.
    pub n_announced: usize,
}

impl Sweep {
    fn and(self, other: Self) -> Self {
        Self {
            max_change: self.max_change.max(other.max_change),
            n_changed: self.n_changed + other.n_changed,
            n_computed: self.n_computed + other.n_computed,
            n_announced: self.n_announced + other.n_announced,
        }
    }
}

/// Probabilities, profiles, and who has to be looked at again.
///
/// Memory: 8 K bytes and 3 bits per molecule.
///
/// METHOD: kept per molecule is not the probability `P[k]` but the message `c P[k]`, with `c` its
/// confidence: that is what neighbors see, what the profiles sum, and what the change counts.
pub struct State<'a> {
    data: Data<'a>,
    k: usize,
    /// Messages as neighbors and profiles know them, `[n_molecules * k]`.
    messages: Vec<f32>,
    /// Messages just computed, where `announced` says so, `[n_molecules * k]`.
    proposed: Vec<f32>,
    /// One bit per molecule: its proposed message is to be announced.
    announced: Vec<u64>,
    /// One bit per molecule: a neighbor has announced a change.
    stale: Vec<AtomicU64>,
    /// One bit per molecule: it was sure of its cluster when last computed.
    sure: Vec<u64>,
    /// Sums of messages by gene and cluster in units, `[n_genes * k]`.
    sums: Vec<i64>,
    /// Profiles as molecules know them, `[n_genes * k]`.
    profiles: Vec<f32>,
    /// Profiles when last all molecules of the gene were computed, `[n_genes * k]`.
    settled: Vec<f32>,
    /// How far the entries of each gene moved after the last sweep.
    moved: Vec<Moved>,
    any_moved: bool,
    work: Work,
}

/// How profiles move after a sweep: genes, and for each whether it moved far, and its profile in all clusters.
#[derive(Clone, Copy, Debug)]
pub struct Moves<'m> {
    /// Genes that moved.
    pub genes: &'m [u32],
    /// Whether each moved far enough for all its molecules.
    pub is_far: &'m [bool],
    /// Profiles of the genes, `[n_moves * k]`.
    pub values: &'m [f32],
}

impl<'a> State<'a> {
    /// Probabilities in proportion to `profiles`, `[k * n_genes]`, one profile after another.
    pub fn new(data: Data<'a>, profiles: &[f64], k: usize) -> Self {
        let n = data.genes.len();
        let n_words = n.div_ceil(WORD);
        let by_gene: Vec<f32> =
            (0..data.n_genes * k).map(|at| profiles[(at % k) * data.n_genes + at / k] as f32).collect();
        let mut state = Self {
            data,
            k,
            messages: vec![0.0; n * k],
            proposed: vec![0.0; n * k],
            announced: vec![0; n_words],
            sure: vec![0; n_words],
            stale: (0..n_words).map(|_| AtomicU64::new(0)).collect(),
            sums: vec![0; data.n_genes * k],
            settled: by_gene.clone(),
            profiles: by_gene,
            moved: vec![Moved::No; data.n_genes],
            any_moved: false,
            work: Work::All,
        };
        // All messages are still 0, so the E-step hears no neighbors and gives the start.
        state.propose(-1.0);
        state.announce(true);
        state
    }

    /// One E-step and M-step.
    ///
    /// Every molecule computed sees the messages of before the sweep (a Jacobi step). Changes of
    /// messages up to `threshold`, and of profile entries by up to that factor, are not announced;
    /// with 0 the step is exact, and leaves out only molecules that would come out the same.
    /// Below 0 every molecule is computed in every sweep.
    pub fn step(&mut self, threshold: f32) -> Sweep {
        let sweep = self.propose(threshold);
        self.announce(self.is_exhaustive(threshold, &sweep));
        self.refit_profiles(threshold);
        sweep
    }

    /// [`Self::step`] of a part, in which the slide says who is computed next and how profiles move.
    pub fn follow_step(&mut self, threshold: f32, exhaustive: bool, moves: Moves<'_>) -> Sweep {
        let sweep = self.propose(threshold);
        self.announce(exhaustive);
        self.move_profiles(moves);
        sweep
    }

    /// Whether after a sweep every molecule is computed again.
    pub fn is_exhaustive(&self, threshold: f32, sweep: &Sweep) -> bool {
        threshold < 0.0 || sweep.n_announced * FEW > self.data.genes.len()
    }

    /// [`Self::wake_all`] of a part.
    pub fn follow_wake(&mut self, moves: Moves<'_>) {
        self.move_profiles(moves);
        self.work = Work::All;
    }

    /// Sees to it that the next step computes every molecule, with profiles up to date.
    pub fn wake_all(&mut self) {
        self.refit_profiles(0.0);
        self.work = Work::All;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Edge;

    /// Two molecules of genes a and b, joined with weight 0.5; the second is half trusted.
    fn check_pair(with: impl FnOnce(State<'_>)) {
        let graph = MoleculeGraph::from_edges(2, &[Edge { a: 0, b: 1, value: 0.5 }]);
        let genes = [GeneIdx::new(0), GeneIdx::new(1)];
        let data = Data { genes: &genes, n_genes: 2, graph: &graph, confidence: &[1.0, 0.5] };
        with(State::new(data, &[0.6, 0.4, 0.2, 0.8], 2));
    }

    #[test]
    fn messages_start_in_proportion_to_profiles() {
        check_pair(|state| {
            for (have, want) in state.messages.iter().zip([0.75, 0.25, 0.5 / 3.0, 1.0 / 3.0]) {
                assert!((have - want).abs() < 1e-6f32);
            }
        });
    }

    #[test]
    fn one_step_is_what_the_formulas_say() {
        check_pair(|mut state| {
            let sweep = state.step(0.0);
            // Molecule 0 sees 0.5 * (1/6, 1/3), molecule 1 sees 0.5 * (0.75, 0.25).
            let p0 = 0.6 * (1.0f64 / 12.0).exp();
            let p0 = p0 / (p0 + 0.2 * (1.0f64 / 6.0).exp());
            let p1 = 0.4 * 0.375f64.exp();
            let p1 = p1 / (p1 + 0.8 * 0.125f64.exp());
            for (have, want) in state.messages.iter().zip([p0, 1.0 - p0, 0.5 * p1, 0.5 * (1.0 - p1)]) {
                assert!((f64::from(*have) - want).abs() < 1e-6);
            }
            // Sums of cluster 0: p0 of gene a and p1 / 2 of gene b.
            let total = p0 + 0.5 * p1 + 1.0;
            assert!((f64::from(state.profiles[0]) - (p0 + 1.0) / total).abs() < 1e-6);
            assert!((f64::from(state.profiles[2]) - (0.5 * p1 + 1.0) / total).abs() < 1e-6);
            assert!((f64::from(sweep.max_change) - (0.75 - p0).abs().max(0.5 * (p1 - 1.0 / 3.0))).abs() < 1e-6);
            assert_eq!((sweep.n_computed, sweep.n_changed), (2, 2));
        });
    }

    #[test]
    fn gene_that_no_profile_knows_says_nothing() {
        let graph = MoleculeGraph::from_edges(1, &[]);
        let data = Data { genes: &[GeneIdx::new(0)], n_genes: 1, graph: &graph, confidence: &[1.0] };
        assert_eq!(State::new(data, &[0.0; 4], 4).messages, [0.25; 4]);
    }

    #[test]
    fn nothing_is_computed_where_nothing_changes() {
        check_pair(|mut state| {
            for _ in 0..200 {
                state.step(0.0);
            }
            let sums = state.sums.clone();
            let sweep = state.step(0.0);
            assert_eq!((sweep.n_computed, sweep.n_announced), (0, 0));
            assert_eq!(sums, state.sums);
        });
    }
}
