//! Result files.

pub mod cell_stats;
pub mod compartment_genes;
pub mod content;
pub mod geojson;
pub mod h5ad;
mod hdf5;
pub mod loom;
pub mod molecules;
pub mod ncvs;
pub mod overview;
pub mod parquet;
mod quoted;
pub mod segments;
pub mod spatialdata;
pub mod tenx;
pub mod tsv;
pub mod vpt;
pub mod xenium_ranger;
pub mod zarr;

pub use hdf5::Hdf5Error;
