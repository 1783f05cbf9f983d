//! From positions to the molecule graph.

use baysor::data::{Molecules, Positions};
use baysor::graph;
use baysor::spatial::order::hilbert_order;
use baysor::spatial::{delaunay, normalize};
use divan::Bencher;

use crate::support::{FLAT, THICK, jitter};

/// The order in space that everything else relies on.
#[divan::bench]
fn sort_in_space(bencher: Bencher) {
    let scrambled = in_input_order(&FLAT.molecules);
    bencher.bench(|| hilbert_order(&scrambled));
}

/// Positions as a file has them.
fn in_input_order(molecules: &Molecules) -> Positions {
    let mut order: Vec<u32> = (0..molecules.len() as u32).collect();
    order.sort_unstable_by_key(|&place| molecules.ids[place as usize]);
    molecules.positions.permuted(&order)
}

/// A part of `build_2d`: coordinates near 1, coincident molecules moved apart.
#[divan::bench]
fn normalize_2d(bencher: Bencher) {
    let molecules = &FLAT.molecules;
    bencher.bench(|| normalize::normalize(&molecules.positions, &molecules.ids, jitter()).n_jittered);
}

/// The largest part of `build_2d`.
#[divan::bench]
fn delaunay_2d(bencher: Bencher) {
    let molecules = &FLAT.molecules;
    let positions = normalize::normalize(&molecules.positions, &molecules.ids, jitter()).positions;
    let points: Vec<[f64; 2]> = positions.x.iter().zip(&positions.y).map(|(&x, &y)| [x, y]).collect();
    bencher.bench(|| delaunay::edges(&points));
}

#[divan::bench]
fn build_2d(bencher: Bencher) {
    let molecules = &FLAT.molecules;
    bencher.bench(|| graph::build(molecules, jitter()));
}

#[divan::bench]
fn build_3d(bencher: Bencher) {
    let molecules = &THICK.molecules;
    bencher.bench(|| graph::build(molecules, jitter()));
}

#[divan::bench]
fn filter_long_edges(bencher: Bencher) {
    let built = FLAT.spatial_graph();
    bencher.with_inputs(|| built.clone()).bench_refs(graph::filter_long_edges);
}

#[divan::bench]
fn weigh(bencher: Bencher) {
    let mut built = FLAT.spatial_graph();
    graph::filter_long_edges(&mut built);
    bencher.bench(|| graph::weigh(&built));
}
