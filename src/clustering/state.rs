//! What the iterations of the clustering change, and the two steps that change it.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use crate::data::{ClusterIdx, GeneIdx};
use crate::graph::MoleculeGraph;
use crate::numeric::fast_exp::exp_f32;
use crate::numeric::reduce::BLOCK;

/// Molecules per word of a bit set.
const WORD: usize = 64;
/// Changes of probability above this count as changes (for the trace only).
const VISIBLE_CHANGE: f32 = 1e-7;
/// If more than one in so many molecules announced a change, all are recomputed.
const FEW: usize = 3;
/// Sums of messages are kept as integers, in units of 2^-30.
///
/// METHOD: integer sums are exact. Whatever the order of additions, and however often a molecule
/// was subtracted and added again, the sum is that of the present messages; so updating it by
/// differences neither drifts nor depends on threads. A message is off by at most 2^-31.
const UNITS: f32 = 1_073_741_824.0;
/// A molecule whose best cluster is more probable than this is sure of it.
const SURE: f32 = 0.95;
/// Sure molecules wait until a profile has moved this many times as far.
///
/// METHOD: an entry that moves by a share e moves a probability P by at most e P (1 - P). With P
/// above 0.95 that is a twentieth of e, so the wait costs no more than what others are allowed.
const PATIENCE: f32 = 5.0;
/// A profile entry counts relative to itself, but to no less than this share of the gene's largest.
const MIN_SHARE: f32 = 1e-4;

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

/// The part of a sweep that one task writes.
struct Block<'b> {
    /// Its first molecule.
    first: usize,
    proposed: &'b mut [f32],
    announced: &'b mut [u64],
    sure: &'b mut [u64],
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

/// Calls `$call` with a zeroed buffer of `$k` numbers: an array for few clusters, so that the
/// compiler unrolls the loops over it.
macro_rules! with_buffer {
    ($k:expr, |$buffer:ident| $call:expr) => {
        match $k {
            2 => {
                let $buffer = &mut [0f32; 2];
                $call
            }
            3 => {
                let $buffer = &mut [0f32; 3];
                $call
            }
            4 => {
                let $buffer = &mut [0f32; 4];
                $call
            }
            5 => {
                let $buffer = &mut [0f32; 5];
                $call
            }
            6 => {
                let $buffer = &mut [0f32; 6];
                $call
            }
            8 => {
                let $buffer = &mut [0f32; 8];
                $call
            }
            k => {
                let $buffer = &mut vec![0f32; k][..];
                $call
            }
        }
    };
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
        // With all messages 0, and a graph that is thereby mute, the E-step gives the start.
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
        let exhaustive = threshold < 0.0 || sweep.n_announced * FEW > self.data.genes.len();
        self.announce(exhaustive);
        self.refit_profiles(threshold);
        sweep
    }

    /// E-step into `proposed` and `announced`.
    fn propose(&mut self, threshold: f32) -> Sweep {
        let take = |bits: &mut Vec<u64>| std::mem::take(bits);
        let (mut announced, mut sure) = (take(&mut self.announced), take(&mut self.sure));
        let mut proposed = std::mem::take(&mut self.proposed);
        let sweep = proposed
            .par_chunks_mut(BLOCK * self.k)
            .zip(announced.par_chunks_mut(BLOCK / WORD))
            .zip(sure.par_chunks_mut(BLOCK / WORD))
            .enumerate()
            .map(|(index, ((proposed, announced), sure))| {
                let block = Block { first: index * BLOCK, proposed, announced, sure };
                with_buffer!(self.k, |buffer| self.propose_block(block, threshold, buffer))
            })
            .reduce(Sweep::default, Sweep::and);
        (self.proposed, self.announced, self.sure) = (proposed, announced, sure);
        sweep
    }

    /// `buffer` has the length k; inlined for each of its constant lengths.
    #[inline(always)]
    fn propose_block(&self, block: Block<'_>, threshold: f32, buffer: &mut [f32]) -> Sweep {
        let k = buffer.len();
        let mut sweep = Sweep::default();
        for (word, (announced, sure)) in block.announced.iter_mut().zip(block.sure).enumerate() {
            let first = block.first + word * WORD;
            let mut left = self.to_compute(first, *sure);
            *announced = 0;
            *sure &= !left;
            sweep.n_computed += left.count_ones() as usize;
            while left != 0 {
                let bit = left.trailing_zeros() as usize;
                left &= left - 1;
                let molecule = first + bit;
                self.posterior(molecule, buffer);
                let confidence = self.data.confidence[molecule];
                let old = &self.messages[molecule * k..molecule * k + k];
                let new = &mut block.proposed[(word * WORD + bit) * k..(word * WORD + bit) * k + k];
                let (mut change, mut best) = (0f32, 0f32);
                for ((new, old), &probability) in new.iter_mut().zip(old).zip(&*buffer) {
                    *new = confidence * probability;
                    change = change.max((*new - old).abs());
                    best = best.max(probability);
                }
                sweep.max_change = sweep.max_change.max(change);
                sweep.n_changed += usize::from(change > VISIBLE_CHANGE);
                *announced |= u64::from(change > threshold) << bit;
                *sure |= u64::from(best > SURE) << bit;
            }
            sweep.n_announced += announced.count_ones() as usize;
        }
        sweep
    }

    /// Which of the 64 molecules from `first` on are to be computed; `sure` are sure of their cluster.
    #[inline]
    fn to_compute(&self, first: usize, sure: u64) -> u64 {
        let n_here = (self.data.genes.len() - first).min(WORD);
        let all = u64::MAX >> (WORD - n_here);
        let stale = self.stale[first / WORD].swap(0, Ordering::Relaxed);
        if self.work == Work::All {
            return all;
        }
        if !self.any_moved {
            return stale;
        }
        let genes = &self.data.genes[first..first + n_here];
        let (mut some, mut far) = (0, 0);
        for (bit, gene) in genes.iter().enumerate() {
            let moved = self.moved[gene.idx()];
            some |= u64::from(moved != Moved::No) << bit;
            far |= u64::from(moved == Moved::Far) << bit;
        }
        stale | (some & !sure) | far
    }

    /// Probabilities of a molecule's clusters, given the messages of its neighbors:
    /// `P[k] ~ E[k, g] exp(sum_j w_j c_j P_j[k])`; equal ones if the profiles know nothing of the gene.
    ///
    /// DIFFERS: 0.7.1 leaves out neighbors whose probability is below 1e-5, which saves nothing here.
    #[inline(always)]
    fn posterior(&self, molecule: usize, probabilities: &mut [f32]) {
        let k = probabilities.len();
        probabilities.fill(0.0);
        let (neighbors, weights) = self.data.graph.neighbors(molecule);
        for (&neighbor, &weight) in neighbors.iter().zip(weights) {
            let message = &self.messages[neighbor as usize * k..neighbor as usize * k + k];
            for (sum, value) in probabilities.iter_mut().zip(message) {
                *sum += weight * value;
            }
        }
        // METHOD: without the largest exponent nothing overflows, and nothing that counts vanishes.
        let largest = probabilities.iter().fold(0f32, |top, &value| if value > top { value } else { top });
        let gene = self.data.genes[molecule].idx();
        let profile = &self.profiles[gene * k..gene * k + k];
        let mut total = 0f32;
        for (value, share) in probabilities.iter_mut().zip(profile) {
            *value = share * exp_f32(*value - largest);
            total += *value;
        }
        if total > f32::MIN_POSITIVE {
            let factor = 1.0 / total;
            probabilities.iter_mut().for_each(|value| *value *= factor);
        } else {
            probabilities.fill(1.0 / k as f32);
        }
    }

    /// Takes over what was proposed, updates the sums, and marks the neighbors of announced
    /// molecules as stale, or everyone if `exhaustive`.
    fn announce(&mut self, exhaustive: bool) {
        let k = self.k;
        // Sums are exact: the number of parts may depend on that of threads.
        let n_blocks = self.data.genes.len().div_ceil(BLOCK);
        let part = n_blocks.div_ceil(2 * rayon::current_num_threads()).max(1) * BLOCK;
        let (data, announced, proposed, stale, n_sums) =
            (self.data, &self.announced, &self.proposed, &self.stale, self.sums.len());
        let sums = self
            .messages
            .par_chunks_mut(part * k)
            .enumerate()
            .map(|(index, messages)| {
                let mut sums = vec![0i64; n_sums];
                let first = index * part;
                let n_here = messages.len() / k;
                for word in 0..n_here.div_ceil(WORD) {
                    let mut left = announced[first / WORD + word];
                    while left != 0 {
                        let bit = left.trailing_zeros() as usize;
                        left &= left - 1;
                        let local = word * WORD + bit;
                        let molecule = first + local;
                        let gene = data.genes[molecule].idx();
                        let new = &proposed[molecule * k..molecule * k + k];
                        let old = &mut messages[local * k..local * k + k];
                        for ((sum, old), new) in sums[gene * k..gene * k + k].iter_mut().zip(old).zip(new) {
                            *sum += i64::from(in_units(*new)) - i64::from(in_units(*old));
                            *old = *new;
                        }
                        if !exhaustive {
                            mark(stale, data.graph.neighbors(molecule).0);
                        }
                    }
                }
                sums
            })
            .reduce_with(|mut left, right| {
                left.iter_mut().zip(right).for_each(|(sum, part)| *sum += part);
                left
            });
        for (sum, change) in self.sums.iter_mut().zip(sums.unwrap_or_default()) {
            *sum += change;
        }
        self.work = if exhaustive { Work::All } else { Work::Stale };
    }

    /// M-step: `E[k, g] = (S[k, g] + 1) / (sum_h S[k, h] + 1)`, for the genes where that moves an
    /// entry by more than `threshold`, relatively.
    ///
    /// KEEPS: the denominator adds 1, not the number of genes, so profiles sum to a little over 1.
    fn refit_profiles(&mut self, threshold: f32) {
        let totals = self.totals();
        let k = self.k;
        self.any_moved = false;
        let mut fresh = vec![0f32; k];
        let known = self.profiles.chunks_mut(k).zip(self.settled.chunks_mut(k)).zip(&mut self.moved);
        for (((profile, settled), moved), sums) in known.zip(self.sums.chunks(k)) {
            for ((value, &sum), &total) in fresh.iter_mut().zip(sums).zip(&totals) {
                *value = ((in_molecules(sum) + 1.0) / (in_molecules(total) + 1.0)) as f32;
            }
            *moved = if differ(&fresh, settled, PATIENCE * threshold) {
                settled.copy_from_slice(&fresh);
                Moved::Far
            } else if differ(&fresh, profile, threshold) {
                Moved::Some
            } else {
                Moved::No
            };
            if *moved != Moved::No {
                profile.copy_from_slice(&fresh);
                self.any_moved = true;
            }
        }
    }

    /// Sums of messages by cluster, in units.
    fn totals(&self) -> Vec<i64> {
        let mut totals = vec![0; self.k];
        for sums in self.sums.chunks(self.k) {
            totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        }
        totals
    }

    /// Sees to it that the next step computes every molecule, with profiles up to date.
    pub fn wake_all(&mut self) {
        self.refit_profiles(0.0);
        self.work = Work::All;
    }

    /// The most probable cluster of every molecule (of equal ones the first), and the largest
    /// change (times confidence) that computing every molecule once more would make.
    pub fn most_probable(&self) -> (Vec<ClusterIdx>, f32) {
        let mut clusters = vec![ClusterIdx::new(0); self.data.genes.len()];
        let change = clusters
            .par_chunks_mut(BLOCK)
            .enumerate()
            .map(|(block, clusters)| with_buffer!(self.k, |buffer| self.most_probable_of(block, clusters, buffer)))
            .reduce(|| 0.0, f32::max);
        (clusters, change)
    }

    #[inline(always)]
    fn most_probable_of(&self, block: usize, clusters: &mut [ClusterIdx], buffer: &mut [f32]) -> f32 {
        let k = buffer.len();
        let mut max_change = 0f32;
        for (local, cluster) in clusters.iter_mut().enumerate() {
            let molecule = block * BLOCK + local;
            self.posterior(molecule, buffer);
            let message = &self.messages[molecule * k..molecule * k + k];
            let mut best = 0;
            for (candidate, (value, old)) in buffer.iter().zip(message).enumerate() {
                max_change = max_change.max((self.data.confidence[molecule] * value - old).abs());
                if *value > buffer[best] {
                    best = candidate;
                }
            }
            *cluster = ClusterIdx::new(best);
        }
        max_change
    }

    /// Shares of genes among the (confidence-weighted) molecules of each cluster, `[k * n_genes]`,
    /// one profile after another; zeros for a cluster without molecules.
    pub fn shares(&self) -> Vec<f64> {
        let totals = self.totals();
        let n_genes = self.data.n_genes;
        let share = |at: usize| {
            let (cluster, gene) = (at / n_genes, at % n_genes);
            let total = totals[cluster];
            if total > 0 { self.sums[gene * self.k + cluster] as f64 / total as f64 } else { 0.0 }
        };
        (0..n_genes * self.k).map(share).collect()
    }
}

/// True if an entry differs by more than `threshold`, relatively.
fn differ(fresh: &[f32], known: &[f32], threshold: f32) -> bool {
    let floor = MIN_SHARE * known.iter().copied().fold(0.0, f32::max);
    fresh.iter().zip(known).any(|(new, old)| (new - old).abs() > threshold * (old + floor))
}

#[inline(always)]
fn in_units(message: f32) -> i32 {
    (message * UNITS) as i32
}

fn in_molecules(sum: i64) -> f64 {
    sum as f64 / f64::from(UNITS)
}

/// Sets the bits of `molecules`. Bits are only set, so the order does not matter.
#[inline]
fn mark(bits: &[AtomicU64], molecules: &[u32]) {
    for &molecule in molecules {
        let (word, bit) = (&bits[molecule as usize / WORD], 1 << (molecule as usize % WORD));
        // Looking is cheap, writing to a shared place is not.
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
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
