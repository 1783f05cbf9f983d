//! Numbers as they appear in the tables.

/// Rounds to four significant digits, the way a decimal print-out does. NaN, infinities and zero stay.
///
/// METHOD: rounding goes through the decimal text, which is exact for every number and the same on
/// every machine; scaling by powers of ten would move numbers that lie next to a half.
pub fn four_digits(value: f64) -> f64 {
    if !value.is_finite() {
        return value;
    }
    format!("{value:.3e}").parse().unwrap_or(value)
}

/// A confidence as the molecule table shows it: five decimals.
pub fn round_to_written(confidence: f32) -> f64 {
    (f64::from(confidence) * 1e5).round_ties_even() / 1e5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits_count_from_the_first_that_is_not_zero() {
        assert_eq!(four_digits(123_456.0), 123_500.0);
        assert_eq!(four_digits(0.001_234_56), 0.001_235);
        assert_eq!(four_digits(-9.999_96), -10.0);
        assert_eq!(four_digits(0.0), 0.0);
        assert!(four_digits(f64::NAN).is_nan());
        assert_eq!(four_digits(f64::INFINITY), f64::INFINITY);
    }

    #[test]
    fn confidence_has_five_decimals() {
        assert_eq!(round_to_written(0.123_456_78), 0.123_46);
        assert_eq!(round_to_written(0.95), 0.95);
        assert_eq!(round_to_written(1.0), 1.0);
    }
}
