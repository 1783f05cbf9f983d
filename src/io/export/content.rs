//! What the writers of export formats get.

use super::molecules::MoleculeResults;
use crate::cells::{CellCounts, CellStats};
use crate::data::{CellNames, GeneTable};
use crate::io::molecules::MoleculeTable;
use crate::io::stage::StagePolygons;

/// The result of a run, after the filters of cells. Cells are numbered densely here; their names say more.
#[derive(Clone, Copy, Debug)]
pub struct ExportContent<'a> {
    /// Molecules with the other columns of the user.
    pub table: &'a MoleculeTable,
    /// What was found about them.
    pub molecules: &'a MoleculeResults<'a>,
    /// Names of the cells.
    pub names: &'a CellNames,
    /// Statistics of the cells.
    pub stats: &'a CellStats,
    /// Counts of genes in cells.
    pub counts: &'a CellCounts,
    /// The same for nuclei and cytoplasm, if these are known.
    pub parts: Option<&'a PartCounts>,
    /// Boundaries; empty if no format needs them.
    pub polygons: &'a StagePolygons,
    /// What is written, how it was made, and which cells were left out, as JSON: the content of the export record.
    pub record: &'a serde_json::Value,
}

impl ExportContent<'_> {
    /// The genes.
    pub fn genes(&self) -> &GeneTable {
        &self.table.genes
    }

    /// How the result was made and what was left out: texts by name, some of which are JSON.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let run = &self.record["run"];
        let plain = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let mut facts = vec![
            ("version", plain(&self.record["program_version"])),
            ("run_id", plain(&run["run_id"])),
            ("parameters", run["parameters"].to_string()),
            ("export", self.record.to_string()),
        ];
        facts.extend(self.parts.map(|parts| ("nuclear_layers", parts.source.clone())));
        facts
    }

    /// Number of cells.
    pub fn n_cells(&self) -> usize {
        self.stats.n_cells()
    }
}

/// Counts of the parts of cells.
#[derive(Clone, Debug)]
pub struct PartCounts {
    /// Molecules in nuclei.
    pub nuclear: CellCounts,
    /// Molecules in the cytoplasm.
    pub cytoplasmic: CellCounts,
    /// Where it is known from, in a sentence.
    pub source: String,
}
