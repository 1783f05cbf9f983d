//! One molecule table from those of many tiles, row by row in the order of the ids.
//!
//! ```text
//! let merged = MergedMolecules::open(&tiles)?;                       stages, opened and checked
//! let n_rows = merged.write(&mut writer, |claims| {                  for every molecule, ids ascending
//!     let owner = …;                                                 claims.of: the tiles that have the molecule
//!     Choice { claim, cell, assignment_confidence }                  which of them gives the row, and the two overrides
//! })?;
//! ```
//!
//! The columns are those that the tiles have, but `is_center`. Columns `cell` and `assignment_confidence` are written as
//! the caller says if the tiles have them; all others are those of the tile that the caller chose. The file has the same
//! bytes whatever the order of the tiles, as long as the choices are the same. Holds one batch of the output and one of
//! every tile that has molecules in the part of the input that is being written: in all tiles, if the input has no order
//! in space. No file is open between two batches.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;
use std::sync::Arc;

use polars::prelude::{PlSmallStr, PolarsResult};
use polars_arrow::array::{Array, PrimitiveArray};
use polars_arrow::datatypes::{ArrowDataType, Field};
use polars_arrow::types::NativeType;

use super::appender::{Part, TableAppender};
use super::carried::is_carried;
use super::ipc::{Cursor, RowGroup, Texts, damaged};
use super::schema::MOLECULES;
use super::stores::{Pick, store_of};
use super::{StageError, StageReader, StageWriter};
use crate::data::CellIdx;

/// Columns of tiles that are not written.
const OF_TILES: &str = "is_center";
/// Columns whose values the caller gives.
const OVERRIDDEN: [&str; 2] = ["cell", "assignment_confidence"];

/// A molecule as a tile has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Claim {
    /// The tile, by its position among those that were opened.
    pub tile: usize,
    /// The row of its table.
    pub row: u64,
    /// Its cell by the numbers of the tile; `None` for noise and if the tile has no cells.
    pub cell: Option<CellIdx>,
    /// The trust in the assignment, if the tile has it.
    pub assignment_confidence: Option<f32>,
}

/// A molecule that one tile or several have.
#[derive(Debug)]
pub struct Claims<'a> {
    /// Its identity, from 0.
    pub id: u32,
    /// Its place in x and y, which is the same in all tiles.
    pub position: [f64; 2],
    /// One entry per tile that has it, in the order of the tiles; one at least.
    pub of: &'a [Claim],
}

/// What is written of a molecule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// The tile that gives the row, by its position in [`Claims::of`].
    pub claim: usize,
    /// The cell.
    pub cell: Option<CellIdx>,
    /// The trust in the assignment; of no meaning if the tiles have none.
    pub assignment_confidence: f32,
}

/// Molecule tables of tiles before they become one.
pub struct MergedMolecules {
    tiles: Vec<Tile>,
    /// Fields of the output.
    fields: Vec<Field>,
    dictionaries: Vec<Option<Texts>>,
}

impl MergedMolecules {
    /// Opens the molecule tables of tiles.
    ///
    /// Errors: a stage without molecules; a table whose columns or genes differ from those of the first; a damaged one.
    pub fn open(tiles: &[&StageReader]) -> Result<Self, StageError> {
        let open = |stage: &&StageReader| {
            let (path, n_rows) = stage.find(&MOLECULES)?;
            Tile::new(Cursor::open(&path, &MOLECULES, n_rows, |field| field.name != OF_TILES)?)
        };
        let tiles = tiles.iter().map(open).collect::<Result<Vec<Tile>, StageError>>()?;
        let Some(first) = tiles.first() else {
            return Ok(Self { tiles, fields: Vec::new(), dictionaries: Vec::new() });
        };
        let (fields, dictionaries) = (first.fields(), first.dictionaries());
        for tile in &tiles[1..] {
            let (path, first) = (tile.path(), first.path().display());
            if tile.fields() != fields {
                return Err(damaged(path, format!("its columns are not those of {first}")));
            }
            if tile.dictionaries() != dictionaries {
                return Err(damaged(path, format!("its genes or other names are not those of {first}")));
            }
        }
        Ok(Self { tiles, fields, dictionaries })
    }

    /// Number of tiles.
    pub fn n_tiles(&self) -> usize {
        self.tiles.len()
    }

    /// Writes the table of all molecules; `choose` is called for every one, by ascending id. Returns their number.
    ///
    /// Errors: damaged tables, among them those whose ids do not ascend; a claim that there is not; a disk that is full.
    pub fn write(
        self,
        writer: &mut StageWriter,
        mut choose: impl FnMut(&Claims<'_>) -> Choice,
    ) -> Result<u64, StageError> {
        let Self { mut tiles, fields, dictionaries } = self;
        let mut output = Output::begin(writer, &fields, &dictionaries)?;
        let mut heads = Heads::new();
        // Of a tile that has no molecule in this part of the input, nothing is held but the first id.
        for (at, tile) in tiles.iter_mut().enumerate() {
            tile.load()?;
            heads.extend(tile.head()?.map(|id| Reverse((id, at))));
            tile.rewind();
        }
        let mut claims: Vec<Claim> = Vec::new();
        while let Some(id) = next_claims(&mut heads, &mut tiles, &mut claims)? {
            let position = tiles[claims[0].tile].position()?;
            let choice = choose(&Claims { id, position, of: &claims });
            let Some(claim) = claims.get(choice.claim) else {
                let detail = format!("the molecule {} is taken from a tile that does not have it", id + 1);
                return Err(damaged(tiles[claims[0].tile].path(), detail));
            };
            output.push([claim.tile as u32, tiles[claim.tile].at as u32], choice);
            // Rows of a tile are replaced when the last of them was taken.
            if output.is_full() || claims.iter().any(|claim| tiles[claim.tile].is_last()) {
                output.flush(&tiles)?;
            }
            for &Claim { tile: at, .. } in &claims {
                let tile = &mut tiles[at];
                tile.at += 1;
                heads.extend(tile.head()?.map(|id| Reverse((id, at))));
            }
        }
        output.flush(&tiles)?;
        writer.finish_table(&MOLECULES, output.table)
    }
}

/// The next molecule of every tile: id and tile.
type Heads = BinaryHeap<Reverse<(u32, usize)>>;

/// Takes the least id with all tiles that have it, in their order.
fn next_claims(heads: &mut Heads, tiles: &mut [Tile], claims: &mut Vec<Claim>) -> Result<Option<u32>, StageError> {
    claims.clear();
    let Some(&Reverse((id, _))) = heads.peek() else { return Ok(None) };
    while let Some(&Reverse((same, tile))) = heads.peek()
        && same == id
    {
        heads.pop();
        if tiles[tile].rows.is_none() {
            tiles[tile].load()?;
        }
        claims.push(tiles[tile].claim(tile)?);
    }
    Ok(Some(id))
}

/// A tile's table while it is read.
struct Tile {
    cursor: Cursor,
    /// Where the columns are that are looked at here.
    places: Places,
    rows: Option<RowGroup>,
    /// Rows of the table before `rows`.
    before: u64,
    /// The row in `rows` that comes next.
    at: usize,
    last_id: Option<u32>,
}

#[derive(Clone, Copy)]
struct Places {
    id: usize,
    xy: [usize; 2],
    cell: Option<usize>,
    assignment_confidence: Option<usize>,
}

impl Tile {
    fn new(cursor: Cursor) -> Result<Self, StageError> {
        let schema = cursor.file.schema();
        let find = |name: &str| {
            schema.index_of(name).ok_or_else(|| damaged(cursor.file.path(), format!("it has no column '{name}'")))
        };
        let places = Places {
            id: find("molecule_id")?,
            xy: [find("x")?, find("y")?],
            cell: schema.index_of(OVERRIDDEN[0]),
            assignment_confidence: schema.index_of(OVERRIDDEN[1]),
        };
        Ok(Self { cursor, places, rows: None, before: 0, at: 0, last_id: None })
    }

    fn path(&self) -> &Path {
        self.cursor.file.path()
    }

    fn fields(&self) -> Vec<Field> {
        self.cursor.file.schema().iter_values().cloned().collect()
    }

    /// Entries of the dictionaries that must be the same in all tiles; those of carried categories may differ.
    fn dictionaries(&self) -> Vec<Option<Texts>> {
        let is_settled =
            |field: &Field| !is_carried(field) || matches!(field.dtype(), ArrowDataType::Dictionary(_, _, true));
        let fields = self.cursor.file.schema().iter_values().enumerate();
        fields.map(|(at, field)| self.cursor.file.entries(at).filter(|_| is_settled(field)).cloned()).collect()
    }

    /// Reads the rows that follow.
    fn load(&mut self) -> Result<(), StageError> {
        self.at = 0;
        self.rows = None;
        if let Some((before, rows)) = self.cursor.next()? {
            self.before = before;
            self.rows = Some(rows);
        }
        Ok(())
    }

    /// Lets go the first rows, which will be loaded again.
    fn rewind(&mut self) {
        self.cursor.rewind();
        self.rows = None;
    }

    fn numbers<T: NativeType>(&self, column: usize) -> Result<&PrimitiveArray<T>, StageError> {
        let values = self.rows.as_ref().map(|rows| rows.arrays()[column].as_any());
        let values = values.and_then(|values| values.downcast_ref());
        values.ok_or_else(|| damaged(self.path(), "a column has another type than it should"))
    }

    /// The id of the next row; `None` at the end.
    fn head(&mut self) -> Result<Option<u32>, StageError> {
        if self.rows.as_ref().is_some_and(|rows| self.at >= rows.len()) {
            self.load()?;
        }
        if self.rows.is_none() {
            return Ok(None);
        }
        let number = self.numbers::<u32>(self.places.id)?.value(self.at);
        let id = number.checked_sub(1).filter(|&id| self.last_id.is_none_or(|last| id > last));
        let detail = || format!("the molecule {number} is not in the order of the numbers, which are 1 at least");
        let id = id.ok_or_else(|| damaged(self.path(), detail()))?;
        self.last_id = Some(id);
        Ok(Some(id))
    }

    fn is_last(&self) -> bool {
        self.rows.as_ref().is_some_and(|rows| self.at + 1 >= rows.len())
    }

    fn claim(&self, tile: usize) -> Result<Claim, StageError> {
        let mut claim = Claim { tile, row: self.before + self.at as u64, cell: None, assignment_confidence: None };
        if let Some(column) = self.places.cell {
            let cells = self.numbers::<u32>(column)?;
            claim.cell = cells.is_valid(self.at).then(|| CellIdx::from_number(cells.value(self.at))).flatten();
        }
        if let Some(column) = self.places.assignment_confidence {
            claim.assignment_confidence = Some(self.numbers::<f32>(column)?.value(self.at));
        }
        Ok(claim)
    }

    fn position(&self) -> Result<[f64; 2], StageError> {
        let [x, y] = self.places.xy;
        Ok([self.numbers::<f64>(x)?.value(self.at), self.numbers::<f64>(y)?.value(self.at)])
    }
}

/// Rows on their way into the merged table.
struct Output {
    table: TableAppender,
    names: Vec<PlSmallStr>,
    /// Rows that wait: those of the tiles, and the values of the overridden columns.
    picks: Vec<Pick>,
    cells: Vec<Option<u32>>,
    confidences: Vec<f32>,
}

impl Output {
    fn begin(writer: &StageWriter, fields: &[Field], dictionaries: &[Option<Texts>]) -> Result<Self, StageError> {
        let schema = Arc::new(MOLECULES.schema(fields.iter().cloned()));
        let stores = fields.iter().zip(dictionaries).map(|(field, entries)| store_of(field.dtype(), entries.clone()));
        let stores: PolarsResult<Vec<_>> = stores.collect();
        let stores = stores.map_err(|error| damaged(&writer.dir().join(MOLECULES.file), error.to_string()))?;
        let table = TableAppender::begin(writer.dir(), &MOLECULES, schema, stores)?;
        let names = fields.iter().map(|field| field.name.clone()).collect();
        Ok(Self { table, names, picks: Vec::new(), cells: Vec::new(), confidences: Vec::new() })
    }

    fn push(&mut self, pick: Pick, choice: Choice) {
        self.picks.push(pick);
        self.cells.push(choice.cell.map(CellIdx::number));
        self.confidences.push(choice.assignment_confidence);
    }

    fn is_full(&self) -> bool {
        self.picks.len() >= MOLECULES.rows_per_batch
    }

    /// Takes the waiting rows out of the batches that the tiles hold.
    fn flush(&mut self, tiles: &[Tile]) -> Result<(), StageError> {
        let n = self.picks.len();
        // A tile that is read to its end gives no row; any other stands for it.
        let Some(any) = tiles.iter().find_map(|tile| tile.rows.as_ref()).filter(|_| n > 0) else { return Ok(()) };
        let picks = std::mem::take(&mut self.picks);
        let cells = PrimitiveArray::<u32>::from_iter(std::mem::take(&mut self.cells));
        let confidences = PrimitiveArray::from_vec(std::mem::take(&mut self.confidences));
        let in_order: Vec<Pick> = (0..n as u32).map(|row| [0, row]).collect();
        let part = |(column, name): (usize, &PlSmallStr)| match name.as_str() {
            name if name == OVERRIDDEN[0] => Part { sources: vec![&cells as &dyn Array], picks: &in_order },
            name if name == OVERRIDDEN[1] => Part { sources: vec![&confidences as &dyn Array], picks: &in_order },
            _ => {
                let rows = tiles.iter().map(|tile| tile.rows.as_ref().unwrap_or(any));
                Part { sources: rows.map(|rows| rows.arrays()[column].as_ref()).collect(), picks: &picks }
            }
        };
        let parts: Vec<Part<'_>> = self.names.iter().enumerate().map(part).collect();
        self.table.append(&parts, n)
    }
}
