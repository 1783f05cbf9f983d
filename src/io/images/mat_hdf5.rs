//! MATLAB files of version 7.3, which are HDF5: the one matrix that can be an image.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use hdf5_metno::types::{FixedAscii, FloatSize, IntSize, TypeDescriptor};
use hdf5_metno::{Dataset, File};
use ndarray::Array2;

use super::error::ImageFault;
use super::mat::only_candidate;
use super::samples::{ByteOrder, Pixels, SampleType};
use super::{ALWAYS_FINE, BAND_BYTES, DEFLATE_EXPANSION, ImageInfo, TakePixels, check_sides};

/// Bytes of real numbers that are read at a time, at most, unless a column has more.
const MAX_BAND: usize = 16 * BAND_BYTES;

/// A MATLAB 7.3 file with one matrix.
#[derive(Debug)]
pub(super) struct MatHdf5 {
    name: String,
    width: usize,
    height: usize,
    /// Columns that are stored together.
    chunk_columns: usize,
}

/// What is to be known of a variable.
struct Variable {
    name: String,
    class: String,
    /// In MATLAB's order: rows, columns, …
    sizes: Vec<usize>,
    samples: Option<SampleType>,
}

impl Variable {
    fn sides(&self) -> Option<(usize, usize)> {
        match *self.sizes.as_slice() {
            [rows, columns] if rows > 1 && columns > 1 => self.samples.map(|_| (rows, columns)),
            _ => None,
        }
    }

    fn describe(&self) -> String {
        let sizes: Vec<String> = self.sizes.iter().map(usize::to_string).collect();
        let space = if sizes.is_empty() { "" } else { " " };
        format!("'{}' ({}{space}{})", self.name, sizes.join(" x "), self.class)
    }
}

impl MatHdf5 {
    /// Opens a file and finds the matrix.
    ///
    /// METHOD: HDF5 counts rows first, MATLAB columns: a matrix of h rows is stored as w x h.
    pub(super) fn open(path: &Path) -> Result<(Self, ImageInfo), ImageFault> {
        let length = std::fs::metadata(path)?.len();
        let file = File::open(path).map_err(fault)?;
        let names = file.member_names().map_err(fault)?;
        // Names with '#' are MATLAB's own.
        let variables: Vec<Variable> =
            names.into_iter().filter(|name| !name.starts_with('#')).map(|name| variable(&file, name)).collect();
        if !variables.is_empty() && variables.iter().all(|variable| variable.class == FOREIGN) {
            return Err(ImageFault::Unsupported {
                what: "is an HDF5 file that MATLAB did not write".to_owned(),
                remedy: "write its label image as TIFF, e.g. with tifffile in Python".to_owned(),
            });
        }
        let candidates: Vec<(String, bool)> =
            variables.iter().map(|variable| (variable.describe(), variable.sides().is_some())).collect();
        let matrix = &variables[only_candidate(&candidates)?];
        let (rows, columns) = matrix.sides().unwrap_or_default();
        let (width, height) = check_sides(columns as u64, rows as u64)?;
        let chunk = file.dataset(&matrix.name).map_err(fault)?.chunk();
        let chunk_pixels =
            chunk.as_ref().map_or(1, |sides| sides.iter().fold(1u64, |n, &side| n.saturating_mul(side as u64)));
        if chunk_pixels > ALWAYS_FINE + length.saturating_mul(DEFLATE_EXPANSION) {
            return Err(ImageFault::Damaged(format!("{} cannot be in {length} bytes", matrix.describe())));
        }
        let mut notes = Vec::new();
        if variables.len() > 1 {
            notes.push(format!("the image is {}; the file's other variables are left out", matrix.describe()));
        }
        let info = ImageInfo {
            format: "MATLAB 7.3",
            width,
            height,
            n_pages: 1,
            samples: matrix.samples.unwrap_or(SampleType::Bit),
            pixel_size: None,
            notes,
        };
        let chunk_columns = chunk.and_then(|sides| sides.first().copied()).unwrap_or(1).clamp(1, width);
        Ok((Self { name: matrix.name.clone(), width, height, chunk_columns }, info))
    }

    /// Reads the matrix, some columns at a time.
    pub(super) fn read(&self, path: &Path, take: &mut TakePixels<'_>) -> Result<(), ImageFault> {
        let mut rows = Vec::new();
        self.for_each_band(path, |column, columns| {
            rows.clear();
            for row in columns.columns() {
                rows.extend(row.iter().flat_map(|value| value.to_ne_bytes()));
            }
            let (width, samples, order) = (columns.nrows(), SampleType::Float(64), ByteOrder::NATIVE);
            take(Pixels { row: 0, column, width, samples, order, black: None, bytes: &rows })
        })
    }

    /// Writes the values of all columns, one column after another, as 64-bit numbers in the order of the machine.
    pub(super) fn write_columns(&self, path: &Path, out: &mut dyn Write) -> Result<(), ImageFault> {
        let mut bytes = Vec::new();
        self.for_each_band(path, |_, columns| {
            bytes.clear();
            bytes.extend(columns.iter().flat_map(|value| value.to_ne_bytes()));
            out.write_all(&bytes)?;
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Hands on some columns at a time, `[n_columns, height]`, with the number of the first.
    fn for_each_band(
        &self,
        path: &Path,
        mut take: impl FnMut(usize, Array2<f64>) -> Result<ControlFlow<()>, ImageFault>,
    ) -> Result<(), ImageFault> {
        let file = File::open(path).map_err(fault)?;
        let matrix = file.dataset(&self.name).map_err(fault)?;
        if matrix.shape() != [self.width, self.height] {
            return Err(ImageFault::Damaged(format!("'{}' has changed since the file was opened", self.name)));
        }
        // Whole chunks where they are not too large, so that each is unpacked once.
        let column_bytes = 8 * self.height;
        let whole_chunks = (BAND_BYTES / column_bytes / self.chunk_columns).max(1) * self.chunk_columns;
        let n_at_once = whole_chunks.min((MAX_BAND / column_bytes).max(1));
        for column in (0..self.width).step_by(n_at_once) {
            let end = (column + n_at_once).min(self.width);
            // All whole numbers that can be labels are exact as real numbers.
            let columns = matrix.read_slice_2d::<f64, _>((column..end, 0..self.height)).map_err(fault)?;
            if take(column, columns)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// The class of data without MATLAB's mark.
const FOREIGN: &str = "not from MATLAB";

fn variable(file: &File, name: String) -> Variable {
    let Ok(data) = file.dataset(&name) else {
        let mark = |key| file.group(&name).is_ok_and(|group| group.attr(key).is_ok());
        let class = match (mark("MATLAB_sparse"), mark("MATLAB_class")) {
            (true, _) => "sparse",
            (_, true) => "struct",
            _ => FOREIGN,
        };
        return Variable { name, class: class.to_owned(), sizes: Vec::new(), samples: None };
    };
    let class = data.attr("MATLAB_class").and_then(|class| class.read_scalar::<FixedAscii<32>>());
    let class = class.map_or_else(|_| FOREIGN.to_owned(), |class| class.as_str().to_owned());
    let samples = if data.attr("MATLAB_empty").is_ok() { None } else { samples(&data, &class) };
    Variable { name, class, sizes: data.shape().into_iter().rev().collect(), samples }
}

fn samples(data: &Dataset, class: &str) -> Option<SampleType> {
    let bits = |size: IntSize| 8 * size as u8;
    match data.dtype().and_then(|kind| kind.to_descriptor()).ok()? {
        _ if matches!(class, "char" | "cell" | "struct" | "function_handle") || class == FOREIGN => None,
        TypeDescriptor::Unsigned(_) if class == "logical" => Some(SampleType::Bit),
        TypeDescriptor::Unsigned(size) => Some(SampleType::UInt(bits(size))),
        TypeDescriptor::Integer(size) => Some(SampleType::Int(bits(size))),
        TypeDescriptor::Float(FloatSize::U4) => Some(SampleType::Float(32)),
        TypeDescriptor::Float(FloatSize::U8) => Some(SampleType::Float(64)),
        _ => None,
    }
}

/// What the HDF5 library says, without its internals.
fn fault(error: hdf5_metno::Error) -> ImageFault {
    let message = error.to_string();
    ImageFault::Damaged(message.lines().next().unwrap_or_default().to_owned())
}
