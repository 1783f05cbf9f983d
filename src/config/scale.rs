//! The expected cell radius and its spread, as they were given.

use super::ConfigError;
use super::file::Origin;
use super::merged::{Merged, parse_amount};
use super::settings::{ScaleSource, ScaleStd};

/// Where the expected cell radius comes from.
pub(super) fn source(merged: &Merged, has_prior: bool) -> Result<ScaleSource, ConfigError> {
    let path = "segmentation.scale";
    let scale = merged.float(path);
    // Checked by `check_range`; the default serves the compiler only.
    let std = parse_amount(merged.text("segmentation.scale_std")).unwrap_or(ScaleStd::Relative(0.25));
    if scale > 0.0 {
        return Ok(ScaleSource::Given { scale, std });
    }
    let remedy =
        "set --scale (-s), or scale under [segmentation], to the approximate cell radius in the units of x and y";
    if !has_prior {
        return Err(match merged.get(path).map(|given| &given.origin) {
            Some(Origin::Default) => ConfigError::Missing {
                what: "neither a scale nor a prior segmentation is given".to_owned(),
                remedy: format!("{remedy}, or name a prior column as :NAME after the molecule table"),
            },
            _ => merged
                .invalid(path, format!("without a prior segmentation there is nothing to estimate it from; {remedy}")),
        });
    }
    if !merged.flag("segmentation.estimate_scale_from_centers") {
        let path = "segmentation.estimate_scale_from_centers";
        return Err(merged.invalid(path, format!("then a scale is needed; {remedy}, or leave the estimate on")));
    }
    Ok(ScaleSource::FromPrior { std: is_spread_wished(merged).then_some(std) })
}

/// Whether the user asked for this spread, so that it wins over the estimate from the prior.
///
/// Tools write every key into their files, so the literal default in a file is not a wish.
pub(super) fn is_spread_wished(merged: &Merged) -> bool {
    merged.get("segmentation.scale_std").is_some_and(|given| match given.origin {
        Origin::Default | Origin::Stage(_) => false,
        Origin::Preset(_) | Origin::Detected(_) | Origin::Tile(_) | Origin::File(_) => {
            given.value != given.def.default_value()
        }
        Origin::Dotted(_) | Origin::Flag(_) => true,
    })
}
