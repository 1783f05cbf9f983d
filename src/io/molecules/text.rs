//! Reading text tables: header, blocks in parallel, typed columns.

use std::io::Read;

use polars::prelude::{DataType, Series};
use rayon::prelude::*;

use super::chunk::{Chunk, Collected, Genes, Kept, Part};
use super::columns::{Use, Uses, resolve};
use super::csv::{Blocks, Dialect, Fields, RowFault, detect};
use super::error::ReadError;
use super::load::{Hold, RawTable, needs_z, rescale, value_remedy};
use super::selection::Selection;
use super::source::Source;
use super::values::{Seen, Values, concatenate, number, type_fields};
use super::{ReadFacts, ReadRequest};

/// Blocks in memory at once; one wave is split while the next is read.
const MAX_WAVE: usize = 16;

/// Bytes at the start of the file that must be text.
const LOOKED_AT: usize = 1 << 16;

type TextBlocks = Blocks<Box<dyn Read + Send>>;

/// Reads a CSV file, plain or compressed with gzip.
pub(super) fn read(source: &Source, request: &ReadRequest, hold: Hold) -> Result<RawTable, ReadError> {
    let (_, dialect) = open(source)?;
    let uses = resolve(&dialect.header, request, &source.path, needs_z(request))?;
    let held = hold.columns(&uses);
    let reader = Reader { source, request, uses: &uses, dialect: &dialect };
    let mut as_text = vec![false; dialect.header.len()];
    // METHOD: a column that proves to be text after some of its blocks were read as floating point numbers is read
    // again, or its digits would be lost. One more pass for each such column at most, and usually none. Columns that are
    // not held have nothing to lose: when they are read, their types are known.
    let mut collected = loop {
        match reader.pass(&held, &as_text)? {
            Pass::Done(collected) => break *collected,
            Pass::Again(column) => as_text[column] = true,
        }
    };
    if collected.n_rows() == 0 {
        return Err(ReadError::NoRows { path: source.path.clone() });
    }
    let types: Vec<DataType> = collected.seen.iter().map(|seen| seen.narrowed(seen.data_type())).collect();
    let blocks = std::mem::take(&mut collected.carried);
    let carried = assemble(source, &uses, blocks, &types)?;
    let (header, f32_axes) = (dialect.header, [false; 3]);
    Ok(RawTable { header, uses, collected, carried, types, f32_axes, notes: Vec::new(), seen: ReadFacts::default() })
}

/// The second pass: hands over the selected rows of the carried columns, block by block.
pub(super) fn read_carried<E: From<ReadError>>(
    source: &Source,
    request: &ReadRequest,
    uses: &Uses,
    types: &[DataType],
    selection: &Selection,
    mut take: impl FnMut(Vec<Series>) -> Result<(), E>,
) -> Result<(), E> {
    let (mut blocks, dialect) = open(source)?;
    if dialect.header.len() != uses.of.len() {
        return Err(source.changed().into());
    }
    let reader = Reader { source, request, uses, dialect: &dialect };
    let mut n_before = 0;
    let mut wave = reader.next_wave(&mut blocks)?;
    while !wave.is_empty() {
        let (split, next) = rayon::join(
            || wave.into_par_iter().map(|block| reader.split(block)).collect::<Vec<_>>(),
            || reader.next_wave(&mut blocks),
        );
        let mut parts = Vec::with_capacity(split.len());
        for fields in split {
            let fields = fields.map_err(|fault| reader.error(fault, n_before as u64))?;
            let is_kept = selection.rows(n_before, fields.n_rows()).ok_or_else(|| source.changed())?;
            n_before += fields.n_rows();
            parts.push((fields, is_kept));
        }
        let typed = |(fields, is_kept): (Fields, Vec<bool>)| reader.carried(&fields, types, &is_kept);
        let typed: Vec<Result<Vec<Series>, ReadError>> = parts.into_par_iter().map(typed).collect();
        for columns in typed {
            take(columns?)?;
        }
        wave = next?;
    }
    if n_before == selection.n_rows() { Ok(()) } else { Err(source.changed().into()) }
}

/// Names of the columns of a text table.
pub(super) fn header(source: &Source) -> Result<Vec<String>, ReadError> {
    Ok(open(source)?.1.header)
}

/// Joins the blocks of every carried column that is held.
pub(super) fn assemble(
    source: &Source,
    uses: &Uses,
    blocks: Vec<Option<Vec<Values>>>,
    types: &[DataType],
) -> Result<Vec<Option<Series>>, ReadError> {
    let names = uses.of.iter().filter_map(|entry| if let Use::Carried(name) = entry { Some(name) } else { None });
    let columns: Vec<_> = names.zip(blocks).zip(types).collect();
    let join = |((name, blocks), dtype): ((&String, Option<Vec<Values>>), &DataType)| {
        blocks.map(|blocks| concatenate(name, blocks, dtype)).transpose()
    };
    let joined: Result<Vec<Option<Series>>, _> = columns.into_par_iter().map(join).collect();
    joined.map_err(|error| ReadError::Damaged { path: source.path.clone(), detail: error.to_string() })
}

/// Opens the file and finds its header; the blocks that follow start behind it.
fn open(source: &Source) -> Result<(TextBlocks, Dialect), ReadError> {
    let mut blocks = Blocks::new(source.text()?).map_err(|error| source.read_failure(error))?;
    let start = &blocks.peek()[..blocks.peek().len().min(LOOKED_AT)];
    if start.iter().any(|byte| matches!(byte, 0..=8 | 14..=26)) {
        let reason = "it contains binary data. Expected CSV (plain or gzip) or Parquet".into();
        return Err(ReadError::WrongFormat { path: source.path.clone(), reason });
    }
    let dialect = loop {
        let dialect = detect(blocks.peek());
        let is_whole = dialect.as_ref().is_some_and(|dialect| dialect.header_len < blocks.peek().len());
        // A header may be longer than what is at hand.
        if is_whole || !blocks.grow().map_err(|error| source.read_failure(error))? {
            break dialect;
        }
    };
    let is_blank = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let dialect = dialect.ok_or_else(|| match blocks.peek().iter().all(is_blank) {
        true => ReadError::Empty { path: source.path.clone() },
        false => ReadError::Quotes { path: source.path.clone(), row: 0 },
    })?;
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
    fn pass(&self, held: &[bool], as_text: &[bool]) -> Result<Pass, ReadError> {
        let (mut blocks, _) = open(self.source)?;
        let columns: Vec<usize> =
            (0..self.uses.of.len()).filter(|&column| matches!(self.uses.of[column], Use::Carried(_))).collect();
        let mut collected = Collected::new(held, self.uses.z.is_some());
        let mut wave = self.next_wave(&mut blocks)?;
        while !wave.is_empty() {
            let (parsed, next) = rayon::join(
                || wave.into_par_iter().map(|block| self.parse(block, held, as_text)).collect::<Vec<_>>(),
                || self.next_wave(&mut blocks),
            );
            for chunk in parsed {
                collected.push(chunk.map_err(|fault| self.error(fault, collected.n_rows()))?);
            }
            let lossy = |at: &usize| {
                collected.seen[*at].data_type() == DataType::String
                    && collected.carried[*at].iter().flatten().any(Values::is_float)
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

    fn split(&self, block: Vec<u8>) -> Result<Fields, Fault> {
        let fields = Fields::split(block, self.dialect.delimiter, self.uses.of.len()).map_err(Fault::Row)?;
        if fields.is_utf8() { Ok(fields) } else { Err(Fault::NotUtf8) }
    }

    fn parse(&self, block: Vec<u8>, held: &[bool], as_text: &[bool]) -> Result<Chunk, Fault> {
        let fields = self.split(block)?;
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
        let mut carried: Vec<Part> = Vec::with_capacity(held.len());
        for (column, entry) in self.uses.of.iter().enumerate() {
            if let Use::Carried(name) = entry {
                let texts = rows.iter().map(|&row| fields.text(column, row));
                carried.push(match held[carried.len()] {
                    true => {
                        let (values, seen) = type_fields(name, texts, as_text[column]);
                        Part { values: Some(values), seen }
                    }
                    false => Part { values: None, seen: Seen::of_fields(texts) },
                });
            }
        }
        Ok(Chunk { kept, x, y, z, genes, carried })
    }

    /// Some rows of the carried columns, in their final types.
    fn carried(&self, fields: &Fields, types: &[DataType], is_kept: &[bool]) -> Result<Vec<Series>, ReadError> {
        let rows: Vec<usize> = (0..fields.n_rows()).filter(|&row| is_kept[row]).collect();
        let columns = self.uses.of.iter().enumerate();
        let columns =
            columns.filter_map(|(at, entry)| if let Use::Carried(name) = entry { Some((at, name)) } else { None });
        let typed = columns.zip(types).map(|((column, name), dtype)| {
            let texts = rows.iter().map(|&row| fields.text(column, row));
            let (values, _) = type_fields(name, texts, dtype == &DataType::String);
            concatenate(name, [values], dtype)
        });
        let typed: Result<Vec<Series>, _> = typed.collect();
        typed.map_err(|error| ReadError::Damaged { path: self.source.path.clone(), detail: error.to_string() })
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
                let shown: String = text.chars().take(80).collect();
                let value = match shown.len() {
                    0 => "a missing value".into(),
                    n if n < text.len() => format!("'{shown}…'"),
                    _ => format!("'{shown}'"),
                };
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
