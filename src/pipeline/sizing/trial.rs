//! One size of cells, tried on the windows.

use rayon::prelude::*;

use super::windows::{HELD_OUT, Window};
use crate::bmm::predictive::{Cells, Predictive, SMOOTHINGS};
use crate::bmm::{self, Choice, Evidence, Params, Quirks, params, without_cells};
use crate::data::Segmentation;
use crate::numeric::draws::{Draws, Stream};
use crate::numeric::stats;
use crate::observe::Silent;

/// Iterations of the model in a trial.
const ITERATIONS: usize = 100;
/// Spread of the radius as a share of it, as in a run.
const RELATIVE_STD: f64 = 0.25;
/// Cells that a trial needs to speak of cells.
const MIN_CELLS: usize = 8;
/// Share of the molecules within the radius that make a cell.
const SHARE_OF_SURROUNDINGS: f64 = 0.2;

/// Cells per part of a window in which there are no cells.
const CELLS_PER_PART: f64 = 8.0;

/// What the model finds when it is given a scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The scale given, in input units.
    pub scale: f64,
    /// Mean log density of the held-out molecules, in nats per molecule: the higher the better.
    pub score: f64,
    /// By how much it falls behind the best trial. 0 for that.
    pub deficit: f64,
    /// Standard error of the deficit.
    pub deficit_error: f64,
    /// Cells found in the windows, small ones left out.
    pub n_cells: usize,
    /// Median radius of these cells, measured from their molecules, in input units.
    pub median_radius: f64,
    /// Quartiles of the molecules per cell, as if none had been held out or left out.
    pub molecules_per_cell: [f64; 3],
    /// Median number of molecules around a molecule within the scale, all molecules counted.
    pub molecules_within: f64,
}

/// A trial and the log density of every held-out molecule.
pub struct Scored {
    /// The trial.
    pub trial: Trial,
    /// Of each held-out molecule, window by window.
    pub log_densities: Vec<f64>,
}

/// Runs the model at `scale` on all windows, and scores what it finds with the held-out molecules.
///
/// `within` is the median number of seen molecules within the scale, and one molecule in
/// `thinning` was kept. `None` if the model cannot start or finds too few cells. The same result
/// for any number of threads.
pub fn run(windows: &[Window], scale: f64, within: f64, thinning: usize, seed: u64) -> Option<Scored> {
    let min_molecules = ((SHARE_OF_SURROUNDINGS * within).round() as usize).max(2);
    let fitted: Vec<Option<(Segmentation, Cells)>> =
        windows.par_iter().map(|window| fit(window, scale, min_molecules, seed)).collect();
    let fitted: Vec<(Segmentation, Cells)> = fitted.into_iter().collect::<Option<_>>()?;
    let seen: Vec<_> =
        windows.iter().zip(&fitted).map(|(window, (found, cells))| (&window.molecules, found, cells)).collect();
    let predictive = Predictive::learn(&seen)?;
    let by_smoothing: Vec<Vec<[f64; SMOOTHINGS.len()]>> = windows
        .par_iter()
        .zip(&fitted)
        .map(|(window, (_, cells))| predictive.log_densities(cells, &window.held_out))
        .collect();
    let (score, log_densities) = best_smoothing(&by_smoothing)?;

    let sizes: Vec<(f64, f64)> = fitted.iter().flat_map(|(_, cells)| cells.sizes(min_molecules)).collect();
    if sizes.len() < MIN_CELLS {
        return None;
    }
    let all = thinning as f64 / (1.0 - HELD_OUT);
    let mut numbers: Vec<f64> = sizes.iter().map(|size| all * size.0).collect();
    let trial = Trial {
        scale,
        score,
        deficit: 0.0,
        deficit_error: 0.0,
        n_cells: sizes.len(),
        median_radius: stats::median(&mut sizes.iter().map(|size| size.1).collect::<Vec<f64>>()),
        molecules_per_cell: [0.25, 0.5, 0.75].map(|p| stats::quantile(&mut numbers, p)),
        molecules_within: all * within,
    };
    Some(Scored { trial, log_densities })
}

fn fit(window: &Window, scale: f64, min_molecules: usize, seed: u64) -> Option<(Segmentation, Cells)> {
    let evidence = Evidence {
        molecules: &window.molecules,
        graph: &window.graph,
        confidence: &window.confidence,
        clusters: None,
        segments: None,
        compartments: None,
        centers: None,
    };
    let params = Params {
        scale,
        scale_std: RELATIVE_STD * scale,
        min_molecules_per_cell: min_molecules,
        prior_confidence: 0.0,
        owners: None,
        iterations: ITERATIONS,
        tolerance: 0.0,
        converged: 0.0,
        n_cells_init: params::default_n_cells_init(window.molecules.len(), min_molecules, None).0,
        choice: Choice::Draw,
        quirks: Quirks::default(),
        log_noise_density: None,
        learned: None,
    };
    let outcome = bmm::segment(&evidence, &params, Draws::new(seed, Stream::Assignment), &Silent).ok()?;
    let cells = Cells::of(&window.molecules, &outcome.segmentation);
    Some((outcome.segmentation, cells))
}

/// ln p of every held-out molecule, window by window, as the surroundings foretell it without cells.
///
/// Parts of a window hold several times `per_cell` seen molecules.
pub fn without_cells(windows: &[Window], per_cell: f64) -> Option<Vec<f64>> {
    let part_size = (CELLS_PER_PART * per_cell).ceil().max(1.0) as usize;
    let by_smoothing: Vec<Vec<[f64; SMOOTHINGS.len()]>> = windows
        .par_iter()
        .map(|window| without_cells::log_densities(&window.molecules, &window.held_out, part_size))
        .collect();
    best_smoothing(&by_smoothing).map(|(_, log_densities)| log_densities)
}

/// The smoothing under which held-out molecules are likeliest: mean and single log densities.
fn best_smoothing(windows: &[Vec<[f64; SMOOTHINGS.len()]>]) -> Option<(f64, Vec<f64>)> {
    let n: usize = windows.iter().map(Vec::len).sum();
    if n == 0 {
        return None;
    }
    let all = || windows.iter().flatten();
    let mean = |smoothing: usize| all().map(|densities| densities[smoothing]).sum::<f64>() / n as f64;
    let means: Vec<f64> = (0..SMOOTHINGS.len()).map(mean).collect();
    let best = (0..means.len()).max_by(|&a, &b| means[a].total_cmp(&means[b]))?;
    means[best].is_finite().then(|| (means[best], all().map(|densities| densities[best]).collect()))
}
