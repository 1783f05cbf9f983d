//! Data of a page: columns of numbers, packed, as text inside script elements that no browser runs.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use rayon::prelude::*;

/// A column before it is packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its name in the page.
    pub name: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Block {
    /// Numbers as planes: the lowest byte of all, then the next byte of all, as many as the largest one needs.
    pub fn planes(name: &'static str, values: &[u32]) -> Self {
        let largest = values.iter().copied().max().unwrap_or(0);
        let n_planes = (u32::BITS - largest.leading_zeros()).div_ceil(8).max(1);
        let bytes = (0..n_planes).flat_map(|plane| values.iter().map(move |value| (value >> (8 * plane)) as u8));
        Self { name, bytes: bytes.collect() }
    }

    /// Real numbers of single precision as four planes, rounded to about five digits.
    pub fn reals(name: &'static str, values: &[f64]) -> Self {
        /// Bits of a single-precision number that are left out.
        const DROPPED: u32 = 6;
        let rounded = |value: f64| {
            let bits = (value as f32).to_bits();
            if value.is_finite() { (bits + (1 << (DROPPED - 1))) & (u32::MAX << DROPPED) } else { bits }
        };
        let bits: Vec<u32> = values.iter().map(|&value| rounded(value)).collect();
        let bytes = (0..4).flat_map(|plane| bits.iter().map(move |bits| (bits >> (8 * plane)) as u8));
        Self { name, bytes: bytes.collect() }
    }
}

/// Packs the blocks and writes each as an element `<script id="block-NAME">`.
///
/// The bytes are compressed as `DecompressionStream("deflate")` reads them (zlib) and written in base64.
pub fn write_blocks(out: &mut impl Write, blocks: &[Block]) -> io::Result<()> {
    let packed: Vec<io::Result<String>> = blocks
        .par_iter()
        .map(|block| {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(7));
            encoder.write_all(&block.bytes)?;
            Ok(STANDARD.encode(encoder.finish()?))
        })
        .collect();
    for (block, text) in blocks.iter().zip(packed) {
        writeln!(out, "<script type=\"text/plain\" id=\"block-{}\">{}</script>", block.name, text?)?;
    }
    Ok(())
}

/// Appends a number in groups of seven bits, the lowest first; all groups but the last have their high bit set.
pub fn push_number(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Appends a number that may be negative; its sign is the last bit.
pub fn push_signed(bytes: &mut Vec<u8>, value: i64) {
    push_number(bytes, ((value << 1) ^ (value >> 63)) as u64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_hold_low_bytes_first_and_no_more_than_needed() {
        assert_eq!(Block::planes("a", &[1, 0x0203]).bytes, [1, 3, 0, 2]);
        assert_eq!(Block::planes("a", &[1, 2]).bytes, [1, 2]);
        assert!(Block::planes("a", &[]).bytes.is_empty());
    }

    #[test]
    fn reals_have_five_digits() {
        let bytes = Block::reals("a", &[12345.678, f64::NAN]).bytes;
        let read = |at: usize| f32::from_le_bytes([0, 1, 2, 3].map(|plane| bytes[2 * plane + at]));
        assert!((read(0) - 12345.678).abs() < 0.1);
        assert!(read(1).is_nan());
    }

    #[test]
    fn small_numbers_take_a_byte() {
        let mut bytes = Vec::new();
        [0i64, -1, 63, -64, 64].into_iter().for_each(|value| push_signed(&mut bytes, value));
        assert_eq!(bytes, [0, 1, 126, 127, 0x80, 1]);
    }

    #[test]
    fn a_block_can_be_unpacked() {
        let mut page = Vec::new();
        write_blocks(&mut page, &[Block { name: "x", bytes: vec![7; 100] }]).unwrap();
        let text = String::from_utf8(page).unwrap();
        let inner = text.split_once('>').unwrap().1.split_once('<').unwrap().0;
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(&STANDARD.decode(inner).unwrap()[..]), &mut bytes)
            .unwrap();
        assert_eq!(bytes, [7; 100]);
    }
}
