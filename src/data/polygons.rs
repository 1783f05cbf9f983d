//! Cell boundaries.

use std::fmt;
use std::str::FromStr;

use super::CellIdx;

/// A closed ring: the first vertex is repeated at the end. `[n_vertices + 1]` pairs of x, y.
pub type Ring = Vec<[f64; 2]>;

/// The boundary of one cell.
#[derive(Clone, Debug, PartialEq)]
pub struct CellOutline {
    /// Whose boundary it is.
    pub cell: CellIdx,
    /// A simple closed ring, counter-clockwise, from its lexicographically smallest vertex.
    pub ring: Ring,
}

/// The boundaries in one layer of z.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerOutlines {
    /// Name of the layer as 0.7.1 writes it: `1.0`, or `[a, b)`, and `[a, b]` for the last one.
    pub name: String,
    /// Representative z of the layer: the value itself, or the middle of the range.
    pub z: f64,
    /// Bounds of the layer. A molecule at the upper bound belongs to the next layer, except in
    /// the last one; both bounds are equal when the layer is a single value of z.
    pub z_range: [f64; 2],
    /// Boundaries of the cells that have molecules in the layer, in order of the cell index.
    pub outlines: Vec<CellOutline>,
}

/// How a file holds the boundaries of cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolygonFormat {
    /// A GeoJSON feature per cell, with the cell name as its `id`.
    #[default]
    FeatureCollection,
    /// A geometry per cell, with the cell name in `cell`.
    GeometryCollection,
    /// A geometry per cell, with the number of the cell in `cell`.
    GeometryCollectionLegacy,
}

impl PolygonFormat {
    /// All formats, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::FeatureCollection, Self::GeometryCollection, Self::GeometryCollectionLegacy];

    /// The name in options and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FeatureCollection => "FeatureCollection",
            Self::GeometryCollection => "GeometryCollection",
            Self::GeometryCollectionLegacy => "GeometryCollectionLegacy",
        }
    }
}

impl fmt::Display for PolygonFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A polygon format that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no polygon format '{0}'; use FeatureCollection, GeometryCollection, GeometryCollectionLegacy or none")]
pub struct UnknownPolygonFormat(pub String);

impl FromStr for PolygonFormat {
    type Err = UnknownPolygonFormat;

    /// Reads a name, in any case. (`none`, for no file at all, is up to the caller.)
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let same = |format: &Self| format.name().eq_ignore_ascii_case(name.trim());
        Self::ALL.into_iter().find(same).ok_or_else(|| UnknownPolygonFormat(name.to_owned()))
    }
}

/// How a file holds the layers of 3D data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout3d {
    /// An array of collections, one per layer, with the members `z` and `z_range`.
    #[default]
    Array,
    /// An object of collections by the name of the layer, as the program 0.7.1 writes it.
    Object,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_names_are_read_in_any_case() {
        for format in PolygonFormat::ALL {
            assert_eq!(format.name().parse(), Ok(format));
            assert_eq!(format.name().to_uppercase().parse(), Ok(format));
        }
    }

    #[test]
    fn an_unknown_format_is_named_with_the_known_ones() {
        let error = "GeoPackage".parse::<PolygonFormat>().unwrap_err().to_string();
        assert!(error.contains("'GeoPackage'") && error.contains("GeometryCollectionLegacy"));
    }
}
