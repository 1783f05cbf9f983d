//! The evidence that molecules are one cell.
//!
//! METHOD: the marginal likelihood of their places ([`size_prior`](super::size_prior)), of their number
//! ([`abundance`](super::abundance)) and of their genes ([`cell_types`](super::cell_types)), times the density of cells:
//! one per area of a typical cell.

use super::cell_prior::CellPrior;
use super::params::Evidence;
use super::shape::{self, Symmetric};
use super::state::State;
use crate::data::{ComponentIdx, GeneIdx};

/// Computes the evidence of cells; holds room for counting genes.
pub struct Weigher<'a> {
    prior: &'a CellPrior,
    state: &'a State,
    evidence: &'a Evidence<'a>,
    n_dims: usize,
    hidden_genes: Option<&'a [bool]>,
    /// Molecules by gene of the cell at hand, 0 between two calls. `[n_genes]`
    count_of: Vec<u32>,
    counts: Vec<(GeneIdx, u32)>,
    /// The evidence of whole components that was asked for, by component.
    of_components: Vec<Option<f64>>,
}

impl<'a> Weigher<'a> {
    /// What weighs cells of a state by the priors of its last refit.
    pub fn new(prior: &'a CellPrior, state: &'a State, evidence: &'a Evidence<'a>) -> Self {
        Self {
            prior,
            state,
            evidence,
            n_dims: evidence.molecules.positions.n_dims(),
            hidden_genes: evidence.compartments.and_then(|compartments| compartments.hidden_genes),
            count_of: vec![0; evidence.molecules.n_genes],
            counts: Vec::new(),
            of_components: vec![None; state.components.len()],
        }
    }

    /// ln of the evidence of a component as it is, computed once.
    pub fn of_component(&mut self, component: ComponentIdx) -> f64 {
        if let Some(known) = self.of_components[component.idx()] {
            return known;
        }
        let log_evidence = self.log_evidence(&[self.state.groups.members(component.idx())]);
        self.of_components[component.idx()] = Some(log_evidence);
        log_evidence
    }

    /// Components with edges to a component, most edges first; of equal ones the first. Without those `left_out`.
    pub fn neighbors(&self, component: usize, left_out: &[bool]) -> Vec<ComponentIdx> {
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
    pub fn log_evidence(&mut self, parts: &[&[u32]]) -> f64 {
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
