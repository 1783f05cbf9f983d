//! The segments of a prior as CSV.

use std::io::{self, Write};
use std::path::Path;

use super::quoted::write_text;
use crate::data::SegmentIdx;
use crate::io::atomic::{WriteError, write_file};
use crate::prior::{SegmentRow, SegmentTable};

/// Writes the table of segments: a header, then one line per segment in the order of the table.
///
/// Columns: `label` (as in the prior), `segment` (its number among those with molecules; empty without),
/// `n_molecules`, `n_pixels` (images only), `area` (squared coordinate units, in a stack `volume`), `x`, `y` and `z`
/// (3D only) of the center, `radius` (of the circle or ball of that area) and `kept` (`true` if the segment has
/// enough molecules). Columns without any value are left out. Real numbers have the shortest form that reads back as
/// the same number.
pub fn write_segments(path: &Path, table: &SegmentTable) -> Result<(), WriteError> {
    write_file(path, |file| write_table(file, table))
}

fn write_table(out: &mut impl Write, table: &SegmentTable) -> io::Result<()> {
    let has = |value: fn(&SegmentRow) -> bool| table.rows.iter().any(value);
    let (has_pixels, has_area) = (has(|row| row.n_pixels.is_some()), has(|row| row.area.is_some()));
    out.write_all(b"label,segment,n_molecules")?;
    if has_pixels {
        out.write_all(b",n_pixels")?;
    }
    if has_area {
        out.write_all(if table.has_z { b",volume" } else { b",area" })?;
    }
    out.write_all(if table.has_z { b",x,y,z" } else { b",x,y" })?;
    out.write_all(if has_area { b",radius,kept\n" } else { b",kept\n" })?;
    for (at, row) in table.rows.iter().enumerate() {
        write_text(out, &table.labels.text(at), ',')?;
        write_value(out, row.segment.map(SegmentIdx::number))?;
        write!(out, ",{}", row.n_molecules)?;
        if has_pixels {
            write_value(out, row.n_pixels)?;
        }
        if has_area {
            write_real(out, row.area)?;
        }
        let n_dims = if table.has_z { 3 } else { 2 };
        for &coordinate in &row.center[..n_dims] {
            write_real(out, Some(coordinate))?;
        }
        if has_area {
            write_real(out, row.radius)?;
        }
        writeln!(out, ",{}", row.kept)?;
    }
    Ok(())
}

fn write_value(out: &mut impl Write, value: Option<impl std::fmt::Display>) -> io::Result<()> {
    match value {
        Some(value) => write!(out, ",{value}"),
        None => out.write_all(b","),
    }
}

fn write_real(out: &mut impl Write, value: Option<f64>) -> io::Result<()> {
    match value.filter(|value| value.is_finite()) {
        Some(value) => write!(out, ",{value:?}"),
        None => out.write_all(b","),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{LabelImage, PixelFrame, Positions};
    use crate::prior::{Placement, SegmentLabels, scan_image};

    fn text(table: &SegmentTable) -> String {
        let mut bytes = Vec::new();
        write_table(&mut bytes, table).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn segments_of_an_image_have_pixels_and_areas() {
        let image = LabelImage { width: 3, height: 2, labels: vec![4, 4, 0, 0, 0, 9] };
        let positions = Positions { x: vec![0.1, 0.6], y: vec![0.1, 0.2], z: None };
        let placement = Placement::flat(PixelFrame::new([0.5; 2], [0.0; 2]), 3, 2);
        let table = SegmentTable::of_scan(&scan_image(&image, placement, &positions), 2);
        assert_eq!(
            text(&table),
            "label,segment,n_molecules,n_pixels,area,x,y,radius,kept\n\
             4,1,2,2,0.5,0.5,0.25,0.3989422804014327,true\n\
             9,,0,1,0.25,1.25,0.75,0.28209479177387814,false\n"
        );
    }

    #[test]
    fn segments_of_a_column_have_neither() {
        let positions = Positions { x: vec![1.0, 3.0], y: vec![1.0; 2], z: Some(vec![0.0, 1.0]) };
        let labels = SegmentLabels::Texts(vec!["a,\"b\"".into()]);
        let table = SegmentTable::of_molecules(labels, &positions, &[SegmentIdx::from_number(1); 2], 1);
        assert_eq!(text(&table), "label,segment,n_molecules,x,y,z,kept\n\"a,\"\"b\"\"\",1,2,2.0,1.0,0.5,true\n");
    }
}
