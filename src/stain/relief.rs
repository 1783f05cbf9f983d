//! The height map whose peaks are nuclei.

use image::{ImageBuffer, Luma};
use imageproc::distance_transform::euclidean_squared_distance_transform;
use rayon::prelude::*;

use super::blur::{BAND, Coarse, blobness, blur_small, reach};
use super::params::Settings;

/// Columns that are worked on together.
const TILE: usize = 1024;
/// Depths beyond so many radii do not count: inside a clump the outline tells nothing.
const MAX_DEPTH: f64 = 1.5;
/// Blur of the depths, in radii.
const DEPTH_BLUR: f64 = 0.25;
/// Blur for the blobs, in radii: somewhat less than the 0.7 that answers best to a disc, to part neighbors.
const BLOB_BLUR: f64 = 0.65;
/// Weight of the blobs against the depths.
const BLOB_WEIGHT: f32 = 0.4;

/// Raises the relief over the mask: how deep inside the foreground a pixel lies (in radii, smoothed), and how much
/// it is the center of a bright blob of a nucleus' size (1: as much as is usual).
///
/// METHOD: depths part nuclei by the waists of their common outline, and are blind inside clumps; blobs part nuclei
/// of different brightness and overlapping ones, and see the texture of large nuclei. Together they err less.
///
/// `heights` is any buffer of the size of the image, which is overwritten.
pub(super) fn raise(mut heights: Vec<f32>, mask: &[u8], width: usize, coarse: Coarse, settings: &Settings) -> Vec<f32> {
    let blobs = blobs(coarse, settings);
    let halo = (MAX_DEPTH * settings.radius).ceil() as usize + reach(DEPTH_BLUR * settings.radius) + 1;
    heights.par_chunks_mut(BAND * width).enumerate().for_each(|(band_idx, band)| {
        let mut blob_row = vec![0.0; TILE.min(width)];
        for left in (0..width).step_by(TILE) {
            let tile = Tile { top: band_idx * BAND, height: band.len() / width, left, width: TILE.min(width - left) };
            let depths = tile.depths(mask, width, halo, settings.radius);
            for (row, depths) in depths.chunks(tile.width).enumerate() {
                let blob_row = &mut blob_row[..tile.width];
                blobs.read_row(tile.top + row, left, blob_row);
                let heights = &mut band[row * width + left..][..tile.width];
                for ((height, &depth), &blob) in heights.iter_mut().zip(depths).zip(blob_row.iter()) {
                    *height = (1.0 - BLOB_WEIGHT) * depth + BLOB_WEIGHT * blob;
                }
            }
        }
    });
    heights
}

/// Answers to blobs of a nucleus' size on the coarse grid, in units of a usual nucleus' answer.
fn blobs(coarse: Coarse, settings: &Settings) -> Coarse {
    let Coarse { factor, mut image } = coarse;
    let darkest = image.values.iter().copied().fold(0.0, f32::min);
    image.values.iter_mut().for_each(|value| *value = (*value - darkest).sqrt());
    image = blobness(image, BLOB_BLUR * settings.radius / factor as f64);
    let positive = image.values.iter().filter(|&&answer| answer > 0.0);
    let (squares, cubes) = positive.fold((0.0, 0.0), |(squares, cubes), &answer| {
        let answer = f64::from(answer);
        (squares + answer * answer, cubes + answer * answer * answer)
    });
    // METHOD: the mean of the answers weighted by their squares. About half of all pixels answer weakly and by chance;
    // where nuclei are rare, those must not set the unit.
    let usual = (cubes / squares) as f32;
    if usual > 0.0 {
        image.values.iter_mut().for_each(|answer| *answer /= usual);
    }
    Coarse { factor, image }
}

/// A rectangle of the image.
#[derive(Clone, Copy, Debug)]
struct Tile {
    top: usize,
    height: usize,
    left: usize,
    width: usize,
}

impl Tile {
    /// Smoothed distances to the background in radii, at most [`MAX_DEPTH`]. The border of the image is no background.
    ///
    /// With a halo as wide as the largest distance and the blur together the result does not depend on the tiles.
    fn depths(&self, mask: &[u8], image_width: usize, halo: usize, radius: f64) -> Vec<f32> {
        let image_height = mask.len() / image_width;
        let (from_x, from_y) = (self.left.saturating_sub(halo), self.top.saturating_sub(halo));
        let wide = (self.left + self.width + halo).min(image_width) - from_x;
        let tall = (self.top + self.height + halo).min(image_height) - from_y;
        let rows = (from_y..from_y + tall).map(|y| &mask[y * image_width + from_x..][..wide]);
        let background: Vec<u8> = rows.flatten().map(|&pixel| 255 * u8::from(pixel == 0)).collect();
        let Some(background) = ImageBuffer::<Luma<u8>, _>::from_raw(wide as u32, tall as u32, background) else {
            return Vec::new();
        };
        let depth = |&squared: &f64| (squared.sqrt() / radius).min(MAX_DEPTH) as f32;
        let depths = euclidean_squared_distance_transform(&background).iter().map(depth).collect();
        let smooth = blur_small(depths, wide, DEPTH_BLUR * radius);
        let inner = |y: usize| &smooth[(y + self.top - from_y) * wide + self.left - from_x..][..self.width];
        (0..self.height).flat_map(inner).copied().collect()
    }
}
