//! Boundaries of cells and their layers.

use std::io::{self, Write};
use std::path::Path;

use super::StageError;
use super::ipc::{SourceColumn, damaged, read_table, write_table};
use super::schema::{Column, LAYERS, POLYGONS};
use crate::data::{CellIdx, CellOutline, LayerOutlines};
use crate::io::wkb;
use polars_arrow::array::BinaryArray;

/// Boundaries of cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StagePolygons {
    /// Over all z: one per cell.
    pub flat: Vec<CellOutline>,
    /// By layer of z, for 3D data.
    pub layers: Option<Vec<LayerOutlines>>,
}

/// Writes the layers, those without cells as well. `n_cells`: cells of each. `[n_layers]`
pub(super) fn write_layers(out: impl Write, layers: &[LayerOutlines], n_cells: &[u32]) -> io::Result<u32> {
    let columns: Vec<SourceColumn<'_>> = (LAYERS.columns.iter())
        .map(|column| match column.name {
            "layer" => SourceColumn::numbers(column, |row| row as u32 + 1),
            "name" => SourceColumn::texts(column, |row| Some(&layers[row].name)),
            "z" => SourceColumn::numbers(column, |row| layers[row].z),
            "z_min" => SourceColumn::numbers(column, |row| layers[row].z_range[0]),
            "z_max" => SourceColumn::numbers(column, |row| layers[row].z_range[1]),
            _ => SourceColumn::numbers(column, |row| n_cells[row]),
        })
        .collect();
    write_table(out, &LAYERS, &columns, layers.len())?;
    Ok(columns.len() as u32)
}

/// Writes the boundaries over all z, then those of the layers from below.
pub(super) fn write_polygons(
    out: impl Write,
    flat: &[CellOutline],
    layers: &[LayerOutlines],
) -> io::Result<(u32, usize)> {
    // Where the boundaries of each layer begin among all.
    let mut begins = vec![flat.len()];
    for layer in layers {
        begins.push(begins[begins.len() - 1] + layer.outlines.len());
    }
    let columns = columns_of(|row| match begins.partition_point(|&begin| begin <= row).checked_sub(1) {
        None => Row { outline: &flat[row], cell: flat[row].cell, layer: None },
        Some(layer) => {
            let outline = &layers[layer].outlines[row - begins[layer]];
            Row { outline, cell: outline.cell, layer: Some((layer, layers[layer].z_range)) }
        }
    });
    let n_rows = begins[begins.len() - 1];
    write_table(out, &POLYGONS, &columns, n_rows)?;
    Ok((columns.len() as u32, n_rows))
}

/// The columns of some boundaries: over all z, or in the layer at a place among all. Cell 0 of them is the cell
/// `first_cell` of all.
pub(super) fn outline_columns<'a>(
    outlines: &'a [CellOutline],
    layer: Option<(usize, [f64; 2])>,
    first_cell: usize,
) -> Vec<SourceColumn<'a>> {
    columns_of(move |row| {
        let outline = &outlines[row];
        Row { outline, cell: CellIdx::new(first_cell + outline.cell.idx()), layer }
    })
}

/// A boundary on its way into a file.
struct Row<'a> {
    outline: &'a CellOutline,
    cell: CellIdx,
    /// Place and bounds of the layer.
    layer: Option<(usize, [f64; 2])>,
}

fn columns_of<'a>(row_at: impl Fn(usize) -> Row<'a> + Clone + Send + Sync + 'a) -> Vec<SourceColumn<'a>> {
    let source = |column: &Column| {
        let at = row_at.clone();
        match column.name {
            "cell" => SourceColumn::numbers(column, move |row| at(row).cell.number()),
            "layer" => SourceColumn::some_numbers(column, move |row| at(row).layer.map(|(layer, _)| layer as u32 + 1)),
            "z_min" => SourceColumn::some_numbers(column, move |row| at(row).layer.map(|(_, range)| range[0])),
            "z_max" => SourceColumn::some_numbers(column, move |row| at(row).layer.map(|(_, range)| range[1])),
            _ => SourceColumn::new(column.field(), move |rows| {
                let mut bytes = Vec::new();
                let shapes = rows.map(|row| {
                    wkb::encode(&at(row).outline.ring, &mut bytes);
                    Some(bytes.clone())
                });
                Ok(BinaryArray::<i64>::from_iter(shapes).boxed())
            }),
        }
    };
    POLYGONS.columns.iter().map(source).collect()
}

/// Reads the layers, without boundaries.
pub(super) fn read_layers(path: &Path, n_rows: u64) -> Result<Vec<LayerOutlines>, StageError> {
    let mut layers = Vec::new();
    read_table(path, &LAYERS, n_rows, |batch| {
        let (z, low, high) =
            (batch.numbers::<f64>("z")?, batch.numbers::<f64>("z_min")?, batch.numbers::<f64>("z_max")?);
        for (row, name) in batch.texts("name")?.values_iter().enumerate() {
            let z_range = [low[row], high[row]];
            layers.push(LayerOutlines { name: name.to_owned(), z: z[row], z_range, outlines: Vec::new() });
        }
        Ok(())
    })?;
    Ok(layers)
}

/// Reads the boundaries; `layers` as [`read_layers`] gives them, for 3D data.
pub(super) fn read_polygons(
    path: &Path,
    n_rows: u64,
    layers: Option<Vec<LayerOutlines>>,
) -> Result<StagePolygons, StageError> {
    let mut polygons = StagePolygons { flat: Vec::new(), layers };
    read_table(path, &POLYGONS, n_rows, |batch| {
        let numbers = batch.numbers::<u32>("cell")?;
        let layers = batch.some_numbers::<u32>("layer")?;
        let shapes = batch.bytes("geometry")?.values_iter();
        for ((&number, layer), shape) in numbers.iter().zip(layers.iter()).zip(shapes) {
            let cell = CellIdx::from_number(number).ok_or_else(|| damaged(path, "a boundary has the cell 0"))?;
            let ring = wkb::decode(shape).ok_or_else(|| {
                damaged(
                    path,
                    format!("the boundary of cell {number} is not a polygon of one ring with finite coordinates"),
                )
            })?;
            let outlines = match layer {
                None => Some(&mut polygons.flat),
                Some(&layer) => polygons
                    .layers
                    .as_mut()
                    .and_then(|layers| layers.get_mut((layer as usize).wrapping_sub(1)))
                    .map(|layer| &mut layer.outlines),
            };
            outlines
                .ok_or_else(|| damaged(path, format!("a boundary of cell {number} is in a layer that does not exist")))?
                .push(CellOutline { cell, ring });
        }
        Ok(())
    })?;
    Ok(polygons)
}
