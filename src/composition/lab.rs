//! From places in three dimensions to colors, by way of CIE Lab: distances that look alike.

use std::fmt;

use rayon::prelude::*;

use crate::numeric::elementary::{exp, ln};
use crate::numeric::pca::PrincipalAxes;

/// Molecules per task, at least.
const BLOCK: usize = 1024;

/// Quantiles of a coordinate between which its range is.
const LOW: f64 = 0.0125;
const HIGH: f64 = 0.9875;
/// White point D65 (x and z; y is 1).
const WHITE: [f64; 2] = [0.95047, 1.08883];
/// Where the curve of CIE Lab turns into a line.
const EPSILON: f64 = 216.0 / 24389.0;
const KAPPA: f64 = 24389.0 / 27.0;

/// A color of the sRGB space: red, green, blue. Displays as `#RRGGBB`, upper case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Color(pub [u8; 3]);

impl Color {
    /// The gray of medium lightness, for molecules of which all are alike.
    pub const GRAY: Self = Self([0x77; 3]);

    /// The color of CIE Lab coordinates: lightness 0..=100, a and b about -100..=100. What sRGB
    /// cannot show is clipped, channel by channel.
    pub fn from_lab([lightness, a, b]: [f64; 3]) -> Self {
        let fy = (lightness + 16.0) / 116.0;
        let along = |f: f64| if f * f * f > EPSILON { f * f * f } else { (116.0 * f - 16.0) / KAPPA };
        let (x, z) = (WHITE[0] * along(fy + a / 500.0), WHITE[1] * along(fy - b / 200.0));
        let y = if fy * fy * fy > EPSILON { fy * fy * fy } else { lightness / KAPPA };
        let linear = [
            3.2404542 * x - 1.5371385 * y - 0.4985314 * z,
            -0.9692660 * x + 1.8760108 * y + 0.0415560 * z,
            0.0556434 * x - 0.2040259 * y + 1.0572252 * z,
        ];
        Self(linear.map(|value| {
            let value = if value > 0.0031308 { 1.055 * exp(ln(value) / 2.4) - 0.055 } else { 12.92 * value };
            (255.0 * value.clamp(0.0, 1.0)).round() as u8
        }))
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02X}{green:02X}{blue:02X}")
    }
}

/// Colors of places, `[n]`.
///
/// The places are turned to their principal axes. The longest is a, from green to red; the second b, from blue
/// to yellow; the shortest the lightness. The ranges, between the 0.0125 and 0.9875 quantiles, are
/// centered at medium gray and share one scale, at which the longest is full: -100 to 100 for a and b,
/// 10 to 90 for the lightness. What is beyond is moved to the ends. If all places are one, the color is gray.
///
/// Source: Baysor 0.7.1 `neighborhood_composition.jl`. The same for any number of threads.
/// DIFFERS: there the axes are those of the layout, in their order, and all ranges start at the lowest value,
/// which leaves no red and yellow if the others are short, and black if the lightness is.
pub(super) fn colors(mut places: Vec<[f32; 3]>) -> Vec<Color> {
    let axes = PrincipalAxes::of(places.as_flattened(), 3);
    places.par_iter_mut().with_min_len(BLOCK).for_each(|place| {
        let [x, y, z] = *place;
        axes.rotate(&[x, y, z], place);
    });
    let mut values: Vec<f32> = Vec::with_capacity(places.len());
    let ranges = [0, 1, 2].map(|axis| {
        values.clear();
        values.extend(places.iter().map(|place| place[axis]));
        (quantile(&mut values, LOW), quantile(&mut values, HIGH))
    });
    drop(values);
    let longest = ranges.iter().fold(0.0, |longest: f64, (low, high)| longest.max(high - low));
    if longest <= 0.0 {
        return vec![Color::GRAY; places.len()];
    }
    let color = |place: &[f32; 3]| {
        // From -0.5 to 0.5.
        let at = |axis: usize| {
            let (low, high) = ranges[axis];
            ((f64::from(place[axis]) - 0.5 * (low + high)) / longest).clamp(-0.5, 0.5)
        };
        Color::from_lab([50.0 + 80.0 * at(2), 200.0 * at(0), 200.0 * at(1)])
    };
    places.par_iter().with_min_len(BLOCK).map(color).collect()
}

/// The quantile `p` by linear interpolation, as [`crate::numeric::stats::quantile`].
fn quantile(values: &mut [f32], p: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let rank = (values.len() - 1) as f64 * p;
    let (_, &mut low, above) = values.select_nth_unstable_by(rank as usize, f32::total_cmp);
    let high = above.iter().copied().reduce(f32::min).unwrap_or(low);
    f64::from(low) + rank.fract() * f64::from(high - low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colors() {
        for (lab, text) in [
            ([50.0, 0.0, 0.0], "#777777"),
            ([90.0, 0.0, 0.0], "#E2E2E2"),
            ([50.0, 50.0, -50.0], "#9E57CD"),
            ([70.0, -40.0, 60.0], "#81BC31"),
            ([10.0, -100.0, -100.0], "#0040B0"),
            ([90.0, 100.0, 100.0], "#FF7000"),
        ] {
            assert_eq!(Color::from_lab(lab).to_string(), text);
        }
    }

    #[test]
    fn the_longest_axis_goes_from_green_to_red() {
        // From -1000 to 1000 along (3, 0, 4) / 5, half as long along y, none across.
        let place = |at: i32, y: i32| [0.6 * at as f32, y as f32, 0.8 * at as f32];
        let mut places: Vec<[f32; 3]> = (-1000..=1000).map(|at| place(at, 0)).collect();
        places.extend((-500..=500).map(|y| place(0, y)));
        let found = colors(places);
        let near = |have: Color, lab: [f64; 3]| {
            let expected = Color::from_lab(lab);
            assert!(have.0.iter().zip(expected.0).all(|(a, b)| a.abs_diff(b) <= 2), "{have} {expected}");
        };
        assert_eq!(found[1000], Color::GRAY);
        // The range of the longest axis: 1001 of 3002 places are in its middle.
        let half = 1000.0 - 0.0125 * 3001.0;
        near(found[1500], [50.0, 500.0 / half * 100.0, 0.0]);
        near(found[0], [50.0, -100.0, 0.0]);
        near(found[2001 + 700], [50.0, 0.0, 200.0 / half * 100.0]);
    }

    #[test]
    fn one_place_is_gray() {
        assert_eq!(colors(vec![[3.0, -1.0, 2.0]; 5]), [Color::GRAY; 5]);
        assert_eq!(Color::from_lab([50.0, 0.0, 0.0]), Color::GRAY);
        assert!(colors(Vec::new()).is_empty());
    }
}
