//! Per-cell statistics and counts.

mod counts;
mod filter;
mod rounding;
mod stats;

pub use counts::{CellCounts, count_genes};
pub use filter::{CellFilter, FilteredCells, Statistic, filter_cells};
pub use stats::{CellStats, StatColumn, StatValues, cell_stats};
