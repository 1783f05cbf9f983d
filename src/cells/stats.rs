//! One row of statistics per cell.

use rayon::prelude::*;

use super::rounding::{STEPS_PER_UNIT, four_digits, written_steps};
use crate::data::{CellIdx, CellMembers, ClusterIdx, Positions, Segmentation};
use crate::spatial::hull;

/// Smallest number of molecules with which a cell has a shape.
const MIN_SHAPE_MOLECULES: usize = 3;
/// Cells a thread takes at once, at least.
const MIN_CELLS_PER_TASK: usize = 64;

/// Statistics of cells, a column each. All columns are `[n_cells]`, in order of the cell index.
///
/// A cell of fewer than three molecules has NaN for `density`, `elongation` and `area`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CellStats {
    /// Mean x of the molecules, in input units.
    pub x: Vec<f64>,
    /// Mean y of the molecules, in input units.
    pub y: Vec<f64>,
    /// Mean z of the molecules, in input units; for 3D data.
    pub z: Option<Vec<f64>>,
    /// The most frequent cluster of the molecules, the smallest among equals; when molecules are
    /// clustered. `None` only for a cell without molecules.
    pub cluster: Option<Vec<Option<ClusterIdx>>>,
    /// Number of molecules.
    pub n_transcripts: Vec<u32>,
    /// `n_transcripts / area`, four digits; infinite when the area is 0.
    pub density: Vec<f64>,
    /// Larger by smaller variance along the principal axes in x and y, four digits, at least 1.
    pub elongation: Vec<f64>,
    /// Area of the convex hull in x and y, in squared input units, four digits.
    pub area: Vec<f64>,
    /// Mean confidence of the molecules, four digits.
    pub avg_confidence: Vec<f64>,
    /// Mean assignment confidence of the molecules, four digits; when it was recorded.
    pub avg_assignment_confidence: Option<Vec<f64>>,
    /// Share of the most frequent cluster, 0..=1, not rounded; when molecules are clustered.
    pub max_cluster_frac: Option<Vec<f64>>,
    /// For how many recorded iterations the cell has existed; when there is a record.
    pub lifespan: Option<Vec<u32>>,
    /// Number of segments of the prior of which the cell holds more than half of the molecules, see [`Nuclei`]; with a
    /// prior that was used.
    ///
    /// [`Nuclei`]: super::Nuclei
    pub n_nuclei: Option<Vec<u32>>,
    /// Label of the prior segment that the cell started from, `None` for a cell that started without one; where segments
    /// own cells.
    pub prior_segment: Option<Vec<Option<String>>>,
}

/// A column of [`CellStats`] on its way to a file.
#[derive(Clone, Debug, PartialEq)]
pub struct StatColumn<'a> {
    /// Name in files.
    pub name: &'static str,
    /// Values. `[n_cells]`
    pub values: StatValues<'a>,
}

/// Values of a [`StatColumn`].
#[derive(Clone, Debug, PartialEq)]
pub enum StatValues<'a> {
    /// Real numbers.
    Real(&'a [f64]),
    /// Whole numbers; clusters are numbered from 1.
    Whole(Vec<i64>),
    /// Texts, some of which are missing.
    Text(&'a [Option<String>]),
}

impl CellStats {
    /// Number of cells.
    pub fn n_cells(&self) -> usize {
        self.n_transcripts.len()
    }

    /// The statistics of some of the cells, in their order in `kept`.
    pub fn select(&self, kept: &[CellIdx]) -> Self {
        fn of<T: Clone>(values: &[T], kept: &[CellIdx]) -> Vec<T> {
            kept.iter().map(|&cell| values[cell.idx()].clone()).collect()
        }
        fn some<T: Clone>(values: &Option<Vec<T>>, kept: &[CellIdx]) -> Option<Vec<T>> {
            values.as_deref().map(|values| of(values, kept))
        }
        Self {
            x: of(&self.x, kept),
            y: of(&self.y, kept),
            z: some(&self.z, kept),
            cluster: some(&self.cluster, kept),
            n_transcripts: of(&self.n_transcripts, kept),
            density: of(&self.density, kept),
            elongation: of(&self.elongation, kept),
            area: of(&self.area, kept),
            avg_confidence: of(&self.avg_confidence, kept),
            avg_assignment_confidence: some(&self.avg_assignment_confidence, kept),
            max_cluster_frac: some(&self.max_cluster_frac, kept),
            lifespan: some(&self.lifespan, kept),
            n_nuclei: some(&self.n_nuclei, kept),
            prior_segment: some(&self.prior_segment, kept),
        }
    }

    /// The columns that exist, in their order and under their names in files (spec 6.3).
    pub fn columns(&self) -> Vec<StatColumn<'_>> {
        fn real<'a>(name: &'static str, values: &'a [f64]) -> StatColumn<'a> {
            StatColumn { name, values: StatValues::Real(values) }
        }
        let whole = |name, values: &[u32]| StatColumn {
            name,
            values: StatValues::Whole(values.iter().copied().map(i64::from).collect()),
        };
        let mut columns = vec![real("x", &self.x), real("y", &self.y)];
        columns.extend(self.z.as_ref().map(|values| real("z", values)));
        columns.extend(self.cluster.as_ref().map(|values| {
            let numbers: Vec<u32> = values.iter().map(|cluster| cluster.map_or(0, ClusterIdx::number)).collect();
            whole("cluster", &numbers)
        }));
        columns.push(whole("n_transcripts", &self.n_transcripts));
        columns.push(real("density", &self.density));
        columns.push(real("elongation", &self.elongation));
        columns.push(real("area", &self.area));
        columns.push(real("avg_confidence", &self.avg_confidence));
        columns.extend(self.avg_assignment_confidence.as_ref().map(|values| real("avg_assignment_confidence", values)));
        columns.extend(self.max_cluster_frac.as_ref().map(|values| real("max_cluster_frac", values)));
        columns.extend(self.lifespan.as_ref().map(|values| whole("lifespan", values)));
        // Later columns than those of 0.7.1 stand last.
        columns.extend(self.n_nuclei.as_ref().map(|values| whole("n_nuclei", values)));
        let labels = self.prior_segment.as_deref();
        columns.extend(labels.map(|labels| StatColumn { name: "prior_segment", values: StatValues::Text(labels) }));
        columns
    }
}

/// Computes the statistics of every cell, but for those that a prior segmentation adds: `n_nuclei`, `prior_segment`.
///
/// Shapes: `positions`, `confidence` (0..=1) and `clusters` are `[n_molecules]` in the order of
/// `segmentation.cell_of`, which `members` inverts. z counts in its own mean only.
/// Source: spec 6.3. Draws nothing; a cell is summed by one thread in order of its molecules, so
/// the result is the same for any number of threads.
pub fn cell_stats(
    positions: &Positions,
    confidence: &[f32],
    clusters: Option<&[ClusterIdx]>,
    segmentation: &Segmentation,
    members: &CellMembers,
) -> CellStats {
    let evidence =
        Evidence { positions, confidence, clusters, assignment: segmentation.assignment_confidence.as_deref() };
    let rows: Vec<Row> = (0..members.n_cells())
        .into_par_iter()
        .with_min_len(MIN_CELLS_PER_TASK)
        .map_init(Scratch::default, |scratch, cell| evidence.row(members.of(CellIdx::new(cell)), scratch))
        .collect();
    let column = |pick: fn(&Row) -> f64| rows.iter().map(pick).collect::<Vec<f64>>();
    CellStats {
        x: column(|row| row.center[0]),
        y: column(|row| row.center[1]),
        z: positions.z.is_some().then(|| column(|row| row.center[2])),
        cluster: clusters.map(|_| rows.iter().map(|row| row.cluster).collect()),
        n_transcripts: rows.iter().map(|row| row.n).collect(),
        density: column(|row| row.density),
        elongation: column(|row| row.elongation),
        area: column(|row| row.area),
        avg_confidence: column(|row| row.confidence),
        avg_assignment_confidence: evidence.assignment.map(|_| column(|row| row.assignment_confidence)),
        max_cluster_frac: clusters.map(|_| column(|row| row.cluster_share)),
        lifespan: segmentation.lifespans.clone(),
        n_nuclei: None,
        prior_segment: None,
    }
}

/// What is known about molecules, each `[n_molecules]`.
struct Evidence<'a> {
    positions: &'a Positions,
    confidence: &'a [f32],
    clusters: Option<&'a [ClusterIdx]>,
    assignment: Option<&'a [f32]>,
}

/// Memory that is reused from cell to cell.
#[derive(Default)]
struct Scratch {
    points: Vec<[f64; 2]>,
    clusters: Vec<ClusterIdx>,
}

/// Statistics of one cell.
struct Row {
    center: [f64; 3],
    cluster: Option<ClusterIdx>,
    n: u32,
    density: f64,
    elongation: f64,
    area: f64,
    confidence: f64,
    assignment_confidence: f64,
    cluster_share: f64,
}

impl Evidence<'_> {
    fn row(&self, molecules: &[u32], scratch: &mut Scratch) -> Row {
        let axis = |values: &[f64]| mean(molecules, |molecule| values[molecule]);
        let written = |values: &[f32]| four_digits(written_mean(molecules, values));
        let (cluster, cluster_share) = self.most_frequent_cluster(molecules, &mut scratch.clusters);
        let mut row = Row {
            center: [
                axis(&self.positions.x),
                axis(&self.positions.y),
                self.positions.z.as_deref().map_or(f64::NAN, axis),
            ],
            cluster,
            n: molecules.len() as u32,
            density: f64::NAN,
            elongation: f64::NAN,
            area: f64::NAN,
            confidence: written(self.confidence),
            assignment_confidence: self.assignment.map_or(f64::NAN, written),
            cluster_share,
        };
        if molecules.len() >= MIN_SHAPE_MOLECULES {
            let points = &mut scratch.points;
            points.clear();
            points.extend(molecules.iter().map(|&m| [self.positions.x[m as usize], self.positions.y[m as usize]]));
            row.elongation = four_digits(elongation(points, [row.center[0], row.center[1]]));
            row.area = four_digits(hull::area(&hull::convex_hull(points)));
            // KEEPS: the density divides by the area as it is written, not by the exact one.
            row.density = four_digits(molecules.len() as f64 / row.area);
        }
        row
    }

    /// The cluster that most of the molecules have, with its share.
    ///
    /// DIFFERS: among equally frequent clusters 0.7.1 takes the one that is complete first in the
    /// order of molecules; the smallest number does not depend on that order.
    fn most_frequent_cluster(&self, molecules: &[u32], sorted: &mut Vec<ClusterIdx>) -> (Option<ClusterIdx>, f64) {
        let Some(clusters) = self.clusters else { return (None, f64::NAN) };
        sorted.clear();
        sorted.extend(molecules.iter().map(|&molecule| clusters[molecule as usize]));
        sorted.sort_unstable();
        let mut best: &[ClusterIdx] = &[];
        for run in sorted.chunk_by(|a, b| a == b) {
            if run.len() > best.len() {
                best = run;
            }
        }
        (best.first().copied(), best.len() as f64 / molecules.len() as f64)
    }
}

/// Mean over molecules; NaN without any.
fn mean(molecules: &[u32], value: impl Fn(usize) -> f64) -> f64 {
    molecules.iter().map(|&molecule| value(molecule as usize)).sum::<f64>() / molecules.len() as f64
}

/// Mean over molecules of confidences as they are written; NaN without molecules.
fn written_mean(molecules: &[u32], confidence: &[f32]) -> f64 {
    let steps: u64 = molecules.iter().map(|&molecule| written_steps(confidence[molecule as usize])).sum();
    steps as f64 / (molecules.len() as f64 * STEPS_PER_UNIT)
}

/// Ratio of the eigenvalues of the covariance of `points`, larger by smaller. Infinite for points
/// on a line, NaN for points that all coincide.
///
/// METHOD: the divisor of the covariance cancels in the ratio. The smaller eigenvalue comes from
/// the determinant, because its difference form loses all digits for long thin cells.
fn elongation(points: &[[f64; 2]], center: [f64; 2]) -> f64 {
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for point in points {
        let (dx, dy) = (point[0] - center[0], point[1] - center[1]);
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    let half_difference = (xx - yy) / 2.0;
    let larger = (xx + yy) / 2.0 + (half_difference * half_difference + xy * xy).sqrt();
    let smaller = ((xx * yy - xy * xy) / larger).max(0.0);
    // Rounding may put the ratio of a round cell a hair below 1.
    if larger > 0.0 { (larger / smaller).max(1.0) } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats_of(points: &[[f64; 2]]) -> CellStats {
        let n = points.len();
        let positions = Positions {
            x: points.iter().map(|point| point[0]).collect(),
            y: points.iter().map(|point| point[1]).collect(),
            z: None,
        };
        let segmentation =
            Segmentation { n_cells: 1, cell_of: vec![Some(CellIdx::new(0)); n], ..Segmentation::default() };
        let members = CellMembers::group(&segmentation.cell_of, 1);
        cell_stats(&positions, &vec![0.5; n], None, &segmentation, &members)
    }

    #[test]
    fn rectangle_has_its_area_and_the_ratio_of_its_squared_sides() {
        let stats = stats_of(&[[0.0, 0.0], [4.0, 0.0], [0.0, 2.0], [4.0, 2.0]]);
        assert_eq!((stats.x[0], stats.y[0], stats.n_transcripts[0]), (2.0, 1.0, 4));
        assert_eq!((stats.area[0], stats.density[0], stats.elongation[0]), (8.0, 0.5, 4.0));
        assert_eq!(stats.avg_confidence[0], 0.5);
        assert!(stats.z.is_none() && stats.cluster.is_none() && stats.avg_assignment_confidence.is_none());
    }

    #[test]
    fn density_divides_by_the_rounded_area() {
        // Area 8.00064 is written as 8.001; 4 / 8.00064 would round to 0.5.
        let stats = stats_of(&[[0.0, 0.0], [4.000_32, 0.0], [0.0, 2.0], [4.000_32, 2.0]]);
        assert_eq!((stats.area[0], stats.density[0]), (8.001, 0.4999));
    }

    #[test]
    fn two_molecules_have_no_shape() {
        let stats = stats_of(&[[0.0, 0.0], [1.0, 0.0]]);
        assert!(stats.area[0].is_nan() && stats.density[0].is_nan() && stats.elongation[0].is_nan());
        assert_eq!((stats.x[0], stats.n_transcripts[0]), (0.5, 2));
    }

    #[test]
    fn molecules_on_a_line_have_no_area_and_infinite_density() {
        let stats = stats_of(&[[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]);
        assert_eq!((stats.area[0], stats.density[0], stats.elongation[0]), (0.0, f64::INFINITY, f64::INFINITY));
        assert!(stats_of(&[[3.0, 3.0]; 4]).elongation[0].is_nan());
    }

    #[test]
    fn cluster_is_the_most_frequent_and_the_smallest_of_equals() {
        let clusters: Vec<_> = [2, 2, 1, 1, 3].into_iter().map(ClusterIdx::new).collect();
        let segmentation = Segmentation {
            n_cells: 1,
            cell_of: vec![Some(CellIdx::new(0)); 5],
            assignment_confidence: Some(vec![1.0, 1.0, 1.0, 1.0, 0.123_456]),
            lifespans: Some(vec![7]),
            started_from: None,
        };
        let positions = Positions { x: vec![0.0; 5], y: vec![0.0; 5], z: Some(vec![1.0, 2.0, 3.0, 4.0, 5.0]) };
        let members = CellMembers::group(&segmentation.cell_of, 1);
        let stats = cell_stats(&positions, &[1.0; 5], Some(&clusters), &segmentation, &members);
        assert_eq!(stats.cluster, Some(vec![Some(ClusterIdx::new(1))]));
        assert_eq!(stats.max_cluster_frac, Some(vec![0.4]));
        assert_eq!(stats.avg_assignment_confidence, Some(vec![0.8247]));
        assert_eq!(stats.z, Some(vec![3.0]));
        let names: Vec<_> = stats.columns().into_iter().map(|column| column.name).collect();
        assert_eq!(
            names.join(" "),
            "x y z cluster n_transcripts density elongation area avg_confidence avg_assignment_confidence \
             max_cluster_frac lifespan"
        );
    }

    #[test]
    fn what_a_prior_adds_stands_last_and_goes_with_its_cells() {
        let label = |text: &str| Some(text.to_owned());
        let zeros = || vec![0.0; 3];
        let stats = CellStats {
            x: zeros(),
            y: zeros(),
            n_transcripts: vec![5; 3],
            density: zeros(),
            elongation: zeros(),
            area: zeros(),
            avg_confidence: zeros(),
            n_nuclei: Some(vec![1, 0, 2]),
            prior_segment: Some(vec![label("n 7"), None, label("n 9")]),
            ..CellStats::default()
        };
        let names: Vec<_> = stats.columns().into_iter().map(|column| column.name).collect();
        assert_eq!(names[names.len() - 3..], ["avg_confidence", "n_nuclei", "prior_segment"]);
        let kept = stats.select(&[CellIdx::new(2), CellIdx::new(1)]);
        assert_eq!((kept.n_nuclei, kept.prior_segment), (Some(vec![2, 0]), Some(vec![label("n 9"), None])));
    }

    /// Five cells of simulated tissue and their statistics by an independent implementation of the
    /// original's definitions. Molecules: x, y, confidence, cell.
    #[test]
    fn statistics_of_simulated_cells_agree_with_the_reference() {
        let molecules = include_str!("../../tests/data/cell_stats/molecules.csv");
        let rows = |text: &'static str| {
            let fields = |line: &str| line.split(',').map(|field| field.parse().expect("a number")).collect();
            text.lines().skip(1).map(fields).collect::<Vec<Vec<f64>>>()
        };
        let table = rows(molecules);
        let expected = rows(include_str!("../../tests/data/cell_stats/expected.csv"));
        let column = |idx: usize| table.iter().map(|row| row[idx]).collect::<Vec<f64>>();
        let positions = Positions { x: column(0), y: column(1), z: None };
        let confidence: Vec<f32> = column(2).into_iter().map(|value| value as f32).collect();
        let cell_of: Vec<_> = column(3).into_iter().map(|number| CellIdx::from_number(number as u32)).collect();
        let segmentation = Segmentation { n_cells: expected.len(), cell_of, ..Segmentation::default() };
        let members = CellMembers::group(&segmentation.cell_of, segmentation.n_cells);
        let stats = cell_stats(&positions, &confidence, None, &segmentation, &members);
        assert!(expected.len() >= 5);
        for (cell, row) in expected.iter().enumerate() {
            assert!((stats.x[cell] - row[1]).abs() < 1e-8 && (stats.y[cell] - row[2]).abs() < 1e-8, "center of {cell}");
            let found = [stats.density[cell], stats.elongation[cell], stats.area[cell], stats.avg_confidence[cell]];
            assert_eq!(f64::from(stats.n_transcripts[cell]), row[3]);
            for (found, expected) in found.iter().zip(&row[4..8]) {
                assert!(found == expected || found.is_nan() && expected.is_nan(), "cell {cell}: {found}, {expected}");
            }
        }
    }
}
