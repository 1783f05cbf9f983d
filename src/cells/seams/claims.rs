//! Which cell a molecule belongs to.

use super::groups::{Groups, Place};
use super::{SeamCounts, TileCells};
use crate::data::CellIdx;

/// Cells of all tiles, with what has become of them.
#[derive(Clone, Copy)]
pub(super) struct Fates<'a> {
    /// Where the cells of each tile begin. `[n_tiles + 1]`
    pub offsets: &'a [usize],
    /// Which ones stay. `[n_cells of all tiles]`
    pub kept: &'a [bool],
    /// What has replaced the others. `[n_cells of all tiles]`
    pub successors: &'a [Option<u32>],
}

impl Fates<'_> {
    /// The first of a molecule's cells that has been replaced by one that can have the molecule: one of a tile with the
    /// molecule, which is not noise there. Returns the molecule's place, the tile of the new cell and the new cell.
    fn follow<'p>(&self, places: &'p [Place], tiles: &[TileCells]) -> Option<(&'p Place, u32, usize)> {
        let cell_of = |place: &Place| place.cell(tiles, self.offsets);
        places.iter().find_map(|place| {
            let successor = self.successors[cell_of(place)?]? as usize;
            let tile = self.offsets.partition_point(|&first| first <= successor) as u32 - 1;
            let is_in_cell = places.iter().any(|place| place.tile == tile && cell_of(place).is_some());
            is_in_cell.then_some((place, tile, successor))
        })
    }
}

/// Counts for each cell the molecules that are left to no cell though another tile, too, has them in one. `[n_cells]`
pub(super) fn support(tiles: &[TileCells], fates: Fates<'_>) -> Vec<u32> {
    let mut support = vec![0u32; fates.kept.len()];
    let (mut groups, mut places) = (Groups::of(tiles), Vec::new());
    while groups.next(tiles, &mut places) {
        let cells = || places.iter().filter_map(|place| place.cell(tiles, fates.offsets));
        let is_claimed = || cells().any(|cell| fates.kept[cell]);
        if cells().nth(1).is_some() && !is_claimed() && fates.follow(&places, tiles).is_none() {
            cells().for_each(|cell| support[cell] += 1);
        }
    }
    support
}

/// What a cell has in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Claimed {
    pub n_molecules: u32,
    /// Whether other tiles have one of its molecules.
    pub is_in_overlap: bool,
    /// Whether one of its molecules is in the core of another tile.
    pub is_across_border: bool,
}

/// What a molecule is in the end.
struct Verdict {
    /// Its cell, a place among those of all tiles, and the tile that the cell comes from.
    cell: Option<(u32, usize)>,
    assignment_confidence: f32,
}

/// Gives every shared molecule its cell, as a place among those of all tiles, and tells what each cell has. `[n_cells]`
///
/// A cell that stays keeps those of its molecules that no other tile has.
pub(super) fn settle(tiles: &mut [TileCells], fates: Fates<'_>, counts: &mut SeamCounts) -> Vec<Claimed> {
    let mut claimed: Vec<Claimed> = (tiles.iter().flat_map(|tile| &tile.cells))
        .map(|cell| Claimed { n_molecules: cell.n_molecules, ..Claimed::default() })
        .collect();
    let (mut groups, mut places) = (Groups::of(tiles), Vec::new());
    while groups.next(tiles, &mut places) {
        // The tile with the molecule in its core first, the others in their order.
        places.sort_by_key(|place| !place.of(tiles).is_in_core());
        let verdict = judge(&places, tiles, fates, counts);
        counts.n_shared_molecules += 1;
        for cell in places.iter().filter_map(|place| place.cell(tiles, fates.offsets)) {
            claimed[cell].n_molecules -= 1;
        }
        if let Some((tile, cell)) = verdict.cell {
            let is_in_core = |place: &Place| place.tile == tile && place.of(tiles).is_in_core();
            let claimed = &mut claimed[cell];
            claimed.n_molecules += 1;
            claimed.is_in_overlap = true;
            claimed.is_across_border |= !places.iter().any(is_in_core);
        }
        let cluster = places.first().and_then(|place| place.of(tiles).cluster);
        for place in &places {
            let molecule = place.of_mut(tiles);
            molecule.set_cell(verdict.cell.map(|(_, cell)| CellIdx::new(cell)));
            molecule.assignment_confidence = verdict.assignment_confidence;
            molecule.cluster = cluster;
        }
    }
    claimed
}

/// Decides about one molecule. `places`: the tile with it in its core first.
fn judge(places: &[Place], tiles: &[TileCells], fates: Fates<'_>, counts: &mut SeamCounts) -> Verdict {
    let cell_of = |place: &Place| place.cell(tiles, fates.offsets);
    let confidence = |place: &Place| place.of(tiles).assignment_confidence;
    let claims = || places.iter().filter(|place| cell_of(place).is_some_and(|cell| fates.kept[cell]));
    counts.n_conflicts += u64::from(claims().nth(1).is_some());
    let in_core = claims().find(|place| place.of(tiles).is_in_core());
    // The first of equals: of the lowest tile.
    let most_trusted = || claims().rev().max_by(|a, b| confidence(a).total_cmp(&confidence(b)));
    if let Some(place) = in_core.or_else(most_trusted) {
        let cell = cell_of(place).map(|cell| (place.tile, cell));
        return Verdict { cell, assignment_confidence: confidence(place) };
    }
    if let Some((place, tile, successor)) = fates.follow(places, tiles) {
        counts.n_followers += 1;
        return Verdict { cell: Some((tile, successor)), assignment_confidence: confidence(place) };
    }
    counts.n_freed += u64::from(places.first().and_then(cell_of).is_some());
    // Noise: as sure as the tile that has it as noise, and not at all if there is none.
    let noise = places.iter().find(|place| cell_of(place).is_none());
    Verdict { cell: None, assignment_confidence: noise.map_or(0.0, confidence) }
}
