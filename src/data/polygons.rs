//! Cell boundaries.

use super::CellIdx;

/// A closed ring: the first vertex is repeated at the end. `[n_vertices + 1]` pairs of x, y.
pub type Ring = Vec<[f64; 2]>;

/// The boundary of one cell.
#[derive(Clone, Debug, PartialEq)]
pub struct CellOutline {
    /// Whose boundary it is.
    pub cell: CellIdx,
    /// A simple closed ring.
    pub ring: Ring,
}

/// The boundaries in one layer of z.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerOutlines {
    /// Name of the layer as 0.7.1 writes it: `1.0`, or `[a, b)`.
    pub name: String,
    /// Representative z of the layer: the value itself, or the middle of the range.
    pub z: f64,
    /// Smallest and largest z of the layer.
    pub z_range: [f64; 2],
    /// Boundaries of the cells that have molecules in the layer, in order of the cell index.
    pub outlines: Vec<CellOutline>,
}
