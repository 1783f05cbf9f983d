//! From the text of CSV fields to typed columns.
//!
//! METHOD: the type of a column is the narrowest that holds *all* its values digit for digit: what a column holds is
//! noted block by block, and the notes are joined at the end. So no value late in a file can be too wide for a type
//! that was settled early, and 64-bit identifiers never pass through floating point numbers.

use polars::prelude::{BooleanChunked, DataType, Float64Chunked, Int64Chunked, IntoSeries, NewChunkedArray};
use polars::prelude::{PlSmallStr, Series, StringChunked, UInt64Chunked};

/// Largest integer up to which every integer is a 64-bit float.
const EXACT: u64 = 1 << 53;

/// One field, read on its own.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Token {
    Missing,
    Bool(bool),
    Int(i64),
    /// Above the range of `i64`.
    BigInt(u64),
    Float(f64),
    Text,
}

/// What has been met in a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    bool: bool,
    /// Least and greatest integer in the range of `i64`.
    ints: Option<(i64, i64)>,
    big_int: bool,
    float: bool,
    text: bool,
}

impl Seen {
    /// What a column of integers holds.
    pub fn integers(ints: Option<(i64, i64)>) -> Self {
        Self { ints, ..Self::default() }
    }

    /// What fields hold.
    pub fn of_fields<'a>(fields: impl Iterator<Item = &'a str>) -> Self {
        let mut seen = Self::default();
        for field in fields {
            seen.note(tokenize(field));
            if seen.text {
                break;
            }
        }
        seen
    }

    fn note(&mut self, token: Token) {
        match token {
            Token::Missing => {}
            Token::Bool(_) => self.bool = true,
            Token::Int(value) => {
                let (low, high) = self.ints.unwrap_or((value, value));
                self.ints = Some((low.min(value), high.max(value)));
            }
            Token::BigInt(_) => self.big_int = true,
            Token::Float(_) => self.float = true,
            Token::Text => self.text = true,
        }
    }

    /// What either has met.
    pub fn joined(self, other: Self) -> Self {
        let ints = match (self.ints, other.ints) {
            (Some((low, high)), Some((other_low, other_high))) => Some((low.min(other_low), high.max(other_high))),
            (one, other) => one.or(other),
        };
        Self {
            bool: self.bool | other.bool,
            ints,
            big_int: self.big_int | other.big_int,
            float: self.float | other.float,
            text: self.text | other.text,
        }
    }

    /// The narrowest type for all of it; text for an empty column.
    pub fn data_type(self) -> DataType {
        let number = self.ints.is_some() || self.big_int || self.float;
        let (is_negative, is_inexact) = self
            .ints
            .map_or((false, false), |(low, high)| (low < 0, low.unsigned_abs().max(high.unsigned_abs()) > EXACT));
        let needs_text = self.text
            || (self.bool && number)
            || (self.float && (self.big_int || is_inexact))
            || (self.big_int && is_negative);
        match self {
            _ if needs_text || !(number || self.bool) => DataType::String,
            Self { bool: true, .. } => DataType::Boolean,
            Self { float: true, .. } => DataType::Float64,
            Self { big_int: true, .. } => DataType::UInt64,
            _ => DataType::Int64,
        }
    }

    /// The type in which a column of type `dtype` is kept: integers take as few bytes as they need.
    pub fn narrowed(self, dtype: DataType) -> DataType {
        match self.ints {
            Some((low, high)) if dtype == DataType::Int64 => {
                let fits = |min: i64, max: i64| low >= min && high <= max;
                if fits(0, u8::MAX.into()) {
                    DataType::UInt8
                } else if fits(i16::MIN.into(), i16::MAX.into()) {
                    DataType::Int16
                } else if fits(i32::MIN.into(), i32::MAX.into()) {
                    DataType::Int32
                } else {
                    dtype
                }
            }
            _ => dtype,
        }
    }
}

/// Values of one column in one block.
#[derive(Clone, Debug)]
pub(super) enum Values {
    /// So many missing values.
    Missing(usize),
    /// Values of a type.
    Typed(Series),
}

impl Values {
    /// True when the digits that the file has are lost.
    pub fn is_float(&self) -> bool {
        matches!(self, Self::Typed(series) if series.dtype() == &DataType::Float64)
    }
}

/// Types the fields of one column in one block. Empty fields are missing values.
pub(super) fn type_fields<'a>(
    name: &str,
    fields: impl ExactSizeIterator<Item = &'a str> + Clone,
    as_text: bool,
) -> (Values, Seen) {
    let mut seen = Seen { text: as_text, ..Seen::default() };
    let mut tokens = Vec::new();
    if !as_text {
        tokens.reserve_exact(fields.len());
        for field in fields.clone() {
            let token = tokenize(field);
            seen.note(token);
            if seen.text {
                break;
            }
            tokens.push(token);
        }
        if seen == Seen::default() {
            return (Values::Missing(fields.len()), seen);
        }
    }
    let name = PlSmallStr::from_str(name);
    let series = match seen.data_type() {
        DataType::Boolean => BooleanChunked::from_iter_options(name, tokens.iter().map(Token::bool)).into_series(),
        DataType::Float64 => Float64Chunked::from_iter_options(name, tokens.iter().map(Token::float)).into_series(),
        DataType::UInt64 => UInt64Chunked::from_iter_options(name, tokens.iter().map(Token::unsigned)).into_series(),
        DataType::Int64 => Int64Chunked::from_iter_options(name, tokens.iter().map(Token::int)).into_series(),
        _ => {
            let texts = fields.map(|field| (!field.is_empty()).then_some(field));
            StringChunked::from_iter_options(name, texts).into_series()
        }
    };
    (Values::Typed(series), seen)
}

impl Token {
    fn bool(&self) -> Option<bool> {
        if let Self::Bool(value) = *self { Some(value) } else { None }
    }

    fn int(&self) -> Option<i64> {
        if let Self::Int(value) = *self { Some(value) } else { None }
    }

    fn unsigned(&self) -> Option<u64> {
        match *self {
            Self::Int(value) => u64::try_from(value).ok(),
            Self::BigInt(value) => Some(value),
            _ => None,
        }
    }

    fn float(&self) -> Option<f64> {
        match *self {
            Self::Int(value) => Some(value as f64),
            Self::Float(value) => Some(value),
            _ => None,
        }
    }
}

/// Reads one field. Numbers that would not be printed as they stand (`007`, `+1`) are text.
fn tokenize(field: &str) -> Token {
    match field.as_bytes() {
        [] => Token::Missing,
        b"true" => Token::Bool(true),
        b"false" => Token::Bool(false),
        b"NaN" | b"nan" => Token::Float(f64::NAN),
        bytes => {
            let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                return decimal(field).filter(|_| bytes[0] != b'+').map_or(Token::Text, Token::Float);
            }
            if (digits[0] == b'0' && digits.len() > 1) || field == "-0" {
                return Token::Text;
            }
            match (field.parse::<i64>(), field.parse::<u64>()) {
                (Ok(value), _) => Token::Int(value),
                (_, Ok(value)) => Token::BigInt(value),
                _ => Token::Text,
            }
        }
    }
}

/// A finite decimal number, and nothing else that Rust takes for one.
fn decimal(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let allowed = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E');
    if !bytes.iter().all(allowed) {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// A number in a column that must hold numbers; surrounding blanks are allowed. `NaN` counts as one.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    match text {
        "NaN" | "nan" => Some(f64::NAN),
        _ => decimal(text),
    }
}

/// Puts the blocks of a column together as one column of type `dtype`. The casts cannot fail if the type holds all
/// values.
pub(super) fn concatenate(
    name: &str,
    blocks: impl IntoIterator<Item = Values>,
    dtype: &DataType,
) -> polars::prelude::PolarsResult<Series> {
    let name = PlSmallStr::from_str(name);
    let mut column = Series::new_empty(name.clone(), dtype);
    for block in blocks {
        match block {
            Values::Missing(n) => column.append(&Series::full_null(name.clone(), n, dtype))?,
            Values::Typed(part) if part.dtype() == dtype => column.append(&part)?,
            Values::Typed(part) => column.append(&part.strict_cast(dtype)?)?,
        };
    }
    Ok(column.rechunk())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(blocks: &[&[&str]]) -> Series {
        let mut seen = Seen::default();
        let mut parts = Vec::new();
        for block in blocks {
            let (values, new) = type_fields("c", block.iter().copied(), false);
            seen = seen.joined(new);
            parts.push(values);
        }
        concatenate("c", parts, &seen.narrowed(seen.data_type())).unwrap()
    }

    fn texts(column: &Series) -> Vec<String> {
        let column = column.cast(&DataType::String).unwrap();
        column.str().unwrap().iter().map(|text| text.unwrap_or("").to_string()).collect()
    }

    #[test]
    fn integers_take_as_few_bytes_as_they_need() {
        assert_eq!(typed(&[&["0", "255"]]).dtype(), &DataType::UInt8);
        assert_eq!(typed(&[&["-1", "255"]]).dtype(), &DataType::Int16);
        assert_eq!(typed(&[&["70000"]]).dtype(), &DataType::Int32);
        assert_eq!(typed(&[&["281474976710656"]]).dtype(), &DataType::Int64);
    }

    #[test]
    fn unsigned_identifiers_keep_every_digit() {
        let column = typed(&[&["1"], &["18446744073709551615", ""]]);
        assert_eq!(column.dtype(), &DataType::UInt64);
        assert_eq!(texts(&column), ["1", "18446744073709551615", ""]);
    }

    #[test]
    fn digits_win_over_numbers_when_types_mix() {
        for late in ["UNASSIGNED", "-1", "0.5"] {
            let column = typed(&[&["18446744073709551615", "7"], &[late]]);
            assert_eq!(column.dtype(), &DataType::String, "{late}");
            assert_eq!(texts(&column), ["18446744073709551615", "7", late]);
        }
        let column = typed(&[&["9007199254740993", "0.5"]]);
        assert_eq!(column.dtype(), &DataType::String);
        assert_eq!(typed(&[&["1"], &["0.5"]]).dtype(), &DataType::Float64);
    }

    #[test]
    fn text_that_looks_like_a_number_stays_as_it_is() {
        for text in ["007", "+5", "-0", "1_000", "inf", "-", ".", "1e999", "12345678901234567890123"] {
            let column = typed(&[&[text, "1"]]);
            assert_eq!((column.dtype(), texts(&column)[0].as_str()), (&DataType::String, text));
        }
    }

    #[test]
    fn truth_values_and_empty_columns() {
        assert_eq!(typed(&[&["true", ""], &["false"]]).dtype(), &DataType::Boolean);
        assert_eq!(texts(&typed(&[&["true"], &["3"]])), ["true", "3"]);
        assert_eq!(typed(&[&["", ""]]).null_count(), 2);
    }
}
