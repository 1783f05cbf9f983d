//! Where points lie: the rectangle that holds them.

use crate::numeric::stats;

/// Points looked at to find the bulk of them.
const N_SAMPLED: usize = 100_000;
/// Quantiles between which the bulk lies.
const BULK: [f64; 2] = [0.001, 0.999];
/// Room around the bulk in which points still belong to it, as a share of its size.
const MARGIN: f64 = 0.1;

/// The rectangle of all points; of nearly all, if that is much smaller. `None` without points.
///
/// Corners of lowest and of highest coordinates. For pictures: what is alone far away would else leave no room for the
/// rest. The same for any number of threads.
pub fn bulk(x: &[f64], y: &[f64]) -> Option<[[f64; 2]; 2]> {
    if x.is_empty() || y.is_empty() {
        return None;
    }
    let axis = |values: &[f64]| {
        let step = values.len().div_ceil(N_SAMPLED).max(1);
        let mut sample: Vec<f64> = values.iter().copied().step_by(step).collect();
        let [from, to] = BULK.map(|share| stats::quantile(&mut sample, share));
        let margin = (to - from) * MARGIN;
        let (low, high) = values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| (low.min(value), high.max(value)));
        [low.max(from - margin), high.min(to + margin)]
    };
    let ([x0, x1], [y0, y1]) = (axis(x), axis(y));
    Some([[x0, y0], [x1, y1]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_alone_far_away_do_not_count() {
        let mut x: Vec<f64> = (0..5000).map(f64::from).collect();
        x[9] = 1e300;
        let [low, high] = bulk(&x, &x).unwrap();
        assert!(low[0] == 0.0 && high[0] < 6000.0);
        assert_eq!(bulk(&[], &[]), None);
        assert_eq!(bulk(&[3.0], &[4.0]), Some([[3.0, 4.0], [3.0, 4.0]]));
    }
}
