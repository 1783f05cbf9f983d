//! Keeping the state of the model in a file, and going on from it.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::bmm::{self, Course, Evidence, Outcome, Params};
use crate::config::{RunSettings, run_id};
use crate::io::checkpoint::{self, Identity, Stored};
use crate::io::molecules::Hasher;
use crate::numeric::draws::Draws;
use crate::observe::Observer;

/// Time between checkpoints if the user says nothing: what is lost at most when a program is killed.
const BETWEEN: Duration = Duration::from_secs(600);

/// The run was asked to stop, and stopped after an iteration of the model. Not a failure of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped after iteration {iteration} of {total}")]
pub struct Stopped {
    /// Iterations done.
    pub iteration: usize,
    /// Iterations there would have been at most.
    pub total: usize,
    /// Whether a checkpoint could be written, so that the run can be continued.
    pub is_kept: bool,
}

/// Drives the model through its iterations, writes checkpoints, and goes on from one.
pub struct Keeper<'a> {
    path: &'a Path,
    /// Iterations between checkpoints; 0: [`BETWEEN`] passes instead.
    every: usize,
    /// When the last one was kept, or the model began.
    since: Instant,
    /// The iteration of the last one that was kept, or gone on from.
    kept_at: Option<usize>,
    /// What this run is, as far as it is known by now.
    identity: Identity,
    /// The checkpoint to go on from.
    stored: Option<Stored>,
    has_failed: bool,
    /// Whether anything is written at all.
    is_writing: bool,
    observer: &'a dyn Observer,
}

impl<'a> Keeper<'a> {
    /// Looks for the checkpoint to go on from, if the settings want that, and compares the settings.
    ///
    /// Errors: a checkpoint that is damaged, newer than this program, or of another run.
    pub fn new(settings: &'a RunSettings, observer: &'a dyn Observer) -> anyhow::Result<Self> {
        let path: &Path = &settings.outputs.checkpoint;
        let wished = settings.checkpoint;
        let stored = if wished.resume { Stored::open(path)? } else { None };
        let place = path.display();
        if wished.resume && stored.is_none() {
            observer.info(&format!("There is no checkpoint '{place}': the run starts from the beginning"));
        } else if !wished.resume && checkpoint::is_checkpoint(path) {
            observer.info(&format!(
                "There is a checkpoint of an interrupted run, '{place}'; with --resume it would be continued. This run \
                 starts from the beginning and will replace it"
            ));
        }
        observer.can_continue(stored.is_some());
        let (every, identity, has_failed, is_writing) = (wished.every, Identity::new(), false, true);
        let mut keeper = Self {
            path,
            every,
            since: Instant::now(),
            kept_at: None,
            identity,
            stored,
            has_failed,
            is_writing,
            observer,
        };
        for (name, value) in run_id::result_relevant(settings) {
            keeper.identify(name, value)?;
        }
        Ok(keeper)
    }

    /// The same, but no checkpoint is ever written: for a run in small, which nobody continues.
    pub fn that_writes_nothing(self) -> Self {
        Self { is_writing: false, ..self }
    }

    /// Adds a name and a value that may change a result.
    ///
    /// Errors: [`checkpoint::CheckpointError::OtherRun`] if the checkpoint to go on from has another value.
    pub fn identify(&mut self, name: &str, value: String) -> anyhow::Result<()> {
        let entry = (name.to_owned(), value);
        if let Some(stored) = &self.stored {
            stored.check(std::slice::from_ref(&entry))?;
        }
        self.identity.push(entry);
        Ok(())
    }

    /// Runs the model, from the checkpoint if there is one.
    ///
    /// Errors: those of the model and the checkpoint; [`Stopped`] if the observer wants to stop.
    pub fn segment(&mut self, evidence: &Evidence<'_>, params: &Params, draws: Draws) -> anyhow::Result<Outcome> {
        self.identify("parameters of the model", format!("{params:?}"))?;
        self.identify("hash of the data as the model sees them", format!("{:016x}", checksum(evidence)))?;
        let course = match self.stored.take() {
            None => Course::start(evidence, params, draws)?,
            Some(stored) => {
                let place = stored.path().display().to_string();
                let course = Course::resume(stored.read()?, evidence, params, draws)?;
                let (iteration, last) = (course.iteration(), course.last());
                self.kept_at = Some(iteration);
                self.observer.info(&format!("Going on after iteration {iteration} of {last} from '{place}'"));
                course
            }
        };
        self.observer.handles_stop(true);
        let outcome = self.drive(course);
        if !outcome.as_ref().is_err_and(|error| error.is::<Stopped>()) {
            self.observer.handles_stop(false);
        }
        outcome
    }

    fn drive(&mut self, mut course: Course<'_>) -> anyhow::Result<Outcome> {
        self.since = Instant::now();
        while !course.is_done() {
            course.advance()?;
            self.observer.iteration(&course.progress());
            let (iteration, total) = (course.iteration(), course.last());
            if let Some(change) = course.trace().entries().last().and_then(|entry| entry.share_that_left) {
                self.observer.detail(&format!(
                    "Iteration {iteration}: {:.2} % of the molecules have left their cell of the window before",
                    100.0 * change
                ));
            }
            if self.observer.stop_requested() {
                let is_kept = self.keep(&course);
                return Err(Stopped { iteration, total, is_kept }.into());
            }
            let is_time = match self.every {
                0 => self.since.elapsed() >= BETWEEN,
                every => iteration.is_multiple_of(every),
            };
            if is_time {
                self.keep(&course);
            }
        }
        // Colors, boundaries and files take their time, too, and may fail.
        if self.kept_at != Some(course.iteration()) {
            self.keep(&course);
        }
        Ok(course.finish())
    }

    /// Writes a checkpoint; returns whether that worked. A failure is told once and does not end the run.
    fn keep(&mut self, course: &Course<'_>) -> bool {
        if !self.is_writing {
            return false;
        }
        if self.path.exists() && !checkpoint::is_checkpoint(self.path) {
            if !std::mem::replace(&mut self.has_failed, true) {
                let place = self.path.display();
                self.observer.warning(&format!(
                    "No checkpoint is kept: '{place}' is none, and is not overwritten. Rename it, or choose another output"
                ));
            }
            return false;
        }
        let written = checkpoint::write(self.path, &self.identity, &course.checkpoint());
        let is_kept = written.is_ok();
        match written {
            Ok(()) => {
                (self.since, self.kept_at) = (Instant::now(), Some(course.iteration()));
                self.observer.can_continue(true);
                self.observer.detail(&format!("Checkpoint after iteration {}", course.iteration()));
            }
            Err(error) if !self.has_failed => {
                self.has_failed = true;
                let error = anyhow::Error::from(error);
                self.observer.warning(&format!("No checkpoint could be kept, and the run goes on: {error:#}"));
            }
            Err(_) => {}
        }
        is_kept
    }

    /// Removes the checkpoint of a run that is complete.
    pub fn discard(&self) {
        self.observer.can_continue(false);
        if checkpoint::is_checkpoint(self.path)
            && let Err(error) = std::fs::remove_file(self.path)
        {
            let place = self.path.display();
            self.observer.warning(&format!("cannot remove the checkpoint '{place}', which is not needed: {error}"));
        }
    }
}

/// A checksum of everything that the model reads besides its parameters.
fn checksum(evidence: &bmm::Evidence<'_>) -> u64 {
    let mut hasher = Hasher::default();
    let mut add = |word: u64| hasher.update(&word.to_le_bytes());
    let molecules = evidence.molecules;
    let positions = &molecules.positions;
    for axis in [Some(&positions.x), Some(&positions.y), positions.z.as_ref()].into_iter().flatten() {
        axis.iter().for_each(|value| add(value.to_bits()));
    }
    for molecule in 0..molecules.len() {
        let gene = u64::from(molecules.genes[molecule].number());
        let confidence = u64::from(evidence.confidence[molecule].to_bits());
        let cluster = evidence.clusters.map_or(0, |clusters| clusters[molecule].number());
        let segment = evidence.segments.and_then(|segments| segments.segment_of[molecule]);
        add(gene << 32 | confidence);
        add(u64::from(cluster) << 32 | u64::from(segment.map_or(0, |segment| segment.number())));
        let (neighbors, weights) = evidence.graph.neighbors(molecule);
        add(u64::from(molecules.ids[molecule]) << 32 | neighbors.len() as u64);
        for (&neighbor, &weight) in neighbors.iter().zip(weights) {
            add(u64::from(neighbor) << 32 | u64::from(weight.to_bits()));
        }
    }
    for &probability in evidence.compartments.iter().flat_map(|compartments| compartments.nuclei_probs) {
        add(probability.to_bits().into());
    }
    hasher.finish().hash
}
