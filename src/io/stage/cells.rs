//! Tables of genes, cells and counts.

use std::io::{self, Write};
use std::path::Path;

use super::StageError;
use super::ipc::{SourceColumn, damaged, read_table, write_table};
use super::schema::{CELLS, COUNTS, Column, GENES};
use crate::cells::{CellCounts, CellStats};
use crate::data::{CellIdx, CellNames, ClusterIdx, GeneIdx, GeneTable};

/// Writes the gene table. `n_molecules`: molecules of every gene. `[n_genes]`
pub(super) fn write_genes(out: impl Write, genes: &GeneTable, n_molecules: &[u32]) -> io::Result<u32> {
    let columns: Vec<SourceColumn<'_>> = (GENES.columns.iter())
        .map(|column| match column.name {
            "gene" => SourceColumn::texts(column, |row| genes.names().get(row)),
            _ => SourceColumn::numbers(column, |row| n_molecules.get(row).copied().unwrap_or(0)),
        })
        .collect();
    write_table(out, &GENES, &columns, genes.len())?;
    Ok(columns.len() as u32)
}

/// Reads the gene table and the molecules of every gene.
pub(super) fn read_genes(path: &Path, n_rows: u64) -> Result<(GeneTable, Vec<u32>), StageError> {
    let (mut names, mut n_molecules) = (Vec::new(), Vec::new());
    read_table(path, &GENES, n_rows, |batch| {
        names.extend(batch.texts("gene")?.values_iter().map(str::to_owned));
        n_molecules.extend_from_slice(batch.numbers::<u32>("n_molecules")?);
        Ok(())
    })?;
    let genes = GeneTable::new(names.clone());
    if genes.names() != names { Err(damaged(path, "its genes are not sorted")) } else { Ok((genes, n_molecules)) }
}

/// Writes the cells.
pub(super) fn write_cells(out: impl Write, names: &CellNames, stats: &CellStats) -> io::Result<u32> {
    let columns = cell_columns(names, stats, 0);
    write_table(out, &CELLS, &columns, stats.n_cells())?;
    Ok(columns.len() as u32)
}

/// The columns of cells, the first of which is the cell `first` of all.
pub(super) fn cell_columns<'a>(names: &'a CellNames, stats: &'a CellStats, first: usize) -> Vec<SourceColumn<'a>> {
    let source = |column: &Column| {
        Some(match column.name {
            "cell" => SourceColumn::numbers(column, move |row| (first + row) as u32 + 1),
            "name" => SourceColumn::texts(column, move |row| Some(names.name(CellIdx::new(first + row)))),
            "cluster" => {
                let clusters = stats.cluster.as_ref()?;
                SourceColumn::some_numbers(column, move |row| clusters[row].map(ClusterIdx::number))
            }
            "n_transcripts" => SourceColumn::numbers(column, move |row| stats.n_transcripts[row]),
            "lifespan" => {
                let lifespans = stats.lifespan.as_ref()?;
                SourceColumn::numbers(column, move |row| lifespans[row])
            }
            "n_nuclei" => {
                let n_nuclei = stats.n_nuclei.as_ref()?;
                SourceColumn::numbers(column, move |row| n_nuclei[row])
            }
            "prior_segment" => {
                let labels = stats.prior_segment.as_ref()?;
                SourceColumn::texts(column, move |row| labels[row].as_deref())
            }
            name => {
                let values = reals(stats, name)?;
                SourceColumn::numbers(column, move |row| values[row])
            }
        })
    };
    CELLS.columns.iter().filter_map(source).collect()
}

fn reals<'a>(stats: &'a CellStats, name: &str) -> Option<&'a Vec<f64>> {
    match name {
        "x" => Some(&stats.x),
        "y" => Some(&stats.y),
        "z" => stats.z.as_ref(),
        "density" => Some(&stats.density),
        "elongation" => Some(&stats.elongation),
        "area" => Some(&stats.area),
        "avg_confidence" => Some(&stats.avg_confidence),
        "avg_assignment_confidence" => stats.avg_assignment_confidence.as_ref(),
        "max_cluster_frac" => stats.max_cluster_frac.as_ref(),
        _ => None,
    }
}

/// Reads the cells and their names.
pub(super) fn read_cells(path: &Path, n_rows: u64) -> Result<(Vec<String>, CellStats), StageError> {
    let (mut names, mut stats) = (Vec::new(), CellStats::default());
    read_table(path, &CELLS, n_rows, |batch| {
        let numbers = batch.numbers::<u32>("cell")?;
        if !numbers.iter().zip(names.len() as u32 + 1..).all(|(&number, expected)| number == expected) {
            return Err(batch.damaged("its cells are not numbered 1, 2, …"));
        }
        names.extend(batch.texts("name")?.values_iter().map(str::to_owned));
        stats.x.extend_from_slice(batch.numbers("x")?);
        stats.y.extend_from_slice(batch.numbers("y")?);
        stats.n_transcripts.extend_from_slice(batch.numbers("n_transcripts")?);
        stats.density.extend_from_slice(batch.numbers("density")?);
        stats.elongation.extend_from_slice(batch.numbers("elongation")?);
        stats.area.extend_from_slice(batch.numbers("area")?);
        stats.avg_confidence.extend_from_slice(batch.numbers("avg_confidence")?);
        for (name, values) in [
            ("z", &mut stats.z),
            ("avg_assignment_confidence", &mut stats.avg_assignment_confidence),
            ("max_cluster_frac", &mut stats.max_cluster_frac),
        ] {
            if batch.has(name) {
                values.get_or_insert_with(Vec::new).extend_from_slice(batch.numbers(name)?);
            }
        }
        if batch.has("cluster") {
            let clusters = batch.some_numbers::<u32>("cluster")?.iter();
            let clusters = clusters.map(|number| number.and_then(|&number| ClusterIdx::from_number(number)));
            stats.cluster.get_or_insert_with(Vec::new).extend(clusters);
        }
        if batch.has("lifespan") {
            stats.lifespan.get_or_insert_with(Vec::new).extend_from_slice(batch.numbers("lifespan")?);
        }
        if batch.has("n_nuclei") {
            stats.n_nuclei.get_or_insert_with(Vec::new).extend_from_slice(batch.numbers("n_nuclei")?);
        }
        if batch.has("prior_segment") {
            let labels = batch.texts("prior_segment")?.iter().map(|label| label.map(str::to_owned));
            stats.prior_segment.get_or_insert_with(Vec::new).extend(labels);
        }
        Ok(())
    })?;
    Ok((names, stats))
}

/// Writes the counts, cell by cell.
pub(super) fn write_counts(out: impl Write, genes: &GeneTable, counts: &CellCounts) -> io::Result<u32> {
    let columns = count_columns(genes, counts, 0);
    write_table(out, &COUNTS, &columns, counts.n.len())?;
    Ok(columns.len() as u32)
}

/// The columns of counts, whose first cell is the cell `first` of all.
pub(super) fn count_columns<'a>(genes: &'a GeneTable, counts: &'a CellCounts, first: usize) -> Vec<SourceColumn<'a>> {
    let cell_of = move |entry: usize| {
        let cell = counts.offsets.partition_point(|&begin| begin as usize <= entry);
        (first + cell) as u32
    };
    let source = |column: &Column| match column.name {
        "cell" => SourceColumn::numbers(column, cell_of),
        "gene" => SourceColumn::categories(column, genes.names(), move |entry| counts.genes[entry].idx()),
        _ => SourceColumn::numbers(column, move |entry| counts.n[entry]),
    };
    COUNTS.columns.iter().map(source).collect()
}

/// Reads the counts of `n_cells` cells.
pub(super) fn read_counts(path: &Path, n_rows: u64, n_cells: usize, n_genes: usize) -> Result<CellCounts, StageError> {
    let mut counts = CellCounts { n_genes, offsets: vec![0], ..CellCounts::default() };
    read_table(path, &COUNTS, n_rows, |batch| {
        let (codes, _) = batch.categories("gene")?;
        for (&cell, &code) in batch.numbers::<u32>("cell")?.iter().zip(codes) {
            let cell = cell as usize;
            if cell < counts.offsets.len() || cell > n_cells || code as usize >= n_genes {
                return Err(batch.damaged(format!("an entry of cell {cell} is not where it should be")));
            }
            counts.offsets.resize(cell, counts.genes.len() as u32);
            counts.genes.push(GeneIdx::new(code as usize));
        }
        counts.n.extend_from_slice(batch.numbers("n")?);
        Ok(())
    })?;
    let n_entries = counts.genes.len() as u32;
    counts.offsets.resize(n_cells + 1, n_entries);
    Ok(counts)
}
