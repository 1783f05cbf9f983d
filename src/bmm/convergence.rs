//! Whether the assignment has stopped changing, told by the majority of windows of iterations.
//!
//! METHOD: a draw moves about every seventh molecule in every iteration for ever, so changes from
//! one iteration to the next never settle. Nor does the majority of a window of iterations, quite:
//! molecules between two cells have a majority by chance. So a molecule counts as moved only when
//! it has left the component that it held most often in the window before, for good or nearly:
//! when it is there in less than a quarter of this window. Chance averages out, and what is left
//! are components that move, grow, shrink and end.

use super::history::History;
use crate::data::ComponentIdx;
use crate::numeric::reduce::ordered_fold;

/// Iterations in a window.
pub const WINDOW: usize = 20;
/// A molecule is still at a component if it is there in this part of a window: 1 / 4.
const STILL_THERE: usize = 4;
/// Windows in a row that must be quiet before the model ends.
pub const QUIET_WINDOWS: usize = 2;

/// The majority of the last window and the records of the present one.
#[derive(Clone, Debug, PartialEq)]
pub struct Convergence {
    pub(super) window: History,
    /// Majority of the window before; absent before the first is full. `[n_molecules]`
    pub(super) majority: Option<Vec<Option<ComponentIdx>>>,
    /// Quiet windows in a row.
    pub(super) n_quiet: usize,
}

impl Convergence {
    /// Nothing recorded yet.
    pub fn new(n_molecules: usize) -> Self {
        Self { window: History::new(n_molecules), majority: None, n_quiet: 0 }
    }

    /// Puts together what a checkpoint kept: [`Self::window`], [`Self::majority`], [`Self::n_quiet`].
    pub fn from_parts(window: History, majority: Option<Vec<Option<ComponentIdx>>>, n_quiet: usize) -> Self {
        Self { window, majority, n_quiet }
    }

    /// Records of the present window.
    pub fn window(&self) -> &History {
        &self.window
    }

    /// Majority of the last full window. `[n_molecules]`
    pub fn majority(&self) -> Option<&[Option<ComponentIdx>]> {
        self.majority.as_deref()
    }

    /// Windows in a row whose majority was that of the one before, nearly.
    pub fn n_quiet(&self) -> usize {
        self.n_quiet
    }

    /// Whether no record of the present window refers to components.
    pub fn is_between_windows(&self) -> bool {
        self.window.n_recorded() == 0
    }

    /// Whether the present window has all its iterations.
    pub fn is_window_full(&self) -> bool {
        self.window.n_recorded() >= WINDOW
    }

    /// Adds an assignment to the window. `[n_molecules]`
    pub fn record(&mut self, assignment: &[Option<ComponentIdx>]) {
        self.window.record(assignment);
    }

    /// Ends the window; returns the share of the molecules that have left the component of their
    /// majority in the window before, each counted by its confidence. `None` for the first window.
    ///
    /// The window is quiet if this share is below `tolerance`. Deterministic: sums are taken in
    /// fixed blocks.
    pub fn end_window(
        &mut self,
        is_alive: impl Fn(ComponentIdx) -> bool + Sync,
        confidence: &[f32],
        tolerance: f64,
    ) -> Option<f64> {
        let change = self.majority.as_ref().map(|before| share_that_left(before, &self.window, &is_alive, confidence));
        self.majority = Some(self.window.majority(is_alive));
        self.window.clear();
        let is_quiet = change.is_some_and(|change| change < tolerance);
        self.n_quiet = if is_quiet { self.n_quiet + 1 } else { 0 };
        change
    }

    /// Follows a renumbering of the components; call it between windows only.
    pub fn renumber(&mut self, renumbered: &[Option<ComponentIdx>]) {
        for component in self.majority.iter_mut().flatten() {
            *component = component.and_then(|component| renumbered[component.idx()]);
        }
    }
}

fn share_that_left(
    before: &[Option<ComponentIdx>],
    window: &History,
    is_alive: impl Fn(ComponentIdx) -> bool + Sync,
    confidence: &[f32],
) -> f64 {
    let few = (window.n_recorded() / STILL_THERE) as u16;
    let has_left = |molecule: usize| {
        let component = before[molecule];
        component.is_some_and(|component| !is_alive(component)) || window.count(molecule, component) < few
    };
    let block = |range: std::ops::Range<usize>| {
        range.fold((0.0, 0.0), |(left, total), molecule| {
            let weight = f64::from(confidence[molecule]);
            (left + if has_left(molecule) { weight } else { 0.0 }, total + weight)
        })
    };
    let (left, total) = ordered_fold(before.len(), block, |a, b| (a.0 + b.0, a.1 + b.1), (0.0, 0.0));
    if total > 0.0 { left / total } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(component: usize) -> Option<ComponentIdx> {
        Some(ComponentIdx::new(component))
    }

    /// A window in which molecule 1 is away for `n_away` of the iterations.
    fn window(convergence: &mut Convergence, n_away: usize) -> Option<f64> {
        for iteration in 0..WINDOW {
            let wandering = if iteration < n_away { to(1) } else { to(0) };
            convergence.record(&[to(0), wandering, None, to(2)]);
        }
        assert!(convergence.is_window_full());
        convergence.end_window(|_| true, &[1.0, 0.5, 0.25, 0.25], 0.2)
    }

    #[test]
    fn wandering_does_not_count_but_leaving_for_good_does_by_its_confidence() {
        let mut convergence = Convergence::new(4);
        assert_eq!(window(&mut convergence, 3), None);
        assert_eq!(window(&mut convergence, WINDOW / 2 - 1), Some(0.0));
        assert_eq!(convergence.n_quiet(), 1);
        assert_eq!(window(&mut convergence, WINDOW - WINDOW / 4), Some(0.0));
        assert_eq!(convergence.n_quiet(), 2);
        assert_eq!(window(&mut convergence, WINDOW / 4 - 1), Some(0.25));
        assert_eq!(convergence.n_quiet(), 0);
        convergence.renumber(&[to(0), None, to(1)]);
        assert_eq!(convergence.majority(), Some(&[to(0), to(0), None, to(1)][..]));
        assert_eq!(window(&mut convergence, 0), Some(0.125));
    }

    #[test]
    fn a_molecule_whose_component_ended_has_left() {
        let mut convergence = Convergence::new(2);
        let mut ended = |component: Option<usize>| {
            (0..WINDOW).for_each(|_| convergence.record(&[to(0), to(1)]));
            convergence.end_window(|at| Some(at.idx()) != component, &[1.0, 1.0], 0.1)
        };
        assert_eq!((ended(None), ended(None), ended(Some(1))), (None, Some(0.0), Some(0.5)));
    }
}
