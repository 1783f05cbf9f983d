//! The user's own columns on their way from input to output.

use polars::prelude::{DataFrame, Series};

/// Where a column of the output comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputColumn {
    /// Written as `x`.
    X,
    /// Written as `y`.
    Y,
    /// Written as `z`.
    Z,
    /// Written as `gene`.
    Gene,
    /// A column of [`Carried::frame`], by its position there.
    Carried(usize),
}

/// Columns that the model does not see, and the order in which all are written.
#[derive(Clone, Debug, Default)]
pub struct Carried {
    /// Columns other than coordinates and gene, under the names of the output. `[n_molecules]` rows each, or no
    /// columns at all; of a table that was read without them, no rows.
    pub frame: DataFrame,
    /// Columns of the output, in the order of the input.
    pub layout: Vec<OutputColumn>,
    /// Whether x, y, z were 32-bit numbers in the file, so that their short form is written.
    pub f32_axes: [bool; 3],
}

impl Carried {
    /// Name of a column of the output.
    pub fn name(&self, column: OutputColumn) -> &str {
        match column {
            OutputColumn::X => "x",
            OutputColumn::Y => "y",
            OutputColumn::Z => "z",
            OutputColumn::Gene => "gene",
            OutputColumn::Carried(at) => self.frame.columns()[at].name().as_str(),
        }
    }

    /// Names, types and layout alone.
    pub fn without_rows(&self) -> Self {
        Self { frame: self.frame.clear(), layout: self.layout.clone(), f32_axes: self.f32_axes }
    }

    /// The values of a carried column.
    pub fn series(&self, at: usize) -> &Series {
        self.frame.columns()[at].as_materialized_series()
    }
}
