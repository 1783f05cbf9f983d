//! Reading Parquet tables: one row group at a time, its columns in parallel.

use std::sync::atomic::AtomicU64;

use polars::prelude::{ArrowDataType, DataType, PolarsError, PolarsResult, Series};
use rayon::prelude::*;

use super::chunk::{Chunk, Collected, Genes, Kept, Part, mask};
use super::columns::{Use, Uses, resolve};
use super::error::ReadError;
use super::load::{Hold, RawTable, needs_z, rescale, scales, value_remedy};
use super::selection::Selection;
use super::source::Source;
use super::text::assemble;
use super::values::{Seen, Values, number};
use super::{Note, ReadFacts, ReadRequest, parquet_types};
use crate::io::parquet::{ParquetFault, ParquetFile};

/// Names of the columns of a Parquet file.
pub(super) fn header(source: &Source) -> Result<Vec<String>, ReadError> {
    Ok(open(source)?.header)
}

/// Rows of every row group of a table, part by part, as they are read.
pub(super) fn row_groups(source: &Source) -> Result<Vec<usize>, ReadError> {
    let groups: Result<Vec<Vec<usize>>, ReadError> =
        source.parts().map(|part| open(&part).map(|file| file.pieces())).collect();
    Ok(groups?.concat())
}

fn open(source: &Source) -> Result<ParquetFile, ReadError> {
    let file = ParquetFile::open(&source.path).map_err(|fault| failure(source, fault))?;
    if file.header.is_empty() { Err(ReadError::NoColumns { path: source.path.clone() }) } else { Ok(file) }
}

fn failure(source: &Source, fault: ParquetFault) -> ReadError {
    let path = source.path.clone();
    match fault {
        ParquetFault::Unreadable(reason) => ReadError::Unreadable { path, reason },
        ParquetFault::Damaged(detail) => ReadError::Damaged { path, detail },
    }
}

/// Reads a table of one or several Parquet files. All parts must have the columns of the first.
pub(super) fn read(source: &Source, request: &ReadRequest, hold: Hold) -> Result<RawTable, ReadError> {
    let parts: Vec<Source> = source.parts().collect();
    let Some(first) = parts.first() else { return Err(ReadError::NoRows { path: source.path.clone() }) };
    let ParquetFile { header, types, .. } = open(first)?;
    let mut uses = resolve(&header, request, &first.path, needs_z(request))?;
    let mut notes = Vec::new();
    parquet_types::check(&first.path, &header, &types, &mut uses, &mut notes)?;
    let n_lost = AtomicU64::new(0);
    let scales = scales(request);
    let f32_axes = [0, 1, 2].map(|axis| {
        let column = [Some(uses.x), Some(uses.y), uses.z][axis];
        scales[axis] == 1.0 && column.is_some_and(|column| types[column] == ArrowDataType::Float32)
    });
    let held = hold.columns(&uses);
    let carried = carried_columns(&uses);
    let mut collected = Collected::new(&held, uses.z.is_some());
    // Types of the carried columns: those in the first row group.
    let mut settled: Option<Vec<DataType>> = None;
    for part in &parts {
        let file = open(part)?;
        if file.header != header {
            return Err(ReadError::OtherColumns { path: part.path.clone(), first: first.path.clone() });
        }
        let mut offset = 0;
        for n_rows in file.pieces() {
            // Only the range of integers must be known of columns that are not held.
            let is_known = |(at, &column): (usize, &usize)| {
                let dtype = settled.as_ref().map(|settled| &settled[at]);
                let is_needed = held[at] || uses.qv == Some(column) || dtype.is_none_or(|is| is == &DataType::Int64);
                (!is_needed && file.types[column] == types[column]).then_some(column)
            };
            let known: Vec<usize> = carried.iter().enumerate().filter_map(is_known).collect();
            let group = Group {
                source: part,
                file: &file,
                request,
                uses: &uses,
                header: &header,
                offset,
                n_rows,
                known: &known,
                n_lost: &n_lost,
            };
            let mut chunk = group.read()?;
            let settled = settled.get_or_insert_with(|| chunk.carried.iter().map(type_of).collect());
            settle(&mut chunk.carried, settled, &held).map_err(|error| damaged(part, &error.to_string()))?;
            collected.push(chunk);
            offset += n_rows;
        }
    }
    if collected.n_rows() == 0 {
        return Err(ReadError::NoRows { path: source.path.clone() });
    }
    let n_lost = n_lost.into_inner();
    if n_lost > 0 {
        notes.push(Note::Warning(format!(
            "{n_lost} times in the columns that are kept are beyond the years 1 to 9999; they are missing in the result"
        )));
    }
    let types = settled.unwrap_or_default().into_iter().zip(&collected.seen);
    let types: Vec<DataType> = types.map(|(dtype, seen)| seen.narrowed(dtype)).collect();
    let blocks = std::mem::take(&mut collected.carried);
    let carried = assemble(source, &uses, blocks, &types)?;
    Ok(RawTable { header, uses, collected, carried, types, f32_axes, notes, seen: ReadFacts::default() })
}

/// Positions of the carried columns in the file.
fn carried_columns(uses: &Uses) -> Vec<usize> {
    (0..uses.of.len()).filter(|&column| matches!(uses.of[column], Use::Carried(_))).collect()
}

fn type_of(part: &Part) -> DataType {
    match &part.values {
        Some(Values::Typed(series)) => series.dtype().clone(),
        _ => DataType::String,
    }
}

/// Gives the columns of a row group their types, notes the range of integers, and lets go what is not held.
fn settle(parts: &mut [Part], types: &[DataType], held: &[bool]) -> PolarsResult<()> {
    for (at, part) in parts.iter_mut().enumerate() {
        let Some(Values::Typed(series)) = &mut part.values else { continue };
        if series.dtype() != &types[at] {
            *series = series.strict_cast(&types[at])?;
        }
        if series.dtype() == &DataType::Int64 {
            part.seen = Seen::integers(series.min::<i64>()?.zip(series.max::<i64>()?));
        }
        if !held[at] {
            part.values = None;
        }
    }
    Ok(())
}

/// The second pass: hands over the selected rows of the carried columns, row group by row group.
pub(super) fn read_carried<E: From<ReadError>>(
    source: &Source,
    request: &ReadRequest,
    uses: &Uses,
    types: &[DataType],
    selection: &Selection,
    mut take: impl FnMut(Vec<Series>) -> Result<(), E>,
) -> Result<(), E> {
    let columns = carried_columns(uses);
    let n_lost = AtomicU64::new(0);
    let mut n_before = 0;
    for part in source.parts() {
        let file = open(&part)?;
        let header = &file.header;
        let mut offset = 0;
        for n_rows in file.pieces() {
            let is_kept = selection.rows(n_before, n_rows).ok_or_else(|| source.changed())?;
            let group = Group {
                source: &part,
                file: &file,
                request,
                uses,
                header,
                offset,
                n_rows,
                known: &[],
                n_lost: &n_lost,
            };
            if is_kept.contains(&true) {
                take(group.read_carried(&columns, types, &is_kept)?)?;
            }
            offset += n_rows;
            n_before += n_rows;
        }
    }
    if n_before == selection.n_rows() { Ok(()) } else { Err(source.changed().into()) }
}

fn damaged(source: &Source, detail: &str) -> ReadError {
    ReadError::Damaged { path: source.path.clone(), detail: detail.into() }
}

/// One row group.
struct Group<'a> {
    source: &'a Source,
    file: &'a ParquetFile,
    request: &'a ReadRequest,
    uses: &'a Uses,
    header: &'a [String],
    offset: usize,
    n_rows: usize,
    /// Carried columns that need not be read, ascending.
    known: &'a [usize],
    /// Times that cannot be written, and are missing now.
    n_lost: &'a AtomicU64,
}

impl Group<'_> {
    fn read(&self) -> Result<Chunk, ReadError> {
        let is_wanted =
            |&column: &usize| self.uses.of[column] != Use::Dropped && self.known.binary_search(&column).is_err();
        let wanted: Vec<usize> = (0..self.uses.of.len()).filter(is_wanted).collect();
        // Collected before the first error is looked for: it is the one of the first column then.
        let columns: Vec<Result<Series, ReadError>> = wanted.par_iter().map(|&column| self.column(column)).collect();
        let columns: Result<Vec<Series>, ReadError> = columns.into_iter().collect();
        let columns = columns?;
        let at = |column: usize| &columns[wanted.partition_point(|&have| have < column)];

        let mut x = self.numbers(self.uses.x, at(self.uses.x), true)?;
        let mut y = self.numbers(self.uses.y, at(self.uses.y), true)?;
        let mut z = self.uses.z.map(|column| self.numbers(column, at(column), true)).transpose()?;
        let qv = self.uses.qv.map(|column| self.numbers(column, at(column), false)).transpose()?;
        rescale(self.request, &mut x, &mut y, z.as_deref_mut());
        let axes = [Some(&x[..]), Some(&y[..]), z.as_deref()];
        let kept = Kept::new(&self.request.crop, axes, qv.as_deref().zip(self.request.min_qv), self.n_rows);
        kept.apply(&mut x);
        kept.apply(&mut y);
        if let Some(z) = &mut z {
            kept.apply(z);
        }
        let kept_values =
            |series: &Series| kept.of_series(series).map_err(|error| damaged(self.source, &error.to_string()));
        let mut genes = Genes::default();
        push_genes(&mut genes, &kept_values(at(self.uses.gene))?)
            .map_err(|error| damaged(self.source, &error.to_string()))?;
        let mut carried = Vec::new();
        for column in carried_columns(self.uses) {
            let values = match self.known.binary_search(&column) {
                Ok(_) => None,
                Err(_) => Some(Values::Typed(kept_values(at(column))?)),
            };
            carried.push(Part { values, seen: Seen::default() });
        }
        Ok(Chunk { kept, x, y, z, genes, carried })
    }

    /// Some rows of the carried columns, in their final types.
    fn read_carried(&self, columns: &[usize], types: &[DataType], is_kept: &[bool]) -> Result<Vec<Series>, ReadError> {
        let mask = mask(is_kept);
        let read = |(&column, dtype): (&usize, &DataType)| {
            let series = self.column(column)?;
            let kept = series.filter(&mask).and_then(|kept| kept.strict_cast(dtype));
            let name = match &self.uses.of[column] {
                Use::Carried(name) => name,
                _ => &self.header[column],
            };
            let kept = kept.map_err(|error| damaged(self.source, &error.to_string()))?;
            Ok(kept.rechunk().with_name(name.as_str().into()))
        };
        let columns: Vec<Result<Series, ReadError>> = columns.par_iter().zip(types).map(read).collect();
        columns.into_iter().collect()
    }

    /// Decodes one column in the calling thread.
    fn column(&self, column: usize) -> Result<Series, ReadError> {
        let series = self.file.column(column, self.offset, self.n_rows).map_err(|fault| failure(self.source, fault))?;
        let name = &self.header[column];
        parquet_types::normal(series, self.n_lost)
            .map_err(|error| damaged(self.source, &format!("column '{name}': {error}")))
    }

    /// A column as numbers; as finite ones, if they must be. Other missing values become NaN.
    fn numbers(&self, column: usize, series: &Series, finite: bool) -> Result<Vec<f64>, ReadError> {
        let bad = |row: usize, value: String| ReadError::BadValue {
            path: self.source.path.clone(),
            column: self.header[column].clone(),
            row: (self.offset + row) as u64 + 1,
            remedy: value_remedy(self.uses, column, value.trim_matches('\'')),
            value,
        };
        let mut values = Vec::with_capacity(series.len());
        let mut push = |row: usize, value: Option<f64>, text: Option<&str>| {
            values.push(match (value, text) {
                (Some(value), _) if value.is_finite() || !finite => value,
                (Some(value), _) => return Err(bad(row, value.to_string())),
                (None, None) if !finite => f64::NAN,
                (None, None) => return Err(bad(row, "a missing value".into())),
                (None, Some(text)) => return Err(bad(row, format!("'{text}'"))),
            });
            Ok(())
        };
        let dtype = series.dtype();
        let failed = |error: PolarsError| damaged(self.source, &error.to_string());
        if dtype == &DataType::Float32 {
            let numbers = series.f32().map_err(failed)?;
            numbers.iter().enumerate().try_for_each(|(row, value)| push(row, value.map(as_printed), None))?;
        } else if dtype.is_primitive_numeric() || dtype == &DataType::Null {
            let numbers = series.cast(&DataType::Float64).map_err(failed)?;
            let numbers = numbers.f64().map_err(failed)?;
            numbers.iter().enumerate().try_for_each(|(row, value)| push(row, value, None))?;
        } else if is_text(dtype) {
            let texts = series.cast(&DataType::String).map_err(failed)?;
            let texts = texts.str().map_err(failed)?;
            texts.iter().enumerate().try_for_each(|(row, text)| push(row, text.and_then(number), text))?;
        } else {
            let column = self.header[column].clone();
            let (path, dtype) = (self.source.path.clone(), dtype.to_string());
            return Err(ReadError::ColumnType { path, column, dtype, needed: "numbers" });
        }
        Ok(values)
    }
}

/// The double that is printed like a number of single precision: 4.1 for 4.1, not 4.099999904632568.
///
/// METHOD: instruments round coordinates to a few decimals and store them in single precision. So read, a table gives
/// the same molecules as its CSV form, limits such as `x_max = 4.1` include 4.1, and the vertices of boundaries are
/// digit for digit the coordinates in the molecule table.
fn as_printed(value: f32) -> f64 {
    let exact = f64::from(value);
    // Below 2^24 the shortest decimal form has no more digits than are needed behind the point.
    if exact.abs() < 16_777_216.0 {
        let mut factor = 1.0;
        for _ in 0..=8 {
            // A quotient of two whole numbers below 2^53 is the double nearest to the decimal number.
            let candidate = (exact * factor).round() / factor;
            if candidate as f32 == value {
                return candidate;
            }
            factor *= 10.0;
        }
    }
    value.to_string().parse().unwrap_or(exact)
}

/// Types whose values are text once they are cast.
pub(super) fn is_text(dtype: &DataType) -> bool {
    matches!(dtype, DataType::String | DataType::Binary) || dtype.is_categorical() || dtype.is_enum()
}

/// Genes of any type, printed. Bytes that are not UTF-8 are replaced.
fn push_genes(genes: &mut Genes, series: &Series) -> PolarsResult<()> {
    if series.dtype() == &DataType::Binary {
        let bytes = series.binary()?;
        bytes.iter().for_each(|bytes| genes.push(bytes.map(String::from_utf8_lossy).as_deref()));
        return Ok(());
    }
    let texts = series.cast(&DataType::String)?;
    texts.str()?.iter().for_each(|text| genes.push(text));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::as_printed;

    #[test]
    fn single_precision_is_read_as_it_is_printed() {
        let odd = [4.1, -0.3, 1234.567, 5.0, 0.0, 16_777_215.0, 16_777_216.0, 123_456_789.0, 1e-20, 3e38, 0.1 + 0.2];
        let dense = (0..20_000_u32).map(|step| f32::from_bits(0x3e80_0000 + 4_001 * step));
        for value in odd.into_iter().chain(dense) {
            assert_eq!(as_printed(value), value.to_string().parse::<f64>().unwrap(), "{value}");
            assert_eq!(as_printed(value) as f32, value);
        }
        assert!(as_printed(f32::NAN).is_nan());
        assert_eq!(as_printed(f32::NEG_INFINITY), f64::NEG_INFINITY);
    }
}
