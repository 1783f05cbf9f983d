//! Boundaries of segments in: tables of vertices (CSV, gzipped CSV, Parquet), GeoJSON and GeoParquet.

mod coordinates;
mod error;
mod features;
mod geojson;
mod geoparquet;
mod parquet;
mod table;
#[cfg(test)]
mod tests;
mod text;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

pub use error::BoundaryError;
pub use features::RepeatedName;

use crate::prior::Polygons;

/// Boundaries with what was noticed while they were read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Boundaries {
    /// The polygons of the segments.
    pub polygons: Polygons,
    /// Rings with fewer than three different vertices, which are ignored.
    pub n_short_rings: usize,
    /// Rows without a name of a cell, or geometries that are no polygons, which are ignored.
    pub n_ignored: usize,
    /// Polygons without a name, which were numbered in the order of the file.
    pub n_unnamed: usize,
    /// Keys whose values are no names of cells, since polygons far apart share them.
    pub repeated: Vec<RepeatedName>,
}

impl From<features::Named> for Boundaries {
    fn from(named: features::Named) -> Self {
        let features::Named { polygons, n_short_rings, n_unnamed, repeated } = named;
        Self { polygons, n_short_rings, n_ignored: 0, n_unnamed, repeated }
    }
}

/// Layout of the bytes of a file of boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundaryFormat {
    /// A table of vertices as text.
    Text,
    /// A table of vertices as Parquet.
    Parquet,
    /// GeoJSON.
    GeoJson,
}

/// Tells whether a file may hold boundaries, by its content; `None` for images and all other binary files.
///
/// A gzipped file is judged by what is in it. Errors: [`BoundaryError::Unreadable`], [`BoundaryError::NotAFile`] and
/// [`BoundaryError::Empty`].
pub fn detect(path: &Path) -> Result<Option<BoundaryFormat>, BoundaryError> {
    let mut start = [0u8; 512];
    let mut reader = open(path)?;
    let n = read_start(&mut reader, &mut start).map_err(|error| failure(path, error))?;
    if n == 0 {
        return Err(BoundaryError::Empty { path: path.into() });
    }
    Ok(format_of(&start[..n]))
}

/// Reads boundaries.
///
/// Tables have a row per vertex, those of a polygon together and in order, with the columns `vertex_x`, `vertex_y`
/// and `cell_id` or `label_id`, as Xenium writes them (with both, a label is a part of a cell), or `x_global_px`,
/// `y_global_px`, `fov` and `cellID`, as CosMx does. GeoJSON is a FeatureCollection or GeometryCollection of Polygons
/// and MultiPolygons; the name is the `id` of the feature, a property such as `cell_id`, `id` or `name`, or the
/// member `cell` of the geometry. The boundaries that this program writes for 2D data are of that kind. GeoParquet has
/// a geometry in well-known binary per row, and names in columns such as `EntityID` (MERSCOPE), `cell_id` or the index.
///
/// A key whose values polygons far apart share names no cells: the next one is used, or the polygons are numbered.
/// Several polygons of one name are parts or planes of one segment.
///
/// Own reasoning: 0.7.1 reads no boundaries. Errors: [`BoundaryError`]. Memory: the vertices, 16 bytes each; GeoJSON
/// also has the file itself.
pub fn read(path: &Path) -> Result<Boundaries, BoundaryError> {
    let format = detect(path)?.ok_or_else(|| BoundaryError::WrongFormat {
        path: path.into(),
        reason: "the file is neither a table nor GeoJSON. Export the boundaries as CSV, Parquet or GeoJSON".into(),
    })?;
    let boundaries = match format {
        BoundaryFormat::Text => text::read(path, open(path)?)?,
        BoundaryFormat::Parquet => parquet::read(path)?,
        BoundaryFormat::GeoJson => {
            let mut bytes = Vec::new();
            open(path)?.read_to_end(&mut bytes).map_err(|error| failure(path, error))?;
            geojson::read(path, &bytes)?
        }
    };
    if boundaries.polygons.n_parts() == 0 {
        let (n_short, n_other) = (boundaries.n_short_rings, boundaries.n_ignored);
        return Err(BoundaryError::NoPolygons { path: path.into(), n_short, n_other });
    }
    Ok(boundaries)
}

/// The bytes of a file, decompressed if they are compressed.
fn open(path: &Path) -> Result<Box<dyn BufRead>, BoundaryError> {
    let metadata = std::fs::metadata(path).map_err(|error| failure(path, error))?;
    if !metadata.is_file() {
        return Err(BoundaryError::NotAFile { path: path.into() });
    }
    let mut file = BufReader::with_capacity(1 << 20, File::open(path).map_err(|error| failure(path, error))?);
    let is_gzip = file.fill_buf().map_err(|error| failure(path, error))?.starts_with(&[0x1f, 0x8b]);
    Ok(if is_gzip { Box::new(BufReader::with_capacity(1 << 20, MultiGzDecoder::new(file))) } else { Box::new(file) })
}

/// The error for a failure to read.
fn failure(path: &Path, error: io::Error) -> BoundaryError {
    let path = path.to_path_buf();
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            BoundaryError::Damaged { path, detail: error.to_string() }
        }
        _ => BoundaryError::Unreadable { path, reason: error },
    }
}

fn read_start(reader: &mut dyn BufRead, start: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while n < start.len() {
        match reader.read(&mut start[n..])? {
            0 => break,
            more => n += more,
        }
    }
    Ok(n)
}

fn format_of(start: &[u8]) -> Option<BoundaryFormat> {
    let text = start.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(start).trim_ascii_start();
    match text {
        [b'P', b'A', b'R', b'1', ..] => Some(BoundaryFormat::Parquet),
        [b'{' | b'[', ..] => Some(BoundaryFormat::GeoJson),
        _ if start.starts_with(b"MATLAB") => None,
        // Images and other binary files have bytes near their start that no text has.
        _ => (!text.is_empty() && !start.iter().any(|&byte| byte < b'\t' || byte == 0x1a))
            .then_some(BoundaryFormat::Text),
    }
}

/// Names in quotation marks, for messages.
fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}
