//! Genes: how many molecules, how many of them real, and which lie near which.

use super::super::document::{Block, Caption, Fact, Section};
use super::{Gene, Preview, charts, digits, grouped, percent};

/// Genes with names on the axis of the bars.
pub(super) const N_BARS: usize = 60;
/// Rows of the table of genes.
const N_ROWS: usize = 2000;

pub(super) fn section(preview: &Preview) -> Section {
    let mut section = Section::new("Gene_Structure", "Gene structure");
    let genes = &preview.genes;
    section.push(Block::Facts(vec![
        Fact::new("Median molecules per gene", digits(genes.median_molecules, 3), "controls left out"),
        Fact::new("Rare genes", grouped(genes.n_rare as u64), &format!("fewer than {} molecules", super::RARE)),
    ]));
    let shown =
        if genes.table.len() > N_BARS { format!("the {N_BARS} most frequent genes") } else { "all genes".into() };
    section.push(Block::Chart(
        charts::genes(preview),
        Caption::new(
            &format!("Molecules per gene, for {shown}: real ones (confidence of at least 0.5) and noise."),
            "noise is a small part of every bar.",
            "a gene that is mostly noise does not come from cells; a single gene with most molecules (hemoglobin, \
             mitochondrial RNA) hides the others, try --exclude-genes.",
        ),
    ));
    if genes.table.iter().any(|gene| gene.place.is_some()) {
        section.push(Block::Chart(
            charts::embedding(preview),
            Caption::new(
                "Genes that are often neighbors in space lie near one another; larger dots are more frequent genes. \
                 Scroll to zoom, drag to move, point at a dot for its numbers, type a name to find a gene.",
                "markers of one cell type lie together, apart from those of others.",
                "one round cloud without structure: genes are mixed at random, by noise or by a wrong gene column.",
            ),
        ));
    } else {
        section.push(Block::Text(genes.embedding.clone()));
    }
    if genes.table.len() > N_BARS {
        section.push(Block::Chart(
            charts::ranks(preview),
            Caption::new(
                "All genes from the most to the least frequent one; controls, if any, in another color.",
                "controls, if any, at the lower right, far below most genes.",
                "many genes among the controls: their molecules cannot be told from errors of the instrument.",
            ),
        ));
    }
    if !genes.rare.is_empty() {
        let more = if genes.n_rare > genes.rare.len() { ", …" } else { "" };
        section.push(Block::Text(format!("Rare genes: {}{more}", genes.rare.join(", "))));
    }
    section.push(table(preview));
    section
}

/// The genes in numbers, the most frequent ones first.
fn table(preview: &Preview) -> Block {
    let genes = by_frequency(&preview.genes.table);
    let row = |gene: &&Gene| {
        let noise = (gene.molecules - gene.real) as f64 / gene.molecules.max(1) as f64;
        let kind = if gene.is_control { "control" } else { "" };
        vec![gene.name.clone(), grouped(gene.molecules), grouped(gene.real), percent(noise), kind.to_owned()]
    };
    let title = if genes.len() > N_ROWS {
        format!("The {} most frequent of {} genes in numbers", grouped(N_ROWS as u64), grouped(genes.len() as u64))
    } else {
        "All genes in numbers".to_owned()
    };
    let head = ["Gene", "#Molecules", "#Real", "#Noise", "Kind"].map(str::to_owned).to_vec();
    Block::Details(title, vec![Block::Table { head, rows: genes.iter().take(N_ROWS).map(row).collect() }])
}

/// Genes with the most molecules first, by name if equal.
pub(super) fn by_frequency(genes: &[Gene]) -> Vec<&Gene> {
    let mut sorted: Vec<&Gene> = genes.iter().collect();
    sorted.sort_by(|a, b| b.molecules.cmp(&a.molecules).then_with(|| a.name.cmp(&b.name)));
    sorted
}
