use std::fs;

use super::*;
use crate::cells::{CellCounts, CellStats};
use crate::data::{CellIdx, CellNames, CellOutline, GeneIdx};
use crate::io::export::molecules::MoleculeResults;
use crate::io::molecules::{MoleculeTable, ReadRequest, read};
use crate::io::stage::StagePolygons;

fn table(text: &str) -> MoleculeTable {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("molecules");
    fs::write(&path, text).unwrap();
    read(&ReadRequest { path, ..ReadRequest::default() }).unwrap()
}

/// Writes a store of four molecules, `n_cells` (0 or 1) of which are a cell.
fn write(path: &Path, n_cells: usize) -> Result<(), SpatialDataError> {
    let table = table("x,y,gene,note\n1,2,\"a <b>\",u\n5,2,é,v\n3,6,é,\n40,40,c,w\n");
    let cell = [1, 1, 1, 0].map(|number| CellIdx::from_number(number * n_cells as u32));
    let names = CellNames::new("R1");
    let molecules = MoleculeResults {
        prior_segment: None,
        segment_numbers: None,
        confidence: &[0.5; 4],
        compartment: None,
        nuclei_probs: None,
        cluster: None,
        cell: &cell,
        assignment_confidence: None,
        ncv_color: None,
        names: &names,
    };
    let stats = CellStats {
        x: vec![3.0; n_cells],
        y: vec![2.5; n_cells],
        n_transcripts: vec![3; n_cells],
        density: vec![0.375; n_cells],
        elongation: vec![1.5; n_cells],
        area: vec![8.0; n_cells],
        avg_confidence: vec![0.5; n_cells],
        ..CellStats::default()
    };
    let counts = CellCounts {
        n_genes: 3,
        offsets: [0, 2][..=n_cells].to_vec(),
        genes: [0, 2][..2 * n_cells].iter().map(|&gene| GeneIdx::new(gene)).collect(),
        n: [1, 2][..2 * n_cells].to_vec(),
    };
    let ring = vec![[1.0, 2.0], [5.0, 2.0], [3.0, 6.0], [1.0, 2.0]];
    let flat = (0..n_cells).map(|cell| CellOutline { cell: CellIdx::new(cell), ring: ring.clone() }).collect();
    let polygons = StagePolygons { flat, layers: None };
    let record = json!({"program_version": "1", "run": {"run_id": "R1", "parameters": {}}});
    let content = ExportContent {
        table: &table,
        molecules: &molecules,
        names: &names,
        stats: &stats,
        counts: &counts,
        parts: None,
        polygons: &polygons,
        record: &record,
    };
    write_spatialdata(path, &content)
}

/// All files of a folder with their content, by path.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn a_store_has_points_shapes_and_a_table_that_annotates_the_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.zarr");
    write(&path, 1).unwrap();
    let files = files(&path);
    let document = |name: &str| serde_json::from_slice::<Value>(&files[name]).unwrap();
    assert!(files.contains_key("points/transcripts/points.parquet/part.0.parquet"));
    assert!(files.contains_key("shapes/cell_boundaries/shapes.parquet"));
    let root = document(".zattrs");
    assert_eq!(root["spatialdata_attrs"]["version"], "0.1");
    let table = document("tables/table/.zattrs");
    assert_eq!((&table["region"], &table["instance_key"]), (&json!("cell_boundaries"), &json!("cell")));
    assert_eq!(document("tables/table/X/.zattrs")["shape"], json!([1, 3]));
    let points = document("points/transcripts/.zattrs");
    assert_eq!(points["axes"], json!(["x", "y"]));
    assert_eq!(points["coordinateTransformations"][0]["input"]["name"], "xy");
    assert_eq!(points["spatialdata_attrs"]["feature_key"], "gene");
    assert_eq!(document(".zmetadata")["metadata"]["tables/table/obs/.zattrs"], document("tables/table/obs/.zattrs"));
}

#[test]
fn the_same_result_is_the_same_bytes_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let with = |threads: usize| {
        let path = folder.path().join(format!("{threads}.zarr"));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| write(&path, 1)).unwrap();
        files(&path)
    };
    assert!(with(1) == with(3));
}

#[test]
fn without_cells_there_are_points_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.zarr");
    write(&path, 0).unwrap();
    assert_eq!(names_in(&path).unwrap(), ["points"]);
}

#[test]
fn only_a_store_of_ours_that_nobody_added_to_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.zarr");
    write(&path, 0).unwrap();
    write(&path, 1).unwrap();
    assert_eq!(names_in(&path).unwrap(), ["points", "shapes", "tables"]);
    fs::create_dir_all(path.join("images/morphology")).unwrap();
    let error = write(&path, 1).unwrap_err().to_string();
    assert!(error.contains("somebody has added 'images/morphology'"), "{error}");
    assert!(path.join("images/morphology").exists());
    let other = folder.path().join("other.zarr");
    fs::create_dir(&other).unwrap();
    fs::write(other.join(".zattrs"), "{}").unwrap();
    let error = write(&other, 1).unwrap_err().to_string();
    assert!(error.contains("not a SpatialData store that this program has written"), "{error}");
    fs::write(folder.path().join("file.zarr"), "").unwrap();
    assert!(write(&folder.path().join("file.zarr"), 1).unwrap_err().to_string().contains("not a folder"));
    assert_eq!(names_in(folder.path()).unwrap(), ["file.zarr", "other.zarr", "s.zarr"]);
}
