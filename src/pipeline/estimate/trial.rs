//! The run in small: all stages of the model on a part of the molecules.

use super::clock::{Clock, Cost, Stopwatch, Times};
use super::sight::Sight;
use crate::composition::{ColorModel, ColorParams};
use crate::config::{CheckpointSettings, ColorSettings, CompartmentGenes, RunSettings};
use crate::data::Molecules;
use crate::io::molecules::{Carried, MoleculeTable};
use crate::observe::{Observer, Silent};
use crate::pipeline::keeper::Keeper;
use crate::pipeline::memory::Stage;
use crate::pipeline::model::{self, Known, pick};
use crate::pipeline::prior::Prior;
use crate::pipeline::results::RunResult;
use crate::pipeline::{compartments, scale};
use crate::spatial::order::{hilbert_order, stretches};

/// Molecules of the trial; more of them with many threads, so that all have work.
const MOLECULES: usize = 20_000;
const THREADS_WITHOUT_MORE: usize = 4;
/// They come from so many stretches of the Hilbert curve, evenly spread.
const N_STRETCHES: usize = 2;
/// Iterations of the model at most.
const MAX_ITERATIONS: usize = 500;
/// Iterations at the end that stand for all that were left out.
const LAST: usize = 100;

/// What the run in small told.
pub struct Trial {
    /// Its molecules.
    pub n_molecules: usize,
    /// Time of its stages. The model is as if it had made all iterations.
    pub times: Times,
    /// Iterations of the model that it would have made.
    pub n_iterations: usize,
    /// Cells that it found.
    pub n_cells: usize,
    /// The scale.
    pub scale: f64,
    /// Colors of neighborhoods, if they are wanted.
    pub colors: Option<ColorCosts>,
}

/// What colors of neighborhoods cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColorCosts {
    /// Learning them from the molecules of the trial.
    pub learn: Cost,
    /// Giving them to these molecules.
    pub apply: Cost,
    /// Molecules that were laid out.
    pub n_anchors: usize,
}

/// Runs the model on a part of the molecules, with the settings of the run.
///
/// Errors: those of a run that has not read its input alone: no scale, unknown genes, too few molecules.
pub fn run(sight: &Sight, settings: &RunSettings, observer: &dyn Observer) -> anyhow::Result<Trial> {
    let all = &sight.start.table.molecules;
    let scale = scale::resolve(settings, &all.positions, sight.start.prior.as_ref(), observer)?;
    let chosen =
        choose(&hilbert_order(&all.positions), MOLECULES * settings.program.threads.div_ceil(THREADS_WITHOUT_MORE));
    let mut molecules = all.permuted(&chosen);
    let prior = sight.start.prior.as_ref().map(|found| Prior::new(pick(&found.prior.segment_of, &chosen)));
    let wanted_colors = settings.colors;
    let share = molecules.len() as f64 / all.len().max(1) as f64;
    let settings = RunSettings {
        iters: settings.iters.min(MAX_ITERATIONS),
        n_cells_init: settings.n_cells_init.map(|n| ((n as f64 * share).ceil() as usize).max(2)),
        checkpoint: CheckpointSettings::default(),
        colors: None,
        ..settings.clone()
    };
    let clock = Clock::start(Stage::Compartments, None);
    let genes = match &settings.compartment_genes {
        CompartmentGenes::Auto => prior.as_ref().and_then(|nuclei| {
            let ranking = compartments::find(&molecules, &sight.start.table.genes, nuclei, scale.radius, &clock);
            ranking.markers().map(compartments::CompartmentUse::new)
        }),
        _ => compartments::genes(&sight.start.table, None, scale, &settings, &clock)?.0,
    };
    clock.stage("Building the molecule graph");
    let known = Known { scale, compartment_genes: genes.as_ref(), part: None, keeps_course: false };
    let mut keeper = Keeper::new(&settings, &clock)?.that_writes_nothing();
    let found = model::segment(&mut molecules, prior.as_ref(), known, &settings, &mut keeper, &clock)?;
    let n_iterations = found.trace.entries().len().saturating_sub(1);
    let mut times = clock.stop();
    let colors = wanted_colors.and_then(|wanted| color(&molecules, &found.confidence, wanted, &settings));
    let n_molecules = molecules.len();
    let table = MoleculeTable { molecules, carried: Carried::default(), ..empty(&sight.start.table) };
    let watch = Stopwatch::start();
    let result = RunResult::new(table, None, None, found, String::new());
    times.add(Stage::Writing, watch.cost());
    let watch = Stopwatch::start();
    let outlines = result.outline(settings.max_z_slices);
    times.add(Stage::Polygons, watch.cost());
    Ok(Trial { n_molecules, n_iterations, n_cells: outlines.flat.len(), times, scale: scale.radius, colors })
}

/// Learns colors and gives them to the molecules, in the order in which `run` does it.
fn color(
    molecules: &Molecules,
    confidence: &[f32],
    wanted: ColorSettings,
    settings: &RunSettings,
) -> Option<ColorCosts> {
    let order = hilbert_order(&molecules.positions);
    let (molecules, confidence) = (molecules.permuted(&order), pick(confidence, &order));
    let n_neighbors = wanted.n_neighbors(molecules.n_genes, settings.min_molecules_per_cell);
    let params = ColorParams::of_run(n_neighbors, wanted.method, settings.program.seed);
    let watch = Stopwatch::start();
    let model = ColorModel::fit(&molecules, &confidence, &params, &Silent)?;
    let learn = watch.cost();
    let watch = Stopwatch::start();
    let colors = model.colors(&molecules);
    let apply = watch.cost();
    debug_assert_eq!(colors.len(), molecules.len());
    Some(ColorCosts { learn, apply, n_anchors: model.to_parts().anchor_places.len() / 3 })
}

/// The names and facts of a table, without its molecules.
fn empty(table: &MoleculeTable) -> MoleculeTable {
    MoleculeTable {
        molecules: Molecules::default(),
        genes: table.genes.clone(),
        prior_segments: None,
        carried: Carried::default(),
        notes: Vec::new(),
        seen: table.seen.clone(),
        path: table.path.clone(),
        fingerprint: table.fingerprint,
    }
}

/// All molecules, or up to `n` of them in stretches of the curve, ascending by row.
fn choose(order: &[u32], n: usize) -> Vec<u32> {
    // A little more than the trial would be hardly more work than the trial.
    let mut chosen: Vec<u32> = if 2 * order.len() <= 3 * n { order.to_vec() } else { stretches(order, n, N_STRETCHES) };
    chosen.sort_unstable();
    chosen
}

impl Trial {
    /// The cost of the model if it makes `wanted` iterations; fewer if the trial ended early.
    pub fn model(&self, wanted: usize) -> Cost {
        let cost = self.times.of(Stage::Model);
        let iterations = &self.times.model;
        let last = &iterations[iterations.len().saturating_sub(LAST)..];
        if wanted <= self.n_iterations || self.n_iterations < MAX_ITERATIONS || last.is_empty() {
            return cost;
        }
        let more = (wanted - self.n_iterations) as f64 * last.iter().sum::<f64>() / last.len() as f64;
        cost.times(1.0 + more / cost.seconds.max(1e-9))
    }

    /// Iterations of the model, if `wanted` are wanted.
    pub fn n_iterations(&self, wanted: usize) -> usize {
        if self.n_iterations < MAX_ITERATIONS { self.n_iterations } else { wanted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_spread_and_few_molecules_are_taken_all() {
        let order: Vec<u32> = (0..1000).rev().collect();
        assert_eq!(choose(&order, 800).len(), 1000);
        let chosen = choose(&order, 100);
        let expected: Vec<u32> = (225..275).chain(725..775).collect();
        assert_eq!(chosen, expected);
    }

    #[test]
    fn iterations_left_out_cost_what_the_last_ones_did() {
        let mut times = Times { model: [vec![1.0; 399], vec![0.5; 100]].concat(), ..Times::default() };
        times.add(Stage::Model, Cost { seconds: 450.0, cpu_seconds: 900.0 });
        let trial = Trial { n_molecules: 1, times, n_iterations: 500, n_cells: 1, scale: 1.0, colors: None };
        assert_eq!(trial.model(500), Cost { seconds: 450.0, cpu_seconds: 900.0 });
        let more = trial.model(1500);
        assert!((more.seconds - 950.0).abs() < 1e-9 && (more.cpu_seconds - 1900.0).abs() < 1e-9);
        assert_eq!(trial.n_iterations(1500), 1500);
        let ended = Trial { n_iterations: 120, ..trial };
        assert_eq!((ended.model(1500).seconds, ended.n_iterations(1500)), (450.0, 120));
    }
}
