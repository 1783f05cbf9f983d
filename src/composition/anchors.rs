//! The molecules that are laid out as colors, and how all others find their place among them.

use rayon::prelude::*;

use crate::numeric::draws::Draws;
use crate::numeric::pca::PrincipalAxes;
use crate::numeric::stats::round_half_even;
use crate::numeric::umap::{self, UmapParams};
use crate::numeric::vector_index::{VectorIndex, VectorSearch};

/// Anchors at most.
const N_ANCHORS: usize = 10_000;
/// Molecules of at least this confidence are anchors.
const MIN_CONFIDENCE: f32 = 0.95;
/// With fewer of those, others have to help.
const MIN_CONFIDENT: usize = 100;
/// Anchors that a molecule's place depends on.
const N_LINKS: usize = 5;
/// By how much farther they may be than the nearest, as a share.
const SLACK: f32 = 0.5;
/// Keeps the weight of an anchor at no distance finite.
const NO_DISTANCE: f64 = 1e-10;
/// Variances below this share of the mean square are rounding error.
const LEAST_VARIANCE: f64 = 1e-10;
/// Molecules per task.
const BLOCK: usize = 1024;

/// Molecule vectors, one molecule after another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vectors<'a> {
    pub values: &'a [f32],
    pub n_components: usize,
}

impl<'a> Vectors<'a> {
    fn len(self) -> usize {
        self.values.len() / self.n_components
    }

    fn of(self, molecule: usize) -> &'a [f32] {
        &self.values[molecule * self.n_components..][..self.n_components]
    }
}

/// Molecules that may be anchors, ascending: those of confidence 0.95 or more. With fewer than 100 of
/// them the more confident half of all molecules, at least 100, and `true`.
///
/// DIFFERS: 0.7.1 takes whatever passes, and fails if that is less than 16.
pub(super) fn candidates(confidence: &[f32]) -> (Vec<u32>, bool) {
    let all = 0..confidence.len() as u32;
    let mut chosen: Vec<u32> = all.clone().filter(|&at| confidence[at as usize] >= MIN_CONFIDENCE).collect();
    if chosen.len() >= MIN_CONFIDENT || chosen.len() == confidence.len() {
        return (chosen, false);
    }
    let n = confidence.len().div_ceil(2).max(MIN_CONFIDENT).min(confidence.len());
    chosen = all.collect();
    chosen.par_sort_unstable_by(|&a, &b| confidence[b as usize].total_cmp(&confidence[a as usize]).then(a.cmp(&b)));
    chosen.truncate(n);
    chosen.sort_unstable();
    (chosen, true)
}

/// At most 10,000 of the candidates, at even ranks of the sum of the first two components, ascending.
pub(super) fn spread_out(vectors: Vectors<'_>, candidates: Vec<u32>) -> Vec<u32> {
    let mut chosen = evenly(candidates, N_ANCHORS, |molecule| vectors.of(molecule as usize).iter().take(2).sum());
    chosen.sort_unstable();
    chosen
}

/// `n` of the candidates at evenly spaced ranks of their keys; all, if there are no more.
fn evenly(mut candidates: Vec<u32>, n: usize, key: impl Fn(u32) -> f32 + Sync) -> Vec<u32> {
    if candidates.len() <= n {
        return candidates;
    }
    candidates.par_sort_unstable_by(|&a, &b| key(a).total_cmp(&key(b)).then(a.cmp(&b)));
    let step = (candidates.len() - 1) as f64 / (n.max(2) - 1) as f64;
    // Ranks count from 1 here, as halves round to the even rank.
    let mut chosen: Vec<u32> =
        (0..n).map(|i| candidates[round_half_even(1.0 + step * i as f64) as usize - 1]).collect();
    chosen.dedup();
    chosen
}

/// Anchors: molecule vectors that are laid out in three dimensions. Those of other molecules have places among them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Anchors {
    pub n_components: usize,
    /// `[n_anchors * n_components]`, one anchor after another.
    pub vectors: Vec<f32>,
    /// `[n_anchors]`
    pub places: Vec<[f32; 3]>,
}

/// How a molecule looks for its nearest anchors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// From those of the molecule before, which is fastest. Which of the anchors that are about equally near it finds
    /// depends on the molecules before it.
    FromPrevious,
    /// From the whole: depends on nothing but the molecule's own vector.
    Afresh,
}

impl Anchors {
    /// Lays the `anchors` out by UMAP. `None` if all of them are alike, or there are none. The same for any number of
    /// threads.
    pub fn lay_out(vectors: Vectors<'_>, anchors: &[u32], draws: Draws) -> Option<Self> {
        let n_components = vectors.n_components;
        let of_anchors: Vec<f32> = anchors.iter().flat_map(|&anchor| vectors.of(anchor as usize)).copied().collect();
        if are_alike(&of_anchors, n_components) {
            return None;
        }
        let params = UmapParams { n_neighbors: 15, min_dist: 0.1, spread: 2.0, n_epochs: 300 };
        let places = umap::embed::<3>(&of_anchors, n_components, &params, draws);
        Some(Self { n_components, vectors: of_anchors, places })
    }

    /// Places of molecules by their vectors, `[n_molecules]`: every one at the mean of its five nearest anchors,
    /// weighted by `1 / d`. The same for any number of threads.
    pub fn places(&self, vectors: Vectors<'_>) -> Vec<[f32; 3]> {
        let finder = PlaceFinder::new(self);
        let mut places = vec![[0.0; 3]; vectors.len()];
        let width = self.n_components;
        places.par_chunks_mut(BLOCK).zip(vectors.values.par_chunks(BLOCK * width)).for_each(|(places, values)| {
            let mut search = VectorSearch::default();
            for (place, vector) in places.iter_mut().zip(values.chunks(width)) {
                *place = finder.place(vector, Start::FromPrevious, &mut search);
            }
        });
        places
    }
}

/// Finds places among anchors.
pub(super) struct PlaceFinder<'a> {
    anchors: &'a Anchors,
    index: VectorIndex,
}

impl<'a> PlaceFinder<'a> {
    pub fn new(anchors: &'a Anchors) -> Self {
        Self { anchors, index: VectorIndex::new(&anchors.vectors, anchors.n_components) }
    }

    /// The mean of the five nearest anchors, weighted by `1 / d`.
    ///
    /// METHOD: anchors nearly as near as the nearest will do, as all around a molecule are of about one color; in twenty
    /// dimensions the search for the very nearest would take most of the time.
    pub fn place(&self, vector: &[f32], start: Start, search: &mut VectorSearch) -> [f32; 3] {
        if start == Start::Afresh {
            search.forget();
        }
        let (mut sum, mut total) = ([0.0; 3], 0.0);
        for near in self.index.nearly_nearest(vector, N_LINKS, SLACK, search) {
            let weight = 1.0 / (f64::from(near.distance2).sqrt() + NO_DISTANCE);
            let anchor = self.anchors.places[near.vector as usize];
            sum.iter_mut().zip(anchor).for_each(|(sum, value)| *sum += weight * f64::from(value));
            total += weight;
        }
        sum.map(|sum| (sum / total) as f32)
    }
}

/// True if vectors differ by no more than rounding.
fn are_alike(values: &[f32], n_components: usize) -> bool {
    let axes = PrincipalAxes::of(values, n_components);
    let mean_square: f64 = axes.mean.iter().map(|&mean| f64::from(mean) * f64::from(mean)).sum();
    let variance: f64 = axes.variances.iter().sum();
    variance.is_nan() || variance <= LEAST_VARIANCE * (mean_square + variance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_evenly_spaced() {
        let chosen = |m: u32, n| evenly((1..=m).collect(), n, |at| at as f32);
        assert_eq!(chosen(10, 4), [1, 4, 7, 10]);
        assert_eq!(chosen(10, 5), [1, 3, 6, 8, 10]);
        assert_eq!(chosen(100, 6), [1, 21, 41, 60, 80, 100]);
        assert_eq!(chosen(3, 6), [1, 2, 3]);
    }

    #[test]
    fn few_confident_molecules_are_joined_by_the_next_best() {
        let confidence: Vec<f32> = (0..300).map(|at| if at < 99 { 0.96 } else { at as f32 / 1000.0 }).collect();
        let (chosen, helped) = candidates(&confidence);
        assert!(helped);
        // The 51 largest of the rest are the last.
        assert!(chosen.iter().copied().eq((0..99).chain(249..300)));
        assert_eq!(candidates(&[0.1; 30]), ((0..30).collect(), true));
        assert_eq!(candidates(&[0.99; 30]), ((0..30).collect(), false));
        assert_eq!(candidates(&[]), (vec![], false));
        let (chosen, helped) = candidates(&[&[0.95; 100][..], &[0.94; 300][..]].concat());
        assert!(chosen.iter().copied().eq(0..100) && !helped);
    }

    #[test]
    fn equal_vectors_have_no_layout() {
        let draws = Draws::new(1, crate::numeric::draws::Stream::Colors);
        let vectors = Vectors { values: &[0.3; 40], n_components: 4 };
        assert_eq!(Anchors::lay_out(vectors, &[0, 1, 5], draws), None);
        assert_eq!(Anchors::lay_out(Vectors { values: &[], n_components: 4 }, &[], draws), None);
    }
}
