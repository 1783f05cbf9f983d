//! Cell boundaries as GeoJSON.
//!
//! Written by hand rather than through a tree of values: 10^5 cells are some 10^6 vertices, and
//! the bytes must depend on nothing but the outlines.

use std::io::{self, Write};

pub use crate::data::polygons::{Layout3d, PolygonFormat, UnknownPolygonFormat};
use crate::data::{CellNames, CellOutline, LayerOutlines};

/// Writes the boundaries of 2D data, or of 3D data seen from above: one collection.
///
/// JSON without white space, members in a fixed order, numbers in their shortest form that reads back as
/// the same f64. In the format
///
/// * `FeatureCollection` a feature has a top-level `id` (the name of the cell) and the properties
///   `cell_id` (the same) and `objectType` (`cell`);
/// * `GeometryCollection` a geometry has the member `cell` (the name), and the collection none
///   but `type` and `geometries`, so that `pandas.read_json` reads it;
/// * `GeometryCollectionLegacy` `cell` is the number in the name.
///
/// Writes many small pieces: pass a buffered writer. Errors: those of `out`, and `InvalidData`
/// for a coordinate that JSON cannot hold.
pub fn write_2d(
    out: &mut impl Write,
    outlines: &[CellOutline],
    names: &CellNames,
    format: PolygonFormat,
) -> io::Result<()> {
    write_collection(out, outlines, names, format, None)
}

/// Writes the boundaries of 3D data, one collection per layer, from below.
///
/// In the layout `Array` each collection has the members `z` and `z_range` (lower and upper bound)
/// after its `type`. In the layout `Object` collections are as in [`write_2d`], by the name of
/// their layer. Otherwise as [`write_2d`].
pub fn write_3d(
    out: &mut impl Write,
    layers: &[LayerOutlines],
    names: &CellNames,
    format: PolygonFormat,
    layout: Layout3d,
) -> io::Result<()> {
    let [open, close] = match layout {
        Layout3d::Array => ["[", "]"],
        Layout3d::Object => ["{", "}"],
    };
    out.write_all(open.as_bytes())?;
    for (at, layer) in layers.iter().enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        match layout {
            Layout3d::Array => write_collection(out, &layer.outlines, names, format, Some(layer))?,
            Layout3d::Object => {
                write!(out, "\"{}\":", escaped(&layer.name)?)?;
                write_collection(out, &layer.outlines, names, format, None)?;
            }
        }
    }
    out.write_all(close.as_bytes())
}

/// `layer`: whose z to note.
fn write_collection(
    out: &mut impl Write,
    outlines: &[CellOutline],
    names: &CellNames,
    format: PolygonFormat,
    layer: Option<&LayerOutlines>,
) -> io::Result<()> {
    let [kind, list] = match format {
        PolygonFormat::FeatureCollection => ["FeatureCollection", "features"],
        PolygonFormat::GeometryCollection | PolygonFormat::GeometryCollectionLegacy => {
            ["GeometryCollection", "geometries"]
        }
    };
    let prefix = escaped(names.prefix())?;
    write!(out, "{{\"type\":\"{kind}\",")?;
    if let Some(LayerOutlines { z, z_range: [low, high], .. }) = layer {
        out.write_all(b"\"z\":")?;
        write_number(out, *z)?;
        out.write_all(b",\"z_range\":")?;
        write_pair(out, [*low, *high])?;
        out.write_all(b",")?;
    }
    write!(out, "\"{list}\":[")?;
    for (at, outline) in outlines.iter().enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        let number = names.number(outline.cell);
        match format {
            PolygonFormat::FeatureCollection => {
                write!(out, "{{\"type\":\"Feature\",\"id\":\"{prefix}{number}\",\"geometry\":")?;
                write_polygon(out, &outline.ring)?;
                write!(out, "}},\"properties\":{{\"cell_id\":\"{prefix}{number}\",\"objectType\":\"cell\"}}}}")?;
            }
            PolygonFormat::GeometryCollection => {
                write_polygon(out, &outline.ring)?;
                write!(out, ",\"cell\":\"{prefix}{number}\"}}")?;
            }
            PolygonFormat::GeometryCollectionLegacy => {
                write_polygon(out, &outline.ring)?;
                write!(out, ",\"cell\":{number}}}")?;
            }
        }
    }
    out.write_all(b"]}")
}

/// Writes a polygon without the brace that closes it, so that members can follow.
fn write_polygon(out: &mut impl Write, ring: &[[f64; 2]]) -> io::Result<()> {
    out.write_all(b"{\"type\":\"Polygon\",\"coordinates\":[[")?;
    for (at, vertex) in ring.iter().enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        write_pair(out, *vertex)?;
    }
    out.write_all(b"]]")
}

fn write_pair(out: &mut impl Write, [a, b]: [f64; 2]) -> io::Result<()> {
    out.write_all(b"[")?;
    write_number(out, a)?;
    out.write_all(b",")?;
    write_number(out, b)?;
    out.write_all(b"]")
}

fn write_number(out: &mut impl Write, value: f64) -> io::Result<()> {
    if !value.is_finite() {
        let message = format!("the boundary of a cell has the coordinate {value}, which JSON cannot hold");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(serde_json::to_writer(out, &value)?)
}

/// A text as it stands between the quotes of a JSON string.
fn escaped(text: &str) -> io::Result<String> {
    let quoted = serde_json::to_string(text)?;
    Ok(quoted[1..quoted.len() - 1].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::CellIdx;

    fn outline(cell: usize) -> CellOutline {
        CellOutline { cell: CellIdx::new(cell), ring: vec![[0.0, 0.0], [2.0, 0.0], [2.0, 1.5], [0.0, 0.0]] }
    }

    fn layers() -> Vec<LayerOutlines> {
        let layer = |name: &str, z, z_range, outlines| LayerOutlines { name: name.to_owned(), z, z_range, outlines };
        vec![
            layer("[0.0, 1.0)", 0.5, [0.0, 1.0], vec![outline(0), outline(2)]),
            layer("[1.0, 2.5]", 1.75, [1.0, 2.5], vec![]),
        ]
    }

    fn text_2d(format: PolygonFormat) -> String {
        let mut bytes = Vec::new();
        write_2d(&mut bytes, &[outline(0), outline(11)], &CellNames::new("R1"), format).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn text_3d(format: PolygonFormat, layout: Layout3d) -> String {
        let mut bytes = Vec::new();
        write_3d(&mut bytes, &layers(), &CellNames::new("R1"), format, layout).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    const RING: &str = r#""coordinates":[[[0.0,0.0],[2.0,0.0],[2.0,1.5],[0.0,0.0]]]"#;

    #[test]
    fn features_have_an_id_and_properties() {
        let feature = |name: &str| {
            format!(
                r#"{{"type":"Feature","id":"{name}","geometry":{{"type":"Polygon",{RING}}},"properties":{{"cell_id":"{name}","objectType":"cell"}}}}"#
            )
        };
        let expected =
            format!(r#"{{"type":"FeatureCollection","features":[{},{}]}}"#, feature("CR1-1"), feature("CR1-12"));
        assert_eq!(text_2d(PolygonFormat::FeatureCollection), expected);
    }

    #[test]
    fn geometries_have_the_name_or_the_number_of_their_cell() {
        let expected = |one: &str, other: &str| {
            let polygon = format!(r#"{{"type":"Polygon",{RING},"cell":"#);
            format!(r#"{{"type":"GeometryCollection","geometries":[{polygon}{one}}},{polygon}{other}}}]}}"#)
        };
        assert_eq!(text_2d(PolygonFormat::GeometryCollection), expected("\"CR1-1\"", "\"CR1-12\""));
        assert_eq!(text_2d(PolygonFormat::GeometryCollectionLegacy), expected("1", "12"));
    }

    #[test]
    fn a_strict_reader_takes_features_and_geometries() {
        use geojson::{Feature, GeoJson, GeometryValue};
        let GeoJson::FeatureCollection(collection) = text_2d(PolygonFormat::FeatureCollection).parse().unwrap() else {
            panic!("not a feature collection")
        };
        let Feature { id, geometry, properties, .. } = &collection.features[1];
        assert_eq!(*id, Some(geojson::feature::Id::String("CR1-12".to_owned())));
        assert_eq!(properties.as_ref().unwrap()["objectType"], "cell");
        assert!(matches!(geometry.as_ref().unwrap().value, GeometryValue::Polygon { .. }));
        for format in [PolygonFormat::GeometryCollection, PolygonFormat::GeometryCollectionLegacy] {
            let GeoJson::Geometry(geometry) = text_2d(format).parse().unwrap() else { panic!("not a geometry") };
            assert!(
                matches!(geometry.value, GeometryValue::GeometryCollection { geometries } if geometries.len() == 2)
            );
        }
    }

    #[test]
    fn layers_are_an_array_with_z_or_an_object_by_name() {
        for format in PolygonFormat::ALL {
            let array: serde_json::Value = serde_json::from_str(&text_3d(format, Layout3d::Array)).unwrap();
            assert_eq!(array[0]["z"], 0.5);
            assert_eq!(array[1]["z_range"], serde_json::json!([1.0, 2.5]));
            let object: serde_json::Value = serde_json::from_str(&text_3d(format, Layout3d::Object)).unwrap();
            let list = if format == PolygonFormat::FeatureCollection { "features" } else { "geometries" };
            assert_eq!(array[0][list].as_array().unwrap().len(), 2);
            assert_eq!(object["[0.0, 1.0)"][list], array[0][list]);
            assert_eq!(object["[1.0, 2.5]"][list], serde_json::json!([]));
            assert!(object["[0.0, 1.0)"].get("z").is_none());
        }
        let empty = r#"{"type":"GeometryCollection","z":1.75,"z_range":[1.0,2.5],"geometries":[]}]"#;
        assert!(text_3d(PolygonFormat::GeometryCollection, Layout3d::Array).ends_with(empty));
    }

    #[test]
    fn numbers_read_back_as_they_were_and_infinity_is_refused() {
        let values = [0.1 + 0.2, 1e-300, -1e300, 5e-324, 123_456_789.012_345_67, 1e16, -0.0];
        for value in values {
            let mut bytes = Vec::new();
            write_number(&mut bytes, value).unwrap();
            assert!(serde_json::from_slice::<f64>(&bytes).is_ok());
            let read: f64 = String::from_utf8(bytes).unwrap().parse().unwrap();
            assert_eq!(read.to_bits(), value.to_bits());
        }
        assert_eq!(write_number(&mut Vec::new(), f64::NAN).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn no_cells_and_no_layers_are_valid_files() {
        let mut bytes = Vec::new();
        write_2d(&mut bytes, &[], &CellNames::new("R"), PolygonFormat::FeatureCollection).unwrap();
        assert_eq!(bytes, br#"{"type":"FeatureCollection","features":[]}"#);
        for (layout, expected) in [(Layout3d::Array, "[]"), (Layout3d::Object, "{}")] {
            let mut bytes = Vec::new();
            write_3d(&mut bytes, &[], &CellNames::new("R"), PolygonFormat::FeatureCollection, layout).unwrap();
            assert_eq!(bytes, expected.as_bytes());
        }
    }
}
