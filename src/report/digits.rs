//! Whole numbers as people read them.

/// A whole number with a mark between thousands.
pub fn grouped(number: u64, mark: char) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(mark);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stand_between_thousands() {
        assert_eq!([0, 999, 1000, 1_234_567].map(|n| grouped(n, ',')), ["0", "999", "1,000", "1,234,567"]);
    }
}
