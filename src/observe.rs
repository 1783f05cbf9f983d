//! How long computations report where they are. The core knows no terminal and no clock.

/// Receives news from a computation. All methods have empty defaults.
///
/// Implementations may print, draw or record, and may ask for a stop; they cannot influence a result.
pub trait Observer: Sync {
    /// A named stage begins.
    fn stage(&self, _name: &str) {}
    /// A fact worth telling the user.
    fn info(&self, _message: &str) {}
    /// A fact for those who want to know everything.
    fn detail(&self, _message: &str) {}
    /// Something was assumed or may be wrong.
    fn warning(&self, _message: &str) {}
    /// One iteration of a loop of at most `total` iterations is done.
    fn iteration(&self, _progress: &Progress) {}
    /// Says whether from now on [`Self::stop_requested`] is asked from time to time, at moments
    /// from which the computation can be continued.
    fn handles_stop(&self, _handles: bool) {}
    /// Says whether somebody could go on from a checkpoint, if the program ended now.
    fn can_continue(&self, _can: bool) {}
    /// Whether the computation should stop at the next such moment.
    fn stop_requested(&self) -> bool {
        false
    }
}

/// State of a loop after an iteration.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// What is being iterated, e.g. `clustering` or `segmentation`.
    pub what: &'static str,
    /// Iterations done.
    pub iteration: usize,
    /// Iterations there will be at most.
    pub total: usize,
    /// Numbers worth showing, with their names: noise share, components, …
    pub numbers: Vec<(&'static str, f64)>,
}

/// Hears nothing: for tests and library calls.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}
