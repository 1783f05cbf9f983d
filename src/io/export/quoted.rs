//! Text in tables with separators.

use std::io::{self, Write};

/// Writes a text, in quotation marks if it would break a table with this separator.
pub(super) fn write_text(out: &mut impl Write, text: &str, separator: char) -> io::Result<()> {
    if text.contains([separator, '"', '\n', '\r']) {
        write!(out, "\"{}\"", text.replace('"', "\"\""))
    } else {
        out.write_all(text.as_bytes())
    }
}
