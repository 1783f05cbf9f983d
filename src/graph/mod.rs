//! The molecule graph: who is whose neighbor in space, and how strongly.

mod adjacency;
mod build;
pub mod connected;

pub use adjacency::{Edge, MoleculeGraph};
pub use build::{EdgeLengths, SpatialGraph, build, build_in, filter_long_edges, weigh};
