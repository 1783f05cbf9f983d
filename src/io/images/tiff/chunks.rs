//! The pixels of a page of a TIFF, strip by strip or tile by tile.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::ControlFlow;

use ::tiff::TiffError;
use ::tiff::decoder::{Decoder, Limits};

use super::directory::{Source, tags};
use super::layout::{Compression, Layout, Shades};
use crate::io::guard;
use crate::io::images::error::ImageFault;
use crate::io::images::samples::{ByteOrder, Pixels, SampleType, unpack_bits};
use crate::io::images::{ALWAYS_FINE, BAND_BYTES, TakePixels, too_large};

/// Bytes of a tile without content, at most.
const MAX_EMPTY: usize = 1 << 26;

/// Reads a page whose chunks are where `layout` says, chunk by chunk, row by row of chunks.
pub(super) fn read_page(source: &mut Source, layout: &Layout, take: &mut TakePixels<'_>) -> Result<(), ImageFault> {
    let mut buffer = Vec::new();
    let mut unpacked = Vec::new();
    let plain = layout.compression == Compression::None && layout.predictor == 1;
    for chunk in 0..layout.offsets.len() {
        let row = chunk / layout.n_across() * layout.chunk_height;
        let column = chunk % layout.n_across() * layout.chunk_width;
        let stored_rows = layout.stored_rows(row);
        // Strips that are not compressed come in parts; everything else at once.
        let rows_at_once = if (plain && !layout.tiled) || layout.n_bytes[chunk] == 0 {
            (BAND_BYTES / layout.row_bytes()).clamp(1, stored_rows)
        } else {
            stored_rows
        };
        for first in (0..stored_rows.min(layout.height - row)).step_by(rows_at_once) {
            let rows = rows_at_once.min(stored_rows - first);
            let order = fill(source, layout, chunk, first, rows, plain, &mut buffer)?;
            let part = Part { row: row + first, column, order };
            if part.hand_on(layout, &mut buffer, &mut unpacked, take)?.is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Fills the buffer with some rows of a chunk; returns the order of their bytes.
fn fill(
    source: &mut Source,
    layout: &Layout,
    chunk: usize,
    first: usize,
    rows: usize,
    plain: bool,
    buffer: &mut Vec<u8>,
) -> Result<ByteOrder, ImageFault> {
    let n_bytes = layout.row_bytes() as u64 * rows as u64;
    let stored = layout.n_bytes[chunk];
    if stored == 0 {
        // METHOD: programs leave out tiles that are empty, and say that they have no bytes.
        if n_bytes > MAX_EMPTY as u64 {
            return Err(ImageFault::Damaged(format!("{n_bytes} bytes of pixels are missing")));
        }
        buffer.clear();
        buffer.resize(n_bytes as usize, 0);
        return Ok(ByteOrder::NATIVE);
    }
    if plain {
        let offset = layout.offsets[chunk].saturating_add(first as u64 * layout.row_bytes() as u64);
        source.check_range(offset, n_bytes)?;
        make_room(layout, buffer, n_bytes)?;
        source.read_at(offset, buffer)?;
        return Ok(source.order);
    }
    let stored = if layout.compression == Compression::None { n_bytes } else { stored };
    source.check_range(layout.offsets[chunk], stored)?;
    if n_bytes > ALWAYS_FINE + stored.saturating_mul(layout.compression.expansion()) {
        let what = format!("{n_bytes} bytes of pixels cannot be in {stored} compressed bytes");
        return Err(ImageFault::Damaged(what));
    }
    make_room(layout, buffer, n_bytes)?;
    decode(source, layout, (layout.offsets[chunk], stored), rows, buffer)?;
    Ok(ByteOrder::NATIVE)
}

fn make_room(layout: &Layout, buffer: &mut Vec<u8>, n_bytes: u64) -> Result<(), ImageFault> {
    let error = || too_large(layout.width, layout.height);
    let n_bytes = usize::try_from(n_bytes).map_err(|_| error())?;
    buffer.try_reserve_exact(n_bytes.saturating_sub(buffer.len())).map_err(|_| error())?;
    buffer.resize(n_bytes, 0);
    Ok(())
}

/// Some rows of a chunk, in a buffer.
struct Part {
    row: usize,
    column: usize,
    order: ByteOrder,
}

impl Part {
    /// Hands on the pixels that are in the page, without the padding of tiles at its borders.
    fn hand_on(
        &self,
        layout: &Layout,
        buffer: &mut [u8],
        unpacked: &mut Vec<u8>,
        take: &mut TakePixels<'_>,
    ) -> Result<ControlFlow<()>, ImageFault> {
        let row_bytes = layout.row_bytes();
        let n_rows = (buffer.len() / row_bytes).min(layout.height - self.row);
        let width = layout.chunk_width.min(layout.width - self.column);
        let bytes = if layout.bits < 8 {
            unpacked.clear();
            for row in buffer.chunks_exact(row_bytes).take(n_rows) {
                unpack_bits(row, layout.bits, width, unpacked);
            }
            unpacked.as_slice()
        } else {
            let kept = width * usize::from(layout.bits / 8);
            if kept < row_bytes {
                for row in 1..n_rows {
                    buffer.copy_within(row * row_bytes..row * row_bytes + kept, row * kept);
                }
            }
            &buffer[..n_rows * kept]
        };
        let black = match (layout.shades, layout.samples) {
            (Shades::WhiteIsZero, SampleType::Bit) => Some(1.0),
            (Shades::WhiteIsZero, SampleType::UInt(bits)) => Some((2f64.powi(i32::from(bits)) - 1.0) as f32),
            _ => None,
        };
        let samples = if layout.bits < 8 { SampleType::UInt(8) } else { layout.samples };
        take(Pixels { row: self.row, column: self.column, width, samples, order: self.order, black, bytes })
    }
}

/// Decodes a whole chunk into `buffer`.
///
/// METHOD: the decoder gets a TIFF of one strip that does not exist: a header made here, with sizes that have been
/// checked, followed by the bytes of the chunk. So it sees nothing else of a file that may be damaged.
fn decode(
    source: &mut Source,
    layout: &Layout,
    (offset, n_bytes): (u64, u64),
    rows: usize,
    buffer: &mut [u8],
) -> Result<(), ImageFault> {
    let header = strip_header(layout, source.order, rows, n_bytes);
    let strip = Strip { header: &header, file: &mut source.reader, offset, n_bytes, position: 0 };
    // A fault of the decoder must not end the program.
    let decoded = guard::quietly(|| {
        let mut decoder = Decoder::new(strip)?.with_limits(Limits::unlimited());
        decoder.read_chunk_bytes(0, buffer)
    });
    match decoded {
        Some(Ok(())) => Ok(()),
        Some(Err(TiffError::IoError(error))) => Err(error.into()),
        Some(Err(TiffError::UnsupportedError(error))) => Err(ImageFault::Unsupported {
            what: format!("uses a feature of TIFF that cannot be read ({error})"),
            remedy: "write it without compression or with deflate".to_owned(),
        }),
        Some(Err(error)) => Err(ImageFault::Damaged(error.to_string())),
        None => Err(ImageFault::Damaged("its compressed pixels make no sense".to_owned())),
    }
}

/// The header of a TIFF that has one strip, directly after it.
fn strip_header(layout: &Layout, order: ByteOrder, rows: usize, n_bytes: u64) -> Vec<u8> {
    let number = |value: u64| match order {
        ByteOrder::Little => value.to_le_bytes(),
        ByteOrder::Big => value.to_be_bytes(),
    };
    let short = |value: u16| match order {
        ByteOrder::Little => value.to_le_bytes(),
        ByteOrder::Big => value.to_be_bytes(),
    };
    let format = match layout.samples {
        SampleType::Bit | SampleType::UInt(_) => 1,
        SampleType::Int(_) => 2,
        SampleType::Float(_) => 3,
    };
    let tables = layout.jpeg_tables.as_deref().unwrap_or_default();
    let mut entries = vec![
        (tags::WIDTH, layout.chunk_width as u64),
        (tags::HEIGHT, rows as u64),
        (tags::BITS_PER_SAMPLE, u64::from(layout.bits)),
        (tags::COMPRESSION, u64::from(layout.compression.number())),
        (tags::PHOTOMETRIC, 1),
        (tags::STRIP_OFFSETS, 0),
        (tags::SAMPLES_PER_PIXEL, 1),
        (tags::ROWS_PER_STRIP, rows as u64),
        (tags::STRIP_BYTES, n_bytes),
        (tags::PREDICTOR, u64::from(layout.predictor)),
        (tags::SAMPLE_FORMAT, format),
    ];
    if tables.len() > 8 {
        entries.push((tags::JPEG_TABLES, 0));
    }
    let tables_at = 16 + 8 + 20 * entries.len() as u64 + 8;
    let mut header = match order {
        ByteOrder::Little => b"II".to_vec(),
        ByteOrder::Big => b"MM".to_vec(),
    };
    for value in [43, 8, 0] {
        header.extend(short(value));
    }
    header.extend(number(16));
    header.extend(number(entries.len() as u64));
    for (tag, value) in entries {
        // Kind 16 has eight bytes, kind 7 is bytes of any meaning.
        let (kind, count, value) = match tag {
            tags::STRIP_OFFSETS => (16, 1, tables_at + if tables.len() > 8 { tables.len() as u64 } else { 0 }),
            tags::JPEG_TABLES => (7, tables.len() as u64, tables_at),
            _ => (16, 1, value),
        };
        header.extend(short(tag));
        header.extend(short(kind));
        header.extend(number(count));
        header.extend(number(value));
    }
    header.extend(number(0));
    if tables.len() > 8 {
        header.extend(tables);
    }
    header
}

/// A header, and then a part of a file.
struct Strip<'a, R> {
    header: &'a [u8],
    file: &'a mut BufReader<R>,
    /// Where the part begins, and its length.
    offset: u64,
    n_bytes: u64,
    position: u64,
}

impl<R: Read + Seek> Read for Strip<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let header_length = self.header.len() as u64;
        let n_read = if self.position < header_length {
            (&self.header[self.position as usize..]).read(bytes)?
        } else {
            let left = (header_length + self.n_bytes).saturating_sub(self.position);
            let n_wanted = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            self.file.read(&mut bytes[..n_wanted])?
        };
        self.position += n_read as u64;
        // Whoever reads on from the header finds the file at its place.
        if n_read > 0 && self.position == header_length {
            self.file.seek(SeekFrom::Start(self.offset))?;
        }
        Ok(n_read)
    }
}

impl<R: Read + Seek> Seek for Strip<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = match to {
            SeekFrom::Start(position) => position,
            SeekFrom::Current(0) => self.position,
            _ => return Err(io::Error::other("only places from the start are known")),
        };
        if let Some(inside) = self.position.checked_sub(self.header.len() as u64) {
            self.file.seek(SeekFrom::Start(self.offset + inside))?;
        }
        Ok(self.position)
    }
}
