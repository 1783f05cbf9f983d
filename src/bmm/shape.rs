//! The normal distribution of a component, with its prior on cell size.

use super::params::{LN_TWO_PI, Params};
use crate::numeric::elementary::ln;

/// A symmetric matrix: xx, xy, yy, xz, yz, zz. In 2D the last three are 0.
pub type Symmetric = [f64; 6];

/// Covariances at or below this determinant are widened.
///
/// DIFFERS: relative to `scale`; the absolute bound of 0.7.1 (1e-10) depends on the unit.
const MIN_RELATIVE_DETERMINANT: f64 = 1e-12;

/// What the density of a component needs of its shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Inverse covariance.
    pub precision: Symmetric,
    /// ln of the normal's peak: -½ ln((2π)³ det Σ).
    ///
    /// KEEPS: the exponent of 2π is 3 in two dimensions too. Cell densities are 2.5 times too
    /// small against the noise density by it, and the model is tuned so.
    pub log_peak: f64,
}

impl Shape {
    /// A ball of radius `scale`: the shape of a component without enough molecules of its own.
    pub fn ball(scale: f64, n_dims: usize) -> Self {
        let inverse = 1.0 / (scale * scale);
        let zz = if n_dims == 3 { inverse } else { 0.0 };
        let log_determinant = 2.0 * n_dims as f64 * ln(scale);
        Self { precision: [inverse, 0.0, inverse, 0.0, 0.0, zz], log_peak: -1.5 * LN_TWO_PI - 0.5 * log_determinant }
    }

    /// The shape for the covariance of `n` molecules, drawn towards the expected size.
    pub fn from_covariance(covariance: Symmetric, n: usize, n_dims: usize, params: &Params) -> Self {
        let mut covariance = covariance;
        if params.quirks.erase_negative_covariance && covariance[1] / covariance[0].max(covariance[2]) < 1e-5 {
            covariance[1] = 0.0;
        }
        let axes = if n_dims == 2 { axes_2d(covariance) } else { axes_3d(covariance) };
        let floor = MIN_RELATIVE_DETERMINANT * params.scale * params.scale;
        let mut precision = [0.0; 6];
        let mut log_determinant = 0.0;
        for axis in &axes[..n_dims] {
            let variance = shrink(axis.variance, n, params).max(floor);
            log_determinant += ln(variance);
            let [x, y, z] = axis.direction;
            for (entry, product) in precision.iter_mut().zip([x * x, x * y, y * y, x * z, y * z, z * z]) {
                *entry += product / variance;
            }
        }
        Self { precision, log_peak: -1.5 * LN_TWO_PI - 0.5 * log_determinant }
    }
}

/// The variance along an axis after the size prior (spec: λ → λ').
///
/// METHOD: the deviation of an axis from `scale` counts as a square root beyond `scale_std`, and
/// the expected size counts as `min_molecules_per_cell` molecules.
pub fn shrink(variance: f64, n: usize, params: &Params) -> f64 {
    let (scale, spread) = (params.scale, params.scale_std);
    let deviation = variance.max(0.0).sqrt() - scale;
    let compressed = ((deviation.abs() / spread + 1.0).sqrt() - 1.0) * spread;
    let observed = scale + if deviation < 0.0 { -compressed } else { compressed };
    let (n0, n) = (params.min_molecules_per_cell as f64, n as f64);
    let radius = (n0 * scale + n * observed) / (n0 + n);
    radius * radius
}

/// The covariance of points around a center, which need not be their mean; 0 without points.
pub fn covariance_around(center: [f64; 3], points: impl Iterator<Item = [f64; 3]>) -> Symmetric {
    let (mut sums, mut n): (Symmetric, usize) = ([0.0; 6], 0);
    for at in points {
        let [dx, dy, dz] = [at[0] - center[0], at[1] - center[1], at[2] - center[2]];
        for (sum, product) in sums.iter_mut().zip([dx * dx, dx * dy, dy * dy, dx * dz, dy * dz, dz * dz]) {
            *sum += product;
        }
        n += 1;
    }
    sums.map(|sum| sum / n.max(1) as f64)
}

/// The inverse of a positive definite covariance, and ln of its determinant.
pub fn inverse(covariance: Symmetric, n_dims: usize) -> (Symmetric, f64) {
    let [xx, xy, yy, xz, yz, zz] = covariance;
    let minor = xx * yy - xy * xy;
    if n_dims == 2 {
        return ([yy / minor, -xy / minor, xx / minor, 0.0, 0.0, 0.0], ln(minor));
    }
    let (cofactor_xz, cofactor_yz) = (xy * yz - yy * xz, xy * xz - xx * yz);
    let determinant = xz * cofactor_xz + yz * cofactor_yz + zz * minor;
    let cofactors = [yy * zz - yz * yz, xz * yz - xy * zz, xx * zz - xz * xz, cofactor_xz, cofactor_yz, minor];
    (cofactors.map(|cofactor| cofactor / determinant), ln(determinant))
}

/// The variances along the main axes in the plane, the larger one first.
pub fn variances_xy([xx, xy, yy, ..]: Symmetric) -> [f64; 2] {
    let half_difference = 0.5 * (xx - yy);
    let radius = (half_difference * half_difference + xy * xy).sqrt();
    let middle = 0.5 * (xx + yy);
    [middle + radius, middle - radius]
}

/// A principal axis: a unit vector and the variance along it.
#[derive(Clone, Copy, Debug, Default)]
struct Axis {
    direction: [f64; 3],
    variance: f64,
}

/// Principal axes of a 2D covariance, in closed form.
fn axes_2d([xx, xy, yy, ..]: Symmetric) -> [Axis; 3] {
    let half_difference = 0.5 * (xx - yy);
    let radius = (half_difference * half_difference + xy * xy).sqrt();
    let middle = 0.5 * (xx + yy);
    // The axis of the larger variance, from the better conditioned of two equivalent formulas.
    let (mut x, mut y) =
        if half_difference >= 0.0 { (half_difference + radius, xy) } else { (xy, radius - half_difference) };
    let length = (x * x + y * y).sqrt();
    if length > 0.0 {
        x /= length;
        y /= length;
    } else {
        (x, y) = (1.0, 0.0);
    }
    [
        Axis { direction: [x, y, 0.0], variance: middle + radius },
        Axis { direction: [-y, x, 0.0], variance: middle - radius },
        Axis::default(),
    ]
}

/// Principal axes of a 3D covariance, by Jacobi rotations.
fn axes_3d([xx, xy, yy, xz, yz, zz]: Symmetric) -> [Axis; 3] {
    let mut a = [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]];
    let mut v = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for _sweep in 0..30 {
        let off = a[0][1] * a[0][1] + a[0][2] * a[0][2] + a[1][2] * a[1][2];
        let diagonal = a[0][0] * a[0][0] + a[1][1] * a[1][1] + a[2][2] * a[2][2];
        if off <= 1e-32 * diagonal {
            break;
        }
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            if a[p][q] == 0.0 {
                continue;
            }
            let theta = 0.5 * (a[q][q] - a[p][p]) / a[p][q];
            let sign = if theta < 0.0 { -1.0 } else { 1.0 };
            let t = sign / (theta.abs() + (theta * theta + 1.0).sqrt());
            let c = 1.0 / (t * t + 1.0).sqrt();
            let s = t * c;
            for row in &mut a {
                (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
            }
            let (row_p, row_q) = (a[p], a[q]);
            a[p] = [0, 1, 2].map(|k| c * row_p[k] - s * row_q[k]);
            a[q] = [0, 1, 2].map(|k| s * row_p[k] + c * row_q[k]);
            for row in &mut v {
                (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
            }
        }
    }
    [0, 1, 2].map(|axis| Axis { direction: [v[0][axis], v[1][axis], v[2][axis]], variance: a[axis][axis] })
}

#[cfg(test)]
mod tests {
    use super::super::params::Quirks;
    use super::*;

    fn params(scale: f64, scale_std: f64, m: usize) -> Params {
        Params::for_tests(scale, scale_std, m)
    }

    #[test]
    fn size_prior_matches_the_reference_numbers() {
        let params = params(10.0, 2.5, 30);
        for (variance, n, expected) in [
            (100.0, 30, 100.0),
            (400.0, 30, 133.288_987_007_807_9),
            (4.0, 30, 75.485_901_941_477_27),
            (400.0, 3, 105.697_409_404_183),
            (0.0, 10, 85.145_972_173_830_93),
        ] {
            let got = shrink(variance, n, &params);
            assert!((got / expected - 1.0).abs() < 1e-12, "{variance}: {got}");
        }
    }

    #[test]
    fn densities_match_the_reference_numbers() {
        assert!((Shape::ball(10.0, 2).log_peak.exp() / 6.349_363_593_424_1e-4 - 1.0).abs() < 1e-9);
        assert!((Shape::ball(10.0, 3).log_peak.exp() / 6.349_363_593_424_1e-5 - 1.0).abs() < 1e-9);
    }

    fn inverse_of(precision: Symmetric) -> [f64; 3] {
        let [xx, xy, yy, ..] = precision;
        let determinant = xx * yy - xy * xy;
        [yy / determinant, -xy / determinant, xx / determinant]
    }

    #[test]
    fn a_covariance_at_the_expected_size_is_left_alone_when_there_is_much_data() {
        // Axes of variance 100 = scale^2, so nothing to shrink, whatever the direction.
        let shape = Shape::from_covariance([100.0, 0.0, 100.0, 0.0, 0.0, 0.0], 5, 2, &params(10.0, 2.5, 30));
        let [xx, xy, yy] = inverse_of(shape.precision);
        assert!((xx - 100.0).abs() < 1e-9 && xy.abs() < 1e-9 && (yy - 100.0).abs() < 1e-9);
    }

    #[test]
    fn both_diagonals_are_treated_alike() {
        let params = params(10.0, 2.5, 3);
        let up = inverse_of(Shape::from_covariance([200.0, 120.0, 200.0, 0.0, 0.0, 0.0], 500, 2, &params).precision);
        let down = inverse_of(Shape::from_covariance([200.0, -120.0, 200.0, 0.0, 0.0, 0.0], 500, 2, &params).precision);
        assert!(up[1] > 20.0);
        assert!((up[1] + down[1]).abs() < 1e-9);
        let quirky = Params { quirks: Quirks { erase_negative_covariance: true, ..Quirks::default() }, ..params };
        let erased = Shape::from_covariance([200.0, -120.0, 200.0, 0.0, 0.0, 0.0], 500, 2, &quirky);
        assert_eq!(erased.precision[1], 0.0);
    }

    #[test]
    fn an_inverse_times_its_matrix_is_one() {
        let covariance = [4.0, 1.0, 3.0, -0.5, 0.25, 2.0];
        let ([a, b, c, d, e, f], log_determinant) = inverse(covariance, 3);
        let [xx, xy, yy, xz, yz, zz] = covariance;
        let products =
            [a * xx + b * xy + d * xz, a * xy + b * yy + d * yz, b * xy + c * yy + e * yz, d * xz + e * yz + f * zz];
        assert!(products.iter().zip([1.0, 0.0, 1.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-12), "{products:?}");
        let axes = axes_3d(covariance);
        let by_axes: f64 = axes.iter().map(|axis| axis.variance.ln()).sum();
        assert!((log_determinant - by_axes).abs() < 1e-12);
        let (flat, log_determinant) = inverse([4.0, 1.0, 3.0, 0.0, 0.0, 0.0], 2);
        assert!((flat[0] - 3.0 / 11.0).abs() < 1e-15 && (log_determinant - f64::ln(11.0)).abs() < 1e-12);
    }

    #[test]
    fn variances_in_the_plane_are_those_of_the_axes() {
        let covariance = [5.0, 2.0, 2.0, 0.0, 0.0, 0.0];
        let axes = axes_2d(covariance);
        assert_eq!(variances_xy(covariance), [axes[0].variance, axes[1].variance]);
    }

    #[test]
    fn three_dimensional_axes_reproduce_the_matrix() {
        let covariance = [4.0, 1.0, 3.0, -0.5, 0.25, 2.0];
        let axes = axes_3d(covariance);
        let mut rebuilt = [0.0; 6];
        for Axis { direction: [x, y, z], variance } in axes {
            for (entry, product) in rebuilt.iter_mut().zip([x * x, x * y, y * y, x * z, y * z, z * z]) {
                *entry += product * variance;
            }
        }
        for (a, b) in rebuilt.iter().zip(covariance) {
            assert!((a - b).abs() < 1e-12);
        }
    }
}
