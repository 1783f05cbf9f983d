//! How the time of a stage grows from a part of the molecules to all of them. Measured; docs/estimate.md has the figures.

use crate::pipeline::memory::{Stage, Workload};

/// Computing seconds on the machine that the figures were taken on.
///
/// What counts is how they compare with one another: the run in small tells how fast this machine is.
pub fn reference_seconds(stage: Stage, workload: &Workload) -> f64 {
    let n = workload.n_molecules as f64;
    let is_3d = workload.n_dims == 3;
    // Beyond some 10^5 molecules memory is slower than the processor.
    let grown = |exponent: f64| n * (n / 1e5).powf(exponent);
    match stage {
        Stage::Loading => 0.5e-6 * workload.n_rows as f64,
        Stage::Prior => 1e-6 * n,
        Stage::Graph if is_3d => 1.7e-6 * grown(0.11),
        Stage::Graph => 1.35e-6 * grown(0.14),
        Stage::Noise => 3.1e-6 * grown(0.03),
        Stage::Clustering => 10e-6 * grown(0.05),
        Stage::Compartments => 4e-6 * grown(0.05),
        Stage::Model => 0.2e-6 * 500.0 * grown(0.05),
        // Has a fixed part, which is measured.
        Stage::Colors => 22e-6 * n,
        Stage::Writing => 0.9e-6 * n,
        Stage::Polygons => 2.2e-6 * grown(0.04),
        Stage::Reports => 1.2 + 2.5 * (n / 60_000.0).min(1.0) + 2.6e-6 * n,
    }
}

/// Anchors of the colors at most.
pub const ANCHORS: f64 = 10_000.0;
/// What all of the colors costs per molecule, in terms of what giving them costs.
pub const COLOR_PASSES: f64 = 1.5;

/// How many times as long as on `small` a stage takes on `large`.
pub fn factor(stage: Stage, small: &Workload, large: &Workload) -> f64 {
    reference_seconds(stage, large) / reference_seconds(stage, small).max(1e-12)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::memory::Source;

    #[test]
    fn time_grows_at_least_with_the_molecules_where_nothing_is_fixed() {
        let small = Workload {
            n_rows: 20_000,
            n_molecules: 20_000,
            n_dims: 2,
            n_genes: 300,
            source: Source::Stage,
            carried_bytes: 0.0,
            prior: None,
            n_cells_init: 1_000,
            n_clusters: 4,
            has_compartments: false,
            may_end_early: false,
            n_neighbors: Some(30),
            has_polygons: true,
            report_pixels: Some(1),
            n_threads: 1,
        };
        let large = small.with_molecules(2_000_000);
        for stage in Stage::ALL {
            let times = factor(stage, &small, &large);
            let has_fixed_part = stage == Stage::Reports;
            assert!(
                if has_fixed_part { times > 1.0 && times < 100.0 } else { (99.999..200.0).contains(&times) },
                "{stage:?} {times}"
            );
            assert_eq!(factor(stage, &small, &small), 1.0);
        }
    }
}
