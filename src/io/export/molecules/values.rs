//! One value after the other as the text of a CSV field.

use std::io::Write;

use polars::prelude::{
    BinaryChunked, BooleanChunked, DataType, Float32Chunked, Float64Chunked, Int8Chunked, Int16Chunked, Int32Chunked,
    Int64Chunked, PolarsError, Series, StringChunked, UInt8Chunked, UInt16Chunked, UInt32Chunked, UInt64Chunked,
};

/// A carried column by its type.
pub(in crate::io::export) enum Values<'a> {
    Bool(&'a BooleanChunked),
    I8(&'a Int8Chunked),
    I16(&'a Int16Chunked),
    I32(&'a Int32Chunked),
    I64(&'a Int64Chunked),
    U8(&'a UInt8Chunked),
    U16(&'a UInt16Chunked),
    U32(&'a UInt32Chunked),
    U64(&'a UInt64Chunked),
    F32(&'a Float32Chunked),
    F64(&'a Float64Chunked),
    Text(&'a StringChunked),
    Bytes(&'a BinaryChunked),
    Other,
}

impl<'a> Values<'a> {
    pub fn new(series: &'a Series) -> Result<Self, PolarsError> {
        Ok(match series.dtype() {
            DataType::Boolean => Self::Bool(series.bool()?),
            DataType::Int8 => Self::I8(series.i8()?),
            DataType::Int16 => Self::I16(series.i16()?),
            DataType::Int32 => Self::I32(series.i32()?),
            DataType::Int64 => Self::I64(series.i64()?),
            DataType::UInt8 => Self::U8(series.u8()?),
            DataType::UInt16 => Self::U16(series.u16()?),
            DataType::UInt32 => Self::U32(series.u32()?),
            DataType::UInt64 => Self::U64(series.u64()?),
            DataType::Float32 => Self::F32(series.f32()?),
            DataType::Float64 => Self::F64(series.f64()?),
            DataType::String => Self::Text(series.str()?),
            DataType::Binary => Self::Bytes(series.binary()?),
            _ => Self::Other,
        })
    }

    pub fn push(&self, out: &mut Vec<u8>, row: usize) {
        match self {
            Self::Bool(values) => values.get(row).into_iter().for_each(|value| push_bool(out, value)),
            Self::I8(values) => values.get(row).into_iter().for_each(|value| push_signed(out, value.into())),
            Self::I16(values) => values.get(row).into_iter().for_each(|value| push_signed(out, value.into())),
            Self::I32(values) => values.get(row).into_iter().for_each(|value| push_signed(out, value.into())),
            Self::I64(values) => values.get(row).into_iter().for_each(|value| push_signed(out, value)),
            Self::U8(values) => values.get(row).into_iter().for_each(|value| push_unsigned(out, value.into())),
            Self::U16(values) => values.get(row).into_iter().for_each(|value| push_unsigned(out, value.into())),
            Self::U32(values) => values.get(row).into_iter().for_each(|value| push_unsigned(out, value.into())),
            Self::U64(values) => values.get(row).into_iter().for_each(|value| push_unsigned(out, value)),
            Self::F32(values) => values.get(row).into_iter().for_each(|value| push_f32(out, value)),
            Self::F64(values) => values.get(row).into_iter().for_each(|value| push_f64(out, value)),
            Self::Text(values) => push_text(out, values.get(row).unwrap_or_default()),
            Self::Bytes(values) => push_text(out, &String::from_utf8_lossy(values.get(row).unwrap_or_default())),
            // Cast to text a block at a time, see `format_rows`.
            Self::Other => {}
        }
    }
}

/// Values that have no printing of their own (dates, categories), as text.
pub(in crate::io::export) fn cast_rows(
    series: &Series,
    begin: usize,
    end: usize,
) -> Result<StringChunked, PolarsError> {
    let rows = series.slice(begin as i64, end - begin);
    // Durations have no text of their own: the number of their units.
    let is_duration = matches!(rows.dtype(), DataType::Duration(_));
    let rows = if is_duration { rows.cast(&DataType::Int64)? } else { rows };
    Ok(rows.cast(&DataType::String)?.str()?.clone())
}

pub(in crate::io::export) fn push_signed(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    push_unsigned(out, value.unsigned_abs());
}

/// Decimal digits; much faster than the formatter of the standard library.
pub(in crate::io::export) fn push_unsigned(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut begin = digits.len();
    loop {
        begin -= 1;
        digits[begin] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[begin..]);
}

/// A number between 0 and 1, rounded to five decimals, in its shortest form.
pub(in crate::io::export) fn push_share(out: &mut Vec<u8>, share: f32) {
    let rounded = (f64::from(share) * 1e5).round_ties_even();
    // Below 1e-4 the short form has an exponent.
    if !(10.0..1e5).contains(&rounded) {
        push_f64(out, rounded / 1e5);
        return;
    }
    let begin = out.len();
    push_unsigned(out, 100_000 + rounded as u64);
    out.splice(begin..=begin, *b"0.");
    while out.last() == Some(&b'0') {
        out.pop();
    }
}

pub(in crate::io::export) fn push(out: &mut Vec<u8>, value: std::fmt::Arguments<'_>) {
    // Writing to memory cannot fail.
    let _ = out.write_fmt(value);
}

pub(in crate::io::export) fn push_bool(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

pub(in crate::io::export) fn push_f64(out: &mut Vec<u8>, value: f64) {
    push_float(out, value.is_finite(), value.is_nan(), value > 0.0, format_args!("{value:?}"));
}

pub(in crate::io::export) fn push_f32(out: &mut Vec<u8>, value: f32) {
    push_float(out, value.is_finite(), value.is_nan(), value > 0.0, format_args!("{value:?}"));
}

/// The shortest form that is read back as the same number, always with a point: `1.0`, `1.0e-5`.
pub(in crate::io::export) fn push_float(
    out: &mut Vec<u8>,
    is_finite: bool,
    is_nan: bool,
    is_positive: bool,
    text: std::fmt::Arguments<'_>,
) {
    if !is_finite {
        out.extend_from_slice(match (is_nan, is_positive) {
            (true, _) => b"NaN".as_slice(),
            (false, true) => b"Inf",
            (false, false) => b"-Inf",
        });
        return;
    }
    let begin = out.len();
    push(out, text);
    let digits = &out[begin..];
    if let (Some(exponent), false) = (digits.iter().position(|&byte| byte == b'e'), digits.contains(&b'.')) {
        out.splice(begin + exponent..begin + exponent, *b".0");
    }
}

/// Text, quoted only if it must be; nothing for empty text.
pub(in crate::io::export) fn push_text(out: &mut Vec<u8>, text: &str) {
    if !text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_five_decimals_in_short_form() {
        let text = |share| {
            let mut out = Vec::new();
            push_share(&mut out, share);
            String::from_utf8(out).unwrap()
        };
        let shares = [0.0, 1.0, 0.5, 0.1, 0.000_1, 0.000_09, 0.999_999, 0.123_456, 0.01];
        assert_eq!(shares.map(text), ["0.0", "1.0", "0.5", "0.1", "0.0001", "9.0e-5", "1.0", "0.12346", "0.01"]);
        for hundred_thousandths in 0..=100_000u32 {
            let share = f64::from(hundred_thousandths) / 1e5;
            assert_eq!(text(share as f32).parse::<f64>().unwrap(), share);
        }
    }
}
