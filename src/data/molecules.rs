//! Molecules as arrays, one entry per molecule.

use super::GeneIdx;

/// Coordinates, `[n_molecules]` per axis, in input units. Two- or three-dimensional.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Positions {
    /// x of every molecule.
    pub x: Vec<f64>,
    /// y of every molecule.
    pub y: Vec<f64>,
    /// z of every molecule, for 3D data.
    pub z: Option<Vec<f64>>,
}

impl Positions {
    /// Number of points.
    pub fn len(&self) -> usize {
        self.x.len()
    }

    /// True without points.
    pub fn is_empty(&self) -> bool {
        self.x.is_empty()
    }

    /// 2 or 3.
    pub fn n_dims(&self) -> usize {
        if self.z.is_some() { 3 } else { 2 }
    }

    /// Coordinates of one point; z is 0 for 2D data.
    #[inline]
    pub fn at(&self, molecule: usize) -> [f64; 3] {
        let z = self.z.as_ref().map_or(0.0, |z| z[molecule]);
        [self.x[molecule], self.y[molecule], z]
    }

    /// The points `order[0]`, `order[1]`, … in that order.
    pub fn permuted(&self, order: &[u32]) -> Self {
        let pick = |values: &[f64]| order.iter().map(|&row| values[row as usize]).collect();
        Self { x: pick(&self.x), y: pick(&self.y), z: self.z.as_deref().map(pick) }
    }
}

/// The molecules that the model works on.
///
/// The order of the arrays is free (the pipeline sorts them in space, which is what makes the
/// model fast); `ids` says which molecule is which.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Molecules {
    /// Identity of every molecule: its row (0-based) in the filtered input table. Random draws
    /// are keyed by it, so neither order nor threads nor tiles change a result.
    pub ids: Vec<u32>,
    /// Coordinates.
    pub positions: Positions,
    /// Gene of every molecule.
    pub genes: Vec<GeneIdx>,
    /// Number of genes in the gene table.
    pub n_genes: usize,
}

impl Molecules {
    /// Number of molecules.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True without molecules.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The molecules `order[0]`, `order[1]`, … in that order, with their ids.
    pub fn permuted(&self, order: &[u32]) -> Self {
        Self {
            ids: order.iter().map(|&row| self.ids[row as usize]).collect(),
            positions: self.positions.permuted(order),
            genes: order.iter().map(|&row| self.genes[row as usize]).collect(),
            n_genes: self.n_genes,
        }
    }
}
