use std::io::Write;
use std::path::PathBuf;

use polars::prelude::{Column, DataFrame, ParquetWriter};

use super::*;
use crate::data::{CellIdx, CellNames, CellOutline, LayerOutlines, Layout3d, PolygonFormat, Positions};
use crate::io::export::geojson::{write_2d, write_3d};
use crate::prior::assign_polygons;

/// A folder that holds one file.
fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("boundaries");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn boundaries(bytes: &[u8]) -> Result<Boundaries, BoundaryError> {
    let (_folder, path) = file(bytes);
    read(&path)
}

fn refusal(bytes: &[u8]) -> String {
    boundaries(bytes).unwrap_err().to_string()
}

fn names(boundaries: &Boundaries) -> Vec<String> {
    (0..boundaries.polygons.n_segments()).map(|at| boundaries.polygons.labels.text(at).into_owned()).collect()
}

/// Labels of the molecules at (0.5, 0.5), (10.5, 0.5) and (1.5, 1.5).
fn labels(boundaries: &Boundaries) -> Vec<u32> {
    let positions = Positions { x: vec![0.5, 10.5, 1.5], y: vec![0.5, 0.5, 1.5], z: None };
    assign_polygons(&boundaries.polygons, &positions).label_of
}

const TABLE: &str = "cell_id,vertex_x,vertex_y,label_id\n\
    \"b-1\",0,0,7\n\"b-1\",1,0,7\nb-1,1,1,7\nb-1,0,1,7\nb-1,0,0,7\n\
    a-1,10,0,2\na-1,11,0,2\na-1,11,1,2\n\
    b-1,1,1,9\nb-1,2,1,9\nb-1,2,2,9\nb-1,1,2,9\n\
    c-1,5,5,4\nc-1,6,6,4\n";

#[test]
fn rows_become_polygons_and_labels_are_parts_of_cells() {
    let read = boundaries(TABLE.as_bytes()).unwrap();
    assert_eq!(names(&read), ["b-1", "a-1", "c-1"]);
    assert_eq!((read.polygons.n_parts(), read.n_short_rings), (3, 1));
    assert_eq!(labels(&read), [1, 2, 1]);
    let areas: Vec<f64> = read.polygons.areas().iter().map(|(area, _)| *area).collect();
    assert_eq!(areas, [2.0, 0.5, 0.0]);
}

#[test]
fn tables_may_be_gzipped_have_other_delimiters_and_line_ends() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(TABLE.as_bytes()).unwrap();
    let packed = gzip.finish().unwrap();
    let expected = boundaries(TABLE.as_bytes()).unwrap();
    assert_eq!(boundaries(&packed).unwrap(), expected);
    let other = format!("\u{feff}{}", TABLE.replace(',', ";").replace('\n', "\r\n\r\n"));
    assert_eq!(boundaries(other.as_bytes()).unwrap(), expected);
    assert!(refusal(&packed[..packed.len() / 2]).contains("damaged or incomplete"));
}

#[test]
fn rings_that_close_within_a_cell_are_parts_of_it() {
    let table = "cell,x,y\n1,0,0\n1,1,0\n1,1,1\n1,0,0\n1,0,0\n1,10,0\n1,11,0\n1,11,1\n1,10,1\n1,10,0\n";
    let read = boundaries(table.as_bytes()).unwrap();
    assert_eq!((read.polygons.n_segments(), read.polygons.n_parts(), read.n_short_rings), (1, 2, 0));
    assert_eq!(labels(&read), [1, 1, 0]);
}

#[test]
fn cells_of_several_fields_of_view_have_names_of_their_own() {
    let table = "fov,cellID,x_local_px,y_local_px,x_global_px,y_global_px\n\
        1,1,0,0,0,0\n1,1,0,0,1,0\n1,1,0,0,1,1\n2,1,0,0,10,0\n2,1,0,0,12,0\n2,1,0,0,10,3\n";
    let read = boundaries(table.as_bytes()).unwrap();
    assert_eq!((names(&read), labels(&read)), (vec!["1_1".to_string(), "2_1".to_string()], vec![1, 2, 0]));
}

#[test]
fn parquet_tables_are_read_like_text() {
    let write = |columns: Vec<Column>| {
        let mut bytes = Vec::new();
        let mut frame = DataFrame::new(columns[0].len(), columns).unwrap();
        ParquetWriter::new(&mut bytes).with_row_group_size(Some(3)).finish(&mut frame).unwrap();
        bytes
    };
    let x = [0.0f32, 1.0, 1.0, 0.0, 10.0, 11.0, 11.0];
    let y = [0.0f32, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0];
    let bytes = write(vec![
        Column::new("cell_id".into(), ["b", "b", "b", "b", "a", "a", "a"]),
        Column::new("vertex_x".into(), x),
        Column::new("vertex_y".into(), y),
        Column::new("label_id".into(), [1u32, 1, 1, 1, 2, 2, 2]),
    ]);
    let read = boundaries(&bytes).unwrap();
    assert_eq!((names(&read), labels(&read)), (vec!["b".to_string(), "a".to_string()], vec![1, 2, 0]));
    assert!(refusal(&bytes[..bytes.len() - 9]).contains("damaged"));
    let missing = write(vec![
        Column::new("id".into(), [1i64, 1, 1]),
        Column::new("x".into(), [Some(0.0), None, Some(1.0)]),
        Column::new("y".into(), [0.0, 1.0, 1.0]),
    ]);
    assert!(refusal(&missing).contains("row 2, column 'x': a missing value"), "{}", refusal(&missing));
}

#[test]
fn features_and_geometries_are_named_by_what_they_have() {
    let square = "[[[0,0],[1,0],[1,1],[0,1],[0,0]]]";
    let other = "[[[[10,0,5],[11,0,5],[11,1,5],[10,0,5]]],[[[1,1],[2,1],[2,2],[1,2]]]]";
    let text = format!(
        r#"{{"type":"FeatureCollection","name":"x","features":[
        {{"type":"Feature","id":"A","properties":{{"cell_id":"no"}},"geometry":{{"type":"Polygon","coordinates":{square}}}}},
        {{"type":"Feature","properties":{{"name":17,"classification":{{"a":[1]}}}},
          "geometry":{{"coordinates":{other},"type":"MultiPolygon"}}}},
        {{"type":"Feature","properties":null,"geometry":{{"type":"Point","coordinates":[1,2]}}}},
        {{"type":"Feature","properties":{{}},"geometry":null}}]}}"#
    );
    let read = boundaries(text.as_bytes()).unwrap();
    assert_eq!((names(&read), labels(&read)), (vec!["A".to_string(), "17".to_string()], vec![1, 2, 2]));
    assert_eq!((read.n_ignored, read.n_unnamed), (2, 0));
    let unnamed = format!(r#"[{{"type":"Feature","geometry":{{"type":"Polygon","coordinates":{square}}}}}]"#);
    let read = boundaries(unnamed.as_bytes()).unwrap();
    assert_eq!((names(&read), read.n_unnamed), (vec!["1".to_string()], 1));
}

#[test]
fn holes_are_respected() {
    let text = r#"{"type":"Polygon","coordinates":[[[0,0],[3,0],[3,3],[0,3],[0,0]],[[1,1],[1,2],[2,2],[2,1],[1,1]]]}"#;
    assert_eq!(labels(&boundaries(text.as_bytes()).unwrap()), [1, 0, 0]);
}

fn outlines() -> Vec<CellOutline> {
    let square = |x: f64| vec![[x, 0.0], [x + 1.0, 0.0], [x + 1.0, 1.0], [x, 1.0], [x, 0.0]];
    [(0, 0.0), (1, 10.0)].map(|(cell, x)| CellOutline { cell: CellIdx::new(cell), ring: square(x) }).to_vec()
}

#[test]
fn boundaries_of_this_program_are_read_in_all_formats() {
    for format in PolygonFormat::ALL {
        let mut bytes = Vec::new();
        write_2d(&mut bytes, &outlines(), &CellNames::new("R"), format).unwrap();
        let read = boundaries(&bytes).unwrap();
        assert_eq!(labels(&read), [1, 2, 0]);
        let expected = if format == PolygonFormat::GeometryCollectionLegacy { ["1", "2"] } else { ["CR-1", "CR-2"] };
        assert_eq!(names(&read), expected);
    }
}

#[test]
fn boundaries_by_layer_name_the_file_to_use_instead() {
    let layer = |name: &str| LayerOutlines { name: name.into(), z: 1.0, z_range: [1.0, 1.0], outlines: outlines() };
    for layout in [Layout3d::Array, Layout3d::Object] {
        for format in PolygonFormat::ALL {
            let mut bytes = Vec::new();
            write_3d(&mut bytes, &[layer("1.0"), layer("2.0")], &CellNames::new("R"), format, layout).unwrap();
            let text = refusal(&bytes);
            assert!(text.contains("2 layers") && text.contains("polygons_2d.json"), "{text}");
        }
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place_and_the_remedy() {
    for (bytes, expected) in [
        ("", "the file is empty"),
        ("cell_id,vertex_x,vertex_y\n", "the file is empty"),
        ("cell_id,px,py\n1,2,3\n", "no column for the coordinates of vertices; the table has 'cell_id', 'px', 'py'"),
        ("vertex_x,vertex_y\n2,3\n", "no column for the name of the cell"),
        ("cell_id,x,y\n1,2,3\n1,2,zz\n", "row 2, column 'y': 'zz' is not a finite number"),
        ("cell_id,x,y\n1,nan,3\n", "row 1, column 'x': 'nan'"),
        ("cell_id,x,y\n1,2\n", "row 1 has 2 fields, but the header has 3"),
        ("cell_id,x,y\n1,2,3\n1,3,4\n2,1,1\n", "there is no polygon: 2 rings have fewer than three"),
        ("ID,geometry\n1,abc\n", "geopandas"),
        (r#"{"type":"FeatureCollection","features":[]}"#, "there is no polygon"),
        (r#"{"a":1}"#, "FeatureCollection"),
        (r#"{"type":"Polygon","coordinates":[[[0,0],[1]]]}"#, "one number only"),
        (r#"{"type":"Polygon","coordinates":[[[0,0],3]]}"#, "nested unevenly"),
        (r#"{"type":"FeatureCollection","features":[{"type":"Fea"#, "damaged or incomplete"),
        ("\u{89}PNG\r\n\u{1a}\n", "neither a table nor GeoJSON"),
    ] {
        let text = refusal(bytes.as_bytes());
        assert!(text.contains(expected), "{bytes:?} gave {text}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(read(folder.path()).unwrap_err().to_string().contains("is not a file"));
    assert!(read(&folder.path().join("none")).unwrap_err().to_string().contains("cannot be read"));
}
