//! `export`: the final files from a finished stage.

use std::path::Path;

use super::formats::{self, Failures, Order};
use super::former::{Former, Replaces};
use super::places::Places;
use super::results::RunResult;
use super::{excluded, input, manifest, reports};
use crate::config::options::find_path;
use crate::config::values::Value;
use crate::config::{BundleSettings, ExportFormat, ExportSettings};
use crate::io::atomic;
use crate::io::stage::schema::POLYGONS;
use crate::io::stage::{Manifest, StageKind, StagePolygons, StageReader};
use crate::observe::Observer;

/// Reads a stage and writes its result in the formats that the settings name.
///
/// Nothing is computed anew but boundaries that the stage lacks. The files have the same bytes as those of a `run`
/// that wrote them itself. Errors name what is wrong and what to do; no file appears under its final name before it is
/// complete.
pub fn run(settings: &ExportSettings, observer: &dyn Observer) -> anyhow::Result<()> {
    input::with_threads(settings.program.threads, || run_in_pool(settings, Replaces::OtherRuns, observer))
}

/// [`run`] on the threads of the caller. `replaces`: which earlier results make way.
pub fn run_in_pool(settings: &ExportSettings, replaces: Replaces, observer: &dyn Observer) -> anyhow::Result<()> {
    observer.stage(&format!("Loading the stage {}", settings.stage.display()));
    let stage = StageReader::open(&settings.stage, &[StageKind::Run, StageKind::Merge])?;
    if let Some(tile) = &stage.manifest().tile {
        observer.warning(&format!(
            "The stage is tile {} of {} of a slide: it has molecules and cells at its borders that other tiles have, too. \
             For the whole slide: baysor merge, then export",
            tile.index, tile.n_tiles
        ));
    }
    let mut result = RunResult::read(&stage)?;
    if let Some(folder) = &settings.ncv {
        join_colors(&mut result, &stage, folder)?;
        observer.info(&format!("Colors of neighborhoods come from {}", folder.display()));
    }
    observer.info(&format!(
        "Run {}: {} molecules, {} cells",
        result.run_id,
        result.table.molecules.len(),
        result.stats.n_cells()
    ));
    let (outputs, origin) = (&settings.bundle.outputs, format!("run {}", result.run_id));
    let places = Places::of_export(settings);
    let former = Former::new(outputs.every(), &outputs.log, places, origin, replaces, observer);
    write(&stage, result, settings, &former, observer)
}

/// Filters the cells and writes all formats.
fn write(
    stage: &StageReader,
    mut result: RunResult,
    settings: &ExportSettings,
    former: &Former<'_>,
    observer: &dyn Observer,
) -> anyhow::Result<()> {
    let ExportSettings { formats, filters, bundle, .. } = settings;
    let writes_bundle = formats.contains(&ExportFormat::Baysor);
    let mut polygons = if formats.iter().any(|format| format.needs_polygons())
        || writes_bundle && bundle.polygon_format.is_some()
        || bundle.plot
        || settings.add_excluded.is_some()
    {
        boundaries(stage, &result, observer)?
    } else {
        StagePolygons::default()
    };
    let filtered = result.filter(filters, &mut polygons)?;
    if !filters.is_empty() {
        observer.info(&format!(
            "{} of {} cells keep the limits; {} molecules of the others are noise now",
            result.stats.n_cells(),
            filtered.n_cells,
            filtered.n_freed
        ));
    }
    let added = match &settings.add_excluded {
        Some(table) => excluded::write(table, stage, &result, &polygons.flat, bundle, former, observer)?,
        None => None,
    };
    let mut failures = Failures::of(formats.len());
    if writes_bundle {
        let outcome = former.commit(|| write_bundle(stage, &result, &polygons, bundle, observer));
        failures.note(ExportFormat::Baysor, outcome, observer);
    }
    // The files of Baysor 0.7.1 alone without filters are what `run` writes, and nothing else is beside them.
    if formats.iter().any(|format| *format != ExportFormat::Baysor) || !filters.is_empty() || added.is_some() {
        let order = Order {
            formats,
            bundle,
            nuclei: settings.nuclei,
            ranger: &settings.ranger,
            filtered: &filtered,
            excluded: added,
            manifest: stage.manifest(),
            former,
        };
        formats::write(&result, &polygons, &order, &mut failures, observer)?;
    }
    let outcome = failures.into_result();
    if !bundle.plot {
        return outcome;
    }
    outcome.and(reports::write(&result, Some(polygons), stage.manifest(), bundle, former, observer))
}

/// Gives molecules the colors of a `segfree` stage, which must be one of the same molecules.
fn join_colors(result: &mut RunResult, stage: &StageReader, folder: &Path) -> anyhow::Result<()> {
    let colors = StageReader::open(folder, &[StageKind::Segfree])?;
    let remedy = "run segfree on the same table with the same filters";
    anyhow::ensure!(
        colors.manifest().input("molecules") == stage.manifest().input("molecules"),
        "{}: its colors are of another molecule table than {}; {remedy}",
        folder.display(),
        stage.dir().display()
    );
    let ncv = colors.ncv()?;
    anyhow::ensure!(
        ncv.ids == result.table.molecules.ids,
        "{}: it has colors of {} molecules, and {} has {} of the table; {remedy}",
        folder.display(),
        ncv.ids.len(),
        stage.dir().display(),
        result.table.molecules.len()
    );
    result.found.ncv_color = Some(ncv.colors);
    Ok(())
}

/// Writes the files of Baysor 0.7.1.
fn write_bundle(
    stage: &StageReader,
    result: &RunResult,
    polygons: &StagePolygons,
    bundle: &BundleSettings,
    observer: &dyn Observer,
) -> anyhow::Result<()> {
    observer.stage(&format!("Saving results to {}", bundle.outputs.molecules.display()));
    for path in bundle.outputs.of_export() {
        atomic::prepare(path)?;
    }
    let params = manifest::dump_of(stage.manifest());
    atomic::write_file(&bundle.outputs.params_dump, |file| std::io::Write::write_all(file, params.as_bytes()))?;
    result.write_tables(bundle)?;
    result.write_polygons(polygons, bundle)
}

/// The boundaries of the stage, or computed if it has none.
fn boundaries(stage: &StageReader, result: &RunResult, observer: &dyn Observer) -> anyhow::Result<StagePolygons> {
    if stage.has(&POLYGONS) {
        return Ok(stage.polygons()?);
    }
    observer.stage("Estimating boundary polygons");
    Ok(result.outline(max_z_slices(stage.manifest())))
}

/// How many layers the run was told to make.
pub(super) fn max_z_slices(manifest: &Manifest) -> usize {
    let def = find_path("plotting.max_z_slices");
    match def.map(|def| manifest::value_of(manifest, def).unwrap_or_else(|| def.default_value())) {
        Some(Value::Int(number)) => usize::try_from(number).unwrap_or(1),
        _ => 1,
    }
}
