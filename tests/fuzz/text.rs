//! What happens to a text: its numbers, words, lines and marks.

use std::ops::Range;

use super::draws::Draws;
use super::mutate::MAX_BYTES;

/// What stands in place of numbers and words.
const VALUES: [&str; 46] = [
    "0",
    "-0",
    "1",
    "-1",
    "2",
    "0.5",
    "-0.5",
    "1e-320",
    "1e15",
    "1e16",
    "1e19",
    "-1e19",
    "1e100",
    "1e300",
    "-1e300",
    "1.7976931348623157e308",
    "1e400",
    "NaN",
    "nan",
    "inf",
    "-inf",
    "255",
    "256",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999999999999",
    "0x10",
    "1_000",
    "1,5",
    "",
    " ",
    "NA",
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "\u{1F52C}",
];
/// What is put between.
const MARKS: [&str; 24] = [
    "\"", "\"\"", "'", ",", ";", "\t", "\n", "\r\n", "\r", "\0", "\u{feff}", "#", "[", "]", "{", "}", ":", "=", "\\",
    "*", "-", ".", "/", "\u{2028}",
];

/// Whether a file looks like text.
pub fn is_text(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && std::str::from_utf8(&bytes[..bytes.len().min(256)]).map_or_else(|e| e.valid_up_to() > 200, |_| true)
        && !bytes[..bytes.len().min(256)].contains(&0)
}

/// Changes a text.
pub fn change(bytes: &mut Vec<u8>, others: &[&[u8]], draws: &mut Draws) {
    let at = draws.below(bytes.len() + 1);
    match draws.below(13) {
        0..=3 => {
            let token = token(bytes, at, |byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
            bytes.splice(token, draws.pick(&VALUES).bytes());
        }
        4 => {
            let token = token(bytes, at, |byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80);
            bytes.splice(token, draws.pick(&VALUES).bytes());
        }
        5 => {
            bytes.splice(at..at, draws.pick(&MARKS).bytes());
        }
        // A word of the text, or of another, in place of one.
        6 | 7 => {
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte);
            let old = token(bytes, at, is_word);
            let from: &[u8] = if others.is_empty() || draws.one_in(2) { bytes } else { draws.pick::<&[u8]>(others) };
            let new = token(from, draws.below(from.len() + 1), is_word);
            let word = from[new].to_vec();
            bytes.splice(old, word);
        }
        8 => {
            let line = line(bytes, at);
            bytes.drain(line);
        }
        9 => {
            let line = bytes[line(bytes, at)].to_vec();
            let n = *draws.pick(&[1, 1, 2, 50, 2000]);
            let place = self::line(bytes, draws.below(bytes.len() + 1)).start;
            let all = line.repeat(n.min(1 + MAX_BYTES / line.len().max(1)));
            bytes.splice(place..place, all);
        }
        10 => {
            let other: &[u8] = if others.is_empty() { bytes } else { draws.pick::<&[u8]>(others) };
            let line = other[line(other, draws.below(other.len() + 1))].to_vec();
            let place = self::line(bytes, at);
            bytes.splice(place, line);
        }
        // Something very long, or very deep.
        11 => {
            let what = if draws.one_in(2) { *draws.pick(&MARKS) } else { *draws.pick(&VALUES) };
            let n = *draws.pick(&[10, 200, 5000, 70_000]);
            bytes.splice(at..at, what.repeat(n).into_bytes());
        }
        _ => {
            bytes.splice(at..at, [draws.bits() as u8 | 0x80]);
        }
    }
}

/// The token at a place, or the next one.
fn token(bytes: &[u8], at: usize, is_in: impl Fn(u8) -> bool) -> Range<usize> {
    let start = (at..bytes.len()).find(|&place| is_in(bytes[place])).unwrap_or(bytes.len());
    let begin = (0..start).rev().take_while(|&place| is_in(bytes[place])).last().unwrap_or(start);
    let end = (start..bytes.len()).find(|&place| !is_in(bytes[place])).unwrap_or(bytes.len());
    begin..end
}

/// The line at a place, with its end.
fn line(bytes: &[u8], at: usize) -> Range<usize> {
    let begin = bytes[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |place| place + 1);
    let end = bytes[at..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |place| at + place + 1);
    begin..end
}
