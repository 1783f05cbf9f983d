//! Moving the points until near ones are neighbors.

use rayon::prelude::*;

use super::FuzzyGraph;
use super::curve::Curve;
use crate::numeric::draws::{Draws, IterationDraws};

/// Random other points that push a point away for every edge that pulls it.
const N_PUSHES: usize = 5;
/// Largest step along an axis at full learning rate.
const MAX_STEP: f32 = 4.0;
/// Points per task. Which task a point is in has no influence.
const TASK: usize = 128;

/// Moves `positions`, `[n]`, for `n_epochs` epochs.
///
/// In every epoch an edge of membership w acts with frequency w: it pulls each of its ends, and each of its two
/// directions brings its first end five pushes from random points. The step sizes fall from 1 to 0.
///
/// METHOD: every point reads where the others were at the start of the epoch and moves itself only.
/// Points are thus free of each other, and threads cannot change the result. The usual
/// way moves both ends at once, one edge after another.
pub(super) fn optimize<const D: usize>(
    graph: &FuzzyGraph,
    positions: &mut Vec<[f32; D]>,
    curve: Curve,
    n_epochs: usize,
    draws: Draws,
) {
    let n = positions.len();
    if n < 2 {
        return;
    }
    let forces = Forces::new(curve);
    let phases = Phases::new(graph, draws.at(0));
    let mut moved = positions.clone();
    for epoch in 0..n_epochs {
        let rate = 1.0 - epoch as f32 / n_epochs as f32;
        let draws = draws.at(1 + epoch as u64);
        let old = &positions[..];
        moved.par_iter_mut().with_min_len(TASK).enumerate().for_each(|(point, moved)| {
            let mut own = old[point];
            for edge in graph.range(point) {
                let other = old[graph.ends[edge] as usize];
                if Phases::acts(phases.out[edge], phases.growth[edge], epoch as u32) {
                    forces.pull(&mut own, other, rate);
                    for pick in random_points(draws, edge, n) {
                        if pick != point {
                            forces.push(&mut own, old[pick], rate);
                        }
                    }
                }
                if Phases::acts(phases.back[edge], phases.growth[edge], epoch as u32) {
                    forces.pull(&mut own, other, rate);
                }
            }
            *moved = own;
        });
        std::mem::swap(positions, &mut moved);
    }
}

/// When the edges act: every direction of an edge of weight w once in 1/w epochs, from a random start.
///
/// Counters in units of 2^-32 grow by w in every epoch; an edge acts when its counter runs over.
struct Phases {
    /// Start of every edge, in its own direction.
    out: Vec<u32>,
    /// Start of its opposite.
    back: Vec<u32>,
    /// Growth of both.
    growth: Vec<u32>,
}

impl Phases {
    fn new(graph: &FuzzyGraph, draws: IterationDraws) -> Self {
        let n = graph.offsets.len() - 1;
        let out: Vec<u32> = (0..graph.ends.len()).map(|edge| draws.bits(edge as u64) as u32).collect();
        // A weight of 1 saturates just below one.
        let growth = graph.weights.iter().map(|&weight| (f64::from(weight) * 4_294_967_296.0) as u32).collect();
        let opposite = |point: usize, edge: usize| {
            let end = graph.ends[edge] as usize;
            let range = graph.range(end);
            let place = graph.ends[range.clone()].binary_search(&(point as u32)).unwrap_or(0);
            out[range.start + place]
        };
        let back = (0..n).flat_map(|point| graph.range(point).map(move |edge| (point, edge)));
        Self { back: back.map(|(point, edge)| opposite(point, edge)).collect(), out, growth }
    }

    #[inline]
    fn acts(start: u32, growth: u32, epoch: u32) -> bool {
        start.wrapping_add(growth.wrapping_mul(epoch)).overflowing_add(growth).1
    }
}

/// Five points, from three draws of 64 bits.
#[inline]
fn random_points(draws: IterationDraws, edge: usize, n: usize) -> [usize; N_PUSHES] {
    let bits = [0, 1, 2].map(|part| draws.bits(3 * edge as u64 + part));
    let pick = |bits: u64| (((bits & 0xffff_ffff) * n as u64) >> 32) as usize;
    [pick(bits[0]), pick(bits[0] >> 32), pick(bits[1]), pick(bits[1] >> 32), pick(bits[2])]
}

/// Factors of the forces by squared distance, tabulated.
///
/// METHOD: exponent and leading bits of a single-precision number are its place in the table: 64 steps per
/// factor of two, between 2^-24 and 2^16. A step is less than 1.6 % wide, far finer than the noise of
/// random pushes, and no power is computed a hundred million times.
struct Forces {
    attraction: Vec<f32>,
    repulsion: Vec<f32>,
}

impl Forces {
    const STEP_BITS: u32 = 6;
    const LOWEST: i32 = -24;
    const OCTAVES: i32 = 40;

    fn new(curve: Curve) -> Self {
        let n = (Self::OCTAVES << Self::STEP_BITS) as usize;
        // The middle of a step.
        let squared = |idx: usize| {
            let bits = ((idx as u32) << (23 - Self::STEP_BITS)) + (1 << (22 - Self::STEP_BITS)) + Self::first_bits();
            f64::from(f32::from_bits(bits))
        };
        Self {
            attraction: (0..n).map(|idx| curve.attraction(squared(idx)) as f32).collect(),
            repulsion: (0..n).map(|idx| curve.repulsion(squared(idx)) as f32).collect(),
        }
    }

    /// The bits of 2^LOWEST.
    const fn first_bits() -> u32 {
        ((127 + Self::LOWEST) as u32) << 23
    }

    #[inline]
    fn place(&self, squared: f32) -> usize {
        let above = squared.to_bits().saturating_sub(Self::first_bits());
        ((above >> (23 - Self::STEP_BITS)) as usize).min(self.attraction.len() - 1)
    }

    #[inline]
    fn pull<const D: usize>(&self, own: &mut [f32; D], other: [f32; D], rate: f32) {
        self.step(own, other, rate, &self.attraction);
    }

    #[inline]
    fn push<const D: usize>(&self, own: &mut [f32; D], other: [f32; D], rate: f32) {
        self.step(own, other, rate, &self.repulsion);
    }

    #[inline]
    fn step<const D: usize>(&self, own: &mut [f32; D], other: [f32; D], rate: f32, factors: &[f32]) {
        let mut squared = 0.0;
        for axis in 0..D {
            let difference = own[axis] - other[axis];
            squared += difference * difference;
        }
        let factor = factors[self.place(squared)];
        for axis in 0..D {
            let step = factor * (own[axis] - other[axis]);
            own[axis] += rate * step.clamp(-MAX_STEP, MAX_STEP);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabulated_forces_are_near_the_exact_ones() {
        let curve = Curve::fit(2.0, 0.1);
        let forces = Forces::new(curve);
        for step in 1..2000 {
            let squared = 1e-6 * 1.01f64.powi(step);
            let place = forces.place(squared as f32);
            assert!((f64::from(forces.attraction[place]) / curve.attraction(squared) - 1.0).abs() < 0.01);
            assert!((f64::from(forces.repulsion[place]) / curve.repulsion(squared) - 1.0).abs() < 0.02);
        }
        assert_eq!(forces.place(0.0), 0);
        assert_eq!(forces.place(f32::INFINITY), forces.attraction.len() - 1);
    }

    #[test]
    fn edges_act_with_the_frequency_of_their_weight() {
        for (growth, times) in [(u32::MAX, 300), (1 << 31, 150), (429_496_730, 30)] {
            let acted = (0..300).filter(|&epoch| Phases::acts(1 << 30, growth, epoch)).count();
            assert!(acted.abs_diff(times) <= 1, "{growth}: {acted}");
        }
    }
}
