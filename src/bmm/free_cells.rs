//! Cells without a prior segment: merged with a neighbor, or dissolved, where the evidence is for that.
//!
//! METHOD: a component without an owner is compared with two other explanations of the same molecules. *Merged*: they
//! belong to one neighbor. *Dissolved*: each belongs to whichever neighbor, or the background, suits it best. The evidence
//! of a cell is the marginal likelihood of its places ([`size_prior`](super::size_prior)), of its number of molecules
//! ([`abundance`](super::abundance)) and of its genes ([`cell_types`](super::cell_types)), times the density of cells: one
//! per area of a typical cell, times, for cells without a segment, their number per cell with one, see
//! [`Learned::free_share`](super::cell_prior::Learned). The likeliest explanation wins. Nothing is drawn.
//!
//! DIFFERS: in 0.7.1 components end only when their molecules leave them one by one, so that cells stay divided where
//! two halves of a cell both are good places for a molecule.

use super::cell_prior::CellPrior;
use super::densities::Densities;
use super::params::{Evidence, FreeCells, Params};
use super::shape::{self, Symmetric};
use super::state::State;
use crate::data::{ComponentIdx, GeneIdx};
use crate::numeric::elementary::ln;

/// Iterations between two comparisons.
pub const COMPARE_EVERY: usize = 20;
/// Neighbors that a cell may be merged with: those with most edges to it.
const MAX_MERGE: usize = 4;
/// Neighbors that its molecules may go to when it is dissolved.
const MAX_DISSOLVE: usize = 8;
/// With [`FreeCells::Strict`]: ln of the further doubt per molecule.
const STRICT_DOUBT: f64 = 1.0;

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
            let gain = weigher.log_evidence(&[members, others]) - weigher.log_evidence(&[others]) - alone;
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
            dissolve_gain += log_density;
            moves.push((molecule, to));
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

/// Computes the evidence of cells; holds room for counting genes.
struct Weigher<'a> {
    prior: &'a CellPrior,
    state: &'a State,
    evidence: &'a Evidence<'a>,
    n_dims: usize,
    hidden_genes: Option<&'a [bool]>,
    /// Molecules by gene of the cell at hand, 0 between two calls. `[n_genes]`
    count_of: Vec<u32>,
    counts: Vec<(GeneIdx, u32)>,
}

impl<'a> Weigher<'a> {
    fn new(prior: &'a CellPrior, state: &'a State, evidence: &'a Evidence<'a>) -> Self {
        Self {
            prior,
            state,
            evidence,
            n_dims: evidence.molecules.positions.n_dims(),
            hidden_genes: evidence.compartments.and_then(|compartments| compartments.hidden_genes),
            count_of: vec![0; evidence.molecules.n_genes],
            counts: Vec::new(),
        }
    }

    /// Components with edges to a component, most edges first; of equal ones the first. Without those `left_out`.
    fn neighbors(&self, component: usize, left_out: &[bool]) -> Vec<ComponentIdx> {
        let members = self.state.groups.members(component);
        let around = |&molecule: &u32| self.evidence.graph.neighbors(molecule as usize).0;
        let mut linked: Vec<ComponentIdx> = members
            .iter()
            .flat_map(around)
            .filter_map(|&molecule| self.state.assignment[molecule as usize])
            .filter(|other| other.idx() != component && !left_out[other.idx()])
            .collect();
        linked.sort_unstable();
        let mut by_edges: Vec<(usize, ComponentIdx)> =
            linked.chunk_by(|a, b| a == b).map(|run| (run.len(), run[0])).collect();
        by_edges.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        by_edges.into_iter().map(|(_, other)| other).collect()
    }

    /// ln of the evidence that all molecules of some parts are one cell, the density of cells included.
    fn log_evidence(&mut self, parts: &[&[u32]]) -> f64 {
        let n: usize = parts.iter().map(|part| part.len()).sum();
        let covariance = self.covariance(parts, n);
        self.count_genes(parts);
        let learned = &self.prior.learned;
        learned.sizes.log_evidence(covariance, n as u32, self.n_dims) - learned.sizes.log_volume(self.n_dims)
            + learned.abundance.log_evidence(n as f64)
            + self.prior.types.log_evidence(&self.counts)
    }

    fn covariance(&self, parts: &[&[u32]], n: usize) -> Symmetric {
        let positions = &self.evidence.molecules.positions;
        let points = || parts.iter().flat_map(|part| part.iter().map(|&molecule| positions.at(molecule as usize)));
        let mut mean = [0.0; 3];
        for at in points() {
            mean.iter_mut().zip(at).for_each(|(sum, value)| *sum += value);
        }
        shape::covariance_around(mean.map(|sum| sum / n as f64), points())
    }

    fn count_genes(&mut self, parts: &[&[u32]]) {
        let genes = &self.evidence.molecules.genes;
        self.counts.clear();
        for &molecule in parts.iter().flat_map(|part| part.iter()) {
            let gene = genes[molecule as usize];
            if self.hidden_genes.is_some_and(|hidden| hidden[gene.idx()]) {
                continue;
            }
            if self.count_of[gene.idx()] == 0 {
                self.counts.push((gene, 0));
            }
            self.count_of[gene.idx()] += 1;
        }
        for (gene, count) in &mut self.counts {
            *count = std::mem::take(&mut self.count_of[gene.idx()]);
        }
    }
}
