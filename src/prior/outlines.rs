//! Outlines of segments whose areas are known.

use super::labels::Contour;
use super::polygons::Polygons;
use super::table::{SegmentLabels, SegmentTable};
use crate::data::Ring;

/// A part of a segment's outline, without holes.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentOutline {
    /// Row of the segment in the [`SegmentTable`], 0-based.
    pub row: u32,
    /// A closed ring in units of the coordinates.
    pub ring: Ring,
}

/// Outlines of a label image. `table` is that of the image, with labels in ascending order.
pub fn outlines_of_contours(contours: Vec<Contour>, table: &SegmentTable) -> Vec<SegmentOutline> {
    let SegmentLabels::Numbers(labels) = &table.labels else { return Vec::new() };
    let outline =
        |Contour { label, ring }| labels.binary_search(&label).ok().map(|row| SegmentOutline { row: row as u32, ring });
    contours.into_iter().filter_map(outline).collect()
}

/// Outlines of boundaries: the outer ring of every part.
pub fn outlines_of_polygons(polygons: &Polygons) -> Vec<SegmentOutline> {
    let outline = |part: usize| {
        let mut ring = polygons.rings(part).next()?.to_vec();
        ring.push(*ring.first()?);
        Some(SegmentOutline { row: polygons.segment_of_part(part) as u32, ring })
    };
    (0..polygons.n_parts()).filter_map(outline).collect()
}
