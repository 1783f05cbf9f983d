//! A single-precision exponential for inner loops over many molecules.
//!
//! Written without branches and with IEEE additions and multiplications only: every machine
//! gives the same bits, and compilers turn a loop over it into vector instructions.

/// Below this the result is that of this argument: 1.8e-35, still a normal number.
const LOWEST: f32 = -80.0;
const LN2_HI: f32 = 0.693_359_4; // 355/512, so that k * LN2_HI is exact
const LN2_LO: f32 = -2.121_944_4e-4;

/// `e^x` for `x` in -80..=80, to a relative error of 3e-7; smaller `x` give `e^-80`.
///
/// Arguments above 80 (and NaN) give meaningless numbers. Deterministic on every machine.
#[inline(always)]
pub fn exp_f32(x: f32) -> f32 {
    // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits.
    const SHIFTER: f32 = 12_582_912.0;
    let x = if x > LOWEST { x } else { LOWEST };
    let shifted = x * std::f32::consts::LOG2_E + SHIFTER;
    let k = shifted - SHIFTER;
    let r = (x - k * LN2_HI) - k * LN2_LO;
    // |r| <= 0.3466: the Taylor series to the 7th power is exact to rounding.
    let mut series = 1.984_127e-4;
    series = series * r + 1.388_889e-3;
    series = series * r + 8.333_334e-3;
    series = series * r + 4.166_666_8e-2;
    series = series * r + 1.666_666_7e-1;
    series = series * r + 0.5;
    let value = 1.0 + (r + r * r * series);
    // Adds k to the exponent; what stands above the low bits of `shifted` leaves by the left.
    f32::from_bits(value.to_bits().wrapping_add(shifted.to_bits() << 23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_agrees_with_double_precision() {
        for step in -80_000..80_000 {
            let x = step as f32 * 0.001;
            let exact = crate::numeric::elementary::exp(f64::from(x));
            assert!((f64::from(exp_f32(x)) / exact - 1.0).abs() < 3e-7, "{x}");
        }
        assert_eq!(exp_f32(0.0), 1.0);
        assert_eq!(exp_f32(-1e9), exp_f32(-80.0));
    }
}
