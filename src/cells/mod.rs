//! Per-cell statistics and counts, how like its neighbors a cell is, how cells and prior segments agree, how many nuclei
//! a cell has, and which cells of overlapping tiles are the same.

mod agreement;
mod counts;
mod filter;
mod likeness;
mod nuclei;
mod rounding;
pub mod seams;
mod stats;

pub use agreement::{Agreement, Fate, SegmentFate};
pub use counts::{CellCounts, count_genes};
pub use filter::{CellFilter, FilteredCells, Statistic, filter_cells};
pub use likeness::Likeness;
pub use nuclei::{Nuclei, NucleusCounts, NucleusTally};
pub use stats::{CellStats, StatColumn, StatValues, cell_stats};
