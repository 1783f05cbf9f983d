//! Cell boundaries from the molecules of cells.
