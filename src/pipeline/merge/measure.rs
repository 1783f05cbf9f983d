//! Second pass: statistics, counts and boundaries of the cells of each tile.

use super::scan::Totals;
use super::tiles::{Tile, Tiles};
use crate::cells::seams::Seams;
use crate::cells::{self, CellCounts, CellStats, NucleusCounts, NucleusTally};
use crate::data::{
    CellIdx, CellMembers, CellNames, CellOutline, ClusterIdx, GeneIdx, GeneTable, LayerOutlines, Positions, SegmentIdx,
    Segmentation,
};
use crate::io::stage::schema::CELLS;
use crate::io::stage::{CellsAppender, MoleculeBatch, OutlineBasis, StageWriter};
use crate::polygons;

/// Columns that are looked at.
const COLUMNS: [&str; 9] =
    ["x", "y", "z", "gene", "confidence", "prior_segmentation", "cluster", "cell", "assignment_confidence"];
/// Columns that a prior adds to the table of cells.
const N_NUCLEI: &str = "n_nuclei";
const PRIOR_SEGMENT: &str = "prior_segment";

/// Writes the tables of cells: with statistics, counts and, if `has_polygons`, boundaries. Cells are numbered from tile to
/// tile, and within one as the tile has them.
///
/// A cell has all of its molecules in its tile, and so is measured there alone. Molecules in overlaps count with what they
/// are on the slide, so cells are as the merged table of molecules has them. Nuclei are counted anew, since a nucleus may be
/// cut by the rim of a tile; `totals` has their sizes on the slide. Returns how cells and nuclei go together, if tiles
/// have such columns.
pub fn write(
    tiles: &Tiles,
    seams: &Seams,
    genes: &GeneTable,
    totals: &Totals,
    has_polygons: bool,
    writer: &mut StageWriter,
) -> anyhow::Result<Option<NucleusCounts>> {
    let names = CellNames::new(&tiles.first().place.run_id);
    let mut cells: Option<CellsAppender> = None;
    let mut counts = writer.counts_appending(genes)?;
    let basis = &tiles.first().place.outlines;
    let mut outlines = if has_polygons { Some(writer.polygons_appending(empty_layers(basis))?) } else { None };
    let mut nuclei = any_has(tiles, N_NUCLEI)?.then(|| NucleusTally::new(totals.segment_sizes().to_vec()));
    let has_owners = any_has(tiles, PRIOR_SEGMENT)?;
    for (at, tile) in tiles.iter().enumerate() {
        let mut part = Part::read(tile, seams, at)?;
        let n_cells = part.segmentation.n_cells;
        let (mut stats, n_of_genes) = part.measure(genes.len());
        stats.n_nuclei = nuclei.as_mut().map(|tally| part.count_nuclei(tally));
        stats.prior_segment = has_owners.then(|| part.started_from.take().unwrap_or_else(|| vec![None; n_cells]));
        // Of a tile without cells it is not known which statistics cells would have.
        if n_cells > 0 || (cells.is_none() && at + 1 == tiles.len()) {
            let table = match &mut cells {
                Some(table) => table,
                None => cells.insert(writer.cells_appending(&names, &stats)?),
            };
            table.push(&names, &stats)?;
        }
        counts.push(genes, &n_of_genes)?;
        if let Some(table) = &mut outlines {
            let (flat, by_layer) = part.outline(basis);
            table.push(&flat, &by_layer, n_cells)?;
        }
    }
    if let Some(table) = cells {
        writer.finish_cells(table)?;
    }
    writer.finish_counts(counts)?;
    if let Some(table) = outlines {
        writer.finish_polygons(table)?;
    }
    Ok(nuclei.map(|tally| tally.counts()))
}

/// Whether the cells of some tile have a column.
fn any_has(tiles: &Tiles, column: &str) -> anyhow::Result<bool> {
    for tile in tiles.iter() {
        if tile.stage.has_column(&CELLS, column)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A tile with the cells that the slide has from it. Arrays are `[n_molecules]` of the tile where nothing else is said.
struct Part {
    positions: Positions,
    genes: Vec<GeneIdx>,
    confidence: Vec<f32>,
    clusters: Option<Vec<ClusterIdx>>,
    segments: Option<Vec<Option<SegmentIdx>>>,
    segmentation: Segmentation,
    /// Labels of the segments that cells started from, where segments own cells. `[n_cells]`
    started_from: Option<Vec<Option<String>>>,
}

impl Part {
    fn read(tile: &Tile, seams: &Seams, at: usize) -> anyhow::Result<Self> {
        let n_molecules = tile.n_molecules();
        let mut part = Self {
            positions: Positions::default(),
            genes: Vec::with_capacity(n_molecules),
            confidence: Vec::with_capacity(n_molecules),
            clusters: None,
            segments: None,
            started_from: None,
            segmentation: Segmentation {
                n_cells: seams.first_cell[at + 1] - seams.first_cell[at],
                ..Segmentation::default()
            },
        };
        let mut owned = Owned { cells: seams.cells_of(at), first: seams.first_cell[at], shared: &seams.shared[at] };
        tile.stage.molecule_batches(&COLUMNS, |batch| {
            part.push(batch, &mut owned);
            Ok(())
        })?;
        let (_, stats) = tile.stage.cells()?;
        let cells = seams.cells_of(at);
        part.segmentation.lifespans = stats.lifespan.map(|lifespans| of_kept(lifespans, cells));
        part.started_from = stats.prior_segment.map(|labels| of_kept(labels, cells));
        Ok(part)
    }

    fn push(&mut self, batch: MoleculeBatch, owned: &mut Owned<'_>) {
        let MoleculeBatch { ids, positions, genes, mut results, .. } = batch;
        let cells = results.cell.unwrap_or_default();
        for (row, &id) in ids.iter().enumerate() {
            let mut cell = cells.get(row).copied().flatten().and_then(|cell| owned.cells[cell.idx()]);
            if let Some(molecule) = owned.shared.first().filter(|molecule| molecule.id == id) {
                owned.shared = &owned.shared[1..];
                cell = molecule.cell();
                if let Some(trust) = &mut results.assignment_confidence {
                    trust[row] = molecule.assignment_confidence;
                }
                if let (Some(clusters), Some(cluster)) = (&mut results.cluster, molecule.cluster) {
                    clusters[row] = cluster;
                }
            }
            self.segmentation.cell_of.push(owned.own(cell, self.segmentation.n_cells));
        }
        self.positions.x.extend(positions.x);
        self.positions.y.extend(positions.y);
        extend(&mut self.positions.z, positions.z);
        self.genes.extend(genes);
        self.confidence.extend(results.confidence.unwrap_or_default());
        extend(&mut self.clusters, results.cluster);
        extend(&mut self.segments, results.prior_segment);
        extend(&mut self.segmentation.assignment_confidence, results.assignment_confidence);
    }

    /// Statistics and counts of the cells.
    fn measure(&self, n_genes: usize) -> (CellStats, CellCounts) {
        let segmentation = &self.segmentation;
        let members = CellMembers::group(&segmentation.cell_of, segmentation.n_cells);
        let clusters = self.clusters.as_deref();
        let stats = cells::cell_stats(&self.positions, &self.confidence, clusters, segmentation, &members);
        (stats, cells::count_genes(&self.genes, n_genes, &members))
    }

    /// Number of nuclei of each cell.
    fn count_nuclei(&self, tally: &mut NucleusTally) -> Vec<u32> {
        let Segmentation { cell_of, n_cells, .. } = &self.segmentation;
        tally.add(cell_of, *n_cells, self.segments.as_deref().unwrap_or_default())
    }

    /// Boundaries of the cells, over all z and in layers.
    ///
    /// Molecules of other tiles' cells are noise here, which shapes boundaries no less than molecules of other cells do.
    fn outline(&self, basis: &OutlineBasis) -> (Vec<CellOutline>, Vec<LayerOutlines>) {
        let Segmentation { cell_of, n_cells, .. } = &self.segmentation;
        let flat = polygons::outline_cells_of_part(&self.positions, cell_of, *n_cells, basis.spacing);
        let layers = basis.layers.as_ref();
        let layers = layers.map(|layers| polygons::layer_outlines_of_part(&self.positions, cell_of, *n_cells, layers));
        (flat, layers.unwrap_or_default())
    }
}

/// The layers of the slide, without outlines; `None` for 2D data.
fn empty_layers(basis: &OutlineBasis) -> Option<Vec<LayerOutlines>> {
    let nothing = Positions { z: Some(Vec::new()), ..Positions::default() };
    basis.layers.as_ref().map(|layers| polygons::layer_outlines_of_part(&nothing, &[], 0, layers))
}

/// What is known of the cells of a tile.
struct Owned<'a> {
    /// Cells of the slide for those of the tile.
    cells: &'a [Option<CellIdx>],
    /// The first cell of the slide that comes from the tile.
    first: usize,
    /// The shared molecules that are still to come.
    shared: &'a [crate::cells::seams::SharedMolecule],
}

impl Owned<'_> {
    /// A cell of the slide as one of the `n` that come from the tile.
    fn own(&self, cell: Option<CellIdx>, n: usize) -> Option<CellIdx> {
        cell.and_then(|cell| cell.idx().checked_sub(self.first)).filter(|&cell| cell < n).map(CellIdx::new)
    }
}

/// The values of the cells of a tile that the slide has.
fn of_kept<T>(values: Vec<T>, cells: &[Option<CellIdx>]) -> Vec<T> {
    values.into_iter().zip(cells).filter_map(|(value, cell)| cell.map(|_| value)).collect()
}

fn extend<T>(values: &mut Option<Vec<T>>, more: Option<Vec<T>>) {
    if let Some(more) = more {
        values.get_or_insert_with(Vec::new).extend(more);
    }
}
