//! Which molecules are in nuclei, as far as that is known, and the counts of nuclei and cytoplasm.

use super::results::RunResult;
use crate::cells;
use crate::compartments::Compartment;
use crate::config::NucleiSource;
use crate::data::{CellIdx, CellMembers};
use crate::io::export::content::PartCounts;
use crate::io::stage::Manifest;
use crate::observe::Observer;

/// The column of Xenium tables that says whether a molecule is over a nucleus.
const OVERLAPS_NUCLEUS: &str = "overlaps_nucleus";

/// The part of the cell that a molecule is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Nucleus,
    Cytoplasm,
    Unknown,
}

/// Counts nuclei and cytoplasm; `None` if it is not known, or not asked for, which molecules are in nuclei.
///
/// METHOD: a prior segmentation is taken for one of nuclei only if that is sure: when it was made from a stain of
/// nuclei, or the user says so. Segments may be whole cells as well, and then the layers would be wrong without a sign.
///
/// Errors: a source that is asked for by name and that the result does not have.
pub fn counts(
    result: &RunResult,
    source: NucleiSource,
    manifest: &Manifest,
    observer: &dyn Observer,
) -> anyhow::Result<Option<PartCounts>> {
    let found = match source {
        NucleiSource::None => None,
        NucleiSource::Compartments => Some(compartments(result).ok_or_else(|| lacks("has no compartments"))?),
        NucleiSource::Prior => Some(prior(result).ok_or_else(|| lacks("was made without a prior segmentation"))?),
        NucleiSource::Column => {
            Some(column(result)?.ok_or_else(|| lacks("has no column overlaps_nucleus of its input"))?)
        }
        NucleiSource::Auto => match (compartments(result), prior(result)) {
            (Some(found), _) => Some(found),
            (None, Some(found)) if is_stain(manifest) => Some(found),
            _ => column(result)?,
        },
    };
    let Some((source, parts)) = found else { return Ok(None) };
    observer.info(&format!("Layers of nuclei and cytoplasm: {source}"));
    let of = |part: Part| {
        let cell_of: Vec<Option<CellIdx>> =
            result.cell_of().iter().zip(&parts).map(|(cell, &of)| cell.filter(|_| of == part)).collect();
        let members = CellMembers::group(&cell_of, result.stats.n_cells());
        cells::count_genes(&result.table.molecules.genes, result.table.molecules.n_genes, &members)
    };
    Ok(Some(PartCounts { nuclear: of(Part::Nucleus), cytoplasmic: of(Part::Cytoplasm), source: source.to_owned() }))
}

fn lacks(what: &str) -> anyhow::Error {
    anyhow::anyhow!("--nuclei-from: the result {what}; choose another source, or none")
}

type Found = (&'static str, Vec<Part>);

fn compartments(result: &RunResult) -> Option<Found> {
    let found = result.found.compartment.as_ref()?;
    let of_name = |name: &String| match name.as_str() {
        name if name == Compartment::Nuclei.label() => Part::Nucleus,
        name if name == Compartment::Cyto.label() => Part::Cytoplasm,
        _ => Part::Unknown,
    };
    let parts: Vec<Part> = found.names.iter().map(of_name).collect();
    let source = "molecules of the compartments nuclei and cytoplasm, which were modeled; others are in neither layer";
    Some((source, found.of.iter().map(|&at| parts[usize::from(at)]).collect()))
}

fn prior(result: &RunResult) -> Option<Found> {
    let segments = result.found.prior_segment.as_ref()?;
    let part = |is_inside| if is_inside { Part::Nucleus } else { Part::Cytoplasm };
    let source =
        "molecules inside the segments of the prior segmentation, which are nuclei, and all others of the cell";
    Some((source, segments.iter().map(|segment| part(segment.is_some())).collect()))
}

fn is_stain(manifest: &Manifest) -> bool {
    manifest.parameters.get("prior").and_then(|prior| prior.get("image_kind")).is_some_and(|kind| kind == "stain")
}

/// A column that says whether a molecule is over a nucleus.
fn column(result: &RunResult) -> anyhow::Result<Option<Found>> {
    use polars::prelude::DataType;
    let carried = &result.table.carried;
    let Some(at) = carried.frame.columns().iter().position(|column| column.name() == OVERLAPS_NUCLEUS) else {
        return Ok(None);
    };
    let series = carried.series(at);
    if !series.dtype().is_primitive_numeric() && *series.dtype() != DataType::Boolean {
        return Ok(None);
    }
    let values = series.cast(&DataType::Float64)?;
    let part = |value: Option<f64>| match value {
        Some(value) if value > 0.0 => Part::Nucleus,
        Some(_) => Part::Cytoplasm,
        None => Part::Unknown,
    };
    let source = "molecules that overlap nuclei according to the column overlaps_nucleus of the input, and all others";
    Ok(Some((source, values.f64()?.iter().map(part).collect())))
}
