//! Tables of vertices: which columns matter, and how rows become polygons.

use std::path::Path;

use super::error::BoundaryError;
use super::features::Features;
use super::{Boundaries, quoted};

/// Pairs of columns with the coordinates of vertices, the best first.
const COORDINATES: [[&str; 2]; 6] = [
    ["vertex_x", "vertex_y"],
    ["x_global_px", "y_global_px"],
    ["global_x", "global_y"],
    ["x_location", "y_location"],
    ["vertices_x", "vertices_y"],
    ["x", "y"],
];
/// Columns with the name of a cell, the best first.
pub(super) const NAMES: [&str; 8] = ["cell_id", "cell", "cellid", "entityid", "label_id", "label", "id", "name"];
/// Columns that tell the parts of a cell apart.
const PARTS: [&str; 2] = ["label_id", "polygon_id"];
/// Columns that hold polygons in binary.
pub(super) const GEOMETRY: &str = "geometry";

/// Places of the columns that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub x: usize,
    pub y: usize,
    /// Name of the cell.
    pub name: usize,
    /// Field of view, in which the name is unique.
    pub field: Option<usize>,
    /// Part of the cell.
    pub part: Option<usize>,
}

impl Columns {
    /// Finds the columns by their names, whatever their case.
    pub fn find(path: &Path, header: &[String]) -> Result<Self, BoundaryError> {
        let place = |wanted: &str| header.iter().position(|name| name.trim().eq_ignore_ascii_case(wanted));
        let missing = |role| BoundaryError::MissingColumn {
            path: path.into(),
            role,
            found: quoted(header.iter().map(String::as_str)),
        };
        let pair = COORDINATES.iter().find_map(|[x, y]| Some([place(x)?, place(y)?]));
        let Some([x, y]) = pair else {
            if place(GEOMETRY).is_some() {
                let reason = "the column 'geometry' is neither well-known binary in Parquet (GeoParquet) nor GeoJSON. \
                              Export one of these, for example with geopandas: to_file('cells.geojson')";
                return Err(BoundaryError::WrongFormat { path: path.into(), reason: reason.into() });
            }
            return Err(missing("the coordinates of vertices"));
        };
        let name = NAMES.iter().find_map(|name| place(name)).ok_or_else(|| missing("the name of the cell"))?;
        let needs_field = header[name].trim().eq_ignore_ascii_case("cellid");
        let field = if needs_field { place("fov") } else { None };
        let part = PARTS.iter().find_map(|name| place(name)).filter(|&part| part != name);
        Ok(Self { x, y, name, field, part })
    }
}

/// Puts the rows of a table together.
#[derive(Debug, Default)]
pub(super) struct Vertices {
    features: Features,
    /// Name of the ring at hand; none before the first row.
    name: Option<String>,
    part: String,
    first: [f64; 2],
    n_in_ring: usize,
    /// Whether the ring came back to its first vertex.
    is_closed: bool,
    n_unnamed: usize,
}

impl Vertices {
    /// Takes the next row. A ring ends where the cell or its part changes, or where it comes back to its first
    /// vertex.
    pub fn push(&mut self, name: &str, part: &str, vertex: [f64; 2]) {
        if name.is_empty() {
            self.n_unnamed += 1;
            return;
        }
        let is_same = self.name.as_deref() == Some(name) && self.part == part;
        if is_same && self.is_closed && vertex == self.first {
            return;
        }
        if !is_same || self.is_closed {
            self.end_ring();
            if !is_same {
                self.name = Some(name.to_string());
                part.clone_into(&mut self.part);
            }
            self.features.begin(vec![(0, name.to_string())]);
            self.first = vertex;
        }
        self.features.push_vertex(vertex);
        self.n_in_ring += 1;
        self.is_closed = self.n_in_ring > 3 && vertex == self.first;
    }

    fn end_ring(&mut self) {
        if self.n_in_ring > 0 {
            self.features.end_ring();
            self.features.end_part();
            self.n_in_ring = 0;
            self.is_closed = false;
        }
    }

    /// All polygons. `key`: the column with the name.
    pub fn finish(mut self, key: &str) -> Boundaries {
        self.end_ring();
        Boundaries { n_ignored: self.n_unnamed, ..self.features.finish(&[key.to_owned()]).into() }
    }
}
