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

/// How places become colors.
///
/// Places are turned to their principal axes. The longest is a, from green to red; the second b, from blue
/// to yellow; the shortest the lightness. The ranges, between the 0.0125 and 0.9875 quantiles, are
/// centered at medium gray and share one scale, at which the longest is full: -100 to 100 for a and b,
/// 10 to 90 for the lightness. What is beyond is moved to the ends.
///
/// Source: Baysor 0.7.1 `neighborhood_composition.jl`.
/// DIFFERS: there the axes are those of the layout, in their order, and all ranges start at the lowest value,
/// which leaves no red and yellow if the others are short, and black if the lightness is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LabScale {
    /// The mean of places.
    pub mean: [f32; 3],
    /// Share of every dimension in every axis, that of the largest variance first; one dimension after another.
    pub shares: [[f32; 3]; 3],
    /// Lower and upper end along every axis, counted from the mean.
    pub ranges: [[f64; 2]; 3],
    /// The length of the longest range; above 0.
    longest: f64,
}

impl LabScale {
    /// The scale of `places`. `None` if nearly all places are one: then all colors are gray. The same for any number of
    /// threads.
    pub fn of(places: &[[f32; 3]]) -> Option<Self> {
        let axes = PrincipalAxes::of(places.as_flattened(), 3);
        let triple = |values: &[f32]| [values[0], values[1], values[2]];
        let (mean, shares) = (triple(&axes.mean), [0, 1, 2].map(|dim| triple(&axes.shares[3 * dim..])));
        let turned = Self { mean, shares, ranges: [[0.0; 2]; 3], longest: 0.0 };
        let mut values: Vec<f32> = Vec::with_capacity(places.len());
        let ranges = [0, 1, 2].map(|axis| {
            places.par_iter().with_min_len(BLOCK).map(|place| turned.turn(place)[axis]).collect_into_vec(&mut values);
            [quantile(&mut values, LOW), quantile(&mut values, HIGH)]
        });
        Self::new(mean, shares, ranges)
    }

    /// A scale from its parts. `None` if no range has a length, or a number is not finite.
    pub fn new(mean: [f32; 3], shares: [[f32; 3]; 3], ranges: [[f64; 2]; 3]) -> Option<Self> {
        let longest = ranges.iter().fold(0.0, |longest: f64, [low, high]| longest.max(high - low));
        let are_finite = mean.iter().chain(shares.as_flattened()).all(|value| value.is_finite())
            && ranges.as_flattened().iter().all(|value| value.is_finite());
        (are_finite && longest > 0.0).then_some(Self { mean, shares, ranges, longest })
    }

    /// Coordinates along the axes.
    fn turn(&self, place: &[f32; 3]) -> [f32; 3] {
        let mut turned = [0.0; 3];
        for (shares, (value, mean)) in self.shares.iter().zip(place.iter().zip(self.mean)) {
            let value = value - mean;
            turned.iter_mut().zip(shares).for_each(|(sum, share)| *sum += share * value);
        }
        turned
    }

    /// The color of a place.
    pub fn color(&self, place: &[f32; 3]) -> Color {
        let place = self.turn(place);
        // From -0.5 to 0.5.
        let at = |axis: usize| {
            let [low, high] = self.ranges[axis];
            ((f64::from(place[axis]) - 0.5 * (low + high)) / self.longest).clamp(-0.5, 0.5)
        };
        Color::from_lab([50.0 + 80.0 * at(2), 200.0 * at(0), 200.0 * at(1)])
    }

    /// Colors of places, `[n]`.
    pub fn colors(&self, places: &[[f32; 3]]) -> Vec<Color> {
        places.par_iter().with_min_len(BLOCK).map(|place| self.color(place)).collect()
    }
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
        let found = LabScale::of(&places).expect("a scale").colors(&places);
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
    fn one_place_has_no_scale() {
        assert_eq!(LabScale::of(&[[3.0, -1.0, 2.0]; 5]), None);
        assert_eq!(LabScale::of(&[]), None);
        assert_eq!(Color::from_lab([50.0, 0.0, 0.0]), Color::GRAY);
        let shares = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        assert_eq!(LabScale::new([0.0; 3], shares, [[0.0, 0.0]; 3]), None);
        assert_eq!(LabScale::new([f32::NAN, 0.0, 0.0], shares, [[0.0, 1.0]; 3]), None);
        assert_eq!(LabScale::new([0.0; 3], shares, [[0.0, 1.0], [0.0, f64::INFINITY], [0.0, 0.0]]), None);
    }
}
