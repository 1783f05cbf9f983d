//! Time spent, stage by stage.

use std::ops::Add;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::observe::{Observer, Progress};
use crate::pipeline::machine;
use crate::pipeline::memory::Stage;

/// Time that something takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Seconds on the clock.
    pub seconds: f64,
    /// Seconds of computing, all threads together.
    pub cpu_seconds: f64,
}

impl Cost {
    /// So many times this.
    pub fn times(self, factor: f64) -> Self {
        Self { seconds: factor * self.seconds, cpu_seconds: factor * self.cpu_seconds }
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { seconds: self.seconds + other.seconds, cpu_seconds: self.cpu_seconds + other.cpu_seconds }
    }
}

impl std::iter::Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), Self::add)
    }
}

/// Measures from when it is made. Where the system tells no computing time, that on the clock stands for it.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    since: Instant,
    cpu_before: Option<f64>,
}

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Self {
        Self { since: Instant::now(), cpu_before: machine::cpu_seconds() }
    }

    /// What has passed.
    pub fn cost(&self) -> Cost {
        let seconds = self.since.elapsed().as_secs_f64();
        let cpu = self.cpu_before.zip(machine::cpu_seconds()).map(|(before, now)| (now - before).max(0.0));
        Cost { seconds, cpu_seconds: cpu.unwrap_or(seconds) }
    }
}

/// Hears of stages and iterations and notes their time.
///
/// Passes on what is said to another observer, if there is one. Never asks for a stop.
pub struct Clock<'a> {
    inner: Option<&'a dyn Observer>,
    state: Mutex<State>,
}

struct State {
    stage: Option<Stage>,
    watch: Stopwatch,
    costs: Vec<(Stage, Cost)>,
    n_clustering: usize,
    /// Seconds of every iteration of the model.
    model: Vec<f64>,
    last_iteration: Instant,
}

/// What a [`Clock`] noted.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// Stages with what they cost, one or several entries for each.
    pub costs: Vec<(Stage, Cost)>,
    /// Iterations of the molecule clustering.
    pub n_clustering: usize,
    /// Seconds on the clock of every iteration of the model.
    pub model: Vec<f64>,
}

impl Times {
    /// The cost of a stage; 0 if it did not happen.
    pub fn of(&self, stage: Stage) -> Cost {
        self.costs.iter().filter(|(of, _)| *of == stage).map(|(_, cost)| *cost).sum()
    }

    /// Adds to the cost of a stage.
    pub fn add(&mut self, stage: Stage, cost: Cost) {
        self.costs.push((stage, cost));
    }
}

impl<'a> Clock<'a> {
    /// Starts in a stage.
    pub fn start(stage: Stage, inner: Option<&'a dyn Observer>) -> Self {
        let state = State {
            stage: Some(stage),
            watch: Stopwatch::start(),
            costs: Vec::new(),
            n_clustering: 0,
            model: Vec::new(),
            last_iteration: Instant::now(),
        };
        Self { inner, state: Mutex::new(state) }
    }

    /// Ends the last stage.
    pub fn stop(self) -> Times {
        let mut state = self.lock();
        state.enter(None);
        let (costs, model) = (std::mem::take(&mut state.costs), std::mem::take(&mut state.model));
        Times { costs, n_clustering: state.n_clustering, model }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enter(&mut self, stage: Option<Stage>) {
        if let Some(stage) = self.stage {
            self.costs.push((stage, self.watch.cost()));
        }
        (self.stage, self.watch) = (stage, Stopwatch::start());
    }
}

impl Observer for Clock<'_> {
    fn stage(&self, name: &str) {
        if let Some(stage) = Stage::of_phase(name) {
            self.lock().enter(Some(stage));
        }
        if let Some(inner) = self.inner {
            inner.stage(name);
        }
    }

    fn info(&self, message: &str) {
        if let Some(inner) = self.inner {
            inner.info(message);
        }
    }

    fn detail(&self, message: &str) {
        if let Some(inner) = self.inner {
            inner.detail(message);
        }
    }

    fn warning(&self, message: &str) {
        if let Some(inner) = self.inner {
            inner.warning(message);
        }
    }

    fn iteration(&self, progress: &Progress) {
        let mut state = self.lock();
        if state.stage == Some(Stage::Clustering) {
            state.n_clustering = progress.iteration;
        } else if state.stage == Some(Stage::Model) {
            let since = std::mem::replace(&mut state.last_iteration, Instant::now());
            // The first one is not told apart from the start of the model.
            if progress.iteration > 1 {
                state.model.push(since.elapsed().as_secs_f64());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_get_the_time_until_the_next_and_iterations_are_counted() {
        let clock = Clock::start(Stage::Graph, None);
        clock.stage("Clustering molecules");
        let progress = |what, iteration| Progress { what, iteration, total: 9, numbers: Vec::new() };
        (1..=4).for_each(|iteration| clock.iteration(&progress("clustering", iteration)));
        clock.stage("Segmenting cells");
        std::thread::sleep(std::time::Duration::from_millis(20));
        (1..=3).for_each(|iteration| clock.iteration(&progress("segmentation", iteration)));
        let mut times = clock.stop();
        assert_eq!((times.n_clustering, times.model.len()), (4, 2));
        assert!(times.of(Stage::Model).seconds >= 0.02 && times.of(Stage::Graph).seconds < 0.02);
        assert_eq!(times.of(Stage::Colors), Cost::default());
        times.add(Stage::Colors, Cost { seconds: 1.0, cpu_seconds: 2.0 });
        times.add(Stage::Colors, Cost { seconds: 0.5, cpu_seconds: 0.5 }.times(2.0));
        assert_eq!(times.of(Stage::Colors), Cost { seconds: 2.0, cpu_seconds: 3.0 });
    }

    #[test]
    fn computing_takes_computing_time() {
        let watch = Stopwatch::start();
        let mut sum = 0u64;
        while watch.cost().seconds < 0.03 {
            (0..10_000u64).for_each(|i| sum = std::hint::black_box(sum.wrapping_add(i)));
        }
        assert!(watch.cost().cpu_seconds > 0.0);
    }
}
