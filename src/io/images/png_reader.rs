//! PNG files, row by row.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use ::png::{ColorType, Decoder, DecodingError, Limits, Reader, Transformations};

use super::error::ImageFault;
use super::samples::{ByteOrder, Pixels, SampleType, unpack_bits};
use super::{ALWAYS_FINE, BAND_BYTES, DEFLATE_EXPANSION, ImageInfo, TakePixels, check_sides, too_large};

/// What the decoder may need beside the rows, in bytes.
const SCRATCH: usize = 64 << 20;

/// A PNG file of one channel.
#[derive(Debug)]
pub(super) struct PngFile {
    width: usize,
    height: usize,
    bits: u8,
    alpha: bool,
    interlaced: bool,
    /// Length of the file in bytes.
    length: u64,
}

impl PngFile {
    /// Opens a file and reads its header.
    pub(super) fn open(path: &Path) -> Result<(Self, ImageInfo), ImageFault> {
        let length = std::fs::metadata(path)?.len();
        let reader = open_rows(path)?;
        let header = reader.info();
        let (width, height) = check_sides(u64::from(header.width), u64::from(header.height))?;
        let alpha = match header.color_type {
            ColorType::Grayscale => false,
            ColorType::GrayscaleAlpha => true,
            ColorType::Rgb => return Err(ImageFault::Color { channels: 3 }),
            ColorType::Rgba => return Err(ImageFault::Color { channels: 4 }),
            ColorType::Indexed => {
                return Err(ImageFault::Unsupported {
                    what: "has a table of colors (palette), which hides the labels".to_owned(),
                    remedy: "write the labels themselves as gray values of 8 or 16 bits, or as TIFF".to_owned(),
                });
            }
        };
        let bits = header.bit_depth as u8;
        let mut notes = Vec::new();
        if header.animation_control.is_some() {
            notes.push("the image is animated; only its first picture is read".to_owned());
        }
        let samples = if bits == 1 { SampleType::Bit } else { SampleType::UInt(bits) };
        let info = ImageInfo { format: "PNG", width, height, n_pages: 1, samples, pixel_size: None, notes };
        Ok((Self { width, height, bits, alpha, interlaced: header.interlaced, length }, info))
    }

    /// Reads the image, some rows at a time.
    pub(super) fn read(&self, path: &Path, take: &mut TakePixels<'_>) -> Result<(), ImageFault> {
        let mut reader = open_rows(path)?;
        let row_bytes = reader.output_line_size(self.width as u32).ok_or_else(|| too_large(self.width, self.height))?;
        let whole = if self.interlaced { self.read_whole(&mut reader, row_bytes)? } else { Vec::new() };
        let samples = SampleType::UInt(self.bits.max(8));
        let band_rows = (BAND_BYTES / row_bytes).clamp(1, self.height);
        let mut band = Vec::new();
        for first in (0..self.height).step_by(band_rows) {
            band.clear();
            for row in first..(first + band_rows).min(self.height) {
                if self.interlaced {
                    self.add_row(&whole[row * row_bytes..(row + 1) * row_bytes], row, &mut band)?;
                } else {
                    let found = reader.next_row().map_err(fault)?;
                    let found = found.ok_or_else(|| ImageFault::Damaged(format!("it has {row} rows only")))?;
                    self.add_row(found.data(), row, &mut band)?;
                }
            }
            let (width, order) = (self.width, ByteOrder::Big);
            let pixels = Pixels { row: first, column: 0, width, samples, order, black: None, bytes: &band };
            if take(pixels)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn read_whole(&self, reader: &mut Reader<BufReader<File>>, row_bytes: usize) -> Result<Vec<u8>, ImageFault> {
        let n_bytes = row_bytes as u64 * self.height as u64;
        if n_bytes > ALWAYS_FINE + self.length.saturating_mul(DEFLATE_EXPANSION) {
            let what = format!("{} x {} pixels cannot be in {} bytes", self.width, self.height, self.length);
            return Err(ImageFault::Damaged(what));
        }
        let mut whole = Vec::new();
        whole.try_reserve_exact(n_bytes as usize).map_err(|_| too_large(self.width, self.height))?;
        whole.resize(n_bytes as usize, 0);
        reader.next_frame(&mut whole).map_err(fault)?;
        Ok(whole)
    }

    /// Appends the gray values of a row, and checks that nothing is transparent.
    fn add_row(&self, bytes: &[u8], row: usize, band: &mut Vec<u8>) -> Result<(), ImageFault> {
        if self.bits < 8 {
            unpack_bits(bytes, self.bits, self.width, band);
            return Ok(());
        }
        if !self.alpha {
            band.extend(bytes);
            return Ok(());
        }
        let n_bytes = usize::from(self.bits / 8);
        for (column, pixel) in bytes.chunks_exact(2 * n_bytes).enumerate() {
            let (gray, alpha) = pixel.split_at(n_bytes);
            if alpha.iter().any(|&byte| byte != 255) {
                return Err(ImageFault::Unsupported {
                    what: format!("is transparent at column {column}, row {row} (from 0)"),
                    remedy: "write it without an alpha channel".to_owned(),
                });
            }
            band.extend(gray);
        }
        Ok(())
    }
}

fn open_rows(path: &Path) -> Result<Reader<BufReader<File>>, ImageFault> {
    let file = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut decoder = Decoder::new_with_limits(file, Limits { bytes: SCRATCH });
    // The samples as they are stored.
    decoder.set_transformations(Transformations::IDENTITY);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.read_info().map_err(fault)
}

fn fault(error: DecodingError) -> ImageFault {
    match error {
        DecodingError::IoError(error) => error.into(),
        DecodingError::LimitsExceeded => ImageFault::Damaged("its parts are too long".to_owned()),
        other => ImageFault::Damaged(other.to_string()),
    }
}
