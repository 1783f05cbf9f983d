//! Nuclei from a gray image of a stain: blur, threshold, watershed.
//!
//! The steps are those of the recipe in Baysor's manual (Gaussian blur, automatic threshold, watershed of the
//! distance transform), with three changes that make them work without tuning (own reasoning):
//!
//! * every length follows the radius of a typical nucleus, which is read from the image ([`estimate_radius`]);
//! * by default a pixel is compared with its surroundings, so haze and uneven light do no harm;
//! * touching nuclei are told apart by their outlines and by their brightness together.
//!
//! Blurring and the distance transform come from `imageproc`; the rest is here.

mod blur;
mod mask;
mod params;
mod relief;
mod runs;
mod size;
mod threshold;
mod watershed;

#[cfg(test)]
mod tests;

pub use params::{StainError, StainParams, ThresholdMethod};
pub use size::estimate_radius;

use crate::data::images::{GrayImage, LabelImage};
use crate::observe::Observer;
use blur::{Coarse, blurred};
use params::Settings;

/// Nuclei found in an image, and the settings that were used.
#[derive(Clone, Debug, PartialEq)]
pub struct StainSegmentation {
    /// Nuclei, numbered from 1 in the order in which their first pixels appear, row by row. `[height * width]`
    pub labels: LabelImage,
    /// Number of nuclei, > 0.
    pub n_nuclei: usize,
    /// Intensity (of the blurred image) that nuclei exceed. With [`ThresholdMethod::Local`] it is the floor: nuclei
    /// exceed both it and their surroundings.
    pub threshold: f64,
    /// Radius of a typical nucleus in pixels: the given one or the estimate.
    pub radius: f64,
    /// Standard deviation of the Gaussian blur in pixels.
    pub sigma: f64,
    /// Smallest area of a nucleus in pixels.
    pub min_area: f64,
    /// Objects that were removed because they are smaller.
    pub n_removed_small: usize,
}

/// Finds the nuclei in an image of a nuclear stain.
///
/// Source: Baysor 0.7.1's manual, "Segmenting stains", and the module's own documentation.
///
/// Shapes: labels are as large as the image. Pixels that are not finite count as the darkest ones. Errors: an image
/// without pixels, with one intensity only, or without nuclei; see [`StainError`]. Draws nothing; the same result on
/// any number of threads. Time grows linearly with the number of pixels. Memory at its peak, besides the image: about
/// 10 bytes per pixel, 17 where the radius is below ten pixels; labels (4 bytes) are part of it.
pub fn segment(
    image: &GrayImage,
    params: &StainParams,
    observer: &dyn Observer,
) -> Result<StainSegmentation, StainError> {
    let darkest = params::check(image, params)?;
    let settings = Settings::resolve(params, || estimate_radius(image));
    observer.detail(&format!(
        "nuclei have a radius of about {:.1} pixels; blur {:.2}, smallest area {:.0} pixels",
        settings.radius, settings.sigma, settings.min_area
    ));
    let smooth = blurred(image, settings.sigma, darkest);
    let coarse = Coarse::pooled(image, settings.coarse_factor(), darkest);
    let (mut mask, threshold) = mask::foreground(&smooth, &coarse, params.threshold, &settings);
    if params.fill_holes {
        mask::fill_holes(&mut mask, image.width, settings.max_hole());
    }
    if settings.opens() {
        mask = mask::opened(&mask, image.width);
    }
    let relief = relief::raise(smooth.values, &mask, image.width, coarse, &settings);
    let (basins, n_basins) = watershed::split(&mask, image.width, &relief, &settings);
    drop((mask, relief));
    let kept = watershed::keep_large(basins, n_basins, settings.min_area);
    if kept.n_nuclei == 0 {
        return Err(params::nothing_left(threshold, settings.min_area, kept.n_removed));
    }
    observer.info(&format!("{} nuclei in the stain; {} smaller objects removed", kept.n_nuclei, kept.n_removed));
    Ok(StainSegmentation {
        labels: LabelImage { width: image.width, height: image.height, labels: kept.labels },
        n_nuclei: kept.n_nuclei,
        threshold,
        radius: settings.radius,
        sigma: settings.sigma,
        min_area: settings.min_area,
        n_removed_small: kept.n_removed,
    })
}
