//! Result files.

pub mod cell_stats;
pub mod compartment_genes;
pub mod geojson;
pub mod loom;
pub mod molecules;
pub mod ncvs;
pub mod overview;
mod quoted;
pub mod segments;
pub mod tsv;
pub mod xenium_ranger;
pub mod zarr;
