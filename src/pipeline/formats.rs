//! All formats of `export`, each for itself: one that fails leaves the others alone.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::former::Former;
use super::results::{Filtered, RunResult};
use super::{manifest, nuclei};
use crate::config::options::find_path;
use crate::config::values::Value as Setting;
use crate::config::{BundleSettings, EXPORT_RECORD, ExportFormat, NucleiSource, OutputNames, RangerSettings, VERSION};
use crate::io::atomic;
use crate::io::export::content::{ExportContent, PartCounts};
use crate::io::export::xenium_ranger::{self, Pair, TranscriptIds};
use crate::io::export::{h5ad, parquet, spatialdata, tenx, vpt};
use crate::io::molecules::MoleculeTable;
use crate::io::stage::{Manifest, StagePolygons};
use crate::observe::Observer;

/// What to write beside the files of Baysor 0.7.1, and from what.
pub struct Order<'a> {
    /// The formats. That of Baysor 0.7.1 is written elsewhere.
    pub formats: &'a [ExportFormat],
    /// How the files of Baysor 0.7.1 are written, and the names of all files.
    pub bundle: &'a BundleSettings,
    /// Where nuclei are known from.
    pub nuclei: NucleiSource,
    /// How the pair for Xenium Ranger is written.
    pub ranger: &'a RangerSettings,
    /// Which cells were left out, if there are filters.
    pub filtered: &'a Filtered,
    /// Excluded genes that were counted in cells, for the record.
    pub excluded: Option<Value>,
    /// How the result was made.
    pub manifest: &'a Manifest,
    /// The earlier result that makes way.
    pub former: &'a Former<'a>,
}

/// Formats that could not be written, with the reasons.
#[derive(Debug)]
pub struct Failures {
    /// How many formats there are to write.
    n_formats: usize,
    failed: Vec<(ExportFormat, anyhow::Error)>,
}

impl Failures {
    /// None so far, of `n_formats` formats.
    pub fn of(n_formats: usize) -> Self {
        Self { n_formats, failed: Vec::new() }
    }

    /// Notes how a format went. If it failed and others follow, the user is told at once.
    pub fn note(&mut self, format: ExportFormat, outcome: anyhow::Result<()>, observer: &dyn Observer) {
        if let Err(error) = outcome {
            if self.n_formats > 1 {
                observer.warning(&format!("The format {} could not be written: {error:#}", format.name()));
            }
            if !self.has(format) {
                self.failed.push((format, error));
            }
        }
    }

    /// The error of the command: that of the only format, or the list of those that failed.
    pub fn into_result(mut self) -> anyhow::Result<()> {
        if self.failed.is_empty() {
            return Ok(());
        }
        if self.n_formats == 1
            && let Some((_, error)) = self.failed.pop()
        {
            return Err(error);
        }
        let told: Vec<String> =
            self.failed.iter().map(|(format, error)| format!("{}: {error:#}", format.name())).collect();
        let n_formats = self.n_formats;
        anyhow::bail!("{} of {n_formats} formats could not be written: {}", told.len(), told.join("; "))
    }

    /// Whether a format has failed.
    pub fn has(&self, format: ExportFormat) -> bool {
        self.failed.iter().any(|(failed, _)| *failed == format)
    }
}

/// Writes the formats of the order one by one, then the record of the export.
///
/// Nothing is computed but counts of parts of cells. Failures are added to `failures`.
pub fn write(
    result: &RunResult,
    polygons: &StagePolygons,
    order: &Order<'_>,
    failures: &mut Failures,
    observer: &dyn Observer,
) -> anyhow::Result<()> {
    let with_parts = order.formats.iter().copied().filter(|format| format.has_nuclear_layers());
    let found = match with_parts.clone().next() {
        Some(_) => nuclei::counts(result, order.nuclei, order.manifest, observer),
        None => Ok(None),
    };
    let parts = found.unwrap_or_else(|error| {
        let text = format!("{error:#}");
        with_parts.for_each(|format| failures.note(format, Err(anyhow::anyhow!(text.clone())), observer));
        None
    });
    let numbers = result.segment_numbers();
    let names = result.names.clone();
    let molecules = result.columns(numbers.as_deref(), &names);
    let record = record(result, order, parts.as_ref());
    let content = ExportContent {
        table: &result.table,
        molecules: &molecules,
        names: &names,
        stats: &result.stats,
        counts: &result.counts,
        parts: parts.as_ref(),
        polygons,
        record: &record,
    };
    for &format in order.formats.iter().filter(|format| **format != ExportFormat::Baysor) {
        if failures.has(format) {
            continue;
        }
        observer.stage(&format!("Saving the format {}", format.name()));
        let written = order.former.commit(|| write_format(format, &content, order, observer));
        failures.note(format, written, observer);
    }
    let path = order.bundle.outputs.beside(EXPORT_RECORD);
    let record = with_files(record, order, polygons.layers.is_some(), failures);
    let text = serde_json::to_string_pretty(&record).context("the record of the export")? + "\n";
    order.former.commit(|| Ok(atomic::write_file(&path, |file| file.write_all(text.as_bytes()))?))
}

/// Sees to it that the files of a format can be written.
pub fn prepare(format: ExportFormat, outputs: &OutputNames) -> anyhow::Result<()> {
    for path in format.files(outputs) {
        if format == ExportFormat::SpatialData {
            atomic::create_parent(&path)?;
            spatialdata::check_replaceable(&path)?;
        } else {
            atomic::prepare(&path)?;
        }
    }
    Ok(())
}

/// Sees to it, before hours of work, that the molecules have what the formats need.
pub fn check_table(formats: &[ExportFormat], table: &MoleculeTable) -> anyhow::Result<()> {
    if formats.contains(&ExportFormat::XeniumRanger) {
        TranscriptIds::new(table)?;
    }
    Ok(())
}

/// Writes the files of a format. To add one, add it to [`ExportFormat`] with its files, and here.
fn write_format(
    format: ExportFormat,
    content: &ExportContent<'_>,
    order: &Order<'_>,
    observer: &dyn Observer,
) -> anyhow::Result<()> {
    let outputs = &order.bundle.outputs;
    prepare(format, outputs)?;
    let file = |suffix: &str| outputs.beside(suffix);
    let ExportContent { table, molecules, names, stats, counts, polygons, .. } = *content;
    match format {
        ExportFormat::Baysor => {}
        ExportFormat::Parquet => {
            parquet::write_molecules(&file("_molecules.parquet"), table, molecules)?;
            parquet::write_cells(&file("_cells.parquet"), names, stats)?;
            parquet::write_counts(&file("_counts.parquet"), &table.genes, names, counts)?;
            parquet::write_polygons(&file("_polygons.parquet"), &polygons.flat, names)?;
            parquet::write_vertices(&file("_cell_boundaries.parquet"), &polygons.flat, names)?;
            if let Some(layers) = &polygons.layers {
                parquet::write_layers(&file("_polygons_3d.parquet"), layers, names)?;
            }
        }
        ExportFormat::H5ad => h5ad::write_h5ad(&file(".h5ad"), content)?,
        ExportFormat::TenxH5 => tenx::write_h5(&file("_feature_bc_matrix.h5"), &table.genes, names, counts)?,
        ExportFormat::TenxMtx => tenx::write_mtx(&file("_feature_bc_matrix"), &table.genes, names, counts)?,
        ExportFormat::Vpt => vpt::write_vpt(&file("_vpt"), content)?,
        ExportFormat::SpatialData => write_store(&file(".zarr"), content, observer)?,
        ExportFormat::XeniumRanger => write_pair(content, order, observer)?,
    }
    Ok(())
}

fn write_store(path: &Path, content: &ExportContent<'_>, observer: &dyn Observer) -> anyhow::Result<()> {
    if content.n_cells() == 0 {
        observer.warning("There are no cells, so the SpatialData store has points alone: empty shapes are invalid");
    }
    Ok(spatialdata::write_spatialdata(path, content)?)
}

/// Checks the pair for Xenium Ranger, writes it, and says how to import it.
fn write_pair(content: &ExportContent<'_>, order: &Order<'_>, observer: &dyn Observer) -> anyhow::Result<()> {
    let setting = |path: &str| manifest::value_of(order.manifest, find_path(path)?);
    let qv_column = match setting("data.qv") {
        Some(Setting::Text(name)) => name,
        _ => "qv".to_owned(),
    };
    let pair = Pair {
        table: content.table,
        cell: content.molecules.cell,
        outlines: &content.polygons.flat,
        names: content.names,
        qv_column: &qv_column,
        polygon_format: order.ranger.polygon_format,
    };
    let (ids, advice) = pair.check()?;
    for advice in advice {
        observer.warning(&advice.0);
    }
    let limits: Vec<String> = ["x_min", "x_max", "y_min", "y_max", "z_min", "z_max"]
        .iter()
        .filter_map(|name| match setting(&format!("data.{name}")) {
            Some(Setting::Float(limit)) if limit.is_finite() => Some(format!("{name} = {limit}")),
            _ => None,
        })
        .collect();
    if !limits.is_empty() {
        observer.warning(&format!(
            "Molecules were cropped ({}): the new bundle will have no cells outside of that",
            limits.join(", ")
        ));
    }
    if let Some(bundle) = &order.ranger.bundle {
        observer.info(&xenium_ranger::check_bundle(&pair, &ids, bundle)?);
    }
    let [transcripts, polygons] =
        ["_xenium_ranger.csv", "_xenium_ranger_polygons.json"].map(|s| order.bundle.outputs.beside(s));
    atomic::write_file(&transcripts, |file| pair.write_transcripts(&ids, file))?;
    atomic::write_file(&polygons, |file| pair.write_polygons(file))?;
    let run_id = order.manifest.run_id.as_deref().unwrap_or_default();
    let command = xenium_ranger::command(run_id, order.ranger.bundle.as_deref(), &transcripts, &polygons);
    observer.info(&format!("Import with: {command}"));
    Ok(())
}

/// What is written, from what, and which cells were left out.
fn record(result: &RunResult, order: &Order<'_>, parts: Option<&PartCounts>) -> Value {
    let Manifest { program_version, seed, run_id, parameters, inputs, estimates, .. } = order.manifest;
    let formats: Vec<&str> = order.formats.iter().map(|format| format.name()).collect();
    let mut record = json!({
        "format": "baysor-export",
        "format_version": 1,
        "program_version": VERSION,
        "formats": formats,
        "run": {
            "program_version": program_version, "run_id": run_id, "seed": seed, "parameters": parameters,
            "inputs": inputs, "estimates": estimates,
        },
        "filters": order.filtered.filters_json(),
        "n_cells": order.filtered.n_cells,
        "n_cells_kept": result.stats.n_cells(),
        "n_molecules": result.table.molecules.len(),
        "n_molecules_in_cells": result.table.molecules.len() - result.n_noise(),
        "n_molecules_freed": order.filtered.n_freed,
        "nuclear_layers": parts.map(|parts| parts.source.as_str()),
    });
    if let (Value::Object(entries), Some(excluded)) = (&mut record, &order.excluded) {
        entries.insert("excluded_genes".to_owned(), excluded.clone());
    }
    record
}

/// Adds which files there are now; formats that failed are not among them.
fn with_files(mut record: Value, order: &Order<'_>, has_layers: bool, failures: &Failures) -> Value {
    let names = &order.bundle.outputs;
    let folder = names.molecules.parent().unwrap_or(Path::new(""));
    let has_json = order.bundle.polygon_format.is_some();
    let is_written = |file: &PathBuf| {
        let is_json = *file == names.polygons_2d || *file == names.polygons_3d;
        let is_3d = *file == names.polygons_3d || *file == names.beside("_polygons_3d.parquet");
        *file != names.log && (has_json || !is_json) && (has_layers || !is_3d)
    };
    let files_of = |format: ExportFormat| -> Vec<String> {
        let files = format.files(names).into_iter().filter(is_written);
        let below = |file: PathBuf| file.strip_prefix(folder).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        files.map(below).collect()
    };
    let done = order.formats.iter().copied().filter(|&format| !failures.has(format));
    let files: serde_json::Map<String, Value> =
        done.map(|format| (format.name().to_owned(), json!(files_of(format)))).collect();
    if let Value::Object(entries) = &mut record {
        entries.insert("files".to_owned(), Value::Object(files));
    }
    record
}
