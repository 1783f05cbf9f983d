//! The scale that a prior segmentation suggests.

use rayon::prelude::*;

use super::table::SegmentTable;
use crate::data::{Positions, SegmentIdx, count_molecules};
use crate::numeric::stats;
use crate::spatial::kdtree::KdTree;

/// Fewest segments that a scale can be estimated from.
const MIN_SEGMENTS: usize = 3;

/// Smallest spread, as a share of the scale.
///
/// METHOD: with a spread of zero the shape prior has no width and covariances become NaN.
const MIN_RELATIVE_STD: f64 = 1e-3;

/// Cell radius and its spread, in input units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleEstimate {
    /// Median radius.
    pub scale: f64,
    /// Normalised median absolute deviation of the radii, at least a thousandth of the scale.
    pub scale_std: f64,
    /// How many segments were used.
    pub n_segments: usize,
    /// True when all radii were (almost) equal, so that `scale_std` is the smallest allowed.
    pub std_was_raised: bool,
}

/// Why a prior gives no scale.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum PriorError {
    /// No molecule has a segment.
    #[error(
        "no molecule lies in a segment of the prior segmentation, so the scale cannot be estimated from it. \
         Check the prior and its unassigned label, or give the scale with --scale"
    )]
    NoSegments,
    /// Too few segments are large enough.
    #[error(
        "the scale cannot be estimated from the prior segmentation: {n_large} of its {n_segments} segments \
         have at least min_molecules_per_cell={min_molecules_per_cell} molecules, and 3 are needed. \
         Give the scale with --scale, or lower --min-molecules-per-cell"
    )]
    TooFewSegments {
        /// Segments with molecules.
        n_segments: usize,
        /// Those that are large enough.
        n_large: usize,
        /// The threshold.
        min_molecules_per_cell: usize,
    },
    /// All segments are too small to be believed.
    #[error(
        "the scale cannot be estimated from the prior segmentation: none of its {n_segments} segments with molecules \
         has at least min_molecules_per_segment={min_molecules_per_segment} of them. Give the scale with --scale, or \
         lower --min-molecules-per-segment"
    )]
    AllSmall {
        /// Segments with molecules.
        n_segments: usize,
        /// The threshold.
        min_molecules_per_segment: usize,
    },
    /// The radii have no usable median.
    #[error(
        "the prior segmentation suggests a scale of {scale}: its segments lie on top of each other. \
         Give the scale with --scale"
    )]
    Degenerate {
        /// The median of the radii.
        scale: f64,
    },
}

/// Estimates the scale as the median of half the distance between neighbouring segment centres.
///
/// Of every segment with at least `min_molecules_per_cell` molecules the centre is the mean of its molecules in all
/// coordinates; its radius is half the distance to the nearest other centre. The scale is the median of the radii,
/// its spread their normalised median absolute deviation.
///
/// Source: spec 02 §2.6, rule for columns. Shapes: `positions` and `segments` are `[n_molecules]`, in input units.
/// Errors: fewer than three such segments, or centres that coincide. Sums run in the order of the molecules; the
/// same result on any thread count.
pub fn estimate_scale(
    positions: &Positions,
    segments: &[Option<SegmentIdx>],
    min_molecules_per_cell: usize,
) -> Result<ScaleEstimate, PriorError> {
    let counts = count_molecules(segments);
    let n_segments = counts.iter().filter(|&&count| count > 0).count();
    if n_segments == 0 {
        return Err(PriorError::NoSegments);
    }
    let centers = segment_centers(positions, segments, &counts, min_molecules_per_cell.max(1));
    if centers.len() < MIN_SEGMENTS {
        return Err(PriorError::TooFewSegments { n_segments, n_large: centers.len(), min_molecules_per_cell });
    }
    scale_of_radii(half_distances(&centers))
}

/// The scale of segments whose areas are known: the median of the radii of the segments that are kept, and its spread.
///
/// Source: spec 02 §2.6, rule for images: the radius of the circle with the area of the segment. DIFFERS: areas of
/// boundaries and volumes in stacks count as well; 0.7.1 knows neither.
/// Errors: [`PriorError::NoSegments`] if no segment has molecules, or none an area; [`PriorError::AllSmall`] if those
/// with molecules are not kept.
pub fn scale_of_segments(table: &SegmentTable) -> Result<ScaleEstimate, PriorError> {
    let radii: Vec<f64> = table.rows.iter().filter(|row| row.kept).filter_map(|row| row.radius).collect();
    let n_segments = table.rows.iter().filter(|row| row.n_molecules > 0).count();
    if n_segments == 0 {
        return Err(PriorError::NoSegments);
    }
    if !table.rows.iter().any(|row| row.kept) {
        let min_molecules_per_segment = table.min_molecules_per_segment;
        return Err(PriorError::AllSmall { n_segments, min_molecules_per_segment });
    }
    scale_of_radii(radii)
}

/// The scale of segments with the given radii: their median and its spread.
///
/// Errors: [`PriorError::NoSegments`] without radii, [`PriorError::Degenerate`] unless their median is positive.
pub fn scale_of_radii(mut radii: Vec<f64>) -> Result<ScaleEstimate, PriorError> {
    if radii.is_empty() {
        return Err(PriorError::NoSegments);
    }
    let n_segments = radii.len();
    let scale = stats::median(&mut radii);
    if !(scale > 0.0 && scale.is_finite()) {
        return Err(PriorError::Degenerate { scale });
    }
    let spread = stats::mad(&mut radii);
    let floor = MIN_RELATIVE_STD * scale;
    // DIFFERS: 0.7.1 has no floor and fails on equal radii.
    Ok(ScaleEstimate { scale, scale_std: spread.max(floor), n_segments, std_was_raised: spread < floor })
}

/// Estimates the scale of cells whose nuclei are known: √2 times the median distance of a molecule from the nearest one.
///
/// METHOD: half of a disc lies within its radius over √2. The distance between nuclei would not do, since nuclei lie in
/// clumps, nor would their size. Where nuclei are missed the median hardly moves: on simulated and real tissue the
/// estimate is 1.0 to 1.3 times the radius of the cells (half the distance to the next nucleus: 0.55 to 2.4 times).
///
/// The spread is that of the medians of single nuclei. Shapes: `positions` and `segments` are `[n_molecules]`, in input
/// units. Errors: fewer than three segments, or no distances. The same for any number of threads.
pub fn scale_around_nuclei(
    positions: &Positions,
    segments: &[Option<SegmentIdx>],
) -> Result<ScaleEstimate, PriorError> {
    let counts = count_molecules(segments);
    let centers = segment_centers(positions, segments, &counts, 1);
    match centers.len() {
        0 => return Err(PriorError::NoSegments),
        n if n < MIN_SEGMENTS => {
            return Err(PriorError::TooFewSegments { n_segments: n, n_large: n, min_molecules_per_cell: 1 });
        }
        _ => {}
    }
    let tree = KdTree::new(&centers, None);
    let nearest: Vec<(u32, f64)> = (0..positions.len())
        .into_par_iter()
        .with_min_len(256)
        .map_init(Vec::new, |found, molecule| {
            tree.nearest(positions.at(molecule), 1, found);
            found.first().map_or((0, 0.0), |nearest| (nearest.point, nearest.distance2.sqrt()))
        })
        .collect();
    let mut distances: Vec<f64> = nearest.iter().map(|nearest| nearest.1).collect();
    let scale = std::f64::consts::SQRT_2 * stats::median(&mut distances);
    if !(scale > 0.0 && scale.is_finite()) {
        return Err(PriorError::Degenerate { scale });
    }
    let mut of_nucleus: Vec<Vec<f64>> = vec![Vec::new(); centers.len()];
    nearest.iter().for_each(|&(nucleus, distance)| of_nucleus[nucleus as usize].push(distance));
    let mut radii: Vec<f64> = of_nucleus
        .iter_mut()
        .filter(|distances| !distances.is_empty())
        .map(|distances| std::f64::consts::SQRT_2 * stats::median(distances))
        .collect();
    let spread = stats::mad(&mut radii);
    let floor = MIN_RELATIVE_STD * scale;
    Ok(ScaleEstimate { scale, scale_std: spread.max(floor), n_segments: centers.len(), std_was_raised: spread < floor })
}

/// Mean positions of the segments with at least `min_molecules` molecules, by index of the segment.
fn segment_centers(
    positions: &Positions,
    segments: &[Option<SegmentIdx>],
    counts: &[u32],
    min_molecules: usize,
) -> Positions {
    let mut sums = vec![[0.0f64; 3]; counts.len()];
    for (molecule, segment) in segments.iter().enumerate() {
        if let Some(segment) = segment {
            let at = positions.at(molecule);
            let sum = &mut sums[segment.idx()];
            for (sum, coordinate) in sum.iter_mut().zip(at) {
                *sum += coordinate;
            }
        }
    }
    let mut centers = Positions { z: positions.z.as_ref().map(|_| Vec::new()), ..Positions::default() };
    for (sum, &count) in sums.iter().zip(counts) {
        if count as usize >= min_molecules {
            let n = f64::from(count);
            centers.x.push(sum[0] / n);
            centers.y.push(sum[1] / n);
            if let Some(z) = &mut centers.z {
                z.push(sum[2] / n);
            }
        }
    }
    centers
}

/// Half the distance between every point and its nearest other. `[n_points]`
fn half_distances(centers: &Positions) -> Vec<f64> {
    let tree = KdTree::new(centers, None);
    (0..centers.len())
        .into_par_iter()
        .map_init(Vec::new, |found, center| {
            tree.nearest(centers.at(center), 2, found);
            let other = found.iter().find(|neighbor| neighbor.point as usize != center);
            other.map_or(0.0, |neighbor| neighbor.distance2.sqrt() / 2.0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two molecules per segment, around the centres (0, 0), (4, 0), (10, 0), (10, 10).
    fn four_segments() -> (Positions, Vec<Option<SegmentIdx>>) {
        let positions = Positions {
            x: vec![-1.0, 1.0, 4.0, 4.0, 9.0, 11.0, 10.0, 10.0, 50.0],
            y: vec![0.0, 0.0, -1.0, 1.0, 0.0, 0.0, 9.0, 11.0, 50.0],
            z: None,
        };
        let numbers = [1, 1, 2, 2, 3, 3, 4, 4, 0];
        (positions, numbers.iter().map(|&number| SegmentIdx::from_number(number)).collect())
    }

    #[test]
    fn radius_is_half_the_way_to_the_nearest_center() {
        let (positions, segments) = four_segments();
        let estimate = estimate_scale(&positions, &segments, 2).unwrap();
        // Radii 2, 2, 3, 5: median 2.5, deviations 0.5, 0.5, 0.5, 2.5.
        assert_eq!((estimate.scale, estimate.n_segments, estimate.std_was_raised), (2.5, 4, false));
        assert!((estimate.scale_std - 0.5 * 1.4826022185056018).abs() < 1e-12);
    }

    #[test]
    fn depth_counts_in_three_dimensions() {
        let (mut positions, segments) = four_segments();
        positions.z = Some(vec![0.0, 0.0, 3.0, 3.0, 3.0, 3.0, 0.0, 0.0, 0.0]);
        let estimate = estimate_scale(&positions, &segments, 2).unwrap();
        // Distances 5, 5, 6, sqrt(109).
        assert_eq!(estimate.scale, (2.5 + 3.0) / 2.0);
    }

    #[test]
    fn equal_radii_leave_a_small_spread() {
        let (mut positions, segments) = four_segments();
        positions.x = vec![0.0, 0.0, 4.0, 4.0, 8.0, 8.0, 12.0, 12.0, 50.0];
        positions.y = vec![0.0; 9];
        let estimate = estimate_scale(&positions, &segments, 1).unwrap();
        assert_eq!((estimate.scale, estimate.scale_std, estimate.std_was_raised), (2.0, 0.002, true));
    }

    #[test]
    fn too_few_large_segments_ask_for_the_scale() {
        let (positions, segments) = four_segments();
        let error = estimate_scale(&positions, &segments, 3).unwrap_err();
        assert_eq!(error, PriorError::TooFewSegments { n_segments: 4, n_large: 0, min_molecules_per_cell: 3 });
        assert!(error.to_string().contains("--scale"));
        let nothing = estimate_scale(&positions, &[None; 9], 3).unwrap_err();
        assert!(nothing.to_string().contains("--scale"));
    }

    #[test]
    fn nuclei_tell_the_radius_of_the_cells_around_them() {
        // Three far discs of radius 4, filled on a grid; the four molecules in the middle of each are its nucleus.
        let (mut positions, mut segments) = (Positions::default(), Vec::new());
        for disc in 0..3 {
            for i in -16..16 {
                for j in -16..16 {
                    let (x, y) = (0.25 * f64::from(i) + 0.125, 0.25 * f64::from(j) + 0.125);
                    if x * x + y * y < 16.0 {
                        positions.x.push(100.0 * f64::from(disc) + x);
                        positions.y.push(y);
                        segments.push((x * x + y * y < 0.05).then(|| SegmentIdx::new(disc as usize)));
                    }
                }
            }
        }
        let estimate = scale_around_nuclei(&positions, &segments).unwrap();
        assert!((estimate.scale - 4.0).abs() < 0.05 && estimate.n_segments == 3, "{estimate:?}");
        assert!(matches!(scale_around_nuclei(&positions, &vec![None; segments.len()]), Err(PriorError::NoSegments)));
    }

    #[test]
    fn coincident_centers_are_an_error() {
        let (mut positions, segments) = four_segments();
        positions.x = vec![0.0; 9];
        positions.y = vec![0.0; 9];
        assert_eq!(estimate_scale(&positions, &segments, 2), Err(PriorError::Degenerate { scale: 0.0 }));
    }
}
