//! What a prior segmentation that was used adds to the table of cells, and what is reported about it.

use serde_json::{Value, json};

use super::manifest::value_of;
use super::results::RunResult;
use crate::cells::{Nuclei, NucleusCounts};
use crate::config::options::find_path;
use crate::config::values::Value as Setting;
use crate::data::SegmentIdx;
use crate::io::stage::Manifest;

/// Share of the cells with several nuclei beyond which the user is warned.
const TOO_MANY: f64 = 0.05;

/// Counts the nuclei of cells and enters the columns `n_nuclei` and, where segments own cells, `prior_segment`.
///
/// `started_from`: as in [`Segmentation`](crate::data::Segmentation). Nothing happens without a prior segmentation of the
/// user: nuclei that genes show are in no table.
pub fn measure(result: &mut RunResult, started_from: Option<Vec<Option<SegmentIdx>>>) -> Option<NucleusCounts> {
    let (segments, segment_of) = (result.segments.as_ref()?, result.found.prior_segment.as_deref()?);
    let nuclei = Nuclei::of(result.cell_of(), result.stats.n_cells(), segment_of);
    result.stats.prior_segment = started_from.map(|started_from| segments.labels_of(&started_from));
    result.stats.n_nuclei = Some(nuclei.n_of_cell);
    Some(nuclei.counts)
}

/// The numbers for the summary of a manifest.
pub fn summary(counts: &NucleusCounts) -> Value {
    json!({
        "n_cells_without_nucleus": counts.n_cells_without,
        "n_cells_with_one_nucleus": counts.n_cells_with_one,
        "n_cells_with_several_nuclei": counts.n_cells_with_several,
        "n_nuclei_whole": counts.n_whole,
        "n_nuclei_divided": counts.n_divided,
        "n_nuclei_without_cell": counts.n_without_cell,
    })
}

/// What to say where many cells have several nuclei. `confidence`: that in the prior, 0..=1.
pub fn warning(counts: &NucleusCounts, confidence: f64) -> Option<String> {
    let share = counts.several_share();
    if share.is_nan() || share <= TOO_MANY {
        return None;
    }
    let higher = if confidence < 1.0 { "a higher --prior-segmentation-confidence, or " } else { "" };
    Some(format!(
        "{:.1} % of the cells ({} of {}) hold several nuclei: more than half of the molecules of two or more segments of \
         the prior each. Its confidence was {confidence}. If the segments are nuclei, or whole cells, use \
         {higher}--prior-segments nuclei, with which every nucleus has a cell of its own",
        100.0 * share,
        counts.n_cells_with_several,
        counts.n_cells()
    ))
}

/// The confidence in the prior segmentation that a stage was made with.
pub fn confidence_of(manifest: &Manifest) -> f64 {
    let value = find_path("segmentation.prior_segmentation_confidence").and_then(|def| value_of(manifest, def));
    match value {
        Some(Setting::Float(confidence)) => confidence,
        Some(Setting::Int(confidence)) => confidence as f64,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(n_without: u64, n_one: u64, n_several: u64) -> NucleusCounts {
        NucleusCounts {
            n_cells_without: n_without,
            n_cells_with_one: n_one,
            n_cells_with_several: n_several,
            ..NucleusCounts::default()
        }
    }

    #[test]
    fn more_than_one_cell_in_twenty_with_several_nuclei_is_warned_of() {
        let text = warning(&counts(10, 84, 6), 0.2).unwrap();
        assert!(text.starts_with("6.0 % of the cells (6 of 100) hold several nuclei"), "{text}");
        for part in ["confidence was 0.2", "higher --prior-segmentation-confidence", "--prior-segments nuclei"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(warning(&counts(10, 85, 5), 0.2), None);
        assert_eq!(warning(&counts(0, 0, 0), 0.2), None);
        assert!(!warning(&counts(0, 1, 1), 1.0).unwrap().contains("higher"));
    }

    #[test]
    fn summary_has_cells_and_nuclei() {
        let counts = NucleusCounts { n_whole: 4, n_divided: 5, n_without_cell: 6, ..counts(1, 2, 3) };
        let summary = summary(&counts);
        assert_eq!(summary["n_cells_with_several_nuclei"], 3);
        assert_eq!(summary.as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>(), 21);
    }
}
