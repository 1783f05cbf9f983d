//! PNG files of pictures.

use png::{BitDepth, ColorType, Compression, Encoder, Filter};

/// A PNG file of a picture; empty for one without pixels. The same picture gives the same bytes.
///
/// Shapes: `rgb` is `[height * width * 3]`, row by row.
pub fn encode(width: usize, height: usize, rgb: &[u8]) -> Vec<u8> {
    let write = || -> Result<Vec<u8>, png::EncodingError> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, width as u32, height as u32);
        encoder.set_color(ColorType::Rgb);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_compression(Compression::Fast);
        encoder.set_filter(Filter::Adaptive);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(rgb)?;
        writer.finish()?;
        Ok(file)
    };
    // Into memory, what can fail is a wrong size only.
    write().unwrap_or_default()
}
