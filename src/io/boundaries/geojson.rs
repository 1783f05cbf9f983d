//! Boundaries as GeoJSON.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Boundaries;
use super::coordinates::Coordinates;
use super::error::BoundaryError;
use super::features::Features;

/// Any object of GeoJSON. Members that do not matter are skipped.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Object {
    #[serde(rename = "type")]
    kind: Option<String>,
    features: Option<Vec<Object>>,
    geometries: Option<Vec<Object>>,
    geometry: Option<Box<Object>>,
    coordinates: Option<Coordinates>,
    id: Option<Name>,
    cell: Option<Name>,
    properties: Option<Properties>,
}

impl Object {
    fn is_collection(&self) -> bool {
        self.features.is_some() || self.geometries.is_some()
    }
}

/// Properties that may name a cell.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Properties {
    cell_id: Option<Name>,
    #[serde(rename = "cellID")]
    cell_id_of_cosmx: Option<Name>,
    #[serde(rename = "EntityID")]
    entity_id: Option<Name>,
    id: Option<Name>,
    name: Option<Name>,
    label: Option<Name>,
    label_id: Option<Name>,
    cell: Option<Name>,
}

/// What may name a cell, the best first. Features put their `id` first, geometries of this program `cell`.
const KEYS: [&str; 10] = [
    "id",
    "cell_id",
    "cellID",
    "EntityID",
    "the property id",
    "name",
    "label",
    "label_id",
    "the property cell",
    "cell",
];

impl Object {
    /// Its names, with their places among the keys.
    fn names(&self) -> Vec<(usize, String)> {
        let mut keyed = vec![(0, &self.id)];
        if let Some(properties) = &self.properties {
            let Properties { cell_id, cell_id_of_cosmx, entity_id, id, name, label, label_id, cell } = properties;
            keyed.extend((1..).zip([cell_id, cell_id_of_cosmx, entity_id, id, name, label, label_id, cell]));
        }
        keyed.push((KEYS.len() - 1, &self.cell));
        keyed.into_iter().filter_map(|(key, name)| Some((key, name.as_ref()?.text()?))).collect()
    }
}

/// A name, which may be a number.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Name {
    Text(String),
    Unsigned(u64),
    Signed(i64),
    Real(f64),
    Other(IgnoredAny),
}

impl Name {
    fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Self::Unsigned(number) => Some(number.to_string()),
            Self::Signed(number) => Some(number.to_string()),
            Self::Real(number) => Some(number.to_string()),
            Self::Other(_) => None,
        }
    }
}

/// Reads the text of a GeoJSON file.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Boundaries, BoundaryError> {
    let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    let damaged = |error: serde_json::Error| BoundaryError::Damaged { path: path.into(), detail: error.to_string() };
    let mut collected = Collected::default();
    if bytes.trim_ascii_start().starts_with(b"[") {
        let objects: Vec<Object> = serde_json::from_slice(bytes).map_err(damaged)?;
        let n_layers = objects.iter().filter(|object| object.is_collection()).count();
        if n_layers > 0 {
            return Err(BoundaryError::Layers { path: path.into(), n_layers });
        }
        objects.into_iter().for_each(|object| collected.take(object, false));
        return Ok(collected.finish());
    }
    let object: Object = serde_json::from_slice(bytes).map_err(damaged)?;
    if object.kind.is_none() && !object.is_collection() {
        let layers: Result<BTreeMap<String, Object>, _> = serde_json::from_slice(bytes);
        return Err(match layers {
            Ok(layers) if !layers.is_empty() && layers.values().all(Object::is_collection) => {
                BoundaryError::Layers { path: path.into(), n_layers: layers.len() }
            }
            _ => BoundaryError::WrongFormat {
                path: path.into(),
                reason: "the file is JSON without a 'type', not GeoJSON. Export a FeatureCollection of polygons".into(),
            },
        });
    }
    collected.take(object, false);
    Ok(collected.finish())
}

/// Polygons of all objects.
#[derive(Debug, Default)]
struct Collected {
    features: Features,
    n_other: usize,
}

impl Collected {
    /// Takes an object with all that is in it. `is_named`: what it is in has names, which are its own.
    fn take(&mut self, object: Object, is_named: bool) {
        // Names of a collection of features are not those of its members.
        let names = if object.features.is_some() { Vec::new() } else { object.names() };
        let is_one = !is_named && !names.is_empty();
        if is_one {
            self.features.begin(names);
        }
        let is_named = is_named || is_one;
        if object.is_collection() {
            for member in object.features.into_iter().flatten().chain(object.geometries.into_iter().flatten()) {
                self.take(member, is_named);
            }
        } else if let Some(geometry) = object.geometry {
            self.take(*geometry, is_named);
        } else if let (Some("Polygon" | "MultiPolygon"), Some(coordinates)) =
            (object.kind.as_deref(), &object.coordinates)
        {
            if !is_named {
                self.features.begin(Vec::new());
            }
            self.push(coordinates);
        } else {
            self.n_other += 1;
        }
    }

    fn push(&mut self, coordinates: &Coordinates) {
        let (mut ring, mut vertex) = (0, 0);
        for &part_end in &coordinates.part_ends {
            for &ring_end in &coordinates.ring_ends[ring..part_end] {
                coordinates.vertices[vertex..ring_end].iter().for_each(|&at| self.features.push_vertex(at));
                self.features.end_ring();
                vertex = ring_end;
            }
            ring = part_end;
            self.features.end_part();
        }
    }

    fn finish(self) -> Boundaries {
        let keys = KEYS.map(str::to_owned);
        Boundaries { n_ignored: self.n_other, ..self.features.finish(&keys).into() }
    }
}
