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
/// With all molecules at one place, any unit will do.
pub(super) const ANY_SPACING: f64 = 1.0;
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
/// same result for any number of threads. The order of molecules matters for nothing but the width
/// of the rhombi: the mean distance is taken over a sample of 4096 molecules at even steps.
///
/// Source: Baysor 0.7.1 `boundary_polygons`.
///
/// DIFFERS: every cell has an outline, every outline is a simple closed ring, and molecules of
/// others on a side of a triangle count as inside it, whichever side it is.
pub fn outline_cells(positions: &Positions, cell_of: &[Option<CellIdx>], n_cells: usize) -> Vec<CellOutline> {
    let members: Vec<u32> = (0..positions.len() as u32).collect();
    let scene = Scene::new(positions, cell_of, &members);
    scene.outlines(n_cells, scene.spacing().unwrap_or(ANY_SPACING))
}

/// The same for a part of a slide, given its [`molecule_spacing`].
///
/// A cell's outline depends on the molecules within the convex hull of its own ones, and on the spacing, and on nothing
/// else: in every part that holds all molecules of the smallest rectangle around the cell it is the same, to the bit, as
/// [`outline_cells`] finds it on the whole slide. So a rectangular part outlines all cells that are in it completely.
pub fn outline_cells_of_part(
    positions: &Positions,
    cell_of: &[Option<CellIdx>],
    n_cells: usize,
    spacing: f64,
) -> Vec<CellOutline> {
    let members: Vec<u32> = (0..positions.len() as u32).collect();
    Scene::new(positions, cell_of, &members).outlines(n_cells, spacing)
}

/// Mean distance of the molecules of a slide to the nearest other one, seen from above, in units of the coordinates, by
/// a sample of 4096; 1 if that is zero or there is none, above 0 in any case. Cells whose molecules span no area are
/// drawn 2 % of that wide. Memory: 5 bytes per molecule, 4 more while it starts.
pub fn molecule_spacing(positions: &Positions) -> f64 {
    let members: Vec<u32> = (0..positions.len() as u32).collect();
    spacing(&PlaneIndex::new(&positions.x, &positions.y, &members)).unwrap_or(ANY_SPACING)
}

/// Mean distance to the nearest other molecule, unless that is zero or there is none.
pub(super) fn spacing(index: &PlaneIndex<'_>) -> Option<f64> {
    index.mean_nearest_distance().filter(|distance| *distance > 0.0)
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
        spacing(&self.index)
    }

    /// The outlines of the cells that have molecules among the members.
    /// `spacing`: distance between molecules.
    pub(super) fn outlines(&self, n_cells: usize, spacing: f64) -> Vec<CellOutline> {
        let offset = SMALL_SHAPE * spacing;
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::numeric::draws::{Draws, Stream};
    use crate::polygons::check::{area, assert_valid};

    fn positions(points: &[[f64; 2]]) -> Positions {
        let axis = |axis: usize| points.iter().map(|point| point[axis]).collect();
        Positions { x: axis(0), y: axis(1), z: None }
    }

    /// Cells by their numbers in files, 0 for noise.
    fn numbered(cells: &[u32]) -> Vec<Option<CellIdx>> {
        cells.iter().map(|&cell| CellIdx::from_number(cell)).collect()
    }

    /// Outlines the cells and checks that there is one valid ring for each, in order.
    fn outline_all(points: &[[f64; 2]], cells: &[u32]) -> Vec<CellOutline> {
        let n_cells = cells.iter().max().copied().unwrap_or(0) as usize;
        let outlines = outline_cells(&positions(points), &numbered(cells), n_cells);
        let mut expected: Vec<u32> = cells.iter().copied().filter(|&cell| cell > 0).collect();
        expected.sort_unstable();
        expected.dedup();
        let found: Vec<u32> = outlines.iter().map(|outline| outline.cell.number()).collect();
        assert_eq!(found, expected);
        outlines.iter().for_each(|outline| assert_valid(&outline.ring));
        outlines
    }

    /// A square of side 100 and a depth of 10 with 20,000 molecules, a fifth of them noise, dense on the left; compact
    /// cells, and 500 of one to three molecules.
    pub(in crate::polygons) fn slide() -> (Positions, Vec<Option<CellIdx>>, usize) {
        let draws = Draws::new(29, Stream::Jitter);
        let n = 20_000u64;
        let axis = |which: u64, length: f64| (0..n).map(|i| length * draws.at(which).uniform(i)).collect::<Vec<f64>>();
        let (x, y, z) =
            (axis(0, 1.0).iter().map(|u| 100.0 * u * u).collect::<Vec<f64>>(), axis(1, 100.0), axis(2, 10.0));
        let cell = |i: u64| {
            let (column, row) = ((x[i as usize] / 4.0) as u32, (y[i as usize] / 4.0) as u32);
            match draws.at(3).uniform(i) {
                u if u < 0.2 => 0,
                // Neighbors in space are far from each other in number: most of these have one molecule in a place.
                u if u < 0.25 => 626 + ((x[i as usize] * 5.0) as u32 * 7 + (y[i as usize] * 5.0) as u32 * 501) % 500,
                _ => 1 + 25 * row + column,
            }
        };
        // Of each small cell only the molecules near its first one.
        let mut first = vec![None; 1200];
        let cells: Vec<u32> = (0..n)
            .map(|i| {
                let (at, cell) = (i as usize, cell(i));
                if cell < 626 {
                    return cell;
                }
                let home = *first[cell as usize].get_or_insert(at);
                if (x[at] - x[home]).hypot(y[at] - y[home]) < 3.0 { cell } else { 0 }
            })
            .collect();
        (Positions { x, y, z: Some(z) }, numbered(&cells), 1126)
    }

    /// The molecules of a window (x from, to, y from, to), their cells, and which cells are in it completely.
    pub(in crate::polygons) fn window_of(
        positions: &Positions,
        cell_of: &[Option<CellIdx>],
        n_cells: usize,
        [x0, x1, y0, y1]: [f64; 4],
    ) -> (Positions, Vec<Option<CellIdx>>, Vec<bool>) {
        let is_in = |at: &usize| (x0..=x1).contains(&positions.x[*at]) && (y0..=y1).contains(&positions.y[*at]);
        let inside: Vec<usize> = (0..positions.len()).filter(is_in).collect();
        let pick = |values: &[f64]| inside.iter().map(|&at| values[at]).collect::<Vec<f64>>();
        let mut is_whole = vec![true; n_cells];
        for at in (0..positions.len()).filter(|at| !is_in(at)) {
            cell_of[at].into_iter().for_each(|cell| is_whole[cell.idx()] = false);
        }
        let part = Positions { x: pick(&positions.x), y: pick(&positions.y), z: positions.z.as_deref().map(pick) };
        (part, inside.iter().map(|&at| cell_of[at]).collect(), is_whole)
    }

    #[test]
    fn a_molecule_of_another_cell_is_left_out() {
        // Cell 1 is a square with a molecule near the lower side; a noise molecule below it.
        let points = [[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0], [2.0, 1.0], [2.0, 0.5]];
        let outlines = outline_all(&points, &[1, 1, 1, 1, 1, 0]);
        let with_notch = [[0.0, 0.0], [2.0, 1.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0], [0.0, 0.0]];
        assert_eq!(outlines[0].ring, with_notch);
        let outlines = outline_all(&points, &[1, 1, 1, 1, 1, 1]);
        assert_eq!(area(&outlines[0].ring), 16.0);
    }

    #[test]
    fn a_noise_molecule_at_the_place_of_an_own_one_cuts_nothing() {
        let points = [[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0], [2.0, 1.0], [4.0, 0.0], [2.0, 1.0]];
        let outlines = outline_all(&points, &[1, 1, 1, 1, 1, 0, 0]);
        assert_eq!(area(&outlines[0].ring), 16.0);
    }

    #[test]
    fn cells_of_one_and_two_molecules_have_rhombi_of_the_offset() {
        // Mean nearest distance: 2. Half the width: 0.02.
        let outlines = outline_all(&[[0.0, 0.0], [2.0, 0.0], [4.0, 0.0]], &[1, 2, 2]);
        assert_eq!(outlines[0].ring, [[-0.02, 0.0], [0.0, -0.02], [0.02, 0.0], [0.0, 0.02], [-0.02, 0.0]]);
        assert_eq!(outlines[1].ring, [[2.0, 0.0], [3.0, -0.02], [4.0, 0.0], [3.0, 0.02], [2.0, 0.0]]);
    }

    #[test]
    fn a_hundred_molecules_on_a_line_in_ten_cells_have_ten_outlines() {
        for direction in [[0.1, 0.0], [0.0, 0.1], [0.1, 0.3]] {
            let points: Vec<[f64; 2]> = (1..=100).map(|i| direction.map(|step| step * f64::from(i))).collect();
            let cells: Vec<u32> = (0..100).map(|i| i / 10 + 1).collect();
            assert_eq!(outline_all(&points, &cells).len(), 10);
        }
    }

    #[test]
    fn molecules_at_one_place_anywhere_have_an_outline() {
        for place in [0.0, 1.0, 1e6, 1e16, -1e30, 1e-200] {
            assert_eq!(outline_all(&[[place, place]; 5], &[1, 1, 2, 0, 3]).len(), 3);
        }
    }

    #[test]
    fn without_molecules_or_cells_there_are_no_outlines() {
        assert!(outline_cells(&positions(&[]), &[], 0).is_empty());
        assert!(outline_cells(&positions(&[[1.0, 1.0]]), &[None], 0).is_empty());
        assert!(outline_cells(&positions(&[[1.0, 1.0]]), &[None], 3).is_empty());
    }

    #[test]
    fn random_cells_of_every_kind_have_simple_rings_around_their_molecules() {
        // 4000 cells, scattered and compact, on continuous, integer and coarse coordinates.
        for case in 0..40u64 {
            let draws = Draws::new(case, Stream::Jitter);
            let n = 2000usize;
            let levels = [f64::INFINITY, 1000.0, 30.0, 4.0][case as usize % 4];
            let place = |i: usize, axis: u64| {
                let at = draws.at(axis).uniform(i as u64);
                if levels.is_finite() { (at * levels).floor() } else { at * 1e3 - 500.0 }
            };
            let points: Vec<[f64; 2]> = (0..n).map(|i| [place(i, 0), place(i, 1)]).collect();
            let span = if levels.is_finite() { levels } else { 1e3 };
            let tile = |value: f64| ((value / span + 0.5).fract().abs() * 10.0) as u32;
            let compact = case % 8 < 4;
            let cells: Vec<u32> = (0..n)
                .map(|i| match (draws.at(2).uniform(i as u64), compact) {
                    (u, _) if u < 0.2 => 0,
                    (_, true) => 1 + 10 * tile(points[i][0]) + tile(points[i][1]),
                    (u, false) => 1 + (u * 100.0) as u32,
                })
                .collect();
            for outline in outline_all(&points, &cells) {
                let own = || (0..n).filter(|&i| cells[i] == outline.cell.number()).map(|i| points[i]);
                let on_line = outline.ring.len() == 5;
                assert!(on_line || outline.ring.iter().all(|vertex| own().any(|point| point == *vertex)));
                assert!(on_line || own().all(|point| encloses(&outline.ring, point)), "a molecule got lost");
            }
        }
    }

    /// Whether a point is inside of a ring or one of its vertices.
    fn encloses(ring: &[[f64; 2]], [x, y]: [f64; 2]) -> bool {
        let mut inside = false;
        for side in ring.windows(2) {
            let (a, b) = (side[0], side[1]);
            let cross = (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]);
            let dot = (a[0] - x) * (b[0] - x) + (a[1] - y) * (b[1] - y);
            if cross == 0.0 && dot <= 0.0 {
                return true; // on a side
            }
            if (a[1] > y) != (b[1] > y) && (cross > 0.0) == (b[1] > a[1]) {
                inside = !inside;
            }
        }
        inside
    }

    #[test]
    fn neither_threads_nor_the_order_of_molecules_change_outlines() {
        let draws = Draws::new(11, Stream::Jitter);
        let n = 3000usize;
        let points: Vec<[f64; 2]> = (0..n as u64).map(|i| [0, 1].map(|axis| draws.at(axis).uniform(i))).collect();
        let cells: Vec<u32> =
            points.iter().map(|point| 1 + (point[0] * 9.0) as u32 * 9 + (point[1] * 9.0) as u32).collect();
        let cells: Vec<u32> = (0..n).map(|i| if draws.at(3).uniform(i as u64) < 0.2 { 0 } else { cells[i] }).collect();
        let with_threads = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| outline_all(&points, &cells))
        };
        let outlines = with_threads(1);
        assert_eq!(outlines, with_threads(3));
        let reversed = |values: &[u32]| values.iter().rev().copied().collect::<Vec<_>>();
        let backwards: Vec<[f64; 2]> = points.iter().rev().copied().collect();
        assert_eq!(outlines, outline_all(&backwards, &reversed(&cells)));
    }

    #[test]
    fn a_part_of_a_slide_has_the_outlines_of_the_whole() {
        let (positions, cell_of, n_cells) = slide();
        let whole = outline_cells(&positions, &cell_of, n_cells);
        let spacing = molecule_spacing(&positions);
        for window in [[20.0, 65.0, 35.0, 90.0], [0.0, 100.0, 0.0, 31.0], [40.0, 60.0, 40.0, 60.0]] {
            let (part, cells, is_whole) = window_of(&positions, &cell_of, n_cells, window);
            let found = outline_cells_of_part(&part, &cells, n_cells, spacing);
            let within = |outlines: &[CellOutline]| {
                outlines.iter().filter(|outline| is_whole[outline.cell.idx()]).cloned().collect::<Vec<_>>()
            };
            let (found, expected) = (within(&found), within(&whole));
            assert_eq!(found, expected);
            assert!(found.len() > 25 && found.len() < whole.len() / 2, "{}", found.len());
            let n_rhombi = found.iter().filter(|outline| outline.ring.len() == 5).count();
            assert!(n_rhombi > 2 && n_rhombi < found.len() / 2, "{n_rhombi} of {}", found.len());
            // Other spacings have other rhombi: this is why a part has to know that of the slide.
            assert_ne!(within(&outline_cells_of_part(&part, &cells, n_cells, 2.0 * spacing)), expected);
        }
        assert_eq!(molecule_spacing(&Positions { x: vec![1.0; 3], y: vec![1.0; 3], z: None }), ANY_SPACING);
    }

    #[test]
    fn outlines_agree_with_those_of_0_7_1() {
        // Of two sets of simulated tissue, 56 % and 65 % of the outlines are the same. The rest
        // differ because 0.7.1 starts from a triangulation without some triangles at the hull (with
        // those dropped, 91 % and 95 % agree) or visits triangles in another order.
        let text = include_str!("../../tests/data/cell_outlines_0.7.1.csv");
        let rows: Vec<Vec<f64>> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split(',').map(|value| value.parse().unwrap()).collect())
            .collect();
        let n_cases = rows.iter().filter(|row| row.len() == 3).count();
        assert_eq!(n_cases, 12);
        for expected in rows.iter().filter(|row| row.len() == 3) {
            let molecules = || rows.iter().filter(|row| row.len() == 4 && row[0] == expected[0]);
            let points: Vec<[f64; 2]> = molecules().map(|row| [row[1], row[2]]).collect();
            let cells: Vec<u32> = molecules().map(|row| row[3] as u32).collect();
            let outline = &outline_all(&points, &cells)[0];
            assert!((area(&outline.ring) / expected[1] - 1.0).abs() < 1e-9, "case {}", expected[0]);
            assert_eq!(outline.ring.len() - 1, expected[2] as usize, "case {}", expected[0]);
        }
    }
}
