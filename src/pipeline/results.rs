//! The result files of a run: tables first, boundaries after them.

use super::model::Found;
use super::prior::FoundPrior;
use crate::cells;
use crate::config::{CountFormat, RunSettings};
use crate::data::{CellMembers, CellNames};
use crate::io::atomic;
use crate::io::export::{cell_stats, geojson, loom, molecules, tsv};
use crate::io::molecules::MoleculeTable;
use crate::observe::Observer;
use crate::polygons;

/// Writes all result files.
///
/// The tables are complete on disk before boundaries are computed: whatever fails there, they are
/// kept. Errors name the file.
pub fn write(
    table: &MoleculeTable,
    prior: Option<&FoundPrior>,
    found: &Found,
    names: &CellNames,
    settings: &RunSettings,
    observer: &dyn Observer,
) -> anyhow::Result<()> {
    let outputs = &settings.outputs;
    observer.stage(&format!("Saving results to {}", outputs.molecules.display()));
    let segmentation = &found.segmentation;
    let confidence: Vec<f32> = found.confidence.iter().map(|&value| to_five_decimals(value)).collect();
    let segment_numbers = prior.and_then(FoundPrior::numbers);
    let columns = molecules::MoleculeResults {
        prior_segment: prior.map(|found| &found.prior.segment_of[..]),
        segment_numbers: segment_numbers.as_deref(),
        confidence: &confidence,
        compartments: found.compartments.as_ref(),
        cluster: found.clusters.as_deref(),
        cell: &segmentation.cell_of,
        assignment_confidence: segmentation.assignment_confidence.as_deref(),
        ncv_color: found.colors.as_deref(),
        names,
    };
    atomic::write_file(&outputs.molecules, |file| molecules::write(file, table, &columns))?;
    let positions = &table.molecules.positions;
    let members = CellMembers::group(&segmentation.cell_of, segmentation.n_cells);
    let stats = cells::cell_stats(positions, &confidence, found.clusters.as_deref(), segmentation, &members);
    cell_stats::write_cell_stats(&outputs.cell_stats, names, &stats)?;
    let counts = cells::count_genes(&table.molecules.genes, table.molecules.n_genes, &members);
    match settings.count_format {
        CountFormat::Loom => loom::write_loom(&outputs.counts, &table.genes, names, &counts, &stats)?,
        CountFormat::Tsv => tsv::write_tsv(&outputs.counts, &table.genes, names, &counts)?,
    }
    drop((stats, counts, members));

    let Some(format) = settings.polygon_format else { return Ok(()) };
    observer.stage("Estimating boundary polygons");
    let (cell_of, n_cells) = (&segmentation.cell_of, segmentation.n_cells);
    let outlines = polygons::outline_cells(positions, cell_of, n_cells);
    atomic::write_file(&outputs.polygons_2d, |file| geojson::write_2d(file, &outlines, names, format))?;
    drop(outlines);
    if positions.z.is_some() {
        let layers = polygons::layer_outlines(positions, cell_of, n_cells, settings.max_z_slices);
        atomic::write_file(&outputs.polygons_3d, |file| {
            geojson::write_3d(file, &layers, names, format, settings.layout_3d)
        })?;
    }
    Ok(())
}

/// Confidences as they are written.
fn to_five_decimals(value: f32) -> f32 {
    ((f64::from(value) * 1e5).round() / 1e5) as f32
}
