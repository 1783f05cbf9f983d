//! From places in three dimensions to colors, by way of CIE Lab: distances that look alike.

use std::fmt;

use rayon::prelude::*;

use crate::numeric::elementary::{exp, ln};

/// Quantile of a coordinate that becomes its lowest value, and of all that becomes the highest.
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
/// Every coordinate starts at its 0.0125 quantile; the 0.9875 quantile of all coordinates together becomes 1;
/// what is beyond is moved to the ends. The first coordinate is the lightness, from 10 to 90, the others
/// are a and b, from -100 to 100. If all places are one, the color is gray.
/// Source: Baysor 0.7.1 `neighborhood_composition.jl`. The same for any number of threads.
pub(super) fn colors(mut places: Vec<[f32; 3]>) -> Vec<Color> {
    let mut values: Vec<f32> = Vec::with_capacity(3 * places.len());
    for axis in 0..3 {
        values.clear();
        values.extend(places.iter().map(|place| place[axis]));
        let low = quantile(&mut values, LOW) as f32;
        places.iter_mut().for_each(|place| place[axis] = (place[axis] - low).max(0.0));
    }
    values.clear();
    values.extend(places.iter().flatten());
    let high = quantile(&mut values, HIGH);
    drop(values);
    if high.is_nan() || high <= 0.0 {
        return vec![Color::GRAY; places.len()];
    }
    let color = |place: &[f32; 3]| {
        let [lightness, a, b] = place.map(|value| (f64::from(value) / high).min(1.0));
        Color::from_lab([10.0 + 80.0 * lightness, 200.0 * (a - 0.5), 200.0 * (b - 0.5)])
    };
    places.par_iter().with_min_len(1024).map(color).collect()
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
    fn coordinates_fill_the_ranges() {
        // Three axes of one length each: 0 to 1000, 0 to 500, 0 to 0.
        let places = (0..=1000).map(|at| [at as f32, at as f32 / 2.0, 0.0]).collect();
        let found = colors(places);
        assert_eq!(found[0], Color::from_lab([10.0, -100.0, -100.0]));
        // The joint quantile: of 3003 values the first axis holds those above 487.5.
        let (low, mut values) = (12.5, Vec::new());
        values.extend((0..=1000).map(|at| (f64::from(at) - low).max(0.0)));
        values.extend((0..=1000).map(|at| ((f64::from(at) - low) / 2.0).max(0.0)));
        values.extend(vec![0.0; 1001]);
        let high = crate::numeric::stats::quantile(&mut values, HIGH);
        let (e1, e2) = ((600.0 - low) / high, (600.0 - low) / 2.0 / high);
        assert_eq!(found[600], Color::from_lab([10.0 + 80.0 * e1, 200.0 * (e2 - 0.5), -100.0]));
        assert_eq!(found[1000].0, found[999].0);
    }

    #[test]
    fn one_place_is_gray() {
        assert_eq!(colors(vec![[3.0, -1.0, 2.0]; 5]), [Color::GRAY; 5]);
        assert_eq!(Color::from_lab([50.0, 0.0, 0.0]), Color::GRAY);
        assert!(colors(Vec::new()).is_empty());
    }
}
