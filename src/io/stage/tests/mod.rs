//! Stages of ten molecules, written, looked at, broken and read back.

mod appending;
mod directory;
mod documents;
mod merged;
mod molecules;
mod results;
mod tile;

use std::path::Path;

use polars::prelude::{Column, DataFrame, NamedFrom, Series};

use super::*;
use crate::cells::{CellCounts, CellStats};
use crate::compartments::genes::{Call, GeneRank};
use crate::data::{
    CellIdx, CellNames, CellOutline, ClusterIdx, GeneIdx, GeneTable, LayerOutlines, Molecules, Positions, SegmentIdx,
};
use crate::io::molecules::{Carried, Fingerprint, MoleculeTable, OutputColumn, ReadFacts};
use crate::prior::{SegmentLabels, SegmentOutline, SegmentRow, SegmentTable};

/// Numbers from files, 0 for none.
fn cells(numbers: &[u32]) -> Vec<Option<CellIdx>> {
    numbers.iter().map(|&number| CellIdx::from_number(number)).collect()
}

/// Molecules of three genes in space, with three columns of the user around x, y, z and gene.
fn table(n: usize) -> MoleculeTable {
    let values = |factor: f64| (0..n).map(|row| row as f64 * factor).collect::<Vec<f64>>();
    let ids: Vec<u64> = (0..n as u64).map(|row| u64::MAX - row).collect();
    let notes: Vec<Option<String>> = (0..n).map(|row| (row % 3 > 0).then(|| format!("a,\"{row}\""))).collect();
    let columns = vec![
        Column::from(Series::new("transcript_id".into(), ids)),
        Column::from(Series::new("note".into(), notes)),
        Column::from(Series::new("cell".into(), vec![7i32; n])),
    ];
    let genes = GeneTable::new(["Sst", "Äb", "Gad1"].map(str::to_owned).to_vec());
    MoleculeTable {
        molecules: Molecules {
            ids: (0..n as u32).collect(),
            positions: Positions { x: values(0.1), y: values(1.0 / 3.0), z: Some(values(2.0)) },
            genes: (0..n).map(|row| GeneIdx::new(row * row % 3)).collect(),
            n_genes: genes.len(),
        },
        genes,
        prior_segments: None,
        carried: Carried {
            frame: DataFrame::new(n, columns).unwrap(),
            layout: vec![
                OutputColumn::Carried(0),
                OutputColumn::Y,
                OutputColumn::X,
                OutputColumn::Carried(2),
                OutputColumn::Gene,
                OutputColumn::Z,
                OutputColumn::Carried(1),
            ],
            f32_axes: [true, false, true],
        },
        notes: Vec::new(),
        seen: ReadFacts::default(),
        path: "molecules.csv".into(),
        fingerprint: Fingerprint { size: 12, hash: 0xfedc_ba98_7654_3210 },
    }
}

/// Everything that can be known of ten molecules.
fn all_results() -> MoleculeResults {
    MoleculeResults {
        prior_segment: Some([2, 2, 0, 0, 1, 1, 0, 2, 0, 2].map(SegmentIdx::from_number).to_vec()),
        confidence: Some((0..10).map(|row| row as f32 / 9.0).collect()),
        is_center: Some((0..10).map(|row| row % 4 == 1).collect()),
        compartment: Some(Compartments {
            names: ["Nuclei", "Cyto", "Unknown"].map(str::to_owned).to_vec(),
            of: vec![0, 1, 2, 2, 1, 0, 0, 0, 1, 1],
        }),
        nuclei_probs: Some((0..10).map(|row| 1.0 / (row + 1) as f32).collect()),
        cluster: Some((0..10).map(|row| ClusterIdx::new(row % 4)).collect()),
        cell: Some(cells(&[1, 1, 1, 0, 2, 2, 2, 2, 0, 0])),
        assignment_confidence: Some(vec![0.123_456; 10]),
        ncv_color: Some((0..10).map(|row| [row, 255 - row, 16]).collect()),
    }
}

fn stats() -> CellStats {
    CellStats {
        x: vec![0.1, 0.2],
        y: vec![1e300, -0.0],
        z: Some(vec![1.0, 2.0]),
        cluster: Some(vec![Some(ClusterIdx::new(3)), None]),
        n_transcripts: vec![3, 4],
        density: vec![f64::INFINITY, 2.0],
        elongation: vec![1.5, 1.0],
        area: vec![0.0, 2.0],
        avg_confidence: vec![0.5, 0.25],
        avg_assignment_confidence: Some(vec![0.75, 0.8247]),
        max_cluster_frac: Some(vec![1.0, 2.0 / 3.0]),
        lifespan: Some(vec![49, 50]),
        n_nuclei: Some(vec![2, 0]),
        prior_segment: Some(vec![Some("n, 7".to_owned()), None]),
    }
}

fn counts() -> CellCounts {
    CellCounts {
        n_genes: 3,
        offsets: vec![0, 2, 3],
        genes: vec![GeneIdx::new(0), GeneIdx::new(2), GeneIdx::new(1)],
        n: vec![1, 2, 4],
    }
}

fn outline(cell: usize, shift: f64) -> CellOutline {
    let ring = vec![[shift, 0.0], [shift + 1.0, 0.1], [shift + 0.3, 2.0], [shift, 0.0]];
    CellOutline { cell: CellIdx::new(cell), ring }
}

fn polygons() -> StagePolygons {
    let layer = |name: &str, z: f64, outlines| LayerOutlines {
        name: name.to_owned(),
        z,
        z_range: [z - 0.5, z + 0.5],
        outlines,
    };
    StagePolygons {
        flat: vec![outline(0, 0.0), outline(1, 5.0)],
        layers: Some(vec![
            layer("[0.0, 1.0)", 0.5, vec![outline(1, 5.5)]),
            layer("[1.0, 2.0)", 1.5, vec![]),
            layer("[2.0, 3.0]", 2.5, vec![outline(0, 0.1), outline(1, 5.1)]),
        ]),
    }
}

/// Segments of an image: one with molecules, one without, one that is too small.
fn prior_outlines() -> Vec<SegmentOutline> {
    let ring = |x: f64| vec![[x, 0.0], [x + 1.0, 0.0], [x, 0.1], [x, 0.0]];
    vec![SegmentOutline { row: 0, ring: ring(0.5) }, SegmentOutline { row: 2, ring: ring(7.25) }]
}

fn segments() -> SegmentTable {
    let row = |segment: Option<u32>, n_molecules: u32, x: f64| SegmentRow {
        segment: segment.and_then(SegmentIdx::from_number),
        n_molecules,
        n_pixels: Some(1 << 40),
        area: Some(0.1 + x),
        center: [x, 1.5, 0.0],
        radius: Some(x.sqrt()),
        kept: n_molecules > 1,
    };
    SegmentTable {
        labels: SegmentLabels::Numbers(vec![4, 7, 4_000_000_000]),
        rows: vec![row(Some(1), 4, 0.45), row(None, 0, 3.0), row(Some(2), 1, 1.0 / 3.0)],
        has_z: false,
        min_molecules_per_segment: 2,
    }
}

fn ranking() -> Vec<GeneRank> {
    let rank = |gene: usize, call: Call| GeneRank {
        gene: GeneIdx::new(gene),
        n_molecules: 40,
        n_nuclei: 25,
        share_inside: 0.1 * gene as f64,
        expected_share: 0.5,
        effect: 1.0 / 3.0 - gene as f64,
        p: 1e-300,
        q: 0.01,
        call,
    };
    vec![rank(2, Call::Nuclear), rank(0, Call::None), rank(1, Call::Cytoplasmic)]
}

fn trace() -> TraceTable {
    let entry = |n: u32| crate::bmm::trace::TraceEntry {
        n_components: vec![9 - n, 5, 2],
        noise_share: 0.1 * f64::from(n),
        n_changed: n as usize,
        share_that_left: (n == 2).then_some(0.25),
    };
    TraceTable { thresholds: vec![1, 5, 10], entries: vec![entry(0), entry(1), entry(2)] }
}

fn clustering() -> ClusteringTable {
    let change = |largest, share| crate::data::Change { largest, share };
    ClusteringTable { clusters: vec![change(0.5, 1.0), change(0.0, 0.25)], compartments: vec![change(0.125, 0.5)] }
}

fn ncv() -> NcvTable {
    NcvTable { ids: vec![0, 1, 5], colors: vec![[0, 0, 0], [255, 16, 1], [9, 8, 7]], confidence: vec![0.1, 1.0, 0.0] }
}

fn manifest() -> Manifest {
    let mut manifest = Manifest::new(StageKind::Run, 18_446_744_073_709_551_615);
    manifest.run_id = Some("R0123456789".to_owned());
    manifest.parameters.insert("data".to_owned(), serde_json::json!({ "x": "x", "min_molecules_per_cell": 30 }));
    manifest.inputs.push(InputFingerprint::new("molecules", table(0).fingerprint));
    manifest.estimates.push(Estimate::new("scale", 0.1 + 0.2, "estimated from the prior segmentation"));
    manifest.summary.insert("n_cells".to_owned(), 2.into());
    manifest.summary.insert(MIN_MOLECULES_PER_SEGMENT.to_owned(), 2.into());
    manifest.notes.push(StageNote { level: NoteLevel::Warning, text: "Loaded 10 transcripts".to_owned() });
    manifest.timing = Timing {
        started: Some("2026-11-23T01:02:03Z".to_owned()),
        seconds: 1.5,
        peak_memory_bytes: Some(1 << 30),
        threads: 2,
        threads_given: 0,
        command_line: "run molecules.csv".to_owned(),
        paths: vec!["molecules.csv".to_owned()],
        phases: vec![Phase { name: "Loading data".to_owned(), seconds: 0.5, peak_memory_bytes: None }],
        xxh64: None,
    };
    manifest
}

/// Writes a stage with every table there is.
fn write_all(dir: &Path) -> Manifest {
    let mut writer = StageWriter::create(dir, StageKind::Run).unwrap();
    let table = table(10);
    writer.molecules(&table, &all_results()).unwrap();
    writer.genes(&table.genes, &[1, 2, 7]).unwrap();
    writer.segments(&segments()).unwrap();
    writer.prior_outlines(&prior_outlines()).unwrap();
    writer.cells(&CellNames::new("R0123456789"), &stats()).unwrap();
    writer.counts(&table.genes, &counts()).unwrap();
    let polygons = polygons();
    writer.polygons(&polygons.flat, polygons.layers.as_deref()).unwrap();
    writer.trace(&trace()).unwrap();
    writer.clustering(&clustering()).unwrap();
    writer.compartment_genes(&ranking(), &table.genes).unwrap();
    writer.ncv(&ncv()).unwrap();
    writer.slide_fit(&tile::numbers()).unwrap();
    writer.finish(manifest()).unwrap()
}

fn open(dir: &Path) -> Result<StageReader, StageError> {
    StageReader::open(dir, &[StageKind::Run, StageKind::Merge])
}

/// Names of the files in a directory, sorted.
fn names_in(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
