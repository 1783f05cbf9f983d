//! Cell statistics as CSV (spec 6.3).

use std::io::{self, Write};
use std::path::Path;

use crate::cells::{CellStats, StatValues};
use crate::data::{CellIdx, CellNames};
use crate::io::atomic::{WriteError, write_file};
use crate::io::export::quoted::write_text;

/// Writes the cell table: a header, then one line per cell in order of the cell index.
///
/// Columns: `cell` (the name), then [`CellStats::columns`]. Real numbers have the shortest form that
/// reads back as the same number; what is not a number is `NaN`, what is infinite `Inf`. A missing text is empty.
pub fn write_cell_stats(path: &Path, names: &CellNames, stats: &CellStats) -> Result<(), WriteError> {
    write_file(path, |file| write_table(file, names, stats))
}

fn write_table(out: &mut impl Write, names: &CellNames, stats: &CellStats) -> io::Result<()> {
    let columns = stats.columns();
    out.write_all(b"cell")?;
    for column in &columns {
        write!(out, ",{}", column.name)?;
    }
    out.write_all(b"\n")?;
    for cell in 0..stats.n_cells() {
        write!(out, "{}{}", names.prefix(), names.number(CellIdx::new(cell)))?;
        for column in &columns {
            match &column.values {
                StatValues::Real(values) => write_real(out, values[cell])?,
                StatValues::Whole(values) => write!(out, ",{}", values[cell])?,
                StatValues::Text(texts) => {
                    out.write_all(b",")?;
                    write_text(out, texts[cell].as_deref().unwrap_or_default(), ',')?;
                }
            }
        }
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn write_real(out: &mut impl Write, value: f64) -> io::Result<()> {
    if value.is_nan() {
        out.write_all(b",NaN")
    } else if value.is_infinite() {
        out.write_all(if value > 0.0 { b",Inf" } else { b",-Inf" })
    } else {
        write!(out, ",{value:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ClusterIdx;

    #[test]
    fn table_has_a_line_per_cell_and_names_what_is_no_number() {
        let stats = CellStats {
            x: vec![1.0, 0.1],
            y: vec![-2.5, 1e-5],
            cluster: Some(vec![Some(ClusterIdx::new(3)), Some(ClusterIdx::new(0))]),
            n_transcripts: vec![2, 3],
            density: vec![f64::NAN, f64::INFINITY],
            elongation: vec![f64::NAN, f64::INFINITY],
            area: vec![f64::NAN, 0.0],
            avg_confidence: vec![0.9, 1.0],
            max_cluster_frac: Some(vec![1.0, 2.0 / 3.0]),
            lifespan: Some(vec![50, 49]),
            ..CellStats::default()
        };
        let mut text = Vec::new();
        write_table(&mut text, &CellNames::new("R1a"), &stats).expect("written");
        assert_eq!(
            String::from_utf8_lossy(&text),
            "cell,x,y,cluster,n_transcripts,density,elongation,area,avg_confidence,max_cluster_frac,lifespan\n\
             CR1a-1,1.0,-2.5,4,2,NaN,NaN,NaN,0.9,1.0,50\n\
             CR1a-2,0.1,1e-5,1,3,Inf,Inf,0.0,1.0,0.6666666666666666,49\n"
        );
    }

    #[test]
    fn labels_of_segments_are_quoted_where_they_must_be_and_empty_for_none() {
        let stats = CellStats {
            x: vec![1.0; 2],
            y: vec![2.0; 2],
            n_transcripts: vec![3; 2],
            density: vec![1.0; 2],
            elongation: vec![1.0; 2],
            area: vec![3.0; 2],
            avg_confidence: vec![0.5; 2],
            n_nuclei: Some(vec![2, 0]),
            prior_segment: Some(vec![Some("a, \"b\"".to_owned()), None]),
            ..CellStats::default()
        };
        let mut text = Vec::new();
        write_table(&mut text, &CellNames::new("R1"), &stats).expect("written");
        assert_eq!(
            String::from_utf8_lossy(&text),
            "cell,x,y,n_transcripts,density,elongation,area,avg_confidence,n_nuclei,prior_segment\n\
             CR1-1,1.0,2.0,3,1.0,1.0,3.0,0.5,2,\"a, \"\"b\"\"\"\n\
             CR1-2,1.0,2.0,3,1.0,1.0,3.0,0.5,0,\n"
        );
    }

    #[test]
    fn no_cells_give_a_header_alone() {
        let mut text = Vec::new();
        write_table(&mut text, &CellNames::new("R1a"), &CellStats::default()).expect("written");
        assert_eq!(String::from_utf8_lossy(&text), "cell,x,y,n_transcripts,density,elongation,area,avg_confidence\n");
    }
}
