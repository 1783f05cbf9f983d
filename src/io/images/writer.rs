//! Images out: label images as TIFF, pictures as PNG.

use std::io::{self, Seek, SeekFrom, Write};

use ::png::{BitDepth, ColorType, Encoder};
use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::data::LabelImage;

/// Bytes of a strip, about.
const STRIP_BYTES: usize = 1 << 18;
/// Bytes of pixels beyond which a file needs long offsets.
const LONG_OFFSETS: usize = 3 << 30;
/// Kinds of numbers in a TIFF: 2, 4, twice 4 and 8 bytes.
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIO: u16 = 5;
const LONG8: u16 = 16;

/// Writes a label image as TIFF, in 16 bits if all labels fit, else in 32; strips, deflate.
///
/// `pixel_size` is the width and height of a pixel in µm, recorded as resolution in pixels per centimeter; give
/// `None` when it is not known in µm. Files of more than 3 GB of pixels become BigTIFF. The same image gives the
/// same bytes. Memory: a strip. The file must be empty; it is not flushed.
///
/// Errors: what the writer says; an image without pixels is [`io::ErrorKind::InvalidInput`].
pub fn write_labels<W: Write + Seek>(mut file: W, image: &LabelImage, pixel_size: Option<[f64; 2]>) -> io::Result<()> {
    if image.labels.is_empty() || image.labels.len() != image.width * image.height {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a label image needs pixels"));
    }
    let n_bytes = if image.labels.iter().all(|&label| label <= u32::from(u16::MAX)) { 2 } else { 4 };
    let n_rows = (STRIP_BYTES / (n_bytes * image.width)).clamp(1, image.height);
    let big = image.labels.len() > LONG_OFFSETS / n_bytes;
    // The place of the directory is filled in at the end.
    let header: &[u8] = if big { b"II\x2b\0\x08\0\0\0\0\0\0\0\0\0\0\0" } else { b"II\x2a\0\0\0\0\0" };
    file.write_all(header)?;
    let strips = write_strips(&mut file, image, n_bytes, n_rows, header.len() as u64)?;
    let end = strips.last().map_or(0, |&(offset, n_bytes)| offset + n_bytes);
    let (offset_kind, number): (u16, fn(u64) -> Vec<u8>) =
        if big { (LONG8, |n| n.to_le_bytes().to_vec()) } else { (LONG, |n| (n as u32).to_le_bytes().to_vec()) };
    let short = |value: usize| (value as u16).to_le_bytes().to_vec();
    let long = |value: usize| (value as u32).to_le_bytes().to_vec();
    let mut tags: Vec<(u16, u16, Vec<u8>)> = vec![
        (256, LONG, long(image.width)),
        (257, LONG, long(image.height)),
        (258, SHORT, short(8 * n_bytes)),
        // Compression by deflate, black is zero.
        (259, SHORT, short(8)),
        (262, SHORT, short(1)),
        (273, offset_kind, strips.iter().flat_map(|&(offset, _)| number(offset)).collect()),
        (277, SHORT, short(1)),
        (278, LONG, long(n_rows)),
        (279, offset_kind, strips.iter().flat_map(|&(_, n_bytes)| number(n_bytes)).collect()),
    ];
    if let Some([x, y]) = pixel_size.filter(|size| size.iter().all(|&length| length.is_finite() && length > 0.0)) {
        // Unit 3 is the centimeter.
        tags.extend([(282, RATIO, per_centimeter(x)), (283, RATIO, per_centimeter(y)), (296, SHORT, short(3))]);
    }
    tags.push((339, SHORT, short(1)));
    // Directories begin at even places.
    let padding = end % 2;
    file.write_all(&vec![0; padding as usize])?;
    file.write_all(&directory(&tags, end + padding, big))?;
    file.seek(SeekFrom::Start(if big { 8 } else { 4 }))?;
    file.write_all(&number(end + padding))?;
    file.seek(SeekFrom::End(0)).map(drop)
}

/// Writes the strips; returns where each is and its length.
fn write_strips<W: Write>(
    file: &mut W,
    image: &LabelImage,
    n_bytes: usize,
    n_rows: usize,
    mut offset: u64,
) -> io::Result<Vec<(u64, u64)>> {
    let mut strips = Vec::new();
    let mut bytes = Vec::new();
    for labels in image.labels.chunks(n_rows * image.width) {
        bytes.clear();
        if n_bytes == 2 {
            bytes.extend(labels.iter().flat_map(|&label| (label as u16).to_le_bytes()));
        } else {
            bytes.extend(labels.iter().flat_map(|&label| label.to_le_bytes()));
        }
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&bytes)?;
        let packed = encoder.finish()?;
        file.write_all(&packed)?;
        strips.push((offset, packed.len() as u64));
        offset += packed.len() as u64;
    }
    Ok(strips)
}

/// The bytes of a directory that begins at `start`, and of the values that it has no space for.
fn directory(tags: &[(u16, u16, Vec<u8>)], start: u64, big: bool) -> Vec<u8> {
    let (word, count_bytes) = if big { (8, 8) } else { (4, 2) };
    let number = |value: u64, n_bytes: usize| value.to_le_bytes()[..n_bytes].to_vec();
    let mut table = number(tags.len() as u64, count_bytes);
    let mut values: Vec<u8> = Vec::new();
    let values_at = start + (count_bytes + tags.len() * (4 + 2 * word) + word) as u64;
    for (tag, kind, value) in tags {
        let kind_bytes = match *kind {
            SHORT => 2,
            LONG => 4,
            _ => 8,
        };
        table.extend(tag.to_le_bytes());
        table.extend(kind.to_le_bytes());
        table.extend(number((value.len() / kind_bytes) as u64, word));
        if value.len() <= word {
            table.extend(value);
            table.extend(vec![0; word - value.len()]);
        } else {
            table.extend(number(values_at + values.len() as u64, word));
            values.extend(value);
        }
    }
    // No directory follows.
    table.extend(vec![0; word]);
    table.extend(values);
    table
}

/// Pixels per centimeter as a ratio, in as many digits as fit.
fn per_centimeter(micrometers: f64) -> Vec<u8> {
    let resolution = 10_000.0 / micrometers;
    let fits = |below: &u32| resolution * f64::from(*below) < f64::from(u32::MAX);
    let below = [1_000_000, 100_000, 10_000, 1_000, 100, 10].into_iter().find(fits).unwrap_or(1);
    let above = (resolution * f64::from(below)).round() as u32;
    [above.to_le_bytes(), below.to_le_bytes()].concat()
}

/// Writes a picture as PNG. The same picture gives the same bytes.
///
/// Shapes: `rgb` is `[height * width * 3]`, row by row.
///
/// Errors: what the writer says; another length of `rgb` is [`io::ErrorKind::InvalidInput`].
pub fn write_rgb_png(file: impl Write, width: usize, height: usize, rgb: &[u8]) -> io::Result<()> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidInput, format!("{width} x {height} pixels are not a picture"));
    if rgb.is_empty() || rgb.len() != width * height * 3 {
        return Err(wrong());
    }
    let side = |length: usize| u32::try_from(length).map_err(|_| wrong());
    let mut encoder = Encoder::new(file, side(width)?, side(height)?);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
    Ok(writer.finish()?)
}
