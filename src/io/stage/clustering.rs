//! Iterations of the molecule clustering and of the compartments.

use std::io::{self, Write};
use std::path::Path;

use super::StageError;
use super::ipc::{SourceColumn, read_table, write_table};
use super::schema::CLUSTERING;
use crate::data::Change;

/// How the molecule clustering and the compartments went; empty for what was not done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusteringTable {
    /// Iterations of the molecule clustering.
    pub clusters: Vec<Change>,
    /// Iterations of the compartments.
    pub compartments: Vec<Change>,
}

const CLUSTERS: &str = "clusters";
const COMPARTMENTS: &str = "compartments";

impl ClusteringTable {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.clusters.len() + self.compartments.len()
    }

    /// Whether there was no iteration at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What a row is about, the number of its iteration, and the change.
    fn row(&self, row: usize) -> (&'static str, u32, Change) {
        match row.checked_sub(self.clusters.len()) {
            None => (CLUSTERS, row as u32 + 1, self.clusters[row]),
            Some(row) => (COMPARTMENTS, row as u32 + 1, self.compartments[row]),
        }
    }
}

/// Writes the iterations, those of the clusters first.
pub(super) fn write_clustering(out: impl Write, table: &ClusteringTable) -> io::Result<u32> {
    let columns: Vec<SourceColumn<'_>> = CLUSTERING
        .columns
        .iter()
        .map(|column| match column.name {
            "what" => SourceColumn::texts(column, |row| Some(table.row(row).0)),
            "iteration" => SourceColumn::numbers(column, |row| table.row(row).1),
            "max_change" => SourceColumn::numbers(column, |row| table.row(row).2.largest),
            _ => SourceColumn::numbers(column, |row| table.row(row).2.share),
        })
        .collect();
    write_table(out, &CLUSTERING, &columns, table.len())?;
    Ok(columns.len() as u32)
}

/// Reads the iterations.
pub(super) fn read_clustering(path: &Path, n_rows: u64) -> Result<ClusteringTable, StageError> {
    let mut table = ClusteringTable::default();
    read_table(path, &CLUSTERING, n_rows, |batch| {
        let (largest, share) = (batch.numbers::<f32>("max_change")?, batch.numbers::<f32>("share_changed")?);
        for (row, what) in batch.texts("what")?.values_iter().enumerate() {
            let change = Change { largest: largest[row], share: share[row] };
            match what {
                CLUSTERS => table.clusters.push(change),
                COMPARTMENTS => table.compartments.push(change),
                other => return Err(batch.damaged(format!("'{other}' is neither {CLUSTERS} nor {COMPARTMENTS}"))),
            }
        }
        Ok(())
    })?;
    Ok(table)
}
