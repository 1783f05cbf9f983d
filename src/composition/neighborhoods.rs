//! Neighborhood composition vectors: the genes around every molecule, weighted by nearness.

use std::ops::Range;

use rayon::prelude::*;

use super::weights::WeightSum;
use crate::data::{GeneIdx, Molecules};
use crate::numeric::stats;
use crate::spatial::kdtree::{KdTree, Search};
use crate::spatial::order::hilbert_order_by_id;

/// Molecules whose compositions are held at a time by a thread. A constant: sums run over blocks.
const BLOCK: usize = 1024;
/// Blocks whose sums, or compositions, wait to be taken in order.
const BLOCKS_AHEAD: usize = 64;
/// The same where whole compositions wait.
const VISITED_AHEAD: usize = 16;
/// Distances up to this count as none.
const NO_DISTANCE: f64 = 1e-15;
/// Shares of a neighborhood up to this are dropped.
const LEAST_SHARE: f32 = 1e-5;
/// Fewer neighbors are no neighborhood.
const LEAST_NEIGHBORS: usize = 3;

/// Compositions of some molecules: a sparse matrix of one row per molecule and one column per gene.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compositions {
    /// Start of every row, `[n_rows + 1]`.
    offsets: Vec<u32>,
    genes: Vec<GeneIdx>,
    values: Vec<f32>,
}

impl Compositions {
    /// Number of molecules.
    pub fn n_rows(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Genes around the `row`-th molecule, ascending, and their values.
    #[inline]
    pub fn row(&self, row: usize) -> (&[GeneIdx], &[f32]) {
        let range = self.offsets[row] as usize..self.offsets[row + 1] as usize;
        (&self.genes[range.clone()], &self.values[range])
    }

    /// All rows in order.
    pub fn rows(&self) -> impl Iterator<Item = (&[GeneIdx], &[f32])> {
        (0..self.n_rows()).map(|row| self.row(row))
    }

    /// The values of all rows, one after another.
    pub(super) fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    fn clear(&mut self) {
        self.offsets.clear();
        self.offsets.push(0);
        self.genes.clear();
        self.values.clear();
    }
}

/// The neighborhoods of all molecules, whose compositions are computed when they are asked for.
///
/// Model: a molecule's neighborhood is its `k` nearest molecules, itself included. Each counts
/// `1 / max(d, d*)` for its gene, where d is its distance and d* the median over molecules of the
/// distance to the nearest other place; the counts of a molecule are divided by their sum, which
/// gives its composition. Confidence has no say.
/// Source: Baysor 0.7.1 `neighborhood_composition.jl`.
///
/// DIFFERS: 0.7.1 holds the neighbors of all molecules, 16 k bytes for each; here they are found again
/// whenever they are needed, block by block. It drops summed weights up to 1e-5, which depends on
/// the unit of length; here shares up to 1e-5 are dropped.
///
/// Memory: about 40 bytes per molecule. Draws nothing. Neither threads nor the order of molecules in
/// memory change a bit of any composition: equally near molecules go by their place in
/// [`Neighborhoods::order`].
pub struct Neighborhoods<'a> {
    molecules: &'a Molecules,
    tree: KdTree,
    n_neighbors: usize,
    /// The molecules whose neighborhoods these are, along the curve, equal places by id.
    order: Vec<u32>,
    /// Genes of all molecules as the tree numbers them: along the curve, or by id.
    genes: Vec<GeneIdx>,
    /// d*.
    least_distance: f64,
    /// Whether weights are summed as whole numbers, so that it does not matter in which order.
    sums_exactly: bool,
}

impl<'a> Neighborhoods<'a> {
    /// Neighborhoods of `n_neighbors` molecules each, at least 3 and no more than there are.
    pub fn new(molecules: &'a Molecules, n_neighbors: usize) -> Self {
        Self::among(molecules, n_neighbors, |_| true)
    }

    /// The same of a subset: the neighbors are any molecules, but only those at `subset` (indices in memory,
    /// without order; one given twice counts once) have a neighborhood, and d* is their median. With all
    /// molecules the same as [`Neighborhoods::new`].
    pub fn of_subset(molecules: &'a Molecules, subset: &[u32], n_neighbors: usize) -> Self {
        let mut is_wanted = vec![false; molecules.len()];
        subset.iter().for_each(|&molecule| is_wanted[molecule as usize] = true);
        Self::among(molecules, n_neighbors, |molecule| is_wanted[molecule as usize])
    }

    fn among(molecules: &'a Molecules, n_neighbors: usize, is_wanted: impl Fn(u32) -> bool) -> Self {
        let mut order = hilbert_order_by_id(&molecules.positions, &molecules.ids);
        let genes = order.iter().map(|&molecule| molecules.genes[molecule as usize]).collect();
        let tree = KdTree::in_order(&molecules.positions, &order);
        order.retain(|&molecule| is_wanted(molecule));
        let n_neighbors = n_neighbors.max(LEAST_NEIGHBORS).min(molecules.len());
        let mut built = Self { molecules, tree, n_neighbors, order, genes, least_distance: 1.0, sums_exactly: false };
        built.least_distance = built.median_distance();
        built
    }

    /// Neighborhoods of the molecules of a part of a slide, with the d* of the slide.
    ///
    /// A molecule whose `n_neighbors` nearest ones of the slide are all in the part has the composition, to the bit,
    /// that it has in any other such part: equally near molecules go by id, and weights are summed in a way that does
    /// not depend on the order. It may differ in the last bits from that of [`Neighborhoods::new`], which sums in the
    /// order of its tree, and in neighbors that are equally far away.
    pub(super) fn of_part(molecules: &'a Molecules, n_neighbors: usize, least_distance: f64) -> Self {
        let mut by_id: Vec<u32> = (0..molecules.len() as u32).collect();
        by_id.par_sort_unstable_by_key(|&molecule| (molecules.ids[molecule as usize], molecule));
        let genes = by_id.iter().map(|&molecule| molecules.genes[molecule as usize]).collect();
        let tree = KdTree::in_order(&molecules.positions, &by_id);
        drop(by_id);
        let order = hilbert_order_by_id(&molecules.positions, &molecules.ids);
        let n_neighbors = n_neighbors.max(LEAST_NEIGHBORS).min(molecules.len());
        Self { molecules, tree, n_neighbors, order, genes, least_distance, sums_exactly: true }
    }

    /// d*, in units of the coordinates; above 0.
    pub(super) fn least_distance(&self) -> f64 {
        self.least_distance
    }

    /// Number of molecules whose neighborhoods these are.
    pub fn n_molecules(&self) -> usize {
        self.order.len()
    }

    /// Molecules in a neighborhood.
    pub fn n_neighbors(&self) -> usize {
        self.n_neighbors
    }

    /// Number of genes.
    pub fn n_genes(&self) -> usize {
        self.molecules.n_genes
    }

    /// The molecules along a curve in space, by which [`Neighborhoods::fold`] takes them. The same
    /// molecules in any order in memory have the same order here.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// The same, without the neighborhoods.
    pub fn into_order(self) -> Vec<u32> {
        self.order
    }

    /// d*: the median over molecules of the distance to the nearest neighbor that is elsewhere. 1
    /// where no neighbor is.
    fn median_distance(&self) -> f64 {
        let per_block: Vec<Vec<f64>> = self
            .order
            .par_chunks(BLOCK)
            .map(|block| {
                let mut nearest = self.tree.search(2.min(self.n_neighbors));
                let mut all = self.tree.search(self.n_neighbors);
                let distance = |&molecule: &u32| {
                    let position = self.molecules.positions.at(molecule as usize);
                    first_distance(&mut nearest, position).or_else(|| first_distance(&mut all, position))
                };
                block.iter().filter_map(distance).collect()
            })
            .collect();
        let median = stats::median(&mut per_block.concat());
        if median.is_nan() { 1.0 } else { median }
    }

    /// Computes the compositions of `molecules` (indices in memory) into `into`, in their order. Fastest
    /// if consecutive ones are near each other.
    pub fn compose(&self, molecules: impl IntoIterator<Item = u32>, into: &mut Compositions) {
        if self.sums_exactly {
            self.compose_by::<u64>(molecules, into);
        } else {
            self.compose_by::<f32>(molecules, into);
        }
    }

    fn compose_by<S: WeightSum>(&self, molecules: impl IntoIterator<Item = u32>, into: &mut Compositions) {
        into.clear();
        let mut search = self.tree.search(self.n_neighbors);
        let mut sums = vec![S::default(); self.n_genes()];
        let mut found: Vec<u32> = Vec::with_capacity(self.n_neighbors);
        let least2 = self.least_distance * self.least_distance;
        for molecule in molecules {
            let mut total = S::default();
            for neighbor in search.nearest(self.molecules.positions.at(molecule as usize)) {
                // In units of 1 / d*, which cancel out.
                let weight = ((least2 / neighbor.distance2.max(least2)) as f32).sqrt();
                let gene = self.genes[neighbor.point as usize].idx();
                if sums[gene] == S::default() {
                    found.push(gene as u32);
                }
                sums[gene].add(weight);
                total.add(weight);
            }
            found.sort_unstable();
            for gene in found.drain(..) {
                let share = std::mem::take(&mut sums[gene as usize]).share(total);
                if share > LEAST_SHARE {
                    into.genes.push(GeneIdx::new(gene as usize));
                    into.values.push(share);
                }
            }
            into.offsets.push(into.genes.len() as u32);
        }
    }

    /// Computes the compositions of all molecules, in a subset or not, in the order of memory and hands them out,
    /// some thousand at a time:
    /// `visit` is given the molecules and their compositions. Stops at its first error.
    pub fn visit<E>(&self, mut visit: impl FnMut(Range<usize>, &Compositions) -> Result<(), E>) -> Result<(), E> {
        let mut waiting = vec![Compositions::default(); VISITED_AHEAD];
        let n = self.molecules.len();
        let range = |first: usize| first.min(n)..(first + BLOCK).min(n);
        for first in (0..n).step_by(BLOCK * VISITED_AHEAD) {
            let block = |idx: usize| range(first + idx * BLOCK);
            waiting.par_iter_mut().enumerate().for_each(|(idx, into)| {
                self.compose(block(idx).map(|molecule| molecule as u32), into);
            });
            for (idx, compositions) in waiting.iter().enumerate().filter(|(_, have)| have.n_rows() > 0) {
                visit(block(idx), compositions)?;
            }
        }
        Ok(())
    }

    /// Maps blocks of molecules, taken in [`Neighborhoods::order`], in parallel, and hands the results to
    /// `combine` in that order. `map` may change the compositions.
    pub fn fold<T: Send>(&self, map: impl Fn(&mut Compositions) -> T + Sync, mut combine: impl FnMut(T)) {
        for molecules in self.order.chunks(BLOCK * BLOCKS_AHEAD) {
            let results: Vec<T> = molecules
                .par_chunks(BLOCK)
                .map_init(Compositions::default, |compositions, molecules| {
                    self.compose(molecules.iter().copied(), compositions);
                    map(compositions)
                })
                .collect();
            results.into_iter().for_each(&mut combine);
        }
    }
}

impl Neighborhoods<'_> {
    /// Fills `values`, `[n_molecules * width]`, block by block in parallel, in the order of
    /// [`Neighborhoods::order`]. `compute` may change the compositions.
    pub(super) fn fill<T: Send>(
        &self,
        values: &mut [T],
        width: usize,
        compute: impl Fn(&mut Compositions, &mut [T]) + Sync,
    ) {
        let blocks = self.order.par_chunks(BLOCK).zip(values.par_chunks_mut(BLOCK * width.max(1)));
        blocks.for_each_init(Compositions::default, |compositions, (molecules, values)| {
            self.compose(molecules.iter().copied(), compositions);
            compute(compositions, values);
        });
    }

    /// Hands out compositions of all molecules in the order of [`Neighborhoods::order`], some blocks
    /// at a time, after `change`.
    pub(super) fn visit_in_order(
        &self,
        change: impl Fn(&mut Compositions) + Sync,
        mut visit: impl FnMut(&[Compositions]),
    ) {
        let mut waiting = vec![Compositions::default(); VISITED_AHEAD];
        for molecules in self.order.chunks(BLOCK * VISITED_AHEAD) {
            let n_blocks = molecules.len().div_ceil(BLOCK);
            waiting[..n_blocks].par_iter_mut().zip(molecules.par_chunks(BLOCK)).for_each(|(into, molecules)| {
                self.compose(molecules.iter().copied(), into);
                change(into);
            });
            visit(&waiting[..n_blocks]);
        }
    }
}

/// Distance to the nearest of the molecules found that is elsewhere.
fn first_distance(search: &mut Search<'_>, position: [f64; 3]) -> Option<f64> {
    let nearest2 = search
        .nearest(position)
        .iter()
        .map(|neighbor| neighbor.distance2)
        .filter(|&distance2| distance2 > NO_DISTANCE * NO_DISTANCE)
        .fold(f64::INFINITY, f64::min);
    nearest2.is_finite().then(|| nearest2.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::composition::tests::{molecules_at, random_molecules};

    fn all_rows(neighborhoods: &Neighborhoods<'_>) -> Compositions {
        let mut all = Compositions::default();
        neighborhoods.compose(0..neighborhoods.n_molecules() as u32, &mut all);
        all
    }

    #[test]
    fn three_on_a_line_weigh_by_distance() {
        // Distances to the nearest other are 1, 1, 2: d* = 1.
        let molecules = molecules_at(&[(0.0, 0), (1.0, 1), (3.0, 0), (100.0, 2), (102.0, 2)]);
        let neighborhoods = Neighborhoods::new(&molecules, 3);
        assert_eq!(neighborhoods.least_distance, 2.0);
        let rows = all_rows(&neighborhoods);
        // The first: weights 1/2, 1/2, 1/3.
        let (genes, shares) = rows.row(0);
        assert_eq!(genes, [GeneIdx::new(0), GeneIdx::new(1)]);
        assert!((shares[0] - 0.625).abs() < 1e-6 && (shares[1] - 0.375).abs() < 1e-6);
        // The last: weights 1/2, 1/2, 1/99.
        let (genes, shares) = rows.row(4);
        assert_eq!(genes, [GeneIdx::new(0), GeneIdx::new(2)]);
        assert!((shares[0] - 1.0 / 100.0).abs() < 1e-6);
    }

    #[test]
    fn rows_sum_to_one_and_agree_with_sorted_neighbors() {
        let molecules = random_molecules(3000, 10, 5);
        let neighborhoods = Neighborhoods::new(&molecules, 10);
        let tree = KdTree::new(&molecules.positions, None);
        let mut found = Vec::new();
        for (row, (genes, shares)) in all_rows(&neighborhoods).rows().enumerate() {
            assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            tree.nearest(molecules.positions.at(row), 10, &mut found);
            let weight = |distance2: f64| 1.0 / distance2.sqrt().max(neighborhoods.least_distance);
            let total: f64 = found.iter().map(|neighbor| weight(neighbor.distance2)).sum();
            for (&gene, &share) in genes.iter().zip(shares) {
                let of_gene = found.iter().filter(|neighbor| molecules.genes[neighbor.point as usize] == gene);
                let expected = of_gene.map(|neighbor| weight(neighbor.distance2)).sum::<f64>() / total;
                assert!((f64::from(share) - expected).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn order_in_memory_changes_no_bit() {
        let mut molecules = random_molecules(2500, 6, 7);
        // A grid: ties everywhere.
        let round = |values: &mut Vec<f64>| values.iter_mut().for_each(|value| *value = (*value * 0.2).floor());
        round(&mut molecules.positions.x);
        round(&mut molecules.positions.y);
        let order: Vec<u32> = (0..2500).map(|place| (place * 7 + 3) % 2500).collect();
        let shuffled = molecules.permuted(&order);
        let (plain, other) = (Neighborhoods::new(&molecules, 12), Neighborhoods::new(&shuffled, 12));
        let (plain, other) = (all_rows(&plain), all_rows(&other));
        for (place, &molecule) in order.iter().enumerate() {
            assert_eq!(other.row(place), plain.row(molecule as usize));
        }
    }

    #[test]
    fn visiting_and_folding_meet_every_molecule_once() {
        let molecules = random_molecules(20_000, 5, 9);
        let neighborhoods = Neighborhoods::new(&molecules, 4);
        let all = all_rows(&neighborhoods);
        let mut next = 0;
        let visited: Result<(), ()> = neighborhoods.visit(|range, compositions| {
            assert_eq!(range.start, next);
            assert_eq!(range.len(), compositions.n_rows());
            assert!(range.clone().all(|row| compositions.row(row - range.start) == all.row(row)));
            next = range.end;
            Ok(())
        });
        assert!(visited.is_ok() && next == 20_000);
        let mut place = 0;
        neighborhoods.fold(
            |compositions| compositions.clone(),
            |compositions| {
                for row in compositions.rows() {
                    assert!(row == all.row(neighborhoods.order()[place] as usize));
                    place += 1;
                }
            },
        );
        assert_eq!(place, 20_000);
        assert_eq!(neighborhoods.visit(|range, _| Err(range.end)), Err(BLOCK));
    }

    #[test]
    fn coincident_and_few_molecules_have_compositions() {
        let coincident = Neighborhoods::new(&molecules_at(&[(1.0, 0), (1.0, 1), (1.0, 1), (1.0, 1)]), 4).least_distance;
        assert_eq!(coincident, 1.0);
        for n in 0..4 {
            let molecules = random_molecules(n, 2, 1);
            let rows = all_rows(&Neighborhoods::new(&molecules, 10));
            assert_eq!(rows.n_rows(), n);
            assert!(rows.rows().all(|(_, shares)| (shares.iter().sum::<f32>() - 1.0).abs() < 1e-6));
        }
    }
}
