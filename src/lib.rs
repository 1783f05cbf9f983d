//! Baysor: cells from molecules of imaging-based spatial transcriptomics.

pub mod bmm;
pub mod cells;
pub mod cli;
pub mod clustering;
pub mod config;
pub mod data;
pub mod graph;
pub mod io;
pub mod noise;
pub mod numeric;
pub mod observe;
pub mod pipeline;
pub mod polygons;
pub mod prior;
pub mod spatial;
