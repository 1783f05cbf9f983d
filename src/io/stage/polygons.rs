//! Boundaries of cells and their layers.

use std::io::{self, Write};
use std::path::Path;

use super::StageError;
use super::ipc::{SourceColumn, damaged, read_table, write_table};
use super::schema::{LAYERS, POLYGONS};
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

/// Writes the layers, those without cells as well.
pub(super) fn write_layers(out: impl Write, layers: &[LayerOutlines]) -> io::Result<u32> {
    let columns: Vec<SourceColumn<'_>> = (LAYERS.columns.iter())
        .map(|column| match column.name {
            "layer" => SourceColumn::numbers(column, |row| row as u32 + 1),
            "name" => SourceColumn::texts(column, |row| Some(&layers[row].name)),
            "z" => SourceColumn::numbers(column, |row| layers[row].z),
            "z_min" => SourceColumn::numbers(column, |row| layers[row].z_range[0]),
            "z_max" => SourceColumn::numbers(column, |row| layers[row].z_range[1]),
            _ => SourceColumn::numbers(column, |row| layers[row].outlines.len() as u32),
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
    let layer_of = |row: usize| begins.partition_point(|&begin| begin <= row).checked_sub(1);
    let outline = |row: usize| match layer_of(row) {
        None => &flat[row],
        Some(layer) => &layers[layer].outlines[row - begins[layer]],
    };
    let bound = |row: usize, end: usize| layer_of(row).map(|layer| layers[layer].z_range[end]);
    let columns: Vec<SourceColumn<'_>> = (POLYGONS.columns.iter())
        .map(|column| match column.name {
            "cell" => SourceColumn::numbers(column, |row| outline(row).cell.number()),
            "layer" => SourceColumn::some_numbers(column, |row| layer_of(row).map(|layer| layer as u32 + 1)),
            "z_min" => SourceColumn::some_numbers(column, |row| bound(row, 0)),
            "z_max" => SourceColumn::some_numbers(column, |row| bound(row, 1)),
            _ => SourceColumn::new(column.field(), |rows| {
                let mut bytes = Vec::new();
                let shapes = rows.map(|row| {
                    wkb::encode(&outline(row).ring, &mut bytes);
                    Some(bytes.clone())
                });
                Ok(BinaryArray::<i64>::from_iter(shapes).boxed())
            }),
        })
        .collect();
    let n_rows = begins[begins.len() - 1];
    write_table(out, &POLYGONS, &columns, n_rows)?;
    Ok((columns.len() as u32, n_rows))
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
            let ring = wkb::decode(shape)
                .ok_or_else(|| damaged(path, format!("the boundary of cell {number} is not a polygon of one ring")))?;
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
