//! Genes that stay in one compartment, found in the data with the help of known nuclei.
//!
//! Every nucleus is compared with its own ring: the molecules outside all nuclei that are nearer to
//! it than to any other one, up to a limit. Large nuclei, dense places and cell types that express
//! much therefore do not matter, and the uncertainty comes from the number of nuclei, not from the
//! number of molecules.

use rayon::prelude::*;

use super::{MIN_MARKER_SHARE, Markers};
use crate::data::{GeneIdx, GeneTable, Molecules, SegmentIdx};
use crate::graph::{MoleculeGraph, connected};
use crate::numeric::elementary::{exp, ln};
use crate::spatial::kdtree::KdTree;

/// The ring around a nucleus is this wide, in scales.
///
/// METHOD: half a cell radius, what is left of a cell whose nucleus has half its radius. From 0.25
/// to 1 effects of simulated genes correlate alike with the truth.
pub const RING_WIDTH: f64 = 0.5;

/// How strict the selection of genes is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Selection {
    /// Smallest effect, in either direction: log2 of the odds ratio.
    pub min_effect: f64,
    /// Largest share of false discoveries.
    pub max_q: f64,
    /// Fewest molecules of a gene in nuclei and rings.
    pub min_molecules: u32,
    /// Fewest nuclei that say something about a gene.
    pub min_nuclei: u32,
}

impl Default for Selection {
    /// Odds of nearly 3 to 1 (log2: 1.5) at a false discovery rate of 0.01, from 30 molecules and 20 nuclei.
    ///
    /// METHOD: molecules of a chosen gene count as nuclear, or not, for certain. At an observed odds
    /// ratio of 3 about one molecule in four is on the wrong side (part of it because nuclei are
    /// drawn imperfectly), which the neighbors of a molecule can outvote. Genes with a mild
    /// preference (true odds of 3, observed about 2) would mislead and stay below.
    fn default() -> Self {
        Self { min_effect: 1.5, max_q: 0.01, min_molecules: 30, min_nuclei: 20 }
    }
}

/// What is chosen for a gene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// It stays in nuclei.
    Nuclear,
    /// It stays outside nuclei.
    Cytoplasmic,
    /// Neither, or too little is known.
    None,
}

impl Call {
    /// The name in files.
    pub fn label(self) -> &'static str {
        match self {
            Self::Nuclear => "nuclear",
            Self::Cytoplasmic => "cytoplasmic",
            Self::None => "none",
        }
    }
}

/// One line of the table of genes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeneRank {
    /// The gene.
    pub gene: GeneIdx,
    /// Its molecules in nuclei and rings.
    pub n_molecules: u32,
    /// Nuclei that say something about it: with the gene inside or in the ring, and others opposite.
    pub n_nuclei: u32,
    /// Share of its molecules that are inside nuclei.
    pub share_inside: f64,
    /// The same share if the gene were spread as the other molecules around each nucleus.
    pub expected_share: f64,
    /// log2 of the odds ratio "inside : ring, this gene : other genes", pooled over nuclei; positive
    /// for nuclear genes.
    pub effect: f64,
    /// Probability of so large an effect in either direction without a preference.
    pub p: f64,
    /// Smallest false discovery rate at which the gene would be found.
    pub q: f64,
    /// What is chosen.
    pub call: Call,
}

/// Genes ranked by compartment.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// All genes of the data, from the most nuclear to the most cytoplasmic; of equal effect by index.
    pub genes: Vec<GeneRank>,
    /// Nuclei with molecules inside and in their ring.
    pub n_nuclei: usize,
    /// Molecules inside them.
    pub n_inside: usize,
    /// Molecules in their rings.
    pub n_ring: usize,
}

impl Ranking {
    /// The chosen genes; `None` unless there are some of both kinds, and they hold at least
    /// [`MIN_MARKER_SHARE`] of the molecules in nuclei and rings.
    pub fn markers(&self) -> Option<Markers> {
        let chosen = |call| self.genes.iter().filter(|gene| gene.call == call).map(|gene| gene.gene).collect();
        let (nuclear, cytoplasmic): (Vec<_>, Vec<_>) = (chosen(Call::Nuclear), chosen(Call::Cytoplasmic));
        let are_enough = !nuclear.is_empty() && !cytoplasmic.is_empty() && self.chosen_share() >= MIN_MARKER_SHARE;
        are_enough.then(|| Markers::new(nuclear, cytoplasmic))
    }

    /// Share of the molecules in nuclei and rings that are of chosen genes.
    pub fn chosen_share(&self) -> f64 {
        let chosen = self.genes.iter().filter(|gene| gene.call != Call::None);
        let n_chosen: u64 = chosen.map(|gene| u64::from(gene.n_molecules)).sum();
        n_chosen as f64 / (self.n_inside + self.n_ring).max(1) as f64
    }

    /// What was found, in a sentence for the user.
    pub fn summary(&self, names: &GeneTable) -> String {
        let list = |call| {
            let chosen: Vec<&str> =
                self.genes.iter().filter(|gene| gene.call == call).map(|gene| names.name(gene.gene)).collect();
            match chosen.len() {
                0 => "none".to_owned(),
                n if n > 10 => format!("{n} genes"),
                _ => chosen.join(", "),
            }
        };
        let found = format!(
            "Genes of compartments by {} nuclei ({} molecules inside, {} around): nuclear: {}; cytoplasmic: {}; \
             {:.0} % of these molecules",
            self.n_nuclei,
            self.n_inside,
            self.n_ring,
            list(Call::Nuclear),
            list(Call::Cytoplasmic),
            100.0 * self.chosen_share()
        );
        match self.markers() {
            Some(_) => found,
            None => format!(
                "{found}. Genes of both kinds with {:.0} % of the molecules are needed, so compartments are not used",
                100.0 * MIN_MARKER_SHARE
            ),
        }
    }
}

/// Ranks genes by their preference for nuclei.
///
/// Shapes: `nucleus_of` is `[n_molecules]`, `None` outside nuclei; `ring_width` is in input units
/// (see [`RING_WIDTH`]). Draws nothing; the same result for any number of threads.
///
/// For nucleus k let a and b be the molecules of a gene inside and in the ring, A and B those of all
/// other genes, T = a + b + A + B. The odds ratio over all nuclei is Σ aB/T : Σ bA/T (Mantel and
/// Haenszel, 1959). The test takes each nucleus' difference aB/T - bA/T as one observation:
/// z = Σ d / √Σ d², so that molecules of one nucleus may depend on each other. False discovery
/// rates by Benjamini and Hochberg over the genes tested, those with molecules and nuclei enough.
pub fn rank(
    molecules: &Molecules,
    nucleus_of: &[Option<SegmentIdx>],
    ring_width: f64,
    selection: &Selection,
) -> Ranking {
    let strata = Strata::new(molecules, nucleus_of, ring_width);
    let mut pooled = vec![Pooled::default(); molecules.n_genes];
    strata.pool(molecules, &mut pooled);
    let mut genes: Vec<GeneRank> = pooled.iter().enumerate().map(|(gene, pooled)| pooled.rank(gene)).collect();
    let is_tested =
        |gene: &GeneRank| gene.n_molecules >= selection.min_molecules && gene.n_nuclei >= selection.min_nuclei;
    set_false_discovery_rates(&mut genes, is_tested);
    for gene in &mut genes {
        gene.call = match gene.effect {
            _ if !is_tested(gene) || gene.q > selection.max_q => Call::None,
            effect if effect >= selection.min_effect => Call::Nuclear,
            effect if effect <= -selection.min_effect => Call::Cytoplasmic,
            _ => Call::None,
        };
    }
    genes.sort_by(|a, b| b.effect.total_cmp(&a.effect).then(a.gene.cmp(&b.gene)));
    Ranking { genes, n_nuclei: strata.n_used, n_inside: strata.n_inside, n_ring: strata.n_ring }
}

/// Nuclei from a flag per molecule, where a stain tells inside from outside but not which nucleus:
/// connected molecules with the flag. `graph` should be free of long edges.
///
/// Nuclei that touch become one, which makes the test of [`rank`] a little more careful.
pub fn nuclei_from_flags(is_inside: &[bool], graph: &MoleculeGraph) -> Vec<Option<SegmentIdx>> {
    let (part_of, _) = connected::parts(graph, |molecule| is_inside[molecule]);
    part_of.iter().map(|part| part.map(|part| SegmentIdx::new(part as usize))).collect()
}

/// Nuclei with their rings.
struct Strata {
    /// Molecules by nucleus, those of one nucleus together and by gene: nucleus, gene, inside.
    members: Vec<(u32, u32, bool)>,
    n_used: usize,
    n_inside: usize,
    n_ring: usize,
}

impl Strata {
    fn new(molecules: &Molecules, nucleus_of: &[Option<SegmentIdx>], ring_width: f64) -> Self {
        let inside: Vec<u32> =
            (0..molecules.len() as u32).filter(|&molecule| nucleus_of[molecule as usize].is_some()).collect();
        let tree = KdTree::new(&molecules.positions, Some(&inside));
        let limit2 = ring_width * ring_width;
        let mut members: Vec<(u32, u32, bool)> = (0..molecules.len())
            .into_par_iter()
            .with_min_len(256)
            .map_init(Vec::new, |found, molecule| {
                let gene = molecules.genes[molecule].idx() as u32;
                if let Some(nucleus) = nucleus_of[molecule] {
                    return Some((nucleus.number(), gene, true));
                }
                tree.nearest(molecules.positions.at(molecule), 1, found);
                let nearest = found.first().filter(|nearest| nearest.distance2 <= limit2)?;
                Some((nucleus_of[nearest.point as usize]?.number(), gene, false))
            })
            .flatten_iter()
            .collect();
        members.par_sort_unstable();
        let mut strata = Self { members: Vec::with_capacity(members.len()), n_used: 0, n_inside: 0, n_ring: 0 };
        for nucleus in members.chunk_by(|a, b| a.0 == b.0) {
            let n_inside = nucleus.iter().filter(|member| member.2).count();
            // A nucleus without a ring, or the reverse, compares nothing.
            if n_inside > 0 && n_inside < nucleus.len() {
                strata.members.extend_from_slice(nucleus);
                strata.n_used += 1;
                strata.n_inside += n_inside;
                strata.n_ring += nucleus.len() - n_inside;
            }
        }
        strata
    }

    /// Adds all nuclei, in order, to the sums of the genes that they hold.
    fn pool(&self, molecules: &Molecules, pooled: &mut [Pooled]) {
        debug_assert_eq!(pooled.len(), molecules.n_genes);
        for nucleus in self.members.chunk_by(|a, b| a.0 == b.0) {
            let n = nucleus.len() as f64;
            let all_inside = nucleus.iter().filter(|member| member.2).count() as f64;
            for gene in nucleus.chunk_by(|a, b| a.1 == b.1) {
                let inside = gene.iter().filter(|member| member.2).count() as f64;
                let ring = gene.len() as f64 - inside;
                let (others_inside, others_ring) = (all_inside - inside, n - all_inside - ring);
                pooled[gene[0].1 as usize].add(inside, ring, others_inside, others_ring);
            }
        }
    }
}

/// Sums over nuclei for one gene.
#[derive(Clone, Copy, Debug, Default)]
struct Pooled {
    inside: f64,
    total: f64,
    expected: f64,
    for_nucleus: f64,
    for_ring: f64,
    squares: f64,
    n_nuclei: u32,
}

impl Pooled {
    fn add(&mut self, inside: f64, ring: f64, others_inside: f64, others_ring: f64) {
        let n = inside + ring + others_inside + others_ring;
        self.inside += inside;
        self.total += inside + ring;
        self.expected += (inside + ring) * (inside + others_inside) / n;
        let (nuclear, cytoplasmic) = (inside * others_ring / n, ring * others_inside / n);
        if nuclear > 0.0 || cytoplasmic > 0.0 {
            self.n_nuclei += 1;
        }
        self.for_nucleus += nuclear;
        self.for_ring += cytoplasmic;
        self.squares += (nuclear - cytoplasmic) * (nuclear - cytoplasmic);
    }

    fn rank(&self, gene: usize) -> GeneRank {
        let share = |part: f64| if self.total > 0.0 { part / self.total } else { 0.0 };
        let z = if self.squares > 0.0 { (self.for_nucleus - self.for_ring) / self.squares.sqrt() } else { 0.0 };
        let p = two_sided(z);
        // Half a molecule on either side keeps the ratio finite.
        let effect = (ln(self.for_nucleus + 0.5) - ln(self.for_ring + 0.5)) * std::f64::consts::LOG2_E;
        GeneRank {
            gene: GeneIdx::new(gene),
            n_molecules: self.total as u32,
            n_nuclei: self.n_nuclei,
            share_inside: share(self.inside),
            expected_share: share(self.expected),
            effect,
            p,
            q: 1.0,
            call: Call::None,
        }
    }
}

/// Sets q of the tested genes from their p (Benjamini and Hochberg, 1995).
fn set_false_discovery_rates(genes: &mut [GeneRank], is_tested: impl Fn(&GeneRank) -> bool) {
    let mut order: Vec<usize> = (0..genes.len()).filter(|&gene| is_tested(&genes[gene])).collect();
    order.sort_by(|&a, &b| genes[a].p.total_cmp(&genes[b].p).then(a.cmp(&b)));
    let mut q = 1f64;
    for (rank, &gene) in order.iter().enumerate().rev() {
        q = q.min(genes[gene].p * order.len() as f64 / (rank + 1) as f64);
        genes[gene].q = q;
    }
}

/// Probability that a standard normal number is at least as far from 0 as `z`.
///
/// The continued fraction of the normal tail beyond 2.5, the Taylor series of the integral below:
/// relative errors are under 1e-9.
fn two_sided(z: f64) -> f64 {
    let z = z.abs();
    let density = exp(-0.5 * z * z) * 0.398_942_280_401_432_7;
    if z < 2.5 {
        // Φ(z) - ½ = φ(z) (z + z³/3 + z⁵/(3·5) + …)
        let (mut term, mut sum, mut odd) = (z, z, 1.0);
        while term > 1e-17 {
            odd += 2.0;
            term *= z * z / odd;
            sum += term;
        }
        return (1.0 - 2.0 * density * sum).max(0.0);
    }
    // 1 - Φ(z) = φ(z) / (z + 1/(z + 2/(z + 3/(z + …))))
    let fraction = (1..=80).rev().fold(z, |tail, k| z + f64::from(k) / tail);
    2.0 * density / fraction
}

#[cfg(test)]
#[path = "genes_tests.rs"]
mod tests;
