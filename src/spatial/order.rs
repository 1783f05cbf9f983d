//! Sorting points so that neighbors in space are neighbors in memory.

use rayon::prelude::*;

use super::frame::Frame;
use crate::data::Positions;

/// Bits per axis of the curve: cells of 1/65536 of the extent.
const BITS: u32 = 16;

/// The order of points along a Hilbert curve in x and y; equal places by index.
///
/// z is left out: the slabs of imaging data are thin, and memory locality needs no more.
pub fn hilbert_order(positions: &Positions) -> Vec<u32> {
    hilbert_order_in(positions, &Frame::of(positions))
}

/// The order of the points of a part along the curve of the whole, whose frame is `frame`; equal places by index.
///
/// It is the order that they have in the whole, if they are given in the same order.
pub fn hilbert_order_in(positions: &Positions, frame: &Frame) -> Vec<u32> {
    sorted_along_curve(positions, frame, |_| ())
}

/// The order of points along the same curve, equal places by `ids`, `[n_points]`: it does not
/// depend on the order in memory.
pub fn hilbert_order_by_id(positions: &Positions, ids: &[u32]) -> Vec<u32> {
    sorted_along_curve(positions, &Frame::of(positions), |point| ids[point as usize])
}

/// All of an order along a curve, or up to `n` of it: `n_stretches` stretches of equal length, evenly spread.
pub fn stretches(order: &[u32], n: usize, n_stretches: usize) -> Vec<u32> {
    if order.len() <= n {
        return order.to_vec();
    }
    let (length, step) = (n / n_stretches, order.len() / n_stretches);
    let begin = |stretch: usize| stretch * step + (step - length) / 2;
    (0..n_stretches).flat_map(|stretch| &order[begin(stretch)..begin(stretch) + length]).copied().collect()
}

/// Points along the curve; equal places by `id`, then by index.
fn sorted_along_curve<Id: Ord + Send>(positions: &Positions, frame: &Frame, id: impl Fn(u32) -> Id + Sync) -> Vec<u32> {
    let [x_low, y_low, _] = frame.low;
    let extent = frame.longest_side_in_plane();
    let scale = if extent > 0.0 { f64::from((1u32 << BITS) - 1) / extent } else { 0.0 };
    let mut keyed: Vec<(u32, Id, u32)> = (0..positions.len())
        .into_par_iter()
        .map(|point| {
            let column = ((positions.x[point] - x_low) * scale) as u32;
            let row = ((positions.y[point] - y_low) * scale) as u32;
            (hilbert_distance(column, row), id(point as u32), point as u32)
        })
        .collect();
    keyed.par_sort_unstable();
    keyed.into_iter().map(|(_, _, point)| point).collect()
}

/// Distance along the Hilbert curve that visits a 2^16 by 2^16 grid.
fn hilbert_distance(mut x: u32, mut y: u32) -> u32 {
    let mut distance = 0u32;
    let mut side = 1u32 << (BITS - 1);
    while side > 0 {
        let right = u32::from(x & side != 0);
        let up = u32::from(y & side != 0);
        distance = (distance << 2) | ((3 * right) ^ up);
        if up == 0 {
            if right == 1 {
                x = !x;
                y = !y;
            }
            std::mem::swap(&mut x, &mut y);
        }
        side >>= 1;
    }
    distance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_cells_touch() {
        // The curve over the whole grid, restricted to the first 4096 cells.
        let mut cells: Vec<(u32, u32, u32)> =
            (0..64).flat_map(|x| (0..64).map(move |y| (hilbert_distance(x, y), x, y))).collect();
        cells.sort_unstable();
        for pair in cells.windows(2) {
            let step = pair[0].1.abs_diff(pair[1].1) + pair[0].2.abs_diff(pair[1].2);
            assert_eq!(step, 1, "{pair:?}");
        }
    }

    #[test]
    fn order_by_id_does_not_depend_on_the_order_in_memory() {
        let positions = Positions { x: vec![1.0, 1.0, 0.0, 1.0], y: vec![2.0, 2.0, 0.0, 2.0], z: None };
        let ids = [7, 3, 9, 5];
        let named: Vec<u32> = hilbert_order_by_id(&positions, &ids).iter().map(|&at| ids[at as usize]).collect();
        assert_eq!(named, [9, 3, 5, 7]);
    }

    #[test]
    fn order_is_a_permutation_even_of_coincident_points() {
        let positions = Positions { x: vec![1.0; 5], y: vec![2.0; 5], z: None };
        assert_eq!(hilbert_order(&positions), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn stretches_are_evenly_spread_and_disjoint() {
        let order: Vec<u32> = (0..1000).collect();
        assert_eq!(stretches(&order, 1000, 16), order);
        let some = stretches(&order, 160, 16);
        assert_eq!(some.len(), 160);
        assert!(some.is_sorted_by(|a, b| a < b));
        // 16 stretches of 10 in the middles of 16 times 62.
        assert_eq!((some[0], some[9], some[10]), (26, 35, 88));
    }
}
