//! Types of Parquet columns: which can be what, and which are changed when they are read, so that no writer meets a type
//! or a value that it cannot write.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use polars::prelude::{
    ArrowDataType, DataType, Int64Chunked, IntoSeries, NewChunkedArray, PolarsResult, Series, TimeUnit,
};

use super::columns::{Use, Uses};
use super::{Note, ReadError};

/// Seconds from 1970 to the first and the last of the years that are written, 1 to 9999.
const YEARS: [i64; 2] = [-62_135_596_800, 253_402_300_799];
const SECONDS_PER_DAY: i64 = 86_400;

/// Sees to it that the columns that are used can be what they are used for, leaves out what has no place in a table, and
/// says what is changed.
///
/// Errors: [`ReadError::ColumnType`] for a column that must be numbers or labels and cannot be.
pub(super) fn check(
    path: &Path,
    header: &[String],
    types: &[ArrowDataType],
    uses: &mut Uses,
    notes: &mut Vec<Note>,
) -> Result<(), ReadError> {
    let numbers = [Some(uses.x), Some(uses.y), uses.z, uses.qv].into_iter().flatten().map(|at| (at, "numbers"));
    let labels = std::iter::once(uses.gene).chain(uses.prior.iter().copied()).chain(uses.prior_only);
    for (at, needed) in numbers.chain(labels.map(|at| (at, "numbers or texts"))) {
        let dtype = &types[at];
        if !(if needed == "numbers" { can_be_numbers(dtype) } else { can_be_labels(dtype) }) {
            let (column, dtype) = (header[at].clone(), name_of(dtype));
            return Err(ReadError::ColumnType { path: path.to_path_buf(), column, dtype, needed });
        }
    }
    for (column, entry) in uses.of.iter_mut().enumerate() {
        if !matches!(entry, Use::Carried(_)) {
            continue;
        }
        let (name, dtype) = (&header[column], &types[column]);
        if !is_flat(dtype) {
            *entry = Use::Dropped;
            let dtype = name_of(dtype);
            notes
                .push(Note::Warning(format!("Column '{name}' has a nested or unusual type ({dtype}) and is not kept")));
        } else if let ArrowDataType::Timestamp(_, Some(zone)) = dtype {
            notes.push(Note::Info(format!("The times in column '{name}' (time zone {zone}) are written in UTC")));
        }
    }
    Ok(())
}

/// What the user calls a type.
fn name_of(dtype: &ArrowDataType) -> String {
    use ArrowDataType::*;
    match dtype {
        Decimal(precision, scale) | Decimal256(precision, scale) => format!("decimal({precision}, {scale})"),
        Decimal32(precision, scale) | Decimal64(precision, scale) => format!("decimal({precision}, {scale})"),
        List(_) | LargeList(_) | FixedSizeList(..) => "list".to_owned(),
        Struct(_) => "struct".to_owned(),
        Map(..) => "map".to_owned(),
        Time32(_) | Time64(_) => "time of day".to_owned(),
        Timestamp(..) => "timestamp".to_owned(),
        Date32 | Date64 => "date".to_owned(),
        Duration(_) => "duration".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn is_number(dtype: &ArrowDataType) -> bool {
    use ArrowDataType::*;
    matches!(dtype, Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 | Float32 | Float64)
}

fn is_text(dtype: &ArrowDataType) -> bool {
    use ArrowDataType::*;
    matches!(dtype, Utf8 | LargeUtf8 | Utf8View | Binary | LargeBinary | BinaryView | FixedSizeBinary(_))
}

fn can_be_numbers(dtype: &ArrowDataType) -> bool {
    match dtype {
        ArrowDataType::Dictionary(_, values, _) => can_be_numbers(values),
        dtype => is_number(dtype) || is_text(dtype) || *dtype == ArrowDataType::Null,
    }
}

fn can_be_labels(dtype: &ArrowDataType) -> bool {
    use ArrowDataType::*;
    match dtype {
        Dictionary(_, values, _) => can_be_labels(values),
        Boolean | Date32 | Date64 | Timestamp(..) => true,
        dtype => can_be_numbers(dtype),
    }
}

/// Whether a column has a place in the flat output: no lists, structures, half precision or times of day.
fn is_flat(dtype: &ArrowDataType) -> bool {
    match dtype {
        ArrowDataType::Dictionary(_, values, _) => is_flat(values),
        ArrowDataType::Duration(_) => true,
        dtype => can_be_labels(dtype),
    }
}

/// A column as it is kept: times without a time zone, in UTC, and none beyond the years 1 to 9999. Such ones are missing,
/// and counted in `n_lost`.
pub(super) fn normal(series: Series, n_lost: &AtomicU64) -> PolarsResult<Series> {
    let per_second = |unit: &TimeUnit| match unit {
        TimeUnit::Nanoseconds => 1_000_000_000,
        TimeUnit::Microseconds => 1_000_000,
        TimeUnit::Milliseconds => 1_000,
    };
    let (limits, plain) = match series.dtype() {
        DataType::Datetime(unit, _) => {
            (YEARS.map(|second| second.saturating_mul(per_second(unit))), DataType::Datetime(*unit, None))
        }
        DataType::Date => (YEARS.map(|second| second.div_euclid(SECONDS_PER_DAY)), DataType::Date),
        _ => return Ok(series),
    };
    let numbers = series.to_physical_repr().cast(&DataType::Int64)?;
    let numbers = numbers.i64()?;
    let is_within = |value: i64| (limits[0]..=limits[1]).contains(&value);
    let n_beyond = numbers.iter().flatten().filter(|&value| !is_within(value)).count();
    if n_beyond == 0 && *series.dtype() == plain {
        return Ok(series);
    }
    n_lost.fetch_add(n_beyond as u64, Ordering::Relaxed);
    let kept = numbers.iter().map(|value| value.filter(|&value| is_within(value)));
    let kept = Int64Chunked::from_iter_options(series.name().clone(), kept).into_series();
    let physical = if plain == DataType::Date { kept.cast(&DataType::Int32)? } else { kept };
    physical.cast(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_lose_their_zone_and_those_that_nobody_can_write() {
        let n_lost = AtomicU64::new(0);
        let values = [Some(1_700_000_000_000_000), None, Some(i64::MAX), Some(i64::MIN)];
        let plain = Int64Chunked::from_iter_options("t".into(), values.into_iter()).into_series();
        let zone = polars::prelude::TimeZone::opt_try_new(Some("UTC")).unwrap();
        let with_zone = plain.cast(&DataType::Datetime(TimeUnit::Microseconds, zone)).unwrap();
        let normal = normal(with_zone, &n_lost).unwrap();
        assert_eq!(normal.dtype(), &DataType::Datetime(TimeUnit::Microseconds, None));
        let text = normal.cast(&DataType::String).unwrap();
        let text: Vec<Option<&str>> = text.str().unwrap().iter().collect();
        assert_eq!(text, [Some("2023-11-14 22:13:20.000000"), None, None, None]);
        assert_eq!(n_lost.into_inner(), 2);
    }

    #[test]
    fn other_columns_stay_as_they_are() {
        let n_lost = AtomicU64::new(0);
        let numbers = Int64Chunked::from_slice("n".into(), &[i64::MIN, 3]).into_series();
        assert!(normal(numbers.clone(), &n_lost).unwrap().equals(&numbers));
        let days = Int64Chunked::from_slice("d".into(), &[0, 19_000]).into_series().cast(&DataType::Int32).unwrap();
        let days = days.cast(&DataType::Date).unwrap();
        assert!(normal(days.clone(), &n_lost).unwrap().equals(&days));
        assert_eq!(n_lost.into_inner(), 0);
    }
}
