//! Keeping what a run has found by now in a file, and going on from it.
//!
//! There is a checkpoint from the end of loading to the end of the run: with every step before the model it grows by what
//! that step has found, and then by the state of the model. Whoever ends the program at some moment loses the step under
//! way, or the iterations since the last checkpoint.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::bmm::{self, Course, Evidence, Outcome, Params};
use crate::config::{RunSettings, run_id};
use crate::io::checkpoint::{self, Begun, CheckpointError, Identity, Prepared, Stored};
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
    /// Whether this run has written a checkpoint, and that has nothing of the model.
    is_only_prepared: bool,
    /// What this run is, as far as it is known by now.
    identity: Identity,
    /// The checkpoint to go on from, until it is read.
    stored: Option<Stored>,
    /// What it has of the model.
    begun: Option<Begun>,
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
        if stored.is_some() {
            observer.can_continue(true);
        }
        let mut keeper = Self {
            path,
            every: wished.every,
            since: Instant::now(),
            kept_at: None,
            is_only_prepared: false,
            identity: Identity::new(),
            stored,
            begun: None,
            has_failed: false,
            is_writing: true,
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
        let entries = std::slice::from_ref(&entry);
        self.stored.as_ref().map_or(Ok(()), |stored| stored.check(entries))?;
        self.begun.as_ref().map_or(Ok(()), |begun| begun.check(entries))?;
        self.identity.push(entry);
        Ok(())
    }

    /// What the checkpoint to go on from has of `n_molecules` molecules before the model; without one nothing, and the
    /// first checkpoint of this run is kept.
    ///
    /// Errors: those of the checkpoint.
    pub fn prepared(&mut self, n_molecules: usize) -> anyhow::Result<Prepared<'static>> {
        let Some(stored) = self.stored.take() else {
            self.keep_prepared(&Prepared::default());
            return Ok(Prepared::default());
        };
        let place = stored.path().display().to_string();
        let (prepared, begun) = stored.prepared()?;
        if !prepared.fits(n_molecules) {
            return Err(CheckpointError::Damaged { path: self.path.to_owned() }.into());
        }
        match (prepared.names(), &begun) {
            (names, None) if names.is_empty() => {
                self.observer.info(&format!("Nothing was finished when '{place}' was written"));
            }
            (names, _) => self.observer.info(&format!("'{place}' has {} of molecules", names.join(" and "))),
        }
        self.begun = begun;
        Ok(prepared)
    }

    /// Keeps what was found before the model begins. A checkpoint that has more stays.
    pub fn keep_prepared(&mut self, prepared: &Prepared<'_>) {
        if self.begun.is_none() && self.write(prepared, None) {
            self.is_only_prepared = true;
            let names = prepared.names();
            let with = if names.is_empty() { String::new() } else { format!(" with {}", names.join(" and ")) };
            self.observer.detail(&format!("Checkpoint before the model{with}"));
        }
    }

    /// Runs the model, from the checkpoint if there is one; `prepared` is kept with its state.
    ///
    /// Errors: those of the model and the checkpoint; [`Stopped`] if the observer wants to stop.
    pub fn segment(
        &mut self,
        evidence: &Evidence<'_>,
        params: &Params,
        draws: Draws,
        prepared: &Prepared<'_>,
    ) -> anyhow::Result<Outcome> {
        self.identify("parameters of the model", format!("{params:?}"))?;
        self.identify("hash of the data as the model sees them", format!("{:016x}", checksum(evidence)))?;
        let course = match self.begun.take() {
            None => Course::start(evidence, params, draws)?,
            Some(begun) => {
                let place = self.path.display();
                let course = Course::resume(begun.read()?, evidence, params, draws)?;
                let (iteration, last) = (course.iteration(), course.last());
                self.kept_at = Some(iteration);
                self.observer.info(&format!("Going on after iteration {iteration} of {last} from '{place}'"));
                course
            }
        };
        self.observer.handles_stop(true);
        let outcome = self.drive(course, prepared);
        if !outcome.as_ref().is_err_and(|error| error.is::<Stopped>()) {
            self.observer.handles_stop(false);
        }
        outcome
    }

    fn drive(&mut self, mut course: Course<'_>, prepared: &Prepared<'_>) -> anyhow::Result<Outcome> {
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
                let is_kept = self.keep(&course, prepared);
                return Err(Stopped { iteration, total, is_kept }.into());
            }
            let is_time = match self.every {
                0 => self.since.elapsed() >= BETWEEN,
                every => iteration.is_multiple_of(every),
            };
            if is_time {
                self.keep(&course, prepared);
            }
        }
        // Colors, boundaries and files take their time, too, and may fail.
        if self.kept_at != Some(course.iteration()) {
            self.keep(&course, prepared);
        }
        Ok(course.finish())
    }

    /// Keeps the state of the model; returns whether that worked.
    fn keep(&mut self, course: &Course<'_>, prepared: &Prepared<'_>) -> bool {
        let is_kept = self.write(prepared, Some(&course.checkpoint()));
        if is_kept {
            (self.since, self.kept_at, self.is_only_prepared) = (Instant::now(), Some(course.iteration()), false);
            self.observer.detail(&format!("Checkpoint after iteration {}", course.iteration()));
        }
        is_kept
    }

    /// Writes a checkpoint; returns whether that worked. A failure is told once and does not end the run.
    fn write(&mut self, prepared: &Prepared<'_>, model: Option<&bmm::Checkpoint<'_>>) -> bool {
        if !self.is_writing {
            return false;
        }
        let written = if self.path.exists() && !checkpoint::is_checkpoint(self.path) {
            let place = self.path.display();
            Err(format!(
                "No checkpoint is kept: '{place}' is none, and is not overwritten. Rename it, or choose another output"
            ))
        } else {
            checkpoint::write(self.path, &self.identity, prepared, model).map_err(|error| {
                format!("No checkpoint could be kept, and the run goes on: {:#}", anyhow::Error::from(error))
            })
        };
        match written {
            Ok(()) => self.observer.can_continue(true),
            Err(_) if std::mem::replace(&mut self.has_failed, true) => return false,
            Err(ref complaint) => self.observer.warning(complaint),
        }
        written.is_ok()
    }

    /// Removes what this run has kept if the model refuses the data: it would refuse them again.
    pub fn give_up(&self) {
        if self.is_only_prepared {
            self.discard();
        }
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
