//! Memory and time, stage by stage.

use serde::Serialize;

use super::clock::Cost;
use super::growth;
use super::sight::Sight;
use super::trial::Trial;
use crate::config::RunSettings;
use crate::pipeline::memory::{self, Stage, Workload};

/// What is expected of a stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageEstimate {
    /// Its name.
    pub name: &'static str,
    /// Largest resident memory while it is at work.
    pub memory_bytes: u64,
    /// Seconds on the clock.
    pub seconds: f64,
    /// Computing seconds, all threads together.
    pub cpu_seconds: f64,
}

impl StageEstimate {
    /// Its time.
    pub fn cost(&self) -> Cost {
        Cost { seconds: self.seconds, cpu_seconds: self.cpu_seconds }
    }
}

/// What some work is done on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// A slide.
    Slide,
    /// A tile: noise level and colors are those of the slide, and what is merged has boundaries and reports.
    Tile,
}

/// What an estimate is made from.
pub struct Basis<'a> {
    /// The work of the run on the whole slide.
    pub workload: &'a Workload,
    /// Its input.
    pub sight: &'a Sight,
    /// The run in small.
    pub trial: &'a Trial,
    /// The settings of the run.
    pub settings: &'a RunSettings,
}

/// Memory and time of the stages of some work on molecules of the slide.
pub fn estimate(workload: &Workload, basis: &Basis<'_>, whole: Whole) -> Vec<StageEstimate> {
    let is_done = |stage| whole == Whole::Slide || stage != Stage::Noise;
    let stages = memory::stages(workload).into_iter().filter(|(stage, _)| is_done(*stage));
    stages
        .map(|(stage, memory_bytes)| {
            let Cost { seconds, cpu_seconds } = basis.cost(stage, workload, whole);
            StageEstimate { name: stage.name(), memory_bytes, seconds, cpu_seconds }
        })
        .collect()
}

/// Bytes in whole MiB, rounded up.
pub fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

impl Basis<'_> {
    fn cost(&self, stage: Stage, workload: &Workload, whole: Whole) -> Cost {
        let (slide, trial) = (self.workload, self.trial);
        let small = slide.with_molecules(trial.n_molecules as u64);
        let factor = growth::factor(stage, &small, workload);
        let share = workload.n_molecules as f64 / slide.n_molecules.max(1) as f64;
        match stage {
            // Read for the estimate just as for the run.
            Stage::Loading => self.sight.loading.times(share),
            Stage::Prior => self.sight.prior_cost,
            Stage::Model => trial.model(self.settings.iters).times(factor),
            Stage::Writing => trial.times.of(stage).times(factor) + self.computed(self.writing(workload, whole)),
            Stage::Colors => self.colors(workload, whole),
            Stage::Reports => self.computed(growth::reference_seconds(stage, workload)),
            _ => trial.times.of(stage).times(factor),
        }
    }

    /// Colors: the layout of the anchors, and what every molecule needs.
    ///
    /// METHOD: vectors of neighborhoods are learned in a pass of its own, so a molecule costs more than giving it a color.
    /// A tile gets the colors of its slide, which only have to be given.
    fn colors(&self, workload: &Workload, whole: Whole) -> Cost {
        let Some(colors) = self.trial.colors else { return Cost::default() };
        let n_trial = self.trial.n_molecules as f64;
        let n = workload.n_molecules as f64;
        if whole == Whole::Tile {
            return colors.apply.times(n / n_trial);
        }
        let of_molecules = colors.apply.times(growth::COLOR_PASSES);
        let layout = |learn: f64, molecules: f64| (learn - molecules).max(0.0);
        let layout = Cost {
            seconds: layout(colors.learn.seconds, of_molecules.seconds),
            cpu_seconds: layout(colors.learn.cpu_seconds, of_molecules.cpu_seconds),
        };
        let n_anchors = (colors.n_anchors as f64 * n / n_trial).min(growth::ANCHORS);
        layout.times(n_anchors / colors.n_anchors.max(1) as f64) + of_molecules.times(n / n_trial)
    }

    /// Reference seconds for everything that is written: every form of the result takes about as long.
    fn writing(&self, workload: &Workload, whole: Whole) -> f64 {
        let settings = self.settings;
        let n_files = if settings.writes_bundle { settings.formats.len() } else { 0 };
        let n_forms = if whole == Whole::Tile { 1 } else { n_files + usize::from(settings.stage.is_some()) };
        let columns = 1.0 + workload.carried_bytes / 80.0;
        n_forms as f64 * columns * growth::reference_seconds(Stage::Writing, workload)
    }

    /// The cost of work that was not tried, by how this machine compares on what was.
    fn computed(&self, reference_seconds: f64) -> Cost {
        let small = self.workload.with_molecules(self.trial.n_molecules as u64);
        let (mut cost, mut reference) = (Cost::default(), 0.0);
        for stage in [Stage::Graph, Stage::Noise] {
            cost = cost + self.trial.times.of(stage);
            reference += growth::reference_seconds(stage, &small);
        }
        let speed = cost.times(reference_seconds / reference.max(1e-9));
        // One thread writes and draws.
        let waiting = if cost.cpu_seconds > 0.0 { (cost.seconds / cost.cpu_seconds).max(1.0) } else { 1.0 };
        Cost { seconds: speed.cpu_seconds * waiting, cpu_seconds: speed.cpu_seconds }
    }
}
