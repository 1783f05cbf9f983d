//! The shape of a footer in the compact protocol of Thrift.
//!
//! METHOD: the decoder reserves memory for as many elements as a list is said to have, before it reads the first. So the
//! footer is walked once before: every list, text and structure must end within it. Source: the specification of the
//! compact protocol (Apache Thrift, `doc/specs/thrift-compact-protocol.md`).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Structures and lists within one another; Parquet needs seven.
const MAX_DEPTH: usize = 32;
/// Length of the footer, and the letters that end a file.
const END: u64 = 8;

/// Walks the footer of a file of `n_bytes` bytes. Returns what is wrong with it.
///
/// What is no Parquet file at all passes: the decoder has the words for that.
pub(super) fn check_footer(file: &mut File, n_bytes: u64) -> io::Result<Result<(), String>> {
    let Some(end) = n_bytes.checked_sub(END) else { return Ok(Ok(())) };
    file.seek(SeekFrom::Start(end))?;
    let mut length = [0; 4];
    file.read_exact(&mut length)?;
    let length = u64::from(u32::from_le_bytes(length));
    let Some(begin) = end.checked_sub(length) else { return Ok(Ok(())) };
    file.seek(SeekFrom::Start(begin))?;
    let mut footer = Vec::new();
    file.take(length).read_to_end(&mut footer)?;
    let is_whole = Walk(&footer).structure(0).is_some();
    Ok(if is_whole { Ok(()) } else { Err("its footer is damaged".to_owned()) })
}

/// The bytes that are left. `None` of a step: they do not suffice, or make no sense.
struct Walk<'a>(&'a [u8]);

impl Walk<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn skip(&mut self, n: usize) -> Option<()> {
        self.0 = self.0.get(n..)?;
        Some(())
    }

    /// A number of variable length.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn structure(&mut self, depth: usize) -> Option<()> {
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            if head >> 4 == 0 {
                self.number()?;
            }
            match head & 0x0f {
                // Truth values have no bytes of their own here.
                1 | 2 => {}
                kind => self.value(kind, depth)?,
            }
        }
    }

    fn value(&mut self, kind: u8, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match kind {
            1..=3 => self.skip(1),
            4..=6 => self.number().map(|_| ()),
            7 => self.skip(8),
            8 => {
                let n = self.number()?;
                self.skip(usize::try_from(n).ok()?)
            }
            9 | 10 => {
                let head = self.byte()?;
                let n = if head >> 4 == 15 { self.number()? } else { (head >> 4).into() };
                (0..n).try_for_each(|_| self.value(head & 0x0f, depth + 1))
            }
            11 => {
                let n = self.number()?;
                let kinds = if n > 0 { self.byte()? } else { 0 };
                (0..n).try_for_each(|_| {
                    self.value(kinds >> 4, depth + 1)?;
                    self.value(kinds & 0x0f, depth + 1)
                })
            }
            12 => self.structure(depth + 1),
            13 => self.skip(16),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Walk;

    fn is_whole(bytes: &[u8]) -> bool {
        Walk(bytes).structure(0).is_some()
    }

    #[test]
    fn a_list_of_more_elements_than_there_are_bytes_is_damaged() {
        // Field 1: a list of two numbers; field 2: a text; the end.
        assert!(is_whole(&[0x19, 0x25, 0x02, 0x04, 0x18, 0x01, b'x', 0x00]));
        // The list is said to have 2^28 structures.
        assert!(!is_whole(&[0x19, 0xfc, 0x80, 0x80, 0x80, 0x80, 0x01, 0x00, 0x00]));
        // The text is longer than the rest.
        assert!(!is_whole(&[0x18, 0x7f, b'x', 0x00]));
    }

    #[test]
    fn structures_without_end_within_one_another_are_damaged() {
        assert!(is_whole(&[[0x1c; 20].as_slice(), &[0; 21]].concat()));
        assert!(!is_whole(&[[0x1c; 100_000].as_slice(), &[0; 100_001]].concat()));
    }
}
