use super::*;

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;

/// Tiles one unit wide from left to right, with molecules at whole numbers of tenths; margins overlap by as much as the
/// molecules say.
struct Slide {
    tiles: Vec<TileCells>,
    next_id: u32,
}

impl Slide {
    fn new(n_tiles: usize) -> Self {
        let reach = |tile: usize| Rect { x: [tile as f64 - 0.9, tile as f64 + 1.9], ..Rect::PLANE };
        let tile = |tile| TileCells { reach: reach(tile), cells: Vec::new(), shared: Vec::new() };
        Self { tiles: (0..n_tiles).map(tile).collect(), next_id: 0 }
    }

    /// Adds `n` molecules in the core of a tile. `cells`: in which tiles they are, and in which cells there, 0 for none.
    fn add(&mut self, n: u32, core: usize, cells: &[(usize, u32)]) {
        for _ in 0..n {
            for &(tile, cell) in cells {
                let own = &mut self.tiles[tile];
                own.cells.resize(own.cells.len().max(cell as usize), TileCell::default());
                if let Some(cell) = CellIdx::from_number(cell) {
                    own.cells[cell.idx()].n_molecules += 1;
                    own.cells[cell.idx()].n_in_core += u32::from(tile == core);
                }
                if cells.len() > 1 {
                    let molecule = SharedMolecule::new(self.next_id, CellIdx::from_number(cell), tile == core);
                    let cluster = Some(ClusterIdx::new(tile));
                    own.shared.push(SharedMolecule { assignment_confidence: 0.5, cluster, ..molecule });
                }
            }
            self.next_id += 1;
        }
    }

    fn at_home(&mut self, tile: usize, cells: &[usize]) {
        cells.iter().for_each(|&cell| self.tiles[tile].cells[cell - 1].is_at_home = true);
    }

    fn reconcile(&self) -> Seams {
        let seams = reconcile(self.tiles.clone());
        assert_eq!(seams.cell_of.len(), self.tiles.iter().map(|tile| tile.cells.len()).sum::<usize>());
        // All tiles agree about a molecule.
        for tile in &seams.shared {
            for molecule in tile {
                let others = seams.shared.iter().flatten().filter(|other| other.id == molecule.id);
                assert!(others.map(SharedMolecule::cell).all(|cell| cell == molecule.cell()));
            }
        }
        seams
    }
}

/// Numbers of the slide's cells that stand for those of a tile, 0 for none.
fn numbers(seams: &Seams, tile: usize) -> Vec<u32> {
    seams.cells_of(tile).iter().map(|cell| cell.map_or(0, CellIdx::number)).collect()
}

/// Numbers of the cells of the molecules of a tile that are shared, 0 for none.
fn shared(seams: &Seams, tile: usize) -> Vec<u32> {
    seams.shared[tile].iter().map(|molecule| molecule.cell().map_or(0, CellIdx::number)).collect()
}

#[test]
fn three_molecules_that_both_tiles_have_as_one_cell_are_one_cell_of_the_tile_with_its_center() {
    let mut slide = Slide::new(2);
    slide.add(2, B, &[(A, 1), (B, 1)]);
    slide.add(1, A, &[(A, 1), (B, 1)]);
    slide.at_home(B, &[1]);
    let seams = slide.reconcile();
    assert_eq!((numbers(&seams, A), numbers(&seams, B)), (vec![0], vec![1]));
    assert_eq!((shared(&seams, A), shared(&seams, B)), (vec![1; 3], vec![1; 3]));
    assert_eq!((seams.n_cells(), &seams.first_cell[..]), (1, &[0, 0, 1][..]));
    let expected = SeamCounts {
        n_shared_molecules: 3,
        n_cells_in_overlaps: 1,
        n_cells_across_borders: 1,
        n_matches: 1,
        ..SeamCounts::default()
    };
    assert_eq!(seams.counts, expected);
    // The cluster is that of the core.
    let clusters: Vec<_> = seams.shared[A].iter().map(|molecule| molecule.cluster.map(ClusterIdx::idx)).collect();
    assert_eq!(clusters, [Some(B), Some(B), Some(A)]);
}

#[test]
fn of_a_cell_at_home_in_two_tiles_the_one_with_more_in_its_core_stays() {
    let mut slide = Slide::new(2);
    slide.add(4, A, &[(A, 1), (B, 2)]);
    slide.add(5, B, &[(A, 1), (B, 2)]);
    slide.add(3, B, &[(B, 1)]);
    slide.at_home(A, &[1]);
    slide.at_home(B, &[1, 2]);
    let seams = slide.reconcile();
    assert_eq!((numbers(&seams, A), numbers(&seams, B)), (vec![0], vec![1, 2]));
    assert_eq!((seams.counts.n_duplicates, seams.counts.n_rescued), (1, 0));
    slide.add(1, A, &[(A, 1), (B, 2)]);
    let seams = slide.reconcile();
    // Five and five: the lower tile.
    assert_eq!((numbers(&seams, A), numbers(&seams, B)), (vec![1], vec![2, 0]));
}

#[test]
fn a_cell_that_both_tiles_put_beyond_the_border_is_rescued_once() {
    let mut slide = Slide::new(2);
    slide.add(4, A, &[(A, 1), (B, 1)]);
    slide.add(5, B, &[(A, 1), (B, 1)]);
    let seams = slide.reconcile();
    assert_eq!((numbers(&seams, A), numbers(&seams, B), seams.counts.n_rescued), (vec![0], vec![1], 1));
    // One that may be cut by the rim is the second choice.
    slide.tiles[B].cells[0].is_at_rim = true;
    let seams = slide.reconcile();
    assert_eq!((numbers(&seams, A), numbers(&seams, B), seams.counts.n_at_rim), (vec![1], vec![0], 0));
}

#[test]
fn cells_at_home_are_not_the_same_because_a_rim_cuts_one_to_pieces() {
    let mut slide = Slide::new(2);
    // Of ten molecules of a cell of B, two are in the margin of A, where its neighbor takes one of them.
    slide.add(8, B, &[(B, 1)]);
    slide.add(1, B, &[(A, 0), (B, 1)]);
    slide.add(1, B, &[(A, 1), (B, 1)]);
    slide.add(20, A, &[(A, 1)]);
    slide.at_home(A, &[1]);
    slide.at_home(B, &[1]);
    let seams = slide.reconcile();
    assert_eq!((numbers(&seams, A), numbers(&seams, B), seams.counts.n_matches), (vec![1], vec![2], 0));
    // If it is not at home in B, it is the neighbor as far as B can tell.
    slide.tiles[B].cells[0].is_at_home = false;
    let seams = slide.reconcile();
    assert_eq!((numbers(&seams, A), numbers(&seams, B), seams.counts.n_matches), (vec![1], vec![0], 1));
    // The eight that A does not have, and the one that is noise there.
    assert_eq!(seams.counts.n_freed, 9);
}

#[test]
fn a_cell_that_only_the_tile_without_its_center_has_is_noise() {
    let mut slide = Slide::new(2);
    slide.add(4, B, &[(A, 1), (B, 0)]);
    slide.add(2, A, &[(A, 1), (B, 0)]);
    let seams = slide.reconcile();
    assert_eq!((seams.n_cells(), shared(&seams, A)), (0, vec![0; 6]));
    // The four were noise anyway where they are at home.
    assert_eq!((seams.counts.n_freed, seams.counts.n_rescued), (2, 0));
}

#[test]
fn at_a_corner_of_three_tiles_no_version_is_rescued_that_others_have_taken_over() {
    let mut slide = Slide::new(3);
    // To A and B it is one cell in the core of C, to C there are two.
    slide.add(6, C, &[(A, 1), (B, 1), (C, 1)]);
    slide.add(6, C, &[(A, 1), (B, 1), (C, 2)]);
    slide.at_home(C, &[1, 2]);
    let seams = slide.reconcile();
    assert_eq!((numbers(&seams, A), numbers(&seams, B), numbers(&seams, C)), (vec![0], vec![0], vec![1, 2]));
    assert_eq!(seams.counts.n_rescued, 0);
    // Without them, the lower tile's stays.
    slide.tiles[C].shared.iter_mut().for_each(|molecule| molecule.set_cell(None));
    slide.tiles[C].cells.clear();
    let seams = slide.reconcile();
    assert_eq!((numbers(&seams, A), numbers(&seams, B), seams.counts.n_rescued), (vec![1], vec![0], 1));
}

#[test]
fn the_ends_of_a_chain_are_different_cells() {
    let mut slide = Slide::new(2);
    // The cell of B has half of each of the two cells of A.
    slide.add(3, A, &[(A, 1), (B, 0)]);
    slide.add(3, B, &[(A, 1), (B, 1)]);
    slide.add(3, B, &[(A, 2), (B, 1)]);
    slide.add(3, A, &[(A, 2), (B, 0)]);
    slide.at_home(A, &[1, 2]);
    slide.at_home(B, &[1]);
    // Six in its core against three each: the middle stays, and both ends are it.
    let seams = slide.reconcile();
    assert_eq!((numbers(&seams, A), numbers(&seams, B), seams.counts.n_duplicates), (vec![0, 0], vec![1], 2));
    // With more in the core, the ends stay, and the middle is a duplicate of both.
    slide.add(5, A, &[(A, 1)]);
    slide.add(4, A, &[(A, 2)]);
    let seams = slide.reconcile();
    assert_eq!((numbers(&seams, A), numbers(&seams, B), seams.counts.n_duplicates), (vec![1, 2], vec![0], 1));
    assert_eq!(shared(&seams, A), [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2]);
}

#[test]
fn molecules_that_two_cells_claim_go_by_core_then_by_trust_then_by_tile() {
    let mut slide = Slide::new(3);
    slide.add(9, A, &[(A, 1), (B, 0)]);
    slide.add(9, B, &[(A, 0), (B, 1)]);
    slide.add(1, A, &[(A, 1), (B, 1)]); // id 18
    slide.add(1, B, &[(A, 1), (B, 1)]); // id 19
    slide.add(3, C, &[(A, 1), (B, 1), (C, 0)]); // ids 20 to 22
    slide.at_home(A, &[1]);
    slide.at_home(B, &[1]);
    let of_b = |id: u32| slide.tiles[B].shared.iter().position(|molecule| molecule.id == id).unwrap();
    let places = [21, 22].map(of_b);
    slide.tiles[B].shared[places[0]].assignment_confidence = 0.6;
    slide.tiles[B].shared[places[1]].assignment_confidence = 0.4;
    let seams = slide.reconcile();
    assert_eq!((numbers(&seams, A), numbers(&seams, B), seams.counts.n_matches), (vec![1], vec![2], 0));
    assert_eq!(shared(&seams, A)[18..], [1, 2, 1, 2, 1]);
    assert_eq!((seams.counts.n_conflicts, seams.counts.n_followers, seams.counts.n_freed), (5, 0, 0));
    let trust: Vec<f32> = seams.shared[C].iter().map(|molecule| molecule.assignment_confidence).collect();
    assert_eq!(trust, [0.5, 0.6, 0.5]);
}

#[test]
fn molecules_follow_a_cell_that_another_tile_has_split() {
    let mut slide = Slide::new(2);
    // One cell to A; two to B, of which one is not at home there.
    slide.add(4, B, &[(A, 1), (B, 1)]);
    slide.add(3, A, &[(A, 1), (B, 2)]);
    slide.add(1, A, &[(A, 1), (B, 0)]);
    slide.at_home(B, &[1]);
    let seams = slide.reconcile();
    // The second follows the first; what is noise to B, which has the cell, stays noise.
    assert_eq!((numbers(&seams, A), numbers(&seams, B)), (vec![0], vec![1, 0]));
    assert_eq!(shared(&seams, A), [1, 1, 1, 1, 1, 1, 1, 0]);
    assert_eq!((seams.counts.n_followers, seams.counts.n_freed), (3, 1));
}

#[test]
fn a_cell_that_loses_all_its_molecules_is_none() {
    let mut slide = Slide::new(3);
    // Each tile has half of the others' cell, so none is the same as another, but A loses both halves.
    slide.add(4, B, &[(A, 1), (B, 1)]);
    slide.add(5, B, &[(B, 1), (C, 0)]);
    slide.add(5, C, &[(A, 1), (C, 1)]);
    slide.add(6, C, &[(C, 1), (B, 0)]);
    slide.at_home(A, &[1]);
    slide.at_home(B, &[1]);
    slide.at_home(C, &[1]);
    // Shared with A alone, all of a cell is shared: keep them apart by matching nothing.
    slide.tiles[A].reach = Rect { x: [90.0, 91.0], ..Rect::PLANE };
    let seams = slide.reconcile();
    assert_eq!((numbers(&seams, A), numbers(&seams, B), numbers(&seams, C)), (vec![0], vec![1], vec![2]));
    assert_eq!((seams.counts.n_emptied, seams.counts.n_conflicts), (1, 9));
}

#[test]
fn cells_away_from_borders_keep_their_order() {
    let mut slide = Slide::new(3);
    slide.add(2, A, &[(A, 1)]);
    slide.add(2, A, &[(A, 2)]);
    slide.add(2, C, &[(C, 1)]);
    slide.at_home(A, &[1, 2]);
    slide.at_home(C, &[1]);
    let seams = slide.reconcile();
    assert_eq!((numbers(&seams, A), numbers(&seams, B), numbers(&seams, C)), (vec![1, 2], vec![], vec![3]));
    assert_eq!(seams.first_cell, [0, 2, 2, 3]);
    assert_eq!(seams.counts, SeamCounts::default());
    assert_eq!(reconcile(Vec::new()).n_cells(), 0);
}
