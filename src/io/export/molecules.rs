//! The table of molecules with their results, `segmentation.csv`.

pub(super) mod values;

use std::io::{self, Write};

use polars::prelude::Series;
use rayon::prelude::*;

use crate::composition::Color;
use crate::data::{CellIdx, CellNames, ClusterIdx, GeneIdx, SegmentIdx};
use crate::io::molecules::{MoleculeTable, OutputColumn};
use crate::io::stage::Compartments;
use values::{Values, cast_rows, push, push_bool, push_f32, push_f64, push_share, push_text, push_unsigned};

/// Rows that are formatted at a time by one thread. A constant, though the bytes do not depend on it.
const ROWS: usize = 8192;

/// Results for the molecules of a table, in the order of its rows; all `[n_molecules]`.
#[derive(Clone, Copy, Debug)]
pub struct MoleculeResults<'a> {
    /// Segment of the prior segmentation, if there is one.
    pub prior_segment: Option<&'a [Option<SegmentIdx>]>,
    /// What is written for each segment, such as its label in an image; `None`: its number. `[n_segments]`
    pub segment_numbers: Option<&'a [u32]>,
    /// Probability to be real and not noise, 0..=1.
    pub confidence: &'a [f32],
    /// Compartments, if they were modelled.
    pub compartment: Option<&'a Compartments>,
    /// Probability to be in a nucleus, 0..=1, if compartments were modelled.
    pub nuclei_probs: Option<&'a [f32]>,
    /// Molecule cluster, if molecules were clustered.
    pub cluster: Option<&'a [ClusterIdx]>,
    /// Cell, `None` for noise.
    pub cell: &'a [Option<CellIdx>],
    /// Trust in the assignment, 0..=1, if enough iterations were recorded.
    pub assignment_confidence: Option<&'a [f32]>,
    /// Color of the neighborhood, red, green, blue.
    pub ncv_color: Option<&'a [[u8; 3]]>,
    /// Names of the cells.
    pub names: &'a CellNames,
}

/// Writes the table: the columns of the input, then the results.
///
/// A column of the input with the name of a result that is present keeps its place and gets the new content. Text is
/// quoted only where it must be; empty text and missing values are written as nothing, so noise is an empty `cell`.
///
/// Source: spec 06 §6.2, spec 10 §3.1. Errors: those of `writer`. The same bytes on any thread count.
pub fn write(writer: &mut impl Write, table: &MoleculeTable, results: &MoleculeResults<'_>) -> io::Result<()> {
    write_columns(writer, &plan(table, results)?, table.molecules.len())
}

/// Writes the columns of the input, then the cell of every molecule: a name, or nothing for molecules in no cell.
///
/// A column of the input named `cell` keeps its place and gets the new content; all else as [`write()`].
pub fn write_placed(
    writer: &mut impl Write,
    table: &MoleculeTable,
    cell: &[Option<CellIdx>],
    names: &CellNames,
) -> io::Result<()> {
    let columns = with_results(table, vec![("cell", Content::Cell(cell, names))])?;
    write_columns(writer, &columns, table.molecules.len())
}

/// Writes columns with their names as CSV, `n_rows` rows of them.
pub(super) fn write_columns(
    writer: &mut impl Write,
    columns: &[(impl AsRef<str> + Sync, Content<'_>)],
    n_rows: usize,
) -> io::Result<()> {
    let mut header = Vec::new();
    for (at, (name, _)) in columns.iter().enumerate() {
        if at > 0 {
            header.push(b',');
        }
        push_text(&mut header, name.as_ref());
    }
    header.push(b'\n');
    writer.write_all(&header)?;

    let n_blocks = n_rows.div_ceil(ROWS);
    let wave = 2 * rayon::current_num_threads();
    for first in (0..n_blocks).step_by(wave) {
        let blocks: Vec<io::Result<Vec<u8>>> = (first..(first + wave).min(n_blocks))
            .into_par_iter()
            .map(|block| format_rows(columns, block * ROWS, ((block + 1) * ROWS).min(n_rows)))
            .collect();
        for block in blocks {
            writer.write_all(&block?)?;
        }
    }
    Ok(())
}

/// Where the values of an output column come from.
pub(super) enum Content<'a> {
    Float64(&'a [f64]),
    /// Coordinates that were 32-bit numbers in the input.
    ShortFloat(&'a [f64]),
    Gene(&'a [GeneIdx], &'a [String]),
    Carried(&'a Series, Values<'a>),
    /// Identities, from 0; numbers are from 1.
    MoleculeId(&'a [u32]),
    /// Counted from 0.
    RowNumber,
    /// Number of the gene in the gene table, from 0.
    GeneNumber(&'a [GeneIdx]),
    /// 0 everywhere.
    Zero,
    /// Segments, and what stands for them.
    Segment(&'a [Option<SegmentIdx>], Option<&'a [u32]>),
    Cluster(&'a [ClusterIdx]),
    Compartment(&'a Compartments),
    /// 32-bit numbers as they are.
    Float32(&'a [f32]),
    /// Between 0 and 1, with five decimals.
    Share(&'a [f32]),
    Cell(&'a [Option<CellIdx>], &'a CellNames),
    /// The number in the name of the cell, −1 for noise.
    CellNumber(&'a [Option<CellIdx>], &'a CellNames),
    IsNoise(&'a [Option<CellIdx>]),
    Color(&'a [[u8; 3]]),
}

/// Columns of the output with their names, in order.
pub(super) fn plan<'a>(
    table: &'a MoleculeTable,
    results: &MoleculeResults<'a>,
) -> io::Result<Vec<(&'a str, Content<'a>)>> {
    with_results(table, result_columns(&table.molecules.ids, results))
}

/// Columns of the input in order, those with the name of a result replaced, and the other results after them.
fn with_results<'a>(
    table: &'a MoleculeTable,
    mut pending: Vec<(&'a str, Content<'a>)>,
) -> io::Result<Vec<(&'a str, Content<'a>)>> {
    let mut columns = Vec::new();
    for &column in &table.carried.layout {
        let name = table.carried.name(column);
        let content = match column {
            OutputColumn::Carried(at) => match pending.iter().position(|(result, _)| *result == name) {
                Some(result) => pending.remove(result).1,
                None => carried(table, at)?,
            },
            known => known_column(table, known),
        };
        columns.push((name, content));
    }
    columns.extend(pending);
    Ok(columns)
}

/// A column of the input that the model does not use.
pub(super) fn carried(table: &MoleculeTable, at: usize) -> io::Result<Content<'_>> {
    let series = table.carried.series(at);
    Ok(Content::Carried(series, Values::new(series).map_err(io::Error::other)?))
}

/// A column of the input that the model uses.
pub(super) fn known_column(table: &MoleculeTable, column: OutputColumn) -> Content<'_> {
    let positions = &table.molecules.positions;
    let axis = |values, axis: usize| {
        if table.carried.f32_axes[axis] { Content::ShortFloat(values) } else { Content::Float64(values) }
    };
    match column {
        OutputColumn::X => axis(&positions.x, 0),
        OutputColumn::Y => axis(&positions.y, 1),
        OutputColumn::Z => axis(positions.z.as_deref().unwrap_or_default(), 2),
        OutputColumn::Gene | OutputColumn::Carried(_) => Content::Gene(&table.molecules.genes, table.genes.names()),
    }
}

/// The results that are present, in the order in which they are appended.
fn result_columns<'a>(ids: &'a [u32], results: &MoleculeResults<'a>) -> Vec<(&'a str, Content<'a>)> {
    let columns = [
        ("molecule_id", Some(Content::MoleculeId(ids))),
        ("prior_segmentation", results.prior_segment.map(|of| Content::Segment(of, results.segment_numbers))),
        ("confidence", Some(Content::Share(results.confidence))),
        ("compartment", results.compartment.map(Content::Compartment)),
        ("nuclei_probs", results.nuclei_probs.map(Content::Float32)),
        ("cluster", results.cluster.map(Content::Cluster)),
        ("cell", Some(Content::Cell(results.cell, results.names))),
        ("assignment_confidence", results.assignment_confidence.map(Content::Share)),
        ("is_noise", Some(Content::IsNoise(results.cell))),
        ("ncv_color", results.ncv_color.map(Content::Color)),
    ];
    columns.into_iter().filter_map(|(name, content)| Some((name, content?))).collect()
}

/// Lines of the rows `begin..end`.
fn format_rows(columns: &[(impl AsRef<str>, Content<'_>)], begin: usize, end: usize) -> io::Result<Vec<u8>> {
    let mut casts = Vec::with_capacity(columns.len());
    for (_, content) in columns {
        casts.push(match content {
            Content::Carried(series, Values::Other) => Some(cast_rows(series, begin, end).map_err(io::Error::other)?),
            _ => None,
        });
    }
    let mut out = Vec::with_capacity((end - begin) * columns.len() * 8);
    for row in begin..end {
        for (at, ((_, content), cast)) in columns.iter().zip(&casts).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            match cast {
                Some(texts) => push_text(&mut out, texts.get(row - begin).unwrap_or_default()),
                None => content.push(&mut out, row),
            }
        }
        out.push(b'\n');
    }
    Ok(out)
}

impl Content<'_> {
    fn push(&self, out: &mut Vec<u8>, row: usize) {
        match self {
            Self::Float64(values) => push_f64(out, values[row]),
            Self::ShortFloat(values) => push_f32(out, values[row] as f32),
            Self::Gene(genes, names) => push_text(out, &names[genes[row].idx()]),
            Self::Carried(_, values) => values.push(out, row),
            Self::MoleculeId(ids) => push_unsigned(out, u64::from(ids[row]) + 1),
            Self::RowNumber => push_unsigned(out, row as u64),
            Self::GeneNumber(genes) => push_unsigned(out, genes[row].idx() as u64),
            Self::Zero => push_unsigned(out, 0),
            Self::Segment(segments, numbers) => {
                let number = |segment: SegmentIdx| numbers.map_or(segment.number(), |numbers| numbers[segment.idx()]);
                push_unsigned(out, segments[row].map_or(0, number).into());
            }
            Self::Compartment(parts) => push_text(out, &parts.names[usize::from(parts.of[row])]),
            Self::Float32(values) => push_f32(out, values[row]),
            Self::Cluster(clusters) => push_unsigned(out, clusters[row].number().into()),
            Self::Share(values) => push_share(out, values[row]),
            Self::Cell(cells, names) => {
                if let Some(cell) = cells[row] {
                    out.extend_from_slice(names.prefix().as_bytes());
                    push_unsigned(out, names.number(cell).into());
                }
            }
            Self::CellNumber(cells, names) => match cells[row] {
                Some(cell) => push_unsigned(out, names.number(cell).into()),
                None => push_text(out, "-1"),
            },
            Self::IsNoise(cells) => push_bool(out, cells[row].is_none()),
            Self::Color(colors) => {
                let color = Color(colors[row]);
                push(out, format_args!("{color}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::molecules::{ColumnNames, ReadRequest, read};

    fn table(text: &str) -> MoleculeTable {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("molecules");
        std::fs::write(&path, text).unwrap();
        let columns = ColumnNames { x: "x_location".into(), gene: "feature".into(), ..ColumnNames::default() };
        read(&ReadRequest { path, columns, ..ReadRequest::default() }).unwrap()
    }

    fn written(table: &MoleculeTable, cells: &[u32], more: impl Fn(&mut MoleculeResults<'_>)) -> String {
        let cell: Vec<Option<CellIdx>> = cells.iter().map(|&number| CellIdx::from_number(number)).collect();
        let confidence = vec![0.123_456_f32; cell.len()];
        let names = CellNames::new("Rabc");
        let mut results = MoleculeResults {
            prior_segment: None,
            segment_numbers: None,
            confidence: &confidence,
            compartment: None,
            nuclei_probs: None,
            cluster: None,
            cell: &cell,
            assignment_confidence: None,
            ncv_color: None,
            names: &names,
        };
        more(&mut results);
        let mut out = Vec::new();
        write(&mut out, table, &results).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn input_columns_come_first_and_keep_every_digit() {
        let table = table(
            "transcript_id,x_location,y,feature,qv,note,flag,x\n\
             18446744073709551615,1,0.5,GeneB,20.25,\"a,\"\"b\"\"\",true,7\n\
             3,1e-5,1e17,GeneA,NaN,\"\",,8\n",
        );
        assert_eq!(
            written(&table, &[2, 0], |_| ()),
            "transcript_id,x,y,gene,qv,note,flag,x_reserved,molecule_id,confidence,cell,is_noise\n\
             18446744073709551615,1.0,0.5,GeneB,20.25,\"a,\"\"b\"\"\",true,7,1,0.12346,CRabc-2,false\n\
             3,1.0e-5,1.0e17,GeneA,NaN,,,8,2,0.12346,,true\n"
        );
    }

    #[test]
    fn optional_results_stand_in_their_places() {
        let table = table("x_location,y,feature\n1,2,a\n3,4,b\n");
        let segments = [SegmentIdx::from_number(7), None];
        let clusters = [ClusterIdx::new(0), ClusterIdx::new(3)];
        let text = written(&table, &[1, 1], |results| {
            results.prior_segment = Some(&[None; 2]);
            results.assignment_confidence = Some(&[1.0, 0.0]);
            results.ncv_color = Some(&[[255, 0, 10], [0, 0, 0]]);
        });
        assert!(text.ends_with("3.0,4.0,b,2,0,0.12346,CRabc-1,0.0,false,#000000\n"), "{text}");
        assert!(text.contains("\n1.0,2.0,a,1,0,0.12346,CRabc-1,1.0,false,#FF000A\n"), "{text}");
        let confidence = [1.0, 0.000_01];
        let cell = [None, CellIdx::from_number(12)];
        let names = CellNames::new("R");
        let results = MoleculeResults {
            prior_segment: Some(&segments),
            segment_numbers: None,
            confidence: &confidence,
            compartment: None,
            nuclei_probs: None,
            cluster: Some(&clusters),
            cell: &cell,
            assignment_confidence: None,
            ncv_color: None,
            names: &names,
        };
        let mut out = Vec::new();
        write(&mut out, &table, &results).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "x,y,gene,molecule_id,prior_segmentation,confidence,cluster,cell,is_noise\n\
             1.0,2.0,a,1,7,1.0,1,,true\n3.0,4.0,b,2,0,1.0e-5,4,CR-12,false\n"
        );
    }

    #[test]
    fn input_column_named_like_a_result_keeps_its_place_and_gets_the_result() {
        let table = table("cell,x_location,cluster,y,feature\nold,1,9,2,a\n");
        let text = written(&table, &[5], |_| ());
        assert_eq!(
            text,
            "cell,x,cluster,y,gene,molecule_id,confidence,is_noise\nCRabc-5,1.0,9,2.0,a,1,0.12346,false\n"
        );
    }

    #[test]
    fn dates_categories_and_short_floats_are_written_as_people_do() {
        let fixture =
            |name: &str| std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/molecules").join(name);
        let table =
            read(&ReadRequest { path: fixture("large_string_gzip.parquet"), ..ReadRequest::default() }).unwrap();
        assert_eq!(
            written(&table, &[1, 0, 0, 0], |_| ()).lines().take(3).collect::<Vec<_>>(),
            [
                "x,y,gene,cell,when,day,kind,real,molecule_id,confidence,is_noise",
                "1.0,1.0,a,CRabc-1,1970-01-01 00:00:00.000000,1970-01-01,p,true,1,0.12346,false",
                "2.0,2.0,missing,,1970-01-02 00:00:00.000000,1970-01-02,q,false,2,0.12346,true",
            ]
        );
        let columns = ColumnNames {
            x: "x_location".into(),
            y: "y_location".into(),
            z: "z_location".into(),
            gene: "feature_name".into(),
            ..ColumnNames::default()
        };
        let path = fixture("xenium_binary_snappy.parquet");
        let table = read(&ReadRequest { path, columns, ..ReadRequest::default() }).unwrap();
        let text = written(&table, &[0; 6], |_| ());
        assert!(text.contains("\n5,UNASSIGNED,0,Sst,5.1,0.5,14.0,30.0,5,0.12346,,true\n"), "{text}");
        assert!(text.contains("\n18446744073709551615,UNASSIGNED,0,Gad1,"), "{text}");
    }

    #[test]
    fn bytes_do_not_depend_on_threads() {
        let rows: String = (0..30_000).map(|i| format!("{i},{},g{}\n", i as f64 / 7.0, i % 13)).collect();
        let table = table(&format!("x_location,y,feature\n{rows}"));
        let cells: Vec<u32> = (0..30_000).map(|i| i % 5).collect();
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| written(&table, &cells, |_| ()))
        };
        let one = with(1);
        assert_eq!(one.lines().count(), 30_001);
        assert!(one == with(3));
    }
}
