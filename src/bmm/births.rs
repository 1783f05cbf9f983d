//! Cells that nothing stands for yet, proposed where molecules do not suit their cell.
//!
//! METHOD: the reverse of what [`free_cells`](super::free_cells) does. A small cell beside a nucleus of another one has no
//! molecules far from all segments to start from, and is swallowed. So molecules outside of segments are drawn at random
//! among those in the outer part of their cell; each is the center of a cell that takes what suits it better than where it
//! is, in a few rounds. It stays if the molecules that it took are likelier to be a cell than to be where they were, by
//! the same evidence that ends cells.

use rayon::prelude::*;

use super::cell_evidence::Weigher;
use super::cell_prior::CellPrior;
use super::cell_types::PROFILE_WEIGHT;
use super::components::Component;
use super::densities::Densities;
use super::free_cells::STRICT_DOUBT;
use super::params::{Evidence, FreeCells, Params};
use super::shape::{self, Shape};
use super::state::State;
use crate::data::ComponentIdx;
use crate::numeric::draws::IterationDraws;
use crate::numeric::elementary::ln;

/// Iterations between two times.
pub const PROPOSE_EVERY: usize = 20;
/// Proposals per cell of the expected number of molecules.
const PROPOSALS_PER_CELL: f64 = 0.5;
/// A molecule is in the outer part of its cell from this squared Mahalanobis distance on.
const OUTER: f64 = 1.5;
/// Molecules so far away may join, in standard deviations of a typical cell.
const REACH: f64 = 2.5;
/// Molecules so near are the first of the cell.
const FIRST: f64 = 1.2;
/// Rounds.
const ROUNDS: usize = 4;

/// A cell that is proposed.
struct Birth {
    /// ln of how much likelier the molecules are as a cell.
    gain: f64,
    /// Id of the molecule that it started from.
    id: u32,
    /// Its molecules, ascending.
    members: Vec<u32>,
    /// The components that they come from.
    sources: Vec<ComponentIdx>,
}

/// Adds cells where the evidence is for them; returns how many. Regroup the state afterwards.
///
/// Proposals are weighed in parallel, all against the same state. The likeliest come first; of those that take from the
/// same component one is born, the others have to wait for the next time. Deterministic for given `draws`.
pub fn add_likely(state: &mut State, evidence: &Evidence<'_>, params: &Params, draws: IterationDraws) -> usize {
    let Some(prior) = &state.cell_prior else { return 0 };
    let doubt = match params.owners.map(|owners| owners.free_cells) {
        None | Some(FreeCells::None) => return 0,
        Some(FreeCells::Strict) => STRICT_DOUBT,
        Some(FreeCells::Free) => 0.0,
    };
    let densities = Densities::new(state, evidence, params);
    let proposer = Proposer {
        densities: &densities,
        prior,
        state,
        evidence,
        doubt,
        least: params.min_molecules_per_cell.max(evidence.molecules.positions.n_dims() + 1),
    };
    let seeds = proposer.seeds(draws);
    let room = || Room { weigher: Weigher::new(prior, state, evidence), counts: vec![0; evidence.molecules.n_genes] };
    let weigh = |room: &mut Room<'_>, seed| proposer.propose(seed, room);
    let mut births: Vec<Birth> = seeds.into_par_iter().map_init(room, weigh).flatten().collect();
    births.sort_unstable_by(|a, b| b.gain.total_cmp(&a.gain).then(a.id.cmp(&b.id)));
    let mut took_part = vec![false; state.components.len()];
    let newborn = Component::new([0.0; 3], Shape::ball(params.scale, evidence.molecules.positions.n_dims()));
    let mut n_born = 0;
    for birth in births {
        let is_new =
            |&molecule: &u32| state.assignment[molecule as usize].is_some_and(|at| at.idx() >= took_part.len());
        if birth.sources.iter().any(|source| took_part[source.idx()]) || birth.members.iter().any(is_new) {
            continue;
        }
        birth.sources.iter().for_each(|source| took_part[source.idx()] = true);
        let component = ComponentIdx::new(state.components.len());
        state.components.list.push(newborn);
        birth.members.iter().for_each(|&molecule| state.assignment[molecule as usize] = Some(component));
        n_born += 1;
    }
    n_born
}

/// What proposals are weighed by.
struct Proposer<'a> {
    densities: &'a Densities<'a>,
    prior: &'a CellPrior,
    state: &'a State,
    evidence: &'a Evidence<'a>,
    /// ln of the doubt per molecule in cells without a segment.
    doubt: f64,
    /// Molecules that a cell has at least.
    least: usize,
}

/// Room that a thread uses again and again.
struct Room<'a> {
    weigher: Weigher<'a>,
    /// Molecules by gene of the proposal at hand, 0 between two. `[n_genes]`
    counts: Vec<u32>,
}

impl Proposer<'_> {
    /// The molecules to start from, ascending.
    fn seeds(&self, draws: IterationDraws) -> Vec<u32> {
        let probability = PROPOSALS_PER_CELL / self.prior.learned.abundance.mean.max(1.0);
        let is_seed = |&molecule: &u32| {
            let at = molecule as usize;
            draws.uniform(u64::from(self.evidence.molecules.ids[at])) < probability
                && self.densities.owner_for(at).is_none()
                && self.is_outside(at)
        };
        (0..self.evidence.molecules.len() as u32).filter(is_seed).collect()
    }

    /// Whether a molecule is in the outer part of its cell, or in none.
    fn is_outside(&self, molecule: usize) -> bool {
        self.state.assignment[molecule].is_none_or(|own| {
            let own = self.state.components.get(own);
            own.n_molecules == 0 || self.densities.distance2(molecule, own) > OUTER
        })
    }

    /// The cell around a molecule, if that is likelier than what is there.
    fn propose(&self, seed: u32, room: &mut Room<'_>) -> Option<Birth> {
        let sd = self.prior.learned.sizes.sd;
        let mut local: Vec<(u32, f64)> = Vec::new();
        for molecule in self.around(seed, REACH * sd) {
            if self.densities.owner_for(molecule as usize).is_none() {
                local.push((molecule, self.densities.of_own(molecule as usize)));
            }
        }
        let is_first = |molecule: &u32| self.distance2(seed, *molecule) < (FIRST * sd) * (FIRST * sd);
        let mut members: Vec<u32> = local.iter().map(|entry| entry.0).filter(is_first).collect();
        for _ in 0..ROUNDS {
            if members.len() < self.least {
                return None;
            }
            let next = self.takes(&members, &local, &mut room.counts);
            if next == members {
                break;
            }
            members = next;
        }
        let (gain, sources) = self.gain(&members, &mut room.weigher)?;
        let id = self.evidence.molecules.ids[seed as usize];
        (gain > 0.0).then_some(Birth { gain, id, members, sources })
    }

    /// The squared distance of two molecules.
    fn distance2(&self, a: u32, b: u32) -> f64 {
        let positions = &self.evidence.molecules.positions;
        let (a, b) = (positions.at(a as usize), positions.at(b as usize));
        a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
    }

    /// Molecules within a distance that paths of edges lead to, ascending.
    fn around(&self, seed: u32, reach: f64) -> Vec<u32> {
        let (mut before, mut last) = (Vec::new(), vec![seed]);
        let mut found = vec![seed];
        while !last.is_empty() {
            let neighbors = |&molecule: &u32| self.evidence.graph.neighbors(molecule as usize).0.iter().copied();
            let mut next: Vec<u32> = last.iter().flat_map(neighbors).collect();
            next.sort_unstable();
            next.dedup();
            // What an edge leads to is as many edges away, or one more or less.
            next.retain(|molecule| {
                last.binary_search(molecule).is_err()
                    && before.binary_search(molecule).is_err()
                    && self.distance2(seed, *molecule) < reach * reach
            });
            found.extend_from_slice(&next);
            before = std::mem::replace(&mut last, next);
        }
        found.sort_unstable();
        found
    }

    /// Those of the `local` molecules (with ln of their densities where they are) that suit a cell of these `members`
    /// better. Both ascending.
    fn takes(&self, members: &[u32], local: &[(u32, f64)], counts: &mut [u32]) -> Vec<u32> {
        let molecules = self.evidence.molecules;
        let n_dims = molecules.positions.n_dims();
        let at = |&molecule: &u32| molecules.positions.at(molecule as usize);
        let n = members.len() as f64;
        let n_visible = members.iter().filter(|&&molecule| !self.densities.is_hidden(molecule as usize)).count() as f64;
        let mut mean = [0.0; 3];
        members.iter().map(at).for_each(|at| mean.iter_mut().zip(at).for_each(|(sum, value)| *sum += value / n));
        let covariance = shape::covariance_around(mean, members.iter().map(at));
        let learned = &self.prior.learned;
        let shape = learned.sizes.shape(covariance, members.len() as u32, n_dims);
        let cell =
            Component { cell_type: self.prior.types.best(members, &molecules.genes), ..Component::new(mean, shape) };
        members.iter().for_each(|&molecule| counts[molecules.genes[molecule as usize].idx()] += 1);
        let base = learned.abundance.log_weight(n) + shape.log_peak;
        let mut of_cell = members.iter().peekable();
        let mut taken = Vec::with_capacity(members.len());
        for &(molecule, density_now) in local {
            let (at, is_member) = (molecule as usize, of_cell.next_if_eq(&&molecule).is_some());
            let mut density = base - 0.5 * self.densities.distance2(at, &cell);
            if !self.densities.is_hidden(at) {
                let gene = molecules.genes[at];
                let n_others = f64::from(counts[gene.idx()] - u32::from(is_member));
                density += ln((n_others + self.prior.types.base(cell.cell_type, gene)) / (n_visible + PROFILE_WEIGHT));
            }
            if density > density_now {
                taken.push(molecule);
            }
        }
        members.iter().for_each(|&molecule| counts[molecules.genes[molecule as usize].idx()] = 0);
        taken
    }

    /// ln of how much likelier molecules are as a cell than where they are, and the components where they are.
    fn gain(&self, members: &[u32], weigher: &mut Weigher<'_>) -> Option<(f64, Vec<ComponentIdx>)> {
        if members.len() < self.least {
            return None;
        }
        let log_share = ln(self.prior.learned.free_share);
        let mut gain = weigher.log_evidence(&[members]) + log_share - self.doubt * members.len() as f64;
        let mut by_source: Vec<(Option<ComponentIdx>, u32)> =
            members.iter().map(|&molecule| (self.state.assignment[molecule as usize], molecule)).collect();
        by_source.sort_unstable();
        let mut sources = Vec::new();
        for taken in by_source.chunk_by(|a, b| a.0 == b.0) {
            let Some(source) = taken[0].0 else {
                gain -= taken.iter().map(|entry| self.densities.log_noise(entry.1 as usize, 0.0)).sum::<f64>();
                continue;
            };
            sources.push(source);
            let all = self.state.groups.members(source.idx());
            let mut lost = taken.iter().map(|entry| entry.1).peekable();
            let rest: Vec<u32> = all.iter().copied().filter(|molecule| lost.next_if_eq(molecule).is_none()).collect();
            gain -= weigher.of_component(source);
            if !rest.is_empty() {
                gain += weigher.log_evidence(&[&rest]);
            } else if self.state.components.get(source).owner.is_none() {
                gain -= log_share;
            }
        }
        Some((gain, sources))
    }
}
