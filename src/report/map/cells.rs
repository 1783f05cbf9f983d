//! What a map tells about cells: their statistics and their most frequent genes.

use serde_json::{Value, json};

use super::MapInput;
use super::blocks::{Block, push_number, push_signed};
use crate::cells::StatValues;
use crate::data::CellIdx;

/// Genes told for every cell, at most, and for so many cells that the page would become large.
const N_GENES: [usize; 2] = [12, 6];
/// With more cells than this, fewer genes are told.
const MANY_CELLS: usize = 100_000;

/// Statistics that the map knows: name in the tables, and in the page.
const LABELS: [(&str, &str); 8] = [
    ("n_transcripts", "Molecules"),
    ("area", "Area"),
    ("density", "Density"),
    ("elongation", "Elongation"),
    ("avg_confidence", "Mean confidence"),
    ("avg_assignment_confidence", "Mean assignment confidence"),
    ("max_cluster_frac", "Share of the main cluster"),
    ("lifespan", "Lifespan"),
];

/// The statistics of cells: their descriptions for the head of the page, and a block each.
pub(super) fn statistics(input: &MapInput<'_>) -> (Vec<Value>, Vec<Block>) {
    /// Names of blocks; one more than there are statistics.
    const BLOCKS: [&str; 9] = ["stat0", "stat1", "stat2", "stat3", "stat4", "stat5", "stat6", "stat7", "stat8"];
    let (mut described, mut blocks) = (Vec::new(), Vec::new());
    let columns = input.stats.columns();
    for (name, label) in LABELS {
        let Some(column) = columns.iter().find(|column| column.name == name) else { continue };
        let block = BLOCKS[blocks.len()];
        let values = match &column.values {
            StatValues::Real(values) => Block::reals(block, values),
            StatValues::Whole(values) => Block::reals(block, &values.iter().map(|&n| n as f64).collect::<Vec<_>>()),
            StatValues::Text(_) => continue,
        };
        described.push(json!({ "name": name, "label": label, "block": block, "unit": unit(name) }));
        blocks.push(values);
    }
    if let Some(n_segments) = input.prior.as_ref().and_then(|prior| prior.segments_of_cells) {
        let block = BLOCKS[blocks.len()];
        described.push(json!({ "name": "n_prior_segments", "label": "Prior segments", "block": block, "unit": "" }));
        blocks.push(Block::reals(block, &n_segments.iter().map(|&n| f64::from(n)).collect::<Vec<_>>()));
    }
    (described, blocks)
}

/// What stands behind a value; `units` are those of the coordinates.
fn unit(name: &str) -> &'static str {
    match name {
        "area" => "square units",
        "density" => "per square unit",
        "lifespan" => "iterations",
        _ => "",
    }
}

/// Centers, clusters and most frequent genes of cells.
pub(super) fn blocks(input: &MapInput<'_>) -> Vec<Block> {
    let stats = input.stats;
    let mut blocks = vec![Block::reals("cell-x", &stats.x), Block::reals("cell-y", &stats.y), genes(input)];
    if let Some(clusters) = &stats.cluster {
        let numbers: Vec<u32> = clusters.iter().map(|cluster| cluster.map_or(0, |cluster| cluster.number())).collect();
        blocks.push(Block::planes("cell-cluster", &numbers));
    }
    blocks
}

/// Of every cell: the number of its genes, how many of them follow, and each with its molecules, the most frequent
/// first.
fn genes(input: &MapInput<'_>) -> Block {
    let n_cells = input.stats.n_cells();
    let most = N_GENES[usize::from(n_cells > MANY_CELLS)];
    let (mut bytes, mut genes) = (Vec::new(), Vec::new());
    for cell in (0..n_cells).map(CellIdx::new) {
        genes.clear();
        genes.extend(input.counts.of(cell).map(|(gene, n)| (std::cmp::Reverse(n), gene)));
        genes.sort_unstable();
        let shown = &genes[..genes.len().min(most)];
        push_number(&mut bytes, genes.len() as u64);
        push_number(&mut bytes, shown.len() as u64);
        for &(n, gene) in shown {
            push_number(&mut bytes, gene.idx() as u64);
            push_number(&mut bytes, u64::from(n.0));
        }
    }
    Block { name: "cell-genes", bytes }
}

/// Cells of tiles: how many, then the difference of each number to the one before.
pub(super) fn dictionary(bytes: &mut Vec<u8>, cells: &[u32]) {
    push_number(bytes, cells.len() as u64);
    let mut before = 0;
    for &cell in cells {
        push_signed(bytes, i64::from(cell) - before);
        before = i64::from(cell);
    }
}
