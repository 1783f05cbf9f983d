//! From compositions to a few numbers per molecule, by one linear map for all of them.

use rayon::prelude::*;

use super::neighborhoods::{Compositions, Neighborhoods};
use crate::data::GeneIdx;
use crate::numeric::elementary::ln;

/// Factor of shares before the logarithm: a share of 1e-4 becomes 0.
const LOG_FACTOR: f64 = 1e4;
/// Keeps the logarithm finite.
const LOG_SHIFT: f64 = 1e-5;

/// What becomes of the shares of a composition before anything is computed from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transform {
    /// They stay as they are.
    None,
    /// `ln(10^4 v + 10^-5)`; absent genes stay 0.
    ///
    /// DIFFERS: 0.7.1 gives shares below 1e-4 negative values, less than those of absent genes; here 0.
    Log,
}

impl Transform {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Log => "log",
        }
    }

    /// The transform called `name` in files.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::None, Self::Log].into_iter().find(|transform| transform.name() == name)
    }

    pub(super) fn apply(self, compositions: &mut Compositions) {
        if self == Self::Log {
            for value in compositions.values_mut() {
                *value = ln(LOG_FACTOR * f64::from(*value) + LOG_SHIFT).max(0.0) as f32;
            }
        }
    }
}

/// A linear map of (transformed) compositions to `n_components` numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// Number of components.
    pub n_components: usize,
    /// What a gene contributes, `[n_genes * n_components]`, one gene after another.
    pub per_gene: Vec<f32>,
    /// What is taken off every sum, `[n_components]`.
    pub offset: Vec<f32>,
}

impl Projection {
    /// The numbers of one molecule into `into`, `[n_components]`.
    #[inline]
    pub fn project(&self, (genes, values): (&[GeneIdx], &[f32]), into: &mut [f32]) {
        add_rows(&self.per_gene, (genes, values), into);
        into.iter_mut().zip(&self.offset).for_each(|(sum, offset)| *sum -= offset);
    }

    /// The numbers of all molecules, `[n_molecules * n_components]`, one molecule after another in the
    /// order of [`Neighborhoods::order`]. The same for any number of threads.
    pub fn project_all(&self, neighborhoods: &Neighborhoods<'_>, transform: Transform) -> Vec<f32> {
        let width = self.n_components;
        let mut vectors = vec![0.0; neighborhoods.n_molecules() * width];
        neighborhoods.fill(&mut vectors, width, |compositions, into| {
            transform.apply(compositions);
            for (row, into) in compositions.rows().zip(into.chunks_mut(width)) {
                self.project(row, into);
            }
        });
        vectors
    }
}

/// Sets `into` to the sum of rows of `matrix`, `[n_genes * into.len()]`, weighted by the values.
#[inline]
fn add_rows(matrix: &[f32], (genes, values): (&[GeneIdx], &[f32]), into: &mut [f32]) {
    let width = into.len();
    into.fill(0.0);
    for (gene, &value) in genes.iter().zip(values) {
        let row = &matrix[gene.idx() * width..][..width];
        into.iter_mut().zip(row).for_each(|(sum, entry)| *sum += value * entry);
    }
}

/// Sums over all molecules, which stand in for the compositions.
pub(super) struct Products {
    /// `V Vᵀ M`, `[n_genes * width]`, one gene after another.
    pub products: Vec<f64>,
    /// Sum of the squared values of every gene: the diagonal of `V Vᵀ`.
    pub squares: Vec<f64>,
    /// Sum of the values of every gene.
    pub sums: Vec<f64>,
}

/// `V Vᵀ M` for the matrix `M`, `[n_genes * width]`, where the columns of V are the compositions.
///
/// METHOD: neither V nor `V Vᵀ` is formed. A molecule v adds `v (vᵀ M)`, so that it costs in
/// proportion to the genes around it, not to their square.
pub(super) fn products(
    neighborhoods: &Neighborhoods<'_>,
    transform: Transform,
    matrix: &[f32],
    width: usize,
) -> Products {
    let n_genes = neighborhoods.n_genes();
    let empty =
        || Products { products: vec![0.0; n_genes * width], squares: vec![0.0; n_genes], sums: vec![0.0; n_genes] };
    let mut total = empty();
    neighborhoods.fold(
        |compositions| {
            transform.apply(compositions);
            let mut sum = empty();
            let mut projected = vec![0.0f32; width];
            for (genes, values) in compositions.rows() {
                add_rows(matrix, (genes, values), &mut projected);
                for (gene, &value) in genes.iter().zip(values) {
                    let (gene, value) = (gene.idx(), f64::from(value));
                    sum.squares[gene] += value * value;
                    sum.sums[gene] += value;
                    let row = &mut sum.products[gene * width..][..width];
                    row.iter_mut().zip(&projected).for_each(|(sum, entry)| *sum += value * f64::from(*entry));
                }
            }
            sum
        },
        |part| {
            add(&mut total.products, &part.products);
            add(&mut total.squares, &part.squares);
            add(&mut total.sums, &part.sums);
        },
    );
    total
}

/// Sums and `V Vᵀ` itself, `[n_genes * n_genes]`.
///
/// METHOD: all threads meet every molecule, but each adds to its own rows of the matrix: one matrix
/// is enough, and every entry is summed in the order of the molecules.
pub(super) fn gram(neighborhoods: &Neighborhoods<'_>, transform: Transform) -> (Vec<f64>, Vec<f64>) {
    let n_genes = neighborhoods.n_genes();
    let mut gram = vec![0.0; n_genes * n_genes];
    let mut sums = vec![0.0; n_genes];
    let stripe = n_genes.div_ceil(4 * rayon::current_num_threads()).max(1);
    neighborhoods.visit_in_order(
        |compositions| transform.apply(compositions),
        |compositions| {
            gram.par_chunks_mut((stripe * n_genes).max(1)).enumerate().for_each(|(part, rows)| {
                for row in compositions.iter().flat_map(Compositions::rows) {
                    add_outer(rows, part * stripe, n_genes, row);
                }
            });
            for (genes, values) in compositions.iter().flat_map(Compositions::rows) {
                genes.iter().zip(values).for_each(|(gene, &value)| sums[gene.idx()] += f64::from(value));
            }
        },
    );
    for gene in 0..n_genes {
        for other in 0..gene {
            gram[gene * n_genes + other] = gram[other * n_genes + gene];
        }
    }
    (gram, sums)
}

/// Adds the upper triangle of `v vᵀ` to `rows` of the matrix, which start at gene `first`.
fn add_outer(rows: &mut [f64], first: usize, n_genes: usize, (genes, values): (&[GeneIdx], &[f32])) {
    let end = first + rows.len() / n_genes;
    let begin = genes.partition_point(|gene| gene.idx() < first);
    for (place, gene) in genes.iter().enumerate().skip(begin) {
        if gene.idx() >= end {
            break;
        }
        let row = &mut rows[(gene.idx() - first) * n_genes..][..n_genes];
        let value = f64::from(values[place]);
        for (other, &entry) in genes[place..].iter().zip(&values[place..]) {
            row[other.idx()] += value * f64::from(entry);
        }
    }
}

fn add(total: &mut [f64], part: &[f64]) {
    total.iter_mut().zip(part).for_each(|(total, value)| *total += value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::composition::tests::random_molecules;

    #[test]
    fn products_are_those_of_the_full_matrix() {
        let molecules = random_molecules(3000, 7, 3);
        let neighborhoods = Neighborhoods::new(&molecules, 6);
        for transform in [Transform::None, Transform::Log] {
            let matrix: Vec<f32> = (0..14).map(|at| (at % 5) as f32 - 1.5).collect();
            let found = products(&neighborhoods, transform, &matrix, 2);
            let (gram, sums) = gram(&neighborhoods, transform);
            for gene in 0..7 {
                let row = &gram[gene * 7..][..7];
                assert!((found.squares[gene] / row[gene] - 1.0).abs() < 1e-9);
                assert!((found.sums[gene] / sums[gene] - 1.0).abs() < 1e-9);
                for column in 0..2 {
                    let expected: f64 = row
                        .iter()
                        .enumerate()
                        .map(|(other, entry)| entry * f64::from(matrix[other * 2 + column]))
                        .sum();
                    let have = found.products[gene * 2 + column];
                    assert!((have - expected).abs() < 1e-5 * row.iter().sum::<f64>(), "{have} {expected}");
                }
            }
        }
    }

    #[test]
    fn logarithm_is_never_negative() {
        let molecules = random_molecules(100, 3, 3);
        let mut rows = Compositions::default();
        Neighborhoods::new(&molecules, 100).compose(0..100, &mut rows);
        let plain = rows.clone();
        Transform::Log.apply(&mut rows);
        for (have, share) in rows.values_mut().iter().zip(plain.clone().values_mut()) {
            assert!((f64::from(*have) - (1e4 * f64::from(*share) + 1e-5).ln()).abs() < 1e-6);
            assert!(*have >= 0.0);
        }
    }
}
