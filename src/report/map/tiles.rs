//! Molecules in tiles, and inside a tile in levels of detail.

use crate::data::Positions;
use crate::numeric::draws::{Draws, Stream};

/// Levels of detail. Each but the first has as many molecules as all before it.
pub const N_LEVELS: usize = 6;
/// A tile with more molecules is divided.
const MAX_MOLECULES_PER_TILE: usize = 8192;
/// Coordinates inside a tile have so many bits.
const TILE_BITS: u32 = 16;
/// Coordinates are exact to this share of the radius of a cell, at least.
const STEPS_PER_RADIUS: f64 = 1024.0;
/// Molecules for which a tile is worth its row in the directory, where molecules are far apart.
const MIN_MOLECULES_PER_TILE: f64 = 1024.0;
/// Bits of the largest coordinate, in steps.
const MAX_BITS: i32 = 45;

/// A square of the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Its corner with the least x and y, in steps from the origin.
    pub corner: [u64; 2],
    /// Length of its sides: two to this power, in steps.
    pub bits: u32,
    /// Molecules of each level.
    pub counts: [u32; N_LEVELS],
}

/// The molecules that a map shows, by tile, level and place.
///
/// A place is a whole number of steps from the origin. The step is a power of two, and so is every factor of the
/// origin, so that whole coordinates stay whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tiles {
    /// x and y of the first step.
    pub origin: [f64; 2],
    /// Length of a step in units of the coordinates.
    pub step: f64,
    /// The squares with molecules.
    pub tiles: Vec<Tile>,
    /// Molecules: tile after tile, level after level, along a curve through the tile. `[n_shown]`
    pub order: Vec<u32>,
    /// x and y of them in their tile, in steps. `[n_shown]`
    pub places: Vec<[u16; 2]>,
}

impl Tiles {
    /// Puts molecules into tiles; of more than `max_molecules`, about so many.
    ///
    /// METHOD: a hash of the molecule's id says whether it is shown and in which level it is, so every level is a
    /// uniform sample of the molecules of its tile, and the same one whatever the order of the table. Inside a level
    /// molecules follow a Morton curve, so that what follows one another is alike and packs well.
    ///
    /// `ids` `[n_molecules]` are the identities of the molecules; `radius` is that of a typical cell. Coordinates must be
    /// finite. The same result for any number of threads.
    pub fn new(positions: &Positions, ids: &[u32], radius: f64, max_molecules: usize) -> Self {
        let mut order = sample(ids, max_molecules);
        if order.is_empty() {
            return Self { step: 1.0, ..Self::default() };
        }
        let lattice = Lattice::new(positions, &order, radius);
        let coordinates: Vec<[u64; 2]> = (0..positions.len())
            .map(|molecule| lattice.place([positions.x[molecule], positions.y[molecule]]))
            .collect();
        let largest = order.iter().flat_map(|&molecule| coordinates[molecule as usize]).max().unwrap_or(0);
        let bits = u64::BITS - largest.leading_zeros();
        let mut splitter = Splitter { coordinates: &coordinates, tiles: Vec::new() };
        splitter.split(&mut order, [0, 0], bits.max(1));
        let mut tiles = splitter.tiles;
        let levels = Draws::new(0, Stream::Sample).at(1);
        let (mut begin, mut keyed) = (0, Vec::new());
        let mut places = Vec::with_capacity(order.len());
        for (tile, n) in &mut tiles {
            let members = &mut order[begin..begin + *n];
            begin += *n;
            keyed.clear();
            keyed.extend(members.iter().map(|&molecule| {
                let [x, y] = coordinates[molecule as usize];
                let place = [(x - tile.corner[0]) as u16, (y - tile.corner[1]) as u16];
                let level = level(levels.bits(u64::from(ids[molecule as usize])));
                ((level as u64) << 32 | u64::from(morton(place)), molecule, place)
            }));
            keyed.sort_unstable_by_key(|&(key, molecule, _)| (key, molecule));
            for (slot, &(key, molecule, place)) in members.iter_mut().zip(&keyed) {
                *slot = molecule;
                places.push(place);
                tile.counts[(key >> 32) as usize] += 1;
            }
        }
        let tiles = tiles.into_iter().map(|(tile, _)| tile).collect();
        Self { origin: lattice.origin, step: lattice.step, tiles, order, places }
    }

    /// The molecules of each tile: where they are in [`order`](Self::order).
    pub fn ranges(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        self.tiles.iter().scan(0, |begin, tile| {
            let first = *begin;
            *begin += tile.counts.iter().sum::<u32>() as usize;
            Some(first..*begin)
        })
    }

    /// Differences of places to those before in the same level of the same tile, wrapped and with their sign in the last
    /// bit: one array per axis. `[n_shown]`
    pub fn differences(&self) -> [Vec<u32>; 2] {
        let mut differences = [Vec::with_capacity(self.places.len()), Vec::with_capacity(self.places.len())];
        let mut at = 0;
        for n in self.tiles.iter().flat_map(|tile| tile.counts) {
            let mut before = [0u16; 2];
            for place in &self.places[at..at + n as usize] {
                for axis in 0..2 {
                    let difference = place[axis].wrapping_sub(before[axis]) as i16;
                    differences[axis].push(u32::from(((difference << 1) ^ (difference >> 15)) as u16));
                }
                before = *place;
            }
            at += n as usize;
        }
        differences
    }
}

/// Which molecules are shown: all, or a sample by a hash of their ids.
fn sample(ids: &[u32], max_molecules: usize) -> Vec<u32> {
    let all = 0..ids.len() as u32;
    if ids.len() <= max_molecules {
        return all.collect();
    }
    let draws = Draws::new(0, Stream::Sample).at(0);
    let below = ((max_molecules as u128) << 64) / ids.len() as u128;
    all.filter(|&molecule| u128::from(draws.bits(u64::from(ids[molecule as usize]))) < below).collect()
}

/// The level of a molecule with this hash: half of all are in the last one, a quarter in the one before, and so on.
fn level(hash: u64) -> usize {
    N_LEVELS - 1 - (hash.leading_zeros() as usize).min(N_LEVELS - 1)
}

/// Place along a Morton curve: the bits of x and y in turns.
fn morton([x, y]: [u16; 2]) -> u32 {
    let spread = |value: u16| {
        let mut bits = u32::from(value);
        bits = (bits | bits << 8) & 0x00ff_00ff;
        bits = (bits | bits << 4) & 0x0f0f_0f0f;
        bits = (bits | bits << 2) & 0x3333_3333;
        (bits | bits << 1) & 0x5555_5555
    };
    spread(x) | spread(y) << 1
}

/// Places that coordinates are rounded to.
struct Lattice {
    origin: [f64; 2],
    step: f64,
}

impl Lattice {
    fn new(positions: &Positions, molecules: &[u32], radius: f64) -> Self {
        let range = |values: &[f64]| {
            molecules
                .iter()
                .map(|&molecule| values[molecule as usize])
                .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)])
        };
        let ([left, right], [top, bottom]) = (range(&positions.x), range(&positions.y));
        let extent = (right - left).max(bottom - top);
        let n_tiles = (molecules.len() as f64 / MIN_MOLECULES_PER_TILE).max(1.0);
        let wanted = (radius / STEPS_PER_RADIUS).max(extent / 2f64.powi(TILE_BITS as i32) / n_tiles.sqrt());
        let step = power_of_two_below(wanted).max(power_of_two_below(extent / 2f64.powi(MAX_BITS)));
        Self { origin: [(left / step).floor() * step, (top / step).floor() * step], step }
    }

    fn place(&self, point: [f64; 2]) -> [u64; 2] {
        [0, 1].map(|axis| ((point[axis] - self.origin[axis]) / self.step).round().max(0.0) as u64)
    }
}

/// The largest power of two that is not above a value; 2^-10 for no positive one.
pub(super) fn power_of_two_below(value: f64) -> f64 {
    let power = f64::from_bits(value.to_bits() & f64::INFINITY.to_bits());
    if value > 0.0 && power.is_normal() { power } else { 2f64.powi(-10) }
}

/// Divides the plane until tiles are small.
struct Splitter<'a> {
    coordinates: &'a [[u64; 2]],
    /// Tiles with their numbers of molecules.
    tiles: Vec<(Tile, usize)>,
}

impl Splitter<'_> {
    fn split(&mut self, members: &mut [u32], corner: [u64; 2], bits: u32) {
        if members.is_empty() {
            return;
        }
        if bits == 0 || (bits <= TILE_BITS && members.len() <= MAX_MOLECULES_PER_TILE) {
            self.tiles.push((Tile { corner, bits, counts: [0; N_LEVELS] }, members.len()));
            return;
        }
        let half = 1u64 << (bits - 1);
        let is_right = |molecule: u32| self.coordinates[molecule as usize][0] >= corner[0] + half;
        let is_lower = |molecule: u32| self.coordinates[molecule as usize][1] >= corner[1] + half;
        let (upper, lower) = parted(members, is_lower);
        let ((upper_left, upper_right), (lower_left, lower_right)) = (parted(upper, is_right), parted(lower, is_right));
        for (quarter, x, y) in
            [(upper_left, 0, 0), (upper_right, half, 0), (lower_left, 0, half), (lower_right, half, half)]
        {
            self.split(quarter, [corner[0] + x, corner[1] + y], bits - 1);
        }
    }
}

/// Moves what is not `second` to the front.
fn parted(members: &mut [u32], second: impl Fn(u32) -> bool) -> (&mut [u32], &mut [u32]) {
    members.sort_by_key(|&molecule| second(molecule));
    let at = members.partition_point(|&molecule| !second(molecule));
    members.split_at_mut(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(points: &[[f64; 2]]) -> Positions {
        let axis = |axis: usize| points.iter().map(|point| point[axis]).collect();
        Positions { x: axis(0), y: axis(1), z: None }
    }

    /// Where every molecule is by its tile.
    fn restored(tiles: &Tiles) -> Vec<(u32, [f64; 2])> {
        let mut found = Vec::new();
        for (tile, range) in tiles.tiles.iter().zip(tiles.ranges()) {
            for at in range {
                let [x, y] = [0, 1].map(|axis| {
                    tiles.origin[axis] + (tile.corner[axis] + u64::from(tiles.places[at][axis])) as f64 * tiles.step
                });
                found.push((tiles.order[at], [x, y]));
            }
        }
        found.sort_by_key(|&(molecule, _)| molecule);
        found
    }

    #[test]
    fn whole_coordinates_are_kept_exactly() {
        let points: Vec<[f64; 2]> = (0..30_000).map(|i| [f64::from(i % 211) - 7.0, f64::from(i / 211)]).collect();
        let ids: Vec<u32> = (0..30_000).collect();
        let tiles = Tiles::new(&positions(&points), &ids, 6.0, usize::MAX);
        assert!(tiles.tiles.len() > 3, "{} tiles", tiles.tiles.len());
        for (molecule, place) in restored(&tiles) {
            assert_eq!(place, points[molecule as usize]);
        }
        let half: u32 = tiles.tiles.iter().map(|tile| tile.counts[N_LEVELS - 1]).sum();
        // A binomial of 30 000 and 1/2 has a standard deviation of 87.
        assert!((14_500..15_500).contains(&half), "{half} molecules in the last level");
    }

    #[test]
    fn differences_lead_back_to_places() {
        let points: Vec<[f64; 2]> = (0..500).map(|i| [f64::from(i * 37 % 101), f64::from(i * i % 89)]).collect();
        let tiles = Tiles::new(&positions(&points), &(0..500).collect::<Vec<u32>>(), 1.0, usize::MAX);
        let [x, _] = tiles.differences();
        let (mut at, mut found) = (0, Vec::new());
        for n in tiles.tiles.iter().flat_map(|tile| tile.counts) {
            let mut place = 0u16;
            for &code in &x[at..at + n as usize] {
                place = place.wrapping_add(((code >> 1) as u16) ^ (code as u16 & 1).wrapping_neg());
                found.push(place);
            }
            at += n as usize;
        }
        assert_eq!(found, tiles.places.iter().map(|place| place[0]).collect::<Vec<_>>());
    }

    #[test]
    fn a_sample_does_not_depend_on_the_order_of_the_table() {
        let ids: Vec<u32> = (0..10_000).collect();
        let kept = sample(&ids, 1_000);
        assert!((850..1_150).contains(&kept.len()), "{} molecules", kept.len());
        let backwards: Vec<u32> = ids.iter().rev().copied().collect();
        let mut again: Vec<u32> = sample(&backwards, 1_000).into_iter().map(|row| 9_999 - row).collect();
        again.sort_unstable();
        assert_eq!(again, kept);
    }

    #[test]
    fn molecules_at_one_place_or_far_apart_or_none_have_tiles() {
        let same = Tiles::new(&positions(&[[3.5, -2.0]; 3]), &[0, 1, 2], 5.0, usize::MAX);
        assert_eq!((same.tiles.len(), restored(&same)[2].1), (1, [3.5, -2.0]));
        let far = Tiles::new(&positions(&[[0.0, 0.0], [1e12, 1.0]]), &[0, 1], 1e-6, usize::MAX);
        assert!((restored(&far)[1].1[0] - 1e12).abs() < 2e12 / 2f64.powi(16));
        assert_eq!(Tiles::new(&positions(&[]), &[], 1.0, usize::MAX).tiles, []);
    }
}
