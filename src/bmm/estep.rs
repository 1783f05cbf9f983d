//! The E-step: every molecule draws a component among those of its neighbors, or noise.

use rayon::prelude::*;

use super::background::ODDS_SHARE;
use super::cell_prior::CellPrior;
use super::components::{Component, Components};
use super::params::{CLUSTER_PENALTY, Choice, Evidence, MIN_LOG_DENSITY, MRF_STRENGTH, Params};
use super::prior_term::PriorTerm;
use super::state::State;
use crate::data::ComponentIdx;
use crate::numeric::draws::IterationDraws;
use crate::numeric::elementary::{LnTable, exp, ln};

/// Molecules per block of parallel work.
const BLOCK: usize = 1024;
/// Options this much less likely (in logs) than the best one are never drawn: a draw has 53 bits.
const NEGLIGIBLE: f64 = 40.0;
/// Above this log density the rule "nothing fits" cannot apply, whatever the confidence.
const SURELY_FITS: f64 = -100.0;

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

/// Draws the next assignment of all molecules from the current one; returns how many changed.
///
/// Parallel over fixed blocks of molecules. Source: Baysor 0.7.1 `expect_dirichlet_spatial!`,
/// in the log domain.
///
/// DIFFERS: the cluster penalty holds for every component; 0.7.1 spares the last one.
pub fn propose(state: &mut State, evidence: &Evidence<'_>, params: &Params, draws: IterationDraws) -> usize {
    let mut proposal = std::mem::take(&mut state.proposal);
    let current: &State = state;
    let step = EStep::new(current, evidence, params, draws);
    let n_changed = proposal
        .par_chunks_mut(BLOCK)
        .zip(current.assignment.par_chunks(BLOCK))
        .enumerate()
        .map_init(Vec::new, |candidates, (index, (proposal, assignment))| {
            let first = index * BLOCK;
            let mut n_changed = 0;
            for (local, (proposed, now)) in proposal.iter_mut().zip(assignment).enumerate() {
                *proposed = step.choose(first + local, candidates);
                n_changed += usize::from(proposed != now);
            }
            n_changed
        })
        .sum();
    state.proposal = std::mem::replace(&mut state.assignment, proposal);
    n_changed
}

/// ln of the densities of all options of one molecule, confidence included: noise (minus infinity
/// if it is no option), then the candidate components in the order in which neighbors name them.
pub fn log_densities(
    state: &State,
    evidence: &Evidence<'_>,
    params: &Params,
    molecule: usize,
) -> (f64, Vec<(ComponentIdx, f64)>) {
    let draws = crate::numeric::draws::Draws::new(0, crate::numeric::draws::Stream::Assignment).at(0);
    let step = EStep::new(state, evidence, params, draws);
    let mut candidates = Vec::new();
    let noise_support = step.collect_candidates(molecule, &mut candidates);
    step.weigh_candidates(molecule, &mut candidates);
    let log_confidence = ln(f64::from(evidence.confidence[molecule]));
    let options = candidates.iter().map(|c| (c.component, c.log_density + log_confidence)).collect();
    (step.log_noise(molecule, noise_support) + log_confidence, options)
}

/// Where a molecule would go if its component ended: for [`free_cells`](super::free_cells).
pub struct Joining<'a> {
    step: EStep<'a>,
    candidates: Vec<Candidate>,
}

impl<'a> Joining<'a> {
    /// Asks the state as of its last refit.
    pub fn new(state: &'a State, evidence: &'a Evidence<'a>, params: &Params) -> Self {
        let draws = crate::numeric::draws::Draws::new(0, crate::numeric::draws::Stream::Assignment).at(0);
        Self { step: EStep::new(state, evidence, params, draws), candidates: Vec::new() }
    }

    /// The likeliest of some components and noise, with ln of its density; neighbors have no say.
    pub fn best(&mut self, molecule: usize, heirs: &[ComponentIdx]) -> (f64, Option<ComponentIdx>) {
        let Self { step, candidates } = self;
        candidates.clear();
        let may_join = heirs.iter().filter(|&&heir| !step.is_foreign(molecule, heir));
        candidates.extend(may_join.map(|&component| Candidate { component, support: 0.0, log_density: 0.0 }));
        step.weigh_candidates(molecule, candidates);
        let noise = (step.log_noise(molecule, 0.0), None);
        candidates.iter().fold(noise, |best, candidate| {
            if candidate.log_density > best.0 { (candidate.log_density, Some(candidate.component)) } else { best }
        })
    }
}

/// Everything an E-step reads.
struct EStep<'a> {
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
    /// Whether a molecule never leaves the owner of its segment.
    is_locked: bool,
    choice: Choice,
    draws: IterationDraws,
}

impl<'a> EStep<'a> {
    fn new(state: &'a State, evidence: &'a Evidence<'a>, params: &Params, draws: IterationDraws) -> Self {
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
            is_locked: params.prior_confidence >= 1.0,
            choice: params.choice,
            draws,
        }
    }

    fn choose(&self, molecule: usize, candidates: &mut Vec<Candidate>) -> Option<ComponentIdx> {
        if let Some(owner) = self.locked_to(molecule) {
            return Some(owner);
        }
        let noise_support = self.collect_candidates(molecule, candidates);
        if candidates.is_empty() {
            return None;
        }
        let uniform = self.draws.uniform(u64::from(self.evidence.molecules.ids[molecule]));
        let log_noise = self.log_noise(molecule, noise_support);
        if let ([only], Choice::Draw) = (&candidates[..], self.choice) {
            // METHOD: a gene's term is at least 0, or that of its type, so this is a lower bound; mostly it settles the
            // draw.
            let component = self.components.get(only.component);
            let at_least = match self.cell_prior {
                None => self.log_density_without_gene(molecule, component, only),
                Some(prior) => self.least_by_prior(molecule, component, only, prior),
            };
            if at_least > SURELY_FITS && surely_not_noise(uniform, at_least - log_noise) {
                return Some(only.component);
            }
        }
        self.weigh_candidates(molecule, candidates);
        let best = candidates.iter().fold(log_noise, |best, candidate| best.max(candidate.log_density));
        if best < SURELY_FITS && self.nothing_fits(molecule, best, log_noise, candidates) {
            return None;
        }
        match self.choice {
            Choice::Draw => draw(uniform, best, log_noise, candidates),
            Choice::Argmax => {
                let densest = candidates.iter().find(|candidate| candidate.log_density == best);
                densest.filter(|_| log_noise < best).map(|candidate| candidate.component)
            }
        }
    }

    /// Lists the components of the neighbors with the support for each; returns that for noise.
    #[inline]
    fn collect_candidates(&self, molecule: usize, candidates: &mut Vec<Candidate>) -> f64 {
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
    fn owner_for(&self, molecule: usize) -> Option<ComponentIdx> {
        let segment = self.evidence.segments?.segment_of[molecule]?;
        self.cell_prior?.owner(segment)
    }

    /// The owner that a molecule cannot leave: at full confidence.
    #[inline]
    fn locked_to(&self, molecule: usize) -> Option<ComponentIdx> {
        self.owner_for(molecule).filter(|_| self.is_locked)
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
    fn weigh_candidates(&self, molecule: usize, candidates: &mut [Candidate]) {
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
                let n_others = self.components.gene_count(component, gene) - u32::from(is_member);
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
    fn distance2(&self, molecule: usize, component: &Component) -> f64 {
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
    fn is_hidden(&self, molecule: usize) -> bool {
        self.hidden_genes.is_some_and(|hidden| hidden[self.evidence.molecules.genes[molecule].idx()])
    }

    /// ln(q_0 / c_i); minus infinity for a molecule that is real for certain.
    #[inline]
    fn log_noise(&self, molecule: usize, noise_support: f64) -> f64 {
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
        let density = if self.is_hidden(molecule) {
            prior.background.log_intensity
        } else {
            prior.background.log_density(self.evidence.molecules.genes[molecule])
        };
        let contradiction = if self.owner_for(molecule).is_some() { prior.log_contradiction } else { 0.0 };
        ODDS_SHARE * f64::from(self.log_noise_odds[molecule]) + density + MRF_STRENGTH * noise_support + contradiction
    }

    /// METHOD: if all densities together, confidence included, are below 1e-100, the molecule is
    /// noise even if noise is no option for it.
    #[cold]
    fn nothing_fits(&self, molecule: usize, best: f64, log_noise: f64, candidates: &[Candidate]) -> bool {
        if best == f64::NEG_INFINITY || best.is_nan() {
            return true;
        }
        let log_confidence = ln(f64::from(self.evidence.confidence[molecule]));
        let total: f64 = candidates.iter().map(|candidate| exp(candidate.log_density - best)).sum();
        best + ln(total + exp(log_noise - best)) + log_confidence < MIN_LOG_DENSITY
    }
}

/// Draws an option with a probability proportional to its density: noise first, then the
/// candidates in order.
#[inline]
fn draw(uniform: f64, best: f64, log_noise: f64, candidates: &mut [Candidate]) -> Option<ComponentIdx> {
    if let [only] = candidates {
        let is_noise = is_noise(uniform, only.log_density - log_noise);
        return (!is_noise).then_some(only.component);
    }
    let noise = relative_density(log_noise - best);
    let mut total = noise;
    for candidate in candidates.iter_mut() {
        // From here on the support is not needed: its place takes the relative density.
        candidate.support = relative_density(candidate.log_density - best);
        total += candidate.support;
    }
    let mut rest = uniform * total - noise;
    if rest < 0.0 {
        return None;
    }
    for candidate in candidates.iter() {
        rest -= candidate.support;
        if rest < 0.0 {
            return Some(candidate.component);
        }
    }
    // Rounding has eaten the last sliver: the last option that can be drawn.
    candidates.iter().rev().find(|candidate| candidate.support > 0.0).map(|candidate| candidate.component)
}

/// exp, with what can never be drawn as 0.
#[inline]
fn relative_density(log: f64) -> f64 {
    if log < -NEGLIGIBLE { 0.0 } else { exp(log) }
}

/// Whether a uniform draw falls to noise when the only other option is denser by `advantage` (ln).
#[inline]
fn is_noise(uniform: f64, advantage: f64) -> bool {
    !surely_not_noise(uniform, advantage) && uniform * (1.0 + exp(advantage)) < 1.0
}

/// Whether a draw is not noise already by a bound that needs no exponential.
///
/// METHOD: the probability of noise, 1 / (1 + exp(a)), is below exp(-a), and that for a > 0 below
/// 1 / (1 + a + a²/2 + a³/6).
#[inline]
fn surely_not_noise(uniform: f64, advantage: f64) -> bool {
    let bound = 1.0 + advantage * (1.0 + advantage * (0.5 + advantage * (1.0 / 6.0)));
    advantage > 0.0 && uniform * bound > 1.0
}

#[cfg(test)]
mod tests {
    use super::super::{init, mstep};
    use super::*;
    use crate::data::{ClusterIdx, GeneIdx, Molecules, Positions};
    use crate::graph::{Edge, MoleculeGraph};
    use crate::numeric::draws::{Draws, Stream};

    /// Seven molecules on a line; the middle one (3) has neighbors in both of two equal cells.
    fn two_cells() -> (Molecules, MoleculeGraph) {
        let molecules = Molecules {
            ids: (0..7).collect(),
            positions: Positions {
                x: vec![0.0, 1.0, 2.0, 5.0, 8.0, 9.0, 10.0],
                y: vec![0.0, 1.0, 0.0, 0.5, 0.0, 1.0, 0.0],
                z: None,
            },
            genes: [0, 1, 0, 0, 0, 1, 0].map(GeneIdx::new).to_vec(),
            n_genes: 2,
        };
        let edges = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6)].map(|(a, b)| Edge { a, b, value: 1.0 });
        (molecules, MoleculeGraph::from_edges(7, &edges))
    }

    fn params() -> Params {
        Params { choice: Choice::Argmax, ..Params::for_tests(3.0, 1.0, 3) }
    }

    #[test]
    fn molecule_between_two_equal_cells_joins_the_one_of_its_cluster() {
        let (molecules, graph) = two_cells();
        for favoured in [0, 1] {
            let clusters: Vec<ClusterIdx> = [0, 0, 0, favoured, 1, 1, 1].map(ClusterIdx::new).to_vec();
            let confidence = [0.9; 7];
            let evidence = Evidence {
                molecules: &molecules,
                graph: &graph,
                confidence: &confidence,
                clusters: Some(&clusters),
                segments: None,
                compartments: None,
                centers: None,
            };
            let mut state = init::start(&evidence, &params()).expect("two centers");
            let to = |component| Some(ComponentIdx::new(component));
            state.assign(vec![to(0), to(0), to(0), None, to(1), to(1), to(1)]);
            state.regroup(1);
            mstep::refit(&mut state, &evidence, &params(), None).expect("a finite noise density");
            let draws = Draws::new(1, Stream::Assignment).at(1);
            propose(&mut state, &evidence, &params(), draws);
            assert_eq!(state.assignment()[3], to(favoured));
        }
    }

    #[test]
    fn shortcut_decides_as_the_exponential_does() {
        for advantage in [-50.0, -3.0, -0.1, 0.0, 0.2, 1.0, 5.0, 12.0, 30.0, 60.0] {
            let probability = 1.0 / (1.0 + f64::exp(advantage));
            for factor in [0.0, 0.5, 0.999, 1.001, 2.0, 1e3, 1e9] {
                let uniform = probability * factor;
                assert_eq!(is_noise(uniform, advantage), uniform < probability, "{uniform}, {advantage}");
            }
        }
    }

    #[test]
    fn an_isolated_molecule_is_noise_and_a_certain_one_is_not() {
        let (molecules, _) = two_cells();
        let edges = [(0, 1), (1, 2), (4, 5), (5, 6)].map(|(a, b)| Edge { a, b, value: 1.0 });
        let graph = MoleculeGraph::from_edges(7, &edges);
        let confidence = [1.0; 7];
        let evidence = Evidence {
            molecules: &molecules,
            graph: &graph,
            confidence: &confidence,
            clusters: None,
            segments: None,
            compartments: None,
            centers: None,
        };
        let params = Params { choice: Choice::Draw, ..params() };
        let mut state = init::start(&evidence, &params).expect("two centers");
        state.regroup(1);
        mstep::refit(&mut state, &evidence, &params, None).expect("a finite noise density");
        propose(&mut state, &evidence, &params, Draws::new(1, Stream::Assignment).at(1));
        let is_noise: Vec<bool> = state.assignment().iter().map(Option::is_none).collect();
        assert_eq!(is_noise, [false, false, false, true, false, false, false]);
    }

    #[test]
    fn options_are_drawn_in_proportion_to_their_densities() {
        let (molecules, graph) = two_cells();
        let confidence = [0.9; 7];
        let evidence = Evidence {
            molecules: &molecules,
            graph: &graph,
            confidence: &confidence,
            clusters: None,
            segments: None,
            compartments: None,
            centers: None,
        };
        let params = Params { choice: Choice::Draw, ..params() };
        let mut state = init::start(&evidence, &params).expect("two centers");
        let to = |component| Some(ComponentIdx::new(component));
        state.assign(vec![to(0), to(0), to(0), None, to(1), to(1), to(1)]);
        state.regroup(1);
        mstep::refit(&mut state, &evidence, &params, None).expect("a finite noise density");
        let (log_noise, options) = log_densities(&state, &evidence, &params, 3);
        let densities = [log_noise, options[0].1, options[1].1].map(f64::exp);
        let expected = densities[1] / densities.iter().sum::<f64>();
        let n_draws = 20_000u32;
        let n_first = (0..n_draws)
            .filter(|&draw| {
                let mut next = state.clone();
                propose(&mut next, &evidence, &params, Draws::new(1, Stream::Assignment).at(u64::from(draw)));
                next.assignment()[3] == to(0)
            })
            .count();
        let share = n_first as f64 / f64::from(n_draws);
        // Five standard errors of a proportion.
        assert!((share - expected).abs() < 5.0 * (0.25 / f64::from(n_draws)).sqrt(), "{share} against {expected}");
    }
}
