//! Geometry of points, no biology.

pub mod delaunay;
pub mod extent;
pub mod frame;
pub mod hull;
pub mod kdtree;
pub mod normalize;
pub mod order;
pub mod simplify;
pub mod tiling;
