//! The manifest of a merged slide.

use serde_json::{Value, json};

use super::super::recorder::Recorder;
use super::join::Joined;
use super::tiles::Tiles;
use crate::cells::NucleusCounts;
use crate::cells::seams::{SeamCounts, Seams};
use crate::config::MergeSettings;
use crate::data::GeneTable;
use crate::io::stage::{MIN_MOLECULES_PER_SEGMENT, Manifest, StageNote};
use crate::pipeline::{manifest, nuclei_of_cells};

/// What was put together.
pub struct Merged<'a> {
    /// The cells.
    pub seams: &'a Seams,
    /// The molecules.
    pub joined: &'a Joined,
    /// Cells and the segments of the prior, if it was used.
    pub nuclei: Option<NucleusCounts>,
}

/// The manifest: settings, inputs and estimates that the tiles have in common, and the summary of a run with an object
/// `seams` about the borders.
pub fn manifest(
    tiles: &Tiles,
    merged: &Merged<'_>,
    genes: &GeneTable,
    settings: &MergeSettings,
    recorder: &Recorder<'_>,
) -> anyhow::Result<Manifest> {
    let Merged { seams, joined, nuclei } = merged;
    let first = tiles.first().stage.manifest();
    let others = || tiles.iter().map(|tile| tile.stage.manifest()).skip(1);
    let mut manifest = manifest::begin(crate::io::stage::StageKind::Merge, &settings.program, &[]);
    manifest.seed = first.seed;
    manifest.parameters.clone_from(&first.parameters);
    manifest.run_id = Some(tiles.first().place.run_id.clone());
    for (at, input) in first.inputs.iter().enumerate() {
        if others().all(|other| other.inputs.contains(input)) {
            manifest.inputs.push(input.clone());
            manifest.timing.paths.push(first.timing.paths.get(at).cloned().unwrap_or_default());
        }
    }
    let is_common = |estimate: &&_| others().all(|other| other.estimates.contains(estimate));
    manifest.estimates = first.estimates.iter().filter(is_common).cloned().collect();
    let mut enter = |name: &str, value: Value| drop(manifest.summary.insert(name.to_owned(), value));
    let (n_cells, Joined { n_molecules, n_in_cells, .. }) = (seams.n_cells(), **joined);
    enter("n_tiles", json!(tiles.len()));
    enter("n_molecules", json!(n_molecules));
    enter("n_genes", json!(genes.len()));
    enter("n_cells", json!(n_cells));
    enter("n_molecules_in_cells", json!(n_in_cells));
    enter("noise_share", json!((n_molecules - n_in_cells) as f64 / n_molecules.max(1) as f64));
    enter("mean_molecules_per_cell", json!(n_in_cells as f64 / n_cells as f64));
    enter("seams", of_seams(&seams.counts));
    if let Some(nuclei) = nuclei {
        enter("nuclei", nuclei_of_cells::summary(nuclei));
    }
    for name in ["n_segments", "n_segments_kept", MIN_MOLECULES_PER_SEGMENT] {
        if let Some(value) = first.summary.get(name) {
            enter(name, value.clone());
        }
    }
    let n_iterations = tiles.iter().filter_map(|tile| tile.stage.manifest().summary.get("n_iterations")?.as_u64());
    if let Some(most) = n_iterations.max() {
        enter("n_iterations", json!(most));
    }
    manifest.notes = notes(tiles, recorder);
    recorder.enter_times(&mut manifest);
    Ok(manifest)
}

/// Notes of all tiles, each text once, then those of the merge.
fn notes(tiles: &Tiles, recorder: &Recorder<'_>) -> Vec<StageNote> {
    let mut notes: Vec<StageNote> = Vec::new();
    for note in tiles.iter().flat_map(|tile| &tile.stage.manifest().notes).cloned().chain(recorder.notes()) {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}

fn of_seams(counts: &SeamCounts) -> Value {
    json!({
        "n_molecules_in_overlaps": counts.n_shared_molecules,
        "n_cells_in_overlaps": counts.n_cells_in_overlaps,
        "n_cells_across_borders": counts.n_cells_across_borders,
        "n_pairs_of_same_cells": counts.n_matches,
        "n_duplicates": counts.n_duplicates,
        "n_rescued": counts.n_rescued,
        "n_emptied": counts.n_emptied,
        "n_conflicting_molecules": counts.n_conflicts,
        "n_following_molecules": counts.n_followers,
        "n_freed_molecules": counts.n_freed,
        "n_cells_at_rim": counts.n_at_rim,
    })
}
