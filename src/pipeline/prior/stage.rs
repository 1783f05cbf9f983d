//! `prior`: molecules with their prior segmentation, as a stage of its own.

use std::path::Path;

use anyhow::Context as _;
use serde_json::json;

use super::{FoundPrior, Picture, Prior, take};
use crate::config::file::{Given, Origin};
use crate::config::options::{Command, OPTIONS, OptionDef, Place};
use crate::config::stage::is_inherited;
use crate::config::values::Value;
use crate::config::{InputSettings, PriorSettings, PriorSource, PriorStage, PriorStageSettings, ProgramSettings};
use crate::data::{Positions, SegmentIdx};
use crate::io::export::overview::{self, Backdrop};
use crate::io::export::segments;
use crate::io::molecules::{CarriedPlan, MoleculeTable, Scan};
use crate::io::stage::{
    Estimate, InputFingerprint, MIN_MOLECULES_PER_SEGMENT, Manifest, MoleculeResults, StageError, StageKind,
    StageReader, StageWriter,
};
use crate::io::{atomic, images};
use crate::observe::Observer;
use crate::pipeline::manifest::molecules_of_genes;
use crate::pipeline::recorder::Recorder;
use crate::pipeline::{input, manifest};

/// Name of the picture in the folder.
const OVERVIEW: &str = "overview.png";
/// Name of the table of segments.
const SEGMENTS: &str = "segments.csv";
/// Name of the label image made from a stain.
const LABELS: &str = "prior_labels.tif";
/// The files that lie beside the tables of the stage.
pub const FILES_TO_LOOK_AT: [&str; 3] = [OVERVIEW, SEGMENTS, LABELS];

/// Reads molecules and their prior segmentation and writes both, with what they tell.
pub fn run(settings: &PriorStageSettings, observer: &dyn Observer) -> anyhow::Result<()> {
    input::with_threads(settings.program.threads, || {
        // Where nothing can be written, nothing is read.
        drop(StageWriter::create(&settings.output, StageKind::Prior)?);
        let recorder = Recorder::new(observer);
        let files = read_files(&settings.input, &settings.prior, true, &recorder)?;
        let manifest = begin(&settings.program, &settings.prior, &recorder);
        write(&settings.output, &files, settings.min_molecules_per_cell, &settings.prior, manifest, &recorder)
    })
}

/// Molecules and their prior segmentation, as their files have them.
pub struct Files {
    /// The molecules.
    pub table: MoleculeTable,
    /// Their prior segmentation, if there is one.
    pub prior: Option<FoundPrior>,
    /// Paths of the molecule table and of a prior segmentation in a file.
    pub paths: Vec<String>,
}

/// Reads what the settings name. `keep_labels` keeps the label image of a segmented stain.
pub fn read_files(
    input: &InputSettings,
    prior: &PriorSettings,
    keep_labels: bool,
    recorder: &Recorder<'_>,
) -> anyhow::Result<Files> {
    let of_prior = name_prior(prior, recorder);
    let mut table = input::load(input, prior, recorder)?;
    let prior = take(&mut table, prior, keep_labels, recorder)?;
    let paths = std::iter::once(table.path.display().to_string()).chain(of_prior).collect();
    Ok(Files { table, prior, paths })
}

/// [`read_files`] without carried columns, and the plan to read these in a second pass.
pub fn scan_files(
    input: &InputSettings,
    prior: &PriorSettings,
    recorder: &Recorder<'_>,
) -> anyhow::Result<(Files, CarriedPlan)> {
    let of_prior = name_prior(prior, recorder);
    let Scan { mut table, plan } = input::scan(input, prior, recorder)?;
    let prior = take(&mut table, prior, false, recorder)?;
    let paths = std::iter::once(table.path.display().to_string()).chain(of_prior).collect();
    Ok((Files { table, prior, paths }, plan))
}

/// The path of a prior segmentation in a file, which the recorder is told.
fn name_prior(prior: &PriorSettings, recorder: &Recorder<'_>) -> Option<String> {
    let Some(PriorSource::File { path }) = &prior.source else { return None };
    let path = path.display().to_string();
    recorder.call(path.clone(), "the prior segmentation");
    Some(path)
}

/// The manifest of the stage, as far as the settings tell, with what was said so far.
pub fn begin(program: &ProgramSettings, prior: &PriorSettings, recorder: &Recorder<'_>) -> Manifest {
    let mut manifest = manifest::begin(StageKind::Prior, program, &values(program, prior));
    manifest.notes = recorder.notes();
    manifest
}

/// The values that the manifest of the stage has: of the options of the command `prior`, with the prior itself.
fn values(program: &ProgramSettings, prior: &PriorSettings) -> Vec<(&'static OptionDef, Value)> {
    let of_prior = program.values.iter().filter(|given| given.def.commands.contains(&Command::Prior));
    let (column, kind) = match &prior.source {
        Some(PriorSource::Column { name }) => (name.as_str(), "column"),
        Some(PriorSource::File { .. }) | None => ("", ""),
    };
    let value = |given: &Given| match (given.def.place, given.def.name) {
        (Place::Table("prior"), "column_name") => Value::Text(column.to_owned()),
        (Place::Table("prior"), "type") => Value::Text(kind.to_owned()),
        _ => given.value.clone(),
    };
    of_prior.map(|given| (given.def, value(given))).collect()
}

/// The content of the inputs: of the molecule table, and of a prior segmentation in a file.
pub fn inputs(table: &MoleculeTable, prior: Option<&FoundPrior>) -> Vec<InputFingerprint> {
    let of_prior = prior.and_then(|prior| prior.fingerprint);
    let molecules = InputFingerprint::new("molecules", table.fingerprint);
    std::iter::once(molecules).chain(of_prior.map(|content| InputFingerprint::new("prior", content))).collect()
}

/// What a path settles for a run if it is a stage of this kind; `None` if it is none at all.
///
/// Reads the manifest only. Errors: those of a stage that is not finished, damaged, newer, or of another kind.
pub fn settled_by(path: &Path) -> anyhow::Result<Option<PriorStage>> {
    if !StageReader::is_meant(path) {
        return Ok(None);
    }
    let stage = StageReader::peek(path, &[StageKind::Prior])?;
    Ok(Some(settled(stage.manifest(), path.display().to_string())))
}

/// What the stage of this kind with this manifest settles. `place` is its path, for messages.
pub fn settled(manifest: &Manifest, place: String) -> PriorStage {
    let held = |def: &'static OptionDef| {
        let value = manifest::value_of(manifest, def)?;
        Some(Given { def, value, origin: Origin::Stage(place.clone()) })
    };
    let values: Vec<Given> = OPTIONS.iter().filter(|def| is_inherited(def)).filter_map(held).collect();
    let column = values.iter().find_map(|given| match (given.def.name, &given.value) {
        ("column_name", Value::Text(name)) if !name.is_empty() => Some(name.clone()),
        _ => None,
    });
    let source = match column {
        Some(name) => PriorSource::Column { name },
        None => PriorSource::File { path: manifest.path_of("prior").unwrap_or_default().into() },
    };
    let min_molecules_per_segment = manifest.min_molecules_per_segment();
    PriorStage { place, values, source, min_molecules_per_segment }
}

/// Opens a stage of this kind and says so.
pub fn open(folder: &Path, observer: &dyn Observer) -> anyhow::Result<StageReader> {
    observer.stage(&format!("Loading the stage {}", folder.display()));
    Ok(StageReader::open(folder, &[StageKind::Prior])?)
}

/// Reads a stage of this kind: the molecules, by `molecules` of the reader, and the prior segmentation as [`take`] gave
/// it, without pictures and images.
pub fn read(
    stage: &StageReader,
    molecules: impl FnOnce(&StageReader) -> Result<(MoleculeTable, MoleculeResults), StageError>,
    observer: &dyn Observer,
) -> anyhow::Result<(MoleculeTable, FoundPrior)> {
    let (table, results) = molecules(stage)?;
    let folder = stage.dir().display();
    let missing = || format!("{folder}: its molecules have no prior_segmentation; make the stage again");
    let found = of_segments(stage, results.prior_segment.with_context(missing)?)?;
    observer.info(&format!(
        "Loaded {} transcripts, {} genes; prior segmentation ({}): {} segments hold {} molecules",
        table.molecules.len(),
        table.genes.len(),
        found.kind,
        found.table.n_kept(),
        found.n_inside()
    ));
    Ok((table, found))
}

/// The prior segmentation of a stage, whose molecules have these segments.
pub fn of_segments(stage: &StageReader, segment_of: Vec<Option<SegmentIdx>>) -> anyhow::Result<FoundPrior> {
    let segments = stage.segments()?;
    let manifest = stage.manifest();
    let has_areas = segments.rows.iter().any(|row| row.radius.is_some());
    Ok(FoundPrior {
        prior: Prior::new(segment_of),
        kind: manifest.summary.get("prior_kind").and_then(|kind| kind.as_str()).unwrap_or_default().to_owned(),
        picture: if has_areas { Picture::Areas } else { Picture::Molecules },
        outlines: stage.prior_outlines()?,
        overlap: None,
        placement: None,
        placement_origin: String::new(),
        labels: None,
        stain: None,
        fingerprint: manifest.input("prior"),
        table: segments,
    })
}

/// Writes the stage and the files to look at into a folder. Errors if there is no prior segmentation.
pub fn write(
    folder: &Path,
    files: &Files,
    min_molecules_per_cell: usize,
    settings: &PriorSettings,
    mut manifest: Manifest,
    recorder: &Recorder<'_>,
) -> anyhow::Result<()> {
    let Files { table, prior, paths } = files;
    let found = prior.as_ref().context("a prior segmentation is needed")?;
    recorder.stage(&format!("Saving the prior segmentation to {}", folder.display()));
    // What is said from here on concerns this command only, not those that go on from the stage.
    let observer = recorder.inner();
    let mut writer = StageWriter::create(folder, StageKind::Prior)?;
    let results = MoleculeResults { prior_segment: Some(found.prior.segment_of.clone()), ..MoleculeResults::default() };
    writer.molecules(table, &results)?;
    writer.genes(&table.genes, &molecules_of_genes(table))?;
    writer.segments(&found.table)?;
    if let Some(outlines) = &found.outlines {
        writer.prior_outlines(outlines)?;
    }

    let positions = &table.molecules.positions;
    manifest.inputs = inputs(table, Some(found));
    manifest.timing.paths = paths.clone();
    enter_estimates(&mut manifest, found, positions, min_molecules_per_cell, settings, observer);
    enter_numbers(&mut manifest, found);
    recorder.enter_times(&mut manifest);
    // What is there to look at changes with the tables, or not at all.
    let ((), to_look_at) = atomic::hold(|| show(folder, positions, found, observer))?;
    writer.finish(manifest)?;
    let labels = folder.join(LABELS);
    if found.labels.is_none() && labels.exists() {
        // They would be taken for those of this prior.
        std::fs::remove_file(&labels)
            .with_context(|| format!("{}: cannot be removed, and belongs to an earlier prior", labels.display()))?;
    }
    to_look_at.commit()?;
    observer.info(&format!("See {}: do the molecules lie where they should?", folder.join(OVERVIEW).display()));
    Ok(())
}

/// Writes what is there to look at, beside the stage.
fn show(folder: &Path, positions: &Positions, found: &FoundPrior, observer: &dyn Observer) -> anyhow::Result<()> {
    let backdrop = match (&found.picture, &found.placement) {
        (Picture::Labels(overview), Some(placement)) => Backdrop::Labels { overview, placement },
        (Picture::Boundaries(polygons), _) => Backdrop::Polygons(polygons),
        _ => Backdrop::Nothing,
    };
    let picture = overview::paint_overview(positions, &found.prior.segment_of, backdrop);
    overview::write_overview(&folder.join(OVERVIEW), &picture)?;
    segments::write_segments(&folder.join(SEGMENTS), &found.table)?;
    let labels_path = folder.join(LABELS);
    if let Some(labels) = &found.labels {
        let pixel_size = found.placement.map(|placement| placement.frame.pixel_size);
        atomic::write_file(&labels_path, |file| images::write_labels(file, labels, pixel_size))?;
        observer.info(&format!("The nuclei found in the stain are in {}", labels_path.display()));
    }
    Ok(())
}

fn enter_estimates(
    manifest: &mut Manifest,
    found: &FoundPrior,
    positions: &Positions,
    min_molecules_per_cell: usize,
    settings: &PriorSettings,
    observer: &dyn Observer,
) {
    match found.scale(positions, min_molecules_per_cell, settings) {
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
    enter(MIN_MOLECULES_PER_SEGMENT, json!(table.min_molecules_per_segment));
    enter("n_molecules_in_segments", json!(n_inside));
    enter("n_molecules_outside_segments", json!(n_molecules - n_inside));
    if let Some(overlap) = &found.overlap {
        enter("n_molecules_outside_prior", json!(overlap.n_molecules - overlap.n_inside));
        enter("density_in_segments_relative", json!(overlap.enrichment));
    }
}
