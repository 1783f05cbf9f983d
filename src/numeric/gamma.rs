//! The logarithm of the gamma function, the same bits on every machine.

use super::elementary::ln;

/// ½ ln 2π.
const HALF_LN_TWO_PI: f64 = 0.918_938_533_204_672_8;

/// ln Γ(x) for x > 0, with a relative error below 1e-11.
///
/// Source: Stirling's series, after Γ(x + 1) = x Γ(x) has brought small arguments above 8.
pub fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut product) = (x, 1.0);
    while x < 8.0 {
        product *= x;
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    (x - 0.5) * ln(x) - x + HALF_LN_TWO_PI + series - ln(product)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_give_factorials() {
        let mut factorial = 1.0;
        for n in 1..20 {
            assert!((ln_gamma(f64::from(n)) - f64::ln(factorial)).abs() < 1e-9 * f64::ln(factorial).max(1.0), "{n}");
            factorial *= f64::from(n);
        }
    }

    #[test]
    fn one_half_gives_the_root_of_pi() {
        assert!((ln_gamma(0.5) - 0.5 * std::f64::consts::PI.ln()).abs() < 1e-10);
        assert!((ln_gamma(1e-3) - 6.907_178_885_383_853).abs() < 1e-9);
    }
}
