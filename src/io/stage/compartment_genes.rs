//! Genes ranked by their preference for a compartment.

use std::io::{self, Write};
use std::path::Path;

use super::StageError;
use super::ipc::{SourceColumn, read_table, write_table};
use super::schema::{COMPARTMENT_GENES, Column};
use crate::compartments::genes::{Call, GeneRank};
use crate::data::{GeneIdx, GeneTable};

/// Writes the ranking, in its order.
pub(super) fn write_ranking(out: impl Write, ranking: &[GeneRank], genes: &GeneTable) -> io::Result<u32> {
    let source = |column: &Column| match column.name {
        "gene" => SourceColumn::categories(column, genes.names(), |row| ranking[row].gene.idx()),
        "n_molecules" => SourceColumn::numbers(column, |row| ranking[row].n_molecules),
        "n_nuclei" => SourceColumn::numbers(column, |row| ranking[row].n_nuclei),
        "share_inside" => SourceColumn::numbers(column, |row| ranking[row].share_inside),
        "expected_share" => SourceColumn::numbers(column, |row| ranking[row].expected_share),
        "log2_odds_ratio" => SourceColumn::numbers(column, |row| ranking[row].effect),
        "p" => SourceColumn::numbers(column, |row| ranking[row].p),
        "q" => SourceColumn::numbers(column, |row| ranking[row].q),
        _ => SourceColumn::texts(column, |row| Some(ranking[row].call.label())),
    };
    let columns: Vec<SourceColumn<'_>> = COMPARTMENT_GENES.columns.iter().map(source).collect();
    write_table(out, &COMPARTMENT_GENES, &columns, ranking.len())?;
    Ok(columns.len() as u32)
}

/// Reads the ranking.
pub(super) fn read_ranking(path: &Path, n_rows: u64) -> Result<Vec<GeneRank>, StageError> {
    let mut ranking = Vec::new();
    read_table(path, &COMPARTMENT_GENES, n_rows, |batch| {
        let (genes, _) = batch.categories("gene")?;
        let (n_molecules, n_nuclei) = (batch.numbers::<u32>("n_molecules")?, batch.numbers::<u32>("n_nuclei")?);
        let reals = |name| batch.numbers::<f64>(name);
        let (inside, expected, effect) = (reals("share_inside")?, reals("expected_share")?, reals("log2_odds_ratio")?);
        let (p, q) = (reals("p")?, reals("q")?);
        for (row, label) in batch.texts("call")?.values_iter().enumerate() {
            let call = [Call::Nuclear, Call::Cytoplasmic, Call::None].into_iter().find(|call| call.label() == label);
            ranking.push(GeneRank {
                gene: GeneIdx::new(genes[row] as usize),
                n_molecules: n_molecules[row],
                n_nuclei: n_nuclei[row],
                share_inside: inside[row],
                expected_share: expected[row],
                effect: effect[row],
                p: p[row],
                q: q[row],
                call: call.ok_or_else(|| batch.damaged(format!("'{label}' is not a call")))?,
            });
        }
        Ok(())
    })?;
    Ok(ranking)
}
