//! The E-step: what every molecule makes of its gene and its neighbors.

use std::sync::atomic::Ordering;

use rayon::prelude::*;

use super::{Moved, State, Sweep, WORD, Work};
use crate::data::ClusterIdx;
use crate::numeric::fast_exp::exp_f32;
use crate::numeric::reduce::BLOCK;

/// Changes of probability above this count as changes (for the trace only).
const VISIBLE_CHANGE: f32 = 1e-7;
/// A molecule whose best cluster is more probable than this is sure of it.
const SURE: f32 = 0.95;

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

/// The part of a sweep that one task writes.
struct Block<'b> {
    /// Its first molecule.
    first: usize,
    proposed: &'b mut [f32],
    announced: &'b mut [u64],
    sure: &'b mut [u64],
}

impl State<'_> {
    /// E-step into `proposed` and `announced`.
    pub(super) fn propose(&mut self, threshold: f32) -> Sweep {
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
}
