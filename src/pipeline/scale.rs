//! The expected cell radius, given or estimated, and whether it can be right.

use crate::config::{RunSettings, ScaleSource, ScaleStd, SegmentMeaning};
use crate::data::Positions;
use crate::noise::NoiseFit;
use crate::observe::Observer;
use crate::prior::{self, PriorError};

use super::prior::{FoundPrior, Picture};

/// Spread of the radius as a share of it, when nobody says otherwise.
const DEFAULT_STD: ScaleStd = ScaleStd::Relative(0.25);

/// Expected cell radius and its spread, in input units, with their origin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Radius.
    pub radius: f64,
    /// Spread.
    pub std: f64,
    /// Where the radius comes from.
    pub origin: &'static str,
}

/// The scale that the settings give, or that the prior segmentation suggests.
pub fn resolve(
    settings: &RunSettings,
    positions: &Positions,
    prior: Option<&FoundPrior>,
    observer: &dyn Observer,
) -> Result<Scale, PriorError> {
    let std_of_user = match settings.scale {
        ScaleSource::Given { scale, std } => {
            compare(scale, positions, prior, settings, observer);
            return Ok(Scale { radius: scale, std: std.of(scale), origin: "given" });
        }
        ScaleSource::FromPrior { std } => std,
    };
    let estimate = match prior {
        Some(found) => found.scale(positions, settings.min_molecules_per_cell, &settings.prior)?,
        None => return Err(PriorError::NoSegments),
    };
    if estimate.std_was_raised && std_of_user.is_none() {
        observer.warning(&format!(
            "All prior segments suggest the same scale; a spread of {} is assumed. --scale-std sets another",
            DEFAULT_STD.of(estimate.scale)
        ));
    }
    let std = match std_of_user {
        Some(std) => std.of(estimate.scale),
        None if estimate.std_was_raised => DEFAULT_STD.of(estimate.scale),
        None => estimate.scale_std,
    };
    let are_nuclei = prior.and_then(|found| found.prior.are_nuclei(&settings.prior)) == Some(true);
    let meaning = match prior.map(|found| &found.picture) {
        _ if are_nuclei => "It is the radius of cells by the distances of molecules from the nearest nucleus",
        Some(Picture::Molecules) => "It is half the distance between neighboring segments",
        _ => "It is the radius of a circle of the area of a segment",
    };
    observer.info(&format!(
        "Scale estimated from {} prior segments: {:.4}, standard deviation {std:.4}. ({meaning}; if cells are larger \
         or far apart, give --scale)",
        estimate.n_segments, estimate.scale
    ));
    Ok(Scale { radius: estimate.scale, std, origin: "estimated from the prior segmentation" })
}

/// Warns if segments of the prior are far larger or smaller than cells of a scale that is given. Regions may have any size.
fn compare(
    scale: f64,
    positions: &Positions,
    prior: Option<&FoundPrior>,
    settings: &RunSettings,
    observer: &dyn Observer,
) {
    let is_region = settings.prior.meaning == SegmentMeaning::Regions;
    let Some(found) = prior.filter(|_| !is_region) else { return };
    if let Some(doubt) = prior::doubts_by_scale(positions, &found.prior.segment_of, &found.table, scale) {
        observer.warning(&doubt.to_string());
    }
}

/// Warns if a cell of this scale would hold far fewer or far more molecules than a cell should.
///
/// METHOD: real molecules have their k-th neighbor at a typical distance r, so a circle (in 3D a
/// ball) of the radius s holds about k (s / r)^D of them.
pub fn check_unit(
    scale: Scale,
    noise: Option<&NoiseFit>,
    nn_id: usize,
    n_dims: usize,
    settings: &RunSettings,
    observer: &dyn Observer,
) {
    let Some(fit) = noise else { return };
    let ratio = scale.radius / fit.signal.mean;
    let per_cell = nn_id as f64 * if n_dims == 3 { ratio * ratio * ratio } else { ratio * ratio };
    let least = settings.min_molecules_per_cell as f64;
    let advice = "Is --scale in the units of x and y (microns or pixels), and --min-molecules-per-cell right?";
    if per_cell < 0.2 * least {
        observer.warning(&format!(
            "A cell of the scale {:.4} would hold about {per_cell:.1} molecules here, far fewer than the {least} \
             that make a cell. {advice}",
            scale.radius
        ));
    } else if per_cell > 500.0 * least.max(10.0) {
        observer.warning(&format!(
            "A cell of the scale {:.4} would hold about {per_cell:.0} molecules here, {:.0} times the {least} \
             that make a cell. {advice}",
            scale.radius,
            per_cell / least
        ));
    }
}
