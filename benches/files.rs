//! Reading molecule tables and writing results. Files are in the system's directory for temporary ones.

use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};

use baysor::data::{CellNames, PolygonFormat};
use baysor::io::export::{geojson, molecules as segmentation};
use baysor::io::molecules::{MoleculeTable, ReadRequest, read};
use baysor::polygons;
use divan::Bencher;
use polars::prelude::{Column, DataFrame, ParquetWriter};
use tempfile::TempDir;

use crate::support::{FLAT, KNOWN_FLAT, N_MOLECULES};

/// The columns that Xenium and its like have: three to use, three to carry along.
#[divan::bench]
fn read_csv(bencher: Bencher) {
    bench_read(bencher, "molecules.csv", write_csv);
}

#[divan::bench]
fn read_parquet(bencher: Bencher) {
    bench_read(bencher, "molecules.parquet", write_parquet);
}

fn bench_read(bencher: Bencher, name: &str, write: impl Fn(&Path)) {
    let (_directory, request) = request(name, write);
    bencher.bench(|| read(&request));
}

#[divan::bench]
fn write_segmentation_csv(bencher: Bencher) {
    let (_directory, request) = request("molecules.csv", write_csv);
    let table: MoleculeTable = read(&request).expect("the table was just written");
    let names = CellNames::new("Rbench");
    // A third of the values prints short and the rest with five decimals, as after a run.
    let shares: Vec<f32> = (0..N_MOLECULES).map(|i| if i % 3 == 0 { 1.0 } else { i as f32 / 1e5 }).collect();
    let results = segmentation::MoleculeResults {
        prior_segment: None,
        segment_numbers: None,
        confidence: &KNOWN_FLAT.confidence,
        compartment: None,
        nuclei_probs: None,
        cluster: Some(KNOWN_FLAT.clusters()),
        cell: &FLAT.cell_of,
        assignment_confidence: Some(&shares),
        ncv_color: None,
        names: &names,
    };
    bencher.with_inputs(Vec::<u8>::new).bench_refs(|out| segmentation::write(out, &table, &results));
}

/// An item is a molecule here too, of the cells that are outlined.
#[divan::bench]
fn write_geojson(bencher: Bencher) {
    let outlines = polygons::outline_cells(FLAT.positions(), &FLAT.cell_of, FLAT.n_cells);
    let names = CellNames::new("Rbench");
    let format = PolygonFormat::default();
    bencher.with_inputs(Vec::<u8>::new).bench_refs(|out| geojson::write_2d(out, &outlines, &names, format));
}

/// A directory with one table in it, to be kept until that has been read.
fn request(name: &str, write: impl Fn(&Path)) -> (TempDir, ReadRequest) {
    let directory = tempfile::tempdir().expect("a place for temporary files");
    let path: PathBuf = directory.path().join(name);
    write(&path);
    (directory, ReadRequest { path, ..ReadRequest::default() })
}

/// Values of one molecule: id, x, y, gene, quality, overlap with a nucleus.
fn row(molecule: usize) -> (u64, f64, f64, String, f32, bool) {
    let [x, y, _] = FLAT.positions().at(molecule);
    let rounded = |value: f64| (value * 1e4).round() / 1e4;
    let gene = format!("gene{}", FLAT.molecules.genes[molecule].number());
    (
        281_474_976_710_656 + molecule as u64,
        rounded(x),
        rounded(y),
        gene,
        20.0 + (molecule % 21) as f32,
        molecule.is_multiple_of(3),
    )
}

fn write_csv(path: &Path) {
    let mut text = String::from("transcript_id,x,y,gene,qv,overlaps_nucleus\n");
    for molecule in 0..N_MOLECULES {
        let (id, x, y, gene, qv, overlaps) = row(molecule);
        writeln!(text, "{id},{x},{y},{gene},{qv:?},{}", u8::from(overlaps)).expect("text in memory");
    }
    std::fs::write(path, text).expect("room for a temporary file");
}

fn write_parquet(path: &Path) {
    let rows: Vec<_> = (0..N_MOLECULES).map(row).collect();
    let columns = vec![
        Column::new("transcript_id".into(), rows.iter().map(|row| row.0).collect::<Vec<_>>()),
        Column::new("x".into(), rows.iter().map(|row| row.1).collect::<Vec<_>>()),
        Column::new("y".into(), rows.iter().map(|row| row.2).collect::<Vec<_>>()),
        Column::new("gene".into(), rows.iter().map(|row| row.3.as_str()).collect::<Vec<_>>()),
        Column::new("qv".into(), rows.iter().map(|row| row.4).collect::<Vec<_>>()),
        Column::new("overlaps_nucleus".into(), rows.iter().map(|row| row.5).collect::<Vec<_>>()),
    ];
    let mut frame = DataFrame::new(N_MOLECULES, columns).expect("columns of one length");
    let file = File::create(path).expect("a temporary file");
    ParquetWriter::new(file).finish(&mut frame).expect("room for a temporary file");
}
