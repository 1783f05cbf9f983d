//! Columns of types that our tables do not have: decimals, numbers of half precision, and extensions.
//!
//! All are stored in a plain type, which is decoded first and converted then. Decimals are common: Spark, DuckDB and
//! databases write identifiers and coordinates so. Extensions are names for plain types, such as that of geometries.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};

use polars::prelude::{
    ArrowDataType, DataType, Float32Chunked, Float64Chunked, Int64Chunked, IntoSeries, NewChunkedArray, PolarsResult,
    Series, StringChunked,
};
use polars_arrow::datatypes::Field;
use polars_parquet::parquet::metadata::FileMetadata;
use polars_parquet::read::{BasicDecompressor, Filter, PageReader, PhysicalType, column_iter_to_arrays};

use super::missing;

/// Digits that every integer of 64 bits holds.
const INTEGER_DIGITS: usize = 18;
/// Bytes of a page at most: what its header can say.
const MAX_PAGE: usize = 1 << 31;

/// The type that a column has once it is read.
pub(super) fn converted(dtype: &ArrowDataType) -> ArrowDataType {
    use ArrowDataType::{Decimal, Decimal32, Decimal64, Decimal256, Float16, Float32, Float64, Int64, Utf8View};
    match *dtype.to_storage() {
        Decimal(precision, 0) | Decimal32(precision, 0) | Decimal64(precision, 0) if precision <= INTEGER_DIGITS => {
            Int64
        }
        Decimal(_, 0) | Decimal32(_, 0) | Decimal64(_, 0) | Decimal256(_, 0) => Utf8View,
        Decimal(..) | Decimal32(..) | Decimal64(..) | Decimal256(..) => Float64,
        Float16 => Float32,
        _ => dtype.to_storage().clone(),
    }
}

/// How a column of such a type is stored.
pub(super) enum Storage {
    /// Whole numbers, of which `scale` digits stand behind the point.
    Decimal { dtype: ArrowDataType, scale: usize, goal: ArrowDataType },
    /// Two bytes.
    Half,
    /// A plain type under another name.
    Plain(ArrowDataType),
}

/// The stored form of a column, if its type is one of these.
pub(super) fn storage(metadata: &FileMetadata, name: &str) -> Option<Storage> {
    let schema = polars_parquet::read::infer_schema(metadata).ok()?;
    let dtype = schema.get(name)?.dtype.clone();
    let is_extension = matches!(dtype, ArrowDataType::Extension(_));
    let dtype = dtype.to_storage().clone();
    if dtype == ArrowDataType::Float16 {
        return Some(Storage::Half);
    }
    let goal = converted(&dtype);
    use ArrowDataType::{BinaryView, Decimal, Decimal32, Decimal64, Decimal256, FixedSizeBinary, Int32, Int64};
    let scale = match dtype {
        Decimal(_, scale) | Decimal32(_, scale) | Decimal64(_, scale) | Decimal256(_, scale) => scale,
        dtype => return is_extension.then_some(Storage::Plain(dtype)),
    };
    let chunk = metadata.row_groups.first()?.columns_under_root_iter(name)?.next()?;
    let dtype = match chunk.physical_type() {
        PhysicalType::Int32 => Int32,
        PhysicalType::Int64 => Int64,
        PhysicalType::FixedLenByteArray(n) => FixedSizeBinary(n),
        _ => BinaryView,
    };
    Some(Storage::Decimal { dtype, scale, goal })
}

/// Reads some rows of such a column.
pub(super) fn read(
    mut file: &File,
    metadata: &FileMetadata,
    name: &str,
    storage: &Storage,
    offset: usize,
    n_rows: usize,
) -> PolarsResult<Series> {
    let dtype = match storage {
        Storage::Decimal { dtype, .. } | Storage::Plain(dtype) => dtype.clone(),
        Storage::Half => ArrowDataType::FixedSizeBinary(2),
    };
    let field = Field::new(name.into(), dtype, true);
    let mut stored: Option<Series> = None;
    let mut begin = 0;
    for group in &metadata.row_groups {
        let end = begin + group.num_rows();
        let (from, to) = (offset.max(begin), (offset + n_rows).min(end));
        if from < to {
            let chunk = group.columns_under_root_iter(name).and_then(|mut chunks| chunks.next());
            let chunk = chunk.ok_or_else(|| missing("is missing in a row group"))?;
            let range = chunk.byte_range();
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(range.start))?;
            file.take(range.end - range.start).read_to_end(&mut bytes)?;
            let pages = PageReader::new(Cursor::new(bytes.into()), chunk, Vec::new(), MAX_PAGE);
            let pages = BasicDecompressor::new(pages, Vec::new());
            let kind = &chunk.descriptor().descriptor.primitive_type;
            let rows = Some(Filter::new_ranged(from - begin, to - begin));
            let (arrays, _) = column_iter_to_arrays(vec![pages], vec![kind], field.clone(), rows)?;
            let part = Series::try_from((&field, arrays))?;
            match &mut stored {
                Some(stored) => drop(stored.append(&part)?),
                None => stored = Some(part),
            }
        }
        begin = end;
    }
    let stored = stored.ok_or_else(|| missing("no rows"))?;
    match storage {
        Storage::Plain(_) => Ok(stored),
        Storage::Half => halves(&stored),
        Storage::Decimal { scale, goal, .. } => decimals(&stored, *scale, goal),
    }
}

fn halves(stored: &Series) -> PolarsResult<Series> {
    let values = stored.binary()?.iter().map(|bytes| {
        let bits = <[u8; 2]>::try_from(bytes?).ok()?;
        Some(single(u16::from_le_bytes(bits)))
    });
    Ok(Float32Chunked::from_iter_options(stored.name().clone(), values).into_series())
}

/// The number that sixteen bits are: sign, five bits of exponent, ten of the fraction.
fn single(bits: u16) -> f32 {
    const SMALLEST: f32 = 1.0 / 16_777_216.0;
    let sign = u32::from(bits >> 15) << 31;
    let (exponent, fraction) = (u32::from(bits >> 10 & 31), u32::from(bits & 1023));
    match exponent {
        0 => f32::from_bits(sign | (f32::from(bits & 1023) * SMALLEST).to_bits()),
        31 => f32::from_bits(sign | 255 << 23 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13),
    }
}

fn decimals(stored: &Series, scale: usize, goal: &ArrowDataType) -> PolarsResult<Series> {
    let name = stored.name().clone();
    let whole: Vec<Option<i128>> = match stored.dtype() {
        DataType::Int32 | DataType::Int64 => {
            stored.cast(&DataType::Int64)?.i64()?.iter().map(|value| value.map(i128::from)).collect()
        }
        _ => stored.binary()?.iter().map(|bytes| bytes.and_then(whole_number)).collect(),
    };
    let has_lost = stored.null_count() < whole.iter().filter(|value| value.is_none()).count();
    if has_lost {
        return Err(missing("has decimals of more than 38 digits, which are not read. Export it as numbers or text"));
    }
    Ok(match goal {
        ArrowDataType::Int64 => {
            let values = whole.iter().map(|value| value.and_then(|value| i64::try_from(value).ok()));
            Int64Chunked::from_iter_options(name, values).into_series()
        }
        ArrowDataType::Float64 => {
            let values = whole.iter().map(|value| value.and_then(|value| printed(value, scale).parse().ok()));
            Float64Chunked::from_iter_options(name, values).into_series()
        }
        _ => {
            let values = whole.iter().map(|value| value.map(|value| value.to_string()));
            StringChunked::from_iter_options(name, values).into_series()
        }
    })
}

/// An integer whose bytes are in the order of writing, with two's complement; `None` if it needs more than 16 bytes.
fn whole_number(bytes: &[u8]) -> Option<i128> {
    let sign = if bytes.first().is_some_and(|&byte| byte >= 128) { 255 } else { 0 };
    let skip = bytes.len().saturating_sub(16);
    if bytes[..skip].iter().any(|&byte| byte != sign) {
        return None;
    }
    let mut full = [sign; 16];
    full[16 - (bytes.len() - skip)..].copy_from_slice(&bytes[skip..]);
    Some(i128::from_be_bytes(full))
}

/// A decimal as it is written; the nearest number follows from this, as from a text table.
fn printed(value: i128, scale: usize) -> String {
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{}{whole}.{fraction}", if value < 0 { "-" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_the_numbers_that_are_written() {
        assert_eq!(printed(179_704, 4), "17.9704");
        assert_eq!(printed(-5, 2), "-0.05");
        assert_eq!(whole_number(&[0, 0, 1, 2]), Some(258));
        assert_eq!(whole_number(&[255, 254]), Some(-2));
        assert_eq!(whole_number(&[1; 17]), None);
        assert_eq!(whole_number(&[0; 20]), Some(0));
        assert_eq!(whole_number(&[]), Some(0));
    }

    #[test]
    fn half_precision_is_read_as_it_is() {
        let of = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x0000].map(single);
        assert_eq!(of, [1.0, -2.0, 65504.0, 5.960_464_5e-8, 0.0]);
        assert!(single(0x7e00).is_nan() && single(0xfc00) == f32::NEG_INFINITY);
    }
}
