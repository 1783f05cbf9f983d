//! Neighborhood composition.

pub mod neighborhoods;
pub mod projection;
pub mod vectors;

#[cfg(test)]
pub(crate) mod tests {
    use crate::data::{GeneIdx, Molecules, Positions};
    use crate::numeric::draws::{Draws, Stream};

    /// Molecules on a line, each with its place and gene.
    pub(crate) fn molecules_at(places: &[(f64, usize)]) -> Molecules {
        Molecules {
            ids: (0..places.len() as u32).collect(),
            positions: Positions {
                x: places.iter().map(|place| place.0).collect(),
                y: vec![0.0; places.len()],
                z: None,
            },
            genes: places.iter().map(|place| GeneIdx::new(place.1)).collect(),
            n_genes: places.iter().map(|place| place.1 + 1).max().unwrap_or(0),
        }
    }

    /// Molecules spread evenly over a square of side 100.
    pub(crate) fn random_molecules(n: usize, n_genes: usize, seed: u64) -> Molecules {
        let draws = Draws::new(seed, Stream::Jitter);
        let axis = |which: u64| (0..n as u64).map(|id| 100.0 * draws.at(which).uniform(id)).collect();
        Molecules {
            ids: (0..n as u32).collect(),
            positions: Positions { x: axis(0), y: axis(1), z: None },
            genes: (0..n as u64).map(|id| GeneIdx::new((draws.at(2).bits(id) % n_genes as u64) as usize)).collect(),
            n_genes,
        }
    }
}
