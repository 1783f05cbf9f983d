//! MATLAB files of version 5 to 7: the one matrix that can be an image, column by column.
//!
//! A file is a header of 128 bytes and a list of elements, one a variable, each plain or compressed as a whole.
//! An element of a matrix holds elements itself: flags, dimensions, name, values. Values lie column by column, and
//! often in a narrower type than the matrix has.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::ZlibDecoder;

use super::error::ImageFault;
use super::samples::{ByteOrder, Pixels, SampleType};
use super::{ALWAYS_FINE, BAND_BYTES, ImageInfo, TakePixels, check_sides};

/// Kinds of elements.
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;
/// Classes of matrices, from 1 on; numbers are from 6 on.
const CLASSES: [&str; 17] = [
    "cell", "struct", "object", "char", "sparse", "double", "single", "int8", "uint8", "int16", "uint16", "int32",
    "uint32", "int64", "uint64", "function", "opaque",
];
const SPARSE: u8 = 5;
/// Longest list of dimensions and longest name, in bytes.
const MAX_TEXT: u64 = 1 << 12;
/// Most pixels of a sparse matrix, which the length of the file does not limit.
const MAX_SPARSE: u64 = 1 << 36;

/// A MATLAB file whose variables are known.
#[derive(Debug)]
pub(super) struct MatFile {
    order: ByteOrder,
    matrix: Variable,
    width: usize,
    height: usize,
}

/// A variable of the file.
#[derive(Clone, Debug)]
struct Variable {
    name: String,
    class: u8,
    logical: bool,
    complex: bool,
    sizes: Vec<u64>,
    /// Where its element is, without the tag.
    place: Place,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u64,
    n_bytes: u64,
    compressed: bool,
}

impl Variable {
    fn class_name(&self) -> &'static str {
        match self.class {
            _ if self.logical && self.class != SPARSE => "logical",
            class => CLASSES.get(usize::from(class).wrapping_sub(1)).copied().unwrap_or("unknown"),
        }
    }

    fn samples(&self) -> Option<SampleType> {
        Some(match self.class {
            _ if self.complex => return None,
            _ if self.logical => SampleType::Bit,
            5 | 6 => SampleType::Float(64),
            7 => SampleType::Float(32),
            class @ (8 | 10 | 12 | 14) => SampleType::Int(4 << (class / 2 - 3)),
            class @ (9 | 11 | 13 | 15) => SampleType::UInt(4 << (class / 2 - 3)),
            _ => return None,
        })
    }

    /// Rows and columns of a matrix that can be an image.
    fn sides(&self) -> Option<(u64, u64)> {
        match self.sizes.as_slice() {
            &[rows, columns, ref others @ ..] if rows > 1 && columns > 1 && others.iter().all(|&size| size == 1) => {
                self.samples().map(|_| (rows, columns))
            }
            _ => None,
        }
    }

    fn describe(&self) -> String {
        let sizes: Vec<String> = self.sizes.iter().map(u64::to_string).collect();
        let complex = if self.complex { "complex " } else { "" };
        format!("'{}' ({} {complex}{})", self.name, sizes.join(" x "), self.class_name())
    }
}

/// The one variable that can be an image, of all that there are.
///
/// `candidates` tells each variable's description, and whether it can be one.
pub(super) fn only_candidate(candidates: &[(String, bool)]) -> Result<usize, ImageFault> {
    let list = |wanted: &[&str]| {
        let more = if wanted.len() > 8 { format!(" and {} more", wanted.len() - 8) } else { String::new() };
        wanted[..wanted.len().min(8)].join(", ") + &more
    };
    let good: Vec<usize> = (0..candidates.len()).filter(|&idx| candidates[idx].1).collect();
    match *good.as_slice() {
        [one] => Ok(one),
        [] if candidates.is_empty() => Err(ImageFault::NoMatrix { found: "no variables".to_owned() }),
        [] => {
            let all: Vec<&str> = candidates.iter().map(|(description, _)| description.as_str()).collect();
            Err(ImageFault::NoMatrix { found: list(&all) })
        }
        _ => {
            let several: Vec<&str> = good.iter().map(|&idx| candidates[idx].0.as_str()).collect();
            Err(ImageFault::SeveralMatrices { found: list(&several) })
        }
    }
}

impl MatFile {
    /// Opens a file and finds the matrix.
    ///
    /// KEEPS: the row of the matrix is y, the column is x (spec 02 §2.5.2).
    /// DIFFERS: 0.7.1 took the first variable it came upon; several matrices are an error here.
    pub(super) fn open(path: &Path) -> Result<(Self, ImageInfo), ImageFault> {
        let mut file = BufReader::new(File::open(path)?);
        let length = file.get_ref().metadata()?.len();
        let mut header = [0; 128];
        file.read_exact(&mut header)?;
        let order = match &header[126..] {
            b"IM" => ByteOrder::Little,
            b"MI" => ByteOrder::Big,
            other => {
                let what = format!("its order of bytes is '{}'", other.escape_ascii());
                return Err(ImageFault::Damaged(what));
            }
        };
        let variables = list_variables(&mut file, length, order)?;
        let candidates: Vec<(String, bool)> =
            variables.iter().map(|variable| (variable.describe(), variable.sides().is_some())).collect();
        let matrix = variables[only_candidate(&candidates)?].clone();
        let (rows, columns) = matrix.sides().unwrap_or_default();
        let (width, height) = check_sides(columns, rows)?;
        let samples = matrix.samples().unwrap_or(SampleType::Bit);
        let n_pixels = rows * columns;
        let possible = if matrix.class == SPARSE {
            MAX_SPARSE
        } else {
            ALWAYS_FINE + length.saturating_mul(super::DEFLATE_EXPANSION)
        };
        if n_pixels > possible {
            return Err(ImageFault::Damaged(format!("{} cannot be in {length} bytes", matrix.describe())));
        }
        let mut notes = Vec::new();
        if variables.len() > 1 {
            notes.push(format!("the image is {}; the file's other variables are left out", matrix.describe()));
        }
        let info = ImageInfo { format: "MATLAB 5", width, height, n_pages: 1, samples, pixel_size: None, notes };
        Ok((Self { order, matrix, width, height }, info))
    }

    /// Reads the matrix, some columns at a time.
    pub(super) fn read(&self, path: &Path, take: &mut TakePixels<'_>) -> Result<(), ImageFault> {
        let mut file = BufReader::new(File::open(path)?);
        let mut elements = Elements { inner: open_place(&mut file, self.matrix.place)?, order: self.order };
        read_head(&mut elements, self.matrix.place)?;
        if self.matrix.class == SPARSE { self.read_sparse(elements, take) } else { self.read_full(elements, take) }
    }

    fn read_full<R: Read>(&self, mut elements: Elements<R>, take: &mut TakePixels<'_>) -> Result<(), ImageFault> {
        let tag = elements.tag()?;
        let samples = stored_type(tag.kind)?;
        let column_bytes = self.height * samples.n_bytes();
        if tag.n_bytes < column_bytes as u64 * self.width as u64 {
            let what = format!("{} has {} bytes of values", self.matrix.describe(), tag.n_bytes);
            return Err(ImageFault::Damaged(what));
        }
        let mut values = elements.payload(&tag);
        let n_at_once = (BAND_BYTES / column_bytes).clamp(1, self.width);
        let mut columns = Vec::new();
        let mut rows = Vec::new();
        for column in (0..self.width).step_by(n_at_once) {
            let width = n_at_once.min(self.width - column);
            read_exactly(&mut values, column_bytes * width, &mut columns)?;
            transpose(&columns, self.height, samples.n_bytes(), &mut rows);
            let order = self.order;
            let pixels = Pixels { row: 0, column, width, samples, order, black: None, bytes: &rows };
            if take(pixels)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn read_sparse<R: Read>(&self, mut elements: Elements<R>, take: &mut TakePixels<'_>) -> Result<(), ImageFault> {
        let damaged = || ImageFault::Damaged(format!("the places of {} make no sense", self.matrix.describe()));
        let rows = elements.places()?;
        let starts = elements.places()?;
        if starts.len() != self.width + 1 || starts[0] != 0 || !starts.is_sorted() {
            return Err(damaged());
        }
        let n_values = starts[self.width] as usize;
        if n_values > rows.len() || rows[..n_values].iter().any(|&row| row as usize >= self.height) {
            return Err(damaged());
        }
        let tag = elements.tag()?;
        let samples = stored_type(tag.kind)?;
        let n_bytes = samples.n_bytes();
        let mut values = Vec::new();
        read_exactly(&mut elements.payload(&tag), n_values * n_bytes, &mut values)?;
        let n_at_once = (BAND_BYTES / (self.height * n_bytes)).clamp(1, self.width);
        let mut dense = Vec::new();
        for column in (0..self.width).step_by(n_at_once) {
            let width = n_at_once.min(self.width - column);
            dense.clear();
            dense.resize(self.height * width * n_bytes, 0);
            for inside in 0..width {
                let (start, end) = (starts[column + inside] as usize, starts[column + inside + 1] as usize);
                for (&row, value) in rows[start..end].iter().zip(values[start * n_bytes..].chunks_exact(n_bytes)) {
                    let place = (row as usize * width + inside) * n_bytes;
                    dense[place..place + n_bytes].copy_from_slice(value);
                }
            }
            let order = self.order;
            let pixels = Pixels { row: 0, column, width, samples, order, black: None, bytes: &dense };
            if take(pixels)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn list_variables(file: &mut BufReader<File>, length: u64, order: ByteOrder) -> Result<Vec<Variable>, ImageFault> {
    let mut variables = Vec::new();
    let mut offset = 128;
    // A few zeros may follow the last element.
    while offset + 8 <= length {
        file.seek(SeekFrom::Start(offset))?;
        let tag = Elements { inner: &mut *file, order }.tag()?;
        offset += 8;
        if tag.small.is_some() {
            continue;
        }
        if tag.n_bytes > length - offset {
            let what = format!("it ends at byte {length}, but a variable is to end at {}", offset + tag.n_bytes);
            return Err(ImageFault::Damaged(what));
        }
        let place = Place { offset, n_bytes: tag.n_bytes, compressed: tag.kind == COMPRESSED };
        if tag.kind == MATRIX || tag.kind == COMPRESSED {
            let mut elements = Elements { inner: open_place(file, place)?, order };
            variables.extend(read_head(&mut elements, place)?);
        }
        offset += tag.n_bytes;
    }
    Ok(variables)
}

/// The bytes of an element, unpacked.
fn open_place(file: &mut BufReader<File>, place: Place) -> io::Result<Box<dyn Read + '_>> {
    file.seek(SeekFrom::Start(place.offset))?;
    let bytes = file.take(place.n_bytes);
    Ok(if place.compressed { Box::new(BufReader::new(ZlibDecoder::new(bytes))) } else { Box::new(bytes) })
}

/// Reads what precedes the values of a variable; `None` when the element is no variable.
fn read_head<R: Read>(elements: &mut Elements<R>, place: Place) -> Result<Option<Variable>, ImageFault> {
    if place.compressed {
        // A compressed element holds the whole element, with its tag.
        if elements.tag()?.kind != MATRIX {
            return Ok(None);
        }
    } else if place.n_bytes == 0 {
        return Ok(None);
    }
    let flags = elements.short()?;
    let Some(&[a, b, c, d]) = flags.first_chunk::<4>() else {
        return Err(ImageFault::Damaged("a variable has no class".to_owned()));
    };
    let flags = elements.order.u32([a, b, c, d]);
    let sizes = elements.short()?;
    let sizes = sizes.as_chunks().0.iter().map(|&size| u64::from(elements.order.u32(size))).collect();
    let name = String::from_utf8_lossy(&elements.short()?).into_owned();
    Ok(Some(Variable {
        name,
        class: flags as u8,
        logical: flags & 0x200 != 0,
        complex: flags & 0x800 != 0,
        sizes,
        place,
    }))
}

/// The type of values by the kind of their element.
fn stored_type(kind: u32) -> Result<SampleType, ImageFault> {
    Ok(match kind {
        1 => SampleType::Int(8),
        2 => SampleType::UInt(8),
        3 => SampleType::Int(16),
        4 => SampleType::UInt(16),
        5 => SampleType::Int(32),
        6 => SampleType::UInt(32),
        7 => SampleType::Float(32),
        9 => SampleType::Float(64),
        12 => SampleType::Int(64),
        13 => SampleType::UInt(64),
        _ => return Err(ImageFault::Damaged(format!("a matrix holds values of kind {kind}"))),
    })
}

/// Turns columns of values of `n_bytes` bytes into rows.
pub(super) fn transpose(columns: &[u8], height: usize, n_bytes: usize, rows: &mut Vec<u8>) {
    let width = columns.len() / (height * n_bytes);
    rows.clear();
    rows.resize(columns.len(), 0);
    for (x, column) in columns.chunks_exact(height * n_bytes).enumerate() {
        for (y, value) in column.chunks_exact(n_bytes).enumerate() {
            let place = (y * width + x) * n_bytes;
            rows[place..place + n_bytes].copy_from_slice(value);
        }
    }
}

/// Reads `n_bytes` into `out`, which grows only as they come.
fn read_exactly(reader: &mut impl Read, n_bytes: usize, out: &mut Vec<u8>) -> Result<(), ImageFault> {
    out.clear();
    reader.take(n_bytes as u64).read_to_end(out)?;
    if out.len() < n_bytes { Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()) } else { Ok(()) }
}

/// A list of elements.
struct Elements<R> {
    inner: R,
    order: ByteOrder,
}

/// The beginning of an element.
struct Tag {
    kind: u32,
    n_bytes: u64,
    /// The content, when it is in the tag itself.
    small: Option<[u8; 4]>,
}

impl Tag {
    /// Bytes that fill up the content to a multiple of eight.
    fn padding(&self) -> u64 {
        if self.small.is_some() { 0 } else { self.n_bytes.wrapping_neg() % 8 }
    }
}

/// The content of an element.
enum Payload<'e, R> {
    Small(io::Take<io::Cursor<[u8; 4]>>),
    Long(io::Take<&'e mut R>),
}

impl<R: Read> Read for Payload<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Small(reader) => reader.read(bytes),
            Self::Long(reader) => reader.read(bytes),
        }
    }
}

impl<R: Read> Elements<R> {
    fn tag(&mut self) -> io::Result<Tag> {
        let mut bytes = [0; 8];
        self.inner.read_exact(&mut bytes)?;
        let [a, b, c, d, rest @ ..] = bytes;
        let first = self.order.u32([a, b, c, d]);
        // A small element has its length in the upper half of the first word.
        Ok(match first >> 16 {
            0 => Tag { kind: first, n_bytes: u64::from(self.order.u32(rest)), small: None },
            n_bytes => Tag { kind: first & 0xffff, n_bytes: u64::from(n_bytes.min(4)), small: Some(rest) },
        })
    }

    fn payload(&mut self, tag: &Tag) -> Payload<'_, R> {
        match tag.small {
            Some(bytes) => Payload::Small(io::Cursor::new(bytes).take(tag.n_bytes)),
            None => Payload::Long(self.inner.by_ref().take(tag.n_bytes)),
        }
    }

    /// The content of the next element, which is short.
    fn short(&mut self) -> Result<Vec<u8>, ImageFault> {
        let tag = self.tag()?;
        if tag.n_bytes > MAX_TEXT {
            return Err(ImageFault::Damaged(format!("a name or size has {} bytes", tag.n_bytes)));
        }
        self.content(&tag)
    }

    /// The whole content of an element.
    fn content(&mut self, tag: &Tag) -> Result<Vec<u8>, ImageFault> {
        let mut bytes = Vec::new();
        read_exactly(&mut self.payload(tag), tag.n_bytes as usize, &mut bytes)?;
        io::copy(&mut self.inner.by_ref().take(tag.padding()), &mut io::sink())?;
        Ok(bytes)
    }

    /// The content of the next element as places in a sparse matrix.
    fn places(&mut self) -> Result<Vec<u32>, ImageFault> {
        let tag = self.tag()?;
        let bytes = self.content(&tag)?;
        let order = self.order;
        Ok(match tag.kind {
            2 => bytes.iter().map(|&place| u32::from(place)).collect(),
            3 | 4 => bytes.as_chunks().0.iter().map(|&place| u32::from(order.u16(place))).collect(),
            5 | 6 => bytes.as_chunks().0.iter().map(|&place| order.u32(place)).collect(),
            kind => return Err(ImageFault::Damaged(format!("places in a matrix are of kind {kind}"))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_rows() {
        let mut rows = Vec::new();
        // Two columns of three values of two bytes.
        transpose(&[1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 6, 60], 3, 2, &mut rows);
        assert_eq!(rows, [1, 10, 4, 40, 2, 20, 5, 50, 3, 30, 6, 60]);
    }

    #[test]
    fn classes_tell_the_type_of_samples() {
        let variable = |class| Variable {
            name: "m".to_owned(),
            class,
            logical: false,
            complex: false,
            sizes: vec![2, 3, 1],
            place: Place { offset: 0, n_bytes: 0, compressed: false },
        };
        let types: Vec<_> = (6..=15).map(|class| variable(class).samples().expect("numbers").to_string()).collect();
        let expected = [
            "64-bit float",
            "32-bit float",
            "8-bit signed",
            "8-bit unsigned",
            "16-bit signed",
            "16-bit unsigned",
            "32-bit signed",
            "32-bit unsigned",
            "64-bit signed",
            "64-bit unsigned",
        ];
        assert_eq!(types, expected);
        assert_eq!(variable(12).describe(), "'m' (2 x 3 x 1 int32)");
        assert_eq!(variable(12).sides(), Some((2, 3)));
        assert_eq!(variable(4).sides(), None);
        assert_eq!(Variable { sizes: vec![2, 3, 4], ..variable(12) }.sides(), None);
        assert_eq!(Variable { complex: true, ..variable(6) }.sides(), None);
    }
}
