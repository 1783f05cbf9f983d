//! Result files.

pub mod cell_stats;
pub mod loom;
pub mod tsv;
