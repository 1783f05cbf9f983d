//! The facts of a run, for the page with diagnostics.

use super::parameters::{real, whole};
use super::{Finished, scale};
use crate::cells::{Agreement, Likeness, Nuclei};
use crate::data::CellIdx;
use crate::io::stage::{NoteLevel, StageKind};
use crate::observe::Observer;
use crate::report::diagnostics::{Course, Made, Prior, Run};

/// Everything that the page tells of.
///
/// The scale is judged here, which takes some seconds.
pub fn run<'a>(finished: &Finished<'a>, observer: &dyn Observer) -> Run<'a> {
    let result = finished.result;
    let made = made(finished);
    let counts = &result.counts;
    let prior = prior(finished);
    let scale = (made.scale > 0.0).then(|| scale::check(finished, made.scale, prior.as_ref(), observer));
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
        prior,
        scale,
        made,
    }
}

fn made(finished: &Finished<'_>) -> Made {
    let (manifest, table) = (finished.manifest, &finished.result.table);
    let estimate =
        |name: &str| manifest.estimate(name).and_then(|estimate| estimate.value.as_f64()).unwrap_or(f64::NAN);
    let warnings = manifest.notes.iter().filter(|note| note.level == NoteLevel::Warning);
    Made {
        run_id: finished.result.run_id.clone(),
        version: manifest.program_version.clone(),
        seed: manifest.seed,
        n_genes: table.genes.len(),
        scale: estimate("scale"),
        scale_std: estimate("scale_std"),
        scale_origin: manifest.estimate("scale").map(|estimate| estimate.origin.clone()).unwrap_or_default(),
        min_molecules_per_cell: whole(manifest, "data.min_molecules_per_cell"),
        iterations: whole(manifest, "segmentation.iters"),
        prior_confidence: real(manifest, "segmentation.prior_segmentation_confidence").unwrap_or(0.0),
        is_3d: table.molecules.positions.z.is_some(),
        is_merged: manifest.stage == StageKind::Merge,
        warnings: warnings.map(|note| note.text.clone()).collect(),
    }
}

/// Cells beside the segments of the prior, if there is one.
fn prior(finished: &Finished<'_>) -> Option<Prior> {
    let result = finished.result;
    let segment_of = result.found.prior_segment.as_deref()?;
    let kept = result.segments.iter().flat_map(|segments| &segments.rows).filter(|row| row.kept);
    let (cell_of, n_cells) = (result.cell_of(), result.stats.n_cells());
    Some(Prior {
        agreement: Agreement::of(cell_of, n_cells, segment_of),
        nuclei: Nuclei::of(cell_of, n_cells, segment_of),
        radii: kept.filter_map(|row| row.radius).collect(),
    })
}
