//! Where molecules lie: their extent, the area that they cover, and their depth.

use std::collections::{BTreeSet, HashSet};

use crate::data::Positions;
use crate::numeric::stats;
use crate::report::preview::{DepthFacts, MANY_VALUES, MoleculeFacts};

/// Molecules looked at for areas and quantiles.
const N_SAMPLED: usize = 1_000_000;
/// Molecules of the sample per square on average, so that hardly any square within the tissue is empty.
const PER_SQUARE: f64 = 20.0;
/// Grids tried at most, each finer than the one before.
const MAX_GRIDS: usize = 12;
/// An area of this share of the one before is the area.
const SETTLED: f64 = 0.9;
/// Fewer distinct values of z than this share of the molecules are planes.
const PLANE_SHARE: f64 = 0.05;
/// More values than this are no planes.
const MAX_PLANES: usize = 200;

/// Extent and area.
pub fn facts(positions: &Positions, n_genes: usize, n_duplicates: usize) -> MoleculeFacts {
    let n = positions.len();
    let (x, y) = (range(&positions.x), range(&positions.y));
    let area = covered_area(positions, x, y);
    MoleculeFacts {
        n,
        n_genes,
        n_dims: positions.n_dims(),
        x,
        y,
        area,
        per_area: area.map(|area| n as f64 / area),
        spacing: area.map(|area| (area / n as f64).sqrt()),
        n_duplicates,
        duplicate_share: n_duplicates as f64 / n.max(1) as f64,
    }
}

fn range(values: &[f64]) -> [f64; 2] {
    let widen = |[low, high]: [f64; 2], &value: &f64| [low.min(value), high.max(value)];
    let range = values.iter().fold([f64::INFINITY, f64::NEG_INFINITY], widen);
    if values.is_empty() { [0.0; 2] } else { range }
}

/// The area of the squares of a grid that hold molecules. `None` if molecules lie on a line or a point.
///
/// METHOD: the first grid is sized for the bounding box. Where tissue fills little of it, squares are too large for
/// its borders; then the next grid is sized for what the last one found, until that hardly changes.
fn covered_area(positions: &Positions, x: [f64; 2], y: [f64; 2]) -> Option<f64> {
    let (width, height) = (x[1] - x[0], y[1] - y[0]);
    let step = positions.len().div_ceil(N_SAMPLED).max(1);
    let n = positions.len().div_ceil(step);
    let mut area = width * height;
    if n < 3 || area <= 0.0 || !area.is_finite() {
        return None;
    }
    for _ in 0..MAX_GRIDS {
        let before = area;
        let side = (area * PER_SQUARE / n as f64).sqrt().min(width.max(height));
        let square = |value: f64, from: f64| ((value - from) / side) as u32;
        let at = |row: usize| (square(positions.x[row], x[0]), square(positions.y[row], y[0]));
        let squares: HashSet<(u32, u32)> = (0..positions.len()).step_by(step).map(at).collect();
        area = (squares.len() as f64 * side * side).min(width * height);
        if area > SETTLED * before {
            break;
        }
    }
    Some(area)
}

/// What the third coordinate is like.
pub fn depth(positions: &Positions, is_ignored: bool, spacing: Option<f64>) -> DepthFacts {
    let Some(z) = &positions.z else {
        let (kind, advice) = if is_ignored {
            ("ignored", "z is ignored, as --force-2d asks for: cells above one another become one.")
        } else {
            ("absent", "There is no z, or one z for all molecules: the data are two-dimensional.")
        };
        return DepthFacts { kind, advice: advice.to_owned(), ..DepthFacts::default() };
    };
    let mut distinct = BTreeSet::new();
    for &value in z {
        // Zero has two signs; adding zero leaves one.
        distinct.insert(ordered_bits(value + 0.0));
        if distinct.len() >= MANY_VALUES {
            break;
        }
    }
    let values: Vec<f64> = distinct.iter().map(|&bits| from_ordered_bits(bits)).collect();
    let n_distinct = values.len();
    let are_planes = n_distinct <= MAX_PLANES && (n_distinct as f64) < PLANE_SHARE * z.len() as f64;
    let step = z.len().div_ceil(N_SAMPLED).max(1);
    let mut sample: Vec<f64> = z.iter().copied().step_by(step).collect();
    let thickness = stats::quantile(&mut sample, 0.99) - stats::quantile(&mut sample, 0.01);
    let mut gaps: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let plane_spacing = (are_planes && !gaps.is_empty()).then(|| stats::median(&mut gaps));
    let thickness_in_spacings = spacing.map(|spacing| thickness / spacing);
    let are_numbers = are_planes && values.iter().all(|value| value.fract() == 0.0) && plane_spacing == Some(1.0);
    let is_thin = thickness_in_spacings.is_some_and(|spacings| spacings < 2.0);
    let advice = match (are_planes, are_numbers, is_thin) {
        (_, true, _) => {
            "z looks like the number of a plane rather than a height. Multiply it by the distance between planes, in the \
             units of x and y, or run with --force-2d."
        }
        (_, _, true) => {
            "The section is hardly thicker than the distance between molecules, so z says little. Try --force-2d too, and \
             check that z has the unit of x and y."
        }
        (true, ..) => "z comes in planes. It must have the unit of x and y; then cells are found in three dimensions.",
        (false, ..) => "z is continuous. It must have the unit of x and y; then cells are found in three dimensions.",
    };
    DepthFacts {
        kind: if are_planes { "planes" } else { "continuous" },
        n_distinct,
        range: Some(range(z)),
        thickness: Some(thickness),
        plane_spacing,
        thickness_in_spacings,
        try_2d: are_numbers || is_thin,
        advice: advice.to_owned(),
    }
}

/// Bits that sort as the numbers do.
fn ordered_bits(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn from_ordered_bits(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(side: usize, z: Option<fn(usize) -> f64>) -> Positions {
        let at = |row: usize| ((row % side) as f64, (row / side) as f64);
        Positions {
            x: (0..side * side).map(|row| at(row).0).collect(),
            y: (0..side * side).map(|row| at(row).1).collect(),
            z: z.map(|z| (0..side * side).map(z).collect()),
        }
    }

    #[test]
    fn a_full_square_covers_its_area_and_a_stray_hardly_any() {
        let mut positions = square(60, None);
        let area = facts(&positions, 1, 0).area.unwrap();
        assert!((area / 3481.0 - 1.0).abs() < 0.1, "{area}");
        positions.x[0] = 5000.0;
        positions.y[0] = 5000.0;
        let area = facts(&positions, 1, 0).area.unwrap();
        assert!((0.8..1.6).contains(&(area / 3481.0)), "{area}");
    }

    #[test]
    fn lines_and_points_have_no_area() {
        let line = Positions { x: vec![1.0, 2.0, 3.0], y: vec![4.0; 3], z: None };
        assert_eq!(facts(&line, 1, 0).area, None);
        assert_eq!(facts(&Positions::default(), 0, 0).x, [0.0, 0.0]);
    }

    #[test]
    fn plane_numbers_thin_sections_and_real_depth_are_told_apart() {
        let of = |z: fn(usize) -> f64| depth(&square(60, Some(z)), false, Some(1.0));
        let numbers = of(|row| (row % 7) as f64);
        assert_eq!((numbers.kind, numbers.n_distinct, numbers.plane_spacing), ("planes", 7, Some(1.0)));
        assert!(numbers.try_2d && numbers.advice.contains("number of a plane"));
        let planes = of(|row| (row % 7) as f64 * 1.5 - 3.0);
        assert_eq!((planes.kind, planes.range, planes.try_2d), ("planes", Some([-3.0, 6.0]), false));
        assert!(of(|row| (row % 997) as f64 * 0.001).try_2d);
        let deep = of(|row| ((row * 7919) % 3600) as f64 * 0.01);
        assert_eq!((deep.kind, deep.n_distinct, deep.try_2d), ("continuous", 1000, false));
    }

    #[test]
    fn absent_and_ignored_z_are_told_apart() {
        assert_eq!(depth(&square(3, None), false, None).kind, "absent");
        assert_eq!(depth(&square(3, None), true, None).kind, "ignored");
    }
}
