//! The M-step: profiles follow the molecules that have changed, and their neighbors are told.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::{Moved, Moves, State, WORD, Work};
use crate::numeric::reduce::BLOCK;

/// Sums of messages are kept as integers, in units of 2^-30.
///
/// METHOD: integer sums are exact. Whatever the order of additions, and however often a molecule
/// was subtracted and added again, the sum is that of the present messages; so updating it by
/// differences neither drifts nor depends on threads. A message is cut by less than 2^-30.
const UNITS: f32 = 1_073_741_824.0;
/// Sure molecules wait until a profile has moved this many times as far.
///
/// METHOD: an entry that moves by a share e moves a probability P by at most e P (1 - P). With P
/// above 0.95 that is a twentieth of e, so the wait costs no more than what others are allowed.
const PATIENCE: f32 = 5.0;
/// A profile entry counts relative to itself, but to no less than this share of the gene's largest.
const MIN_SHARE: f32 = 1e-4;

impl State<'_> {
    /// Takes over what was proposed, updates the sums, and marks the neighbors of announced
    /// molecules as stale, or everyone if `exhaustive`.
    pub(super) fn announce(&mut self, exhaustive: bool) {
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
    pub(super) fn refit_profiles(&mut self, threshold: f32) {
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

    /// Takes over how the profiles of the slide move.
    pub(super) fn move_profiles(&mut self, moves: Moves<'_>) {
        let k = self.k;
        self.moved.fill(Moved::No);
        self.any_moved = !moves.genes.is_empty();
        for ((&gene, &is_far), values) in moves.genes.iter().zip(moves.is_far).zip(moves.values.chunks(k)) {
            let gene = gene as usize;
            self.moved[gene] = if is_far { Moved::Far } else { Moved::Some };
            self.profiles[gene * k..gene * k + k].copy_from_slice(values);
            if is_far {
                self.settled[gene * k..gene * k + k].copy_from_slice(values);
            }
        }
    }

    /// The genes that moved in the last refit: whether far, and their profiles.
    pub fn moves(&self) -> impl Iterator<Item = (u32, bool, &[f32])> {
        let moved = self.moved.iter().zip(self.profiles.chunks(self.k)).enumerate();
        moved
            .filter(|(_, (moved, _))| **moved != Moved::No)
            .map(|(gene, (moved, values))| (gene as u32, *moved == Moved::Far, values))
    }

    /// Sums of messages by cluster, in units.
    fn totals(&self) -> Vec<i64> {
        let mut totals = vec![0; self.k];
        for sums in self.sums.chunks(self.k) {
            totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        }
        totals
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
