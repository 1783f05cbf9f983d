//! Foreground and background, and the tidying of their border.

use rayon::prelude::*;

use super::blur::Coarse;
use super::params::{Settings, ThresholdMethod};
use super::runs::connected_runs;
use super::threshold::{Histogram, N_BINS};
use crate::data::images::GrayImage;

/// Share of the pixels that are surely background.
const DARK_SHARE: f64 = 0.05;
/// Where the floor of the local threshold lies between those and Otsu's threshold.
const FLOOR: f64 = 0.3;
/// By how much a pixel must outshine its surroundings, as a share of the same difference: keeps noise out.
const MARGIN: f64 = 0.02;

/// Marks the pixels of nuclei with 1. Returns the mask and the threshold, or the floor of the local one.
pub(super) fn foreground(
    smooth: &GrayImage,
    coarse: &Coarse,
    method: ThresholdMethod,
    settings: &Settings,
) -> (Vec<u8>, f64) {
    let histogram = Histogram::of(&smooth.values, N_BINS);
    let threshold = match method {
        ThresholdMethod::Otsu => histogram.otsu(),
        ThresholdMethod::Li => histogram.li(),
        ThresholdMethod::Triangle => histogram.triangle(),
        ThresholdMethod::Mean => histogram.mean(),
        ThresholdMethod::Local => {
            let dark = histogram.quantile(DARK_SHARE);
            let contrast = histogram.otsu() - dark;
            let floor = dark + FLOOR * contrast;
            let margin = (MARGIN * contrast) as f32;
            return (local(smooth, &coarse.blurred(settings.surroundings()), floor, margin), floor);
        }
    };
    (smooth.values.par_iter().map(|&value| u8::from(f64::from(value) > threshold)).collect(), threshold)
}

/// Pixels brighter than a floor and than their surroundings.
///
/// METHOD: the weights of the surroundings reach about two radii, so that a lone nucleus sees mostly background, and a
/// nucleus among others the haze between them.
fn local(smooth: &GrayImage, surroundings: &Coarse, floor: f64, margin: f32) -> Vec<u8> {
    let mut mask = vec![0; smooth.values.len()];
    mask.par_chunks_mut(smooth.width).enumerate().for_each_init(
        || vec![0.0f32; smooth.width],
        |around, (row, mask)| {
            surroundings.read_row(row, 0, around);
            let values = &smooth.values[row * smooth.width..][..smooth.width];
            for ((pixel, &value), &around) in mask.iter_mut().zip(values).zip(around.iter()) {
                *pixel = u8::from(f64::from(value) > floor && value > around + margin);
            }
        },
    );
    mask
}

/// Fills dark parts inside bright ones, up to an area in pixels. What touches the border of the image stays open.
pub(super) fn fill_holes(mask: &mut [u8], width: usize, max_area: usize) {
    let (runs, n_parts) = connected_runs(mask, width, 0, false);
    let last_row = (mask.len() / width.max(1)).saturating_sub(1) as u32;
    let mut areas = vec![0usize; n_parts];
    for run in &runs {
        let at_border = run.row == 0 || run.row == last_row || run.start == 0 || run.end as usize == width;
        let area = &mut areas[run.part as usize];
        *area = area.saturating_add(if at_border { usize::MAX } else { run.len() });
    }
    for run in runs.iter().filter(|run| areas[run.part as usize] <= max_area) {
        mask[run.row as usize * width + run.start as usize..][..run.len()].fill(1);
    }
}

/// Removes threads and specks that hold no cross of five pixels (a morphological opening). Beyond the border of the
/// image the mask goes on.
pub(super) fn opened(mask: &[u8], width: usize) -> Vec<u8> {
    let eroded = crosswise(mask, width, |pixel, neighbors| pixel & neighbors.iter().fold(1, |all, &n| all & n));
    crosswise(&eroded, width, |pixel, neighbors| pixel | neighbors.iter().fold(0, |any, &n| any | n))
}

/// A new mask from each pixel and its four neighbors.
fn crosswise(mask: &[u8], width: usize, rule: impl Fn(u8, [u8; 4]) -> u8 + Sync) -> Vec<u8> {
    let height = mask.len() / width.max(1);
    let mut out = vec![0; mask.len()];
    out.par_chunks_mut(width.max(1)).enumerate().for_each(|(row, out)| {
        let line = |y: usize| &mask[y * width..(y + 1) * width];
        let (above, here, below) = (line(row.saturating_sub(1)), line(row), line((row + 1).min(height - 1)));
        for (x, pixel) in out.iter_mut().enumerate() {
            let (left, right) = (here[x.saturating_sub(1)], here[(x + 1).min(width - 1)]);
            *pixel = rule(here[x], [above[x], below[x], left, right]);
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_hole_is_filled_and_a_bay_or_a_large_hole_is_not() {
        #[rustfmt::skip]
        let open = [
            1, 1, 1, 1, 1, 1, 1,
            1, 0, 1, 0, 0, 1, 1,
            1, 1, 1, 0, 0, 1, 0,
            1, 1, 1, 1, 1, 1, 1,
        ];
        let mut filled = open;
        fill_holes(&mut filled, 7, 3);
        let mut expected = open;
        expected[8] = 1;
        assert_eq!(filled, expected);
    }

    #[test]
    fn opening_removes_a_thread_and_keeps_a_block() {
        #[rustfmt::skip]
        let mask = [
            0, 0, 0, 0, 0, 0, 0,
            0, 0, 1, 0, 0, 0, 0,
            0, 1, 1, 1, 1, 1, 0,
            0, 0, 1, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0,
        ];
        let mut expected = mask;
        expected[18] = 0;
        expected[19] = 0;
        assert_eq!(opened(&mask, 7), expected);
    }
}
