//! Which cells are good enough: limits of their statistics.

use super::CellStats;

/// A statistic of cells that can be limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// Number of molecules.
    NTranscripts,
    /// Area of the convex hull, in squared input units.
    Area,
    /// Molecules per area.
    Density,
    /// Ratio of the variances along the main axes.
    Elongation,
    /// Mean confidence of the molecules.
    AvgConfidence,
    /// Mean assignment confidence of the molecules.
    AvgAssignmentConfidence,
    /// Share of the most frequent cluster.
    MaxClusterFrac,
    /// For how many recorded iterations the cell has existed.
    Lifespan,
    /// Number of segments of the prior of which the cell holds more than half of the molecules.
    NNuclei,
}

impl Statistic {
    /// The name of its column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NTranscripts => "n_transcripts",
            Self::Area => "area",
            Self::Density => "density",
            Self::Elongation => "elongation",
            Self::AvgConfidence => "avg_confidence",
            Self::AvgAssignmentConfidence => "avg_assignment_confidence",
            Self::MaxClusterFrac => "max_cluster_frac",
            Self::Lifespan => "lifespan",
            Self::NNuclei => "n_nuclei",
        }
    }

    /// Its value for a cell; `None` if it was not computed for any cell.
    fn of(self, stats: &CellStats, cell: usize) -> Option<f64> {
        let some = |values: &Option<Vec<f64>>| values.as_ref().map(|values| values[cell]);
        match self {
            Self::NTranscripts => Some(stats.n_transcripts[cell].into()),
            Self::Area => Some(stats.area[cell]),
            Self::Density => Some(stats.density[cell]),
            Self::Elongation => Some(stats.elongation[cell]),
            Self::AvgConfidence => Some(stats.avg_confidence[cell]),
            Self::AvgAssignmentConfidence => some(&stats.avg_assignment_confidence),
            Self::MaxClusterFrac => some(&stats.max_cluster_frac),
            Self::Lifespan => stats.lifespan.as_ref().map(|values| values[cell].into()),
            Self::NNuclei => stats.n_nuclei.as_ref().map(|values| values[cell].into()),
        }
    }

    /// Whether it was computed.
    pub fn is_in(self, stats: &CellStats) -> bool {
        match self {
            Self::AvgAssignmentConfidence => stats.avg_assignment_confidence.is_some(),
            Self::MaxClusterFrac => stats.max_cluster_frac.is_some(),
            Self::Lifespan => stats.lifespan.is_some(),
            Self::NNuclei => stats.n_nuclei.is_some(),
            _ => true,
        }
    }
}

/// A limit that a cell must keep, itself included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CellFilter {
    /// What is limited.
    pub statistic: Statistic,
    /// Least value, if there is one.
    pub min: Option<f64>,
    /// Greatest value, if there is one.
    pub max: Option<f64>,
}

impl CellFilter {
    /// Whether a value is within the limits. What is no number is not: nothing is known of the shape of so small a cell.
    fn admits(&self, value: f64) -> bool {
        !value.is_nan() && self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max)
    }
}

/// The cells that keep all limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilteredCells {
    /// Whether each cell is kept. `[n_cells]`
    pub kept: Vec<bool>,
    /// Cells beyond the limits of each filter, whatever the others say. `[n_filters]`
    pub n_beyond: Vec<usize>,
}

/// Looks which cells keep all of the limits. A statistic that was not computed limits nothing; see [`Statistic::is_in`].
pub fn filter_cells(stats: &CellStats, filters: &[CellFilter]) -> FilteredCells {
    let mut kept = vec![true; stats.n_cells()];
    let n_beyond = filters
        .iter()
        .map(|filter| {
            let mut n = 0;
            for (cell, kept) in kept.iter_mut().enumerate() {
                if filter.statistic.of(stats, cell).is_some_and(|value| !filter.admits(value)) {
                    *kept = false;
                    n += 1;
                }
            }
            n
        })
        .collect();
    FilteredCells { kept, n_beyond }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats() -> CellStats {
        CellStats {
            n_transcripts: vec![2, 30, 30, 500],
            area: vec![f64::NAN, 0.0, 9.0, 100.0],
            density: vec![f64::NAN, f64::INFINITY, 3.3, 5.0],
            elongation: vec![f64::NAN, f64::INFINITY, 2.0, 1.5],
            avg_confidence: vec![0.9, 0.5, 0.95, 0.8],
            ..CellStats::default()
        }
    }

    fn kept(statistic: Statistic, min: Option<f64>, max: Option<f64>) -> Vec<bool> {
        filter_cells(&stats(), &[CellFilter { statistic, min, max }]).kept
    }

    #[test]
    fn limits_are_included_and_what_is_no_number_is_beyond_all() {
        assert_eq!(kept(Statistic::NTranscripts, Some(30.0), Some(500.0)), [false, true, true, true]);
        assert_eq!(kept(Statistic::NTranscripts, None, Some(499.0)), [true, true, true, false]);
        assert_eq!(kept(Statistic::Area, Some(0.0), None), [false, true, true, true]);
        assert_eq!(kept(Statistic::Elongation, None, Some(1e300)), [false, false, true, true]);
        assert_eq!(kept(Statistic::Density, Some(4.0), None), [false, true, false, true]);
    }

    #[test]
    fn nuclei_are_limited_where_they_were_counted() {
        let counted = CellStats { n_nuclei: Some(vec![0, 1, 2, 1]), ..stats() };
        let kept = |min, max| filter_cells(&counted, &[CellFilter { statistic: Statistic::NNuclei, min, max }]).kept;
        assert_eq!(kept(Some(1.0), Some(1.0)), [false, true, false, true]);
        assert_eq!(kept(None, Some(0.0)), [true, false, false, false]);
        assert_eq!(kept(Some(2.0), None), [false, false, true, false]);
        assert!(Statistic::NNuclei.is_in(&counted) && !Statistic::NNuclei.is_in(&stats()));
    }

    #[test]
    fn every_filter_counts_for_itself_and_a_cell_must_keep_all() {
        let filter = |statistic, min| CellFilter { statistic, min: Some(min), max: None };
        let filters = [filter(Statistic::NTranscripts, 30.0), filter(Statistic::AvgConfidence, 0.7)];
        let found = filter_cells(&stats(), &filters);
        assert_eq!(found, FilteredCells { kept: vec![false, false, true, true], n_beyond: vec![1, 1] });
        assert!(!Statistic::Lifespan.is_in(&stats()));
        assert_eq!(kept(Statistic::Lifespan, Some(1.0), None), [true; 4]);
        assert_eq!(filter_cells(&stats(), &[]).kept, [true; 4]);
    }
}
