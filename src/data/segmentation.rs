//! The result of the model.

use super::{CellIdx, SegmentIdx};

/// Which molecule belongs to which cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Segmentation {
    /// Number of cells; indices run from 0 to `n_cells - 1`, and every cell has a molecule.
    pub n_cells: usize,
    /// Cell of every molecule, `None` for noise. `[n_molecules]`
    pub cell_of: Vec<Option<CellIdx>>,
    /// Trust in the assignment of every molecule, 0..=1: the share of the recorded iterations
    /// that agree with it. `[n_molecules]`; absent when fewer than two iterations were recorded.
    pub assignment_confidence: Option<Vec<f32>>,
    /// For how many recorded iterations each cell has existed. `[n_cells]`
    pub lifespans: Option<Vec<u32>>,
    /// The prior segment that each cell started from, `None` for a cell that started without one. `[n_cells]`; absent
    /// when segments own no cells: without a prior, or where its segments are mere regions.
    pub started_from: Option<Vec<Option<SegmentIdx>>>,
}

impl Segmentation {
    /// The same result with molecule `i` moved to place `place_of[i]`.
    pub fn scattered(&self, place_of: &[u32]) -> Self {
        fn scatter<T: Copy + Default>(values: &[T], place_of: &[u32]) -> Vec<T> {
            let mut moved = vec![T::default(); values.len()];
            for (value, &place) in values.iter().zip(place_of) {
                moved[place as usize] = *value;
            }
            moved
        }
        Self {
            n_cells: self.n_cells,
            cell_of: scatter(&self.cell_of, place_of),
            assignment_confidence: self.assignment_confidence.as_deref().map(|values| scatter(values, place_of)),
            lifespans: self.lifespans.clone(),
            started_from: self.started_from.clone(),
        }
    }
}
