//! One outline per cell.

use rayon::prelude::*;

use super::border::find_border;
use super::plane_index::{PlaneIndex, counting_sort};
use super::small;
use crate::data::{CellIdx, CellOutline, Positions, Ring};

/// Half the width of the shapes of cells without area, relative to the distance of molecules.
const SMALL_SHAPE: f64 = 0.01;
/// Coordinates below this are zero for the triangulation, which cannot tell them apart.
const TINIEST: f64 = 1e-40;
/// Cells per parallel task, at least.
const MIN_TASK: usize = 16;

/// The outline of every cell, in order of the cell index.
///
/// A ring follows the molecules of the cell and leaves out those of other cells and noise where
/// it can without a hole or a pinch. Cells whose molecules lie at one place or on one line get a
/// rhombus, 2 % of the mean distance between molecules wide. z is ignored.
///
/// `cell_of`: cell of every molecule. `[n_molecules]` A cell without molecules (which a
/// [`Segmentation`](crate::data::Segmentation) does not have) has no outline.
///
/// Coordinates must be finite. Memory: 13 bytes per molecule, and the result. Draws nothing; the
/// same result for any number of threads and, up to ties of cocircular molecules, any order.
///
/// Source: Baysor 0.7.1 `boundary_polygons`.
///
/// DIFFERS: every cell has an outline, every outline is a simple closed ring, and molecules of
/// others on a side of a triangle count as inside it, whichever side it is.
pub fn outline_cells(positions: &Positions, cell_of: &[Option<CellIdx>], n_cells: usize) -> Vec<CellOutline> {
    let members: Vec<u32> = (0..positions.len() as u32).collect();
    Scene::new(positions, cell_of, &members).outlines(n_cells, None)
}

/// Some of the molecules, seen from above.
pub(super) struct Scene<'a> {
    positions: &'a Positions,
    cell_of: &'a [Option<CellIdx>],
    /// Which molecules. `[n_members]`
    members: &'a [u32],
    index: PlaneIndex<'a>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(positions: &'a Positions, cell_of: &'a [Option<CellIdx>], members: &'a [u32]) -> Self {
        Self { positions, cell_of, members, index: PlaneIndex::new(&positions.x, &positions.y, members) }
    }

    /// Mean distance to the nearest other molecule, unless that is zero or there is none.
    pub(super) fn spacing(&self) -> Option<f64> {
        self.index.mean_nearest_distance().filter(|distance| *distance > 0.0)
    }

    /// The outlines of the cells that have molecules among the members.
    /// `other_spacing`: distance between molecules to assume if these do not have one.
    pub(super) fn outlines(&self, n_cells: usize, other_spacing: Option<f64>) -> Vec<CellOutline> {
        // With all molecules at one place, any unit will do.
        let offset = SMALL_SHAPE * self.spacing().or(other_spacing).unwrap_or(1.0);
        let cell = |member: u32| self.cell_of[member as usize].map(CellIdx::idx).filter(|&cell| cell < n_cells);
        let (starts, by_cell) = counting_sort(self.members, n_cells, cell);
        let outlines: Vec<Option<CellOutline>> = (0..n_cells)
            .into_par_iter()
            .with_min_len(MIN_TASK)
            .map_init(Vec::new, |points, cell| {
                let own = &by_cell[starts[cell] as usize..starts[cell + 1] as usize];
                self.distinct_points(own, points);
                let cell = CellIdx::new(cell);
                self.outline(cell, points, offset).map(|ring| CellOutline { cell, ring })
            })
            .collect();
        outlines.into_iter().flatten().collect()
    }

    /// Places of the molecules, sorted by x, then y, each once.
    fn distinct_points(&self, own: &[u32], points: &mut Vec<[f64; 2]>) {
        // Adding zero turns -0 into 0.
        let tame = |value: f64| if value.abs() < TINIEST { 0.0 } else { value + 0.0 };
        points.clear();
        points.extend(
            own.iter()
                .map(|&member| [tame(self.positions.x[member as usize]), tame(self.positions.y[member as usize])]),
        );
        points.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
        points.dedup();
    }

    fn outline(&self, cell: CellIdx, points: &[[f64; 2]], offset: f64) -> Option<Ring> {
        let is_foreign = |member: u32| self.cell_of[member as usize] != Some(cell);
        find_border(points, |corners| self.index.any_in_triangle(corners, is_foreign))
            .or_else(|| small::rhombus(points, offset))
    }
}
