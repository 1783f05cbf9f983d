//! `exp` and `ln` of our own: the same bits on every machine, and vectorisable.
//!
//! The standard library calls the system's mathematics library, whose last bit differs between
//! systems; a draw at the edge would then differ too. These use IEEE additions, multiplications
//! and divisions only, which every machine rounds alike. Relative errors are below 1e-15 (`exp`)
//! and 4e-16 (`ln`), as the tests below verify against the system's functions.

const LN2_HI: f64 = 0.693_147_180_369_123_8; // upper 32 bits of ln 2, so that k * LN2_HI is exact
const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;

/// The exponential function. 0 below -745.2, infinity above 709.78.
#[inline]
pub fn exp(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    let x = x.clamp(-746.0, 710.0);
    // Adding and subtracting 1.5 * 2^52 rounds to the nearest integer.
    const SHIFTER: f64 = 6_755_399_441_055_744.0;
    let k = (x * std::f64::consts::LOG2_E + SHIFTER) - SHIFTER;
    let r = (x - k * LN2_HI) - k * LN2_LO;
    // |r| <= 0.3466: the Taylor series to the 13th power is exact to rounding. Its upper part is
    // summed in pairs, which shortens the chain of dependent operations.
    let r2 = r * r;
    let r4 = r2 * r2;
    let pair = |low: f64, high: f64| low + high * r;
    let to_5 = pair(0.5, 1.666_666_666_666_666_6e-1) + pair(4.166_666_666_666_666_4e-2, 8.333_333_333_333_333e-3) * r2;
    let to_9 = pair(1.388_888_888_888_889e-3, 1.984_126_984_126_984e-4)
        + pair(2.480_158_730_158_73e-5, 2.755_731_922_398_589_3e-6) * r2;
    let to_13 = pair(2.755_731_922_398_589e-7, 2.505_210_838_544_172e-8)
        + pair(2.087_675_698_786_81e-9, 1.605_904_383_682_161_3e-10) * r2;
    let value = 1.0 + (r + r2 * (to_5 + r4 * (to_9 + r4 * to_13)));
    // Two factors, so that results near the ends of the range come out right.
    let k = k as i64;
    let half = k / 2;
    value * power_of_two(half) * power_of_two(k - half)
}

#[inline]
fn power_of_two(k: i64) -> f64 {
    f64::from_bits(((k + 1023) as u64) << 52)
}

/// The natural logarithm of a non-negative number; minus infinity for 0, NaN for negative numbers.
#[inline]
pub fn ln(x: f64) -> f64 {
    if x <= 0.0 || !x.is_finite() {
        return if x == 0.0 {
            f64::NEG_INFINITY
        } else if x > 0.0 {
            x
        } else {
            f64::NAN
        };
    }
    let (x, bias) = if x < f64::MIN_POSITIVE { (x * 18_014_398_509_481_984.0, 54) } else { (x, 0) };
    // x = m * 2^e with m in [sqrt(1/2), sqrt(2)).
    let bits = x.to_bits();
    let shifted = bits.wrapping_sub(0x3fe6_a09e_667f_3bcd);
    let e = (shifted as i64) >> 52;
    let m = f64::from_bits(bits.wrapping_sub((e as u64) << 52));
    let e = (e - bias) as f64;
    // ln m = 2 atanh(s) with s = (m - 1) / (m + 1), |s| <= 0.1716.
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let q = s * s;
    let mut tail = 1.0 / 23.0;
    for odd in [21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0] {
        tail = tail * q + 1.0 / odd;
    }
    // 2s = f - s*f exactly in theory; written so, the rounding error of s does not count.
    let twice = 2.0 * q * tail;
    e * LN2_HI + (f - s * (f - twice) + e * LN2_LO)
}

/// Logarithms of small whole numbers, looked up.
#[derive(Clone, Debug)]
pub struct LnTable {
    values: Vec<f64>,
}

impl LnTable {
    /// Numbers below this are looked up, larger ones computed.
    const LEN: u32 = 4096;

    /// The table.
    pub fn new() -> Self {
        Self { values: (0..Self::LEN).map(|n| ln(f64::from(n))).collect() }
    }

    /// ln `n`; minus infinity for 0.
    #[inline]
    pub fn ln(&self, n: u32) -> f64 {
        match self.values.get(n as usize) {
            Some(&value) => value,
            None => ln(f64::from(n)),
        }
    }
}

impl Default for LnTable {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_the_system() {
        for step in -70_000..70_000 {
            let x = f64::from(step) * 0.010_123;
            let (ours, system) = (exp(x), x.exp());
            if system > 1e-300 && system.is_finite() {
                assert!((ours / system - 1.0).abs() < 1e-15, "{x}: {ours} against {system}");
            }
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-1e9), 0.0);
        assert_eq!(exp(f64::NEG_INFINITY), 0.0);
        assert_eq!(exp(1e9), f64::INFINITY);
    }

    #[test]
    fn ln_agrees_with_the_system() {
        for step in 1..100_000 {
            for x in [f64::from(step) * 1.7e-5, f64::from(step) * 3.3e9, 1.0 / f64::from(step) / 1e250] {
                let (ours, system) = (ln(x), x.ln());
                assert!((ours - system).abs() <= 4e-16 * system.abs().max(1e-3), "{x}: {ours} against {system}");
            }
        }
        assert_eq!(ln(1.0), 0.0);
        assert_eq!(ln(0.0), f64::NEG_INFINITY);
        assert!(ln(-1.0).is_nan());
        assert!((ln(5e-324) - (5e-324f64).ln()).abs() < 1e-12);
    }
}
