//! Confidence of molecules.

use baysor::noise::{self, Sweep};
use divan::Bencher;

use crate::support::{FLAT, KNOWN_FLAT, NN_ID, THICK};

#[divan::bench]
fn neighbor_distances_2d(bencher: Bencher) {
    let positions = FLAT.positions();
    bencher.bench(|| noise::neighbor_distances(positions, NN_ID));
}

#[divan::bench]
fn neighbor_distances_3d(bencher: Bencher) {
    let positions = THICK.positions();
    bencher.bench(|| noise::neighbor_distances(positions, NN_ID));
}

/// All iterations until the mixture has settled.
#[divan::bench]
fn fit(bencher: Bencher) {
    let distances = noise::neighbor_distances(FLAT.positions(), NN_ID);
    let graph = &KNOWN_FLAT.full_graph;
    bencher.bench(|| noise::fit(&distances, graph, None, Sweep::Blocks));
}
