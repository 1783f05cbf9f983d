//! The segments of a prior, one row each.

use std::borrow::Cow;

use super::labels::Scan;
use super::placement::{Depth, circle_radius};
use super::polygons::{AssignedPolygons, Polygons};
use crate::data::{Positions, SegmentIdx, count_molecules};

/// The names that segments have in the prior.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SegmentLabels {
    /// Labels of an image.
    Numbers(Vec<u32>),
    /// Names of boundaries, or values of a column.
    Texts(Vec<String>),
}

impl Default for SegmentLabels {
    fn default() -> Self {
        Self::Numbers(Vec::new())
    }
}

impl SegmentLabels {
    /// Number of labels.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(labels) => labels.len(),
            Self::Texts(labels) => labels.len(),
        }
    }

    /// True without labels.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A label as text; empty if there is none at the place.
    pub fn text(&self, at: usize) -> Cow<'_, str> {
        match self {
            Self::Numbers(labels) => labels.get(at).map_or_else(Cow::default, |label| label.to_string().into()),
            Self::Texts(labels) => labels.get(at).map_or_else(Cow::default, |label| label.as_str().into()),
        }
    }
}

/// What is known about a segment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SegmentRow {
    /// Its index; `None` without molecules.
    pub segment: Option<SegmentIdx>,
    /// Molecules in it.
    pub n_molecules: u32,
    /// Pixels, of image priors.
    pub n_pixels: Option<u64>,
    /// Area in squared coordinate units, in a stack volume; unknown for columns.
    pub area: Option<f64>,
    /// Center of the area, or mean of the molecules of a column. z is 0 for 2D data.
    pub center: [f64; 3],
    /// Radius of the circle, in a stack of the ball, of this area.
    pub radius: Option<f64>,
    /// Whether it has enough molecules to be believed.
    pub kept: bool,
}

/// The segments of a prior.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SegmentTable {
    /// Names of the segments. `[n_rows]`
    pub labels: SegmentLabels,
    /// Segments, those without molecules too, in order of their labels, or of the file for boundaries. `[n_rows]`
    pub rows: Vec<SegmentRow>,
    /// Whether centers have a z.
    pub has_z: bool,
    /// Least number of molecules of a segment that is kept.
    pub min_molecules_per_segment: usize,
}

impl SegmentTable {
    /// The segments of a label image or mask.
    pub fn of_scan(scan: &Scan, min_molecules_per_segment: usize) -> Self {
        let placement = &scan.placement;
        let rows = scan.regions.iter().map(|region| SegmentRow {
            segment: None,
            n_molecules: region.n_molecules,
            n_pixels: Some(region.n_pixels),
            area: Some(placement.measure(region.n_pixels)),
            center: placement.center(region.center),
            radius: Some(placement.radius(region.n_pixels)),
            kept: false,
        });
        let labels = SegmentLabels::Numbers(scan.regions.iter().map(|region| region.label).collect());
        let has_z = scan.placement.depth != Depth::Flat;
        Self::new(labels, rows.collect(), has_z, min_molecules_per_segment)
    }

    /// The segments of boundaries.
    pub fn of_polygons(polygons: &Polygons, assigned: &AssignedPolygons, min_molecules_per_segment: usize) -> Self {
        let rows =
            polygons.areas().into_iter().zip(&assigned.n_molecules).map(|((area, [x, y]), &n_molecules)| SegmentRow {
                segment: None,
                n_molecules,
                n_pixels: None,
                area: Some(area),
                center: [x, y, 0.0],
                radius: Some(circle_radius(area)),
                kept: false,
            });
        Self::new(polygons.labels.clone(), rows.collect(), false, min_molecules_per_segment)
    }

    /// The segments of a column, whose areas are not known. `segment_of` are the segments before small ones are
    /// dropped, `labels` the values of the column by segment.
    pub fn of_molecules(
        labels: SegmentLabels,
        positions: &Positions,
        segment_of: &[Option<SegmentIdx>],
        min_molecules_per_segment: usize,
    ) -> Self {
        let counts = count_molecules(segment_of);
        let mut sums = vec![[0.0f64; 3]; counts.len()];
        for (molecule, segment) in segment_of.iter().enumerate() {
            if let Some(segment) = segment {
                for (sum, coordinate) in sums[segment.idx()].iter_mut().zip(positions.at(molecule)) {
                    *sum += coordinate;
                }
            }
        }
        let rows = sums.iter().zip(&counts).map(|(sum, &n_molecules)| SegmentRow {
            segment: None,
            n_molecules,
            n_pixels: None,
            area: None,
            center: sum.map(|sum| sum / f64::from(n_molecules.max(1))),
            radius: None,
            kept: false,
        });
        Self::new(labels, rows.collect(), positions.z.is_some(), min_molecules_per_segment)
    }

    /// Numbers the segments with molecules in their order, as [`number_labels`](super::number_labels) does, and
    /// decides which are kept.
    fn new(labels: SegmentLabels, mut rows: Vec<SegmentRow>, has_z: bool, min_molecules_per_segment: usize) -> Self {
        let mut n_segments = 0;
        for row in &mut rows {
            row.kept = row.n_molecules as usize >= min_molecules_per_segment;
            if row.n_molecules > 0 {
                row.segment = Some(SegmentIdx::new(n_segments));
                n_segments += 1;
            }
        }
        Self { labels, rows, has_z, min_molecules_per_segment }
    }

    /// Number that stands for every segment with molecules in tables: its label in an image, otherwise its own number
    /// (`None`). `[n_segments]`, with 0 for numbers that no segment of the table has, as in a tile.
    pub fn numbers(&self) -> Option<Vec<u32>> {
        let SegmentLabels::Numbers(labels) = &self.labels else { return None };
        let mut numbers = Vec::new();
        for (row, &label) in self.rows.iter().zip(labels) {
            if let Some(segment) = row.segment {
                numbers.resize(numbers.len().max(segment.idx() + 1), 0);
                numbers[segment.idx()] = label;
            }
        }
        Some(numbers)
    }

    /// The labels that segments have in the prior, as texts; `None` without a segment. `[segments.len()]`
    pub fn labels_of(&self, segments: &[Option<SegmentIdx>]) -> Vec<Option<String>> {
        let mut row_of: Vec<Option<usize>> = Vec::new();
        for (at, row) in self.rows.iter().enumerate() {
            if let Some(segment) = row.segment {
                row_of.resize(row_of.len().max(segment.idx() + 1), None);
                row_of[segment.idx()] = Some(at);
            }
        }
        let label = |segment: SegmentIdx| row_of.get(segment.idx()).copied().flatten().map(|row| self.labels.text(row));
        segments.iter().map(|segment| segment.and_then(label).map(Cow::into_owned)).collect()
    }

    /// Number of segments that have molecules and are kept.
    pub fn n_kept(&self) -> usize {
        self.rows.iter().filter(|row| row.kept && row.n_molecules > 0).count()
    }

    /// Number of segments without a molecule.
    pub fn n_without_molecules(&self) -> usize {
        self.rows.iter().filter(|row| row.n_molecules == 0).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{LabelImage, PixelFrame};
    use crate::prior::placement::Placement;
    use crate::prior::{PriorError, number_labels, scale_of_segments, scan_image};

    /// Labels 2 (2 pixels), 5 (1 pixel, no molecule), 9 (3 pixels), in pixels of 0.5 units.
    fn scan() -> Scan {
        let image = LabelImage { width: 4, height: 2, labels: vec![2, 2, 0, 9, 0, 5, 9, 9] };
        let positions = Positions { x: vec![0.1, 0.6, 1.9, 1.2], y: vec![0.1, 0.2, 0.2, 0.1], z: None };
        scan_image(&image, Placement::flat(PixelFrame::new([0.5; 2], [0.0; 2]), 4, 2), &positions)
    }

    #[test]
    fn rows_of_an_image_have_areas_in_coordinate_units_and_the_numbers_of_segments() {
        let scan = scan();
        let table = SegmentTable::of_scan(&scan, 2);
        assert_eq!(table.labels, SegmentLabels::Numbers(vec![2, 5, 9]));
        let column = |value: fn(&SegmentRow) -> f64| table.rows.iter().map(value).collect::<Vec<_>>();
        assert_eq!(column(|row| row.area.unwrap()), [0.5, 0.25, 0.75]);
        assert_eq!(column(|row| f64::from(row.n_molecules)), [2.0, 0.0, 1.0]);
        assert_eq!(table.rows[0].center, [0.5, 0.25, 0.0]);
        assert_eq!(table.rows.iter().map(|row| row.kept).collect::<Vec<_>>(), [true, false, false]);
        let numbered = number_labels(&scan.label_of);
        assert_eq!(numbered.labels, [2, 9]);
        assert_eq!(
            table.rows.iter().map(|row| row.segment.map(SegmentIdx::idx)).collect::<Vec<_>>(),
            [Some(0), None, Some(1)]
        );
        assert_eq!((table.n_kept(), table.n_without_molecules()), (1, 1));
        let labels = table.labels_of(&[Some(SegmentIdx::new(1)), None, Some(SegmentIdx::new(0))]);
        assert_eq!(labels, [Some("9".to_owned()), None, Some("2".to_owned())]);
        assert_eq!(table.labels_of(&[Some(SegmentIdx::new(2))]), [None]);
    }

    #[test]
    fn scale_is_the_median_radius_of_what_is_kept() {
        let scan = scan();
        let estimate = |min_molecules| scale_of_segments(&SegmentTable::of_scan(&scan, min_molecules));
        let radius = |area: f64| (area / std::f64::consts::PI).sqrt();
        let of_both = estimate(1).unwrap();
        assert!((of_both.scale - (radius(0.5) + radius(0.75)) / 2.0).abs() < 1e-15);
        assert_eq!((of_both.n_segments, of_both.std_was_raised), (2, false));
        let of_one = estimate(2).unwrap();
        assert_eq!((of_one.scale, of_one.scale_std, of_one.std_was_raised), (radius(0.5), radius(0.5) * 1e-3, true));
        assert_eq!(estimate(3), Err(PriorError::AllSmall { n_segments: 2, min_molecules_per_segment: 3 }));
        // Without a threshold segments without molecules count, as in 0.7.1.
        assert_eq!(estimate(0).unwrap().n_segments, 3);
        let mut empty = SegmentTable::of_scan(&scan, 1);
        empty.rows.retain(|row| row.n_molecules == 0);
        assert_eq!(scale_of_segments(&empty), Err(PriorError::NoSegments));
    }

    #[test]
    fn rows_of_a_column_have_the_mean_of_their_molecules_and_no_area() {
        let positions = Positions { x: vec![0.0, 2.0, 5.0], y: vec![1.0; 3], z: Some(vec![0.0, 1.0, 9.0]) };
        let segment_of = [Some(SegmentIdx::new(0)), Some(SegmentIdx::new(0)), None];
        let labels = SegmentLabels::Texts(vec!["a".into()]);
        let table = SegmentTable::of_molecules(labels, &positions, &segment_of, 1);
        assert_eq!((table.rows[0].center, table.rows[0].area, table.has_z), ([1.0, 1.0, 0.5], None, true));
        assert_eq!((table.labels.text(0), table.labels.text(1)), ("a".into(), "".into()));
        assert_eq!(scale_of_segments(&table), Err(PriorError::NoSegments));
    }
}
