//! Which cells of different tiles are the same, and which of them stay.

use std::cmp::Reverse;

use rayon::prelude::*;

use super::{SharedMolecule, TileCell, TileCells};

/// Cells are the same if they share at least one in this many of the smaller one's molecules.
const SHARED_ONE_IN: u32 = 2;
/// A cell is rescued if at least one in this many of its molecules would be lost.
const LOST_ONE_IN: u32 = 2;

/// Pairs of cells that are the same in two tiles.
pub(super) struct Matches {
    /// Both directions: a cell, another one, shared molecules; by the first, then the second. Cells are places among
    /// those of all tiles.
    pairs: Vec<(u32, u32, u32)>,
}

impl Matches {
    /// Compares the cells of all tiles that overlap.
    pub fn find(tiles: &[TileCells], offsets: &[usize]) -> Self {
        let of_tile = |low: usize| {
            let above = (low + 1..tiles.len()).filter(|&high| tiles[low].reach.meets(&tiles[high].reach));
            let mut pairs = Vec::new();
            for high in above {
                let cell = |tile: usize, cell: u32| (offsets[tile] + cell as usize) as u32;
                let found = of_two_tiles(&tiles[low], &tiles[high]).into_iter();
                let found = found.map(|(a, b, n)| (cell(low, a), cell(high, b), n));
                pairs.extend(found.flat_map(|(a, b, n)| [(a, b, n), (b, a, n)]));
            }
            pairs
        };
        let mut pairs: Vec<_> = (0..tiles.len()).into_par_iter().flat_map_iter(of_tile).collect();
        pairs.sort_unstable();
        Self { pairs }
    }

    /// Number of pairs.
    pub fn n_pairs(&self) -> usize {
        self.pairs.len() / 2
    }

    /// Cells that match one, with the numbers of shared molecules.
    fn of(&self, cell: usize) -> impl Iterator<Item = (usize, u32)> + '_ {
        let begin = self.pairs.partition_point(|&(first, ..)| (first as usize) < cell);
        let own = self.pairs[begin..].iter().take_while(move |&&(first, ..)| first as usize == cell);
        own.map(|&(_, other, n)| (other as usize, n))
    }

    /// What has replaced each cell that did not stay: the match that did, the one with most shared molecules, then the
    /// first. `[n_cells of all tiles]`
    pub fn successors(&self, kept: &[bool]) -> Vec<Option<u32>> {
        let successor = |cell: usize| {
            let stayed = self.of(cell).filter(|&(other, _)| kept[other]);
            stayed.max_by_key(|&(other, n)| (n, Reverse(other))).map(|(other, _)| other as u32)
        };
        (0..kept.len()).map(|cell| if kept[cell] { None } else { successor(cell) }).collect()
    }
}

/// Cells of two tiles that match, with the numbers of shared molecules.
fn of_two_tiles(a: &TileCells, b: &TileCells) -> Vec<(u32, u32, u32)> {
    // Molecules of each cell that the other tile has.
    let (mut n_a, mut n_b) = (vec![0u32; a.cells.len()], vec![0u32; b.cells.len()]);
    let mut together: Vec<(u32, u32)> = Vec::new();
    for_common(&a.shared, &b.shared, |a, b| {
        let cells = (a.cell(), b.cell());
        cells.0.iter().for_each(|cell| n_a[cell.idx()] += 1);
        cells.1.iter().for_each(|cell| n_b[cell.idx()] += 1);
        if let (Some(a), Some(b)) = cells {
            together.push((a.idx() as u32, b.idx() as u32));
        }
    });
    together.sort_unstable();
    let pairs = together.chunk_by(|one, other| one == other).filter_map(|same| {
        let ((one, other), n) = (same[0], same.len() as u32);
        let smaller =
            size(&a.cells[one as usize], n_a[one as usize]).min(size(&b.cells[other as usize], n_b[other as usize]));
        (n >= smaller.div_ceil(SHARED_ONE_IN)).then_some((one, other, n))
    });
    pairs.collect()
}

/// How many molecules of a cell count, of which another tile has `n_shared`.
///
/// METHOD: what is not at home may be cut by the rim of its tile, so only what both tiles have can be compared. A cell at
/// home is far from the rim, and all of it would be in another tile that has it at home.
fn size(cell: &TileCell, n_shared: u32) -> u32 {
    if cell.is_at_home { cell.n_molecules } else { n_shared }
}

/// Calls `with` for every molecule of both lists, whose ids ascend.
fn for_common(a: &[SharedMolecule], b: &[SharedMolecule], mut with: impl FnMut(&SharedMolecule, &SharedMolecule)) {
    let (mut at_a, mut at_b) = (0, 0);
    while let (Some(one), Some(other)) = (a.get(at_a), b.get(at_b)) {
        if one.id == other.id {
            with(one, other);
        }
        at_a += usize::from(one.id <= other.id);
        at_b += usize::from(other.id <= one.id);
    }
}

/// All cells of all tiles, with their places.
fn all<'a>(tiles: &'a [TileCells], offsets: &'a [usize]) -> impl Iterator<Item = (usize, &'a TileCell)> {
    tiles.iter().zip(offsets).flat_map(|(tile, &first)| (first..).zip(&tile.cells))
}

/// Which cells stay because they are at home: of those that match, those with most molecules in their core, then the first.
/// `[n_cells of all tiles]`
pub(super) fn keep_at_home(tiles: &[TileCells], offsets: &[usize], matches: &Matches) -> Vec<bool> {
    let mut kept = vec![false; offsets.last().copied().unwrap_or(0)];
    let mut at_home: Vec<(Reverse<u32>, u32)> = Vec::new();
    for (place, cell) in all(tiles, offsets).filter(|(_, cell)| cell.is_at_home) {
        // Without a match nothing is to be decided.
        if matches.of(place).next().is_some() {
            at_home.push((Reverse(cell.n_in_core), place as u32));
        } else {
            kept[place] = true;
        }
    }
    at_home.sort_unstable();
    keep_in_order(at_home.into_iter().map(|(_, place)| place as usize), matches, &mut kept);
    kept
}

/// Lets cells stay that are not at home and would be missed; returns their number.
///
/// `support`: molecules of each cell that would be noise though another tile has them in a cell, too. `[n_cells]`
pub(super) fn rescue(
    tiles: &[TileCells],
    offsets: &[usize],
    matches: &Matches,
    support: &[u32],
    kept: &mut [bool],
) -> u64 {
    let is_missed = |place: usize, cell: &TileCell| {
        !cell.is_at_home && support[place] > 0 && support[place] >= cell.n_molecules.div_ceil(LOST_ONE_IN)
    };
    let missed = all(tiles, offsets).filter(|&(place, cell)| is_missed(place, cell));
    let mut missed: Vec<(bool, Reverse<u32>, u32)> =
        missed.map(|(place, cell)| (cell.is_at_rim, Reverse(cell.n_in_core), place as u32)).collect();
    missed.sort_unstable();
    keep_in_order(missed.into_iter().map(|(.., place)| place as usize), matches, kept)
}

/// Keeps one cell after another, but none that is the same as a kept one. Returns how many.
fn keep_in_order(cells: impl Iterator<Item = usize>, matches: &Matches, kept: &mut [bool]) -> u64 {
    let mut n_kept = 0;
    for cell in cells {
        if !matches.of(cell).any(|(other, _)| kept[other]) {
            kept[cell] = true;
            n_kept += 1;
        }
    }
    n_kept
}

/// Cells that are at home and did not stay.
pub(super) fn count_dropped_at_home(tiles: &[TileCells], kept: &[bool]) -> u64 {
    let cells = tiles.iter().flat_map(|tile| &tile.cells).zip(kept);
    cells.filter(|(cell, kept)| cell.is_at_home && !**kept).count() as u64
}
