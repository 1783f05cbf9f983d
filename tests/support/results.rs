//! Cells as the files of a run have them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Folder, Table};

/// The names of cells in each file of one run.
#[derive(Debug)]
pub struct CellSets {
    pub molecules: BTreeSet<String>,
    pub cell_stats: Vec<String>,
    pub counts: Vec<String>,
    pub polygons: Vec<String>,
}

impl CellSets {
    /// Reads the files `STEM.csv`, `STEM_cell_stats.csv`, … with counts of either format.
    pub fn read(folder: &Folder, stem: &str) -> Self {
        let molecules = folder.table(&format!("{stem}.csv"));
        let molecules = molecules.column("cell").into_iter().filter(|cell| !cell.is_empty()).map(str::to_owned);
        let cell_stats = folder.table(&format!("{stem}_cell_stats.csv"));
        let tsv = format!("{stem}_counts.tsv");
        let counts = if folder.path(&tsv).exists() {
            Table::parse(&folder.text(&tsv), '\t').header[1..].to_vec()
        } else {
            loom_names(folder, &format!("{stem}_counts.loom"), "col_attrs/Name")
        };
        Self {
            molecules: molecules.collect(),
            cell_stats: cell_stats.column("cell").into_iter().map(str::to_owned).collect(),
            counts,
            polygons: polygon_cells(&folder.json(&format!("{stem}_polygons_2d.json"))),
        }
    }

    /// Asserts that all files have the same cells, in the order of their numbers from 1 to K, and returns K.
    pub fn assert_equal(&self) -> usize {
        let numbers: Vec<usize> = self.cell_stats.iter().map(|name| number(name)).collect();
        assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>());
        assert_eq!(self.counts, self.cell_stats);
        assert_eq!(self.molecules, self.cell_stats.iter().cloned().collect());
        let legacy: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        assert!(self.polygons == self.cell_stats || self.polygons == legacy, "{:?}", self.polygons);
        numbers.len()
    }
}

/// The integer of a cell's name, which has one dash and a prefix that is no number.
fn number(name: &str) -> usize {
    let parts: Vec<&str> = name.split('-').collect();
    assert!(parts.len() == 2 && parts[0].parse::<f64>().is_err(), "{name}");
    parts[1].parse().unwrap_or_else(|_| panic!("{name}"))
}

/// Texts of a dataset of a loom file.
pub fn loom_names(folder: &Folder, file: &str, dataset: &str) -> Vec<String> {
    let file = hdf5_metno::File::open(folder.path(file)).expect("a loom file");
    let names = file.dataset(dataset).expect("the dataset");
    let names = names.read_1d::<hdf5_metno::types::VarLenUnicode>().expect("texts");
    names.iter().map(|name| name.as_str().to_owned()).collect()
}

/// The cells of a collection of polygons of any format, in its order, as text.
pub fn polygon_cells(collection: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let list = |name: &str| collection[name].as_array().expect("a list").iter();
    match collection["type"].as_str().expect("a type") {
        "FeatureCollection" => list("features").map(|feature| text(&feature["id"])).collect(),
        "GeometryCollection" => list("geometries").map(|geometry| text(&geometry["cell"])).collect(),
        other => panic!("{other}"),
    }
}

/// The ring of a feature or geometry, checked to be a closed `Polygon` with one ring of at least 4 positions.
pub fn ring_of(member: &Value) -> Vec<[f64; 2]> {
    let geometry = if member["type"] == "Feature" { &member["geometry"] } else { member };
    assert_eq!(geometry["type"], "Polygon");
    let rings = geometry["coordinates"].as_array().expect("rings");
    assert_eq!(rings.len(), 1);
    let ring: Vec<[f64; 2]> = serde_json::from_value(rings[0].clone()).expect("positions");
    assert!(ring.len() >= 4 && ring.first() == ring.last(), "{ring:?}");
    assert!(area(&ring) > 0.0, "{ring:?}");
    ring
}

fn area(ring: &[[f64; 2]]) -> f64 {
    let [x, y] = ring[0];
    let twice: f64 =
        ring.windows(2).map(|pair| (pair[0][0] - x) * (pair[1][1] - y) - (pair[1][0] - x) * (pair[0][1] - y)).sum();
    (0.5 * twice).abs()
}

/// Adjusted Rand index of two assignments; noise is one more group.
pub fn agreement(one: &[String], other: &[String]) -> f64 {
    assert_eq!(one.len(), other.len());
    let pairs = |counts: &mut dyn Iterator<Item = f64>| counts.map(|n| n * (n - 1.0) / 2.0).sum::<f64>();
    let mut both: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    let mut sides: [BTreeMap<&str, f64>; 2] = Default::default();
    for (a, b) in one.iter().zip(other) {
        *both.entry((a, b)).or_default() += 1.0;
        *sides[0].entry(a).or_default() += 1.0;
        *sides[1].entry(b).or_default() += 1.0;
    }
    let together = pairs(&mut both.into_values());
    let [a, b] = sides.map(|side| pairs(&mut side.into_values()));
    let expected = a * b / pairs(&mut std::iter::once(one.len() as f64));
    (together - expected) / (0.5 * (a + b) - expected)
}
