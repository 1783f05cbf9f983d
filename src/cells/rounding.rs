//! Numbers as they appear in the tables.

/// Rounds to four significant digits, a half to the even digit. NaN, infinities and zero stay.
///
/// KEEPS: the half is looked for after scaling by a power of ten, as in 0.7.1, so that a mean such as
/// 0.99195 becomes 0.992 although its binary form lies a hair below. The exponent comes from the
/// decimal text, which is the same on every machine; a logarithm need not be.
pub(super) fn four_digits(value: f64) -> f64 {
    let text = format!("{value:e}");
    let Some(exponent) = text.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok()) else {
        return value;
    };
    let decimals = 3 - exponent;
    let Ok(step) = format!("1e{}", decimals.abs()).parse::<f64>() else { return value };
    let rounded =
        if decimals >= 0 { (value * step).round_ties_even() / step } else { (value / step).round_ties_even() * step };
    // Numbers near the ends of the range leave it when they are scaled.
    if rounded.is_finite() { rounded } else { value }
}

/// Steps of a confidence as the molecule table shows it, with five decimals.
pub(super) const STEPS_PER_UNIT: f64 = 1e5;

/// A confidence in hundred-thousandths: 0..=1 becomes 0..=100000; NaN becomes 0.
///
/// METHOD: sums of whole numbers are exact, so a mean does not depend on the order of molecules, and
/// means that lie on a half, which are common in small cells, are always rounded alike.
pub(super) fn written_steps(confidence: f32) -> u64 {
    (f64::from(confidence) * STEPS_PER_UNIT).round_ties_even() as u64
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
        assert_eq!(four_digits(1.0e300), 1.0e300);
        assert_eq!(four_digits(5e-324), 5e-324);
        assert!(four_digits(f64::NAN).is_nan());
        assert_eq!(four_digits(f64::INFINITY), f64::INFINITY);
    }

    #[test]
    fn half_is_what_looks_like_a_half() {
        assert_eq!(four_digits(0.991_95), 0.992);
        assert_eq!(four_digits(10_005.0), 10_000.0);
        assert_eq!(four_digits(10_015.0), 10_020.0);
    }

    #[test]
    fn confidence_has_five_decimals() {
        assert_eq!(written_steps(0.123_456_78), 12_346);
        assert_eq!(written_steps(0.95), 95_000);
        assert_eq!(written_steps(1.0), 100_000);
    }
}
