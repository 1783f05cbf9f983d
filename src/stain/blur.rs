//! Gaussian blur in bands, and images of a coarser grid.

use image::{ImageBuffer, Luma};
use imageproc::filter::separable_filter_equal;
use rayon::prelude::*;

use crate::data::images::GrayImage;
use crate::numeric::elementary::exp;

/// Rows that are worked on together. A constant: results must not depend on threads.
pub(super) const BAND: usize = 256;

/// An image as `imageproc` knows it.
type FloatImage = ImageBuffer<Luma<f32>, Vec<f32>>;

/// Weights of a Gaussian within three standard deviations, adding up to 1.
///
/// METHOD: our own, as `imageproc` cuts its kernel off at two and uses the system's exponential function.
fn gaussian_kernel(sigma: f64) -> Vec<f32> {
    let reach = (3.0 * sigma).ceil().max(1.0) as i64;
    let weight = |i: i64| exp(-0.5 * (i * i) as f64 / (sigma * sigma));
    let total: f64 = (-reach..=reach).map(weight).sum();
    (-reach..=reach).map(|i| (weight(i) / total) as f32).collect()
}

/// Pixels that a blur reaches.
pub(super) fn reach(sigma: f64) -> usize {
    (3.0 * sigma).ceil().max(1.0) as usize
}

/// Blurs a small image; borders are repeated outwards.
pub(super) fn blur_small(values: Vec<f32>, width: usize, sigma: f64) -> Vec<f32> {
    let height = values.len().checked_div(width).unwrap_or(0);
    if sigma < 0.2 {
        return values;
    }
    match FloatImage::from_raw(width as u32, height as u32, values) {
        Some(image) => separable_filter_equal(&image, &gaussian_kernel(sigma)).into_raw(),
        None => Vec::new(),
    }
}

/// Blurs an image band by band. Pixels that are not finite count as the `darkest` ones.
pub(super) fn blurred(image: &GrayImage, sigma: f64, darkest: f32) -> GrayImage {
    let (width, height, halo) = (image.width, image.height, reach(sigma));
    let mut values = vec![0.0; image.values.len()];
    values.par_chunks_mut(BAND * width).enumerate().for_each(|(band_idx, band)| {
        let first = band_idx * BAND;
        let n_rows = band.len() / width;
        let from = first.saturating_sub(halo);
        let to = (first + n_rows + halo).min(height);
        let source = image.values[from * width..to * width].iter();
        let source = source.map(|&value| if value.is_finite() { value } else { darkest }).collect();
        let smooth = blur_small(source, width, sigma);
        band.copy_from_slice(&smooth[(first - from) * width..][..band.len()]);
    });
    GrayImage { width, height, values }
}

/// An image on a grid of larger, square pixels.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Coarse {
    /// Fine pixels per side of a coarse one.
    pub factor: usize,
    /// The image; coarse pixels on the right and lower border may hold fewer fine ones.
    pub image: GrayImage,
}

impl Coarse {
    /// Means over squares of pixels. Pixels that are not finite count as the `darkest` ones.
    pub fn pooled(fine: &GrayImage, factor: usize, darkest: f32) -> Self {
        let (width, height) = (fine.width.div_ceil(factor), fine.height.div_ceil(factor));
        let mut values = vec![0.0f32; width * height];
        values.par_chunks_mut(width).enumerate().for_each(|(row, means)| {
            let rows = row * factor..((row + 1) * factor).min(fine.height);
            for y in rows.clone() {
                let source = &fine.values[y * fine.width..(y + 1) * fine.width];
                for (mean, square) in means.iter_mut().zip(source.chunks(factor)) {
                    let finite = square.iter().map(|&value| if value.is_finite() { value } else { darkest });
                    *mean += finite.sum::<f32>() / square.len() as f32;
                }
            }
            means.iter_mut().for_each(|mean| *mean /= rows.len() as f32);
        });
        Self { factor, image: GrayImage { width, height, values } }
    }

    /// The values blurred; `sigma` in fine pixels.
    pub fn blurred(&self, sigma: f64) -> Self {
        Self { factor: self.factor, image: blurred(&self.image, sigma / self.factor as f64, 0.0) }
    }

    /// Values at the fine pixels of a row, linear between the coarse ones. `out` begins at column `first`.
    pub fn read_row(&self, row: usize, first: usize, out: &mut [f32]) {
        let place = |fine: usize, n: usize| {
            let at = ((fine as f32 + 0.5) / self.factor as f32 - 0.5).clamp(0.0, (n - 1) as f32);
            let lower = (at as usize).min(n.saturating_sub(2));
            (lower, (lower + 1).min(n - 1), at - lower as f32)
        };
        let (width, values) = (self.image.width, &self.image.values);
        let (upper_row, lower_row, down) = place(row, self.image.height);
        let (upper, lower) = (&values[upper_row * width..][..width], &values[lower_row * width..][..width]);
        for (i, value) in out.iter_mut().enumerate() {
            let (left, right, across) = place(first + i, width);
            let above = upper[left] * (1.0 - across) + upper[right] * across;
            let below = lower[left] * (1.0 - across) + lower[right] * across;
            *value = above * (1.0 - down) + below * down;
        }
    }
}

/// How much a Gaussian of `sigma` pixels sees a bright blob at each pixel: minus σ² times the Laplacian of the
/// blurred image (scale-normalized; Lindeberg 1998). Positive inside blobs.
pub(super) fn blobness(image: GrayImage, sigma: f64) -> GrayImage {
    let smooth = blurred(&image, sigma, 0.0);
    drop(image);
    let (width, height) = (smooth.width, smooth.height);
    let mut values = vec![0.0; smooth.values.len()];
    let squared = (sigma * sigma) as f32;
    values.par_chunks_mut(width.max(1)).enumerate().for_each(|(row, out)| {
        let line = |y: usize| &smooth.values[y * width..(y + 1) * width];
        let (above, here, below) = (line(row.saturating_sub(1)), line(row), line((row + 1).min(height - 1)));
        for (x, value) in out.iter_mut().enumerate() {
            let around = above[x] + below[x] + here[x.saturating_sub(1)] + here[(x + 1).min(width - 1)];
            *value = squared * (4.0 * here[x] - around);
        }
    });
    GrayImage { width, height, values }
}
