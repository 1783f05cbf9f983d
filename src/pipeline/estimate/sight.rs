//! What the input tells: molecules, prior segmentation, and how long it takes to read them.

use std::ops::Range;

use super::clock::{Clock, Cost, Stopwatch};
use crate::config::RunSettings;
use crate::io::molecules::{Carried, size_of_table};
use crate::observe::Observer;
use crate::pipeline::memory::Stage;
use crate::pipeline::recorder::Recorder;
use crate::pipeline::start::Start;
use crate::pipeline::workload::{Input, bytes_per_row};

/// Larger tables are read without their carried columns.
const READ_WHOLE: u64 = 3_000_000;

/// The input of a run.
pub struct Sight {
    /// The molecules, maybe without carried columns, and their prior segmentation.
    pub start: Start,
    /// Bytes of the carried columns per molecule.
    pub carried_bytes: f64,
    /// What a run will need to read the molecules.
    pub loading: Cost,
    /// What it will need for the prior segmentation.
    pub prior_cost: Cost,
}

impl Sight {
    /// Reads what the settings name: small tables as `run` does, of large ones what `split` reads first.
    pub fn read(settings: &RunSettings, observer: &dyn Observer) -> anyhow::Result<Self> {
        let is_small = settings.input.is_stage || size_of_table(&settings.input.molecules)?.n_rows() <= READ_WHOLE;
        if is_small { Self::whole(settings, observer) } else { Self::without_carried(settings, observer) }
    }

    /// What a workload is made from.
    pub fn input(&self) -> Input<'_> {
        Input { table: &self.start.table, carried_bytes: self.carried_bytes, prior: self.start.prior.as_ref() }
    }

    fn whole(settings: &RunSettings, observer: &dyn Observer) -> anyhow::Result<Self> {
        let settings = RunSettings { save_prior: None, ..settings.clone() };
        let clock = Clock::start(Stage::Loading, Some(observer));
        let start = Start::read(&settings, &Recorder::new(&clock))?;
        let times = clock.stop();
        let carried_bytes = Input::whole(&start.table, None).carried_bytes;
        let (loading, prior_cost) = (times.of(Stage::Loading), times.of(Stage::Prior));
        Ok(Self { start, carried_bytes, loading, prior_cost })
    }

    fn without_carried(settings: &RunSettings, observer: &dyn Observer) -> anyhow::Result<Self> {
        let clock = Clock::start(Stage::Loading, Some(observer));
        let (start, carried) = Start::scan(settings, &Recorder::new(&clock))?;
        let times = clock.stop();
        let mut first = (0, 0.0, Cost::default());
        let watch = Stopwatch::start();
        let look = |rows: Range<usize>, carried: Carried| {
            first = (rows.len(), bytes_per_row(&carried.frame, rows.len()), watch.cost());
            Err(OneIsEnough.into())
        };
        if let Err(error) = carried.blocks(look)
            && !error.is::<OneIsEnough>()
        {
            return Err(error);
        }
        let (n_rows, carried_bytes, cost) = first;
        let carried_cost = cost.times(start.table.molecules.len() as f64 / n_rows.max(1) as f64);
        let loading = times.of(Stage::Loading) + carried_cost;
        Ok(Self { start, carried_bytes, loading, prior_cost: times.of(Stage::Prior) })
    }
}

/// Why no more blocks are wanted.
#[derive(Debug, thiserror::Error)]
#[error("one block is enough")]
struct OneIsEnough;
