//! Cells of overlapping tiles put together: every molecule has one cell, and every cell comes from one tile.
//!
//! Tiles overlap, and each has segmented all that it holds. Near a border the same cell is found twice, or almost the
//! same. What becomes of it:
//!
//! 1. **Matches.** Two cells of different tiles are the same cell if they share at least half of the molecules of the
//!    smaller one; of a cell that is not at home (2.) those molecules count that the other tile has, too.
//! 2. **Home.** A cell whose center is in the core of its own tile is at home there, and stays. If cells that match are
//!    all at home, which happens when the center lies about on the border, the one with most molecules in its own core
//!    stays, then the one of the lower tile.
//! 3. **Rescue.** If no tile has a cell at home, because each puts the center a little beyond the border, the cell would
//!    be lost. So a cell that is not at home stays after all if at least half of its molecules would be noise otherwise
//!    (4.) though another tile, too, has them in a cell.
//! 4. **Molecules.** A molecule of one cell that stays belongs to it. Claimed by cells of several tiles, it goes to that
//!    of the tile with the molecule in its core, else to the one with the higher assignment confidence, else to the
//!    lower tile. Claimed by none, but in cells of two tiles, it follows its cell to the one that has replaced it.
//!    All others are noise.
//!
//! METHOD: a cell stays as one tile has it, and is not put together from what each core has: the model has judged the
//! cell as a whole, and both tiles have seen all of it. Matches are judged one by one, strongest cell first, and not by
//! what hangs together: in a chain of cells that overlap by pairs, the ends are different cells.
//!
//! Whole numbers and sorts: the result does not depend on threads, nor on the order of molecules in space.
//! Memory: 16 bytes per molecule and tile in overlaps, 40 bytes per cell of a tile.

mod claims;
mod groups;
mod matching;
#[cfg(test)]
mod tests;

use claims::Fates;

use crate::data::{CellIdx, ClusterIdx};
use crate::spatial::tiling::Rect;

/// The bit that says that a molecule is in the core of its tile.
const IN_CORE: u32 = 1 << 31;

/// A molecule that is in more than one tile, as one of these tiles has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SharedMolecule {
    /// Which molecule it is, by its number on the slide.
    pub id: u32,
    /// Number of the cell, 0 for none, and [`IN_CORE`].
    code: u32,
    /// Trust in the assignment, 0..=1.
    pub assignment_confidence: f32,
    /// Its cluster, if molecules are clustered.
    pub cluster: Option<ClusterIdx>,
}

impl SharedMolecule {
    /// The molecule `id`, and whether the core of the tile has it.
    pub fn new(id: u32, cell: Option<CellIdx>, is_in_core: bool) -> Self {
        let code = cell.map_or(0, CellIdx::number) | if is_in_core { IN_CORE } else { 0 };
        Self { id, code, assignment_confidence: 0.0, cluster: None }
    }

    /// The cell: before reconciling that of the tile, afterwards that of the slide.
    pub fn cell(&self) -> Option<CellIdx> {
        CellIdx::from_number(self.code & !IN_CORE)
    }

    /// Whether the core of the tile has it.
    pub fn is_in_core(&self) -> bool {
        self.code & IN_CORE != 0
    }

    fn set_cell(&mut self, cell: Option<CellIdx>) {
        self.code = (self.code & IN_CORE) | cell.map_or(0, CellIdx::number);
    }
}

/// A cell as a tile has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TileCell {
    /// Number of its molecules.
    pub n_molecules: u32,
    /// How many of them are in the core of the tile.
    pub n_in_core: u32,
    /// Whether its center is in the core of the tile.
    pub is_at_home: bool,
    /// Whether it comes near the outer rim of the tile, beyond which it may go on.
    pub is_at_rim: bool,
}

/// What a tile has found, as far as other tiles are concerned.
#[derive(Clone, Debug, PartialEq)]
pub struct TileCells {
    /// Core and margin of the tile.
    pub reach: Rect,
    /// Its cells. `[n_cells]`
    pub cells: Vec<TileCell>,
    /// The molecules that other tiles have, too, with ascending ids.
    pub shared: Vec<SharedMolecule>,
}

/// Which cells the slide has, and which molecules are theirs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seams {
    /// Cells of the tiles one after another: the cell of the slide, `None` for those that went. `[n_cells of all tiles]`
    pub cell_of: Vec<Option<CellIdx>>,
    /// Where the cells of each tile begin in [`cell_of`](Self::cell_of). `[n_tiles + 1]`
    pub offsets: Vec<usize>,
    /// Where the cells of the slide begin that come from each tile. `[n_tiles + 1]`
    pub first_cell: Vec<usize>,
    /// The shared molecules of each tile with what they are on the slide: the cell, trust in it, and the cluster that
    /// the tile with the molecule in its core has found. `[n_tiles]`
    pub shared: Vec<Vec<SharedMolecule>>,
    /// What happened, in numbers.
    pub counts: SeamCounts,
}

impl Seams {
    /// Number of cells of the slide.
    pub fn n_cells(&self) -> usize {
        self.first_cell.last().copied().unwrap_or(0)
    }

    /// The cells of the slide that stand for the cells of a tile. `[n_cells of the tile]`
    pub fn cells_of(&self, tile: usize) -> &[Option<CellIdx>] {
        &self.cell_of[self.offsets[tile]..self.offsets[tile + 1]]
    }
}

/// What happened where tiles overlap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeamCounts {
    /// Molecules in more than one tile.
    pub n_shared_molecules: u64,
    /// Cells of the slide with such molecules.
    pub n_cells_in_overlaps: u64,
    /// Cells of the slide with molecules in more than one core.
    pub n_cells_across_borders: u64,
    /// Pairs of cells that are the same cell in two tiles.
    pub n_matches: u64,
    /// Cells that were at home in two tiles, counted once less than they were found.
    pub n_duplicates: u64,
    /// Cells that were at home in no tile and stayed all the same.
    pub n_rescued: u64,
    /// Cells that lost all of their molecules to others.
    pub n_emptied: u64,
    /// Molecules that cells of several tiles claimed.
    pub n_conflicts: u64,
    /// Molecules that followed their cell to the one that has replaced it.
    pub n_followers: u64,
    /// Molecules in a cell of the tile that has them in its core, and in none of the slide.
    pub n_freed: u64,
    /// Cells of the slide that come near the outer rim of their tile.
    pub n_at_rim: u64,
}

/// Puts the cells of all tiles together by the rules that the module describes.
///
/// The order of tiles is theirs on the slide: it decides ties and the numbers of cells, which run from tile to tile and,
/// within one, as in the tile.
pub fn reconcile(mut tiles: Vec<TileCells>) -> Seams {
    let offsets = offsets(tiles.iter().map(|tile| tile.cells.len()));
    let matches = matching::Matches::find(&tiles, &offsets);
    let mut kept = matching::keep_at_home(&tiles, &offsets, &matches);
    let support = {
        let successors = matches.successors(&kept);
        claims::support(&tiles, Fates { offsets: &offsets, kept: &kept, successors: &successors })
    };
    let n_rescued = matching::rescue(&tiles, &offsets, &matches, &support, &mut kept);
    drop(support);
    let successors = matches.successors(&kept);
    let mut counts = SeamCounts {
        n_matches: matches.n_pairs() as u64,
        n_duplicates: matching::count_dropped_at_home(&tiles, &kept),
        n_rescued,
        ..SeamCounts::default()
    };
    drop(matches);
    let fates = Fates { offsets: &offsets, kept: &kept, successors: &successors };
    let claimed = claims::settle(&mut tiles, fates, &mut counts);
    number_cells(tiles, offsets, kept, claimed, counts)
}

/// Where the parts of a whole begin, and where the last one ends.
fn offsets(lengths: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut end = 0;
    let mut offsets = vec![0];
    offsets.extend(lengths.map(|length| {
        end += length;
        end
    }));
    offsets
}

/// Numbers the cells that have stayed and have molecules.
fn number_cells(
    mut tiles: Vec<TileCells>,
    offsets: Vec<usize>,
    kept: Vec<bool>,
    claimed: Vec<claims::Claimed>,
    mut counts: SeamCounts,
) -> Seams {
    let (mut cell_of, mut first_cell) = (Vec::with_capacity(kept.len()), vec![0]);
    let mut n_cells = 0;
    for (tile, range) in tiles.iter().zip(offsets.windows(2)) {
        for (cell, at) in tile.cells.iter().zip(range[0]..range[1]) {
            let is_cell = kept[at] && claimed[at].n_molecules > 0;
            cell_of.push(is_cell.then(|| CellIdx::new(n_cells)));
            n_cells += usize::from(is_cell);
            counts.n_emptied += u64::from(kept[at] && !is_cell);
            // What no other tile has is noise with its cell.
            counts.n_freed += if kept[at] { 0 } else { claimed[at].n_molecules.into() };
            counts.n_at_rim += u64::from(is_cell && cell.is_at_rim);
            counts.n_cells_in_overlaps += u64::from(is_cell && claimed[at].is_in_overlap);
            counts.n_cells_across_borders += u64::from(is_cell && claimed[at].is_across_border);
        }
        first_cell.push(n_cells);
    }
    for molecule in tiles.iter_mut().flat_map(|tile| &mut tile.shared) {
        molecule.set_cell(molecule.cell().and_then(|cell| cell_of[cell.idx()]));
    }
    let shared = tiles.into_iter().map(|tile| tile.shared).collect();
    Seams { cell_of, offsets, first_cell, shared, counts }
}
