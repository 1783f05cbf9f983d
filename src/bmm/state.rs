//! Exactly what an iteration changes.

use rayon::prelude::*;

use super::cell_prior::{CellPrior, Learned};
use super::components::Components;
use super::groups::Groups;
use super::history::History;
use super::params::Evidence;
use super::type_split;
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
    /// Priors of cells, where segments own cells.
    pub(super) cell_prior: Option<CellPrior>,
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

    /// What was learned of cells at the last refit, where segments own cells.
    pub fn learned(&self) -> Option<Learned> {
        self.cell_prior.as_ref().map(|prior| prior.learned)
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

    /// Gives every cell the type that explains it best, where segments own cells; refit afterwards.
    pub fn retype(&mut self, evidence: &Evidence<'_>) {
        if let Some(prior) = &self.cell_prior {
            prior.types.assign(&mut self.components, &self.groups, &evidence.molecules.genes);
        }
    }

    /// Splits types whose cells are of two kinds, where segments own cells; refit afterwards.
    pub fn split_types(&mut self, evidence: &Evidence<'_>) {
        if let Some(prior) = &self.cell_prior {
            let molecules = evidence.molecules;
            type_split::split(&prior.types, &mut self.components, &self.groups, &molecules.genes, molecules.n_genes);
        }
    }

    /// Whether a molecule is in the component that owns its segment.
    pub fn is_with_owner(&self, molecule: usize, evidence: &Evidence<'_>) -> bool {
        let segment = evidence.segments.and_then(|segments| segments.segment_of[molecule]);
        let owned = self.assignment[molecule].and_then(|component| self.components.get(component).owner);
        segment.is_some() && segment == owned
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
            // None is born while assignments are recorded, so a cell has existed for as long as there are records.
            lifespans: (n_recorded > 0).then(|| vec![n_recorded as u32; n_cells]),
            started_from: self.cell_prior.is_some().then(|| {
                let cells =
                    self.components.iter().enumerate().filter(|(component, _)| self.groups.size(*component) > 0);
                cells.map(|(_, component)| component.owner).collect()
            }),
        }
    }
}
