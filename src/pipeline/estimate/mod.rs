//! `estimate`: memory and time of a run, before anything long starts.
//!
//! The input is read as the run reads it (large tables without carried columns). Memory is a formula of what was counted,
//! see `memory`. Time depends on the machine and on the tissue, so it is measured: the whole model runs
//! on some ten thousand molecules with the settings of the run, and what it takes is taken to the number of molecules of
//! the slide as other slides have shown it to grow.

mod clock;
mod growth;
mod sight;
mod stages;
mod tiles;
mod trial;
mod words;

use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

use clock::{Cost, Stopwatch};
use sight::Sight;
use stages::{Basis, Whole};

use super::input;
use super::memory::{self, Stage, Workload};
use crate::config::{RunSettings, VERSION};
use crate::io::atomic;
use crate::observe::Observer;

pub use stages::StageEstimate;
pub use tiles::TilesEstimate;

/// Version of the keys of [`Estimate`].
pub const FORMAT_VERSION: u32 = 1;
/// By what share memory may turn out different.
const MEMORY_UNCERTAINTY: f64 = 0.2;
/// By what share time may turn out different, on a machine with as much other work as now.
const TIME_UNCERTAINTY: f64 = 0.25;
/// Trials that take less computing time tell less.
const SHORT_TRIAL: f64 = 0.5;

/// What a run will need. Serialized, the keys are the names of the fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// `baysor-estimate`.
    pub format: &'static str,
    /// Version of the keys.
    pub format_version: u32,
    /// Version of the program.
    pub baysor_version: &'static str,
    /// What was read.
    pub input: InputFacts,
    /// What the run is asked to do, as far as its cost depends on it.
    pub settings: SettingFacts,
    /// Largest resident memory.
    pub peak_memory_bytes: u64,
    /// The same, in whole MiB, rounded up.
    pub peak_memory_mib: u64,
    /// By what share memory may turn out different.
    pub memory_uncertainty: f64,
    /// Seconds on the clock.
    pub seconds: f64,
    /// Computing seconds, all threads together.
    pub cpu_seconds: f64,
    /// By what share time may turn out different.
    pub time_uncertainty: f64,
    /// The stages of the run, in their order.
    pub stages: Vec<StageEstimate>,
    /// How time was measured.
    pub trial: TrialFacts,
    /// Tiles; null unless `--max-memory` or `--max-molecules-per-tile` is given.
    pub tiles: Option<TilesEstimate>,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InputFacts {
    /// Rows of the molecule table.
    pub n_rows: u64,
    /// Molecules that are left after filters.
    pub n_molecules: u64,
    /// Genes.
    pub n_genes: usize,
    /// 2 or 3.
    pub n_dims: usize,
    /// Bytes per molecule of columns that are only carried along.
    pub carried_bytes_per_molecule: f64,
    /// Segments of the prior segmentation; null without one.
    pub n_segments: Option<u64>,
}

/// What the run is asked to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SettingFacts {
    /// Threads.
    pub threads: usize,
    /// Expected cell radius.
    pub scale: f64,
    /// Iterations of the model; fewer than wanted if the run in small ended early.
    pub iterations: usize,
    /// Components that the model starts with.
    pub n_cells_init: u64,
    /// Molecule clusters.
    pub n_clusters: usize,
}

/// How time was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialFacts {
    /// Molecules of the run in small.
    pub n_molecules: usize,
    /// Its iterations of the model.
    pub iterations: usize,
    /// Its iterations of the molecule clustering; a whole slide may need more or fewer.
    pub clustering_iterations: usize,
    /// Its cells.
    pub n_cells: usize,
    /// Seconds of the whole estimate, reading included.
    pub seconds: f64,
}

/// Estimates a run and writes the numbers into `json`, if that is given. Returns the text for people.
///
/// Memory follows from the input and the settings; time differs from one call to the next. Errors: those of a run
/// before its model starts.
pub fn run(settings: &RunSettings, json: Option<&Path>, observer: &dyn Observer) -> anyhow::Result<String> {
    if let Some(path) = json {
        atomic::prepare(path)?;
    }
    let estimate = input::with_threads(settings.program.threads, || estimate(settings, observer))?;
    if let Some(path) = json {
        let mut text = serde_json::to_string_pretty(&estimate)?;
        text.push('\n');
        atomic::write_file(path, |file| file.write_all(text.as_bytes()))?;
    }
    Ok(words::text(&estimate))
}

/// Estimates a run, in the threads of the caller.
///
/// Errors: as [`run`]; a tile, which was estimated when its slide was divided.
pub fn estimate(settings: &RunSettings, observer: &dyn Observer) -> anyhow::Result<Estimate> {
    anyhow::ensure!(
        !settings.is_tile,
        "{}: this is a tile; its manifest has the memory that it needs (expected_memory_mib). Estimate the slide with \
         the --max-memory or --max-molecules-per-tile that it was divided with",
        settings.input.molecules.display()
    );
    let watch = Stopwatch::start();
    let sight = Sight::read(settings, observer)?;
    let workload = Workload::of_run(settings, sight.input())?;
    observer.stage("Trying the model on some molecules");
    let trial = trial::run(&sight, settings, observer)?;
    let basis = Basis { workload: &workload, sight: &sight, trial: &trial, settings };
    let stages = stages::estimate(&workload, &basis, Whole::Slide);
    let Cost { seconds, cpu_seconds } = stages.iter().map(StageEstimate::cost).sum();
    let peak = memory::peak(&workload);
    let tried: Cost = Stage::ALL.into_iter().map(|stage| trial.times.of(stage)).sum();
    Ok(Estimate {
        format: "baysor-estimate",
        format_version: FORMAT_VERSION,
        baysor_version: VERSION,
        input: InputFacts {
            n_rows: workload.n_rows,
            n_molecules: workload.n_molecules,
            n_genes: workload.n_genes,
            n_dims: workload.n_dims,
            carried_bytes_per_molecule: workload.carried_bytes,
            n_segments: workload.prior.map(|prior| prior.n_segments),
        },
        settings: SettingFacts {
            threads: workload.n_threads,
            scale: trial.scale,
            iterations: trial.n_iterations(settings.iters),
            n_cells_init: workload.n_cells_init,
            n_clusters: workload.n_clusters,
        },
        peak_memory_bytes: peak,
        peak_memory_mib: stages::mebibytes(peak),
        memory_uncertainty: MEMORY_UNCERTAINTY,
        seconds,
        cpu_seconds,
        time_uncertainty: if tried.cpu_seconds < SHORT_TRIAL { 2.0 * TIME_UNCERTAINTY } else { TIME_UNCERTAINTY },
        tiles: tiles::estimate(settings, &sight, &basis)?,
        stages,
        trial: TrialFacts {
            n_molecules: trial.n_molecules,
            iterations: trial.n_iterations,
            clustering_iterations: trial.times.n_clustering,
            n_cells: trial.n_cells,
            seconds: watch.cost().seconds,
        },
    })
}
