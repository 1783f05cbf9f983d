//! Tables of vertices as text.

use std::io::BufRead;
use std::path::Path;

use super::error::BoundaryError;
use super::table::{Columns, Vertices};
use super::{Boundaries, failure};

/// Characters that separate fields; the one that the header has most of is meant.
const DELIMITERS: [u8; 3] = [b',', b'\t', b';'];

/// Reads a table line by line. Fields in quotation marks must not hold line breaks.
pub(super) fn read(path: &Path, mut lines: Box<dyn BufRead>) -> Result<Boundaries, BoundaryError> {
    let mut line = Vec::new();
    if !next_line(path, &mut lines, &mut line)? {
        return Err(BoundaryError::Empty { path: path.into() });
    }
    let start = line.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(&line).to_vec();
    let count = |delimiter: u8| start.iter().filter(|&&byte| byte == delimiter).count();
    let delimiter = DELIMITERS.into_iter().rev().max_by_key(|&delimiter| count(delimiter)).unwrap_or(b',');
    let mut fields = Vec::new();
    split(&start, delimiter, &mut fields);
    let header: Vec<String> = fields.iter().map(|field| text(unquoted(&start[field.clone()])).into_owned()).collect();
    if header.first().is_some_and(|name| name.starts_with('#')) {
        let reason = "the first line looks like a comment, as in selections of Xenium Explorer. Remove the lines before \
                      the header, for example with grep -v '^#'";
        return Err(BoundaryError::WrongFormat { path: path.into(), reason: reason.into() });
    }
    let columns = Columns::find(path, &header)?;

    let mut vertices = Vertices::default();
    let mut name = String::new();
    let mut row = 0;
    while next_line(path, &mut lines, &mut line)? {
        row += 1;
        split(&line, delimiter, &mut fields);
        if fields.len() != header.len() {
            let (fields, expected) = (fields.len(), header.len());
            return Err(BoundaryError::RowLength { path: path.into(), row, fields, expected });
        }
        let field = |column: usize| unquoted(&line[fields[column].clone()]);
        let number = |column: usize| {
            let bytes = field(column);
            let value = std::str::from_utf8(bytes).ok().and_then(|text| text.trim().parse::<f64>().ok());
            value.filter(|value| value.is_finite()).ok_or_else(|| BoundaryError::BadValue {
                path: path.into(),
                column: header[column].clone(),
                row,
                value: if bytes.is_empty() { "a missing value".into() } else { format!("'{}'", text(bytes)) },
            })
        };
        let vertex = [number(columns.x)?, number(columns.y)?];
        name.clear();
        if let Some(of_view) = columns.field {
            name.push_str(&text(field(of_view)));
            name.push('_');
        }
        name.push_str(&text(field(columns.name)));
        vertices.push(&name, &columns.part.map_or_else(Default::default, |column| text(field(column))), vertex);
    }
    if row == 0 {
        return Err(BoundaryError::Empty { path: path.into() });
    }
    Ok(vertices.finish(&header[columns.name]))
}

/// Reads the next line that is not blank, without its end. False at the end of the file.
fn next_line(path: &Path, lines: &mut dyn BufRead, line: &mut Vec<u8>) -> Result<bool, BoundaryError> {
    loop {
        line.clear();
        if lines.read_until(b'\n', line).map_err(|error| failure(path, error))? == 0 {
            return Ok(false);
        }
        while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            line.pop();
        }
        if !line.is_empty() {
            return Ok(true);
        }
    }
}

/// Finds the fields of a line. Delimiters between quotation marks do not count.
fn split(line: &[u8], delimiter: u8, fields: &mut Vec<std::ops::Range<usize>>) {
    fields.clear();
    let (mut begin, mut is_quoted) = (0, false);
    for (at, &byte) in line.iter().enumerate() {
        if byte == b'"' {
            is_quoted = !is_quoted;
        } else if byte == delimiter && !is_quoted {
            fields.push(begin..at);
            begin = at + 1;
        }
    }
    fields.push(begin..line.len());
}

fn unquoted(field: &[u8]) -> &[u8] {
    match field {
        [b'"', inner @ .., b'"'] => inner,
        _ => field,
    }
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
