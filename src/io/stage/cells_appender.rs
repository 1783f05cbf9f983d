//! Cells, counts and boundaries that are added in parts: those of one tile after another.
//!
//! ```text
//! let mut cells = writer.cells_appending(&names, &stats)?;       `stats` tell which statistics there are
//! cells.push(&names, &stats)?;                                   cells are numbered on
//! writer.finish_cells(cells)?;
//! ```
//!
//! The files are, byte by byte, those that [`StageWriter`](super::StageWriter) writes when it has all cells at once; but
//! boundaries by layer stand behind all boundaries over all z, for which they wait in files of their own.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::prelude::{PolarsError, PolarsResult};

use super::StageError;
use super::appender::{Part, TableAppender};
use super::cells::{cell_columns, count_columns};
use super::ipc::{SourceColumn, Values, damaged};
use super::polygons::outline_columns;
use super::schema::{CELLS, COUNTS, POLYGONS, POLYGONS_PER_BATCH, Table};
use super::stores::{Pick, store_of};
use crate::cells::{CellCounts, CellStats};
use crate::data::{CellIdx, CellNames, CellOutline, GeneTable, LayerOutlines};
use crate::io::atomic::{NewPath, WriteError, disk};

/// A table while rows are added to it that come from columns.
pub(super) struct ColumnsAppender {
    pub table: TableAppender,
    n_columns: usize,
    path: PathBuf,
}

impl ColumnsAppender {
    /// Begins a table; of the columns only the fields and the dictionaries matter.
    pub fn begin(dir: &Path, table: &Table, columns: &[SourceColumn<'_>]) -> Result<Self, StageError> {
        let path = dir.join(table.file);
        let schema = Arc::new(table.schema(columns.iter().map(|column| column.field.clone())));
        let store = |column: &SourceColumn<'_>| store_of(column.field.dtype(), column.settled_dictionary()?);
        let stores: PolarsResult<Vec<_>> = columns.iter().map(store).collect();
        let stores = stores.map_err(|error| damaged(&path, error.to_string()))?;
        Ok(Self { table: TableAppender::begin(dir, table, schema, stores)?, n_columns: columns.len(), path })
    }

    /// Adds `n` rows.
    pub fn push(&mut self, columns: &[SourceColumn<'_>], n: usize) -> Result<(), StageError> {
        if columns.len() != self.n_columns {
            return Err(damaged(&self.path, "rows with other columns than before are added to it"));
        }
        let values: PolarsResult<Vec<Values>> = columns.iter().map(|column| column.values(0..n)).collect();
        let values = values.map_err(|error: PolarsError| damaged(&self.path, error.to_string()))?;
        let in_order: Vec<Pick> = (0..n as u32).map(|row| [0, row]).collect();
        let parts: Vec<Part<'_>> =
            values.iter().map(|values| Part { sources: vec![values.as_ref()], picks: &in_order }).collect();
        self.table.append(&parts, n)
    }
}

/// The table of cells while cells are added to it.
pub struct CellsAppender(pub(super) ColumnsAppender);

impl CellsAppender {
    pub(super) fn begin(dir: &Path, names: &CellNames, stats: &CellStats) -> Result<Self, StageError> {
        Ok(Self(ColumnsAppender::begin(dir, &CELLS, &cell_columns(names, stats, 0))?))
    }

    /// Adds cells with the numbers that follow. Errors: other statistics than before; a disk that is full.
    pub fn push(&mut self, names: &CellNames, stats: &CellStats) -> Result<(), StageError> {
        let first = self.0.table.n_rows() as usize;
        self.0.push(&cell_columns(names, stats, first), stats.n_cells())
    }
}

/// The table of counts while cells are added to it.
pub struct CountsAppender {
    pub(super) rows: ColumnsAppender,
    n_cells: usize,
}

impl CountsAppender {
    pub(super) fn begin(dir: &Path, genes: &GeneTable) -> Result<Self, StageError> {
        let rows = ColumnsAppender::begin(dir, &COUNTS, &count_columns(genes, &CellCounts::default(), 0))?;
        Ok(Self { rows, n_cells: 0 })
    }

    /// Adds the counts of cells with the numbers that follow. `genes`: as when the table was begun.
    pub fn push(&mut self, genes: &GeneTable, counts: &CellCounts) -> Result<(), StageError> {
        self.rows.push(&count_columns(genes, counts, self.n_cells), counts.n.len())?;
        self.n_cells += counts.n_cells();
        Ok(())
    }
}

/// The table of boundaries while cells are added to it.
pub struct PolygonsAppender {
    rows: ColumnsAppender,
    layers: Option<Vec<WaitingLayer>>,
    n_cells: usize,
}

/// Layers, and how many cells each has.
pub(super) type LayerSizes = (Vec<LayerOutlines>, Vec<u32>);

impl PolygonsAppender {
    pub(super) fn begin(dir: &Path, layers: Option<Vec<LayerOutlines>>) -> Result<Self, StageError> {
        let rows = ColumnsAppender::begin(dir, &POLYGONS, &outline_columns(&[], None, 0))?;
        let waiting = |layers: Vec<LayerOutlines>| -> Result<Vec<_>, StageError> {
            layers.into_iter().map(|layer| WaitingLayer::begin(dir, layer)).collect()
        };
        Ok(Self { rows, layers: layers.map(waiting).transpose()?, n_cells: 0 })
    }

    /// Adds the boundaries of the `n_cells` cells that follow: over all z, and in each layer.
    pub fn push(&mut self, flat: &[CellOutline], layers: &[LayerOutlines], n_cells: usize) -> Result<(), StageError> {
        self.rows.push(&outline_columns(flat, None, self.n_cells), flat.len())?;
        for (waiting, layer) in self.layers.iter_mut().flatten().zip(layers) {
            let written = layer.outlines.iter().try_for_each(|outline| waiting.push(outline, self.n_cells));
            written.map_err(|source| waiting.place.error(source))?;
        }
        self.n_cells += n_cells;
        Ok(())
    }

    /// Adds the boundaries that have waited.
    pub(super) fn into_table(self) -> Result<(TableAppender, Option<LayerSizes>), StageError> {
        let Self { mut rows, layers, .. } = self;
        let Some(waiting) = layers else { return Ok((rows.table, None)) };
        let copy = |(at, layer): (usize, WaitingLayer)| layer.copy_to(&mut rows, at);
        let copied = waiting.into_iter().enumerate().map(copy).collect::<Result<Vec<_>, StageError>>()?;
        Ok((rows.table, Some(copied.into_iter().unzip())))
    }
}

/// Boundaries in a layer, in a file of their own: cell, number of vertices, coordinates.
struct WaitingLayer {
    layer: LayerOutlines,
    n_cells: u32,
    file: BufWriter<File>,
    place: NewPath,
}

impl WaitingLayer {
    fn begin(dir: &Path, layer: LayerOutlines) -> Result<Self, StageError> {
        let place = NewPath::reserve(&dir.join(POLYGONS.file))?;
        let file = OpenOptions::new().write(true).open(place.temporary()).map_err(|source| place.error(source))?;
        Ok(Self { layer, n_cells: 0, file: BufWriter::new(file), place })
    }

    fn push(&mut self, outline: &CellOutline, first_cell: usize) -> io::Result<()> {
        let cell = CellIdx::new(first_cell + outline.cell.idx());
        self.file.write_all(&cell.number().to_le_bytes())?;
        self.file.write_all(&(outline.ring.len() as u32).to_le_bytes())?;
        for coordinate in outline.ring.iter().flatten() {
            self.file.write_all(&coordinate.to_le_bytes())?;
        }
        self.n_cells += 1;
        Ok(())
    }

    /// Moves all boundaries into the table. `at`: the place of the layer among all.
    fn copy_to(self, rows: &mut ColumnsAppender, at: usize) -> Result<(LayerOutlines, u32), StageError> {
        let Self { layer, n_cells, file, place } = self;
        let failed = |source: io::Error| -> WriteError { place.error(source) };
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        disk::close_unsynced(file).map_err(failed)?;
        let mut file = BufReader::new(File::open(place.temporary()).map_err(failed)?);
        let mut left = n_cells as usize;
        while left > 0 {
            let n = left.min(POLYGONS_PER_BATCH);
            let outlines: io::Result<Vec<CellOutline>> = (0..n).map(|_| read_outline(&mut file)).collect();
            let outlines = outlines.map_err(failed)?;
            rows.push(&outline_columns(&outlines, Some((at, layer.z_range)), 0), n)?;
            left -= n;
        }
        Ok((layer, n_cells))
    }
}

fn read_outline(file: &mut impl Read) -> io::Result<CellOutline> {
    let mut number = || {
        let mut bytes = [0; 4];
        file.read_exact(&mut bytes).map(|()| u32::from_le_bytes(bytes))
    };
    let (cell, n_vertices) = (number()?, number()?);
    let cell = CellIdx::from_number(cell).ok_or_else(|| io::Error::other("a boundary has the cell 0"))?;
    let mut coordinate = || {
        let mut bytes = [0; 8];
        file.read_exact(&mut bytes).map(|()| f64::from_le_bytes(bytes))
    };
    let ring = (0..n_vertices).map(|_| Ok([coordinate()?, coordinate()?])).collect::<io::Result<_>>()?;
    Ok(CellOutline { cell, ring })
}
