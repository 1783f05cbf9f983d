//! Decimals in Parquet tables, which the table library is built without: decoded by hand, and given as numbers or texts.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::ops::Range;

use polars::prelude::{ArrowDataType, Float64Chunked, Int64Chunked, IntoSeries, NewChunkedArray, PlSmallStr};
use polars::prelude::{PolarsResult, Series, StringChunked, polars_bail, polars_err};
use polars_arrow::array::PrimitiveArray;
use polars_parquet::read::{BasicDecompressor, Filter, PageReader, column_iter_to_arrays, infer_schema, read_metadata};

/// Most digits of a whole number that 64 bits hold whatever it is.
const DIGITS: usize = 18;

/// Whether a column has decimals that can be read.
pub(super) fn is_decimal(dtype: &ArrowDataType) -> bool {
    matches!(dtype, ArrowDataType::Decimal(..))
}

/// Some rows of a column of decimals: as whole numbers if they have no decimal places, as texts if these are too long,
/// otherwise as the nearest floating point numbers. The type depends on that of the column alone.
///
/// Errors: a file that is damaged or cannot be read.
pub(super) fn read(mut file: File, column: usize, rows: Range<usize>) -> PolarsResult<Series> {
    let metadata = read_metadata(&mut file)?;
    let schema = infer_schema(&metadata)?;
    let Some((name, field)) = schema.get_at_index(column) else { polars_bail!(ComputeError: "no such column") };
    let ArrowDataType::Decimal(precision, scale) = field.dtype else { polars_bail!(ComputeError: "no decimals") };
    let mut values: Vec<Option<i128>> = Vec::with_capacity(rows.len());
    let mut first = 0;
    for group in &metadata.row_groups {
        let of_group = rows.start.max(first)..rows.end.min(first + group.num_rows());
        if !of_group.is_empty() {
            let chunk = group.columns_under_root_iter(name).and_then(|mut columns| columns.next());
            let chunk = chunk.ok_or_else(|| polars_err!(ComputeError: "a row group lacks the column"))?;
            let Range { start, end } = chunk.byte_range();
            if end < start || end > file.metadata()?.len() {
                polars_bail!(ComputeError: "the column lies beyond the end of the file");
            }
            let mut bytes = vec![0; (end - start) as usize];
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(&mut bytes)?;
            // An array is the way to the kind of buffer that the decoder wants.
            let bytes = PrimitiveArray::<u8>::from_vec(bytes).values().clone();
            let pages = BasicDecompressor::new(PageReader::new(Cursor::new(bytes), chunk, vec![], usize::MAX), vec![]);
            let filter = Filter::new_ranged(of_group.start - first, of_group.end - first);
            let types = vec![&chunk.descriptor().descriptor.primitive_type];
            let (arrays, _) = column_iter_to_arrays(vec![pages], types, field.clone(), Some(filter))?;
            for array in &arrays {
                let array = array.as_any().downcast_ref::<PrimitiveArray<i128>>();
                let array = array.ok_or_else(|| polars_err!(ComputeError: "decimals of another size"))?;
                values.extend(array.iter().map(|value| value.copied()));
            }
        }
        first += group.num_rows();
    }
    Ok(as_series(name.clone(), &values, precision, scale))
}

fn as_series(name: PlSmallStr, values: &[Option<i128>], precision: usize, scale: usize) -> Series {
    let values = values.iter().copied();
    if scale > 0 {
        // Printed and read, the result is the nearest number, which a division need not give.
        let nearest = |value: i128| format!("{value}e-{scale}").parse::<f64>().unwrap_or(f64::NAN);
        return Float64Chunked::from_iter_options(name, values.map(|value| value.map(nearest))).into_series();
    }
    if precision <= DIGITS {
        let whole = values.map(|value| value.and_then(|value| i64::try_from(value).ok()));
        return Int64Chunked::from_iter_options(name, whole).into_series();
    }
    let texts = values.map(|value| value.map(|value| value.to_string()));
    StringChunked::from_iter_options(name, texts).into_series()
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::prelude::DataType;

    #[test]
    fn decimals_are_the_nearest_numbers_or_keep_all_digits() {
        let series = |values: &[Option<i128>], precision, scale| as_series("d".into(), values, precision, scale);
        let numbers = series(&[Some(1_234_567), None, Some(-1), Some(3)], 12, 4);
        let numbers: Vec<Option<f64>> = numbers.f64().unwrap().iter().collect();
        assert_eq!(numbers, [Some(123.4567), None, Some(-0.0001), Some(0.0003)]);
        let whole = series(&[Some(-7), None], 18, 0);
        assert_eq!(whole.i64().unwrap().iter().collect::<Vec<_>>(), [Some(-7), None]);
        let long = series(&[Some(12_345_678_901_234_567_890)], 20, 0);
        assert_eq!((long.dtype(), long.str().unwrap().get(0)), (&DataType::String, Some("12345678901234567890")));
    }
}
