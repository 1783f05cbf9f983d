//! Boundaries of cells, with their names as index.

use std::io;

use serde_json::json;

use super::{CELL, PandasType, SHAPES, element_attributes, pandas_metadata};
use crate::io::export::content::ExportContent;
use crate::io::export::parquet::{ParquetColumn, geo_metadata, push_name, write_rows};
use crate::io::export::zarr::Store;
use crate::io::wkb;

pub(super) fn write(store: &mut Store, content: &ExportContent<'_>) -> io::Result<()> {
    let attributes = element_attributes("ngff:shapes", &["x", "y"], json!({"version": "0.2"}));
    store.group(SHAPES, attributes)?;
    let (outlines, names) = (&content.polygons.flat, content.names);
    let columns = [
        ParquetColumn::bytes("geometry", |row, bytes| wkb::encode(&outlines[row].ring, bytes)),
        ParquetColumn::texts(CELL, |row, text| push_name(text, names, outlines[row].cell)),
    ];
    let types = [
        ("geometry".to_owned(), PandasType { pandas: "bytes", numpy: "object" }),
        (CELL.to_owned(), PandasType { pandas: "unicode", numpy: "object" }),
    ];
    let geo = geo_metadata("geometry", "Polygon", outlines.iter().map(|outline| &outline.ring));
    let metadata = [("geo", geo), ("pandas", pandas_metadata(CELL, &types))];
    write_rows(&store.folder(SHAPES).join("shapes.parquet"), &columns, 0..outlines.len(), &metadata)
}
