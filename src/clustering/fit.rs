//! The iterations of the molecule clustering, and when they end.

use super::course::{Course, CourseStep};
use super::init::Start;
use super::state::{Data, State, Sweep};
use crate::data::{Change, ClusterIdx};
use crate::observe::{Observer, Progress};

/// Iterations whose changes must all be small.
const WINDOW: usize = 21;

/// How molecules are clustered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    /// Number of clusters.
    pub n_clusters: usize,
    /// Iterations after which the clusters are taken as they are.
    pub max_iterations: usize,
    /// Iterations end when no probability (times confidence) has changed by so much for 21 of them.
    pub tolerance: f64,
    /// Which molecules a sweep leaves out.
    pub skip: Skip,
    /// Whether it is kept how the profiles move, for parts of the slide to follow.
    pub keeps_course: bool,
}

/// Which molecules a sweep leaves out because nothing around them has changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Skip {
    /// None.
    Nothing,
    /// Those that would come out the same to the bit.
    Unchanged,
    /// After the first 21 sweeps also those around which every probability, and every entry of the
    /// gene's profile relatively, has changed by at most this much since it last counted.
    Nearly(f32),
}

impl Params {
    /// The usual parameters: 0.01 of tolerance, at least 10,000 iterations.
    ///
    /// METHOD: what a molecule knows of a neighbor may be stale by up to 3e-4. Six neighbors then
    /// move an exponent by at most 0.002 and a probability by a quarter of that, a twentieth of the
    /// tolerance; and a last look at every molecule decides whether iterations may end. At 1e-3 some
    /// runs took a slow phase for rest and stopped too early.
    pub fn new(n_clusters: usize, n_molecules: usize) -> Self {
        Self {
            n_clusters,
            max_iterations: (n_molecules / 200).max(10_000),
            tolerance: 0.01,
            skip: Skip::Nearly(3e-4),
            keeps_course: false,
        }
    }
}

/// Clusters of molecules.
#[derive(Clone, Debug, PartialEq)]
pub struct Clusters {
    /// Cluster of every molecule, `[n_molecules]`.
    pub cluster_of: Vec<ClusterIdx>,
    /// Share of each gene in each cluster, `[n_clusters * n_genes]`, one cluster after another; each
    /// sums to 1, or to 0 if no molecule takes part in it.
    pub profiles: Vec<f64>,
    /// How the profiles moved, if that is kept.
    pub course: Option<Course>,
    /// Iterations done.
    pub n_iterations: usize,
    /// Largest change in the last iteration.
    pub last_change: f32,
    /// True if the iterations ended because changes were small.
    pub converged: bool,
    /// Where the profiles started.
    pub start: Start,
    /// Every iteration.
    pub trace: Vec<Change>,
}

/// Iterates from `first_profiles`, `[n_clusters * n_genes]`, until changes are small.
///
/// Source: Baysor 0.7.1 `cluster_molecules_on_mrf`. Draws nothing; the same result for any number
/// of threads. `start` is passed on to the result.
///
/// DIFFERS: molecules around which nothing has changed are left out of a sweep, see [`Skip`];
/// probabilities are kept in single precision.
pub fn fit(data: Data<'_>, first_profiles: &[f64], start: Start, params: &Params, observer: &dyn Observer) -> Clusters {
    let mut state = State::new(data, first_profiles, params.n_clusters.max(1));
    let mut course = params.keeps_course.then(|| Course::new(first_profiles, params.n_clusters.max(1)));
    let mut trace: Vec<Change> = Vec::new();
    let (cluster_of, converged) = loop {
        if is_calm(&trace, params.tolerance) {
            let (cluster_of, change) = state.most_probable();
            if f64::from(change) < params.tolerance {
                break (cluster_of, true);
            }
            state.wake_all();
            if let Some(course) = &mut course {
                course.record(CourseStep::Wake, &state);
            }
        }
        if trace.len() >= params.max_iterations {
            break (state.most_probable().0, false);
        }
        let threshold = threshold(params.skip, trace.len());
        let sweep = state.step(threshold);
        if let Some(course) = &mut course {
            let exhaustive = state.is_exhaustive(threshold, &sweep);
            course.record(CourseStep::Sweep { threshold, exhaustive }, &state);
        }
        trace.push(change_of(&sweep, data.genes.len()));
        report(observer, &trace, &sweep, params.max_iterations, data.genes.len());
    };
    let last_change = trace.last().map_or(0.0, |change| change.largest);
    let profiles = state.shares();
    Clusters { cluster_of, profiles, course, n_iterations: trace.len(), last_change, converged, start, trace }
}

/// Clusters of a part of a slide: the iterations of the slide again, with the profiles that it had.
///
/// METHOD: a molecule sees its neighbors and the profiles and nothing else, but where it ends up depends on how the
/// profiles moved. So away from its rim the part has, but for what was not announced, the clusters that it has in the
/// slide, whatever else is on the slide. With the last profiles alone some find another rest (10 % on a 3D set).
/// Draws nothing; the same for any number of threads. The course must have genes below `data.n_genes` only.
pub fn follow(data: Data<'_>, course: &Course, observer: &dyn Observer) -> Clusters {
    let mut state = State::new(data, &course.first, course.n_clusters);
    let mut trace: Vec<Change> = Vec::new();
    let total = course.steps.iter().filter(|(step, _)| *step != CourseStep::Wake).count();
    let mut begin = 0;
    for &(step, n_moves) in &course.steps {
        let moves = course.moves(begin, n_moves as usize);
        begin += n_moves as usize;
        match step {
            CourseStep::Wake => state.follow_wake(moves),
            CourseStep::Sweep { threshold, exhaustive } => {
                let sweep = state.follow_step(threshold, exhaustive, moves);
                trace.push(change_of(&sweep, data.genes.len()));
                report(observer, &trace, &sweep, total, data.genes.len());
            }
        }
    }
    let (cluster_of, last_change) = state.most_probable();
    let profiles = state.shares();
    let n_iterations = trace.len();
    Clusters {
        cluster_of,
        profiles,
        course: None,
        n_iterations,
        last_change,
        converged: true,
        start: Start::Followed,
        trace,
    }
}

/// KEEPS: 0.7.1 looks at the last 21 changes, from the 21st iteration on.
fn is_calm(trace: &[Change], tolerance: f64) -> bool {
    trace.len() >= WINDOW && trace[trace.len() - WINDOW..].iter().all(|change| f64::from(change.largest) < tolerance)
}

fn threshold(skip: Skip, n_done: usize) -> f32 {
    match skip {
        Skip::Nothing => -1.0,
        Skip::Unchanged => 0.0,
        // METHOD: a nearly uniform start moves slowly at first and must not be taken for rest.
        Skip::Nearly(threshold) => {
            if n_done < WINDOW {
                0.0
            } else {
                threshold
            }
        }
    }
}

fn change_of(sweep: &Sweep, n_molecules: usize) -> Change {
    Change { largest: sweep.max_change, share: sweep.n_changed as f32 / n_molecules.max(1) as f32 }
}

fn report(observer: &dyn Observer, trace: &[Change], sweep: &Sweep, total: usize, n_molecules: usize) {
    let computed = sweep.n_computed as f64 / n_molecules.max(1) as f64;
    observer.iteration(&Progress {
        what: "clustering",
        iteration: trace.len(),
        total,
        numbers: vec![("change", f64::from(sweep.max_change)), ("computed", computed)],
    });
}
