//! How well molecules are foretold by their wider surroundings alone, without any cells.
//!
//! What cells must surpass to be believed in: the window is halved again and again, until its parts
//! hold several cells' worth of molecules; a further molecule is as likely in a part as molecules
//! are dense there, and its gene as frequent as in the part,
//! `p(x, g) = n/N / V · (n_g + a b_g) / (n + a)`.

use super::predictive::{SMOOTHINGS, frequencies};
use crate::data::Molecules;
use crate::numeric::elementary::ln;

/// ln p(x, g) of the held-out molecules of a window for each of [`SMOOTHINGS`], from the molecules
/// seen in it. Parts hold at least `part_size` molecules.
///
/// `[n_held_out]`; draws nothing. All minus infinity if the window has no extent.
pub fn log_densities(seen: &Molecules, held_out: &Molecules, part_size: usize) -> Vec<[f64; SMOOTHINGS.len()]> {
    let n_dims = seen.positions.n_dims();
    let mut densities = vec![[f64::NEG_INFINITY; SMOOTHINGS.len()]; held_out.len()];
    let mut low = [f64::INFINITY; 3];
    let mut high = [f64::NEG_INFINITY; 3];
    for molecule in 0..seen.len() {
        for (axis, value) in seen.positions.at(molecule).into_iter().enumerate() {
            low[axis] = low[axis].min(value);
            high[axis] = high[axis].max(value);
        }
    }
    let halving =
        Halving { seen, held_out, part_size: part_size.max(1), n_dims, frequencies: frequencies([seen].into_iter()) };
    let part = Part { seen: all(seen), held_out: all(held_out), low, high };
    halving.foretell(part, &mut densities);
    densities
}

fn all(molecules: &Molecules) -> Vec<u32> {
    (0..molecules.len() as u32).collect()
}

/// A box of the window with the molecules in it.
struct Part {
    seen: Vec<u32>,
    held_out: Vec<u32>,
    low: [f64; 3],
    high: [f64; 3],
}

struct Halving<'a> {
    seen: &'a Molecules,
    held_out: &'a Molecules,
    part_size: usize,
    n_dims: usize,
    frequencies: Vec<f64>,
}

impl Halving<'_> {
    /// Fills in the held-out molecules of a part. The depth is logarithmic: halves are halves by number.
    fn foretell(&self, part: Part, densities: &mut [[f64; SMOOTHINGS.len()]]) {
        if part.held_out.is_empty() {
            return;
        }
        match self.halves(&part) {
            Some((below, above)) => {
                self.foretell(below, densities);
                self.foretell(above, densities);
            }
            None => self.foretell_evenly(&part, densities),
        }
    }

    /// The halves of a part along its longest side; `None` if they would be too small.
    fn halves(&self, part: &Part) -> Option<(Part, Part)> {
        if part.seen.len() < 2 * self.part_size {
            return None;
        }
        let side = |axis: usize| part.high[axis] - part.low[axis];
        let axis = (0..self.n_dims).max_by(|&a, &b| side(a).total_cmp(&side(b)))?;
        let coordinate = |molecules: &Molecules, molecule: u32| molecules.positions.at(molecule as usize)[axis];
        let mut sorted: Vec<f64> = part.seen.iter().map(|&molecule| coordinate(self.seen, molecule)).collect();
        let middle = sorted.len() / 2;
        let border = *sorted.select_nth_unstable_by(middle, f64::total_cmp).1;
        let (seen_below, seen_above): (Vec<u32>, Vec<u32>) =
            part.seen.iter().partition(|&&molecule| coordinate(self.seen, molecule) < border);
        if seen_below.len() < self.part_size {
            // Many molecules in one place.
            return None;
        }
        let (held_below, held_above) =
            part.held_out.iter().partition(|&&molecule| coordinate(self.held_out, molecule) < border);
        let (mut high, mut low) = (part.high, part.low);
        (high[axis], low[axis]) = (border, border);
        let below = Part { seen: seen_below, held_out: held_below, low: part.low, high };
        Some((below, Part { seen: seen_above, held_out: held_above, low, high: part.high }))
    }

    fn foretell_evenly(&self, part: &Part, densities: &mut [[f64; SMOOTHINGS.len()]]) {
        let volume: f64 = (0..self.n_dims).map(|axis| part.high[axis] - part.low[axis]).product();
        if volume <= 0.0 {
            return;
        }
        let n = part.seen.len() as f64;
        let log_place = ln(n / self.seen.len() as f64 / volume);
        let mut counts = vec![0.0; self.frequencies.len()];
        for &molecule in &part.seen {
            counts[self.seen.genes[molecule as usize].idx()] += 1.0;
        }
        for &molecule in &part.held_out {
            let gene = self.held_out.genes[molecule as usize].idx();
            densities[molecule as usize] = SMOOTHINGS
                .map(|smoothing| log_place + ln((counts[gene] + smoothing * self.frequencies[gene]) / (n + smoothing)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{GeneIdx, Positions};

    /// Eight molecules on the left fifth of a strip of 10 x 1, eight of another gene on the rest.
    fn strip() -> Molecules {
        let places = (0..16).map(|i| if i < 8 { 0.25 * f64::from(i) } else { f64::from(i - 7) + 2.0 });
        let mut x: Vec<f64> = places.collect();
        x[15] = 10.0;
        Molecules {
            ids: (0..16).collect(),
            positions: Positions { x, y: (0..16).map(|i| f64::from(i % 2)).collect(), z: None },
            genes: (0..16).map(|i| GeneIdx::new(i / 8)).collect(),
            n_genes: 2,
        }
    }

    fn at(x: f64, gene: usize) -> Molecules {
        Molecules {
            ids: vec![0],
            positions: Positions { x: vec![x], y: vec![0.5], z: None },
            genes: vec![GeneIdx::new(gene)],
            n_genes: 2,
        }
    }

    #[test]
    fn halves_are_as_dense_and_of_the_genes_as_their_molecules() {
        // The border is at molecule 8, at x = 3: half of the molecules on 3 units, half on 7.
        let density = |x, gene| log_densities(&strip(), &at(x, gene), 8)[0][0].exp();
        let own = (8.0 + 2.0 * 0.5) / 10.0;
        assert!((density(1.0, 0) - 0.5 / 3.0 * own).abs() < 1e-12, "{}", density(1.0, 0));
        assert!((density(8.0, 1) - 0.5 / 7.0 * own).abs() < 1e-12);
        assert!((density(8.0, 0) - 0.5 / 7.0 * (1.0 - own)).abs() < 1e-12);
    }

    #[test]
    fn a_window_too_small_to_halve_is_one_part() {
        let density = log_densities(&strip(), &at(1.0, 0), 9)[0][0].exp();
        assert!((density - 0.1 * 0.5).abs() < 1e-12, "{density}");
    }

    #[test]
    fn a_window_without_extent_foretells_nothing() {
        let mut molecules = strip();
        molecules.positions.y.fill(0.5);
        assert_eq!(log_densities(&molecules, &at(1.0, 0), 4)[0][0], f64::NEG_INFINITY);
    }
}
