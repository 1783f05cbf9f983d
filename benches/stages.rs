//! Times of the stages of a run, in molecules per second, on a synthetic tissue of 100,000
//! molecules of 100 genes in some 2,000 cells.
//!
//! * `cargo bench` measures everything, in less than a minute.
//! * `cargo bench -- bmm` measures what has `bmm` in its name.
//! * `RAYON_NUM_THREADS=1 cargo bench` measures one thread; otherwise all of them work.
//!
//! Compare the column `fastest`: other work on the machine does not make anything faster.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a benchmark that cannot prepare its data must stop

mod bmm;
mod clustering;
mod composition;
mod files;
mod graph;
mod noise;
mod polygons;
mod support;

use std::time::Duration;

use divan::Divan;

fn main() {
    // What the command line says has the last word.
    Divan::default()
        .sample_size(1)
        .max_time(Duration::from_millis(800))
        .items_count(support::N_MOLECULES)
        .config_with_args()
        .main();
}
