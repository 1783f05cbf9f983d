//! Outlines of cells.

use baysor::polygons;
use divan::Bencher;

use crate::support::{FLAT, THICK};

#[divan::bench]
fn outline_cells(bencher: Bencher) {
    let tissue = &*FLAT;
    bencher.bench(|| polygons::outline_cells(tissue.positions(), &tissue.cell_of, tissue.n_cells));
}

/// Ten layers of z. Every molecule lies in one of them.
#[divan::bench]
fn layer_outlines(bencher: Bencher) {
    let tissue = &*THICK;
    bencher.bench(|| polygons::layer_outlines(tissue.positions(), &tissue.cell_of, tissue.n_cells, 10));
}
