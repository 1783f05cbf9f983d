//! The files of a MERSCOPE region as Vizgen's post-processing tool (vpt) writes and reads them.
//!
//! The layout is that of vpt 1.3: geometries per entity and z plane, molecules with the id of their entity, a dense
//! matrix, and a table of measures of the geometries.

mod measures;

use std::io::{self, Write};
use std::path::Path;

use polars::prelude::DataType;

use super::content::ExportContent;
use super::molecules::{self, Content};
use super::parquet::{ParquetColumn, geo_metadata, push_name, write_table};
use super::quoted::write_text;
use crate::data::{CellIdx, CellOutline, LayerOutlines};
use crate::io::atomic::{WriteError, write_file};
use crate::io::molecules::OutputColumn;
use crate::io::stage::StagePolygons;
use crate::io::wkb;
use measures::Measures;

/// A z plane with the geometries in it.
pub(super) struct Plane<'a> {
    /// Its number.
    index: i64,
    /// Its z, in coordinate units.
    level: f64,
    /// Its thickness, in coordinate units.
    depth: f64,
    outlines: &'a [CellOutline],
}

/// Writes the files into a folder:
///
/// * `cell_boundaries.parquet`: GeoParquet with a row per cell and z plane that has molecules of it: `ID` (the row),
///   `EntityID` (the number in the name of the cell), `ZIndex`, `ZLevel`, `Geometry` (a multi-polygon of one part),
///   `Type` (`cell`), `Name` (of the cell), `ParentID` and `ParentType` (missing);
/// * `detected_transcripts.csv`: the columns of the input, with `global_x`, `global_y`, `global_z`, `gene`,
///   `barcode_id` and `cell_id` (the `EntityID`; −1 for noise);
/// * `cell_by_gene.csv`: the counts, dense, a line per cell;
/// * `cell_metadata.csv`: measures of the geometries, as vpt defines them.
///
/// 2D data have one plane, number 0 at z 0, with a depth of 1. Layers of 3D data that are whole numbers, as in MERSCOPE
/// tables, are numbered by these, others from 0.
pub fn write_vpt(folder: &Path, content: &ExportContent<'_>) -> Result<(), WriteError> {
    let planes = planes(content.polygons);
    write_boundaries(&folder.join("cell_boundaries.parquet"), &planes, content)?;
    write_file(&folder.join("cell_by_gene.csv"), |file| write_counts(file, content))?;
    write_file(&folder.join("cell_metadata.csv"), |file| write_measures(file, &planes, content))?;
    write_file(&folder.join("detected_transcripts.csv"), |file| {
        molecules::write_columns(file, &molecule_columns(content)?, content.table.molecules.len())
    })
}

fn planes(polygons: &StagePolygons) -> Vec<Plane<'_>> {
    let Some(layers) = &polygons.layers else {
        return vec![Plane { index: 0, level: 0.0, depth: 1.0, outlines: &polygons.flat }];
    };
    let whole = |layer: &LayerOutlines| {
        let [low, high] = layer.z_range;
        low == high && layer.z.fract() == 0.0 && (0.0..1e9).contains(&layer.z)
    };
    let are_whole = layers.iter().all(whole);
    let depth = |at: usize| {
        let [low, high] = layers[at].z_range;
        let gap = |lower: usize| layers.get(lower + 1).map(|upper| upper.z - layers[lower].z);
        if high > low { high - low } else { gap(at).or_else(|| at.checked_sub(1).and_then(gap)).unwrap_or(1.0) }
    };
    let plane = |(at, layer)| {
        let layer: &LayerOutlines = layer;
        let index = if are_whole { layer.z as i64 } else { at as i64 };
        Plane { index, level: layer.z, depth: depth(at), outlines: &layer.outlines }
    };
    layers.iter().enumerate().map(plane).collect()
}

fn write_boundaries(path: &Path, planes: &[Plane<'_>], content: &ExportContent<'_>) -> Result<(), WriteError> {
    let rows: Vec<(&Plane<'_>, &CellOutline)> =
        planes.iter().flat_map(|plane| plane.outlines.iter().map(move |outline| (plane, outline))).collect();
    let rows = &rows;
    let names = content.names;
    let columns = [
        ParquetColumn::of("ID", DataType::Int64, |row| row as i64),
        ParquetColumn::of("EntityID", DataType::Int64, |row| i64::from(names.number(rows[row].1.cell))),
        ParquetColumn::of("ZIndex", DataType::Int64, |row| rows[row].0.index),
        ParquetColumn::bytes("Geometry", |row, bytes| wkb::encode_multi(&rows[row].1.ring, bytes)),
        ParquetColumn::texts("Type", |_, text| text.push_str("cell")),
        ParquetColumn::of("ZLevel", DataType::Float64, |row| rows[row].0.level),
        ParquetColumn::texts("Name", |row, text| push_name(text, names, rows[row].1.cell)),
        ParquetColumn::of("ParentID", DataType::Int64, |_| None::<i64>),
        ParquetColumn::some_texts("ParentType", |_, _| false),
    ];
    let geo = geo_metadata("Geometry", "MultiPolygon", rows.iter().map(|(_, outline)| &outline.ring));
    write_table(path, &columns, rows.len(), &[("geo", geo)])
}

/// Writes the matrix: `cell` and the genes, then a line per cell.
fn write_counts(out: &mut impl Write, content: &ExportContent<'_>) -> io::Result<()> {
    out.write_all(b"cell")?;
    for name in content.genes().names() {
        out.write_all(b",")?;
        write_text(out, name, ',')?;
    }
    out.write_all(b"\n")?;
    let mut line = vec![0u32; content.genes().len()];
    for cell in (0..content.n_cells()).map(CellIdx::new) {
        content.counts.of(cell).for_each(|(gene, n)| line[gene.idx()] = n);
        write!(out, "{}", content.names.number(cell))?;
        for &n in &line {
            if n == 0 { out.write_all(b",0")? } else { write!(out, ",{n}")? }
        }
        out.write_all(b"\n")?;
        content.counts.of(cell).for_each(|(gene, _)| line[gene.idx()] = 0);
    }
    Ok(())
}

/// Writes the measures, a line per cell. The field of view is not known; `name` is ours.
fn write_measures(out: &mut impl Write, planes: &[Plane<'_>], content: &ExportContent<'_>) -> io::Result<()> {
    out.write_all(
        b"EntityID,fov,volume,center_x,center_y,min_x,min_y,max_x,max_y,anisotropy,transcript_count,\
          perimeter_area_ratio,solidity,name\n",
    )?;
    let all = Measures::of_cells(planes, content.n_cells());
    for (cell, measures) in all.iter().enumerate() {
        let cell = CellIdx::new(cell);
        write!(out, "{},", content.names.number(cell))?;
        let [x_min, y_min, x_max, y_max] = measures.bounds;
        let [x, y] = measures.center;
        for value in [measures.volume, x, y, x_min, y_min, x_max, y_max, measures.anisotropy] {
            write_real(out, value)?;
        }
        write!(out, ",{}", content.stats.n_transcripts[cell.idx()])?;
        write_real(out, measures.perimeter_by_area)?;
        write_real(out, measures.solidity)?;
        writeln!(out, ",{}", content.names.name(cell))?;
    }
    Ok(())
}

fn write_real(out: &mut impl Write, value: f64) -> io::Result<()> {
    if value.is_finite() { write!(out, ",{value:?}") } else { out.write_all(b",") }
}

/// Names that the tables of the instrument have, in place of ours.
const GLOBAL: [(&str, OutputColumn); 3] =
    [("global_x", OutputColumn::X), ("global_y", OutputColumn::Y), ("global_z", OutputColumn::Z)];

/// The columns of the molecules: a row number without name, those of the input, and the cell.
fn molecule_columns<'a>(content: &ExportContent<'a>) -> io::Result<Vec<(String, Content<'a>)>> {
    let table = content.table;
    let mut columns: Vec<(String, Content<'a>)> = vec![(String::new(), Content::RowNumber)];
    for (name, output) in GLOBAL {
        columns.push((
            name.to_owned(),
            match output {
                OutputColumn::Z if table.molecules.positions.z.is_none() => Content::Zero,
                output => molecules::known_column(table, output),
            },
        ));
    }
    columns.push(("gene".to_owned(), molecules::known_column(table, OutputColumn::Gene)));
    columns.push(("cell_id".to_owned(), Content::CellNumber(content.molecules.cell, content.names)));
    for &output in &table.carried.layout {
        let OutputColumn::Carried(at) = output else { continue };
        let name = table.carried.name(output);
        // Columns that had to give way to coordinates have their own names again.
        let name = ["x", "y", "z"].into_iter().find(|axis| name == format!("{axis}_reserved")).unwrap_or(name);
        let Some(place) = columns.iter().position(|(have, _)| have == name) else {
            columns.push((name.to_owned(), molecules::carried(table, at)?));
            continue;
        };
        if name.is_empty() {
            columns[place].1 = molecules::carried(table, at)?;
        }
    }
    if columns.iter().all(|(name, _)| name != "barcode_id") {
        columns.push(("barcode_id".to_owned(), Content::GeneNumber(&table.molecules.genes)));
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(z: f64, z_range: [f64; 2]) -> LayerOutlines {
        LayerOutlines { name: String::new(), z, z_range, outlines: Vec::new() }
    }

    fn numbers(layers: Option<Vec<LayerOutlines>>) -> Vec<(i64, f64, f64)> {
        let polygons = StagePolygons { flat: Vec::new(), layers };
        planes(&polygons).iter().map(|plane| (plane.index, plane.level, plane.depth)).collect()
    }

    #[test]
    fn planes_that_are_whole_numbers_keep_them() {
        assert_eq!(numbers(None), [(0, 0.0, 1.0)]);
        let layers = vec![layer(1.0, [1.0; 2]), layer(3.0, [3.0; 2]), layer(4.0, [4.0; 2])];
        assert_eq!(numbers(Some(layers)), [(1, 1.0, 2.0), (3, 3.0, 1.0), (4, 4.0, 1.0)]);
        let layers = vec![layer(0.75, [0.0, 1.5]), layer(2.25, [1.5, 3.0])];
        assert_eq!(numbers(Some(layers)), [(0, 0.75, 1.5), (1, 2.25, 1.5)]);
        assert_eq!(numbers(Some(vec![layer(2.5, [2.5; 2])])), [(0, 2.5, 1.0)]);
    }
}
