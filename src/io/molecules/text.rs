//! Reading text tables: header, blocks in parallel, typed columns.

use std::io::Read;

use polars::prelude::{DataType, Series};
use rayon::prelude::*;

use super::chunk::{Chunk, Collected, Genes, Kept};
use super::columns::{Use, Uses, resolve};
use super::csv::{Blocks, Dialect, Fields, RowFault, detect};
use super::error::ReadError;
use super::source::Source;
use super::values::{Values, concatenate, number, type_fields};
use super::{RawTable, ReadRequest, needs_z, rescale, value_remedy};

/// Blocks in memory at once; one wave is split while the next is read.
const MAX_WAVE: usize = 16;

/// Bytes at the start of the file in which header and delimiter are found.
const HEADER_BYTES: usize = 1 << 16;

type TextBlocks = Blocks<Box<dyn Read + Send>>;

/// Reads a CSV file, plain or compressed with gzip.
pub(super) fn read(source: &Source, request: &ReadRequest) -> Result<RawTable, ReadError> {
    let (_, dialect) = open(source)?;
    let uses = resolve(&dialect.header, request, &source.path, needs_z(request))?;
    let reader = Reader { source, request, uses: &uses, dialect: &dialect };
    let mut as_text = vec![false; dialect.header.len()];
    // METHOD: a column that proves to be text after some of its blocks were read as floating point numbers is read
    // again, or its digits would be lost. One more pass for each such column at most, and usually none.
    let mut collected = loop {
        match reader.pass(&as_text)? {
            Pass::Done(collected) => break *collected,
            Pass::Again(column) => as_text[column] = true,
        }
    };
    if collected.n_rows == 0 {
        return Err(ReadError::NoRows { path: source.path.clone() });
    }
    let blocks = std::mem::take(&mut collected.carried);
    let types: Vec<DataType> = collected.seen.iter().map(|seen| seen.data_type()).collect();
    let carried = assemble(source, &uses, blocks, &types)?;
    Ok(RawTable {
        header: dialect.header,
        uses,
        collected,
        carried,
        f32_axes: [false; 3],
        notes: Vec::new(),
        seen: super::ReadFacts::default(),
    })
}

/// Names of the columns of a text table.
pub(super) fn header(source: &Source) -> Result<Vec<String>, ReadError> {
    Ok(open(source)?.1.header)
}

/// Joins the blocks of every carried column.
pub(super) fn assemble(
    source: &Source,
    uses: &Uses,
    blocks: Vec<Vec<Values>>,
    types: &[DataType],
) -> Result<Vec<Series>, ReadError> {
    let names = uses.of.iter().filter_map(|entry| if let Use::Carried(name) = entry { Some(name) } else { None });
    let columns: Vec<_> = names.zip(blocks).zip(types).collect();
    let joined: Result<Vec<Series>, _> =
        columns.into_par_iter().map(|((name, blocks), dtype)| concatenate(name, blocks, dtype)).collect();
    joined.map_err(|error| ReadError::Damaged { path: source.path.clone(), detail: error.to_string() })
}

/// Opens the file and finds its header; the blocks that follow start behind it.
fn open(source: &Source) -> Result<(TextBlocks, Dialect), ReadError> {
    let mut blocks = Blocks::new(source.text()?).map_err(|error| source.read_failure(error))?;
    let start = &blocks.peek()[..blocks.peek().len().min(HEADER_BYTES)];
    if start.iter().any(|byte| matches!(byte, 0..=8 | 14..=26)) {
        let reason = "it contains binary data. Expected CSV (plain or gzip) or Parquet".into();
        return Err(ReadError::WrongFormat { path: source.path.clone(), reason });
    }
    let dialect = detect(start).ok_or_else(|| ReadError::Empty { path: source.path.clone() })?;
    blocks.start(dialect.header_len, dialect.delimiter);
    Ok((blocks, dialect))
}

/// Result of reading through the file.
enum Pass {
    Done(Box<Collected>),
    /// This column of the input must be read as text from the start.
    Again(usize),
}

/// What is wrong in a block; rows are counted from 0 in it.
enum Fault {
    Row(RowFault),
    Value { row: usize, column: usize, text: String },
    NotUtf8,
}

struct Reader<'a> {
    source: &'a Source,
    request: &'a ReadRequest,
    uses: &'a Uses,
    dialect: &'a Dialect,
}

impl Reader<'_> {
    fn pass(&self, as_text: &[bool]) -> Result<Pass, ReadError> {
        let (mut blocks, _) = open(self.source)?;
        let columns: Vec<usize> =
            (0..self.uses.of.len()).filter(|&column| matches!(self.uses.of[column], Use::Carried(_))).collect();
        let mut collected = Collected::new(columns.len(), self.uses.z.is_some());
        let mut wave = self.next_wave(&mut blocks)?;
        while !wave.is_empty() {
            let (parsed, next) = rayon::join(
                || wave.into_par_iter().map(|block| self.parse(block, as_text)).collect::<Vec<_>>(),
                || self.next_wave(&mut blocks),
            );
            for chunk in parsed {
                collected.push(chunk.map_err(|fault| self.error(fault, collected.n_rows))?);
            }
            let lossy = |at: &usize| {
                collected.seen[*at].data_type() == DataType::String
                    && collected.carried[*at].iter().any(Values::is_float)
            };
            if let Some(at) = (0..columns.len()).find(lossy) {
                return Ok(Pass::Again(columns[at]));
            }
            wave = next?;
        }
        Ok(Pass::Done(Box::new(collected)))
    }

    fn next_wave(&self, blocks: &mut TextBlocks) -> Result<Vec<Vec<u8>>, ReadError> {
        let mut wave = Vec::new();
        while wave.len() < rayon::current_num_threads().min(MAX_WAVE) {
            match blocks.next_block().map_err(|error| self.source.read_failure(error))? {
                Some(block) => wave.push(block),
                None => break,
            }
        }
        Ok(wave)
    }

    fn parse(&self, block: Vec<u8>, as_text: &[bool]) -> Result<Chunk, Fault> {
        let fields = Fields::split(block, self.dialect.delimiter, self.uses.of.len()).map_err(Fault::Row)?;
        if !fields.is_utf8() {
            return Err(Fault::NotUtf8);
        }
        let n_rows = fields.n_rows();
        let mut x = numbers(&fields, self.uses.x, true)?;
        let mut y = numbers(&fields, self.uses.y, true)?;
        let mut z = self.uses.z.map(|column| numbers(&fields, column, true)).transpose()?;
        let qv = self.uses.qv.map(|column| numbers(&fields, column, false)).transpose()?;
        rescale(self.request, &mut x, &mut y, z.as_deref_mut());
        let axes = [Some(&x[..]), Some(&y[..]), z.as_deref()];
        let kept = Kept::new(&self.request.crop, axes, qv.as_deref().zip(self.request.min_qv), n_rows);
        kept.apply(&mut x);
        kept.apply(&mut y);
        if let Some(z) = &mut z {
            kept.apply(z);
        }
        let rows: Vec<usize> = (0..n_rows).filter(|&row| kept.rows[row]).collect();
        let mut genes = Genes::default();
        rows.iter().for_each(|&row| genes.push(Some(fields.text(self.uses.gene, row))));
        let mut carried = Vec::new();
        for (column, entry) in self.uses.of.iter().enumerate() {
            if let Use::Carried(name) = entry {
                let texts = rows.iter().map(|&row| fields.text(column, row));
                carried.push(type_fields(name, texts, as_text[column]));
            }
        }
        let (n_cropped, n_low_qv) = (kept.n_cropped, kept.n_low_qv);
        Ok(Chunk { n_rows: n_rows as u64, n_cropped, n_low_qv, x, y, z, genes, carried })
    }

    /// Words for a fault in a block that begins after `before` rows.
    fn error(&self, fault: Fault, before: u64) -> ReadError {
        let path = self.source.path.clone();
        let number = |row: usize| before + row as u64 + 1;
        match fault {
            Fault::Row(RowFault::Quotes { row }) => ReadError::Quotes { path, row: number(row) },
            Fault::Row(RowFault::Length { row, fields }) => {
                let expected = self.uses.of.len();
                let hint = match fields {
                    _ if fields == expected + 1 && row == 0 && before == 0 => {
                        "If the first column holds row names, give it a name in the header"
                    }
                    _ if fields < expected => "The file may be truncated, or a delimiter is missing",
                    _ => "Fields that contain the delimiter must be quoted",
                };
                ReadError::RowLength { path, row: number(row), fields, expected, hint }
            }
            Fault::Value { row, column, text } => {
                let value = if text.is_empty() { "a missing value".into() } else { format!("'{text}'") };
                let remedy = value_remedy(self.uses, column, &text);
                ReadError::BadValue {
                    path,
                    column: self.dialect.header[column].clone(),
                    row: number(row),
                    value,
                    remedy,
                }
            }
            Fault::NotUtf8 => ReadError::NotUtf8 { path, row: before + 1 },
        }
    }
}

/// A column of numbers; of finite ones, if they must be. Other missing values become NaN.
fn numbers(fields: &Fields, column: usize, finite: bool) -> Result<Vec<f64>, Fault> {
    let fault = |row: usize| Fault::Value { row, column, text: fields.text(column, row).to_string() };
    let mut values = Vec::with_capacity(fields.n_rows());
    for row in 0..fields.n_rows() {
        let text = fields.text(column, row);
        let value = match number(text) {
            Some(value) if value.is_finite() || !finite => value,
            None if text.is_empty() && !finite => f64::NAN,
            _ => return Err(fault(row)),
        };
        values.push(value);
    }
    Ok(values)
}
