//! Cells without a prior segment: merged with a neighbor, or dissolved, where the evidence is for that.
//!
//! METHOD: a component without an owner is compared with two other explanations of the same molecules. *Merged*: they
//! belong to one neighbor. *Dissolved*: each belongs to whichever neighbor, or the background, suits it best. A neighbor is
//! weighed with all that it would get, so that it may be of another shape then. What is compared is the evidence of whole
//! cells ([`cell_evidence`](super::cell_evidence)) times, for cells without a segment, their number per cell with one, see
//! [`Learned::free_share`](super::cell_prior::Learned). The likeliest explanation wins. Nothing is drawn.
//!
//! DIFFERS: in 0.7.1 components end only when their molecules leave them one by one, so that cells stay divided where
//! two halves of a cell both are good places for a molecule.

use super::cell_evidence::Weigher;
use super::densities::Densities;
use super::params::{Evidence, FreeCells, Params};
use super::state::State;
use crate::data::ComponentIdx;
use crate::numeric::elementary::ln;

/// Iterations between two comparisons.
pub const COMPARE_EVERY: usize = 20;
/// Neighbors that a cell may be merged with: those with most edges to it.
const MAX_MERGE: usize = 4;
/// Neighbors that its molecules may go to when it is dissolved.
const MAX_DISSOLVE: usize = 8;
/// With [`FreeCells::Strict`]: ln of the further doubt per molecule.
pub(super) const STRICT_DOUBT: f64 = 1.0;

/// Ends components without an owner where the evidence is against them; returns how many.
///
/// In order of the components; what took part in a change has to wait for the next time. Regroup the state afterwards.
pub fn end_unlikely(state: &mut State, evidence: &Evidence<'_>, params: &Params) -> usize {
    let Some(prior) = &state.cell_prior else { return 0 };
    let doubt = match params.owners.map(|owners| owners.free_cells) {
        Some(FreeCells::Strict) => STRICT_DOUBT,
        _ => 0.0,
    };
    let mut weigher = Weigher::new(prior, state, evidence);
    let densities = Densities::new(state, evidence, params);
    let mut candidates = Vec::new();
    let mut took_part = vec![false; state.components.len()];
    let mut moves: Vec<(u32, Option<ComponentIdx>)> = Vec::new();
    let mut n_ended = 0;
    for component in 0..state.components.len() {
        let members = state.groups.members(component);
        if members.is_empty() || state.components.list[component].owner.is_some() || took_part[component] {
            continue;
        }
        let neighbors = weigher.neighbors(component, &took_part);
        let log_share = ln(prior.learned.free_share) - doubt * members.len() as f64;
        let alone = weigher.log_evidence(&[members]) + log_share;
        let mut best_merge: Option<(f64, ComponentIdx)> = None;
        for &neighbor in neighbors.iter().take(MAX_MERGE) {
            let others = state.groups.members(neighbor.idx());
            let gain = weigher.log_evidence(&[members, others]) - weigher.of_component(neighbor) - alone;
            if best_merge.is_none_or(|(most, _)| gain > most) {
                best_merge = Some((gain, neighbor));
            }
        }
        let merge_gain = best_merge.map_or(f64::NEG_INFINITY, |best| best.0);
        let takers = &neighbors[..neighbors.len().min(MAX_DISSOLVE)];
        let start = moves.len();
        let mut dissolve_gain = -alone;
        for &molecule in members {
            let (log_density, to) = densities.best_of(molecule as usize, takers, &mut candidates);
            if to.is_none() {
                dissolve_gain += log_density;
            }
            moves.push((molecule, to));
        }
        moves[start..].sort_unstable_by_key(|&(molecule, to)| (to, molecule));
        for taken in moves[start..].chunk_by(|a, b| a.1 == b.1) {
            if let Some(taker) = taken[0].1 {
                let others = state.groups.members(taker.idx());
                let added: Vec<u32> = taken.iter().map(|&(molecule, _)| molecule).collect();
                dissolve_gain += weigher.log_evidence(&[others, &added]) - weigher.of_component(taker);
            }
        }
        if dissolve_gain > 0.0 && dissolve_gain > merge_gain {
            takers.iter().for_each(|taker| took_part[taker.idx()] = true);
        } else {
            moves.truncate(start);
            let Some((_, neighbor)) = best_merge.filter(|_| merge_gain > 0.0) else { continue };
            moves.extend(members.iter().map(|&molecule| (molecule, Some(neighbor))));
            took_part[neighbor.idx()] = true;
        }
        took_part[component] = true;
        n_ended += 1;
    }
    for (molecule, to) in moves {
        state.assignment[molecule as usize] = to;
    }
    n_ended
}
