//! `run`: from a molecule table to the files of a segmentation, or to a stage.

use serde_json::json;

use super::formats::{self, Failures, Order};
use super::former::{Former, Replaces};
use super::keeper::{Keeper, Stopped};
use super::memory::Workload;
use super::model::Found;
use super::places::Places;
use super::prior::FoundPrior;
use super::recorder::Recorder;
use super::results::{Filtered, RunResult};
use super::start::{Start, TileStart};
use super::workload::Input;
use super::{compartments, input, machine, manifest, memory, model, nuclei_of_cells, reports, scale, tiled};
use crate::config::{self, BundleSettings, ExportFormat, OutputNames, RunSettings, dump};
use crate::io::atomic;
use crate::io::molecules::{Fingerprint, MoleculeTable};
use crate::io::stage::{InputFingerprint, MIN_MOLECULES_PER_SEGMENT, Manifest, StageKind, StagePolygons, StageWriter};
use crate::observe::Observer;

/// Reads molecules, segments them into cells and writes the result: as final files, as a stage, or both.
///
/// The same inputs and settings give the same bytes for any number of threads. Errors name what
/// is wrong and what to do; no file appears under its final name before it is complete.
pub fn run(settings: &RunSettings, observer: &dyn Observer) -> anyhow::Result<()> {
    input::with_threads(settings.program.threads, || {
        if tiled::run_in_tiles(settings, observer)? { Ok(()) } else { run_in_pool(settings, observer) }
    })
}

/// [`run`] on the threads of the caller, never in tiles.
pub fn run_in_pool(settings: &RunSettings, observer: &dyn Observer) -> anyhow::Result<()> {
    let recorder = Recorder::new(observer);
    let bundle = settings.bundle();
    // Where nothing can be written, nothing is computed.
    let mut stage = match &settings.stage {
        Some(folder) => Some(StageWriter::create(folder, StageKind::Run)?),
        None => None,
    };
    if let Some(folder) = &settings.save_prior {
        drop(StageWriter::create(folder, StageKind::Prior)?);
    }
    if let Some(bundle) = &bundle {
        prepare(bundle, &settings.formats)?;
    }
    let mut keeper = Keeper::new(settings, observer)?;
    if let Some(bundle) = bundle.as_ref().filter(|bundle| !has_result(&bundle.outputs)) {
        write_params(settings, bundle, &[])?;
    }

    let mut start = Start::read(settings, &recorder)?;
    let Fingerprint { size, hash } = start.table.fingerprint;
    keeper.identify("the molecule table", format!("{size} bytes, hash {hash:016x}"))?;
    if let Some(Fingerprint { size, hash }) = start.prior.as_ref().and_then(|found| found.fingerprint) {
        keeper.identify("the prior segmentation", format!("{size} bytes, hash {hash:016x}"))?;
    }
    if bundle.is_some() {
        formats::check_table(&settings.formats, &start.table)?;
    }
    if start.tile.is_none() {
        check_size(&start.table, start.prior.as_ref(), settings)?;
    }
    if stage.is_some() {
        StageWriter::check(&start.table)?;
    }
    let (scale, genes, ranking) = match &start.tile {
        Some(tile) => (tile.scale(), tile.compartment_genes(&start.table.genes)?, None),
        None => {
            let (table, prior) = (&start.table, start.prior.as_ref());
            let scale = scale::resolve(settings, &table.molecules.positions, prior, &recorder)?;
            let (genes, ranking) = compartments::genes(table, prior, scale, settings, &recorder)?;
            (scale, genes, ranking)
        }
    };
    let run_id = config::run_id(&start.fingerprint(), settings);
    observer.info(&format!("Run id: {run_id}"));
    let workload = Workload::of_run(settings, Input::whole(&start.table, start.prior.as_ref()))?;
    observer.info(&format!("Expected peak memory: about {}", machine::show_bytes(memory::peak(&workload))));

    let mut found = model::segment(
        &mut start.table.molecules,
        start.prior.as_ref().map(|found| &found.prior),
        model::Known {
            scale,
            compartment_genes: genes.as_ref(),
            part: start.tile.as_ref().map(TileStart::part),
            keeps_course: false,
        },
        settings,
        &mut keeper,
        &recorder,
    )
    .inspect_err(|error| {
        if !error.is::<Stopped>() {
            keeper.give_up();
        }
    })?;
    let n_iterations = found.trace.entries().len().saturating_sub(1);
    if n_iterations < settings.iters {
        observer.info(&format!("The model settled and ended after {n_iterations} of {} iterations", settings.iters));
    }
    observer.info("Processing complete.");
    if found.segmentation.n_cells == 0 && start.tile.is_none() {
        recorder.warning(
            "No cell was found: all molecules are noise, and the files have no cells. Is --scale in the units of x and \
             y, and --min-molecules-per-cell right?",
        );
    }

    let former = bundle.as_ref().map(|bundle| {
        let (outputs, origin) = (&bundle.outputs, format!("run {run_id}"));
        Former::new(outputs.every(), &outputs.log, Places::of_run(settings), origin, Replaces::All, observer)
    });
    let output = bundle.as_ref().zip(former.as_ref());
    let resolved = found.resolved.clone();
    let mut manifest = begin_manifest(settings, &found);
    let Start { table, prior, inputs, paths, tile } = start;
    manifest.tile = tile.map(|tile| tile.manifest);
    let started_from = found.segmentation.started_from.take();
    let mut result = RunResult::new(table, prior, ranking, found, run_id);
    let nuclei = match settings.prior_confidence > 0.0 {
        true => nuclei_of_cells::measure(&mut result, started_from),
        false => None,
    };
    let (mut failures, no_polygons) = (Failures::of(settings.formats.len()), StagePolygons::default());
    let polygons = write(&result, &resolved, output, stage.as_mut(), settings, &mut failures, &recorder)?;
    if let Some(nuclei) = &nuclei {
        manifest.summary.insert("nuclei".to_owned(), nuclei_of_cells::summary(nuclei));
        // Of tiles `merge` tells it, once for the slide.
        if manifest.tile.is_none() {
            nuclei_of_cells::warning(nuclei, settings.prior_confidence).iter().for_each(|text| recorder.warning(text));
        }
    }
    let mut manifest = complete(manifest, &result, inputs, paths, &recorder);
    if let Some(stage) = stage {
        manifest = stage.finish(manifest)?;
    }
    let has_others = settings.formats.iter().any(|format| *format != ExportFormat::Baysor);
    if let Some((bundle, former)) = output.filter(|_| has_others) {
        let filtered = Filtered { n_cells: result.stats.n_cells(), ..Filtered::default() };
        let order = Order {
            formats: &settings.formats,
            bundle,
            nuclei: settings.nuclei,
            ranger: &settings.ranger,
            filtered: &filtered,
            excluded: None,
            manifest: &manifest,
            former,
        };
        let polygons = polygons.as_ref().unwrap_or(&no_polygons);
        formats::write(&result, polygons, &order, &mut failures, &recorder)?;
    }
    let outcome = failures.into_result();
    if outcome.is_ok() {
        keeper.discard();
    }
    match output.filter(|(bundle, _)| bundle.plot) {
        Some((bundle, former)) => outcome.and(reports::write(&result, polygons, &manifest, bundle, former, observer)),
        None => outcome,
    }
}

/// Whether there is a result of an earlier run, whose parameters are not to be replaced yet.
fn has_result(outputs: &OutputNames) -> bool {
    outputs.every().iter().any(|path| *path != outputs.params_dump && path.exists())
}

/// Sees to it that the final files can be written.
fn prepare(bundle: &BundleSettings, formats: &[ExportFormat]) -> anyhow::Result<()> {
    let outputs = &bundle.outputs;
    for path in [&outputs.params_dump, &outputs.log, &outputs.checkpoint] {
        atomic::prepare(path)?;
    }
    formats.iter().try_for_each(|format| formats::prepare(*format, outputs))
}

/// Writes tables, then boundaries: whatever fails there, final tables are kept. Returns the boundaries, if something
/// needs them.
fn write(
    result: &RunResult,
    resolved: &[(&str, String, &str)],
    output: Option<(&BundleSettings, &Former<'_>)>,
    mut stage: Option<&mut StageWriter>,
    settings: &RunSettings,
    failures: &mut Failures,
    observer: &dyn Observer,
) -> anyhow::Result<Option<StagePolygons>> {
    let formats = output.map_or(&[][..], |_| &settings.formats[..]);
    if let Some((bundle, former)) = output.filter(|_| !formats.contains(&ExportFormat::Baysor)) {
        former.commit(|| write_params(settings, bundle, resolved))?;
    }
    let output = output.filter(|_| formats.contains(&ExportFormat::Baysor));
    if let Some((bundle, former)) = output {
        observer.stage(&format!("Saving results to {}", bundle.outputs.molecules.display()));
        let written = former.commit(|| {
            write_params(settings, bundle, resolved)?;
            result.write_tables(bundle)
        });
        failures.note(ExportFormat::Baysor, written, observer);
        if result.ranking.is_some() {
            let path = bundle.outputs.compartment_genes.display();
            observer.info(&format!("All genes with their preference for a compartment are in {path}"));
        }
    }
    if let Some(stage) = stage.as_deref_mut() {
        observer.stage(&format!("Saving the stage {}", stage.dir().display()));
        result.write_stage(stage)?;
    }
    let is_wanted = settings.polygon_format.is_some();
    if !is_wanted && !formats.iter().any(|format| format.needs_polygons()) {
        return Ok(None);
    }
    observer.stage("Estimating boundary polygons");
    let polygons = result.outline(settings.max_z_slices);
    if let Some((bundle, former)) = output.filter(|_| !failures.has(ExportFormat::Baysor)) {
        let written = former.commit(|| result.write_polygons(&polygons, bundle));
        failures.note(ExportFormat::Baysor, written, observer);
    }
    if let Some(stage) = stage.filter(|_| is_wanted) {
        stage.polygons(&polygons.flat, polygons.layers.as_deref())?;
    }
    Ok(Some(polygons))
}

/// The manifest of the stage, as far as settings and model tell.
fn begin_manifest(settings: &RunSettings, found: &Found) -> Manifest {
    let mut manifest = manifest::begin(StageKind::Run, &settings.program, &dump::values(settings));
    let estimates = found.resolved.iter().map(|(name, value, origin)| manifest::estimate(name, value, origin));
    manifest.estimates = estimates.collect();
    manifest.summary.insert("n_iterations".to_owned(), json!(found.trace.entries().len().saturating_sub(1)));
    manifest
}

/// Completes the manifest of the stage.
fn complete(
    mut manifest: Manifest,
    result: &RunResult,
    inputs: Vec<InputFingerprint>,
    paths: Vec<String>,
    recorder: &Recorder<'_>,
) -> Manifest {
    let (n_molecules, n_noise, n_cells) = (result.table.molecules.len(), result.n_noise(), result.stats.n_cells());
    let mut enter = |name: &str, value: serde_json::Value| drop(manifest.summary.insert(name.to_owned(), value));
    enter("n_molecules", json!(n_molecules));
    enter("n_genes", json!(result.table.genes.len()));
    enter("n_cells", json!(n_cells));
    enter("n_molecules_in_cells", json!(n_molecules - n_noise));
    enter("noise_share", json!(n_noise as f64 / n_molecules.max(1) as f64));
    enter("mean_molecules_per_cell", json!((n_molecules - n_noise) as f64 / n_cells as f64));
    if let Some(segments) = &result.segments {
        enter("n_segments", json!(segments.rows.len()));
        enter("n_segments_kept", json!(segments.n_kept()));
        enter(MIN_MOLECULES_PER_SEGMENT, json!(segments.min_molecules_per_segment));
    }
    manifest.run_id = Some(result.run_id.clone());
    manifest.inputs = inputs;
    manifest.timing.paths = paths;
    manifest.notes = recorder.notes();
    recorder.enter_times(&mut manifest);
    manifest
}

/// Refuses tables that are too small for the model, before anything is computed from them.
///
/// With a prior segmentation, or a number of cells to start with, the model itself judges.
fn check_size(table: &MoleculeTable, prior: Option<&FoundPrior>, settings: &RunSettings) -> anyhow::Result<()> {
    let (n_molecules, needed) = (table.molecules.len(), settings.min_molecules_per_cell.max(3));
    if n_molecules < needed && prior.is_none() && settings.n_cells_init.is_none() {
        anyhow::bail!(
            "{}: {n_molecules} molecules are too few: the model needs at least {needed}, the larger of 3 and \
             min_molecules_per_cell. Check the table and its filters, or lower -m/--min-molecules-per-cell",
            table.path.display()
        );
    }
    Ok(())
}

/// Writes the parameter dump: at the start, so that it is there whatever happens, and again with
/// the values that only the data could tell.
fn write_params(
    settings: &RunSettings,
    bundle: &BundleSettings,
    resolved: &[(&str, String, &str)],
) -> anyhow::Result<()> {
    let text = dump::text(settings) + &dump::resolved_lines(resolved);
    atomic::write_file(&bundle.outputs.params_dump, |file| std::io::Write::write_all(file, text.as_bytes()))?;
    Ok(())
}
