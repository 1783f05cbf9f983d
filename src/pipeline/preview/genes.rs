//! Molecules per gene, real and noise.

use crate::clustering;
use crate::composition;
use crate::data::{GeneTable, Molecules};
use crate::graph::MoleculeGraph;
use crate::numeric::stats;
use crate::report::preview::{Gene, GeneFacts, RARE};

use super::controls;

/// From this confidence on a molecule counts as real.
const REAL: f32 = 0.5;
/// Names of rare genes at most.
const N_RARE_NAMES: usize = 100;

/// Counts the molecules of every gene.
///
/// `confidence` is that of `molecules`, in their order.
pub fn facts(molecules: &Molecules, confidence: &[f32], genes: &GeneTable) -> GeneFacts {
    let mut table: Vec<Gene> = genes
        .names()
        .iter()
        .map(|name| Gene {
            name: name.clone(),
            molecules: 0,
            real: 0,
            is_control: controls::is_control(name),
            place: None,
        })
        .collect();
    for (gene, &confidence) in molecules.genes.iter().zip(confidence) {
        let gene = &mut table[gene.idx()];
        gene.molecules += 1;
        gene.real += u64::from(confidence >= REAL);
    }
    let genuine = || table.iter().filter(|gene| !gene.is_control);
    let mut counts: Vec<f64> = genuine().map(|gene| gene.molecules as f64).collect();
    let rare = || genuine().filter(|gene| gene.molecules < RARE as u64);
    GeneFacts {
        median_molecules: if counts.is_empty() { 0.0 } else { stats::median(&mut counts) },
        n_rare: rare().count(),
        rare: rare().take(N_RARE_NAMES).map(|gene| gene.name.clone()).collect(),
        embedding: String::new(),
        table,
    }
}

/// Gives the genes places in the plane: those that are often neighbors in space are near one another.
pub fn arrange(facts: &mut GeneFacts, molecules: &Molecules, graph: &MoleculeGraph, confidence: &[f32], seed: u64) {
    let correlation = clustering::gene_correlation(&molecules.genes, molecules.n_genes, graph, confidence);
    match composition::gene_map(&correlation, seed) {
        Ok(places) => {
            for (gene, place) in facts.table.iter_mut().zip(places) {
                gene.place = Some(place.map(f64::from));
            }
            facts.embedding = "Genes that are often neighbors in space are near one another.".to_owned();
        }
        Err(reason) => facts.embedding = format!("There is no embedding of the genes: {reason}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{GeneIdx, Positions};

    #[test]
    fn molecules_are_counted_by_gene_and_confidence() {
        let genes = GeneTable::new(["b", "a", "BLANK_1"].map(str::to_owned).to_vec());
        let molecules = Molecules {
            ids: (0..4).collect(),
            positions: Positions { x: vec![0.0; 4], y: vec![0.0; 4], z: None },
            genes: [1, 1, 2, 0].map(GeneIdx::new).to_vec(),
            n_genes: 3,
        };
        let facts = facts(&molecules, &[0.5, 0.4, 0.9, 1.0], &genes);
        let told: Vec<_> = facts.table.iter().map(|gene| (&gene.name[..], gene.molecules, gene.real)).collect();
        assert_eq!(told, [("BLANK_1", 1, 1), ("a", 2, 1), ("b", 1, 1)]);
        assert_eq!((facts.median_molecules, facts.n_rare), (1.5, 2));
    }
}
