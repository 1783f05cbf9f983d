//! Colors of categories and values, for pictures and charts alike.

use crate::composition::Color;
use crate::numeric::elementary::{exp, ln};

/// Red, green and blue.
pub type Rgb = [u8; 3];

/// Colors that are told apart with any kind of color vision, on white and half transparent: six of Okabe and Ito, and
/// two chosen to be far from them and from white for normal, red-blind, green-blind and blue-blind eyes.
const CATEGORIES: [Rgb; 8] = [
    [0, 114, 178],
    [213, 94, 0],
    [0, 158, 115],
    [204, 121, 167],
    [86, 180, 233],
    [230, 159, 0],
    [105, 0, 255],
    [60, 45, 0],
];
/// Molecules without a category.
pub const NONE: Rgb = [170, 170, 170];
/// Steps of a scale of colors.
const N_STEPS: usize = 256;
/// Lightness of colors beyond the first ones.
const LIGHTNESS: [f64; 2] = [20.0, 75.0];
/// Step of the grid that they are taken from.
const GRID: u8 = 17;

/// Colors of `n` categories: the first eight for any kind of color vision, further ones each as far from all before
/// it as there is room. The colors of fewer categories are the first ones of more.
pub fn categories(n: usize) -> Vec<Rgb> {
    let mut colors: Vec<Rgb> = CATEGORIES.into_iter().take(n).collect();
    if colors.len() == n {
        return colors;
    }
    let levels = || (0..=255 / GRID).map(|level| level * GRID);
    let grid = levels().flat_map(|red| levels().flat_map(move |green| levels().map(move |blue| [red, green, blue])));
    let candidates: Vec<(Rgb, [f64; 3])> = grid
        .map(|color| (color, lab(color)))
        .filter(|(_, [lightness, ..])| (LIGHTNESS[0]..=LIGHTNESS[1]).contains(lightness))
        .collect();
    let distance2 = |a: &[f64; 3], b: &[f64; 3]| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
    let mut nearest = vec![f64::INFINITY; candidates.len()];
    let mut meet = |color: Rgb| {
        let place = lab(color);
        let mut farthest = 0;
        for (at, (_, candidate)) in candidates.iter().enumerate() {
            nearest[at] = nearest[at].min(distance2(candidate, &place));
            if nearest[at] > nearest[farthest] {
                farthest = at;
            }
        }
        candidates[farthest].0
    };
    meet(NONE);
    let mut next = NONE;
    for &color in &colors {
        next = meet(color);
    }
    while colors.len() < n {
        colors.push(next);
        next = meet(next);
    }
    colors
}

/// A scale of colors for values from 0 (red: doubtful) over light gray to 1 (blue: sure), for any kind of color vision.
pub fn diverging() -> Vec<Rgb> {
    scale(&[[38.0, 62.0, 45.0], [58.0, 48.0, 42.0], [82.0, 3.0, 6.0], [60.0, -6.0, -34.0], [36.0, 6.0, -50.0]])
}

/// A scale of colors for values from few (light yellow green) to many (dark blue); lightness falls all the way.
pub fn sequential() -> Vec<Rgb> {
    scale(&[[88.0, -14.0, 45.0], [70.0, -32.0, 18.0], [52.0, -22.0, -16.0], [36.0, 6.0, -42.0], [18.0, 24.0, -42.0]])
}

/// Place of a value in a scale of colors for the range; the ends beyond it, the lower one for NaN.
pub(super) fn step(value: f32, [low, high]: [f32; 2]) -> usize {
    let share = (value - low) / (high - low);
    if share > 0.0 { ((share * N_STEPS as f32) as usize).min(N_STEPS - 1) } else { 0 }
}

/// Colors on straight lines between places in CIE Lab.
fn scale(places: &[[f64; 3]]) -> Vec<Rgb> {
    let color = |step: usize| {
        let along = step as f64 / (N_STEPS - 1) as f64 * (places.len() - 1) as f64;
        let from = (along as usize).min(places.len() - 2);
        let share = along - from as f64;
        Color::from_lab([0, 1, 2].map(|axis| places[from][axis] * (1.0 - share) + places[from + 1][axis] * share)).0
    };
    (0..N_STEPS).map(color).collect()
}

/// CIE Lab of a color, for white D65.
fn lab(color: Rgb) -> [f64; 3] {
    let linear = color.map(|channel| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { exp(2.4 * ln((value + 0.055) / 1.055)) }
    });
    let along = |weights: [f64; 3]| {
        let value: f64 = weights.iter().zip(linear).map(|(weight, value)| weight * value).sum();
        if value > 216.0 / 24389.0 { exp(ln(value) / 3.0) } else { (24389.0 / 27.0 * value + 16.0) / 116.0 }
    };
    let x = along([0.4339499, 0.3762098, 0.1898403]);
    let y = along([0.2126729, 0.7151522, 0.0721750]);
    let z = along([0.0177566, 0.1094680, 0.8727755]);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearest(colors: &[Rgb]) -> f64 {
        let places: Vec<[f64; 3]> = colors.iter().map(|&color| lab(color)).collect();
        let pairs = (0..places.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
        let distances =
            pairs.map(|(a, b)| places[a].iter().zip(places[b]).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt());
        distances.fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn categories_differ_and_those_of_fewer_are_the_first() {
        for n in [0, 1, 8, 9, 20, 255] {
            let colors = categories(n);
            assert_eq!(colors.len(), n);
            assert_eq!(colors, categories(300)[..n]);
        }
        // A difference of 2 is just noticed; of 10, at a glance.
        assert!(nearest(&categories(8)) > 25.0);
        assert!(nearest(&categories(20)) > 20.0, "{}", nearest(&categories(20)));
        assert!(nearest(&categories(60)) > 10.0, "{}", nearest(&categories(60)));
    }

    #[test]
    fn lab_is_the_inverse_of_the_way_to_colors() {
        for color in [[0, 114, 178], [213, 94, 0], [119, 119, 119], [255, 255, 255], [0, 0, 0]] {
            assert_eq!(Color::from_lab(lab(color)).0, color);
        }
    }

    #[test]
    fn values_have_the_color_of_their_place_in_the_range() {
        assert_eq!([-1.0, 0.0, 0.5, 1.0, 7.0, f32::NAN].map(|value| step(value, [0.0, 1.0])), [0, 0, 128, 255, 255, 0]);
        // An empty range.
        assert!(step(1.0, [1.0, 1.0]) < N_STEPS);
        let lightness: Vec<f64> = sequential().into_iter().map(|color| lab(color)[0]).collect();
        assert!(lightness.windows(9).all(|pair| pair[8] < pair[0]));
        let (low, high) = (diverging()[0], diverging()[N_STEPS - 1]);
        assert!(low[0] > 120 && low[0] > 2 * low[2] && high[2] > 120 && high[2] > 2 * high[0]);
    }
}
