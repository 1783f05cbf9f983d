//! The E-step: every molecule draws a component among those of its neighbors, or noise.

use rayon::prelude::*;

use super::densities::{Candidate, Densities};
use super::params::{Choice, Evidence, Params};
use super::state::State;
use crate::data::ComponentIdx;
use crate::numeric::draws::IterationDraws;
use crate::numeric::elementary::{exp, ln};

/// Molecules per block of parallel work.
const BLOCK: usize = 1024;
/// Options this much less likely (in logs) than the best one are never drawn: a draw has 53 bits.
const NEGLIGIBLE: f64 = 40.0;
/// Above this log density the rule "nothing fits" cannot apply, whatever the confidence.
const SURELY_FITS: f64 = -100.0;

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
    let densities = Densities::new(state, evidence, params);
    let mut candidates = Vec::new();
    let noise_support = densities.collect_candidates(molecule, &mut candidates);
    densities.weigh_candidates(molecule, &mut candidates);
    let log_confidence = ln(f64::from(evidence.confidence[molecule]));
    let options = candidates.iter().map(|c| (c.component, c.log_density + log_confidence)).collect();
    (densities.log_noise(molecule, noise_support) + log_confidence, options)
}

/// An E-step: the densities, and how an option is chosen by them.
struct EStep<'a> {
    densities: Densities<'a>,
    evidence: &'a Evidence<'a>,
    /// Whether a molecule never leaves the owner of its segment: at full confidence.
    is_locked: bool,
    choice: Choice,
    draws: IterationDraws,
}

impl<'a> EStep<'a> {
    fn new(state: &'a State, evidence: &'a Evidence<'a>, params: &Params, draws: IterationDraws) -> Self {
        let densities = Densities::new(state, evidence, params);
        Self { densities, evidence, is_locked: params.prior_confidence >= 1.0, choice: params.choice, draws }
    }

    fn choose(&self, molecule: usize, candidates: &mut Vec<Candidate>) -> Option<ComponentIdx> {
        let densities = &self.densities;
        if self.is_locked
            && let Some(owner) = densities.owner_for(molecule)
        {
            return Some(owner);
        }
        let noise_support = densities.collect_candidates(molecule, candidates);
        if candidates.is_empty() {
            return None;
        }
        let uniform = self.draws.uniform(u64::from(self.evidence.molecules.ids[molecule]));
        let log_noise = densities.log_noise(molecule, noise_support);
        if let ([only], Choice::Draw) = (&candidates[..], self.choice) {
            // Mostly a lower bound settles the draw.
            let at_least = densities.at_least(molecule, only);
            if at_least > SURELY_FITS && surely_not_noise(uniform, at_least - log_noise) {
                return Some(only.component);
            }
        }
        densities.weigh_candidates(molecule, candidates);
        let best = candidates.iter().fold(log_noise, |best, candidate| best.max(candidate.log_density));
        if best < SURELY_FITS && densities.nothing_fits(molecule, best, log_noise, candidates) {
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
