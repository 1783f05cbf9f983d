//! What was asked for about the prior segmentation, checked.

use std::path::{Path, PathBuf};

use super::ConfigError;
use super::file::Origin;
use super::merged::Merged;
use super::options::{OPTIONS, OptionDef, Place};
use super::prior_settings::{
    ImageKind, PriorSettings, PriorSource, SegmentMeaning, SegmentSettings, StainSettings, XyAndZ,
};
use super::resolve::Request;
use super::scale::is_spread_wished;
use super::settings::CompartmentGenes;
use crate::bmm::FreeCells;
use crate::stain::ThresholdMethod;

/// How the prior segmentation is read.
pub(super) fn settings(
    request: &Request,
    merged: &Merged,
    min_molecules_per_segment: usize,
) -> Result<PriorSettings, ConfigError> {
    Ok(PriorSettings {
        source: source(request, merged)?,
        only: only(request, merged)?,
        coordinate_scale: merged.float("data.coordinate_scale"),
        unassigned_label: merged.text("segmentation.unassigned_prior_label").to_owned(),
        label_is_given: label_is_given(merged),
        min_molecules_per_segment,
        meaning: meaning(merged),
        image_kind: match merged.text("prior.image_kind") {
            "labels" => ImageKind::Labels,
            "mask" => ImageKind::Mask,
            "stain" => ImageKind::Stain,
            _ => ImageKind::Auto,
        },
        pixel_size: pixel_size(merged)?,
        origin: origin(merged)?,
        page: merged.size("prior.page").checked_sub(1),
        stain: StainSettings {
            sigma: Some(merged.float("prior.stain_sigma")).filter(|&sigma| sigma > 0.0),
            threshold: match merged.text("prior.stain_threshold") {
                "otsu" => Some(ThresholdMethod::Otsu),
                "li" => Some(ThresholdMethod::Li),
                "triangle" => Some(ThresholdMethod::Triangle),
                "mean" => Some(ThresholdMethod::Mean),
                "local" => Some(ThresholdMethod::Local),
                _ => None,
            },
            min_area: Some(merged.float("prior.stain_min_area")).filter(|&area| area > 0.0),
            split: merged.flag("prior.stain_split"),
        },
    })
}

/// What the segments are.
pub(super) fn meaning(merged: &Merged) -> SegmentMeaning {
    match merged.text("segmentation.prior_segments") {
        "nuclei" => SegmentMeaning::Nuclei,
        "cells" => SegmentMeaning::Cells,
        "regions" => SegmentMeaning::Regions,
        _ => SegmentMeaning::Auto,
    }
}

/// How the model takes the segments.
pub(super) fn segments(merged: &Merged) -> SegmentSettings {
    SegmentSettings {
        free_cells: match merged.text("segmentation.cells_without_nucleus") {
            "strict" => FreeCells::Strict,
            "none" => FreeCells::None,
            _ => FreeCells::Free,
        },
        spread_is_given: is_spread_wished(merged),
    }
}

/// Whether the user named the label of unassigned molecules.
///
/// METHOD: tools write every key into their files, so the literal default in a file is not a wish.
fn label_is_given(merged: &Merged) -> bool {
    merged.get("segmentation.unassigned_prior_label").is_some_and(|given| match given.origin {
        Origin::Default | Origin::Preset(_) | Origin::Detected(_) => false,
        Origin::File(_) => given.value != given.def.default_value(),
        _ => true,
    })
}

pub(super) fn source(request: &Request, merged: &Merged) -> Result<Option<PriorSource>, ConfigError> {
    let given = request.prior.as_deref().filter(|text| !text.is_empty());
    if let Some(stage) = &request.prior_stage {
        return match given {
            Some(text) => Err(ConfigError::Invalid {
                name: "PRIOR".to_owned(),
                seen: format!("'{text}'"),
                remedy: format!(
                    "the stage '{}' has a prior segmentation already; leave out one of the two",
                    stage.place
                ),
            }),
            None => Ok(Some(stage.source.clone())),
        };
    }
    if let Some(tile) = &request.tile {
        return Ok(tile.source.clone());
    }
    if let Some(text) = given {
        return match text.strip_prefix(':') {
            Some("") => Err(ConfigError::Invalid {
                name: "PRIOR".to_owned(),
                seen: "':'".to_owned(),
                remedy: "a column name must follow the colon, as in :cell_id".to_owned(),
            }),
            Some(name) => Ok(Some(PriorSource::Column { name: name.to_owned() })),
            None => file(request, Path::new(text), "PRIOR").map(Some),
        };
    }
    let column = merged.text("prior.column_name");
    let column = column.strip_prefix(':').unwrap_or(column);
    let path = merged.text("prior.path");
    let missing = |key: &str, meaning: &str, example: &str| ConfigError::Missing {
        what: format!("prior.type is '{}', but no {meaning}", merged.text("prior.type")),
        remedy: format!("set {key}, or write {example} after the molecule table"),
    };
    match merged.text("prior.type") {
        "none" => Ok(None),
        "column" if column.is_empty() => Err(missing("prior.column_name", "column is named", ":NAME")),
        "column" => Ok(Some(PriorSource::Column { name: column.to_owned() })),
        "image" | "boundary" if path.is_empty() => Err(missing("prior.path", "file is named", "the file")),
        "image" | "boundary" => file(request, Path::new(path), &name_of(merged, "prior.path")).map(Some),
        _ if !column.is_empty() && !path.is_empty() => Err(merged.invalid(
            "prior.path",
            format!("prior.column_name names a prior, too ('{column}'); keep one, or set prior.type"),
        )),
        _ if !path.is_empty() => file(request, Path::new(path), &name_of(merged, "prior.path")).map(Some),
        _ if column.is_empty() => Ok(None),
        _ => Ok(Some(PriorSource::Column { name: column.to_owned() })),
    }
}

fn name_of(merged: &Merged, path: &str) -> String {
    merged.get(path).map_or_else(|| path.to_owned(), super::file::Given::name)
}

/// Which molecules of a prior column count.
fn only(request: &Request, merged: &Merged) -> Result<Option<(String, String)>, ConfigError> {
    let path = "prior.where";
    let text = merged.text(path);
    if text.is_empty() {
        return Ok(None);
    }
    let Some((column, value)) = text.split_once('=').filter(|(column, _)| !column.trim().is_empty()) else {
        return Err(merged.invalid(path, "a column and a value are needed, such as CellComp=Nuclear"));
    };
    match source(request, merged)? {
        Some(PriorSource::Column { .. }) => Ok(Some((column.trim().to_owned(), value.trim().to_owned()))),
        _ => Err(merged.invalid(path, "it needs a prior segmentation in a column of the molecule table (:NAME)")),
    }
}

/// A file, or the boundaries beside the molecule table that `@nuclei` or `@cells` mean.
fn file(request: &Request, path: &Path, name: &str) -> Result<PriorSource, ConfigError> {
    let invalid =
        |remedy: String| ConfigError::Invalid { name: name.to_owned(), seen: format!("'{}'", path.display()), remedy };
    if let Some(word) = path.to_str().and_then(|text| text.strip_prefix('@')) {
        let found = request.found.as_ref();
        let beside = match word {
            "nuclei" => found.and_then(|found| found.nuclei.clone()),
            "cells" => found.and_then(|found| found.cells.clone()),
            _ => {
                let text =
                    format!("after @ stands nuclei or cells; for a file of this name write ./{}", path.display());
                return Err(invalid(text));
            }
        };
        return match beside {
            Some(path) => Ok(PriorSource::File { path }),
            None => Err(invalid(format!(
                "no boundaries of {word} lie beside the molecule table '{}'. That word is for the output folders of \
                 instruments; otherwise name the file",
                request.molecules.display()
            ))),
        };
    }
    if !path.exists() {
        let spelled = path.to_str().and_then(|text| text.split_once('='));
        let option = spelled.and_then(|(key, value)| Some((nearest_option(key)?, value)));
        if let Some((def, value)) = option {
            return Err(invalid(format!("no such file; options begin with dashes: {}={value}", def.spelled())));
        }
        return Err(invalid(format!("no such file; for a column write :{}", path.display())));
    }
    if path.is_dir() {
        return Err(invalid("it is a folder; name the image, matrix or table of boundaries itself".to_owned()));
    }
    Ok(PriorSource::File { path: PathBuf::from(path) })
}

/// The option of a name without dashes, as version 0.6 and `key = value` of files have it.
fn nearest_option(key: &str) -> Option<&'static OptionDef> {
    let key = key.trim().to_lowercase().replace('-', "_");
    OPTIONS.iter().find(|def| def.name == key && def.place != Place::CommandLine)
}

fn pixel_size(merged: &Merged) -> Result<Option<XyAndZ>, ConfigError> {
    let path = "prior.pixel_size";
    let Some(numbers) = numbers(merged, path)? else { return Ok(None) };
    if numbers.iter().any(|&size| size <= 0.0) {
        return Err(merged.invalid(path, "sizes must be greater than 0"));
    }
    match numbers[..] {
        [size] => Ok(Some(XyAndZ { xy: [size; 2], z: None })),
        [x, y] => Ok(Some(XyAndZ { xy: [x, y], z: None })),
        [x, y, z] => Ok(Some(XyAndZ { xy: [x, y], z: Some(z) })),
        _ => Err(merged.invalid(path, "one, two or three numbers are needed: S, or X,Y, or X,Y,Z")),
    }
}

fn origin(merged: &Merged) -> Result<Option<XyAndZ>, ConfigError> {
    let path = "prior.origin";
    let Some(numbers) = numbers(merged, path)? else { return Ok(None) };
    match numbers[..] {
        [x, y] => Ok(Some(XyAndZ { xy: [x, y], z: None })),
        [x, y, z] => Ok(Some(XyAndZ { xy: [x, y], z: Some(z) })),
        _ => Err(merged.invalid(path, "two or three numbers are needed: X,Y or X,Y,Z")),
    }
}

/// Finite numbers with commas between them; `None` for an empty text.
fn numbers(merged: &Merged, path: &str) -> Result<Option<Vec<f64>>, ConfigError> {
    let text = merged.text(path).trim();
    if text.is_empty() {
        return Ok(None);
    }
    let number = |part: &str| part.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    match text.split(',').map(number).collect::<Option<Vec<f64>>>() {
        Some(numbers) => Ok(Some(numbers)),
        None => Err(merged.invalid(path, "numbers with commas between them are needed, such as 0.2125 or 0.5,0.5")),
    }
}

/// Which genes tell nucleus from cytoplasm.
pub(super) fn compartment_genes(merged: &Merged, has_prior: bool) -> Result<CompartmentGenes, ConfigError> {
    let (nuclei, cyto) = (merged.list("segmentation.nuclei_genes"), merged.list("segmentation.cyto_genes"));
    let how = "segmentation.compartment_genes";
    match merged.text(how) {
        "auto" if !nuclei.is_empty() || !cyto.is_empty() => {
            Err(merged.invalid(how, "nuclei_genes or cyto_genes are given, too; leave out one or the other"))
        }
        "auto" if !has_prior => Err(merged.invalid(
            how,
            "a prior segmentation of nuclei is needed: name a column (:NAME), labels or a stain after the molecule table",
        )),
        "auto" => Ok(CompartmentGenes::Auto),
        "none" => Ok(CompartmentGenes::None),
        _ => match (nuclei.is_empty(), cyto.is_empty()) {
            (true, true) => Ok(CompartmentGenes::None),
            (false, false) => Ok(CompartmentGenes::Given { nuclei, cyto }),
            (is_empty, _) => {
                let (given, missing) = if is_empty { ("cyto_genes", "nuclei_genes") } else { ("nuclei_genes", "cyto_genes") };
                Err(merged.invalid(
                    &format!("segmentation.{given}"),
                    format!("compartments need genes of both kinds: give {missing}, too"),
                ))
            }
        },
    }
}

/// Tells of clustering beside compartments.
pub(super) fn compartment_note(merged: &Merged, genes: &CompartmentGenes, n_clusters: usize) -> Option<String> {
    let chosen = merged.get("segmentation.n_clusters").is_some_and(|given| given.origin != Origin::Default);
    (*genes != CompartmentGenes::None && n_clusters > 1).then(|| {
        let why = if chosen { "" } else { ", the default" };
        format!(
            "Compartments with n_clusters = {n_clusters}{why}: nuclei and cytoplasm may become clusters of their own. \
             --n-clusters=1 is recommended"
        )
    })
}
