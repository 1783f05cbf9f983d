//! First pass: what tiles have in common, and sums over the slide.

use super::tiles::{Tile, Tiles};
use crate::cells::seams::{SharedMolecule, TileCell, TileCells};
use crate::io::stage::MoleculeBatch;
use crate::prior::SegmentTable;
use crate::spatial::tiling::Rect;

/// Columns that are looked at.
const COLUMNS: [&str; 7] = ["x", "y", "gene", "prior_segmentation", "cluster", "cell", "assignment_confidence"];
/// Beyond this share of the margin a cell is near the outer rim of its tile.
const RIM_FROM: f64 = 0.75;
/// What the first pass found.
pub struct Scan {
    /// Cells and shared molecules of the tiles. `[n_tiles]`
    pub cells: Vec<TileCells>,
    /// Sums over the slide.
    pub totals: Totals,
}

/// Sums over the molecules of the slide, each counted in the tile with it in its core.
#[derive(Default)]
pub struct Totals {
    /// Molecules of every gene. `[n_genes]`
    pub n_of_gene: Vec<u32>,
    /// Molecules of every segment of the prior segmentation. `[n_segments]`
    n_of_segment: Vec<u32>,
}

impl Totals {
    /// Enters the sizes of segments.
    pub fn count_segments(&self, segments: &mut SegmentTable) {
        for row in &mut segments.rows {
            if let Some(segment) = row.segment {
                row.n_molecules = self.n_of_segment.get(segment.idx()).copied().unwrap_or(0);
            }
        }
    }

    /// Molecules of every segment of the prior segmentation. `[n_segments]`
    pub fn segment_sizes(&self) -> &[u32] {
        &self.n_of_segment
    }

    /// Adds the molecule in a row of a batch.
    fn add(&mut self, batch: &MoleculeBatch, row: usize) {
        let count = |counts: &mut Vec<u32>, at: usize| {
            if counts.len() <= at {
                counts.resize(at + 1, 0);
            }
            counts[at] += 1;
        };
        if let Some(gene) = batch.genes.get(row) {
            count(&mut self.n_of_gene, gene.idx());
        }
        if let Some(segment) = batch.results.prior_segment.as_ref().and_then(|segments| segments[row]) {
            count(&mut self.n_of_segment, segment.idx());
        }
    }
}

/// Reads all tiles once, one after another.
///
/// Errors: damaged tables; a number of molecules in a core that is not that of the split.
pub fn scan(tiles: &Tiles) -> anyhow::Result<Scan> {
    let first = tiles.first();
    let n_genes = first.stage.genes()?.0.len();
    let mut totals = Totals { n_of_gene: vec![0; n_genes], ..Totals::default() };
    let mut cells = Vec::with_capacity(tiles.len());
    for (at, tile) in tiles.iter().enumerate() {
        let reach = tile.reach();
        let others = tiles.iter().enumerate().filter(|&(other, _)| other != at).map(|(_, other)| other.reach());
        let others: Vec<Rect> = others.filter(|other| other.meets(&reach)).collect();
        let mut scan =
            TileScan { tile, others, cells: vec![CellScan::default(); tile.n_cells()], ..TileScan::of(tile) };
        let mut fault = None;
        tile.stage.molecule_batches(&COLUMNS, |batch| {
            fault = fault.take().or_else(|| scan.push(&batch, &mut totals));
            Ok(())
        })?;
        if let Some(fault) = fault {
            anyhow::bail!("{}: {fault}; run the tile again", tile.stage.dir().display());
        }
        anyhow::ensure!(
            scan.n_in_core == tile.place.n_core,
            "{}: {} molecules are in the core of the tile, but there should be {}; run the tile again",
            tile.stage.dir().display(),
            scan.n_in_core,
            tile.place.n_core
        );
        cells.push(scan.finish());
    }
    Ok(Scan { cells, totals })
}

/// A tile while it is read.
struct TileScan<'a> {
    tile: &'a Tile,
    /// Reaches of the tiles that overlap.
    others: Vec<Rect>,
    /// What is not near the outer rim.
    inner: Rect,
    cells: Vec<CellScan>,
    shared: Vec<SharedMolecule>,
    n_in_core: u64,
}

/// A cell while it is summed.
#[derive(Clone, Copy, Default)]
struct CellScan {
    cell: TileCell,
    sum: [f64; 2],
}

impl<'a> TileScan<'a> {
    fn of(tile: &'a Tile) -> Self {
        let inner = tile.place.core.widened(RIM_FROM * tile.place.margin);
        Self { tile, others: Vec::new(), inner, cells: Vec::new(), shared: Vec::new(), n_in_core: 0 }
    }

    /// Adds molecules. Returns what is wrong with them.
    fn push(&mut self, batch: &MoleculeBatch, totals: &mut Totals) -> Option<String> {
        let results = &batch.results;
        for (row, &id) in batch.ids.iter().enumerate() {
            let (x, y) = (batch.positions.x[row], batch.positions.y[row]);
            let is_in_core = self.tile.place.core.contains(x, y);
            if is_in_core {
                totals.add(batch, row);
                self.n_in_core += 1;
            }
            let cell = results.cell.as_ref().and_then(|cells| cells[row]);
            if let Some(cell) = cell {
                let Some(CellScan { cell, sum }) = self.cells.get_mut(cell.idx()) else {
                    return Some(format!("molecule {} has the cell {}, which is not there", id + 1, cell.number()));
                };
                *sum = [sum[0] + x, sum[1] + y];
                cell.n_molecules += 1;
                cell.n_in_core += u32::from(is_in_core);
                cell.is_at_rim |= !self.inner.contains(x, y);
            }
            if self.others.iter().any(|other| other.contains(x, y)) {
                let mut molecule = SharedMolecule::new(id, cell, is_in_core);
                molecule.assignment_confidence = results.assignment_confidence.as_ref().map_or(0.0, |trust| trust[row]);
                molecule.cluster = results.cluster.as_ref().map(|clusters| clusters[row]);
                self.shared.push(molecule);
            }
        }
        None
    }

    fn finish(self) -> TileCells {
        let core = self.tile.place.core;
        let at_home = |CellScan { cell, sum }: CellScan| {
            // The center as statistics have it.
            let center = sum.map(|sum| sum / f64::from(cell.n_molecules));
            TileCell { is_at_home: core.contains(center[0], center[1]), ..cell }
        };
        let cells = self.cells.into_iter().map(at_home).collect();
        TileCells { reach: self.tile.reach(), cells, shared: self.shared }
    }
}
