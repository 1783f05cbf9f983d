//! Cell boundaries from the molecules of cells.
//!
//! A boundary starts as the convex hull of the cell's molecules, triangulated, and loses border
//! triangles that hold molecules of others (`border`). Cells whose molecules span no area get a
//! small shape around them (`small`). `layers` does the same for slices of 3D data.
//!
//! Boundaries are local but for the layers of z and the width of small shapes: a part of a slide takes those of the slide
//! ([`SlideLayers`], [`molecule_spacing`]) and has the same boundaries then.
//!
//! Invariant: every ring is closed and simple, has a positive area and finite vertices, runs
//! counter-clockwise and starts at its lexicographically smallest vertex.

mod border;
mod check;
mod layers;
mod outline;
mod plane_index;
mod small;

pub use check::{area, ring_fault};
pub use layers::{SlideLayers, ZLayers, layer_outlines, layer_outlines_of_part};
pub use outline::{molecule_spacing, outline_cells, outline_cells_of_part};
