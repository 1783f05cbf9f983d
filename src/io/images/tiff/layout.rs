//! How a page of a TIFF stores its pixels.

use super::directory::{Directory, Source, tags};
use crate::io::images::error::ImageFault;
use crate::io::images::samples::SampleType;
use crate::io::images::{ALWAYS_FINE, DEFLATE_EXPANSION, check_sides};

/// What one compressed byte can become with run-lengths of zstandard.
const ZSTD_EXPANSION: u64 = 50_000;
/// Pixels that a part without bytes may stand for: a tile of 4096 x 4096.
const EMPTY_CHUNK: u64 = 1 << 24;

/// How the bytes of a page are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Lzw,
    Jpeg,
    Deflate,
    PackBits,
    Zstd,
}

impl Compression {
    fn of(number: u64) -> Result<Self, ImageFault> {
        let name = match number {
            1 => return Ok(Self::None),
            5 => return Ok(Self::Lzw),
            7 => return Ok(Self::Jpeg),
            8 | 32946 => return Ok(Self::Deflate),
            32773 => return Ok(Self::PackBits),
            50000 => return Ok(Self::Zstd),
            2..=4 => "the compression of fax machines",
            6 => "old JPEG compression",
            33003 | 33004 | 33005 | 34712 => "JPEG 2000 compression",
            34887 => "LERC compression",
            34925 => "LZMA compression",
            34926 => "old zstandard compression",
            34927 | 50001 => "WebP compression",
            34933 | 50013 => "PIXTIFF compression",
            34934 | 22610 | 34892 => "JPEG XR compression",
            50002 | 52546 => "JPEG XL compression",
            _ => "a compression",
        };
        Err(ImageFault::Unsupported {
            what: format!("uses {name} (number {number} in TIFF), which cannot be read"),
            remedy: "write it without compression or with deflate, LZW or zstd, e.g. in Python \
                     tifffile.imwrite('new.tif', tifffile.imread('old.tif'), compression='zlib')"
                .to_owned(),
        })
    }

    /// The number in the file.
    pub(super) fn number(self) -> u16 {
        match self {
            Self::None => 1,
            Self::Lzw => 5,
            Self::Jpeg => 7,
            Self::Deflate => 8,
            Self::PackBits => 32773,
            Self::Zstd => 50000,
        }
    }

    /// Bytes that a byte can become at most.
    pub(super) fn expansion(self) -> u64 {
        match self {
            Self::None => 1,
            Self::PackBits => 64,
            Self::Lzw => 4096,
            Self::Deflate | Self::Jpeg => DEFLATE_EXPANSION,
            Self::Zstd => ZSTD_EXPANSION,
        }
    }
}

/// What the values of a page stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shades {
    BlackIsZero,
    WhiteIsZero,
    /// Numbers of colors in a table.
    Palette,
}

/// How a page stores its pixels: in chunks, which are strips or tiles.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub width: usize,
    pub height: usize,
    pub samples: SampleType,
    pub bits: u8,
    pub shades: Shades,
    pub compression: Compression,
    /// 1 none, 2 differences, 3 differences of the bytes of floats.
    pub predictor: u16,
    pub tiled: bool,
    /// Pixels per row of a chunk.
    pub chunk_width: usize,
    /// Rows of a chunk; the last strip may have fewer.
    pub chunk_height: usize,
    /// Where the chunks are. `[n_chunks]`
    pub offsets: Vec<u64>,
    /// How many bytes they have. `[n_chunks]`
    pub n_bytes: Vec<u64>,
    /// What JPEG chunks share.
    pub jpeg_tables: Option<Vec<u8>>,
}

impl Layout {
    /// Reads how a page is stored.
    ///
    /// Errors: color, features that are not read, and sizes that contradict the length of the file.
    pub(super) fn read(source: &mut Source, directory: &Directory) -> Result<Self, ImageFault> {
        let mut number = |tag, default: Option<u64>| -> Result<u64, ImageFault> {
            let missing = || ImageFault::Damaged(format!("a page has no tag {tag}"));
            source.number(directory, tag)?.or(default).ok_or_else(missing)
        };
        let (width, height) = check_sides(number(tags::WIDTH, None)?, number(tags::HEIGHT, None)?)?;
        let shades = check_shades(number(tags::SAMPLES_PER_PIXEL, Some(1))?, number(tags::PHOTOMETRIC, Some(1))?)?;
        let compression = Compression::of(number(tags::COMPRESSION, Some(1))?)?;
        let bits = number(tags::BITS_PER_SAMPLE, Some(1))?;
        let samples = sample_type(bits, number(tags::SAMPLE_FORMAT, Some(1))?)?;
        let bits = bits as u8;
        if bits < 8 && number(tags::FILL_ORDER, Some(1))? != 1 {
            return Err(ImageFault::Unsupported {
                what: "holds its bits from right to left".to_owned(),
                remedy: "write it with 8 bits per pixel".to_owned(),
            });
        }
        let predictor = match number(tags::PREDICTOR, Some(1))? {
            // Without compression the tag has no meaning, unless a program took it seriously.
            predictor @ 1..=3 => predictor as u16,
            other => return Err(ImageFault::Damaged(format!("it uses predictor {other}"))),
        };
        let tiled = directory.has(tags::TILE_OFFSETS);
        let chunk_sides = if tiled {
            (number(tags::TILE_WIDTH, None)?, number(tags::TILE_HEIGHT, None)?)
        } else {
            (width as u64, number(tags::ROWS_PER_STRIP, Some(height as u64))?.min(height as u64))
        };
        let (chunk_width, chunk_height) = check_sides(chunk_sides.0, chunk_sides.1)?;
        let mut layout = Self {
            width,
            height,
            samples,
            bits,
            shades,
            compression,
            predictor,
            tiled,
            chunk_width,
            chunk_height,
            offsets: Vec::new(),
            n_bytes: Vec::new(),
            jpeg_tables: None,
        };
        layout.find_chunks(source, directory)?;
        if compression == Compression::Jpeg {
            layout.jpeg_tables = source.bytes(directory, tags::JPEG_TABLES)?;
        }
        Ok(layout)
    }

    fn find_chunks(&mut self, source: &mut Source, directory: &Directory) -> Result<(), ImageFault> {
        let n_chunks = self.n_across() as u64 * self.height.div_ceil(self.chunk_height) as u64;
        let (offsets, n_bytes) =
            if self.tiled { (tags::TILE_OFFSETS, tags::TILE_BYTES) } else { (tags::STRIP_OFFSETS, tags::STRIP_BYTES) };
        self.offsets = source.numbers(directory, offsets, n_chunks)?;
        self.n_bytes = match source.numbers(directory, n_bytes, n_chunks) {
            // Old programs leave the lengths out, or give them wrong, where they are known anyway.
            _ if self.compression == Compression::None => {
                self.offsets.iter().map(|&offset| if offset == 0 { 0 } else { u64::MAX }).collect()
            }
            found => found?,
        };
        let n_pixels = self.width as u64 * self.height as u64;
        let bound = ALWAYS_FINE
            .saturating_add(source.length.saturating_mul(8 * self.compression.expansion()))
            .saturating_add(n_chunks.saturating_mul(EMPTY_CHUNK));
        if n_pixels > bound {
            let what = format!("{} x {} pixels cannot be in {} bytes", self.width, self.height, source.length);
            return Err(ImageFault::Damaged(what));
        }
        Ok(())
    }

    /// Chunks side by side.
    pub(super) fn n_across(&self) -> usize {
        self.width.div_ceil(self.chunk_width)
    }

    /// Bytes per row of a chunk.
    pub(super) fn row_bytes(&self) -> usize {
        (self.chunk_width * usize::from(self.bits)).div_ceil(8)
    }

    /// Rows that the file holds for the chunks that begin in a row of the page.
    pub(super) fn stored_rows(&self, row: usize) -> usize {
        if self.tiled { self.chunk_height } else { self.chunk_height.min(self.height - row) }
    }
}

fn check_shades(channels: u64, photometric: u64) -> Result<Shades, ImageFault> {
    match (channels, photometric) {
        (1, 0) => Ok(Shades::WhiteIsZero),
        (1, 3) => Ok(Shades::Palette),
        // Masks of transparency have black for 0, too.
        (1, _) => Ok(Shades::BlackIsZero),
        (0, _) => Err(ImageFault::Damaged("its pixels have no values".to_owned())),
        (channels, _) => Err(ImageFault::Color { channels: channels as usize }),
    }
}

fn sample_type(bits: u64, format: u64) -> Result<SampleType, ImageFault> {
    match (bits, format) {
        (1, 1 | 4) => Ok(SampleType::Bit),
        (2 | 4 | 8 | 16 | 32 | 64, 1 | 4) => Ok(SampleType::UInt(bits as u8)),
        (8 | 16 | 32 | 64, 2) => Ok(SampleType::Int(bits as u8)),
        (16 | 32 | 64, 3) => Ok(SampleType::Float(bits as u8)),
        _ => {
            let kind = ["unsigned", "signed", "real"].get((format as usize).wrapping_sub(1)).unwrap_or(&"other");
            Err(ImageFault::Unsupported {
                what: format!("holds {kind} numbers of {bits} bits"),
                remedy: "write it with 8, 16 or 32 bits per pixel".to_owned(),
            })
        }
    }
}
