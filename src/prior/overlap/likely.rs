//! Which mistake explains extents that do not fit.

use std::fmt;

use super::{PriorExtent, PriorKind};

/// Pixel sizes of instruments, in microns.
const PIXEL_SIZES: [(f64, &str); 3] = [(0.2125, "Xenium"), (0.120_28, "CosMx"), (0.108, "MERSCOPE")];
/// A pixel size this near to that of an instrument is thought to be the same.
const SAME_PIXEL: f64 = 0.12;
/// Extents in these proportions may be the same, as molecules need not fill the prior.
const SAME_EXTENT: [f64; 2] = [0.75, 1.33];
/// Extents this different are those of other units.
const OTHER_UNIT: f64 = 1.6;
/// Sides this different show whether x and y are exchanged.
const OBLONG: f64 = 1.2;
/// With fewer molecules inside, extents that are the same mean an offset.
const SHIFTED: f64 = 0.9;
/// Molecules may lie beyond a prior by this share of its size, and it still counts as fitting.
const SLACK: f64 = 0.15;

/// A mistake that would explain what was found.
#[derive(Clone, Debug, PartialEq)]
pub enum Likely {
    /// Molecules and pixels have different units.
    PixelSize {
        /// How many times the prior is as large as the area of the molecules.
        times: f64,
        /// The size of a pixel that would fit.
        pixel_size: f64,
        /// The instrument that has such pixels.
        instrument: Option<&'static str>,
    },
    /// Boundaries are in other units than the molecules.
    OtherUnits {
        /// How many times the prior is as large as the area of the molecules.
        times: f64,
        /// An instrument whose pixel size would explain it.
        instrument: Option<&'static str>,
    },
    /// x and y are exchanged.
    Exchanged {
        /// Width and height of the area of the molecules.
        molecules: [f64; 2],
        /// Width and height of the prior.
        prior: [f64; 2],
    },
    /// The prior has another origin.
    Offset {
        /// What would have to be added to the x and y of the prior.
        shift: [f64; 2],
    },
}

impl fmt::Display for Likely {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PixelSize { times, pixel_size, instrument } => {
                let of = instrument.map_or(String::new(), |name| format!(" ({name})"));
                write!(
                    f,
                    "The image is {times:.2} times as large as the area of the molecules in both directions: it looks \
                     like molecules in other units than pixels. Give the size of a pixel, about {}{of}, with \
                     --prior-pixel-size",
                    short(*pixel_size)
                )
            }
            Self::OtherUnits { times, instrument } => {
                let of = instrument.map_or(String::new(), |name| format!(" (the pixels of {name}, perhaps)"));
                write!(
                    f,
                    "The boundaries are {times:.2} times as large as the area of the molecules in both directions: \
                     they look like other units{of}. Export both in the same units"
                )
            }
            Self::Exchanged { molecules: [width, height], prior: [columns, rows] } => write!(
                f,
                "The molecules cover {width:.0} by {height:.0} and the prior {columns:.0} by {rows:.0} (x by y): x \
                 and y look exchanged. Try -x and -y the other way round, or transpose the prior"
            ),
            Self::Offset { shift: [x, y] } => write!(
                f,
                "Molecules and prior are equally large: the origin of the prior looks shifted. It would fit if it \
                 were moved by {x:.1} along x and {y:.1} along y"
            ),
        }
    }
}

/// A number with four digits that count, without trailing zeros.
fn short(value: f64) -> String {
    let mut digits = 3usize;
    let mut scale = value.abs();
    while scale > 0.0 && scale < 1.0 && digits < 9 {
        scale *= 10.0;
        digits += 1;
    }
    let text = format!("{value:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// Looks for a mistake that makes the bulk of the molecules, `[low, high]` along x and y, fit into the prior.
pub(super) fn guess(bulk: [[f64; 2]; 2], prior: &PriorExtent, share_inside: f64) -> Option<Likely> {
    let size = bulk.map(|[low, high]| high - low);
    let [low, high] = prior.rectangle;
    let of_prior = [high[0] - low[0], high[1] - low[1]];
    if !size.iter().chain(&of_prior).all(|&extent| extent > 0.0 && extent.is_finite()) {
        return None;
    }
    let ratio = [of_prior[0] / size[0], of_prior[1] / size[1]];
    let is_same = |ratio: f64| ratio > SAME_EXTENT[0] && ratio < SAME_EXTENT[1];
    let same_extents = ratio.iter().all(|&ratio| is_same(ratio));
    let oblong = |[width, height]: [f64; 2]| width.max(height) / width.min(height) > OBLONG;
    let crossed = [of_prior[0] / size[1], of_prior[1] / size[0]];
    let aspect = |[width, height]: [f64; 2]| width > height;
    if oblong(size) && oblong(of_prior) && aspect(size) != aspect(of_prior) && crossed.iter().all(|&r| is_same(r)) {
        return Some(Likely::Exchanged { molecules: size, prior: of_prior });
    }
    let times = (ratio[0] * ratio[1]).sqrt();
    let other_unit = !(1.0 / OTHER_UNIT..=OTHER_UNIT).contains(&times);
    if is_same(ratio[0] / ratio[1]) && other_unit && fits(bulk, prior, times) {
        let pixel_size = prior.pixel_size / times;
        return Some(match prior.kind {
            PriorKind::Image => {
                let known = instrument(pixel_size);
                let pixel_size = known.map_or(pixel_size, |(size, _)| size);
                Likely::PixelSize { times, pixel_size, instrument: known.map(|(_, name)| name) }
            }
            PriorKind::Boundaries => {
                let known = instrument(1.0 / times).or_else(|| instrument(times));
                Likely::OtherUnits { times, instrument: known.map(|(_, name)| name) }
            }
        });
    }
    if same_extents && share_inside < SHIFTED {
        let shift = [0, 1].map(|axis| (bulk[axis][0] + bulk[axis][1] - low[axis] - high[axis]) / 2.0);
        return Some(Likely::Offset { shift });
    }
    None
}

/// Whether the molecules, made larger about the origin, fill the prior.
fn fits(bulk: [[f64; 2]; 2], prior: &PriorExtent, times: f64) -> bool {
    (0..2).all(|axis| {
        let (low, high) = (prior.rectangle[0][axis], prior.rectangle[1][axis]);
        let slack = SLACK * (high - low);
        bulk[axis][0] * times >= low - slack && bulk[axis][1] * times <= high + slack
    })
}

fn instrument(pixel_size: f64) -> Option<(f64, &'static str)> {
    let distance = |size: f64| (pixel_size / size - 1.0).abs();
    let nearest = PIXEL_SIZES.into_iter().min_by(|a, b| distance(a.0).total_cmp(&distance(b.0)))?;
    (distance(nearest.0) < SAME_PIXEL).then_some(nearest)
}
