//! The hash of a manifest, in the manifest itself: `timing.xxh64`, the last entry of the file.
//!
//! It is XXH64 of the whole file with sixteen zeros in place of its own digits.

use std::ops::Range;

use super::manifest::hash_text;
use crate::io::molecules::Hasher;

/// Digits of the hash.
const LENGTH: usize = 16;
/// What stands in their place while the hash is computed.
pub(super) const OPEN: &str = "0000000000000000";

/// Enters the hash into the text of a manifest that has a place for it, whatever digits are there. Of other texts nothing
/// changes.
///
/// For those who change a manifest on purpose, as tests do: without this the stage is refused.
pub fn seal(text: &str) -> String {
    match place(text) {
        Some(place) => [&text[..place.start], &hash(text, &place), &text[place.end..]].concat(),
        None => text.to_owned(),
    }
}

/// The hash that a text says it has.
pub(super) fn written(text: &str) -> Option<&str> {
    place(text).map(|place| &text[place])
}

/// What is wrong with the hash in a text; `is_needed`: it must be there.
pub(super) fn fault(text: &str, is_needed: bool) -> Option<String> {
    match place(text) {
        Some(place) if text[place.clone()] == hash(text, &place) => None,
        Some(_) => Some("it is not as it was written: its hash of itself is another one".to_owned()),
        None => is_needed.then(|| "its hash of itself, timing.xxh64, is missing".to_owned()),
    }
}

/// Where the digits are: after the last key of this name, and before nothing but closing brackets.
fn place(text: &str) -> Option<Range<usize>> {
    const KEY: &str = "\"xxh64\"";
    let after = text.rfind(KEY)? + KEY.len();
    let digits = text[after..].trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let start = text.len() - digits.len();
    let rest = digits.get(LENGTH..)?.strip_prefix('"')?;
    let is_last = rest.trim_matches(|c: char| c.is_whitespace() || c == '}').is_empty();
    (is_last && digits.is_char_boundary(LENGTH)).then_some(start..start + LENGTH)
}

fn hash(text: &str, place: &Range<usize>) -> String {
    let mut hasher = Hasher::default();
    for part in [&text[..place.start], OPEN, &text[place.end..]] {
        hasher.update(part.as_bytes());
    }
    hash_text(hasher.finish().hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_anywhere_is_noticed() {
        for text in
            ["{\"a\":1,\"timing\":{\"xxh64\":\"----------------\"}}", "{\n \"xxh64\": \"0123456789abcdef\"\n}\n"]
        {
            let sealed = seal(text);
            assert_eq!((sealed.len(), fault(&sealed, true)), (text.len(), None));
            assert_eq!(seal(&sealed), sealed);
            for at in 0..sealed.len() {
                let mut changed = sealed.clone().into_bytes();
                changed[at] ^= 1;
                assert!(fault(&String::from_utf8(changed).unwrap(), true).is_some(), "byte {at} of {sealed}");
            }
        }
    }

    #[test]
    fn the_hash_of_a_table_is_not_that_of_the_manifest() {
        let text = "{\"tables\":[{\"xxh64\":\"0123456789abcdef\"}],\"timing\":{}}";
        assert_eq!((seal(text).as_str(), fault(text, false)), (text, None));
        assert!(fault(text, true).unwrap().contains("is missing"));
        assert!(fault("{\"xxh64\": \"ääääääää", true).is_some());
    }
}
