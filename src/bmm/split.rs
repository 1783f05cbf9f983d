//! What is not connected to the main part of its component becomes noise.

use rayon::prelude::*;

use super::params::{Evidence, Params};
use super::state::State;
use crate::graph::MoleculeGraph;

/// Detaches, from every component, all molecules outside its largest connected part.
///
/// Of equally large parts the one with the first molecule stays. At prior confidence 1 molecules
/// of a segment stay too, and wherever segments own cells those that are in their owner. No component is created: the name "split" is the original's.
/// Source: Baysor 0.7.1, spec 5.5.
pub fn detach_fragments(state: &mut State, evidence: &Evidence<'_>, params: &Params) {
    let is_locked = params.prior_confidence >= 1.0 && state.cell_prior.is_none();
    let locked = evidence.segments.filter(|_| is_locked);
    let current: &State = state;
    let fragments: Vec<Vec<u32>> = (0..current.components.len())
        .into_par_iter()
        .with_min_len(64)
        .map_init(Parts::default, |parts, component| parts.outside_largest(component, current, evidence.graph))
        .filter(|fragment| !fragment.is_empty())
        .collect();
    for molecule in fragments.into_iter().flatten() {
        let molecule = molecule as usize;
        if state.is_with_owner(molecule, evidence) {
            continue;
        }
        if locked.is_none_or(|segments| segments.segment_of[molecule].is_none()) {
            state.assignment[molecule] = None;
        }
    }
}

/// Scratch for the connected parts of one component.
#[derive(Default)]
struct Parts {
    /// Part of each member, by its place in the group; `UNSEEN` before.
    part_of: Vec<u32>,
    stack: Vec<u32>,
}

const UNSEEN: u32 = u32::MAX;

impl Parts {
    fn outside_largest(&mut self, component: usize, state: &State, graph: &MoleculeGraph) -> Vec<u32> {
        let members = state.groups.members(component);
        if members.len() < 2 {
            return Vec::new();
        }
        self.part_of.clear();
        self.part_of.resize(members.len(), UNSEEN);
        let (mut largest, mut largest_size, mut n_parts) = (0, 0, 0);
        for place in 0..members.len() {
            if self.part_of[place] != UNSEEN {
                continue;
            }
            let size = self.flood(place, n_parts, component, state, graph);
            if size > largest_size {
                (largest, largest_size) = (n_parts, size);
            }
            n_parts += 1;
            if size == members.len() {
                return Vec::new();
            }
        }
        let parts = members.iter().zip(&self.part_of);
        parts.filter(|&(_, &part)| part != largest).map(|(&molecule, _)| molecule).collect()
    }

    /// Marks everything connected to the member at `start`; returns how many molecules that is.
    fn flood(&mut self, start: usize, part: u32, component: usize, state: &State, graph: &MoleculeGraph) -> usize {
        let members = state.groups.members(component);
        self.part_of[start] = part;
        self.stack.push(start as u32);
        let mut size = 0;
        while let Some(place) = self.stack.pop() {
            size += 1;
            for &neighbor in graph.neighbors(members[place as usize] as usize).0 {
                let neighbor = neighbor as usize;
                if state.assignment[neighbor].is_none_or(|at| at.idx() != component) {
                    continue;
                }
                let place = state.groups.place_of(neighbor);
                if self.part_of[place] == UNSEEN {
                    self.part_of[place] = part;
                    self.stack.push(place as u32);
                }
            }
        }
        size
    }
}
