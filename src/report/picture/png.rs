//! PNG files of pictures.

use png::{BitDepth, ColorType, DeflateCompression, Encoder, Filter};

/// Effort of compression, 1 to 9: more hardly makes these pictures smaller.
const LEVEL: u8 = 3;

/// A PNG file of a picture; empty for one without pixels. The same picture gives the same bytes.
///
/// Shapes: `rgb` is `[height * width * 3]`, row by row.
pub fn encode(width: usize, height: usize, rgb: &[u8]) -> Vec<u8> {
    let write = || -> Result<Vec<u8>, png::EncodingError> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, width as u32, height as u32);
        encoder.set_color(ColorType::Rgb);
        encoder.set_depth(BitDepth::Eight);
        // METHOD: dots repeat one another, but not their neighbors; differences of pixels would hide that.
        encoder.set_filter(Filter::NoFilter);
        encoder.set_deflate_compression(DeflateCompression::Level(LEVEL));
        let mut writer = encoder.write_header()?;
        writer.write_image_data(rgb)?;
        writer.finish()?;
        Ok(file)
    };
    // Into memory, what can fail is a wrong size only.
    write().unwrap_or_default()
}
