//! Where and how results are written: the final files, and the stage.

use std::path::{Path, PathBuf};

use super::merged::Merged;
use super::resolve::{Request, merge, program};
use super::settings::{BundleSettings, CountFormat, ExportSettings, Note};
use super::{ConfigError, OutputNames, formats, sample};
use crate::data::{Layout3d, PolygonFormat};

/// Merges and checks a request of `export`, whose first argument is a stage; see [`resolve`](super::resolve::resolve).
///
/// # Errors
///
/// Every [`ConfigError`].
pub fn resolve_export(
    request: &Request,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<ExportSettings, ConfigError> {
    let merged = merge(request)?;
    let bundle = settings(request, &merged)?;
    let notes = name_note(&bundle.outputs).into_iter().collect();
    Ok(ExportSettings {
        stage: request.molecules.clone(),
        ncv: request.ncv.clone(),
        formats: formats::formats(&merged)?,
        filters: formats::filters(&merged)?,
        nuclei: formats::nuclei(&merged)?,
        ranger: formats::ranger(request, &merged)?,
        add_excluded: request.add_excluded.clone(),
        bundle,
        program: program(request, merged, notes, environment)?,
    })
}

/// How the final files are written.
pub(super) fn settings(request: &Request, merged: &Merged) -> Result<BundleSettings, ConfigError> {
    let count_format = match merged.text("count_matrix_format") {
        "tsv" => CountFormat::Tsv,
        _ => CountFormat::Loom,
    };
    let output = request.output.clone().unwrap_or_else(|| PathBuf::from(merged.text("output")));
    let names = match is_wanted(request, merged) {
        true => outputs(&output, count_format)?,
        false => OutputNames::new(&output, count_format),
    };
    Ok(BundleSettings {
        outputs: names.of_sample(sample::given(merged)?),
        polygon_format: match merged.text("polygon_format") {
            "none" => None,
            "GeometryCollection" => Some(PolygonFormat::GeometryCollection),
            "GeometryCollectionLegacy" => Some(PolygonFormat::GeometryCollectionLegacy),
            _ => Some(PolygonFormat::FeatureCollection),
        },
        plot: merged.flag("plot"),
        count_format,
        layout_3d: match merged.text("polygon_3d_layout") {
            "object" => Layout3d::Object,
            _ => Layout3d::Array,
        },
    })
}

/// A warning for a name of the molecule table that promises another format than CSV.
pub(super) fn name_note(outputs: &OutputNames) -> Option<Note> {
    let extension = outputs.molecules.extension()?.to_str()?.to_lowercase();
    let format = match extension.as_str() {
        "parquet" | "pq" | "arrow" | "feather" => "parquet",
        "h5ad" => "h5ad",
        "zarr" => "spatialdata",
        "loom" | "h5" | "json" | "geojson" | "html" | "gz" | "zip" => "…",
        _ => return None,
    };
    let path = outputs.molecules.display();
    Some(Note::Warning(format!(
        "'{path}' gets the molecules as CSV, whatever its name says. Other formats are chosen by --format {format}, and \
         their names follow from --output"
    )))
}

/// Whether final files are written: without a stage, or if something about them is asked for.
pub(super) fn is_wanted(request: &Request, merged: &Merged) -> bool {
    request.stage.is_none() || request.output.is_some() || !merged.list("format").is_empty()
}

/// The folder of `--stage`, if it is given.
pub(super) fn stage_folder(request: &Request) -> Result<Option<&Path>, ConfigError> {
    match request.stage.as_deref() {
        Some(folder) if folder.as_os_str().is_empty() => Err(ConfigError::Invalid {
            name: "--stage".to_owned(),
            seen: "''".to_owned(),
            remedy: "give the name of a folder".to_owned(),
        }),
        folder => Ok(folder),
    }
}

/// The names of the files, with the checkpoint in the stage if there is one: its result may be nothing else.
pub(super) fn with_checkpoint_in(stage: Option<&Path>, names: OutputNames) -> OutputNames {
    match stage {
        Some(folder) => names.with_checkpoint(folder.join("checkpoint.bin")),
        None => names,
    }
}

/// Names the files.
fn outputs(output: &Path, counts: CountFormat) -> Result<OutputNames, ConfigError> {
    let invalid = |remedy: String| ConfigError::Invalid {
        name: "--output".to_owned(),
        seen: format!("'{}'", output.display()),
        remedy,
    };
    if output.as_os_str().is_empty() {
        return Err(invalid("give a file or a directory".to_owned()));
    }
    if std::fs::metadata(output).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return Err(invalid("it is a device or pipe; give a file or a directory".to_owned()));
    }
    if output.to_str().is_none() {
        return Err(invalid("the name is not UTF-8, and the HDF5 library writes no files of such names".to_owned()));
    }
    Ok(OutputNames::new(output, counts))
}
