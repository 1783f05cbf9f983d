//! `prior`: molecules with their prior segmentation, as a stage of its own.

use std::path::Path;

use anyhow::Context as _;
use serde_json::json;

use super::{FoundPrior, Picture, take};
use crate::config::{PriorSource, PriorStageSettings};
use crate::data::Positions;
use crate::io::export::overview::{self, Backdrop};
use crate::io::export::segments;
use crate::io::molecules::MoleculeTable;
use crate::io::stage::{Estimate, InputFingerprint, Manifest, MoleculeResults, SegmentTable, StageKind, StageWriter};
use crate::io::{atomic, images};
use crate::observe::Observer;
use crate::pipeline::{input, manifest};

/// Name of the picture in the folder.
const OVERVIEW: &str = "overview.png";
/// Name of the table of segments.
const SEGMENTS: &str = "segments.csv";
/// Name of the label image made from a stain.
const LABELS: &str = "prior_labels.tif";

/// Reads molecules and their prior segmentation and writes both, with what they tell.
pub fn run(settings: &PriorStageSettings, observer: &dyn Observer) -> anyhow::Result<()> {
    input::with_threads(settings.program.threads, || {
        // Where nothing can be written, nothing is read.
        drop(StageWriter::create(&settings.output, StageKind::Prior)?);
        let mut table = input::load(&settings.input, &settings.prior, observer)?;
        let found = take(&mut table, &settings.prior, true, observer)?.context("a prior segmentation is needed")?;
        let mut manifest = manifest::begin(StageKind::Prior, &settings.program);
        if let Some(PriorSource::File { path }) = &settings.prior.source {
            manifest.timing.paths.push(path.display().to_string());
        }
        write(&settings.output, &table, &found, settings.min_molecules_per_cell, manifest, observer)
    })
}

/// Writes the stage and the files to look at into a folder.
pub fn write(
    folder: &Path,
    table: &MoleculeTable,
    found: &FoundPrior,
    min_molecules_per_cell: usize,
    mut manifest: Manifest,
    observer: &dyn Observer,
) -> anyhow::Result<()> {
    observer.stage(&format!("Saving the prior segmentation to {}", folder.display()));
    let mut writer = StageWriter::create(folder, StageKind::Prior)?;
    let results = MoleculeResults { prior_segment: Some(found.prior.segment_of.clone()), ..MoleculeResults::default() };
    writer.molecules(table, &results)?;
    let mut n_of_gene = vec![0u32; table.genes.len()];
    table.molecules.genes.iter().for_each(|gene| n_of_gene[gene.idx()] += 1);
    writer.genes(&table.genes, &n_of_gene)?;
    writer.segments(&segment_columns(found))?;

    let positions = &table.molecules.positions;
    let backdrop = match (&found.picture, &found.placement) {
        (Picture::Labels(overview), Some(placement)) => Backdrop::Labels { overview, placement },
        (Picture::Boundaries(polygons), _) => Backdrop::Polygons(polygons),
        _ => Backdrop::Nothing,
    };
    let picture = overview::paint_overview(positions, &found.prior.segment_of, backdrop);
    overview::write_overview(&folder.join(OVERVIEW), &picture)?;
    segments::write_segments(&folder.join(SEGMENTS), &found.table)?;
    if let Some(labels) = &found.labels {
        let pixel_size = found.placement.map(|placement| placement.frame.pixel_size);
        atomic::write_file(&folder.join(LABELS), |file| images::write_labels(file, labels, pixel_size))?;
        observer.info(&format!("The nuclei found in the stain are in {}", folder.join(LABELS).display()));
    }

    manifest.inputs.push(InputFingerprint::new("molecules", table.fingerprint));
    manifest.inputs.extend(found.fingerprint.map(|fingerprint| InputFingerprint::new("prior", fingerprint)));
    manifest.timing.paths.insert(0, table.path.display().to_string());
    enter_estimates(&mut manifest, found, positions, min_molecules_per_cell, observer);
    enter_numbers(&mut manifest, found);
    writer.finish(manifest)?;
    observer.info(&format!("See {}: do the molecules lie where they should?", folder.join(OVERVIEW).display()));
    Ok(())
}

/// The segments that have molecules, by number.
fn segment_columns(found: &FoundPrior) -> SegmentTable {
    let rows = || found.table.rows.iter().enumerate().filter(|(_, row)| row.segment.is_some());
    SegmentTable {
        labels: Some(rows().map(|(at, _)| Some(found.table.labels.text(at).into_owned())).collect()),
        n_molecules: rows().map(|(_, row)| if row.kept { row.n_molecules } else { 0 }).collect(),
        centers: rows().map(|(_, row)| Some([row.center[0], row.center[1]])).collect(),
    }
}

fn enter_estimates(
    manifest: &mut Manifest,
    found: &FoundPrior,
    positions: &Positions,
    min_molecules_per_cell: usize,
    observer: &dyn Observer,
) {
    match found.scale(positions, min_molecules_per_cell) {
        Ok(scale) => {
            let origin = format!("estimated from {} prior segments", scale.n_segments);
            observer.info(&format!("Scale: {:.4}, standard deviation {:.4}, {origin}", scale.scale, scale.scale_std));
            manifest.estimates.push(Estimate::new("scale", scale.scale, &origin));
            manifest.estimates.push(Estimate::new("scale_std", scale.scale_std, &origin));
        }
        Err(error) => observer.warning(&format!("No scale: {error}")),
    }
    if let Some(placement) = &found.placement {
        let [low, high] = placement.rectangle();
        let mut enter = |name: &str, value: serde_json::Value| {
            manifest.estimates.push(Estimate::new(name, value, &found.placement_origin));
        };
        enter("pixel_size", json!(placement.frame.pixel_size));
        enter("image_corners", json!([low, high]));
    }
    if let Some(stain) = found.stain {
        for (name, value) in [
            ("stain_threshold", stain.threshold),
            ("stain_nucleus_radius_pixels", stain.radius),
            ("stain_sigma_pixels", stain.sigma),
            ("stain_min_area_pixels", stain.min_area),
        ] {
            manifest.estimates.push(Estimate::new(name, value, "the stain, unless given"));
        }
    }
}

fn enter_numbers(manifest: &mut Manifest, found: &FoundPrior) {
    let table = &found.table;
    let (n_kept, n_empty) = (table.n_kept(), table.n_without_molecules());
    let (n_inside, n_molecules) = (found.n_inside(), found.prior.segment_of.len());
    let mut enter = |name: &str, value: serde_json::Value| drop(manifest.summary.insert(name.to_owned(), value));
    enter("prior_kind", json!(found.kind));
    enter("n_molecules", json!(n_molecules));
    enter("n_segments", json!(table.rows.len()));
    enter("n_segments_kept", json!(n_kept));
    enter("n_segments_too_small", json!(table.rows.len() - n_kept - n_empty));
    enter("n_segments_without_molecules", json!(n_empty));
    enter("min_molecules_per_segment", json!(table.min_molecules_per_segment));
    enter("n_molecules_in_segments", json!(n_inside));
    enter("n_molecules_outside_segments", json!(n_molecules - n_inside));
    if let Some(overlap) = &found.overlap {
        enter("n_molecules_outside_prior", json!(overlap.n_molecules - overlap.n_inside));
        enter("density_in_segments_relative", json!(overlap.enrichment));
    }
}
