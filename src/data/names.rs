//! Names of cells in files.

use super::CellIdx;

/// Names cells `C<run id>-<number>`, with the number of the cell counted from 1.
///
/// KEEPS: the naming of Baysor 0.7.1. Readers split the name at its only dash, so the prefix
/// holds none, and it starts with a letter, so that no reader takes a name for a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellNames {
    prefix: String,
}

impl CellNames {
    /// Names for the run `run_id` (letters and digits).
    pub fn new(run_id: &str) -> Self {
        Self { prefix: format!("C{run_id}-") }
    }

    /// Name of a cell.
    pub fn name(&self, cell: CellIdx) -> String {
        format!("{}{}", self.prefix, cell.number())
    }

    /// What stands before the number: `C<run id>-`.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_has_one_dash_and_a_number() {
        assert_eq!(CellNames::new("R671c70508").name(CellIdx::new(11)), "CR671c70508-12");
    }
}
