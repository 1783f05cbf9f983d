//! Names of cells in files.

use super::CellIdx;

/// Names cells `C<run id>-<number>`, with the number of the cell counted from 1.
///
/// KEEPS: the naming of Baysor 0.7.1. Readers split the name at its only dash, so the prefix
/// holds none, and it starts with a letter, so that no reader takes a name for a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellNames {
    prefix: String,
    /// Numbers of the cells, if they are not 1, 2, …. `[n_cells]`
    numbers: Option<Vec<u32>>,
}

impl CellNames {
    /// Names for the run `run_id` (letters and digits).
    pub fn new(run_id: &str) -> Self {
        Self { prefix: format!("C{run_id}-"), numbers: None }
    }

    /// The names that some of the cells keep when the others are left out: the cell at the place `i` of those that
    /// stay is called as the cell `kept[i]` was.
    pub fn of_kept(&self, kept: &[CellIdx]) -> Self {
        let numbers = kept.iter().map(|&cell| self.number(cell)).collect();
        Self { prefix: self.prefix.clone(), numbers: Some(numbers) }
    }

    /// The number in the name of a cell.
    pub fn number(&self, cell: CellIdx) -> u32 {
        self.numbers.as_ref().and_then(|numbers| numbers.get(cell.idx()).copied()).unwrap_or(cell.number())
    }

    /// Name of a cell.
    pub fn name(&self, cell: CellIdx) -> String {
        format!("{}{}", self.prefix, self.number(cell))
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

    #[test]
    fn cells_that_stay_keep_their_names() {
        let kept = [2, 7].map(CellIdx::new);
        let names = CellNames::new("R1").of_kept(&kept);
        assert_eq!(names.name(CellIdx::new(1)), "CR1-8");
        assert_eq!(names.of_kept(&[CellIdx::new(1)]).name(CellIdx::new(0)), "CR1-8");
    }
}
