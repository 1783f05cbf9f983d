//! Densities of the options of a molecule: the components of its neighbors, and noise.

use super::background::ODDS_SHARE;
use super::cell_prior::CellPrior;
use super::components::{Component, Components};
use super::params::{CLUSTER_PENALTY, Evidence, MIN_LOG_DENSITY, MRF_STRENGTH, Params};
use super::prior_term::PriorTerm;
use super::state::State;
use crate::data::ComponentIdx;
use crate::numeric::elementary::{LnTable, exp, ln};

/// A component that a molecule may join.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// The component.
    pub component: ComponentIdx,
    /// Sum of the edge weights to neighbors in it (W_c).
    pub support: f64,
    /// ln(q_c / c_i): density without the factor "confidence".
    pub log_density: f64,
}

/// Everything that densities depend on, as of the last refit of a state.
///
/// Where segments own cells the densities are those of the [`cell_prior`](super::cell_prior); otherwise those of 0.7.1.
pub(super) struct Densities<'a> {
    assignment: &'a [Option<ComponentIdx>],
    components: &'a Components,
    log_noise_odds: &'a [f32],
    logs: &'a LnTable,
    evidence: &'a Evidence<'a>,
    log_noise_density: f64,
    log_position_density: f64,
    hidden_genes: Option<&'a [bool]>,
    log_cluster_penalty: f64,
    prior_term: Option<PriorTerm>,
    /// Priors of cells, where segments own cells; they take the place of the prior term and the cluster penalty.
    cell_prior: Option<&'a CellPrior>,
    /// The component that the quirk of 0.7.1 spares the cluster penalty.
    spared: Option<ComponentIdx>,
}

impl<'a> Densities<'a> {
    pub fn new(state: &'a State, evidence: &'a Evidence<'a>, params: &Params) -> Self {
        let spared = || {
            let last = (0..state.components.len()).rfind(|&component| state.groups.size(component) > 0);
            last.map(ComponentIdx::new)
        };
        Self {
            assignment: &state.assignment,
            components: &state.components,
            log_noise_odds: &state.log_noise_odds,
            logs: &state.logs,
            evidence,
            log_noise_density: state.log_noise_density,
            log_position_density: state.log_position_density,
            hidden_genes: evidence.compartments.and_then(|compartments| compartments.hidden_genes),
            log_cluster_penalty: ln(CLUSTER_PENALTY),
            prior_term: evidence
                .segments
                .filter(|_| state.cell_prior.is_none())
                .and_then(|_| PriorTerm::new(params.prior_confidence)),
            cell_prior: state.cell_prior.as_ref(),
            spared: params.quirks.spare_last_component.then(spared).flatten(),
        }
    }

    /// The likeliest of some components and noise, with ln of its density; neighbors have no say. `candidates` is room.
    pub fn best_of(
        &self,
        molecule: usize,
        components: &[ComponentIdx],
        candidates: &mut Vec<Candidate>,
    ) -> (f64, Option<ComponentIdx>) {
        candidates.clear();
        let allowed = components.iter().filter(|&&component| !self.is_foreign(molecule, component));
        candidates.extend(allowed.map(|&component| Candidate { component, support: 0.0, log_density: 0.0 }));
        self.weigh_candidates(molecule, candidates);
        let noise = (self.log_noise(molecule, 0.0), None);
        candidates.iter().fold(noise, |best, candidate| {
            if candidate.log_density > best.0 { (candidate.log_density, Some(candidate.component)) } else { best }
        })
    }

    /// ln of the density of a molecule where it is; neighbors have no say.
    pub fn of_own(&self, molecule: usize) -> f64 {
        let Some(component) = self.assignment[molecule] else { return self.log_noise(molecule, 0.0) };
        let mut own = [Candidate { component, support: 0.0, log_density: 0.0 }];
        self.weigh_candidates(molecule, &mut own);
        own[0].log_density
    }

    /// A lower bound of the density of a candidate that is cheap to compute.
    ///
    /// METHOD: the term of a gene is at least 0, or, where segments own cells, that of a cell of the type that has no
    /// molecule of the gene yet.
    #[inline]
    pub fn at_least(&self, molecule: usize, candidate: &Candidate) -> f64 {
        let component = self.components.get(candidate.component);
        match self.cell_prior {
            None => self.log_density_without_gene(molecule, component, candidate),
            Some(prior) => self.least_by_prior(molecule, component, candidate, prior),
        }
    }

    /// Lists the components of the neighbors with the support for each; returns that for noise.
    #[inline]
    pub fn collect_candidates(&self, molecule: usize, candidates: &mut Vec<Candidate>) -> f64 {
        candidates.clear();
        let mut noise_support = 0.0;
        let (neighbors, weights) = self.evidence.graph.neighbors(molecule);
        for (&neighbor, &weight) in neighbors.iter().zip(weights) {
            if weight == 0.0 {
                // Connected, but without a say: see `MoleculeGraph::weaken`.
                continue;
            }
            let weight = f64::from(weight);
            let Some(component) = self.assignment[neighbor as usize] else {
                noise_support += weight;
                continue;
            };
            if self.is_foreign(molecule, component) {
                continue;
            }
            match candidates.iter_mut().find(|candidate| candidate.component == component) {
                Some(candidate) => candidate.support += weight,
                None => candidates.push(Candidate { component, support: weight, log_density: 0.0 }),
            }
        }
        // A nucleus is reached from all of its molecules, also across those that others hold.
        if let Some(owner) = self.owner_for(molecule)
            && candidates.iter().all(|candidate| candidate.component != owner)
        {
            candidates.push(Candidate { component: owner, support: 0.0, log_density: 0.0 });
        }
        noise_support
    }

    /// The living owner of the segment of a molecule, where segments own cells.
    #[inline]
    pub fn owner_for(&self, molecule: usize) -> Option<ComponentIdx> {
        let segment = self.evidence.segments?.segment_of[molecule]?;
        self.cell_prior?.owner(segment)
    }

    /// Whether a molecule may never join a component, which owns another segment than the molecule's.
    #[inline]
    fn is_foreign(&self, molecule: usize, component: ComponentIdx) -> bool {
        self.cell_prior.is_some_and(|prior| prior.is_exclusive)
            && self
                .evidence
                .segments
                .and_then(|segments| segments.segment_of[molecule])
                .is_some_and(|segment| self.components.get(component).owner.is_some_and(|owner| owner != segment))
    }

    /// Sets the densities: ln(n_c N(x) p(g)) + β W_c, the cluster penalty, the prior term.
    #[inline]
    pub fn weigh_candidates(&self, molecule: usize, candidates: &mut [Candidate]) {
        if let Some(prior) = self.cell_prior {
            return self.weigh_by_prior(molecule, candidates, prior);
        }
        let gene = self.evidence.molecules.genes[molecule];
        let is_hidden = self.is_hidden(molecule);
        for candidate in candidates.iter_mut() {
            let component = self.components.get(candidate.component);
            candidate.log_density = self.log_density_without_gene(molecule, component, candidate);
            if !is_hidden {
                candidate.log_density += self.logs.ln(self.components.gene_count(component, gene).max(1));
            }
        }
        if let (Some(prior_term), Some(segments)) = (&self.prior_term, self.evidence.segments)
            && candidates.len() > 1
            && let Some(segment) = segments.segment_of[molecule]
        {
            prior_term.apply(candidates, segment, segments, self.components, self.logs);
        }
    }

    /// Sets the densities where segments own cells; see [`cell_prior`](super::cell_prior).
    #[inline]
    fn weigh_by_prior(&self, molecule: usize, candidates: &mut [Candidate], prior: &CellPrior) {
        let gene = self.evidence.molecules.genes[molecule];
        let is_hidden = self.is_hidden(molecule);
        let owner = self.owner_for(molecule);
        for candidate in candidates.iter_mut() {
            let component = self.components.get(candidate.component);
            let mut log_density =
                component.log_base - 0.5 * self.distance2(molecule, component) + MRF_STRENGTH * candidate.support;
            if !is_hidden {
                // METHOD: a molecule is no evidence of its own.
                let is_member = self.assignment[molecule] == Some(candidate.component);
                let n_others = self.components.gene_count(component, gene).saturating_sub(u32::from(is_member));
                log_density += ln(f64::from(n_others) + prior.types.base(component.cell_type, gene));
                log_density -= if is_member { component.log_composition_of_others } else { component.log_composition };
            }
            if owner.is_some_and(|owner| owner != candidate.component) {
                log_density += prior.log_contradiction;
            }
            candidate.log_density = log_density;
        }
    }

    /// A lower bound of the density where segments own cells: as if the cell had no molecule of the gene yet.
    #[inline]
    fn least_by_prior(&self, molecule: usize, component: &Component, candidate: &Candidate, prior: &CellPrior) -> f64 {
        if self.is_hidden(molecule) || self.owner_for(molecule).is_some_and(|owner| owner != candidate.component) {
            return f64::NEG_INFINITY;
        }
        let gene = self.evidence.molecules.genes[molecule];
        component.log_base - component.log_composition - 0.5 * self.distance2(molecule, component)
            + MRF_STRENGTH * candidate.support
            + prior.types.log_base(component.cell_type, gene)
    }

    /// The squared Mahalanobis distance of a molecule from the center of a component.
    #[inline]
    pub fn distance2(&self, molecule: usize, component: &Component) -> f64 {
        let positions = &self.evidence.molecules.positions;
        let (dx, dy) = (positions.x[molecule] - component.mean[0], positions.y[molecule] - component.mean[1]);
        let [xx, xy, yy, xz, yz, zz] = component.shape.precision;
        let mut distance2 = dx * (xx * dx + 2.0 * xy * dy) + yy * dy * dy;
        if let Some(z) = &positions.z {
            let dz = z[molecule] - component.mean[2];
            distance2 += dz * (zz * dz + 2.0 * (xz * dx + yz * dy));
        }
        distance2
    }

    #[inline]
    fn log_density_without_gene(&self, molecule: usize, component: &Component, candidate: &Candidate) -> f64 {
        let mut log_density =
            component.log_base - 0.5 * self.distance2(molecule, component) + MRF_STRENGTH * candidate.support;
        if self.is_hidden(molecule) {
            log_density += component.log_composition;
        }
        if let Some(clusters) = self.evidence.clusters
            && component.dominant_cluster != Some(clusters[molecule])
            && self.spared != Some(candidate.component)
        {
            log_density += self.log_cluster_penalty;
        }
        log_density
    }

    /// Whether a molecule goes by position only.
    #[inline]
    pub fn is_hidden(&self, molecule: usize) -> bool {
        self.hidden_genes.is_some_and(|hidden| hidden[self.evidence.molecules.genes[molecule].idx()])
    }

    /// ln(q_0 / c_i); minus infinity for a molecule that is real for certain.
    #[inline]
    pub fn log_noise(&self, molecule: usize, noise_support: f64) -> f64 {
        if let Some(prior) = self.cell_prior {
            return self.log_background(molecule, noise_support, prior);
        }
        // METHOD: what goes by position only must do so as noise too, or its gene would speak for cells.
        let density = if self.is_hidden(molecule) { self.log_position_density } else { self.log_noise_density };
        f64::from(self.log_noise_odds[molecule]) + density + MRF_STRENGTH * noise_support
    }

    /// ln(q_0 / c_i) where segments own cells.
    #[inline]
    fn log_background(&self, molecule: usize, noise_support: f64, prior: &CellPrior) -> f64 {
        let mut density = prior.learned.log_background;
        if !self.is_hidden(molecule) {
            density += prior.background.log_share(self.evidence.molecules.genes[molecule]);
        }
        let contradiction = if self.owner_for(molecule).is_some() { prior.log_contradiction } else { 0.0 };
        ODDS_SHARE * f64::from(self.log_noise_odds[molecule]) + density + MRF_STRENGTH * noise_support + contradiction
    }

    /// METHOD: if all densities together, confidence included, are below 1e-100, the molecule is
    /// noise even if noise is no option for it.
    #[cold]
    pub fn nothing_fits(&self, molecule: usize, best: f64, log_noise: f64, candidates: &[Candidate]) -> bool {
        if best == f64::NEG_INFINITY || best.is_nan() {
            return true;
        }
        let log_confidence = ln(f64::from(self.evidence.confidence[molecule]));
        let total: f64 = candidates.iter().map(|candidate| exp(candidate.log_density - best)).sum();
        best + ln(total + exp(log_noise - best)) + log_confidence < MIN_LOG_DENSITY
    }
}
