//! Boundaries of segments in: tables of vertices and GeoJSON.
