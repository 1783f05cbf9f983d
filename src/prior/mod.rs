//! Prior segmentation: segments per molecule and the scale they suggest.
//!
//! Where the segments come from (a column, an image, boundaries) is the business of `io`; here
//! they are one optional [`SegmentIdx`](crate::data::SegmentIdx) per molecule.

mod scale;
mod segments;

pub use scale::{PriorError, ScaleEstimate, estimate_scale, scale_of_radii};
pub use segments::{DroppedSegments, count_molecules, drop_small_segments};
