//! What the manifest of a stage tells of a command: how long its parts took, and the warnings.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::machine;
use crate::io::stage::{Manifest, NoteLevel, Phase, StageNote};
use crate::observe::{Observer, Progress};

/// Passes everything on to another observer and writes down stages and warnings.
pub struct Recorder<'a> {
    inner: &'a dyn Observer,
    started: String,
    since: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    phases: Vec<Phase>,
    running: Option<(String, Instant)>,
    notes: Vec<StageNote>,
    /// Paths, and what stands for them in notes.
    paths: Vec<(String, &'static str)>,
}

impl<'a> Recorder<'a> {
    /// Begins now.
    pub fn new(inner: &'a dyn Observer) -> Self {
        Self { inner, started: machine::timestamp(), since: Instant::now(), state: Mutex::default() }
    }

    /// What stands for a path in notes, which have to be the same wherever the inputs lie.
    pub fn call(&self, path: String, name: &'static str) {
        if !path.is_empty() {
            self.lock().paths.push((path, name));
        }
    }

    /// The observer that hears everything, for work whose warnings do not belong into the notes.
    pub fn inner(&self) -> &'a dyn Observer {
        self.inner
    }

    /// Adds notes that were made before.
    pub fn add(&self, notes: &[StageNote]) {
        self.lock().notes.extend_from_slice(notes);
    }

    /// The warnings so far.
    pub fn notes(&self) -> Vec<StageNote> {
        self.lock().notes.clone()
    }

    /// Enters times and memory into the manifest of a stage that is complete but for its manifest.
    pub fn enter_times(&self, manifest: &mut Manifest) {
        let mut state = self.lock();
        state.end_phase();
        let timing = &mut manifest.timing;
        timing.started = Some(self.started.clone());
        timing.seconds = self.since.elapsed().as_secs_f64();
        timing.peak_memory_bytes = machine::peak_memory();
        timing.phases.clone_from(&state.phases);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end_phase(&mut self) {
        if let Some((name, since)) = self.running.take() {
            let (seconds, peak_memory_bytes) = (since.elapsed().as_secs_f64(), machine::peak_memory());
            self.phases.push(Phase { name, seconds, peak_memory_bytes });
        }
    }
}

impl Observer for Recorder<'_> {
    fn stage(&self, name: &str) {
        let mut state = self.lock();
        state.end_phase();
        state.running = Some((name.to_owned(), Instant::now()));
        drop(state);
        self.inner.stage(name);
    }

    fn info(&self, message: &str) {
        self.inner.info(message);
    }

    fn detail(&self, message: &str) {
        self.inner.detail(message);
    }

    fn warning(&self, message: &str) {
        let mut state = self.lock();
        let text = state.paths.iter().fold(message.to_owned(), |text, (path, name)| text.replace(path, name));
        state.notes.push(StageNote { level: NoteLevel::Warning, text });
        drop(state);
        self.inner.warning(message);
    }

    fn iteration(&self, progress: &Progress) {
        self.inner.iteration(progress);
    }

    fn handles_stop(&self, handles: bool) {
        self.inner.handles_stop(handles);
    }

    fn can_continue(&self, can: bool) {
        self.inner.can_continue(can);
    }

    fn stop_requested(&self) -> bool {
        self.inner.stop_requested()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::stage::StageKind;
    use crate::observe::Silent;

    #[test]
    fn warnings_are_kept_without_paths_and_stages_with_their_times() {
        let recorder = Recorder::new(&Silent);
        recorder.call("/data/nuclei.tif".to_owned(), "the prior");
        recorder.stage("Loading data");
        recorder.info("a fact");
        recorder.warning("/data/nuclei.tif: mostly empty");
        recorder.stage("Segmenting cells");
        let mut manifest = Manifest::new(StageKind::Run, 1);
        recorder.enter_times(&mut manifest);
        let names: Vec<&str> = manifest.timing.phases.iter().map(|phase| phase.name.as_str()).collect();
        assert_eq!(names, ["Loading data", "Segmenting cells"]);
        assert!(manifest.timing.seconds >= manifest.timing.phases[0].seconds);
        let notes: Vec<String> = recorder.notes().into_iter().map(|note| note.text).collect();
        assert_eq!(notes, ["the prior: mostly empty"]);
    }
}
