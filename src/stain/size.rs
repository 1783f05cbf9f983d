//! The radius of a typical nucleus, read from the image.

use rayon::prelude::*;

use super::blur::{Coarse, blobness};
use crate::data::images::GrayImage;
use crate::numeric::elementary::{exp, ln};

/// Side of the sampled squares of large images, in pixels.
const TILE: usize = 1024;
/// Sampled squares per axis.
const TILES_PER_AXIS: usize = 4;
/// Scales per factor of two.
const SCALES_PER_OCTAVE: usize = 2;
/// Octaves: blurs of 1 to 64 pixels.
const OCTAVES: usize = 6;
/// Share of the strongest answer that a peak at a smaller scale must have.
const LEAST_SHARE: f64 = 0.5;
/// Radius where the image tells nothing.
const FALLBACK_RADIUS: f64 = 10.0;

/// Estimates the radius of a typical bright object in pixels.
///
/// METHOD: a disc of radius r answers most strongly to the scale-normalized Laplacian of a Gaussian of σ = r/√2
/// (Lindeberg 1998), so the scale of the largest mean cubed answer of bright blobs tells the size. The cube keeps haze from
/// deciding, which answers weakly over large areas; the square root of the intensity keeps single very bright nuclei
/// from it. Each octave is computed on an image of half the
/// resolution; of large images sixteen squares are read, evenly placed.
///
/// Returns 0.5 to 1000, 10 where no scale stands out. Draws nothing; the same result on any number of threads.
pub fn estimate_radius(image: &GrayImage) -> f64 {
    let tiles = tiles(image);
    let answers: Vec<Vec<f64>> = tiles.into_par_iter().map(answers_by_scale).collect();
    let n_scales = OCTAVES * SCALES_PER_OCTAVE;
    let total: Vec<f64> = (0..n_scales).map(|i| answers.iter().filter_map(|a| a.get(i)).sum()).collect();
    match strongest_scale(&total) {
        Some(scale) => std::f64::consts::SQRT_2 * exp(scale * ln(2.0) / SCALES_PER_OCTAVE as f64),
        None => FALLBACK_RADIUS,
    }
}

/// Squares of the image, evenly placed; the square roots of their intensities.
fn tiles(image: &GrayImage) -> Vec<GrayImage> {
    let starts = |length: usize| -> Vec<usize> {
        let n = length.div_ceil(TILE).min(TILES_PER_AXIS);
        (0..n).map(|i| length.saturating_sub(TILE) * i / (n - 1).max(1)).collect()
    };
    let finite = image.values.iter().copied().filter(|value| value.is_finite());
    let darkest = finite.fold(f32::INFINITY, f32::min);
    let root = |&value: &f32| if value.is_finite() { (value - darkest.min(0.0)).sqrt() } else { 0.0 };
    let mut tiles = Vec::new();
    for top in starts(image.height) {
        for left in starts(image.width) {
            let (width, height) = (TILE.min(image.width), TILE.min(image.height));
            let row = |y: usize| image.values[y * image.width + left..][..width].iter().map(root);
            tiles.push(GrayImage { width, height, values: (top..top + height).flat_map(row).collect() });
        }
    }
    tiles
}

/// Sum over the pixels of the cubed positive answers, for each scale that fits.
fn answers_by_scale(mut tile: GrayImage) -> Vec<f64> {
    let mut answers = Vec::new();
    let mut factor = 1usize;
    for octave in 0..OCTAVES {
        // METHOD: from the second octave on the blur is 2 to 2.8 coarse pixels, enough for the discrete Laplacian.
        if octave >= 2 {
            tile = Coarse::pooled(&tile, 2, 0.0).image;
            factor *= 2;
        }
        for step in 0..SCALES_PER_OCTAVE {
            let sigma = exp((octave as f64 + step as f64 / SCALES_PER_OCTAVE as f64) * ln(2.0)) / factor as f64;
            if 4.0 * sigma > tile.width.min(tile.height) as f64 {
                return answers;
            }
            let cube = |v: f32| f64::from(v.max(0.0) * v * v);
            let cubes = blobness(tile.clone(), sigma).values.into_iter().map(cube);
            answers.push(cubes.sum::<f64>() * (factor * factor) as f64);
        }
    }
    answers
}

/// Place of the first peak that is nearly as high as the highest, between the scales by a parabola.
fn strongest_scale(answers: &[f64]) -> Option<f64> {
    let highest = answers.iter().copied().fold(0.0, f64::max);
    let is_peak = |w: &[f64]| w[1] >= w[0] && w[1] > w[2] && w[1] >= LEAST_SHARE * highest;
    let peak = answers.windows(3).position(is_peak)? + 1;
    let (left, top, right) = (answers[peak - 1], answers[peak], answers[peak + 1]);
    let curvature = left - 2.0 * top + right;
    Some(peak as f64 + if curvature < 0.0 { 0.5 * (left - right) / curvature } else { 0.0 })
}
