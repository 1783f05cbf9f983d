//! The curve by which nearness in the layout falls off with distance.

use crate::numeric::elementary::{exp, ln};

/// Points of the fit.
const N_POINTS: usize = 300;
const MAX_STEPS: usize = 200;

/// Nearness `1 / (1 + a d^(2b))` at distance d.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curve {
    /// The factor a.
    pub a: f64,
    /// Half the exponent, b.
    pub b: f64,
}

impl Curve {
    /// The curve nearest, by least squares on 300 points of `[0, 3 spread]`, to 1 below `min_dist` and
    /// `exp((min_dist - d) / spread)` beyond.
    ///
    /// Source: McInnes, Healy and Melville, "UMAP", 2018. Method: Levenberg-Marquardt steps from (1, 1).
    pub fn fit(spread: f64, min_dist: f64) -> Self {
        let points: Vec<(f64, f64)> = (0..N_POINTS)
            .map(|idx| {
                let x = 3.0 * spread * idx as f64 / (N_POINTS - 1) as f64;
                (x, if x < min_dist { 1.0 } else { exp((min_dist - x) / spread) })
            })
            .collect();
        let mut curve = Self { a: 1.0, b: 1.0 };
        let mut error = curve.error(&points);
        let mut damping = 1e-3;
        for _ in 0..MAX_STEPS {
            let next = curve.step(&points, damping);
            let next_error = next.error(&points);
            if next.a > 0.0 && next.b > 0.0 && next_error <= error {
                let gain = error - next_error;
                (curve, error, damping) = (next, next_error, damping * 0.3);
                if gain < 1e-15 {
                    break;
                }
            } else {
                damping *= 4.0;
            }
        }
        curve
    }

    /// Nearness at a squared distance, and `d^(2b)`.
    fn at(self, squared: f64) -> (f64, f64) {
        let power = if squared > 0.0 { exp(self.b * ln(squared)) } else { 0.0 };
        (1.0 / (1.0 + self.a * power), power)
    }

    fn error(self, points: &[(f64, f64)]) -> f64 {
        points.iter().map(|&(x, y)| self.at(x * x).0 - y).map(|residual| residual * residual).sum()
    }

    /// One damped Gauss-Newton step.
    fn step(self, points: &[(f64, f64)], damping: f64) -> Self {
        let (mut aa, mut ab, mut bb, mut ra, mut rb) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for &(x, y) in points {
            let (value, power) = self.at(x * x);
            let by_a = -value * value * power;
            let by_b = if x > 0.0 { by_a * self.a * 2.0 * ln(x) } else { 0.0 };
            let residual = y - value;
            aa += by_a * by_a;
            ab += by_a * by_b;
            bb += by_b * by_b;
            ra += by_a * residual;
            rb += by_b * residual;
        }
        let (aa, bb) = (aa * (1.0 + damping), bb * (1.0 + damping));
        let determinant = aa * bb - ab * ab;
        Self { a: self.a + (bb * ra - ab * rb) / determinant, b: self.b + (aa * rb - ab * ra) / determinant }
    }

    /// Factor of the displacement by which an edge pulls its ends together.
    pub(super) fn attraction(self, squared: f64) -> f64 {
        let (nearness, power) = self.at(squared);
        if squared > 0.0 { -2.0 * self.a * self.b * power / squared * nearness } else { 0.0 }
    }

    /// Factor of the displacement by which points that are no neighbors are pushed apart.
    pub(super) fn repulsion(self, squared: f64) -> f64 {
        /// Keeps the push of coincident points finite.
        const SOFTENING: f64 = 1e-3;
        2.0 * self.b / (SOFTENING + squared) * self.at(squared).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_parameters_are_found() {
        for (spread, a, b) in [(1.0, 1.57694, 0.89506), (2.0, 0.54466, 0.84206)] {
            let curve = Curve::fit(spread, 0.1);
            assert!((curve.a - a).abs() < 1e-4 && (curve.b - b).abs() < 1e-4, "{curve:?}");
        }
    }
}
