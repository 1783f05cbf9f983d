//! SpatialData stores: molecules as points, boundaries as shapes, counts as an annotated table.
//!
//! METHOD: container version 0.1 on zarr version 2. Every release of spatialdata reads it, and adds elements to it; the
//! newer container 0.2 (zarr version 3) can be read from release 0.6 on only. The price is one notice of newer releases
//! when they read it, that a more current format exists.

mod points;
mod shapes;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::content::ExportContent;
use super::zarr::{Attributes, Store, attributes};
use crate::io::atomic::{self, NewFolder, WriteError};

/// The points in the store.
const POINTS: &str = "points/transcripts";
/// The shapes, and what the table calls the region that it annotates.
const SHAPES: &str = "shapes/cell_boundaries";
const REGION: &str = "cell_boundaries";
/// The table.
const TABLE: &str = "tables/table";
/// Column with the names of cells in all three.
const CELL: &str = "cell";
/// Entry of the root's attributes that tells our stores from others.
const MARK: &str = "baysor";

/// Why a store could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SpatialDataError {
    /// The system refused.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Something that this program did not write has the name.
    #[error("cannot replace '{path}': {found}; remove it, or choose another output name")]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// What is there.
        found: String,
    },
}

/// Writes a store, all or nothing. A store that this program wrote, and nobody added to, is replaced.
///
/// * `points/transcripts`: x, y, for 3D data z, and the columns of the molecule table; `gene` is the feature, `cell` is
///   missing for noise. Genes, cells, compartments and colors are categories. A column `z` that the input had beside 2D
///   coordinates is called `z_input`, because readers take `z` for an axis.
/// * `shapes/cell_boundaries`: polygons in x and y, by name of the cell.
/// * `tables/table`: AnnData with counts, statistics and centers of cells, annotating the shapes by `cell`.
///
/// All coordinates are those of the input, in the coordinate system `global`. Without cells there are points alone,
/// because empty shapes are invalid. The same bytes for any number of threads.
pub fn write_spatialdata(path: &Path, content: &ExportContent<'_>) -> Result<(), SpatialDataError> {
    check_replaceable(path)?;
    atomic::create_parent(path)?;
    let folder = NewFolder::create(path)?;
    write_store(folder.temporary(), content).map_err(|source| folder.error(source))?;
    Ok(folder.commit()?)
}

fn write_store(root: &Path, content: &ExportContent<'_>) -> io::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let mut store = Store::create(
        root,
        attributes(json!({
            "spatialdata_attrs": {"version": "0.1", "spatialdata_software_version": format!("baysor {version}")},
            MARK: {"version": version, "export": content.record},
        })),
    )?;
    store.group("points", Attributes::new())?;
    points::write(&mut store, content)?;
    if content.n_cells() > 0 {
        store.group("shapes", Attributes::new())?;
        shapes::write(&mut store, content)?;
        store.group("tables", Attributes::new())?;
        table::write(&mut store, content)?;
    }
    store.finish()
}

/// Sees to it that `path` can become a store: nothing is there, or a store of ours without other elements.
pub fn check_replaceable(path: &Path) -> Result<(), SpatialDataError> {
    let not_ours = |found: String| SpatialDataError::NotOurs { path: path.to_path_buf(), found };
    if !path.is_dir() {
        let is_there = fs::symlink_metadata(path).is_ok();
        return if is_there { Err(not_ours("it is not a folder".to_owned())) } else { Ok(()) };
    }
    let marked = fs::read(path.join(".zattrs")).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    if marked.is_none_or(|attributes| attributes.get(MARK).is_none()) {
        return Err(not_ours("it is not a SpatialData store that this program has written".to_owned()));
    }
    let unreadable = |error: io::Error| not_ours(format!("its content cannot be listed ({error})"));
    for name in names_in(path).map_err(unreadable)? {
        let elements = names_in(&path.join(&name)).map_err(unreadable)?;
        let known = [POINTS, SHAPES, TABLE];
        let is_group = known.iter().any(|element| element.split('/').next() == Some(&name));
        let foreign = elements.iter().find(|element| !known.contains(&format!("{name}/{element}").as_str()));
        match foreign {
            Some(element) => return Err(not_ours(format!("somebody has added '{name}/{element}'"))),
            None if !is_group => return Err(not_ours(format!("somebody has added '{name}'"))),
            None => {}
        }
    }
    Ok(())
}

/// Names in a folder, sorted, without the documents of the store; none for a file.
fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with(".z") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Attributes of points or shapes in the coordinates of the input.
fn element_attributes(kind: &str, axes: &[&str], format: Value) -> Attributes {
    let system = |name: &str| {
        let axes: Vec<Value> = axes.iter().map(|axis| json!({"name": axis, "type": "space", "unit": "unit"})).collect();
        json!({"name": name, "axes": axes})
    };
    attributes(json!({
        "encoding-type": kind,
        "axes": axes,
        "coordinateTransformations": [
            {"type": "identity", "input": system(&axes.concat()), "output": system("global")}
        ],
        "spatialdata_attrs": format,
    }))
}

/// The entry `pandas` of a Parquet file: which column is the index, and the types of all.
fn pandas_metadata(index: &str, columns: &[(String, PandasType)]) -> String {
    let columns: Vec<Value> = columns
        .iter()
        .map(|(name, dtype)| {
            let metadata = (dtype.pandas == "categorical").then(|| json!({"num_categories": 0, "ordered": false}));
            json!({
                "name": name, "field_name": name, "pandas_type": dtype.pandas, "numpy_type": dtype.numpy,
                "metadata": metadata,
            })
        })
        .collect();
    let entries: BTreeMap<&str, Value> = [
        ("index_columns", json!([index])),
        ("column_indexes", json!([])),
        ("columns", Value::from(columns)),
        ("creator", json!({"library": "baysor", "version": env!("CARGO_PKG_VERSION")})),
        ("pandas_version", json!("2.0.0")),
    ]
    .into();
    json!(entries).to_string()
}

/// A type as pandas writes it.
#[derive(Clone, Copy, Debug)]
struct PandasType {
    pandas: &'static str,
    numpy: &'static str,
}

#[cfg(test)]
mod tests;
