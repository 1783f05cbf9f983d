//! Molecules that are not locked take after their neighbors.

use rayon::prelude::*;

use super::start::Start;
use super::{Compartment, Compartments, Probabilities};
use crate::data::Change;
use crate::graph::MoleculeGraph;
use crate::numeric::fast_exp::exp_f32;

/// Iterations at most.
const MAX_ITERATIONS: usize = 500;
/// Iterations end when no probability (times confidence) changed by so much in the last of them.
const TOLERANCE: f32 = 0.01;
/// How many iterations must all have been calm.
const WINDOW: usize = 21;
/// Share of the new value in an update.
const STEP: f32 = 0.5;
/// A change so small is none.
const UNCHANGED: f32 = 1e-7;
/// Molecules per block of parallel work.
const BLOCK: usize = 2048;

/// Iterates q_r = exp(Σ_j w_ij c_j P_rj), normalised over compartments r, for all molecules that
/// are not locked and have neighbors.
///
/// KEEPS: neither a molecule's own gene nor its last value counts; the rule for the end.
///
/// DIFFERS: all molecules move at once, from the probabilities of the last iteration, and half of
/// the way. 0.7.1 goes through them one by one in the order of the table, so that its result
/// depends on that order and no second thread can help. Half of the way, as molecules that all
/// copy their neighbors at once may swap values for ever.
pub fn propagate(start: Start, graph: &MoleculeGraph, confidence: &[f32]) -> Compartments {
    let Start { mut probabilities, is_locked } = start;
    let mut next = probabilities.clone();
    let (mut trace, mut n_calm) = (Vec::new(), 0);
    while trace.len() < MAX_ITERATIONS && n_calm < WINDOW {
        let change = step(&probabilities, &mut next, &is_locked, graph, confidence);
        std::mem::swap(&mut probabilities, &mut next);
        n_calm = if change.largest < TOLERANCE { n_calm + 1 } else { 0 };
        trace.push(change);
    }
    let last_change = trace.last().map_or(0.0, |change| change.largest);
    let compartment_of = probabilities.par_iter().map(most_probable).collect();
    Compartments {
        compartment_of,
        probabilities,
        n_iterations: trace.len(),
        last_change,
        converged: n_calm >= WINDOW,
        trace,
    }
}

/// One iteration; tells the largest change times confidence, and how many molecules changed at all.
fn step(
    now: &[Probabilities],
    next: &mut [Probabilities],
    is_locked: &[bool],
    graph: &MoleculeGraph,
    confidence: &[f32],
) -> Change {
    let block_changes = next.par_chunks_mut(BLOCK).enumerate().map(|(index, next)| {
        let first = index * BLOCK;
        let (mut largest, mut n_changed) = (0f32, 0u32);
        for (local, next) in next.iter_mut().enumerate() {
            let molecule = first + local;
            let (neighbors, weights) = graph.neighbors(molecule);
            *next = now[molecule];
            if is_locked[molecule] || neighbors.is_empty() {
                continue;
            }
            let wanted = by_neighbors(neighbors, weights, now, confidence);
            let mut change = 0f32;
            for (value, wanted) in next.iter_mut().zip(wanted) {
                let difference = STEP * (wanted - *value);
                *value += difference;
                change = change.max(confidence[molecule] * difference.abs());
            }
            largest = largest.max(change);
            n_changed += u32::from(change > UNCHANGED);
        }
        (largest, n_changed)
    });
    // A maximum and a whole number: the order of the blocks does not matter.
    let (largest, n_changed) = block_changes.reduce(|| (0.0, 0), |a, b| (a.0.max(b.0), a.1 + b.1));
    Change { largest, share: n_changed as f32 / now.len().max(1) as f32 }
}

/// What the neighbors of a molecule make of it.
fn by_neighbors(neighbors: &[u32], weights: &[f32], now: &[Probabilities], confidence: &[f32]) -> Probabilities {
    let mut logs = [0f32; 3];
    for (&neighbor, &weight) in neighbors.iter().zip(weights) {
        let weight = weight * confidence[neighbor as usize];
        for (log, probability) in logs.iter_mut().zip(now[neighbor as usize]) {
            *log += weight * probability;
        }
    }
    let largest = logs[0].max(logs[1]).max(logs[2]);
    let densities = logs.map(|log| exp_f32(log - largest));
    let total = densities[0] + densities[1] + densities[2];
    densities.map(|density| density / total)
}

fn most_probable(probabilities: &Probabilities) -> Compartment {
    let [nucleus, cytoplasm, neither] = *probabilities;
    if nucleus >= cytoplasm && nucleus >= neither {
        Compartment::Nuclei
    } else if cytoplasm >= neither {
        Compartment::Cyto
    } else {
        Compartment::Unknown
    }
}
