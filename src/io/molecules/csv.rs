//! Text tables: blocks of whole rows, split into fields in parallel.
//!
//! The splitting is our own and not that of polars: it must not fail on a type that changes late in the file, must
//! name the row of a fault, and must stay in the caller's thread pool.

use std::io::{self, Read};

/// Bytes read at a time. A constant, but results do not depend on it.
const BLOCK: usize = 4 << 20;

/// A block that holds no whole row at this size has an unclosed quotation mark.
const LARGEST_BLOCK: usize = 1 << 30;

/// Bytes in which the end of the header is looked for.
const LARGEST_HEADER: usize = 1 << 28;

/// Position of a field in its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    begin: u32,
    len: u32,
}

/// What is wrong with a row. Rows are counted from 0 within the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RowFault {
    Length { row: usize, fields: usize },
    Quotes { row: usize },
}

/// A block of rows, split into fields.
#[derive(Debug)]
pub(super) struct Fields {
    bytes: Vec<u8>,
    /// Column after column. `[n_columns][n_rows]`
    columns: Vec<Vec<Span>>,
}

impl Fields {
    /// Splits a block. Quoted fields are unwrapped, blank lines skipped, `\r\n` and `\n` both end a row.
    pub fn split(mut bytes: Vec<u8>, delimiter: u8, n_columns: usize) -> Result<Self, RowFault> {
        let mut columns: Vec<Vec<Span>> = vec![Vec::new(); n_columns];
        let mut at = 0;
        let mut row = 0;
        while at < bytes.len() {
            if let Some(blank) = blank_line(&bytes[at..]) {
                at += blank;
                continue;
            }
            let mut fields = 0;
            loop {
                let (span, next, ends_row) = next_field(&mut bytes, at, delimiter).ok_or(RowFault::Quotes { row })?;
                if let Some(column) = columns.get_mut(fields) {
                    column.push(span);
                }
                fields += 1;
                at = next;
                if ends_row {
                    break;
                }
            }
            if fields != n_columns {
                return Err(RowFault::Length { row, fields });
            }
            row += 1;
        }
        Ok(Self { bytes, columns })
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }

    /// True when all fields are UTF-8, so that [`Fields::text`] loses nothing.
    pub fn is_utf8(&self) -> bool {
        std::str::from_utf8(&self.bytes).is_ok()
    }

    /// The text of a field.
    pub fn text(&self, column: usize, row: usize) -> &str {
        let span = self.columns[column][row];
        let bytes = &self.bytes[span.begin as usize..(span.begin + span.len) as usize];
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// Length of the line at the start of `bytes`, if there is nothing on it.
fn blank_line(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        [b'\r'] => Some(1),
        _ => None,
    }
}

/// The field at `begin`, where the next one begins, and whether the row ends. `None` for bad quotes.
fn next_field(bytes: &mut [u8], begin: usize, delimiter: u8) -> Option<(Span, usize, bool)> {
    if bytes.get(begin) == Some(&b'"') {
        return quoted_field(bytes, begin, delimiter);
    }
    let length = bytes[begin..].iter().position(|&byte| byte == delimiter || byte == b'\n');
    let end = length.map_or(bytes.len(), |length| begin + length);
    let ends_row = end == bytes.len() || bytes[end] == b'\n';
    let mut len = end - begin;
    if ends_row && len > 0 && bytes[end - 1] == b'\r' {
        len -= 1;
    }
    // A delimiter as the very last byte of the file opens one more, empty field.
    Some((span(begin, len), end + 1, ends_row))
}

/// As [`next_field`]. The field is unwrapped where it stands: doubled quotation marks become single ones.
fn quoted_field(bytes: &mut [u8], begin: usize, delimiter: u8) -> Option<(Span, usize, bool)> {
    let (mut from, mut to) = (begin + 1, begin + 1);
    loop {
        let mark = from + bytes[from..].iter().position(|&byte| byte == b'"')?;
        bytes.copy_within(from..mark, to);
        to += mark - from;
        if bytes.get(mark + 1) == Some(&b'"') {
            bytes[to] = b'"';
            to += 1;
            from = mark + 2;
            continue;
        }
        let field = span(begin + 1, to - begin - 1);
        // What is left between the unwrapped text and its closing mark must stay UTF-8.
        bytes[to..=mark].fill(b' ');
        return match &bytes[mark + 1..] {
            [] => Some((field, mark + 1, true)),
            [b'\n', ..] => Some((field, mark + 2, true)),
            [b'\r', b'\n', ..] => Some((field, mark + 3, true)),
            [b'\r'] => Some((field, mark + 2, true)),
            [byte, ..] if *byte == delimiter => Some((field, mark + 2, false)),
            _ => None,
        };
    }
}

fn span(begin: usize, len: usize) -> Span {
    Span { begin: begin as u32, len: len as u32 }
}

/// Cuts a stream into blocks that end with a row.
pub(super) struct Blocks<R> {
    source: R,
    delimiter: u8,
    rest: Vec<u8>,
    ended: bool,
}

impl<R: Read> Blocks<R> {
    /// Starts reading; a UTF-8 byte order mark is skipped. The delimiter is set once it is known.
    pub fn new(source: R) -> io::Result<Self> {
        let mut blocks = Self { source, delimiter: b',', rest: Vec::new(), ended: false };
        blocks.fill(BLOCK)?;
        if blocks.rest.starts_with(b"\xef\xbb\xbf") {
            blocks.rest.drain(..3);
        }
        Ok(blocks)
    }

    /// The bytes at hand, to look at the header.
    pub fn peek(&self) -> &[u8] {
        &self.rest
    }

    /// Reads more, so that there are twice as many bytes at hand. False at the end, or when there are enough.
    pub fn grow(&mut self) -> io::Result<bool> {
        if self.ended || self.rest.len() >= LARGEST_HEADER {
            return Ok(false);
        }
        self.fill(2 * self.rest.len().max(BLOCK))?;
        Ok(true)
    }

    /// Leaves out the first `n` bytes (the header) and splits at `delimiter` from now on.
    pub fn start(&mut self, n: usize, delimiter: u8) {
        self.rest.drain(..n.min(self.rest.len()));
        self.delimiter = delimiter;
    }

    /// The next rows; `None` at the end.
    pub fn next_block(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut wanted = BLOCK;
        loop {
            self.fill(wanted)?;
            if self.ended {
                let last = std::mem::take(&mut self.rest);
                return Ok((!last.is_empty()).then_some(last));
            }
            if let Some(end) = last_row_end(&self.rest, self.delimiter) {
                let rest = self.rest.split_off(end);
                return Ok(Some(std::mem::replace(&mut self.rest, rest)));
            }
            if wanted >= LARGEST_BLOCK {
                return Ok(Some(std::mem::take(&mut self.rest)));
            }
            wanted *= 2;
        }
    }

    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        let missing = wanted.saturating_sub(self.rest.len());
        if missing == 0 || self.ended {
            return Ok(());
        }
        self.rest.reserve_exact(missing);
        let got = self.source.by_ref().take(missing as u64).read_to_end(&mut self.rest)?;
        self.ended = got < missing;
        Ok(())
    }
}

/// Where the last whole row ends: behind a line break that is not in quotes.
fn last_row_end(bytes: &[u8], delimiter: u8) -> Option<usize> {
    if !bytes.contains(&b'"') {
        return bytes.iter().rposition(|&byte| byte == b'\n').map(|at| at + 1);
    }
    let mut quotes = Quotes::new(delimiter);
    let mut end = None;
    for (at, &byte) in bytes.iter().enumerate() {
        if quotes.ends_row(byte) {
            end = Some(at + 1);
        }
    }
    end
}

/// Follows the quotation marks of a text that begins with a row, byte by byte.
struct Quotes {
    delimiter: u8,
    is_quoted: bool,
    starts_field: bool,
    before: u8,
}

impl Quotes {
    fn new(delimiter: u8) -> Self {
        Self { delimiter, is_quoted: false, starts_field: true, before: b'\n' }
    }

    /// Takes the next byte. True for a line break that is not in quotes.
    fn ends_row(&mut self, byte: u8) -> bool {
        match byte {
            // A doubled mark closes the field and opens it again.
            b'"' if self.is_quoted => self.is_quoted = false,
            b'"' if self.starts_field || self.before == b'"' => self.is_quoted = true,
            _ => {}
        }
        let ends_row = byte == b'\n' && !self.is_quoted;
        self.starts_field = !self.is_quoted && (byte == self.delimiter || byte == b'\n');
        self.before = byte;
        ends_row
    }
}

/// How a text table is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    pub delimiter: u8,
    pub header: Vec<String>,
    /// Bytes up to the first row.
    pub header_len: usize,
}

/// Candidates for the delimiter, the likeliest first.
const DELIMITERS: [u8; 5] = [b',', b'\t', b';', b'|', b' '];

/// Rows that a delimiter must fit.
const SAMPLE_ROWS: usize = 20;

/// Finds delimiter and header at the start of a table. `None` if there is no header, or one that cannot be split.
pub(super) fn detect(start: &[u8]) -> Option<Dialect> {
    let mut best: Option<(bool, usize, Dialect)> = None;
    for delimiter in DELIMITERS {
        let Some((header, header_len)) = first_row(start, delimiter) else { continue };
        let mut at = header_len;
        let fits = (0..SAMPLE_ROWS).all(|_| match first_row(&start[at..], delimiter) {
            Some((row, len)) => {
                let whole = at + len < start.len();
                at += len;
                row.len() == header.len() || !whole
            }
            None => true,
        });
        let better = match &best {
            None => true,
            // A blank separates fields only where nothing else does.
            Some((_, fields, _)) if delimiter == b' ' => *fields == 1,
            Some((best_fits, fields, _)) => (fits && header.len() > 1, header.len()) > (*best_fits, *fields),
        };
        if better {
            let fits = fits && header.len() > 1;
            best = Some((fits, header.len(), Dialect { delimiter, header, header_len }));
        }
    }
    best.map(|(_, _, dialect)| dialect)
}

/// Fields of the first row that is not blank, and how many bytes it takes.
fn first_row(bytes: &[u8], delimiter: u8) -> Option<(Vec<String>, usize)> {
    let mut skipped = 0;
    while let Some(blank) = blank_line(&bytes[skipped..]) {
        skipped += blank;
    }
    let end = row_end(&bytes[skipped..], delimiter);
    let mut row = bytes[skipped..skipped + end].to_vec();
    if row.is_empty() {
        return None;
    }
    let mut fields = Vec::new();
    let mut at = 0;
    loop {
        let (span, next, ends_row) = next_field(&mut row, at, delimiter)?;
        let text = &row[span.begin as usize..(span.begin + span.len) as usize];
        fields.push(String::from_utf8_lossy(text).into_owned());
        at = next;
        if ends_row {
            return Some((fields, skipped + end));
        }
    }
}

/// Length of the row at the start of `bytes`, its line break included; all of them if the row has no end.
fn row_end(bytes: &[u8], delimiter: u8) -> usize {
    let mut quotes = Quotes::new(delimiter);
    let end = bytes.iter().position(|&byte| quotes.ends_row(byte));
    end.map_or(bytes.len(), |at| at + 1)
}

#[cfg(test)]
mod tests;
