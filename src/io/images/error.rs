//! What can be wrong with an image.

use std::io;
use std::path::PathBuf;

/// Why an image could not be read.
#[derive(Debug, thiserror::Error)]
#[error("'{path}' {fault}")]
pub struct ImageError {
    /// The image.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: ImageFault,
}

/// What is wrong with an image; the messages continue a sentence that begins with its name.
#[derive(Debug, thiserror::Error)]
pub enum ImageFault {
    /// The system refused.
    #[error("cannot be read; check that it exists and that you may read it: {0}")]
    System(io::Error),
    /// No format that we know.
    #[error("is {found}; an image is a TIFF, a PNG or a MATLAB file")]
    UnknownFormat {
        /// What the file is or begins with.
        found: String,
    },
    /// The file contradicts itself or ends early.
    #[error("is damaged: {0}; copy it again or write it anew")]
    Damaged(String),
    /// A good file with a feature that we do not read.
    #[error("{what}; {remedy}")]
    Unsupported {
        /// What the file is or uses.
        what: String,
        /// What the user can do.
        remedy: String,
    },
    /// Several values for each pixel.
    #[error(
        "is a color image with {channels} channels, but a label image or a stain has one; keep one channel or \
         convert it to gray"
    )]
    Color {
        /// Values per pixel.
        channels: usize,
    },
    /// Read as labels, but the image has values that are not whole.
    #[error(
        "holds fractions, e.g. {value} at column {column}, row {row} (from 0): labels are whole numbers; if it is \
         a stain, it has to be segmented"
    )]
    Fractions {
        /// The first such value.
        value: f64,
        /// Column of its pixel, from 0.
        column: usize,
        /// Row of its pixel, from 0.
        row: usize,
    },
    /// Read as labels, but a value cannot be one.
    #[error(
        "holds {value} at column {column}, row {row} (from 0), but labels are 0, for background, to 4294967295; \
         number them anew"
    )]
    NotALabel {
        /// The first such value.
        value: String,
        /// Column of its pixel, from 0.
        column: usize,
        /// Row of its pixel, from 0.
        row: usize,
    },
    /// Read as a stain, but a value is infinite.
    #[error("holds an infinite value at column {column}, row {row} (from 0); replace it by 0")]
    Infinite {
        /// Column of its pixel, from 0.
        column: usize,
        /// Row of its pixel, from 0.
        row: usize,
    },
    /// A MATLAB file without a matrix that can be an image.
    #[error("has no matrix of numbers with two dimensions; it has {found}. Save the label image as a full 2D matrix")]
    NoMatrix {
        /// The variables there are.
        found: String,
    },
    /// A MATLAB file with several images.
    #[error("has several matrices, {found}; keep the label image only")]
    SeveralMatrices {
        /// The matrices.
        found: String,
    },
    /// There is no such page.
    #[error("has no page {page} (from 0); it has {n_pages}")]
    NoPage {
        /// The page asked for, from 0.
        page: usize,
        /// How many there are.
        n_pages: usize,
    },
}

impl From<io::Error> for ImageFault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged("it ends early".to_owned()),
            // What decoders say about the bytes they get.
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => {
                Self::Damaged(error.to_string())
            }
            _ => Self::System(error),
        }
    }
}
