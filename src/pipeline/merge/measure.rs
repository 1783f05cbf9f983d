//! Second pass: statistics, counts and boundaries of the cells of each tile.

use super::tiles::{Tile, Tiles};
use crate::cells::seams::Seams;
use crate::cells::{self, CellCounts, CellStats};
use crate::data::{
    CellIdx, CellMembers, CellNames, CellOutline, ClusterIdx, GeneIdx, GeneTable, LayerOutlines, Positions,
    Segmentation,
};
use crate::io::stage::{CellsAppender, MoleculeBatch, OutlineBasis, StageWriter};
use crate::polygons;

/// Columns that are looked at.
const COLUMNS: [&str; 8] = ["x", "y", "z", "gene", "confidence", "cluster", "cell", "assignment_confidence"];

/// Writes the tables of cells: with statistics, counts and, if `has_polygons`, boundaries. Cells are numbered from tile to
/// tile, and within one as the tile has them.
///
/// A cell has all of its molecules in its tile, and so is measured there alone. Molecules in overlaps count with what they
/// are on the slide, so cells are as the merged table of molecules has them.
pub fn write(
    tiles: &Tiles,
    seams: &Seams,
    genes: &GeneTable,
    has_polygons: bool,
    writer: &mut StageWriter,
) -> anyhow::Result<()> {
    let names = CellNames::new(&tiles.first().place.run_id);
    let mut cells: Option<CellsAppender> = None;
    let mut counts = writer.counts_appending(genes)?;
    let basis = &tiles.first().place.outlines;
    let mut outlines = if has_polygons { Some(writer.polygons_appending(empty_layers(basis))?) } else { None };
    for (at, tile) in tiles.iter().enumerate() {
        let part = Part::read(tile, seams, at)?;
        let n_cells = part.segmentation.n_cells;
        let (stats, n_of_genes) = part.measure(genes.len());
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
    Ok(())
}

/// A tile with the cells that the slide has from it. All arrays are `[n_molecules]` of the tile.
struct Part {
    positions: Positions,
    genes: Vec<GeneIdx>,
    confidence: Vec<f32>,
    clusters: Option<Vec<ClusterIdx>>,
    segmentation: Segmentation,
}

impl Part {
    fn read(tile: &Tile, seams: &Seams, at: usize) -> anyhow::Result<Self> {
        let n_molecules = tile.n_molecules();
        let mut part = Self {
            positions: Positions::default(),
            genes: Vec::with_capacity(n_molecules),
            confidence: Vec::with_capacity(n_molecules),
            clusters: None,
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
        let of_kept = |lifespans: Vec<u32>| {
            lifespans.iter().zip(seams.cells_of(at)).filter_map(|(&lifespan, cell)| cell.map(|_| lifespan)).collect()
        };
        part.segmentation.lifespans = stats.lifespan.map(of_kept);
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

fn extend<T>(values: &mut Option<Vec<T>>, more: Option<Vec<T>>) {
    if let Some(more) = more {
        values.get_or_insert_with(Vec::new).extend(more);
    }
}
