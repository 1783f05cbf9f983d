//! The facts of a run, for the page with diagnostics.

use super::Finished;
use crate::cells::{Agreement, Likeness};
use crate::config::options::find_path;
use crate::config::values::Value;
use crate::data::CellIdx;
use crate::io::stage::NoteLevel;
use crate::pipeline::manifest::value_of;
use crate::report::diagnostics::{Course, Made, Prior, Run};

/// Everything that the page tells of.
pub fn run<'a>(finished: &Finished<'a>) -> Run<'a> {
    let result = finished.result;
    let made = made(finished);
    let counts = &result.counts;
    Run {
        confidence: result.found.confidence.as_deref().unwrap_or_default(),
        assignment_confidence: result.found.assignment_confidence.as_deref(),
        cell_of: result.cell_of(),
        stats: &result.stats,
        genes_of_cell: (0..counts.n_cells()).map(|cell| counts.of(CellIdx::new(cell)).count() as u32).collect(),
        likeness: Likeness::of(&result.stats, counts, made.min_molecules_per_cell),
        course: Course { thresholds: &result.trace.thresholds, entries: &result.trace.entries },
        clusters: &result.clustering.clusters,
        compartments: &result.clustering.compartments,
        prior: prior(finished),
        scale: Vec::new(),
        made,
    }
}

fn made(finished: &Finished<'_>) -> Made {
    let (manifest, table) = (finished.manifest, &finished.result.table);
    let real = |name: &str| manifest.estimate(name).and_then(|estimate| estimate.value.as_f64()).unwrap_or(f64::NAN);
    let warnings = manifest.notes.iter().filter(|note| note.level == NoteLevel::Warning);
    Made {
        run_id: finished.result.run_id.clone(),
        version: manifest.program_version.clone(),
        seed: manifest.seed,
        n_genes: table.genes.len(),
        scale: real("scale"),
        scale_std: real("scale_std"),
        scale_origin: manifest.estimate("scale").map(|estimate| estimate.origin.clone()).unwrap_or_default(),
        min_molecules_per_cell: whole(finished, "data.min_molecules_per_cell"),
        iterations: whole(finished, "segmentation.iters"),
        prior_confidence: parameter(finished, "segmentation.prior_segmentation_confidence").unwrap_or(0.0),
        is_3d: table.molecules.positions.z.is_some(),
        warnings: warnings.map(|note| note.text.clone()).collect(),
    }
}

/// The value of a parameter, as a number.
fn parameter(finished: &Finished<'_>, path: &str) -> Option<f64> {
    match value_of(finished.manifest, find_path(path)?)? {
        Value::Int(number) => Some(number as f64),
        Value::Float(number) => Some(number),
        _ => None,
    }
}

/// The value of a parameter that is a count.
fn whole(finished: &Finished<'_>, path: &str) -> usize {
    parameter(finished, path).map_or(0, |value| value as usize)
}

/// Cells beside the segments of the prior, if there is one.
fn prior(finished: &Finished<'_>) -> Option<Prior> {
    let result = finished.result;
    let segment_of = result.found.prior_segment.as_deref()?;
    let kept = result.segments.iter().flat_map(|segments| &segments.rows).filter(|row| row.kept);
    Some(Prior {
        agreement: Agreement::of(result.cell_of(), result.stats.n_cells(), segment_of),
        radii: kept.filter_map(|row| row.radius).collect(),
    })
}
