//! Shared molecules one after another, each with all the tiles that have it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{SharedMolecule, TileCells};

/// A molecule in a tile: the tile, and the place among its shared molecules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub tile: u32,
    pub at: u32,
}

impl Place {
    pub fn of(self, tiles: &[TileCells]) -> &SharedMolecule {
        &tiles[self.tile as usize].shared[self.at as usize]
    }

    pub fn of_mut(self, tiles: &mut [TileCells]) -> &mut SharedMolecule {
        &mut tiles[self.tile as usize].shared[self.at as usize]
    }

    /// The place of the molecule's cell among those of all tiles, as the tile has it.
    pub fn cell(self, tiles: &[TileCells], offsets: &[usize]) -> Option<usize> {
        self.of(tiles).cell().map(|cell| offsets[self.tile as usize] + cell.idx())
    }
}

/// A walk over the shared molecules of all tiles by ascending ids.
pub(super) struct Groups {
    /// The next molecule of each tile: its id, the tile, its place.
    next: BinaryHeap<Reverse<(u32, u32, u32)>>,
}

impl Groups {
    pub fn of(tiles: &[TileCells]) -> Self {
        let first = |(tile, cells): (usize, &TileCells)| Some(Reverse((cells.shared.first()?.id, tile as u32, 0)));
        Self { next: tiles.iter().enumerate().filter_map(first).collect() }
    }

    /// Finds the next molecule: where it is in the tiles that have it, ascending. False at the end.
    pub fn next(&mut self, tiles: &[TileCells], places: &mut Vec<Place>) -> bool {
        places.clear();
        let Some(&Reverse((id, ..))) = self.next.peek() else { return false };
        while let Some(mut first) = self.next.peek_mut() {
            let Reverse((next_id, tile, at)) = *first;
            if next_id != id {
                break;
            }
            places.push(Place { tile, at });
            match tiles[tile as usize].shared.get(at as usize + 1) {
                Some(following) => *first = Reverse((following.id, tile, at + 1)),
                None => drop(std::collections::binary_heap::PeekMut::pop(first)),
            }
        }
        true
    }
}
