//! Numbers as people read them.

use super::super::chart::significant;
use super::super::digits::grouped;

/// A count with a comma between thousands.
pub fn count(n: usize) -> String {
    grouped(n as u64, ',')
}

/// A share in percent with one decimal, which no line break parts from its sign; a dash for none.
pub fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.1}\u{a0}%", 100.0 * share) } else { "–".to_owned() }
}

/// A number with three significant digits; a dash for none.
pub fn short(value: f64) -> String {
    significant(value, 3).as_f64().map_or_else(|| "–".to_owned(), |value| value.to_string())
}

/// The word for one or for many, after their number.
pub fn of(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.1234, f64::NAN, 1.0].map(percent), ["12.3\u{a0}%", "–", "100.0\u{a0}%"]);
        assert_eq!([9.9612, 12345.0, f64::INFINITY, 0.0].map(short), ["9.96", "12300", "–", "0"]);
        assert_eq!((of(1, "cell", "cells"), of(0, "cell", "cells")), ("1 cell".to_owned(), "0 cells".to_owned()));
    }
}
