//! Order statistics, as the specification defines them.

/// Factor that makes the median absolute deviation an estimate of the standard deviation.
pub const MAD_TO_SD: f64 = 1.482_602_218_505_601_8;

/// The quantile `p` by linear interpolation (type 7, NumPy's default). Reorders `values`.
/// NaN for an empty slice.
pub fn quantile(values: &mut [f64], p: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let rank = (values.len() - 1) as f64 * p.clamp(0.0, 1.0);
    let below = rank.floor() as usize;
    let (_, &mut low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let fraction = rank - below as f64;
    if fraction == 0.0 || above.is_empty() {
        return low;
    }
    let high = above.iter().copied().fold(f64::INFINITY, f64::min);
    low + fraction * (high - low)
}

/// The median; the mean of the two central values when there is no single one. Reorders `values`.
pub fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// Normalised median absolute deviation. Overwrites `values`.
pub fn mad(values: &mut [f64]) -> f64 {
    let center = median(values);
    for value in values.iter_mut() {
        *value = (*value - center).abs();
    }
    MAD_TO_SD * median(values)
}

/// Rounds half to even, to an integer.
pub fn round_half_even(value: f64) -> f64 {
    value.round_ties_even()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantile_interpolates_between_ranks() {
        assert_eq!(quantile(&mut [3.0, 1.0, 2.0, 4.0], 0.5), 2.5);
        assert_eq!(quantile(&mut [10.0, 0.0], 0.3), 3.0);
        assert_eq!(quantile(&mut [5.0], 0.9), 5.0);
        assert!(quantile(&mut [], 0.5).is_nan());
    }

    #[test]
    fn mad_is_normalised() {
        assert!((mad(&mut [1.0, 2.0, 3.0, 4.0, 100.0]) - MAD_TO_SD).abs() < 1e-15);
    }
}
