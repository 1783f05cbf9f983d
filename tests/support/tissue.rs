//! A synthetic tissue: round cells of four types in a square, and background between them.

use baysor::numeric::draws::{Draws, IterationDraws, Stream};

/// Genes of every cell type, of which each cell type has five of its own.
const GENES_PER_TYPE: usize = 5;
/// Types of cells.
const TYPES: usize = 4;
/// Distance between neighbouring cell centres, in units of the tissue; `--scale 3` fits.
pub const SPACING: f64 = 12.0;

/// One molecule and where it comes from.
#[derive(Clone, Debug)]
pub struct Molecule {
    pub x: f64,
    pub y: f64,
    pub z: f64,
    pub gene: String,
    /// Number of the cell, 0 for background.
    pub cell: usize,
    /// Whether it lies in the core of its cell, where prior segmentations have their nuclei.
    pub in_core: bool,
}

/// What the tissue is like. All draws are keyed: the same values give the same molecules on every machine.
#[derive(Clone, Copy, Debug)]
pub struct Tissue {
    /// Cells on each side of the square.
    pub side: usize,
    /// Molecules per cell; some cells have a fifth fewer or more.
    pub per_cell: usize,
    /// Share of background molecules.
    pub background: f64,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for Tissue {
    fn default() -> Self {
        Self { side: 9, per_cell: 25, background: 0.08, seed: 1 }
    }
}

impl Tissue {
    /// All molecules: cell by cell, background molecules in between, as a shuffled slide would have them.
    pub fn molecules(&self) -> Vec<Molecule> {
        let draws = Draws::new(self.seed, Stream::Jitter);
        let mut molecules = Vec::new();
        for cell in 0..self.side * self.side {
            let of_cell = draws.at(cell as u64);
            let centre = [cell % self.side, cell / self.side].map(|at| (at as f64 + 0.5) * SPACING);
            let centre = [centre[0] + of_cell.rough_normal(1), centre[1] + of_cell.rough_normal(2)];
            let kind = (of_cell.uniform(3) * TYPES as f64) as usize;
            let n = (self.per_cell as f64 * (0.8 + 0.4 * of_cell.uniform(4))).round() as usize;
            molecules.extend((0..n).map(|at| in_cell(of_cell, at as u64, centre, kind, cell + 1)));
        }
        let n_background = (molecules.len() as f64 * self.background / (1.0 - self.background)) as usize;
        let of_background = draws.at(u64::MAX);
        let width = self.side as f64 * SPACING;
        molecules.extend((0..n_background).map(|at| background(of_background, at as u64, width)));
        let order = draws.at(u64::MAX - 1);
        let mut keyed: Vec<(u64, Molecule)> =
            molecules.into_iter().enumerate().map(|(at, molecule)| (order.bits(at as u64), molecule)).collect();
        keyed.sort_by_key(|(key, _)| *key);
        keyed.into_iter().map(|(_, molecule)| molecule).collect()
    }

    /// A table with the columns x, y and gene.
    pub fn csv_2d(&self) -> String {
        self.table("x,y,gene", |_, m| format!("{},{},{}", m.x, m.y, m.gene))
    }

    /// A table with the columns x, y, z and gene.
    pub fn csv_3d(&self) -> String {
        self.table("x,y,z,gene", |_, m| format!("{},{},{},{}", m.x, m.y, m.z, m.gene))
    }

    /// A table with the columns x, y, gene and cell_id, 0 outside the cores of cells.
    pub fn csv_with_prior(&self) -> String {
        self.table("x,y,gene,cell_id", |_, m| format!("{},{},{},{}", m.x, m.y, m.gene, m.core()))
    }

    /// A table with a header and one line per molecule, which gets the molecule and its row.
    pub fn table(&self, header: &str, line: impl Fn(usize, &Molecule) -> String) -> String {
        let mut text = format!("{header}\n");
        for (row, molecule) in self.molecules().iter().enumerate() {
            text.push_str(&line(row, molecule));
            text.push('\n');
        }
        text
    }
}

impl Molecule {
    /// Number of the cell if the molecule lies in its core, otherwise 0.
    pub fn core(&self) -> usize {
        if self.in_core { self.cell } else { 0 }
    }
}

fn in_cell(draws: IterationDraws, at: u64, centre: [f64; 2], kind: usize, cell: usize) -> Molecule {
    let key = 100 + 10 * at;
    let [dx, dy] = [0, 1].map(|axis| 1.7 * draws.rough_normal(key + axis));
    // Three quarters of the molecules are of the genes of the cell's type.
    let own = draws.uniform(key + 3) < 0.75;
    let gene = (draws.uniform(key + 4) * if own { GENES_PER_TYPE } else { GENES_PER_TYPE * TYPES } as f64) as usize;
    let gene = if own { gene + kind * GENES_PER_TYPE } else { gene };
    let z = 4.0 + 1.7 * draws.rough_normal(key + 5);
    let in_core = dx * dx + dy * dy < 6.0;
    Molecule { x: round(centre[0] + dx), y: round(centre[1] + dy), z: round(z), gene: name(gene), cell, in_core }
}

fn background(draws: IterationDraws, at: u64, width: f64) -> Molecule {
    let [x, y, z, gene] = [0, 1, 2, 3].map(|part| draws.uniform(4 * at + part));
    let gene = name((gene * (GENES_PER_TYPE * TYPES) as f64) as usize);
    Molecule { x: round(x * width), y: round(y * width), z: round(8.0 * z), gene, cell: 0, in_core: false }
}

fn name(gene: usize) -> String {
    format!("Gene{gene:02}")
}

/// Three decimals, as instruments write them.
fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
