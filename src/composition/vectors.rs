//! How the linear map from compositions to molecule vectors is found.

use super::neighborhoods::Neighborhoods;
use super::projection::{Projection, Transform, gram, products};
use crate::numeric::draws::IterationDraws;
use crate::numeric::leading::leading;
use crate::numeric::stats::quantile;
use crate::numeric::symmetric;

/// Share of the genes whose self-similarity is not clipped.
const SELF_QUANTILE: f64 = 0.95;
/// Share of the variance that the components of [`VectorMethod::Dense`] explain, if there are enough.
const EXPLAINED: f64 = 0.99;
/// Vectors beyond those wanted, and rounds, of the randomised principal components.
const SPARE: usize = 10;
const ROUNDS: usize = 3;
/// Variances below this share of the mean square are rounding error.
const LEAST_VARIANCE: f64 = 1e-10;

/// How compositions become molecule vectors (`ncv_method`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VectorMethod {
    /// `ri`: a random vector per gene, averaged over the genes that occur near it. One pass over the
    /// molecules; memory `n_genes * n_components`.
    RandomIndexing,
    /// `dense`: principal components, as many as explain 99 % of the variance. One pass; memory
    /// `n_genes * n_genes`.
    Dense,
    /// `sparse`: principal components by random projection. Three passes; memory
    /// `n_genes * n_components`.
    Sparse,
}

impl VectorMethod {
    /// The method called `name` in configurations.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "ri" => Some(Self::RandomIndexing),
            "dense" => Some(Self::Dense),
            "sparse" => Some(Self::Sparse),
            _ => None,
        }
    }

    /// The map to at most `n_components` numbers, at least one. With fewer genes there are fewer principal
    /// components. Deterministic for any number of threads.
    pub fn projection(
        self,
        neighborhoods: &Neighborhoods<'_>,
        transform: Transform,
        n_components: usize,
        draws: IterationDraws,
    ) -> Projection {
        let n_components = n_components.max(1);
        match self {
            Self::RandomIndexing => random_indexing(neighborhoods, transform, n_components, draws),
            Self::Dense => principal(neighborhoods, transform, n_components, draws),
            Self::Sparse => randomized_principal(neighborhoods, transform, n_components, draws),
        }
    }
}

/// Random indexing: the vector of a gene is the mean of random vectors of all genes, weighted by how much
/// they occur together, `C = V Vᵀ`.
///
/// METHOD: a gene occurs most with itself, which would leave every gene its own random vector. So the
/// share of the diagonal is clipped at its 0.95 quantile over genes.
/// Source: Baysor 0.7.1 `neighborhood_composition.jl`.
///
/// DIFFERS: the mean gene vector is taken off. All gene vectors share it, so that after the logarithm the sum of
/// a molecule's values, which is the number of genes around it, would be the largest difference
/// between molecules. Without the logarithm values sum to 1, and nothing changes but a constant.
fn random_indexing(
    neighborhoods: &Neighborhoods<'_>,
    transform: Transform,
    n_components: usize,
    draws: IterationDraws,
) -> Projection {
    let n_genes = neighborhoods.n_genes();
    // The last column, of ones, gives the row sums of C.
    let width = n_components + 1;
    let entry = |gene: usize, component: usize| {
        if component == n_components {
            1.0
        } else {
            draws.rough_normal((gene * n_components + component) as u64) as f32
        }
    };
    let random: Vec<f32> = (0..n_genes * width).map(|at| entry(at / width, at % width)).collect();
    let found = products(neighborhoods, transform, &random, width);
    let row_sum = |gene: usize| found.products[gene * width + n_components];
    let mut shares: Vec<f64> =
        (0..n_genes).filter(|&gene| row_sum(gene) > 0.0).map(|gene| found.squares[gene] / row_sum(gene)).collect();
    let limit = quantile(&mut shares, SELF_QUANTILE);
    let mut vectors = vec![0.0; n_genes * n_components];
    for (gene, vector) in vectors.chunks_mut(n_components).enumerate() {
        let clipped = (found.squares[gene] - limit * row_sum(gene)).max(0.0);
        let divisor = row_sum(gene) - clipped;
        // Genes that no molecule has near are never asked for.
        if divisor > 0.0 {
            for (component, value) in vector.iter_mut().enumerate() {
                let at = gene * width + component;
                *value = (found.products[at] - clipped * f64::from(random[at])) / divisor;
            }
        }
    }
    subtract_mean(&mut vectors, n_components, &found.sums);
    let per_gene = vectors.into_iter().map(|value| value as f32).collect();
    Projection { n_components, per_gene, offset: vec![0.0; n_components] }
}

/// Takes the mean of the vectors, `[n_genes * n_components]`, weighted by `abundances`, off each.
fn subtract_mean(vectors: &mut [f64], n_components: usize, abundances: &[f64]) {
    let total: f64 = abundances.iter().sum();
    let mut mean = vec![0.0; n_components];
    for (vector, abundance) in vectors.chunks(n_components).zip(abundances) {
        mean.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value * abundance / total);
    }
    for vector in vectors.chunks_mut(n_components) {
        vector.iter_mut().zip(&mean).for_each(|(value, mean)| *value -= mean);
    }
}

/// Principal components of the covariance of genes over molecules.
fn principal(
    neighborhoods: &Neighborhoods<'_>,
    transform: Transform,
    n_components: usize,
    draws: IterationDraws,
) -> Projection {
    let n_genes = neighborhoods.n_genes();
    let n = neighborhoods.n_molecules().max(1) as f64;
    let (mut covariance, mut means) = gram(neighborhoods, transform);
    means.iter_mut().for_each(|sum| *sum /= n);
    let mean_square = (0..n_genes).map(|gene| covariance[gene * n_genes + gene]).sum::<f64>() / n;
    for (at, entry) in covariance.iter_mut().enumerate() {
        *entry = *entry / n - means[at / n_genes] * means[at % n_genes];
    }
    let total: f64 = (0..n_genes).map(|gene| covariance[gene * n_genes + gene]).sum();
    let multiply = |vectors: &[f64], _| multiply(&covariance, n_genes, vectors);
    let pairs = leading(n_genes, n_components.min(n_genes), multiply, draws);
    let Some(pairs) = pairs.filter(|_| total > LEAST_VARIANCE * mean_square) else { return nothing(n_genes) };
    let mut explained = 0.0;
    let enough = pairs.values.iter().position(|value| {
        explained += value;
        explained >= EXPLAINED * total
    });
    let n_kept = enough.map_or(pairs.values.len(), |last| last + 1);
    centered(&pairs.vectors[..n_kept * n_genes], n_genes, &means)
}

/// Principal components by rounds of multiplying random vectors with the covariance, which is never
/// formed.
///
/// Source: Halko, Martinsson and Tropp, "Finding structure with randomness", 2011.
/// DIFFERS: 0.7.1 computes them twice and throws the first result away.
fn randomized_principal(
    neighborhoods: &Neighborhoods<'_>,
    transform: Transform,
    n_components: usize,
    draws: IterationDraws,
) -> Projection {
    let n_genes = neighborhoods.n_genes();
    let n = neighborhoods.n_molecules().max(1) as f64;
    let width = (n_components + SPARE).min(n_genes);
    let mut basis: Vec<f64> = (0..(width * n_genes) as u64).map(|id| draws.rough_normal(id)).collect();
    orthonormalize(&mut basis, n_genes);
    for round in 1.. {
        let interleaved: Vec<f32> =
            (0..n_genes * width).map(|at| basis[(at % width) * n_genes + at / width] as f32).collect();
        let found = products(neighborhoods, transform, &interleaved, width);
        let means: Vec<f64> = found.sums.iter().map(|sum| sum / n).collect();
        let (mean_square, total) = found
            .squares
            .iter()
            .zip(&means)
            .fold((0.0, 0.0), |sums, (square, mean)| (sums.0 + square / n, sums.1 + square / n - mean * mean));
        if total.is_nan() || total <= LEAST_VARIANCE * mean_square {
            break;
        }
        let mut images = vec![0.0; width * n_genes];
        for (vector, (image, from)) in images.chunks_mut(n_genes).zip(basis.chunks(n_genes)).enumerate() {
            let along_mean: f64 = means.iter().zip(from).map(|(mean, value)| mean * value).sum();
            for (gene, value) in image.iter_mut().enumerate() {
                *value = found.products[gene * width + vector] / n - means[gene] * along_mean;
            }
        }
        if round == ROUNDS {
            let vectors = ritz_vectors(&basis, &images, n_genes, n_components.min(n_genes));
            return centered(&vectors, n_genes, &means);
        }
        basis = images;
        orthonormalize(&mut basis, n_genes);
    }
    nothing(n_genes)
}

/// The best `k` approximations of leading eigenvectors in the space of `basis`, `[width * n]`, whose
/// products with the matrix are `images`.
fn ritz_vectors(basis: &[f64], images: &[f64], n: usize, k: usize) -> Vec<f64> {
    let width = basis.len() / n;
    let mut small = vec![0.0; width * width];
    for i in 0..width {
        for j in i..width {
            let value: f64 = basis[i * n..][..n].iter().zip(&images[j * n..][..n]).map(|(a, b)| a * b).sum();
            small[i * width + j] = value;
            small[j * width + i] = value;
        }
    }
    let inner = symmetric::eigen(&small, width);
    let mut vectors = vec![0.0; k * n];
    for (vector, shares) in vectors.chunks_mut(n).zip(inner.vectors.chunks(width)) {
        for (part, &share) in basis.chunks(n).zip(shares) {
            vector.iter_mut().zip(part).for_each(|(sum, value)| *sum += share * value);
        }
        symmetric::fix_sign(vector);
    }
    vectors
}

/// Makes the vectors of `basis` orthonormal, each in turn; what depends on earlier ones becomes 0.
fn orthonormalize(basis: &mut [f64], n: usize) {
    for vector in 0..basis.len() / n.max(1) {
        let (done, rest) = basis.split_at_mut(vector * n);
        let vector = &mut rest[..n];
        let length = |vector: &[f64]| vector.iter().map(|value| value * value).sum::<f64>().sqrt();
        let before = length(vector);
        for _ in 0..2 {
            for have in done.chunks(n) {
                let part: f64 = have.iter().zip(vector.iter()).map(|(a, b)| a * b).sum();
                vector.iter_mut().zip(have).for_each(|(value, have)| *value -= part * have);
            }
        }
        let after = length(vector);
        let divisor = if after > 1e-10 * before { after } else { f64::INFINITY };
        vector.iter_mut().for_each(|value| *value /= divisor);
    }
}

/// The symmetric `matrix`, `[n * n]`, times each of `vectors`.
fn multiply(matrix: &[f64], n: usize, vectors: &[f64]) -> Vec<f64> {
    use rayon::prelude::*;
    let width = vectors.len() / n;
    let by_row: Vec<f64> = matrix
        .par_chunks(n)
        .flat_map_iter(|row| {
            vectors.chunks(n).map(move |vector| row.iter().zip(vector).map(|(a, b)| a * b).sum::<f64>())
        })
        .collect();
    crate::numeric::sparse::transposed(&by_row, n, width)
}

/// The map to the scores along `vectors`, `[n_components * n_genes]`, of what differs from `means`.
fn centered(vectors: &[f64], n_genes: usize, means: &[f64]) -> Projection {
    let n_components = vectors.len() / n_genes;
    let per_gene =
        (0..vectors.len()).map(|at| vectors[(at % n_components) * n_genes + at / n_components] as f32).collect();
    let offset = vectors
        .chunks(n_genes)
        .map(|vector| vector.iter().zip(means).map(|(a, b)| a * b).sum::<f64>() as f32)
        .collect();
    Projection { n_components, per_gene, offset }
}

/// Without any variance all molecules are alike.
fn nothing(n_genes: usize) -> Projection {
    Projection { n_components: 1, per_gene: vec![0.0; n_genes], offset: vec![0.0] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::composition::neighborhoods::Compositions;
    use crate::composition::tests::random_molecules;
    use crate::data::{GeneIdx, Molecules};
    use crate::numeric::draws::{Draws, Stream};

    fn draws() -> IterationDraws {
        Draws::new(42, Stream::Colors).at(0)
    }

    /// Genes 0, 1 on the left, 2, 3 on the right, 4 everywhere.
    fn two_regions() -> Molecules {
        let mut molecules = random_molecules(4000, 5, 11);
        for (gene, &x) in molecules.genes.iter_mut().zip(&molecules.positions.x) {
            if gene.idx() < 4 {
                *gene = GeneIdx::new(gene.idx() % 2 + if x < 50.0 { 0 } else { 2 });
            }
        }
        molecules
    }

    #[test]
    fn random_indexing_is_the_formula() {
        let molecules = two_regions();
        let neighborhoods = Neighborhoods::new(&molecules, 5);
        let found = VectorMethod::RandomIndexing.projection(&neighborhoods, Transform::None, 3, draws());
        let (mut c, _) = gram(&neighborhoods, Transform::None);
        let sums: Vec<f64> = c.chunks(5).map(|row| row.iter().sum()).collect();
        let mut shares: Vec<f64> = (0..5).map(|gene| c[gene * 6] / sums[gene]).collect();
        let limit = quantile(&mut shares, 0.95);
        let mut expected = Vec::new();
        for gene in 0..5 {
            c[gene * 6] = c[gene * 6].min(limit * sums[gene]);
            let row = &c[gene * 5..][..5];
            for component in 0..3 {
                let product: f64 =
                    row.iter().enumerate().map(|(h, c)| c * draws().rough_normal((h * 3 + component) as u64)).sum();
                expected.push(product / row.iter().sum::<f64>());
            }
        }
        for component in 0..3 {
            // Plain shares: abundances are the row sums.
            let mean: f64 = (0..5).map(|gene| expected[gene * 3 + component] * sums[gene]).sum::<f64>() / 4000.0;
            for gene in 0..5 {
                let have = f64::from(found.per_gene[gene * 3 + component]);
                assert!((have - (expected[gene * 3 + component] - mean)).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn both_principal_methods_agree_and_explain_the_variance() {
        let molecules = two_regions();
        let neighborhoods = Neighborhoods::new(&molecules, 8);
        for transform in [Transform::None, Transform::Log] {
            let dense = VectorMethod::Dense.projection(&neighborhoods, transform, 3, draws());
            let sparse = VectorMethod::Sparse.projection(&neighborhoods, transform, 3, draws());
            assert_eq!((dense.n_components, sparse.n_components), (3, 3));
            for (a, b) in dense.per_gene.iter().zip(&sparse.per_gene) {
                assert!((a - b).abs() < 1e-3, "{a} {b}");
            }
            let scores = dense.project_all(&neighborhoods, transform);
            for component in 0..3 {
                let of_component = || scores.iter().skip(component).step_by(3).map(|&score| f64::from(score));
                assert!((of_component().sum::<f64>() / 4000.0).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn dense_stops_at_99_percent() {
        // Two genes: shares sum to 1, so one component explains everything.
        let molecules = random_molecules(500, 2, 4);
        let found = VectorMethod::Dense.projection(&Neighborhoods::new(&molecules, 6), Transform::None, 20, draws());
        assert_eq!(found.n_components, 1);
    }

    #[test]
    fn one_gene_has_no_components_but_a_vector() {
        let molecules = random_molecules(50, 1, 4);
        let neighborhoods = Neighborhoods::new(&molecules, 6);
        for method in [VectorMethod::RandomIndexing, VectorMethod::Dense, VectorMethod::Sparse] {
            let found = method.projection(&neighborhoods, Transform::Log, 20, draws());
            let vectors = found.project_all(&neighborhoods, Transform::Log);
            assert!(vectors.chunks(found.n_components).all(|vector| vector == &vectors[..found.n_components]));
        }
    }

    #[test]
    fn genes_that_do_not_occur_are_no_obstacle() {
        let mut molecules = random_molecules(300, 4, 4);
        molecules.n_genes = 9;
        let neighborhoods = Neighborhoods::new(&molecules, 6);
        for method in [VectorMethod::RandomIndexing, VectorMethod::Dense, VectorMethod::Sparse] {
            let found = method.projection(&neighborhoods, Transform::None, 4, draws());
            assert!(found.per_gene.iter().all(|value| value.is_finite()));
            let mut row = Compositions::default();
            neighborhoods.compose([5], &mut row);
            let mut vector = vec![0.0; found.n_components];
            found.project(row.row(0), &mut vector);
            let first = neighborhoods.order().iter().position(|&molecule| molecule == 5).expect("a place");
            let all = found.project_all(&neighborhoods, Transform::None);
            assert_eq!(vector, all[first * found.n_components..][..found.n_components]);
        }
    }
}
