//! Result files.

pub mod geojson;
