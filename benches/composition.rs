//! Neighborhood compositions and colors.

use baysor::composition::{self, ColorParams, Compositions, Neighborhoods, Transform, VectorMethod};
use baysor::observe::Silent;
use divan::Bencher;

use crate::support::{FLAT, N_MOLECULES};

/// Molecules in a neighborhood: what a panel of few genes, and one of thousands, derive.
const NEIGHBORS: [usize; 2] = [20, 300];

#[divan::bench(args = NEIGHBORS)]
fn compose_all(bencher: Bencher, n_neighbors: usize) {
    let neighborhoods = Neighborhoods::new(&FLAT.molecules, n_neighbors);
    bencher.bench(|| {
        let count = |range: std::ops::Range<usize>, _: &Compositions| if range.is_empty() { Err(()) } else { Ok(()) };
        neighborhoods.visit(count)
    });
}

#[divan::bench(args = [VectorMethod::RandomIndexing, VectorMethod::Dense, VectorMethod::Sparse])]
fn molecule_vectors(bencher: Bencher, method: VectorMethod) {
    let neighborhoods = Neighborhoods::new(&FLAT.molecules, NEIGHBORS[0]);
    let draws = baysor::numeric::draws::Draws::new(1, baysor::numeric::draws::Stream::Colors).at(0);
    bencher.bench(|| {
        let projection = method.projection(&neighborhoods, Transform::Log, 20, draws);
        projection.project_all(&neighborhoods, Transform::Log).len()
    });
}

/// All together; half of it is the layout of 10,000 anchors, whatever the number of molecules.
#[divan::bench]
fn colors(bencher: Bencher) {
    let params = ColorParams::of_run(NEIGHBORS[0], VectorMethod::RandomIndexing, 1);
    let confidence = vec![1.0; N_MOLECULES];
    bencher.bench(|| composition::colors(&FLAT.molecules, &confidence, &params, &Silent));
}
