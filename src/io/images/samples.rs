//! Stored samples of every type and byte order as labels and gray values.

use std::fmt;

use super::error::ImageFault;

/// How far from a whole number a label may lie.
///
/// KEEPS: MATLAB masks in real numbers pass when all values are within 0.00001 of whole ones (spec 02 §2.5.2).
const WHOLE: f64 = 1e-5;

/// Type of the values of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleType {
    /// Yes or no.
    Bit,
    /// Unsigned integers of a number of bits.
    UInt(u8),
    /// Signed integers of a number of bits.
    Int(u8),
    /// Real numbers of a number of bits.
    Float(u8),
}

impl SampleType {
    /// Whether the values are real numbers, so that the image is more likely a stain than labels.
    pub fn is_float(self) -> bool {
        matches!(self, Self::Float(_))
    }

    /// Bytes per sample in a [`Pixels`].
    pub(super) fn n_bytes(self) -> usize {
        match self {
            Self::Bit => 1,
            Self::UInt(bits) | Self::Int(bits) | Self::Float(bits) => usize::from(bits).div_ceil(8),
        }
    }
}

impl fmt::Display for SampleType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bit => write!(out, "1-bit"),
            Self::UInt(bits) => write!(out, "{bits}-bit unsigned"),
            Self::Int(bits) => write!(out, "{bits}-bit signed"),
            Self::Float(bits) => write!(out, "{bits}-bit float"),
        }
    }
}

/// Order of the bytes of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// The order of this machine.
    pub(super) const NATIVE: Self = if cfg!(target_endian = "big") { Self::Big } else { Self::Little };

    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        u16::read(bytes, self)
    }

    pub(super) fn u32(self, bytes: [u8; 4]) -> u32 {
        u32::read(bytes, self)
    }

    pub(super) fn u64(self, bytes: [u8; 8]) -> u64 {
        u64::read(bytes, self)
    }
}

/// A rectangular part of a page as a reader found it, a whole number of bytes per sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pixels<'a> {
    /// Row of the first pixel in the page.
    pub row: usize,
    /// Column of the first pixel in the page.
    pub column: usize,
    /// Pixels per row of this part, > 0.
    pub width: usize,
    pub samples: SampleType,
    pub order: ByteOrder,
    /// The value that stands for black, when large values are dark.
    pub black: Option<f32>,
    /// Samples, row by row. `[n_rows * width * n_bytes]`
    pub bytes: &'a [u8],
}

impl<'a> Pixels<'a> {
    fn row_bytes(&self) -> usize {
        self.width * self.samples.n_bytes()
    }

    pub(super) fn height(&self) -> usize {
        self.bytes.len() / self.row_bytes()
    }

    /// Cuts into parts of at most `n_pixels` pixels, or a row's.
    pub(super) fn bands(self, n_pixels: usize) -> impl Iterator<Item = Self> {
        let n_rows = (n_pixels / self.width).max(1);
        let parts = self.bytes.chunks(n_rows * self.row_bytes()).enumerate();
        parts.map(move |(band, bytes)| Self { row: self.row + band * n_rows, bytes, ..self })
    }

    /// Puts the labels into `out`, which is emptied before.
    pub(super) fn labels(&self, out: &mut Vec<u32>) -> Result<(), ImageFault> {
        match self.samples {
            SampleType::Bit | SampleType::UInt(8) => self.labels_of::<u8, 1>(out),
            SampleType::UInt(16) => self.labels_of::<u16, 2>(out),
            SampleType::UInt(32) => self.labels_of::<u32, 4>(out),
            SampleType::UInt(64) => self.labels_of::<u64, 8>(out),
            SampleType::Int(8) => self.labels_of::<i8, 1>(out),
            SampleType::Int(16) => self.labels_of::<i16, 2>(out),
            SampleType::Int(32) => self.labels_of::<i32, 4>(out),
            SampleType::Int(64) => self.labels_of::<i64, 8>(out),
            SampleType::Float(16) => self.labels_of::<Half, 2>(out),
            SampleType::Float(32) => self.labels_of::<f32, 4>(out),
            SampleType::Float(64) => self.labels_of::<f64, 8>(out),
            other => Err(unknown_type(other)),
        }
    }

    fn labels_of<T: Sample<N>, const N: usize>(&self, out: &mut Vec<u32>) -> Result<(), ImageFault> {
        out.clear();
        let (samples, _) = self.bytes.as_chunks::<N>();
        out.reserve(samples.len());
        for (pixel, &bytes) in samples.iter().enumerate() {
            match T::read(bytes, self.order).label() {
                Ok(label) => out.push(label),
                Err(bad) => return Err(self.bad_label(pixel, bad)),
            }
        }
        Ok(())
    }

    fn bad_label(&self, pixel: usize, bad: BadLabel) -> ImageFault {
        let (row, column) = self.place(pixel);
        match bad {
            BadLabel::Fraction(value) => ImageFault::Fractions { value, column, row },
            BadLabel::Outside(value) => ImageFault::NotALabel { value, column, row },
        }
    }

    /// Row and column of a pixel in the page.
    fn place(&self, pixel: usize) -> (usize, usize) {
        (self.row + pixel / self.width, self.column + pixel % self.width)
    }

    /// Puts the gray values into `out`, which is emptied before; what is not a number becomes 0. Returns how many
    /// those were.
    pub(super) fn gray(&self, out: &mut Vec<f32>) -> Result<usize, ImageFault> {
        match self.samples {
            SampleType::Bit | SampleType::UInt(8) => self.gray_of::<u8, 1>(out),
            SampleType::UInt(16) => self.gray_of::<u16, 2>(out),
            SampleType::UInt(32) => self.gray_of::<u32, 4>(out),
            SampleType::UInt(64) => self.gray_of::<u64, 8>(out),
            SampleType::Int(8) => self.gray_of::<i8, 1>(out),
            SampleType::Int(16) => self.gray_of::<i16, 2>(out),
            SampleType::Int(32) => self.gray_of::<i32, 4>(out),
            SampleType::Int(64) => self.gray_of::<i64, 8>(out),
            SampleType::Float(16) => self.gray_of::<Half, 2>(out),
            SampleType::Float(32) => self.gray_of::<f32, 4>(out),
            SampleType::Float(64) => self.gray_of::<f64, 8>(out),
            other => Err(unknown_type(other)),
        }
    }

    fn gray_of<T: Sample<N>, const N: usize>(&self, out: &mut Vec<f32>) -> Result<usize, ImageFault> {
        out.clear();
        let (samples, _) = self.bytes.as_chunks::<N>();
        out.extend(samples.iter().map(|&bytes| T::read(bytes, self.order).gray()));
        let mut n_missing = 0;
        for (pixel, value) in out.iter_mut().enumerate() {
            if value.is_nan() {
                *value = 0.0;
                n_missing += 1;
            } else if value.is_infinite() {
                let (row, column) = self.place(pixel);
                return Err(ImageFault::Infinite { column, row });
            } else if let Some(black) = self.black {
                *value = black - *value;
            }
        }
        Ok(n_missing)
    }
}

fn unknown_type(samples: SampleType) -> ImageFault {
    ImageFault::Unsupported {
        what: format!("holds {samples} values"),
        remedy: "write it with 8, 16 or 32 bits per pixel".to_owned(),
    }
}

/// Why a value is no label.
enum BadLabel {
    Fraction(f64),
    Outside(String),
}

/// A stored value of `N` bytes.
trait Sample<const N: usize>: Copy {
    fn read(bytes: [u8; N], order: ByteOrder) -> Self;
    fn label(self) -> Result<u32, BadLabel>;
    fn gray(self) -> f32;
}

macro_rules! integer_samples {
    ($($integer:ty: $n:literal),*) => {$(
        impl Sample<$n> for $integer {
            #[inline]
            fn read(bytes: [u8; $n], order: ByteOrder) -> Self {
                match order {
                    ByteOrder::Little => Self::from_le_bytes(bytes),
                    ByteOrder::Big => Self::from_be_bytes(bytes),
                }
            }

            #[inline]
            fn label(self) -> Result<u32, BadLabel> {
                u32::try_from(self).map_err(|_| BadLabel::Outside(self.to_string()))
            }

            #[inline]
            fn gray(self) -> f32 {
                self as f32
            }
        }
    )*};
}

integer_samples!(u8: 1, u16: 2, u32: 4, u64: 8, i8: 1, i16: 2, i32: 4, i64: 8);

impl Sample<8> for f64 {
    #[inline]
    fn read(bytes: [u8; 8], order: ByteOrder) -> Self {
        Self::from_bits(u64::read(bytes, order))
    }

    #[inline]
    fn label(self) -> Result<u32, BadLabel> {
        let whole = self.round();
        if (0.0..=f64::from(u32::MAX)).contains(&whole) && (self - whole).abs() <= WHOLE {
            return Ok(whole as u32);
        }
        let fraction = self.is_finite() && (self - whole).abs() > WHOLE;
        Err(if fraction { BadLabel::Fraction(self) } else { BadLabel::Outside(self.to_string()) })
    }

    #[inline]
    fn gray(self) -> f32 {
        self as f32
    }
}

impl Sample<4> for f32 {
    #[inline]
    fn read(bytes: [u8; 4], order: ByteOrder) -> Self {
        Self::from_bits(u32::read(bytes, order))
    }

    #[inline]
    fn label(self) -> Result<u32, BadLabel> {
        f64::from(self).label().map_err(|bad| match bad {
            // As many digits as the number has.
            BadLabel::Fraction(value) => BadLabel::Fraction(self.to_string().parse().unwrap_or(value)),
            outside => outside,
        })
    }

    #[inline]
    fn gray(self) -> f32 {
        self
    }
}

/// A real number of 16 bits: sign, 5 bits of exponent, 10 of fraction.
#[derive(Clone, Copy)]
struct Half(f32);

impl Sample<2> for Half {
    #[inline]
    fn read(bytes: [u8; 2], order: ByteOrder) -> Self {
        let bits = u32::from(u16::read(bytes, order));
        let (sign, exponent, fraction) = ((bits >> 15) << 31, (bits >> 10) & 31, bits & 1023);
        Self(match exponent {
            // 2^-24 is the smallest such number.
            0 => f32::from_bits((fraction as f32 / 16_777_216.0).to_bits() | sign),
            31 => f32::from_bits(sign | 0x7f80_0000 | (fraction << 13)),
            _ => f32::from_bits(sign | ((exponent + 112) << 23) | (fraction << 13)),
        })
    }

    #[inline]
    fn label(self) -> Result<u32, BadLabel> {
        self.0.label()
    }

    #[inline]
    fn gray(self) -> f32 {
        self.0
    }
}

/// Unpacks samples of fewer than eight bits, first pixel in the highest bits, into one byte each.
pub(super) fn unpack_bits(row: &[u8], bits: u8, width: usize, out: &mut Vec<u8>) {
    let per_byte = usize::from(8 / bits);
    let mask = (1u16 << bits) as u8 - 1;
    out.extend((0..width).map(|column| {
        let shift = 8 - bits * (column % per_byte + 1) as u8;
        (row[column / per_byte] >> shift) & mask
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(samples: SampleType, bytes: &[u8]) -> Pixels<'_> {
        Pixels { row: 10, column: 20, width: 2, samples, order: ByteOrder::Little, black: None, bytes }
    }

    #[test]
    fn real_numbers_are_labels_when_they_are_whole() {
        let bytes = |values: &[f64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
        let mut labels = Vec::new();
        let read = |values: &[f64], labels: &mut Vec<u32>| {
            pixels(SampleType::Float(64), &bytes(values)).labels(labels).map_err(|fault| fault.to_string())
        };
        read(&[0.0, -0.000_009, 7.000_009, 4_294_967_295.0], &mut labels).expect("labels");
        assert_eq!(labels, [0, 0, 7, u32::MAX]);
        let message = |values: &[f64]| read(values, &mut Vec::new()).expect_err("no labels");
        assert!(message(&[1.0, 2.0, 3.0, 0.37]).contains("0.37 at column 21, row 11"));
        assert!(message(&[1.0, -1.0]).contains("holds -1 at column 21, row 10"));
        assert!(message(&[f64::NAN, 1.0]).contains("holds NaN"));
        assert!(message(&[4_294_967_296.0, 1.0]).contains("holds 4294967296"));
        let message = pixels(SampleType::Float(32), &0.37f32.to_le_bytes()).labels(&mut labels).expect_err("no label");
        assert!(message.to_string().contains("e.g. 0.37 at"), "{message}");
    }

    #[test]
    fn real_numbers_of_16_bits_are_read() {
        let cases = [(0x0000, 0.0), (0x3c00, 1.0), (0xc000, -2.0), (0x7bff, 65504.0), (0x0001, 5.960_464_5e-8)];
        for (bits, expected) in cases {
            assert_eq!(Half::read(u16::to_be_bytes(bits), ByteOrder::Big).0, expected);
        }
        assert!(Half::read([0x7e, 0], ByteOrder::Big).0.is_nan());
        assert!(Half::read([0x7c, 0], ByteOrder::Big).0.is_infinite());
    }

    #[test]
    fn missing_gray_values_are_black_and_infinite_ones_an_error() {
        let bytes: Vec<u8> = [1.5f32, f32::NAN].iter().flat_map(|value| value.to_le_bytes()).collect();
        let mut gray = Vec::new();
        assert_eq!(pixels(SampleType::Float(32), &bytes).gray(&mut gray).expect("gray"), 1);
        assert_eq!(gray, [1.5, 0.0]);
        let infinite = f32::INFINITY.to_le_bytes();
        assert!(pixels(SampleType::Float(32), &infinite).gray(&mut gray).is_err());
        let dark = Pixels { black: Some(255.0), ..pixels(SampleType::UInt(8), &[0, 250]) };
        dark.gray(&mut gray).expect("gray");
        assert_eq!(gray, [255.0, 5.0]);
    }

    #[test]
    fn bits_are_unpacked_from_the_highest_on() {
        let mut out = Vec::new();
        unpack_bits(&[0b1010_0000, 0b1000_0000], 1, 9, &mut out);
        assert_eq!(out, [1, 0, 1, 0, 0, 0, 0, 0, 1]);
        out.clear();
        unpack_bits(&[0b1110_0100], 2, 4, &mut out);
        unpack_bits(&[0xf3], 4, 2, &mut out);
        assert_eq!(out, [3, 2, 1, 0, 15, 3]);
    }

    #[test]
    fn bands_have_whole_rows() {
        let bytes = [0; 10];
        let bands: Vec<_> =
            pixels(SampleType::UInt(8), &bytes).bands(5).map(|band| (band.row, band.height())).collect();
        assert_eq!(bands, [(10, 2), (12, 2), (14, 1)]);
        assert_eq!(pixels(SampleType::UInt(8), &bytes).bands(1).count(), 5);
    }
}
