//! Per-cell statistics and counts.

mod counts;
mod rounding;
mod stats;

pub use counts::{CellCounts, count_genes};
pub use stats::{CellStats, StatColumn, StatValues, cell_stats};
