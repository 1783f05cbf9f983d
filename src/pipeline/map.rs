//! The interactive map of a result.

use std::path::Path;

use rayon::prelude::*;

use super::results::RunResult;
use crate::data::{CellIdx, CellMembers, SegmentIdx};
use crate::io::atomic;
use crate::io::stage::StagePolygons;
use crate::observe::Observer;
use crate::polygons;
use crate::report::digits::grouped;
use crate::report::map::{self, MapInput, MapPrior};

/// A segment of the prior counts for a cell if it has so many of the cell's molecules…
const MIN_SEGMENT_MOLECULES: usize = 3;
/// …and one of so many.
const MIN_SEGMENT_SHARE: usize = 10;

/// Writes the interactive map of a result as one page.
///
/// `static_picture`, a PNG, is shown by browsers that cannot draw the map. A result that comes from a stage gives the same
/// bytes as the run that wrote the stage. Errors name the file.
pub fn write_map(
    result: &RunResult,
    polygons: &StagePolygons,
    static_picture: Option<&[u8]>,
    path: &Path,
    observer: &dyn Observer,
) -> anyhow::Result<()> {
    observer.stage("Drawing the map");
    let (table, found) = (&result.table, &result.found);
    let positions = &table.molecules.positions;
    let cells = found.cell.as_deref().unwrap_or_default();
    let n_cells = result.stats.n_cells();
    let names = &result.names;
    let of_molecules = match (&result.prior_outlines, &found.prior_segment) {
        (None, Some(segments)) => outlines_of_molecules(result, segments),
        _ => Vec::new(),
    };
    let segments_of_cells = found.prior_segment.as_deref().map(|segments| segments_of_cells(cells, n_cells, segments));
    let prior = result.segments.as_ref().map(|segments| MapPrior {
        outlines: match &result.prior_outlines {
            Some(outlines) => outlines.iter().map(|outline| (outline.row, outline.ring.as_slice())).collect(),
            None => of_molecules.iter().map(|(row, ring)| (*row, ring.as_slice())).collect(),
        },
        labels: (0..segments.rows.len()).map(|row| segments.labels.text(row).into_owned()).collect(),
        origin: if result.prior_outlines.is_some() {
            "borders as given"
        } else {
            "drawn around the molecules of each segment"
        },
        segments_of_cells: segments_of_cells.as_deref(),
    });
    let subtitle = format!(
        "Run {}: {} molecules, {} cells, {:.1} % noise",
        result.run_id,
        grouped(table.molecules.len() as u64, ','),
        grouped(n_cells as u64, ','),
        100.0 * result.n_noise() as f64 / table.molecules.len().max(1) as f64
    );
    let input = MapInput {
        title: "Map of cells",
        subtitle: &subtitle,
        max_molecules: map::MAX_MOLECULES,
        ids: &table.molecules.ids,
        positions,
        genes: &table.molecules.genes,
        gene_names: table.genes.names(),
        cells,
        confidence: found.confidence.as_deref(),
        assignment_confidence: found.assignment_confidence.as_deref(),
        clusters: found.cluster.as_deref(),
        colors: found.ncv_color.as_deref(),
        names,
        stats: &result.stats,
        counts: &result.counts,
        outlines: &polygons.flat,
        prior,
        static_picture,
        notes: Vec::new(),
    };
    atomic::write_file(path, |file| map::write(file, &input))?;
    Ok(())
}

/// Outlines around the molecules of each segment, with the rows of the segments.
fn outlines_of_molecules(result: &RunResult, segment_of: &[Option<SegmentIdx>]) -> Vec<(u32, Vec<[f64; 2]>)> {
    let Some(table) = &result.segments else { return Vec::new() };
    let mut row_of = Vec::new();
    for (row, segment) in table.rows.iter().enumerate() {
        if let Some(segment) = segment.segment {
            row_of.resize(row_of.len().max(segment.idx() + 1), 0);
            row_of[segment.idx()] = row as u32;
        }
    }
    let as_cells: Vec<Option<CellIdx>> =
        segment_of.iter().map(|segment| segment.map(|segment| CellIdx::new(segment.idx()))).collect();
    polygons::outline_cells(&result.table.molecules.positions, &as_cells, row_of.len())
        .into_iter()
        .map(|outline| (row_of[outline.cell.idx()], outline.ring))
        .collect()
}

/// How many segments of the prior have a good share of the molecules of each cell. `[n_cells]`
fn segments_of_cells(cells: &[Option<CellIdx>], n_cells: usize, segment_of: &[Option<SegmentIdx>]) -> Vec<u32> {
    let members = CellMembers::group(cells, n_cells);
    (0..n_cells)
        .into_par_iter()
        .map(|cell| {
            let members = members.of(CellIdx::new(cell));
            let mut segments: Vec<SegmentIdx> =
                members.iter().filter_map(|&molecule| segment_of[molecule as usize]).collect();
            segments.sort_unstable();
            let least = MIN_SEGMENT_MOLECULES.max(members.len().div_ceil(MIN_SEGMENT_SHARE));
            segments.chunk_by(|a, b| a == b).filter(|part| part.len() >= least).count() as u32
        })
        .collect()
}
