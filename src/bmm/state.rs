//! Exactly what an iteration changes.

use rayon::prelude::*;

use super::components::Components;
use super::groups::Groups;
use super::history::History;
use crate::data::{CellIdx, ComponentIdx, Segmentation};
use crate::numeric::elementary::LnTable;

/// The state of the model between two iterations.
#[derive(Clone, Debug)]
pub struct State {
    /// Component of every molecule, `None` for noise.
    pub(super) assignment: Vec<Option<ComponentIdx>>,
    /// Room for the next assignment.
    pub(super) proposal: Vec<Option<ComponentIdx>>,
    /// Molecules by component.
    pub(super) groups: Groups,
    /// The components.
    pub(super) components: Components,
    /// ln Λ, the density of noise at any place and of any gene.
    pub(super) log_noise_density: f64,
    /// ln η: the density of noise at any place, for molecules that go by position only.
    pub(super) log_position_density: f64,
    /// ln((1 - c) / c) of every molecule: minus infinity if it cannot be noise.
    pub(super) log_noise_odds: Vec<f32>,
    /// Logarithms of counts.
    pub(super) logs: LnTable,
    /// Molecules of each prior segment; empty unless segments are kept whole.
    pub(super) segment_members: Groups,
}

impl State {
    /// Component of every molecule, `None` for noise. `[n_molecules]`
    pub fn assignment(&self) -> &[Option<ComponentIdx>] {
        &self.assignment
    }

    /// The components.
    pub fn components(&self) -> &Components {
        &self.components
    }

    /// Molecules by component, as of the last [`Self::regroup`].
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// ln of the density of noise (Λ).
    pub fn log_noise_density(&self) -> f64 {
        self.log_noise_density
    }

    /// Replaces the assignment; call [`Self::regroup`] before the next step.
    pub fn assign(&mut self, assignment: Vec<Option<ComponentIdx>>) {
        self.assignment = assignment;
    }

    /// Groups molecules by component anew. Components with fewer than `min_size` molecules end.
    pub fn regroup(&mut self, min_size: usize) {
        self.groups.regroup(&mut self.assignment, self.components.len(), min_size);
    }

    /// Renumbers the components without the ended ones, in order, if most have ended.
    ///
    /// Returns the new index of every old one if it did. The result does not depend on it: draws are keyed by molecules.
    /// Whatever else refers to components by index must follow; call [`Self::regroup`] afterwards.
    pub fn compact(&mut self) -> Option<Vec<Option<ComponentIdx>>> {
        let n_components = self.components.len();
        let is_alive = |component: usize| self.groups.size(component) > 0;
        let n_alive = (0..n_components).filter(|&component| is_alive(component)).count();
        if 2 * n_alive > n_components || n_alive == 0 {
            return None;
        }
        let mut next = 0;
        let renumbered: Vec<Option<ComponentIdx>> = (0..n_components)
            .map(|component| {
                is_alive(component).then(|| {
                    next += 1;
                    ComponentIdx::new(next - 1)
                })
            })
            .collect();
        let mut keep = renumbered.iter().map(Option::is_some);
        self.components.list.retain(|_| keep.next() == Some(true));
        self.components.list.shrink_to_fit();
        self.assignment.par_iter_mut().for_each(|at| *at = at.and_then(|at| renumbered[at.idx()]));
        Some(renumbered)
    }

    /// Whether a component has molecules, as of the last [`Self::regroup`].
    pub fn is_alive(&self, component: ComponentIdx) -> bool {
        self.groups.size(component.idx()) > 0
    }

    /// The result: components with molecules become cells, in order.
    pub fn into_segmentation(self, history: &History) -> Segmentation {
        let mut n_cells = 0;
        let cell_of_component: Vec<Option<CellIdx>> = (0..self.components.len())
            .map(|component| {
                (self.groups.size(component) > 0).then(|| {
                    n_cells += 1;
                    CellIdx::new(n_cells - 1)
                })
            })
            .collect();
        let cell_of = self.assignment.iter().map(|at| at.and_then(|at| cell_of_component[at.idx()])).collect();
        let n_recorded = history.n_recorded();
        Segmentation {
            n_cells,
            cell_of,
            assignment_confidence: (n_recorded > 1).then(|| history.agreement(&self.assignment)),
            // Components are never created, so a cell has existed for as long as there are records.
            lifespans: (n_recorded > 0).then(|| vec![n_recorded as u32; n_cells]),
            started_from: None,
        }
    }
}
