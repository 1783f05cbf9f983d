//! Tables as Parquet: molecules, cells, counts, and boundaries in the two forms that others read.

mod boundaries;
mod file;
mod tables;

pub use boundaries::{geo_metadata, write_layers, write_polygons, write_vertices};
pub use file::{ParquetColumn, ROWS, write_rows, write_table};
pub(super) use tables::molecule_column;
pub use tables::{cell_columns, molecule_columns, push_name, write_cells, write_counts, write_molecules};
