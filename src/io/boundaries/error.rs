//! What can be wrong with a file of boundaries.

use std::path::PathBuf;

/// Why boundaries cannot be used. Rows are counted from 1, without the header.
#[derive(Debug, thiserror::Error)]
pub enum BoundaryError {
    /// The operating system does not give us the file.
    #[error("{}: cannot be read: {reason}. Check the path and its permissions", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// A folder, pipe or device.
    #[error("{}: is not a file. Name the table or GeoJSON file with the boundaries itself", path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// No bytes, or no rows.
    #[error("{}: the file is empty; expected boundaries as a table of vertices or as GeoJSON", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Some other format.
    #[error("{}: these are no boundaries: {reason}", path.display())]
    WrongFormat {
        /// The file.
        path: PathBuf,
        /// What it looks like, and what to do.
        reason: String,
    },
    /// The file cannot be decoded.
    #[error("{}: cannot be decoded: {detail}. The file is damaged or incomplete", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        detail: String,
    },
    /// A column is missing.
    #[error(
        "{}: no column for {role}; the table has {found}. Boundaries need vertex_x, vertex_y and cell_id (or \
         label_id), a row per vertex. Rename the columns accordingly",
        path.display()
    )]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// What the column is for.
        role: &'static str,
        /// The columns present.
        found: String,
    },
    /// A column of a type that cannot be what is needed.
    #[error(
        "{}: column '{column}' has the type {dtype}, which cannot be {needed}. Convert it to numbers or text",
        path.display()
    )]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its type.
        dtype: String,
        /// What it is needed for.
        needed: &'static str,
    },
    /// A coordinate that is no finite number.
    #[error("{}: row {row}, column '{column}': {value} is not a finite number. Remove the row", path.display())]
    BadValue {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The row.
        row: u64,
        /// The value, quoted, or `a missing value`.
        value: String,
    },
    /// A row of another length than the header, or with quotation marks that do not match.
    #[error("{}: row {row} has {fields} fields, but the header has {expected}. Is the file complete?", path.display())]
    RowLength {
        /// The file.
        path: PathBuf,
        /// The row.
        row: u64,
        /// Fields in the row.
        fields: usize,
        /// Names in the header.
        expected: usize,
    },
    /// Boundaries by layer of z.
    #[error(
        "{}: these are boundaries by layer ({n_layers} layers of z), and a prior needs one boundary per cell. Use the \
         flat boundaries, which Baysor writes beside them as *_polygons_2d.json",
        path.display()
    )]
    Layers {
        /// The file.
        path: PathBuf,
        /// How many.
        n_layers: usize,
    },
    /// Nothing with an inside.
    #[error(
        "{}: there is no polygon: {n_short} rings have fewer than three different vertices, and {n_other} geometries \
         are no polygons. In tables all vertices of a polygon must stand together, in order",
        path.display()
    )]
    NoPolygons {
        /// The file.
        path: PathBuf,
        /// Rings that were ignored.
        n_short: usize,
        /// Geometries that were ignored.
        n_other: usize,
    },
}
