//! Molecule clusters.

use baysor::clustering::{self, Params, Skip};
use baysor::numeric::draws::{Draws, Stream};
use baysor::observe::Silent;
use divan::Bencher;
use divan::counter::ItemsCount;

use crate::support::{KNOWN_FLAT, N_CLUSTERS, N_MOLECULES};

/// Sweeps of the benchmark of sweeps.
const N_SWEEPS: usize = 20;

#[divan::bench]
fn gene_correlation(bencher: Bencher) {
    let data = KNOWN_FLAT.clustering_data();
    bencher.bench(|| clustering::gene_correlation(data.genes, data.n_genes, data.graph, data.confidence));
}

/// Independent components of the correlation. The work depends on genes, not on molecules.
#[divan::bench]
fn first_profiles(bencher: Bencher) {
    let data = KNOWN_FLAT.clustering_data();
    let correlation = clustering::gene_correlation(data.genes, data.n_genes, data.graph, data.confidence);
    let draws = Draws::new(1, Stream::Clustering);
    bencher.bench(|| clustering::first_profiles(data.genes, &correlation, N_CLUSTERS, draws));
}

/// Sweeps over all molecules, none left out. An item is a molecule in one sweep.
#[divan::bench]
fn full_sweeps(bencher: Bencher) {
    let params = Params { max_iterations: N_SWEEPS, skip: Skip::Nothing, ..Params::new(N_CLUSTERS, N_MOLECULES) };
    bench_fit(bencher.counter(ItemsCount::new(N_SWEEPS * N_MOLECULES)), &params);
}

/// All iterations until the clusters have settled.
#[divan::bench]
fn fit(bencher: Bencher) {
    bench_fit(bencher, &Params::new(N_CLUSTERS, N_MOLECULES));
}

fn bench_fit(bencher: Bencher, params: &Params) {
    let data = KNOWN_FLAT.clustering_data();
    let correlation = clustering::gene_correlation(data.genes, data.n_genes, data.graph, data.confidence);
    let draws = Draws::new(1, Stream::Clustering);
    let (profiles, start) = clustering::first_profiles(data.genes, &correlation, params.n_clusters, draws);
    bencher.bench(|| clustering::fit(data, &profiles, start, params, &Silent));
}
