//! What a user may set, what follows from it, and what can go wrong.

use std::f64::consts::PI;

use crate::data::images::GrayImage;

/// How foreground is told from background.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThresholdMethod {
    /// Brighter than the surroundings, and than a floor between the darkest pixels and Otsu's threshold. Copes with
    /// uneven light and haze.
    #[default]
    Local,
    /// One threshold that separates two classes of intensities best (Otsu 1979).
    Otsu,
    /// One threshold of least cross-entropy (Li and Lee 1993), lower than Otsu's where nuclei differ in brightness.
    Li,
    /// One threshold at the foot of the peak of the background (Zack et al. 1977): for few nuclei.
    Triangle,
    /// The mean intensity.
    Mean,
}

/// What to segment, in pixels. Everything left open follows from the radius, and that from the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StainParams {
    /// Radius of a typical nucleus in pixels; `None`: estimated from the image.
    pub radius: Option<f64>,
    /// How foreground is told from background.
    pub threshold: ThresholdMethod,
    /// Standard deviation of the Gaussian blur in pixels, 0 for none; `None`: 0.15 radii.
    pub sigma: Option<f64>,
    /// Smallest area of a nucleus in pixels; `None`: 15 % of a typical one.
    pub min_area: Option<f64>,
    /// Whether touching nuclei are split.
    pub split_touching: bool,
    /// Whether holes inside nuclei are filled, up to half the area of a typical nucleus.
    pub fill_holes: bool,
}

impl Default for StainParams {
    fn default() -> Self {
        Self {
            radius: None,
            threshold: ThresholdMethod::default(),
            sigma: None,
            min_area: None,
            split_touching: true,
            fill_holes: true,
        }
    }
}

impl StainParams {
    /// The defaults for nuclei of a known radius in pixels.
    pub fn for_radius(radius: f64) -> Self {
        Self { radius: Some(radius), ..Self::default() }
    }
}

/// Why an image gave no nuclei.
#[derive(Debug, thiserror::Error)]
pub enum StainError {
    /// No pixels.
    #[error("the image has no pixels ({width} x {height}); give an image of a nuclear stain")]
    Empty {
        /// Pixels per row.
        width: usize,
        /// Number of rows.
        height: usize,
    },
    /// The pixels do not fill the rows.
    #[error("the image holds {found} intensities, but {width} x {height} pixels need {}", width * height)]
    WrongLength {
        /// Pixels per row.
        width: usize,
        /// Number of rows.
        height: usize,
        /// Intensities there are.
        found: usize,
    },
    /// More pixels than can be numbered.
    #[error("the image has {width} x {height} pixels, more than 4294967295; crop it or reduce its resolution")]
    TooLarge {
        /// Pixels per row.
        width: usize,
        /// Number of rows.
        height: usize,
    },
    /// Only one intensity.
    #[error(
        "all pixels of the image have the intensity {value}, so there is nothing to segment; check that the right \
         page or channel was read"
    )]
    Flat {
        /// The intensity.
        value: f32,
    },
    /// Nothing is foreground.
    #[error(
        "no pixel of the image is bright enough for a nucleus (threshold {threshold:.4}); try another threshold \
         method or a smaller blur"
    )]
    NoForeground {
        /// The threshold.
        threshold: f64,
    },
    /// Everything is too small.
    #[error(
        "all {n_objects} bright objects in the image are smaller than the smallest nucleus ({min_area:.1} pixels); \
         give a smaller minimal area or the radius of the nuclei"
    )]
    OnlySmall {
        /// Objects found.
        n_objects: usize,
        /// The smallest area in pixels.
        min_area: f64,
    },
    /// A parameter out of range.
    #[error("{name} is {value}; it must be {expected}")]
    Parameter {
        /// Name of the parameter.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        expected: &'static str,
    },
}

/// Checks image and parameters. Returns the smallest finite intensity.
pub(super) fn check(image: &GrayImage, params: &StainParams) -> Result<f32, StainError> {
    let (width, height) = (image.width, image.height);
    if width == 0 || height == 0 {
        return Err(StainError::Empty { width, height });
    }
    let n_pixels = width.checked_mul(height).filter(|&n| n < u32::MAX as usize);
    let n_pixels = n_pixels.ok_or(StainError::TooLarge { width, height })?;
    if image.values.len() != n_pixels {
        return Err(StainError::WrongLength { width, height, found: image.values.len() });
    }
    let in_range = |name, value: Option<f64>, lowest: f64, expected| match value {
        Some(value) if !(lowest..=MAX_LENGTH * MAX_LENGTH).contains(&value) => {
            Err(StainError::Parameter { name, value, expected })
        }
        _ => Ok(()),
    };
    in_range("the radius of a nucleus", params.radius, 0.5, "at least 0.5 pixels")?;
    in_range("the blur", params.sigma, 0.0, "0 or more pixels")?;
    in_range("the smallest area of a nucleus", params.min_area, 0.0, "0 or more pixels")?;
    let finite = image.values.iter().copied().filter(|value| value.is_finite());
    let (darkest, brightest) = finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)));
    if darkest < brightest { Ok(darkest) } else { Err(StainError::Flat { value: image.values[0] }) }
}

/// Why there are no nuclei.
pub(super) fn nothing_left(threshold: f64, min_area: f64, n_objects: usize) -> StainError {
    if n_objects == 0 { StainError::NoForeground { threshold } } else { StainError::OnlySmall { n_objects, min_area } }
}

/// Longest length in pixels that anything follows.
const MAX_LENGTH: f64 = 1000.0;

/// Every number the computation needs, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Settings {
    pub radius: f64,
    pub sigma: f64,
    pub min_area: f64,
    /// Least height of a peak above the saddle to a higher one, in units of the relief, to be a nucleus of its own.
    pub min_prominence: f32,
}

impl Settings {
    pub fn resolve(params: &StainParams, estimate: impl FnOnce() -> f64) -> Self {
        let radius = params.radius.unwrap_or_else(estimate).clamp(0.5, MAX_LENGTH);
        Self {
            radius,
            sigma: params.sigma.unwrap_or(0.15 * radius).min(MAX_LENGTH),
            min_area: params.min_area.unwrap_or(0.15 * PI * radius * radius),
            min_prominence: if params.split_touching { 0.03 } else { f32::INFINITY },
        }
    }

    /// Pixels per side of a coarse pixel: about five make a radius.
    pub fn coarse_factor(&self) -> usize {
        ((self.radius / 5.0) as usize).max(1)
    }

    /// Standard deviation of the weights of a pixel's surroundings, in pixels.
    pub fn surroundings(&self) -> f64 {
        1.2 * self.radius
    }

    /// Largest hole to fill, in pixels.
    pub fn max_hole(&self) -> usize {
        (0.5 * PI * self.radius * self.radius) as usize
    }

    /// Whether nuclei are large enough to lose threads of one pixel's width.
    pub fn opens(&self) -> bool {
        self.radius >= 4.0
    }
}
