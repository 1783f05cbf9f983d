//! New types of cells: a type whose cells fall into two kinds is split.
//!
//! METHOD: types start as the clusters of molecules, and these are few. From time to time the cells with a segment of every
//! type are parted in two: along a direction in which their compositions vary most, then each to the profile that is
//! likelier, until nothing changes. The type is split if each cell is predicted better by a mixture of the two profiles than
//! by one, by the marginal likelihood of [`cell_types`](super::cell_types) under profiles of the *other* cells: more
//! profiles do not predict better by themselves. So the data say how many types there are. Nothing is drawn.

use rayon::prelude::*;

use super::cell_types::{CellTypes, PROFILE_WEIGHT};
use super::components::Components;
use super::groups::Groups;
use crate::data::GeneIdx;
use crate::numeric::elementary::{exp, ln};
use crate::numeric::gamma::ln_gamma;

/// Iterations at which types may be split: among those in which cells take new types.
pub const SPLIT_AT: [usize; 6] = [15, 25, 35, 55, 75, 105];
/// There are never more types than this, or than clusters.
pub const MAX_TYPES: usize = 32;
/// Fewest cells of a type.
const MIN_CELLS: usize = 10;
/// Molecules of the whole type that smooth the profiles of its parts.
const SMOOTHING: f64 = 50.0;
/// Steps to the direction of most variation.
const POWER_STEPS: usize = 20;
/// Directions along which cells are parted.
const DIRECTIONS: usize = 3;
/// Rounds of giving cells to the likelier profile, at most.
const ROUNDS: usize = 10;

/// Splits the types whose cells are of two kinds; returns how many. Retype or refit afterwards.
///
/// Types in order, the new ones numbered behind all others.
pub fn split(
    types: &CellTypes,
    components: &mut Components,
    groups: &Groups,
    genes: &[GeneIdx],
    n_genes: usize,
) -> usize {
    let mut cells_of = vec![Vec::new(); types.len()];
    for (component, entry) in components.list.iter().enumerate() {
        if entry.owner.is_some() && groups.size(component) > 0 {
            cells_of[usize::from(entry.cell_type)].push(component);
        }
    }
    let parted: Vec<Option<Vec<usize>>> = cells_of
        .into_par_iter()
        .map(|cells| {
            let cells: Vec<Cell> =
                cells.into_iter().map(|component| Cell::new(component, groups.members(component), genes)).collect();
            second_kind(&cells, n_genes, types.len())
        })
        .collect();
    let mut n_new = 0;
    for second in parted.into_iter().flatten().take(MAX_TYPES.saturating_sub(types.len())) {
        let new = (types.len() + n_new) as u16;
        second.into_iter().for_each(|component| components.list[component].cell_type = new);
        n_new += 1;
    }
    n_new
}

/// A cell's genes.
struct Cell {
    component: usize,
    n: f64,
    /// Genes with their molecules, ascending.
    counts: Vec<(usize, f64)>,
}

impl Cell {
    fn new(component: usize, members: &[u32], genes: &[GeneIdx]) -> Self {
        let mut of_cell: Vec<usize> = members.iter().map(|&molecule| genes[molecule as usize].idx()).collect();
        of_cell.sort_unstable();
        let counts = of_cell.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as f64)).collect();
        Self { component, n: members.len() as f64, counts }
    }

    /// ln of the likelihood of the genes under a profile, given as logarithms.
    fn log_likelihood(&self, log_profile: &[f64]) -> f64 {
        self.counts.iter().map(|&(gene, count)| count * log_profile[gene]).sum()
    }

    /// ln of the marginal likelihood around a profile, but for what does not depend on the profile.
    ///
    /// `share` is that of the gene at a place of [`Self::counts`].
    fn log_evidence(&self, share: impl Fn(usize) -> f64) -> f64 {
        let of_gene = |(at, &(_, count)): (usize, &(usize, f64))| {
            let base = PROFILE_WEIGHT * share(at);
            ln_gamma(count + base) - ln_gamma(base)
        };
        self.counts.iter().enumerate().map(of_gene).sum()
    }
}

/// The components of the second kind, if the cells are of two.
fn second_kind(cells: &[Cell], n_genes: usize, n_types: usize) -> Option<Vec<usize>> {
    if cells.len() < 2 * MIN_CELLS {
        return None;
    }
    let whole = Kind::of(cells.iter(), n_genes);
    // Every cell has to say which of one more type it is.
    let cost = cells.len() as f64 * ln((n_types + 1) as f64 / n_types as f64);
    let mut directions = Vec::new();
    let mut best: (f64, Vec<bool>) = (cost, Vec::new());
    for _ in 0..DIRECTIONS {
        let Some(found) = part(cells, &whole, sides(cells, &whole, &mut directions)) else { continue };
        if found.0 > best.0 {
            best = found;
        }
    }
    let second = cells.iter().zip(&best.1).filter(|(_, second)| **second);
    (!best.1.is_empty()).then(|| second.map(|(cell, _)| cell.component).collect())
}

/// Parts cells in two kinds, from a first guess; with ln of how much better the others predict each, unless a kind has too
/// few.
fn part(cells: &[Cell], whole: &Kind, mut is_second: Vec<bool>) -> Option<(f64, Vec<bool>)> {
    let n_genes = whole.counts.len();
    let kinds_of = |is_second: &[bool]| {
        [false, true].map(|kind| {
            let of_kind = cells.iter().zip(is_second).filter(|(_, second)| **second == kind);
            Kind::of(of_kind.map(|(cell, _)| cell), n_genes)
        })
    };
    for _ in 0..ROUNDS {
        let log_shares = kinds_of(&is_second).map(|kind| kind.log_shares(whole));
        let is_likelier = |cell: &Cell| cell.log_likelihood(&log_shares[1]) > cell.log_likelihood(&log_shares[0]);
        let next: Vec<bool> = cells.iter().map(is_likelier).collect();
        if next == is_second {
            break;
        }
        is_second = next;
    }
    let n_second = is_second.iter().filter(|&&second| second).count();
    if n_second < MIN_CELLS || cells.len() - n_second < MIN_CELLS {
        return None;
    }
    let [first, second] = kinds_of(&is_second);
    // Of a mixture of both kinds: the likelier kind alone would always gain.
    let share = n_second as f64 / cells.len() as f64;
    let gain = |(cell, &is_second): (&Cell, &bool)| {
        let of = |kind: &Kind, is_in: bool| cell.log_evidence(|at| kind.share_without(cell, at, is_in, whole));
        let (first, second) = (ln(1.0 - share) + of(&first, !is_second), ln(share) + of(&second, is_second));
        let (more, less) = (first.max(second), first.min(second));
        more + ln(1.0 + exp(less - more)) - cell.log_evidence(|at| whole.share_of_whole_without(cell, at))
    };
    Some((cells.iter().zip(&is_second).map(gain).sum(), is_second))
}

/// Molecules of some cells by gene.
struct Kind {
    counts: Vec<f64>,
    n: f64,
}

impl Kind {
    fn of<'c>(cells: impl Iterator<Item = &'c Cell>, n_genes: usize) -> Self {
        let mut counts = vec![0.0; n_genes];
        cells.flat_map(|cell| &cell.counts).for_each(|&(gene, count)| counts[gene] += count);
        let n = counts.iter().sum();
        Self { counts, n }
    }

    /// Shares of the genes in all cells.
    fn shares(&self) -> Vec<f64> {
        let n = self.n + 0.5 * self.counts.len() as f64;
        self.counts.iter().map(|count| (count + 0.5) / n).collect()
    }

    /// ln of the shares of the genes, smoothed by those of the whole.
    fn log_shares(&self, whole: &Kind) -> Vec<f64> {
        let shares = whole.shares();
        let of_gene = |(count, share): (&f64, f64)| ln((count + SMOOTHING * share) / (self.n + SMOOTHING));
        self.counts.iter().zip(shares).map(of_gene).collect()
    }

    /// The share, in all cells but one, of the gene that stands at a place of that cell's list.
    fn share_of_whole_without(&self, cell: &Cell, at: usize) -> f64 {
        let (gene, count) = cell.counts[at];
        (self.counts[gene] - count + 0.5) / (self.n - cell.n + 0.5 * self.counts.len() as f64)
    }

    /// The same in the cells of a kind, which the cell may be in, smoothed.
    fn share_without(&self, cell: &Cell, at: usize, is_in: bool, whole: &Kind) -> f64 {
        let (gene, count) = cell.counts[at];
        let (count, n) = if is_in { (self.counts[gene] - count, self.n - cell.n) } else { (self.counts[gene], self.n) };
        (count + SMOOTHING * whole.share_of_whole_without(cell, at)) / (n + SMOOTHING)
    }
}

/// On which side of the mean every cell is in the direction of most variation that is not yet among `directions`, to which
/// it is added.
///
/// METHOD: power iteration on the residuals of shares, over the root of the expected share, weighted by molecules.
/// It starts from the cell that deviates most.
fn sides(cells: &[Cell], whole: &Kind, directions: &mut Vec<Vec<f64>>) -> Vec<bool> {
    let profile = whole.shares();
    let roots: Vec<f64> = profile.iter().map(|share| share.sqrt()).collect();
    let deviance = |cell: &Cell| -> f64 {
        // n Σ (share - π)² / π
        cell.counts.iter().map(|&(gene, count)| count * count / profile[gene]).sum::<f64>() / cell.n - cell.n
    };
    let start = cells.iter().fold((f64::NEG_INFINITY, &cells[0]), |most, cell| {
        let deviance = deviance(cell);
        if deviance > most.0 { (deviance, cell) } else { most }
    });
    let mut direction: Vec<f64> = roots.iter().map(|root| -root).collect();
    start.1.counts.iter().for_each(|&(gene, count)| direction[gene] += count / (start.1.n * roots[gene]));
    let project = |direction: &[f64]| -> Vec<f64> {
        let of_mean = dot(&roots, direction);
        let of_cell = |cell: &Cell| {
            let sum: f64 = cell.counts.iter().map(|&(gene, count)| count * direction[gene] / roots[gene]).sum();
            sum / cell.n - of_mean
        };
        cells.iter().map(of_cell).collect()
    };
    for _ in 0..POWER_STEPS {
        let projections = project(&direction);
        let mut next = vec![0.0; direction.len()];
        let mut of_mean = 0.0;
        for (cell, projection) in cells.iter().zip(&projections) {
            cell.counts.iter().for_each(|&(gene, count)| next[gene] += projection * count / roots[gene]);
            of_mean += projection * cell.n;
        }
        next.iter_mut().zip(&roots).for_each(|(value, root)| *value -= of_mean * root);
        for known in directions.iter() {
            let along = dot(&next, known);
            next.iter_mut().zip(known).for_each(|(value, known)| *value -= along * known);
        }
        let length = dot(&next, &next).sqrt();
        if length <= 0.0 {
            break;
        }
        direction = next.into_iter().map(|value| value / length).collect();
    }
    let is_second = project(&direction).into_iter().map(|projection| projection > 0.0).collect();
    directions.push(direction);
    is_second
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::draws::{Draws, Stream};

    /// Cells of 60 molecules of 8 genes; of the second kind are those for which `is_second`, half of whose molecules are of
    /// the last two genes.
    fn cells(n: usize, is_second: impl Fn(usize) -> bool) -> Vec<Cell> {
        let draws = Draws::new(5, Stream::Jitter).at(0);
        let mut genes = Vec::new();
        for cell in 0..n {
            for molecule in 0..60 {
                let id = 2 * (60 * cell + molecule) as u64;
                let all = if is_second(cell) && draws.uniform(id) < 0.5 { (6.0, 2.0) } else { (0.0, 6.0) };
                genes.push(GeneIdx::new((all.0 + all.1 * draws.uniform(id + 1)) as usize));
            }
        }
        let members = |cell: usize| -> Vec<u32> { (60 * cell as u32..60 * (cell as u32 + 1)).collect() };
        (0..n).map(|cell| Cell::new(cell, &members(cell), &genes)).collect()
    }

    #[test]
    fn two_kinds_of_cells_are_told_apart() {
        let second = second_kind(&cells(60, |cell| cell % 3 == 0), 8, 1).expect("two kinds");
        let thirds: Vec<usize> = (0..60).filter(|cell| cell % 3 == 0).collect();
        let others: Vec<usize> = (0..60).filter(|cell| cell % 3 != 0).collect();
        assert!(second == thirds || second == others, "{second:?}");
    }

    #[test]
    fn one_kind_stays_one_and_few_cells_are_no_kind() {
        assert_eq!(second_kind(&cells(200, |_| false), 8, 1), None);
        assert_eq!(second_kind(&cells(60, |cell| cell < MIN_CELLS - 1), 8, 1), None);
        assert_eq!(second_kind(&cells(2 * MIN_CELLS - 1, |cell| cell % 2 == 0), 8, 1), None);
    }
}
