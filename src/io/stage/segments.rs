//! The segments of the prior segmentation.

use std::io::{self, Write};
use std::path::Path;

use super::StageError;
use super::ipc::{SourceColumn, read_columns, read_table, write_table};
use super::schema::{Column, SEGMENTS};
use crate::data::SegmentIdx;
use crate::prior::{SegmentLabels, SegmentRow, SegmentTable};

/// Writes the segments. Columns of which no segment has a value are left out.
pub(super) fn write_segments(out: impl Write, segments: &SegmentTable) -> io::Result<u32> {
    let SegmentTable { labels, rows, has_z, .. } = segments;
    let own_number = |row: usize| rows[row].segment.map(SegmentIdx::number);
    let source = |column: &Column| {
        Some(match column.name {
            "segment" => SourceColumn::some_numbers(column, own_number),
            "label" => SourceColumn::texts(column, |row| Some(labels.text(row))),
            "number" => match labels {
                SegmentLabels::Numbers(labels) => SourceColumn::some_numbers(column, |row| Some(labels[row])),
                SegmentLabels::Texts(_) => SourceColumn::some_numbers(column, own_number),
            },
            "n_molecules" => SourceColumn::numbers(column, |row| rows[row].n_molecules),
            "kept" => SourceColumn::flags(column, |row| rows[row].kept),
            "n_pixels" if rows.iter().all(|row| row.n_pixels.is_none()) => return None,
            "n_pixels" => SourceColumn::some_numbers(column, |row| rows[row].n_pixels),
            "area" if rows.iter().all(|row| row.area.is_none()) => return None,
            "area" => SourceColumn::some_numbers(column, |row| rows[row].area),
            "radius" if rows.iter().all(|row| row.radius.is_none()) => return None,
            "radius" => SourceColumn::some_numbers(column, |row| rows[row].radius),
            "x" => SourceColumn::numbers(column, |row| rows[row].center[0]),
            "y" => SourceColumn::numbers(column, |row| rows[row].center[1]),
            _ if *has_z => SourceColumn::numbers(column, |row| rows[row].center[2]),
            _ => return None,
        })
    };
    let columns: Vec<SourceColumn<'_>> = SEGMENTS.columns.iter().filter_map(source).collect();
    write_table(out, &SEGMENTS, &columns, rows.len())?;
    Ok(columns.len() as u32)
}

/// The largest number of a segment; 0 if none has molecules.
pub(super) fn largest_segment(path: &Path, n_rows: u64) -> Result<u64, StageError> {
    let mut largest = 0;
    read_columns(
        path,
        &SEGMENTS,
        n_rows,
        |field| field.name == "segment",
        |batch| {
            largest = batch.some_numbers::<u32>("segment")?.iter().flatten().fold(largest, |most, &one| most.max(one));
            Ok::<(), StageError>(())
        },
    )?;
    Ok(largest.into())
}

/// Reads the segments; `min_molecules_per_segment` is not part of the table.
pub(super) fn read_segments(
    path: &Path,
    n_rows: u64,
    min_molecules_per_segment: usize,
) -> Result<SegmentTable, StageError> {
    let (mut texts, mut numbers): (Vec<String>, Vec<Option<u32>>) = (Vec::new(), Vec::new());
    let mut table = SegmentTable { min_molecules_per_segment, ..SegmentTable::default() };
    let mut largest = 0;
    read_table(path, &SEGMENTS, n_rows, |batch| {
        let segments = batch.some_numbers::<u32>("segment")?;
        let first = table.rows.len();
        table.has_z = batch.has("z");
        texts.extend(batch.texts("label")?.values_iter().map(str::to_owned));
        numbers.extend(batch.some_numbers::<u32>("number")?.iter().map(|number| number.copied()));
        let (x, y) = (batch.numbers::<f64>("x")?, batch.numbers::<f64>("y")?);
        let z = table.has_z.then(|| batch.numbers::<f64>("z")).transpose()?;
        let n_molecules = batch.numbers::<u32>("n_molecules")?;
        for (row, (segment, kept)) in segments.iter().zip(batch.flags("kept")?).enumerate() {
            // A tile has some of the segments of its slide.
            if segment.is_some_and(|&segment| segment <= largest) {
                return Err(batch.damaged("its segments are not in the order of their numbers, from 1"));
            }
            largest = segment.map_or(largest, |&segment| segment);
            table.rows.push(SegmentRow {
                segment: segment.and_then(|&number| SegmentIdx::from_number(number)),
                n_molecules: n_molecules[row],
                n_pixels: None,
                area: None,
                center: [x[row], y[row], z.map_or(0.0, |z| z[row])],
                radius: None,
                kept,
            });
        }
        let rows = &mut table.rows[first..];
        if batch.has("n_pixels") {
            let pixels = batch.some_numbers::<u64>("n_pixels")?;
            rows.iter_mut().zip(pixels.iter()).for_each(|(row, pixels)| row.n_pixels = pixels.copied());
        }
        if batch.has("area") {
            let areas = batch.some_numbers::<f64>("area")?;
            rows.iter_mut().zip(areas.iter()).for_each(|(row, area)| row.area = area.copied());
        }
        if batch.has("radius") {
            let radii = batch.some_numbers::<f64>("radius")?;
            rows.iter_mut().zip(radii.iter()).for_each(|(row, radius)| row.radius = radius.copied());
        }
        Ok(())
    })?;
    // Labels that are the numbers stand for themselves, whatever they were in the prior.
    let are_numbers = numbers.iter().zip(&texts).all(|(number, text)| number.is_some_and(|n| n.to_string() == *text));
    table.labels = if are_numbers {
        SegmentLabels::Numbers(numbers.into_iter().flatten().collect())
    } else {
        SegmentLabels::Texts(texts)
    };
    Ok(table)
}
