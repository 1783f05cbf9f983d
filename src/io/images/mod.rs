//! Images in: TIFF, PNG and MATLAB matrices, block by block; label images and pictures out.
//!
//! [`open`] tells the format by the content of the file and reads its header. The pixels come in blocks of a
//! few megabytes, as the file has them: rows of a strip, tiles, columns of a matrix. Whoever needs a picture of
//! the whole page puts the blocks together, as [`Image::read_gray`] does.
//!
//! Nothing a file says about itself is believed before it is compared with the length of the file.

mod error;
mod mat;
mod mat_apart;
mod mat_hdf5;
mod png_reader;
mod samples;
mod tiff;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

pub use self::error::{ImageError, ImageFault};
pub use self::mat_apart::{HELPER, read_apart, serve};
pub use self::samples::SampleType;
pub use self::writer::{write_labels, write_rgb_png};

use self::mat::MatFile;
use self::mat_apart::MatApart;
use self::mat_hdf5::MatHdf5;
use self::png_reader::PngFile;
use self::samples::Pixels;
use self::tiff::TiffFile;
use crate::data::{GrayImage, LabelBlock};

/// Bytes at the beginning of a file that [`is_image`] needs to see.
pub const MAGIC_LENGTH: usize = 520;
/// Longest side that an image can have, in pixels; more is taken for a damaged header.
const MAX_SIDE: usize = 1 << 22;
/// Bytes of pixels that are read at a time, where the format lets us choose.
const BAND_BYTES: usize = 4 << 20;
/// Labels that are handed on at a time, unless a row has more.
const BAND_LABELS: usize = 1 << 18;
/// Pixels that any file may unfold to in memory.
const ALWAYS_FINE: u64 = 1 << 26;

/// What the header of an image says.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageInfo {
    /// Name of the format: `TIFF`, `OME-TIFF`, `ImageJ TIFF`, `PNG`, `MATLAB 5`, `MATLAB 7.3`.
    pub format: &'static str,
    /// Pixels per row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// Number of pages of this size: z slices. At least 1.
    pub n_pages: usize,
    /// Type of the stored values.
    pub samples: SampleType,
    /// Size of a pixel, when the file tells it in a unit of length.
    pub pixel_size: Option<PixelSize>,
    /// What was assumed or left out, as sentences for the user.
    pub notes: Vec<String>,
}

/// Size of a pixel, in µm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelSize {
    /// Width, > 0.
    pub x: f64,
    /// Height, > 0.
    pub y: f64,
    /// Distance of two pages, > 0.
    pub z: Option<f64>,
    /// What in the file said so: `OME-XML`, `ImageJ`, `TIFF resolution`.
    pub source: &'static str,
}

/// An image whose header was read.
#[derive(Debug)]
pub struct Image {
    path: PathBuf,
    info: ImageInfo,
    file: ImageFile,
    /// Length of the file in bytes.
    length: u64,
}

#[derive(Debug)]
enum ImageFile {
    Tiff(TiffFile),
    Png(PngFile),
    Mat(MatFile),
    MatHdf5(MatHdf5),
    MatApart(MatApart),
}

/// Gets the blocks of pixels of a page.
type TakePixels<'t> = dyn FnMut(Pixels<'_>) -> Result<ControlFlow<()>, ImageFault> + 't;

/// What the first bytes of a file say about its format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Magic {
    Tiff,
    Png,
    Mat,
    Hdf5,
    /// An image that we do not read.
    Foreign(&'static str),
}

impl Magic {
    fn of(first_bytes: &[u8]) -> Option<Self> {
        let begins = |signature: &[u8]| first_bytes.starts_with(signature);
        let hdf5 = b"\x89HDF\r\n\x1a\n";
        Some(match first_bytes {
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Self::Tiff,
            _ if begins(b"\x89PNG\r\n\x1a\n") => Self::Png,
            _ if begins(b"MATLAB 5.0 MAT-file") => Self::Mat,
            _ if begins(b"MATLAB 7.3 MAT-file") || begins(hdf5) => Self::Hdf5,
            _ if first_bytes.get(512..520).is_some_and(|later| later == hdf5) => Self::Hdf5,
            [0xff, 0xd8, 0xff, ..] => Self::Foreign("a JPEG picture"),
            _ if begins(b"\0\0\0\x0cjP  ") => Self::Foreign("a JPEG 2000 image"),
            _ if begins(b"GIF8") => Self::Foreign("a GIF picture"),
            _ if begins(b"\x93NUMPY") => Self::Foreign("a NumPy array"),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Self::Foreign("a WebP picture"),
            _ => return None,
        })
    }
}

/// Whether a file that begins with these bytes is an image, and no table or GeoJSON; [`MAGIC_LENGTH`] bytes are
/// enough. Images that [`open`] will refuse, such as JPEG, count.
pub fn is_image(first_bytes: &[u8]) -> bool {
    Magic::of(first_bytes).is_some()
}

/// Opens an image and reads its header. The content of the file tells its format, not its name.
///
/// Errors: [`ImageError`] when the file cannot be read, has a format or a feature that we do not read (color,
/// JPEG 2000, …), or is damaged.
pub fn open(path: &Path) -> Result<Image, ImageError> {
    let error = |fault| ImageError { path: path.to_path_buf(), fault };
    let (magic, length) = look_at(path).map_err(error)?;
    let (file, info) = match magic {
        Magic::Tiff => TiffFile::open(path).map(|(file, info)| (ImageFile::Tiff(file), info)),
        Magic::Png => PngFile::open(path).map(|(file, info)| (ImageFile::Png(file), info)),
        Magic::Mat => MatFile::open(path).map(|(file, info)| (ImageFile::Mat(file), info)),
        Magic::Hdf5 => match MatApart::open(path) {
            Some(opened) => opened.map(|(file, info)| (ImageFile::MatApart(file), info)),
            None => MatHdf5::open(path).map(|(file, info)| (ImageFile::MatHdf5(file), info)),
        },
        Magic::Foreign(what) => Err(ImageFault::Unsupported {
            what: format!("is {what}"),
            remedy: "convert it to TIFF or PNG, without loss and with one channel".to_owned(),
        }),
    }
    .map_err(error)?;
    Ok(Image { path: path.to_path_buf(), info, file, length })
}

fn look_at(path: &Path) -> Result<(Magic, u64), ImageFault> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(ImageFault::UnknownFormat { found: "a folder".to_owned() });
    }
    let mut first_bytes = Vec::with_capacity(MAGIC_LENGTH);
    file.take(MAGIC_LENGTH as u64).read_to_end(&mut first_bytes)?;
    let found = || {
        let matlab = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("mat"));
        match first_bytes.as_slice() {
            [] => "an empty file".to_owned(),
            _ if matlab => "no MATLAB file of version 5 or later; save it with '-v7'".to_owned(),
            bytes => format!("a file that begins with '{}'", bytes[..bytes.len().min(8)].escape_ascii()),
        }
    };
    let magic = Magic::of(&first_bytes).ok_or_else(|| ImageFault::UnknownFormat { found: found() })?;
    Ok((magic, metadata.len()))
}

impl Image {
    /// What the header says.
    pub fn info(&self) -> &ImageInfo {
        &self.info
    }

    /// The file, as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Calls `take` with every block of a page, until it breaks; every pixel comes once.
    ///
    /// The order is that of the file: strips and tiles go row by row, matrices column by column; a block has a
    /// quarter of a million labels or a row's. Stored integers are the labels, 0 is background; real numbers
    /// count as labels when all are whole (within 0.00001, as MATLAB masks may be).
    ///
    /// Memory: a few megabytes and one tile. Only a compressed strip and an interlaced PNG are in memory as a
    /// whole, once.
    ///
    /// Errors: [`ImageFault::Fractions`] for other real numbers, [`ImageFault::NotALabel`] for negative and
    /// too large ones, and what makes a file unreadable. `take` has then seen a part of the page.
    ///
    /// Source: spec 02 §2.5.2.
    pub fn for_each_label_block(
        &mut self,
        page: usize,
        take: &mut dyn FnMut(LabelBlock<'_>) -> ControlFlow<()>,
    ) -> Result<(), ImageError> {
        if let ImageFile::Tiff(file) = &self.file
            && file.is_lossy()
        {
            return Err(self.error(ImageFault::Unsupported {
                what: "is compressed with JPEG, which changes labels".to_owned(),
                remedy: "write the labels without loss, e.g. with deflate".to_owned(),
            }));
        }
        let mut labels = Vec::new();
        self.read(page, &mut |pixels| {
            for part in pixels.bands(BAND_LABELS) {
                part.labels(&mut labels)?;
                let block = LabelBlock { row: part.row, column: part.column, width: part.width, labels: &labels };
                if take(block).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Reads a page as gray values, of any type of samples, in the numbers of the file. Where 0 is stored for
    /// white, values are turned around, so that bright is large.
    ///
    /// What is not a number becomes 0, and a note says so. Memory: four bytes per pixel, and what
    /// [`for_each_label_block`](Self::for_each_label_block) needs.
    ///
    /// Errors: [`ImageFault::Infinite`] for infinite values, and what makes a file unreadable.
    pub fn read_gray(&mut self, page: usize) -> Result<GrayImage, ImageError> {
        let (width, height) = (self.info.width, self.info.height);
        let n_pixels = width as u64 * height as u64;
        if n_pixels > ALWAYS_FINE + self.length.saturating_mul(self.file.largest_expansion()) {
            let what = format!("{width} x {height} pixels cannot be in {} bytes", self.length);
            return Err(self.error(ImageFault::Damaged(what)));
        }
        let mut values: Vec<f32> = Vec::new();
        let mut gray = Vec::new();
        let mut n_missing = 0;
        self.read(page, &mut |pixels| {
            // The memory grows with what the file really holds.
            let end = (pixels.row + pixels.height()) * width;
            if values.len() < end {
                values.try_reserve_exact(end - values.len()).map_err(|_| too_large(width, height))?;
                values.resize(end, 0.0);
            }
            for part in pixels.bands(BAND_LABELS) {
                n_missing += part.gray(&mut gray)?;
                for (row, from) in gray.chunks_exact(part.width).enumerate() {
                    let start = (part.row + row) * width + part.column;
                    values[start..start + part.width].copy_from_slice(from);
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if n_missing > 0 {
            self.info.notes.push(format!("{n_missing} pixels of page {page} are not a number; they count as 0"));
        }
        Ok(GrayImage { width, height, values })
    }

    fn read(&mut self, page: usize, take: &mut TakePixels<'_>) -> Result<(), ImageError> {
        let n_pages = self.info.n_pages;
        let result = match &mut self.file {
            _ if page >= n_pages => Err(ImageFault::NoPage { page, n_pages }),
            ImageFile::Tiff(file) => file.read(page, take),
            ImageFile::Png(file) => file.read(&self.path, take),
            ImageFile::Mat(file) => file.read(&self.path, take),
            ImageFile::MatHdf5(file) => file.read(&self.path, take),
            ImageFile::MatApart(file) => file.read(&self.path, take),
        };
        result.map_err(|fault| self.error(fault))
    }

    fn error(&self, fault: ImageFault) -> ImageError {
        ImageError { path: self.path.clone(), fault }
    }
}

impl ImageFile {
    /// Bytes that a byte of the file can become at most.
    fn largest_expansion(&self) -> u64 {
        match self {
            Self::Tiff(file) => file.largest_expansion(),
            _ => DEFLATE_EXPANSION,
        }
    }
}

/// Bytes that a byte compressed with deflate can become; 1032, rounded up.
const DEFLATE_EXPANSION: u64 = 1100;

/// The error of an image that does not fit into memory.
fn too_large(width: usize, height: usize) -> ImageFault {
    ImageFault::Unsupported {
        what: format!("has {width} x {height} pixels, more than the memory holds"),
        remedy: "crop it or make it smaller".to_owned(),
    }
}

/// Checks the sides of an image as its header gives them.
fn check_sides(width: u64, height: u64) -> Result<(usize, usize), ImageFault> {
    let fits = |side: u64| side > 0 && side <= MAX_SIDE as u64;
    if !fits(width) || !fits(height) {
        return Err(ImageFault::Damaged(format!("it claims to have {width} x {height} pixels")));
    }
    Ok((width as usize, height as usize))
}
