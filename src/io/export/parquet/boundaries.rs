//! Boundaries of cells: as geometries (GeoParquet), and as a table of vertices.

use std::path::Path;

use polars::prelude::DataType;
use serde_json::{Value, json};

use super::file::{ParquetColumn, write_table};
use super::tables::push_name;
use crate::data::{CellNames, CellOutline, LayerOutlines, Ring};
use crate::io::atomic::WriteError;
use crate::io::wkb;

/// Writes the boundaries over all z as GeoParquet: `cell` (the name) and `geometry`, one polygon per cell.
pub fn write_polygons(path: &Path, outlines: &[CellOutline], names: &CellNames) -> Result<(), WriteError> {
    let columns = [
        ParquetColumn::texts("cell", |row, text| push_name(text, names, outlines[row].cell)),
        ParquetColumn::bytes("geometry", |row, bytes| wkb::encode(&outlines[row].ring, bytes)),
    ];
    let geo = geo_metadata("geometry", "Polygon", outlines.iter().map(|outline| &outline.ring));
    write_table(path, &columns, outlines.len(), &[("geo", geo)])
}

/// Writes the boundaries by layer as GeoParquet, from below: `cell`, `layer` (from 1), `z` (representative), `z_min`,
/// `z_max` and `geometry`.
pub fn write_layers(path: &Path, layers: &[LayerOutlines], names: &CellNames) -> Result<(), WriteError> {
    let rows: Vec<(usize, &CellOutline)> = layers
        .iter()
        .enumerate()
        .flat_map(|(layer, outlines)| outlines.outlines.iter().map(move |outline| (layer, outline)))
        .collect();
    let real = |name, of: fn(&LayerOutlines) -> f64| {
        ParquetColumn::of(name, DataType::Float64, {
            let rows = &rows;
            move |row| of(&layers[rows[row].0])
        })
    };
    let columns = [
        ParquetColumn::texts("cell", |row, text| push_name(text, names, rows[row].1.cell)),
        ParquetColumn::of("layer", DataType::UInt32, |row| rows[row].0 as u32 + 1),
        real("z", |layer| layer.z),
        real("z_min", |layer| layer.z_range[0]),
        real("z_max", |layer| layer.z_range[1]),
        ParquetColumn::bytes("geometry", |row, bytes| wkb::encode(&rows[row].1.ring, bytes)),
    ];
    let geo = geo_metadata("geometry", "Polygon", rows.iter().map(|(_, outline)| &outline.ring));
    write_table(path, &columns, rows.len(), &[("geo", geo)])
}

/// Writes the vertices of the boundaries over all z, ring by ring, the first one again at the end: `cell_id` (the
/// name), `vertex_x`, `vertex_y` and `label_id` (the number in the name). It is the layout of Xenium's boundary tables.
pub fn write_vertices(path: &Path, outlines: &[CellOutline], names: &CellNames) -> Result<(), WriteError> {
    let mut begins = vec![0];
    for outline in outlines {
        begins.push(begins[begins.len() - 1] + outline.ring.len());
    }
    let of = |row: usize| begins.partition_point(|&begin| begin <= row) - 1;
    let vertex = |row: usize| outlines[of(row)].ring[row - begins[of(row)]];
    let columns = [
        ParquetColumn::texts("cell_id", |row, text| push_name(text, names, outlines[of(row)].cell)),
        ParquetColumn::of("vertex_x", DataType::Float64, |row| vertex(row)[0]),
        ParquetColumn::of("vertex_y", DataType::Float64, |row| vertex(row)[1]),
        ParquetColumn::of("label_id", DataType::UInt32, |row| names.number(outlines[of(row)].cell)),
    ];
    write_table(path, &columns, begins[begins.len() - 1], &[])
}

/// The entry `geo` of a GeoParquet file, version 1.1.0: well-known binary in the column `column`, geometries of one
/// `kind`, no coordinate reference system, and the box around all rings.
pub fn geo_metadata<'a>(column: &str, kind: &str, rings: impl Iterator<Item = &'a Ring>) -> String {
    let mut bounds: Option<[f64; 4]> = None;
    for &[x, y] in rings.flatten() {
        let [x_min, y_min, x_max, y_max] = bounds.unwrap_or([x, y, x, y]);
        bounds = Some([x_min.min(x), y_min.min(y), x_max.max(x), y_max.max(y)]);
    }
    let kinds = if bounds.is_some() { vec![kind] } else { Vec::new() };
    let mut geometry = json!({
        "encoding": "WKB", "geometry_types": kinds, "crs": null, "orientation": "counterclockwise", "edges": "planar",
    });
    if let (Some(bounds), Value::Object(entries)) = (bounds, &mut geometry) {
        entries.insert("bbox".to_owned(), json!(bounds));
    }
    json!({"version": "1.1.0", "primary_column": column, "columns": {column: geometry}}).to_string()
}
