//! Molecules outside of cells, where cells have intensities: an even rain of the genes of the slide.
//!
//! METHOD: a cell's density is an expected number of molecules per area, so that of the background has to be one, too:
//! the number of molecules that the distances between neighbors call background, over the area where there are any,
//! times the share of the gene. It does not follow the assignment: noise that grows where cells give way would grow on.
//!
//! DIFFERS: 0.7.1 takes the density of a cell of the expected size at three standard deviations along every axis.

use super::params::Evidence;
use crate::data::{GeneIdx, Positions};
use crate::numeric::elementary::ln;
use crate::numeric::reduce;

/// How much of the odds of a molecule's confidence counts besides.
///
/// METHOD: confidences come from the distance to neighbors, which the intensities of cells tell as well.
pub const ODDS_SHARE: f64 = 0.5;
/// Least share of molecules that are background.
const MIN_SHARE: f64 = 0.002;

/// ln of the background molecules per area (volume); `scale` is the cell radius.
///
/// The same for any order of the molecules but for the last bits of a sum over blocks.
pub fn log_intensity(evidence: &Evidence<'_>, scale: f64) -> f64 {
    let n = evidence.molecules.len();
    let expected = reduce::ordered_sum(n, |molecule| 1.0 - f64::from(evidence.confidence[molecule]));
    ln(expected.max(MIN_SHARE * n as f64)) - ln(occupied(&evidence.molecules.positions, scale))
}

/// Genes of the background: those of the slide.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Background {
    /// ln of the share of a gene. `[n_genes]`
    log_share: Vec<f64>,
}

impl Background {
    /// The background of molecules.
    pub fn of(evidence: &Evidence<'_>) -> Self {
        let molecules = evidence.molecules;
        let mut counts = vec![0u32; molecules.n_genes];
        molecules.genes.iter().for_each(|gene| counts[gene.idx()] += 1);
        let total = molecules.len() as f64 + 0.5 * molecules.n_genes as f64;
        Self { log_share: counts.iter().map(|&count| ln((f64::from(count) + 0.5) / total)).collect() }
    }

    /// ln of the share of a gene.
    #[inline]
    pub fn log_share(&self, gene: GeneIdx) -> f64 {
        self.log_share[gene.idx()]
    }
}

/// The area of the squares of side `scale` that hold molecules, times the depth of the molecules in three dimensions.
fn occupied(positions: &Positions, scale: f64) -> f64 {
    let square = |molecule: usize| [positions.x[molecule], positions.y[molecule]].map(|at| (at / scale).floor() as i64);
    // Molecules come in spatial order: most stand in the square of the one before.
    let mut squares: Vec<[i64; 2]> = Vec::new();
    for square in (0..positions.len()).map(square) {
        if squares.last() != Some(&square) {
            squares.push(square);
        }
    }
    squares.sort_unstable();
    squares.dedup();
    let depth = positions.z.as_deref().map_or(1.0, |z| {
        let range = z.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], &z| [low.min(z), high.max(z)]);
        // Molecules in one plane have no depth.
        (range[1] - range[0]).max(1e-3 * scale)
    });
    squares.len().max(1) as f64 * scale * scale * depth
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_squares_with_molecules_count_as_area() {
        let mut positions = Positions { x: vec![0.1, 0.9, 5.0, 105.0], y: vec![0.0, 0.5, 0.0, 99.0], z: None };
        assert_eq!(occupied(&positions, 1.0), 3.0);
        assert_eq!(occupied(&positions, 10.0), 200.0);
        positions.z = Some(vec![0.0, 4.0, 2.0, 1.0]);
        assert_eq!(occupied(&positions, 10.0), 800.0);
    }
}
