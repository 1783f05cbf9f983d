//! Plain types shared by every layer: no files, no algorithms.

pub mod change;
pub mod genes;
pub mod ids;
pub mod images;
pub mod members;
pub mod molecules;
pub mod names;
pub mod polygons;
pub mod segmentation;

pub use change::Change;
pub use genes::GeneTable;
pub use ids::{CellIdx, ClusterIdx, ComponentIdx, GeneIdx, SegmentIdx};
pub use images::{GrayImage, LabelBlock, LabelImage, PixelFrame};
pub use members::{CellMembers, count_molecules};
pub use molecules::{Molecules, Positions};
pub use names::CellNames;
pub use polygons::{CellOutline, LayerOutlines, Layout3d, PolygonFormat, Ring};
pub use segmentation::Segmentation;
