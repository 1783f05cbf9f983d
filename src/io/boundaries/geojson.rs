//! Boundaries as GeoJSON.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Boundaries;
use super::coordinates::Coordinates;
use super::error::BoundaryError;
use crate::prior::{PolygonsBuilder, SegmentLabels};

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

impl Properties {
    fn name(&self) -> Option<String> {
        let names = [
            &self.cell_id,
            &self.cell_id_of_cosmx,
            &self.entity_id,
            &self.id,
            &self.name,
            &self.label,
            &self.label_id,
            &self.cell,
        ];
        names.into_iter().flatten().find_map(Name::text)
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
        objects.into_iter().for_each(|object| collected.take(object, None));
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
    collected.take(object, None);
    Ok(collected.finish())
}

/// Polygons of all objects.
#[derive(Debug, Default)]
struct Collected {
    builder: PolygonsBuilder,
    names: Vec<String>,
    segment_of: HashMap<String, u32>,
    n_other: usize,
    n_unnamed: usize,
}

impl Collected {
    /// Takes an object with all that is in it. `name` is that of the feature around it.
    fn take(&mut self, object: Object, name: Option<&str>) {
        let own = object.id.as_ref().and_then(Name::text);
        let own = own.or_else(|| object.properties.as_ref().and_then(Properties::name));
        let own = own.or_else(|| object.cell.as_ref().and_then(Name::text));
        let name = own.as_deref().or(name);
        if object.is_collection() {
            for member in object.features.into_iter().flatten().chain(object.geometries.into_iter().flatten()) {
                self.take(member, name);
            }
        } else if let Some(geometry) = object.geometry {
            self.take(*geometry, name);
        } else if let (Some("Polygon" | "MultiPolygon"), Some(coordinates)) =
            (object.kind.as_deref(), &object.coordinates)
        {
            self.push(coordinates, name);
        } else {
            self.n_other += 1;
        }
    }

    fn push(&mut self, coordinates: &Coordinates, name: Option<&str>) {
        let segment = match name {
            Some(name) => self.segment(name.to_string()),
            None => {
                self.n_unnamed += 1;
                self.segment(self.n_unnamed.to_string())
            }
        };
        let (mut ring, mut vertex) = (0, 0);
        for &part_end in &coordinates.part_ends {
            for &ring_end in &coordinates.ring_ends[ring..part_end] {
                coordinates.vertices[vertex..ring_end].iter().for_each(|&at| self.builder.push_vertex(at));
                self.builder.end_ring();
                vertex = ring_end;
            }
            ring = part_end;
            self.builder.end_part(segment);
        }
    }

    fn segment(&mut self, name: String) -> u32 {
        let next = self.names.len() as u32;
        *self.segment_of.entry(name).or_insert_with_key(|name| {
            self.names.push(name.clone());
            next
        })
    }

    fn finish(self) -> Boundaries {
        let (polygons, n_short_rings) = self.builder.finish(SegmentLabels::Texts(self.names));
        Boundaries { polygons, n_short_rings, n_ignored: self.n_other, n_unnamed: self.n_unnamed }
    }
}
