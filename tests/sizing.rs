//! The scale that molecules alone suggest, on tissue of known cells, and the verdict on half, right and double of it.

use baysor::data::{GeneIdx, Molecules, Positions};
use baysor::graph;
use baysor::noise;
use baysor::numeric::draws::{Draws, Stream};
use baysor::observe::Silent;
use baysor::pipeline::sizing::{Judged, Level, Suggestion, judge, suggest};

/// Genes of every cell type; each type has its own and shares a few molecules with the others.
const GENES_PER_TYPE: usize = 6;
const TYPES: usize = 4;

/// A tissue without gaps: cells are the surroundings of jittered points of a triangular grid.
struct Packed {
    /// Cells along each side.
    side: usize,
    /// Molecules per cell on average.
    per_cell: usize,
    /// Share of molecules of the genes of the own type.
    purity: f64,
    /// Thickness in units of the distance between centers; 0 is flat.
    thickness: f64,
    seed: u64,
}

impl Packed {
    /// Distance between centers.
    const SPACING: f64 = 10.0;

    /// Radius of a circle of the mean area of a cell.
    fn radius(&self) -> f64 {
        Self::SPACING * (3.0f64.sqrt() / 2.0 / std::f64::consts::PI).sqrt()
    }

    fn molecules(&self) -> Molecules {
        let draws = Draws::new(self.seed, Stream::Jitter);
        let (of_centers, of_molecules) = (draws.at(0), draws.at(1));
        let row_height = Self::SPACING * 3.0f64.sqrt() / 2.0;
        let centers: Vec<[f64; 2]> = (0..self.side * self.side)
            .map(|cell| {
                let (column, row) = (cell % self.side, cell / self.side);
                let jitter = [0, 1].map(|axis| 0.12 * Self::SPACING * of_centers.rough_normal(2 * cell as u64 + axis));
                let shift = if row % 2 == 1 { 0.5 } else { 0.0 };
                [(column as f64 + shift) * Self::SPACING + jitter[0], row as f64 * row_height + jitter[1]]
            })
            .collect();
        let kinds: Vec<usize> = (0..centers.len())
            .map(|cell| (of_centers.uniform(1_000_000 + cell as u64) * TYPES as f64) as usize)
            .collect();
        let n = self.per_cell * centers.len();
        let (width, height) = (self.side as f64 * Self::SPACING, self.side as f64 * row_height);
        let mut molecules = Molecules {
            ids: (0..n as u32).collect(),
            positions: Positions { z: (self.thickness > 0.0).then(Vec::new), ..Positions::default() },
            genes: Vec::new(),
            n_genes: GENES_PER_TYPE * TYPES,
        };
        for molecule in 0..n as u64 {
            let [x, y, z, own, gene] = [0, 1, 2, 3, 4].map(|part| of_molecules.uniform(8 * molecule + part));
            let (x, y) = (x * width, y * height);
            let distance2 = |center: &[f64; 2]| (center[0] - x).powi(2) + (center[1] - y).powi(2);
            let cell = (0..centers.len())
                .min_by(|&a, &b| distance2(&centers[a]).total_cmp(&distance2(&centers[b])))
                .unwrap_or(0);
            let gene = if own < self.purity {
                kinds[cell] * GENES_PER_TYPE + (gene * GENES_PER_TYPE as f64) as usize
            } else {
                (gene * (GENES_PER_TYPE * TYPES) as f64) as usize
            };
            molecules.positions.x.push(x);
            molecules.positions.y.push(y);
            if let Some(zs) = &mut molecules.positions.z {
                zs.push(z * self.thickness * Self::SPACING);
            }
            molecules.genes.push(GeneIdx::new(gene));
        }
        molecules
    }
}

fn suggestion(molecules: &Molecules) -> Suggestion {
    let spatial = graph::build(molecules, Draws::new(1, Stream::Jitter));
    let confidence = noise::estimate(molecules, 5, &graph::weigh(&spatial), None).values;
    suggest(molecules, &confidence, 1, &Silent)
}

/// Half, right and double must come out apart, so an error of √2 would be too much; 1.4 leaves
/// room for what cells without gaps between them, of which neighbors of one type look like one,
/// do to the radius.
#[test]
fn scale_is_found_within_a_factor_and_half_right_and_double_are_told_apart() {
    let tissues = [
        ("dense", Packed { side: 14, per_cell: 60, purity: 0.8, thickness: 0.0, seed: 1 }),
        ("sparse", Packed { side: 22, per_cell: 20, purity: 0.9, thickness: 0.0, seed: 2 }),
        ("slab", Packed { side: 12, per_cell: 80, purity: 0.8, thickness: 0.6, seed: 3 }),
    ];
    for (name, tissue) in tissues {
        let found = suggestion(&tissue.molecules());
        let sizing = found.sizing().unwrap_or_else(|| panic!("{name}: {found:?}"));
        let ratio = sizing.scale / tissue.radius();
        assert!((1.0 / 1.4..1.4).contains(&ratio), "{name}: {ratio}, {:#?}", sizing.trials);
        let per_cell = sizing.molecules_per_cell[1] / tissue.per_cell as f64;
        assert!((0.5..2.0).contains(&per_cell), "{name}: {per_cell}");
        for (factor, level) in [(0.5, Level::TooSmall), (1.0, Level::Fits), (2.0, Level::TooLarge)] {
            let judged =
                Judged { scale: factor * tissue.radius(), median_radius: None, median_molecules: None, nuclei: None };
            let verdict = judge(&judged, &found);
            assert_eq!(verdict.level, level, "{name}, {factor} times the scale: {:?}", verdict.sentences);
        }
    }
}
