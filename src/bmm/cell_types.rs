//! What cells express by type: the base that the composition of a cell is drawn to.
//!
//! METHOD: a cell of type k has a composition with the Dirichlet prior α π_k. A molecule of gene g falls to a cell of n
//! molecules, n_g of them of this gene, with the probability (n_g + α π_kg) / (n + α). So a cell of few molecules is
//! judged by its type, a cell of many by itself, and two types of nearly the same profile do no harm. The molecule
//! itself does not count in n and n_g. Types start as the clusters of molecules, and may be split
//! ([`type_split`](super::type_split)); each cell takes the type that explains it best, and profiles follow the cells.
//!
//! DIFFERS: 0.7.1 has max(n_g, 1) / (n + 1), and a factor on cells whose dominant cluster is not the molecule's.

use rayon::prelude::*;

use super::components::Components;
use super::groups::Groups;
use super::params::Evidence;
use crate::data::{ComponentIdx, GeneIdx};
use crate::numeric::elementary::ln;
use crate::numeric::gamma::ln_gamma;

/// Weight of a profile in the composition of a cell (α), in molecules.
///
/// Chosen on simulated tissue, where 20 to 100 do alike; see `docs/accuracy.md`.
pub const PROFILE_WEIGHT: f64 = 50.0;
/// A little less than ln α, for a lower bound in spite of rounding.
const LOG_PROFILE_WEIGHT: f64 = 3.912;
/// Molecules of the whole slide that smooth a profile.
const SMOOTHING: f64 = 50.0;
/// Molecules per block of parallel counting.
const BLOCK: usize = 1 << 16;

/// Cells take new types in every one of the first iterations.
const ASSIGN_ALWAYS: usize = 20;
/// And then every so many.
const ASSIGN_EVERY: usize = 5;

/// Whether cells take new types in an iteration: profiles change little after the first ones.
pub fn is_time_to_assign(iteration: usize) -> bool {
    iteration <= ASSIGN_ALWAYS || iteration.is_multiple_of(ASSIGN_EVERY)
}

/// The profiles of the types.
#[derive(Clone, Debug, Default)]
pub struct CellTypes {
    n_genes: usize,
    /// α π. `[n_types, n_genes]`
    base: Vec<f32>,
    /// ln π. `[n_types, n_genes]`
    log_profile: Vec<f32>,
}

impl CellTypes {
    /// The clusters of the molecules as types; one type for all where molecules are not clustered.
    pub fn of_clusters(evidence: &Evidence<'_>) -> Self {
        let n_types = match evidence.clusters {
            Some(clusters) => clusters.par_iter().map(|cluster| cluster.idx() + 1).max().unwrap_or(1),
            None => 1,
        };
        let type_of = |molecule: usize| Some(evidence.clusters.map_or(0, |clusters| clusters[molecule].idx()));
        Self::of_counts(&count(evidence, n_types, type_of), evidence.molecules.n_genes)
    }

    /// Number of types.
    pub fn len(&self) -> usize {
        self.base.len() / self.n_genes.max(1)
    }

    /// True without types.
    pub fn is_empty(&self) -> bool {
        self.base.is_empty()
    }

    /// α π of a gene in a type.
    #[inline]
    pub fn base(&self, cell_type: u16, gene: GeneIdx) -> f64 {
        f64::from(self.base[usize::from(cell_type) * self.n_genes + gene.idx()])
    }

    /// ln of [`base`](Self::base), to single precision.
    #[inline]
    pub fn log_base(&self, cell_type: u16, gene: GeneIdx) -> f64 {
        LOG_PROFILE_WEIGHT + f64::from(self.log_profile[usize::from(cell_type) * self.n_genes + gene.idx()])
    }

    /// Gives every component with molecules the type that explains it best; of equal ones the first.
    pub fn assign(&self, components: &mut Components, groups: &Groups, genes: &[GeneIdx]) {
        components.list.par_iter_mut().enumerate().with_min_len(64).for_each(|(component, entry)| {
            let members = groups.members(component);
            if !members.is_empty() {
                entry.cell_type = self.best(members, genes);
            }
        });
    }

    /// Profiles of the cells as they are typed now; molecules outside of cells do not count.
    ///
    /// There are as many types as the last one of a living cell says.
    pub fn refit(&mut self, components: &Components, assignment: &[Option<ComponentIdx>], evidence: &Evidence<'_>) {
        let type_of =
            |molecule: usize| assignment[molecule].map(|component| usize::from(components.get(component).cell_type));
        let living = components.list.iter().filter(|component| component.n_molecules > 0);
        let n_types = living.map(|component| usize::from(component.cell_type) + 1).max().unwrap_or(1);
        *self = Self::of_counts(&count(evidence, n_types, type_of), self.n_genes);
    }

    /// ln of the marginal likelihood of the genes of one cell, of the type that explains them best.
    ///
    /// `counts` are genes that occur, with the number of molecules. Types have equal prior probabilities.
    pub fn log_evidence(&self, counts: &[(GeneIdx, u32)]) -> f64 {
        let n: u32 = counts.iter().map(|entry| entry.1).sum();
        let of_type = |cell_type: usize| -> f64 {
            counts
                .iter()
                .map(|&(gene, count)| {
                    let base = f64::from(self.base[cell_type * self.n_genes + gene.idx()]);
                    ln_gamma(f64::from(count) + base) - ln_gamma(base)
                })
                .sum()
        };
        let best = (0..self.len()).map(of_type).fold(f64::NEG_INFINITY, f64::max);
        best + ln_gamma(PROFILE_WEIGHT) - ln_gamma(f64::from(n) + PROFILE_WEIGHT) - ln(self.len().max(1) as f64)
    }

    /// The type that explains the genes of molecules best; of equal ones the first.
    pub fn best(&self, members: &[u32], genes: &[GeneIdx]) -> u16 {
        let mut best = (0, f64::NEG_INFINITY);
        for (cell_type, profile) in self.log_profile.chunks(self.n_genes.max(1)).enumerate() {
            let likelihood: f64 =
                members.iter().map(|&molecule| f64::from(profile[genes[molecule as usize].idx()])).sum();
            if likelihood > best.1 {
                best = (cell_type as u16, likelihood);
            }
        }
        best.0
    }

    /// Profiles of counts `[n_types, n_genes]`, smoothed by what the slide has on the whole.
    fn of_counts(counts: &[u32], n_genes: usize) -> Self {
        let mut overall = vec![0u64; n_genes];
        for row in counts.chunks(n_genes.max(1)) {
            overall.iter_mut().zip(row).for_each(|(sum, &count)| *sum += u64::from(count));
        }
        let n_all = overall.iter().sum::<u64>() as f64 + 0.5 * n_genes as f64;
        let mut types = Self { n_genes, base: Vec::new(), log_profile: Vec::new() };
        for row in counts.chunks(n_genes.max(1)) {
            let n: f64 = row.iter().map(|&count| f64::from(count)).sum();
            for (&count, &all) in row.iter().zip(&overall) {
                let share = (f64::from(count) + SMOOTHING * (all as f64 + 0.5) / n_all) / (n + SMOOTHING);
                types.base.push((PROFILE_WEIGHT * share) as f32);
                types.log_profile.push(ln(share) as f32);
            }
        }
        types
    }
}

/// Molecules by type and gene. `[n_types, n_genes]`
fn count(evidence: &Evidence<'_>, n_types: usize, type_of: impl Fn(usize) -> Option<usize> + Sync) -> Vec<u32> {
    let n_genes = evidence.molecules.n_genes;
    let genes = &evidence.molecules.genes;
    let blocks: Vec<Vec<u32>> = genes
        .par_chunks(BLOCK)
        .enumerate()
        .map(|(block, genes)| {
            let mut counts = vec![0u32; n_types * n_genes];
            for (local, gene) in genes.iter().enumerate() {
                if let Some(cell_type) = type_of(block * BLOCK + local) {
                    counts[cell_type * n_genes + gene.idx()] += 1;
                }
            }
            counts
        })
        .collect();
    let mut counts = vec![0u32; n_types * n_genes];
    for block in blocks {
        counts.iter_mut().zip(block).for_each(|(sum, count)| *sum += count);
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two types: gene 0 in one, gene 1 in the other, gene 2 in both; gene 3 nowhere.
    fn two_types() -> CellTypes {
        CellTypes::of_counts(&[900, 0, 100, 0, 0, 900, 100, 0], 4)
    }

    #[test]
    fn a_cell_takes_the_type_of_its_genes() {
        let types = two_types();
        let genes: Vec<GeneIdx> = [0, 2, 2, 1, 1].map(GeneIdx::new).to_vec();
        assert_eq!((types.len(), types.best(&[0, 1, 2], &genes), types.best(&[2, 3, 4], &genes)), (2, 0, 1));
        assert_eq!(types.best(&[1, 2], &genes), 0);
    }

    #[test]
    fn profiles_add_up_to_their_weight_and_every_gene_is_possible() {
        let types = two_types();
        let sum: f64 = (0..4).map(|gene| types.base(0, GeneIdx::new(gene))).sum();
        assert!((sum - PROFILE_WEIGHT).abs() < 1e-4);
        assert!(types.base(0, GeneIdx::new(3)) > 0.0);
        assert!(types.base(0, GeneIdx::new(0)) > 10.0 * types.base(0, GeneIdx::new(1)));
    }

    #[test]
    fn two_cells_of_one_type_are_as_likely_one_and_of_two_types_are_not() {
        let types = two_types();
        let cell = |a: u32, b: u32| types.log_evidence(&[(GeneIdx::new(0), a), (GeneIdx::new(1), b)]);
        assert!(cell(60, 0) > cell(30, 0) + cell(30, 0));
        assert!(cell(30, 30) < cell(30, 0) + cell(0, 30));
    }

    #[test]
    fn a_gene_more_multiplies_the_evidence_by_its_probability() {
        let types = CellTypes::of_counts(&[60, 40], 2);
        let before = types.log_evidence(&[(GeneIdx::new(0), 5), (GeneIdx::new(1), 2)]);
        let after = types.log_evidence(&[(GeneIdx::new(0), 6), (GeneIdx::new(1), 2)]);
        let expected = (5.0 + types.base(0, GeneIdx::new(0))) / (7.0 + PROFILE_WEIGHT);
        assert!((after - before - expected.ln()).abs() < 1e-8);
    }
}
