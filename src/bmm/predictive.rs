//! How well cells foretell molecules that the model has not seen.
//!
//! A segmentation of some molecules gives a density of further ones: a place is likely where cells
//! are, and a gene is likely where the cells around have it,
//!
//! `p(x, g) = Σ_k n_k/N · h(d_k(x)) / √det S_k · (n_kg + a b_g) / (n_k + a) + ε/V · b_g`
//!
//! with the squared Mahalanobis distance `d_k` of cell k, a profile `h` that all cells share, the
//! frequency `b_g` of the gene in all molecules, and the share ε of noise in the volume V.
//!
//! METHOD: the model's own normals would mislead here. Cells are flat where a normal has a peak,
//! and a flat cell is better described by several small normals: held-out molecules would ask for
//! divided cells. So the profile `h` is taken from the molecules themselves, one for all cells,
//! falling outwards. What a molecule contributed to its own cell is taken out of its distance, or
//! cells of few molecules would look narrower than they are.

use super::shape::Symmetric;
use crate::data::{CellIdx, GeneIdx, Molecules, Positions, Segmentation};
use crate::numeric::elementary::{exp, ln};
use crate::spatial::kdtree::{KdTree, Neighbor};

/// How many molecules of average composition every cell gets: the best of these is taken.
pub const SMOOTHINGS: [f64; 9] = [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1024.0];
/// Cells around a place that can foretell a molecule there.
const N_CANDIDATES: usize = 16;
/// Smallest share of noise.
const MIN_NOISE: f64 = 0.01;
/// Borders of the rings of the profile, as squared Mahalanobis distances.
const RINGS: [f64; 19] =
    [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 11.0, 16.0, 25.0, 40.0, 80.0, 160.0, 320.0];
/// ln of the profile beyond the last ring.
const LOG_BEYOND: f64 = -27.6;

/// A cell as its molecules show it.
#[derive(Clone, Debug)]
struct Cell {
    n: f64,
    mean: [f64; 3],
    /// Sum of products of the deviations from the mean.
    scatter: Symmetric,
}

/// The cells of one segmentation.
pub struct Cells {
    n_dims: usize,
    n_molecules: usize,
    n_noise: usize,
    cells: Vec<Cell>,
    /// Genes of the molecules of each cell, sorted; cells one after another.
    genes: Vec<GeneIdx>,
    /// Start of each cell in `genes`, `[n_cells + 1]`.
    starts: Vec<usize>,
    /// Extent of the molecules along each axis.
    extent: [f64; 3],
}

impl Cells {
    /// The cells of `segmentation`, which is one of `molecules`.
    pub fn of(molecules: &Molecules, segmentation: &Segmentation) -> Self {
        let n_cells = segmentation.n_cells;
        let positions = &molecules.positions;
        let mut cells = vec![Cell { n: 0.0, mean: [0.0; 3], scatter: [0.0; 6] }; n_cells];
        let members = || segmentation.cell_of.iter().enumerate().filter_map(|(i, cell)| cell.map(|cell| (i, cell)));
        for (molecule, cell) in members() {
            let cell = &mut cells[cell.idx()];
            cell.n += 1.0;
            for (mean, value) in cell.mean.iter_mut().zip(positions.at(molecule)) {
                // A running mean: far from the origin a sum would lose digits.
                *mean += (value - *mean) / cell.n;
            }
        }
        for (molecule, cell) in members() {
            let cell = &mut cells[cell.idx()];
            let [x, y, z] = difference(positions.at(molecule), cell.mean);
            for (entry, product) in cell.scatter.iter_mut().zip([x * x, x * y, y * y, x * z, y * z, z * z]) {
                *entry += product;
            }
        }
        let mut keyed: Vec<(CellIdx, GeneIdx)> = members().map(|(i, cell)| (cell, molecules.genes[i])).collect();
        keyed.sort_unstable();
        let starts = (0..=n_cells).map(|cell| keyed.partition_point(|&(other, _)| other.idx() < cell)).collect();
        Self {
            n_dims: positions.n_dims(),
            n_molecules: molecules.len(),
            n_noise: molecules.len() - keyed.len(),
            cells,
            genes: keyed.into_iter().map(|(_, gene)| gene).collect(),
            starts,
            extent: extent(positions),
        }
    }

    /// Number of molecules and radius of every cell of at least `min_molecules` molecules (and at
    /// least one more than dimensions). The radius is that of a disc (in 3D a ball) whose points
    /// have the variance of the molecules.
    pub fn sizes(&self, min_molecules: usize) -> Vec<(f64, f64)> {
        let least = min_molecules.max(self.n_dims + 1) as f64;
        // A disc of radius R has E|x|² = R²/2, a ball 3R²/5.
        let factor = if self.n_dims == 3 { 5.0 / 3.0 } else { 2.0 };
        let large = self.cells.iter().filter(|cell| cell.n >= least);
        large.map(|cell| (cell.n, (factor * trace(cell.scatter) / (cell.n - 1.0)).sqrt())).collect()
    }

    fn gene_count(&self, cell: usize, gene: GeneIdx) -> f64 {
        let genes = &self.genes[self.starts[cell]..self.starts[cell + 1]];
        let first = genes.partition_point(|&other| other < gene);
        (genes[first..].partition_point(|&other| other == gene)) as f64
    }
}

/// The density of further molecules, learned from all windows of a slide.
pub struct Predictive {
    n_dims: usize,
    /// Pooled variance of the cells along an axis.
    variance: f64,
    /// ln h by ring.
    log_profile: Vec<f64>,
    /// Frequency of every gene. `[n_genes]`
    frequencies: Vec<f64>,
    noise: f64,
}

/// A cell ready to foretell.
struct Foretelling {
    precision: Symmetric,
    /// ln(n / N / √det S).
    log_weight: f64,
}

impl Predictive {
    /// Learns what all cells share. `None` without cells of an extent.
    pub fn learn(windows: &[(&Molecules, &Segmentation, &Cells)]) -> Option<Self> {
        let n_dims = windows.first()?.2.n_dims;
        let all = || windows.iter().flat_map(|window| &window.2.cells).filter(|cell| cell.n >= 2.0);
        let freedom: f64 = all().map(|cell| cell.n - 1.0).sum();
        let variance = all().map(|cell| trace(cell.scatter)).sum::<f64>() / freedom / n_dims as f64;
        if !(variance > 0.0 && variance.is_finite()) {
            return None;
        }
        let n_molecules: usize = windows.iter().map(|window| window.2.n_molecules).sum();
        let n_noise: usize = windows.iter().map(|window| window.2.n_noise).sum();
        let mut this = Self {
            n_dims,
            variance,
            log_profile: Vec::new(),
            frequencies: frequencies(windows.iter().map(|window| window.0)),
            noise: (n_noise as f64 / n_molecules as f64).max(MIN_NOISE),
        };
        this.log_profile = this.learn_profile(windows);
        Some(this)
    }

    /// The covariance of a cell: its molecules and a few of the average shape, with the number of
    /// degrees of freedom; returns the sum of products and that number.
    fn widened(&self, cell: &Cell) -> (Symmetric, f64) {
        let prior = self.n_dims as f64 + 1.0;
        let mut sum = cell.scatter;
        let mut axes = [0, 2, 5].into_iter();
        for axis in axes.by_ref().take(self.n_dims) {
            sum[axis] += prior * self.variance;
        }
        (sum, cell.n + prior - 1.0)
    }

    fn learn_profile(&self, windows: &[(&Molecules, &Segmentation, &Cells)]) -> Vec<f64> {
        let mut counts = [1.0; RINGS.len() - 1];
        for (molecules, segmentation, cells) in windows {
            let shapes: Vec<(Symmetric, f64)> = cells
                .cells
                .iter()
                .map(|cell| {
                    let (sum, freedom) = self.widened(cell);
                    (inverse(sum, self.n_dims).0, freedom)
                })
                .collect();
            for (molecule, cell) in segmentation.cell_of.iter().enumerate() {
                let Some(cell) = cell.map(CellIdx::idx).filter(|&cell| cells.cells[cell].n >= 2.0) else { continue };
                let offset = difference(molecules.positions.at(molecule), cells.cells[cell].mean);
                let (inverse, freedom) = &shapes[cell];
                // METHOD: the distance to the cell without this molecule, by the formula of
                // Sherman and Morrison: with c = n / (n - 1) and q = dᵀA⁻¹d it is c² q / (1 - c q).
                let c = cells.cells[cell].n / (cells.cells[cell].n - 1.0);
                let q = quadratic(*inverse, offset);
                let distance2 = c * c * (freedom - 1.0) * q / (1.0 - c * q).max(1e-9);
                if let Some(ring) = ring_of(distance2) {
                    counts[ring] += 1.0;
                }
            }
        }
        let total: f64 = counts.iter().sum();
        let volumes: Vec<f64> =
            RINGS.windows(2).map(|borders| self.volume(borders[1]) - self.volume(borders[0])).collect();
        let mut least = f64::INFINITY;
        let falling: Vec<f64> = counts
            .iter()
            .zip(&volumes)
            .map(|(count, volume)| {
                least = f64::min(least, count / total / volume);
                least
            })
            .collect();
        // What was cut off to let the profile fall is given back to all rings alike.
        let sum: f64 = falling.iter().zip(&volumes).map(|(density, volume)| density * volume).sum();
        falling.iter().map(|density| ln(density / sum)).collect()
    }

    /// Volume of a unit disc or ball blown up to a squared radius.
    fn volume(&self, radius2: f64) -> f64 {
        use std::f64::consts::PI;
        if self.n_dims == 3 { 4.0 / 3.0 * PI * radius2 * radius2.sqrt() } else { PI * radius2 }
    }

    /// ln p(x, g) of every held-out molecule of a window, for each of [`SMOOTHINGS`].
    ///
    /// `[n_molecules]`, in the order of `held_out`; draws nothing.
    pub fn log_densities(&self, cells: &Cells, held_out: &Molecules) -> Vec<[f64; SMOOTHINGS.len()]> {
        let able: Vec<usize> = (0..cells.cells.len()).filter(|&cell| cells.cells[cell].n >= 2.0).collect();
        let axis = |axis: usize| able.iter().map(|&cell| cells.cells[cell].mean[axis]).collect();
        let tree = KdTree::new(&Positions { x: axis(0), y: axis(1), z: (self.n_dims == 3).then(|| axis(2)) }, None);
        let foretelling: Vec<Foretelling> = able.iter().map(|&cell| self.prepare(cells, &cells.cells[cell])).collect();
        let volume: f64 = cells.extent[..self.n_dims].iter().map(|extent| extent.max(self.variance.sqrt())).product();
        let noise = self.noise / volume;
        let mut found: Vec<Neighbor> = Vec::new();
        (0..held_out.len())
            .map(|molecule| {
                let at = held_out.positions.at(molecule);
                let gene = held_out.genes[molecule];
                tree.nearest(at, N_CANDIDATES, &mut found);
                let mut densities = [noise * self.frequencies[gene.idx()]; SMOOTHINGS.len()];
                for near in &found {
                    let (cell, ready) = (able[near.point as usize], &foretelling[near.point as usize]);
                    let offset = difference(at, cells.cells[cell].mean);
                    let place = exp(ready.log_weight + self.log_profile(quadratic(ready.precision, offset)));
                    let (n, count) = (cells.cells[cell].n, cells.gene_count(cell, gene));
                    for (density, smoothing) in densities.iter_mut().zip(SMOOTHINGS) {
                        *density += place * (count + smoothing * self.frequencies[gene.idx()]) / (n + smoothing);
                    }
                }
                densities.map(ln)
            })
            .collect()
    }

    fn prepare(&self, cells: &Cells, cell: &Cell) -> Foretelling {
        let (sum, freedom) = self.widened(cell);
        let (inverse, determinant) = inverse(sum, self.n_dims);
        let log_determinant = ln(determinant) - self.n_dims as f64 * ln(freedom);
        Foretelling {
            precision: inverse.map(|entry| entry * freedom),
            log_weight: ln(cell.n / cells.n_molecules as f64) - 0.5 * log_determinant,
        }
    }

    fn log_profile(&self, distance2: f64) -> f64 {
        ring_of(distance2).map_or(LOG_BEYOND, |ring| self.log_profile[ring])
    }
}

fn ring_of(distance2: f64) -> Option<usize> {
    let ring = RINGS.partition_point(|&border| border <= distance2);
    (1..RINGS.len()).contains(&ring).then(|| ring - 1)
}

/// Frequencies of the genes in all windows together, none of them 0.
pub(super) fn frequencies<'a>(windows: impl Iterator<Item = &'a Molecules>) -> Vec<f64> {
    let mut counts: Vec<f64> = Vec::new();
    for molecules in windows {
        counts.resize(molecules.n_genes, 0.5);
        for gene in &molecules.genes {
            counts[gene.idx()] += 1.0;
        }
    }
    let total: f64 = counts.iter().sum();
    counts.iter().map(|count| count / total).collect()
}

fn extent(positions: &Positions) -> [f64; 3] {
    let range = |values: &[f64]| {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (high - low).max(0.0)
    };
    [range(&positions.x), range(&positions.y), positions.z.as_deref().map_or(0.0, range)]
}

fn difference(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn trace(matrix: Symmetric) -> f64 {
    matrix[0] + matrix[2] + matrix[5]
}

fn quadratic([xx, xy, yy, xz, yz, zz]: Symmetric, [x, y, z]: [f64; 3]) -> f64 {
    x * (xx * x + 2.0 * (xy * y + xz * z)) + y * (yy * y + 2.0 * yz * z) + zz * z * z
}

/// Inverse and determinant of a positive definite matrix.
fn inverse([xx, xy, yy, xz, yz, zz]: Symmetric, n_dims: usize) -> (Symmetric, f64) {
    if n_dims == 2 {
        let determinant = xx * yy - xy * xy;
        return ([yy / determinant, -xy / determinant, xx / determinant, 0.0, 0.0, 0.0], determinant);
    }
    let cofactors = [
        yy * zz - yz * yz,
        xz * yz - xy * zz,
        xx * zz - xz * xz,
        xy * yz - xz * yy,
        xy * xz - xx * yz,
        xx * yy - xy * xy,
    ];
    let determinant = xx * cofactors[0] + xy * cofactors[1] + xz * cofactors[3];
    (cofactors.map(|cofactor| cofactor / determinant), determinant)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two cells of four molecules each, ten apart, of one gene each.
    fn two_cells() -> (Molecules, Segmentation) {
        let square = [[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]];
        let places: Vec<[f64; 2]> = square.iter().flat_map(|&[x, y]| [[x, y], [x + 10.0, y]]).collect();
        let molecules = Molecules {
            ids: (0..8).collect(),
            positions: Positions {
                x: places.iter().map(|place| place[0]).collect(),
                y: places.iter().map(|place| place[1]).collect(),
                z: None,
            },
            genes: (0..8).map(|i| GeneIdx::new(i % 2)).collect(),
            n_genes: 2,
        };
        let cell_of = (0..8).map(|i| Some(CellIdx::new(i % 2))).collect();
        (
            molecules,
            Segmentation { n_cells: 2, cell_of, assignment_confidence: None, lifespans: None, started_from: None },
        )
    }

    fn at(x: f64, y: f64, gene: usize) -> Molecules {
        Molecules {
            ids: vec![0],
            positions: Positions { x: vec![x], y: vec![y], z: None },
            genes: vec![GeneIdx::new(gene)],
            n_genes: 2,
        }
    }

    #[test]
    fn a_molecule_is_likeliest_in_the_cell_of_its_gene() {
        let (molecules, segmentation) = two_cells();
        let cells = Cells::of(&molecules, &segmentation);
        let predictive = Predictive::learn(&[(&molecules, &segmentation, &cells)]).expect("two cells");
        let log_density = |x, y, gene| predictive.log_densities(&cells, &at(x, y, gene))[0][0];
        assert!(log_density(1.0, 1.0, 0) > log_density(1.0, 1.0, 1) + 1.0);
        assert!(log_density(11.0, 1.0, 1) > log_density(11.0, 1.0, 0) + 1.0);
        assert!(log_density(1.0, 1.0, 0) > log_density(6.0, 1.0, 0));
    }

    #[test]
    fn the_density_is_one_in_all() {
        let (molecules, segmentation) = two_cells();
        let cells = Cells::of(&molecules, &segmentation);
        let predictive = Predictive::learn(&[(&molecules, &segmentation, &cells)]).expect("two cells");
        // Over a grid that covers both profiles; what lies beyond the last ring is next to nothing,
        // the noise counts in its box of 12 x 2 only.
        let (mut total, step) = (0.0, 0.25);
        for column in -200..300 {
            for row in -200..220 {
                for gene in 0..2 {
                    let place = at(f64::from(column) * step, f64::from(row) * step, gene);
                    total += predictive.log_densities(&cells, &place)[0][3].exp() * step * step;
                }
            }
        }
        let noise = 0.01 / 24.0 * (500.0 * 420.0 * step * step);
        assert!((total - noise - 1.0).abs() < 0.05, "{}", total - noise);
    }

    #[test]
    fn the_radius_is_that_of_a_disc_of_the_same_variance() {
        let (molecules, segmentation) = two_cells();
        let sizes = Cells::of(&molecules, &segmentation).sizes(4);
        // Sum of squares 4 * 2 around the center, over n - 1 = 3, times 2.
        assert_eq!(sizes.len(), 2);
        assert!(sizes.iter().all(|&(n, radius)| n == 4.0 && (radius - (16.0f64 / 3.0).sqrt()).abs() < 1e-12));
        assert!(Cells::of(&molecules, &segmentation).sizes(5).is_empty());
    }

    #[test]
    fn the_inverse_of_a_3d_matrix_times_the_matrix_is_one() {
        let matrix = [4.0, 1.0, 3.0, -0.5, 0.25, 2.0];
        let ([xx, xy, yy, xz, yz, zz], determinant) = inverse(matrix, 3);
        let first_row =
            [xx * 4.0 + xy * 1.0 + xz * -0.5, xx * 1.0 + xy * 3.0 + xz * 0.25, xx * -0.5 + xy * 0.25 + xz * 2.0];
        assert!((first_row[0] - 1.0).abs() < 1e-12 && first_row[1].abs() < 1e-12 && first_row[2].abs() < 1e-12);
        assert!((determinant - 20.75).abs() < 1e-12, "{determinant}");
        let _ = (yy, yz, zz);
    }

    #[test]
    fn molecules_in_one_place_give_no_density() {
        let (mut molecules, segmentation) = two_cells();
        molecules.positions.x.fill(1.0);
        molecules.positions.y.fill(1.0);
        let cells = Cells::of(&molecules, &segmentation);
        assert!(Predictive::learn(&[(&molecules, &segmentation, &cells)]).is_none());
    }
}
