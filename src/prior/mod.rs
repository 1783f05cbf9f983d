//! Prior segmentation: a segment for every molecule, and the scale that segments suggest.
//!
//! A prior comes as a column of the molecule table, as a label image or binary mask ([`LabelScan`]) or as boundaries
//! ([`assign_polygons`]). Reading these is the business of `io`; here they become one optional
//! [`SegmentIdx`](crate::data::SegmentIdx) per molecule ([`number_labels`]), lose what is too small
//! ([`drop_small_segments`]), and give a [`ScaleEstimate`] and a [`SegmentTable`]. [`check_overlap`] tells whether
//! prior and molecules can belong together, [`doubts`] whether its segments can be cells or nuclei.

mod components;
mod labels;
mod outlines;
mod overlap;
mod placement;
mod plausibility;
mod polygons;
mod scale;
mod segments;
mod table;

pub use labels::{Content, ContentStatistics, Contour, LabelScan, Overview, Reading, Region, Scan, scan_image};
pub use outlines::{SegmentOutline, outlines_of_contours, outlines_of_polygons};
pub use overlap::{Finding, Likely, Overlap, PriorExtent, PriorKind, check_overlap};
pub use placement::{Depth, ImageSize, Placement};
pub use plausibility::{Doubt, Oddity, doubts, doubts_by_scale};
pub use polygons::{AssignedPolygons, Polygons, PolygonsBuilder, assign_polygons, assign_to_centers};
pub use scale::{PriorError, ScaleEstimate, estimate_scale, scale_around_nuclei, scale_of_radii, scale_of_segments};
pub use segments::{DroppedSegments, NumberedSegments, drop_small_segments, number_labels};
pub use table::{SegmentLabels, SegmentRow, SegmentTable};
