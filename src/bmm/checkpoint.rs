//! What it takes to go on after an iteration as if nothing had happened.
//!
//! Little needs keeping. Means, gene counts, tallies and the noise density follow from the
//! assignment by a refit, and graph, confidence and clusters from the input. What a refit leaves
//! as it was has to be here: the shape of a component with too few molecules for a covariance.

use std::borrow::Cow;

use super::convergence::Convergence;
use super::course::{self, Course};
use super::history::History;
use super::shape::Shape;
use super::trace::{Trace, TraceEntry};
use super::{BmmError, Evidence, Params, cell_prior, init, params, type_split};
use crate::data::{ComponentIdx, SegmentIdx};
use crate::numeric::draws::Draws;

/// The state of a [`Course`] between two iterations: borrowed to be written, owned when read.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint<'a> {
    /// Iterations done.
    pub iteration: usize,
    /// Iterations after which the model ends.
    pub last: usize,
    /// Number of components, ended ones included.
    pub n_components: usize,
    /// Component of every molecule, `None` for noise. `[n_molecules]`
    pub assignment: Cow<'a, [Option<ComponentIdx>]>,
    /// Shapes that the molecules do not tell, ascending by component.
    pub shapes: Vec<(ComponentIdx, Shape)>,
    /// Segments that components own and types of cells, where segments own cells; empty otherwise. `[n_components]`
    pub owners: Vec<(Option<SegmentIdx>, u16)>,
    /// Recorded assignments.
    pub history: Cow<'a, History>,
    /// Numbers of the start and of every iteration. `[iteration + 1]`
    pub trace: Cow<'a, [TraceEntry]>,
    /// What is known of convergence, if that is asked for.
    pub convergence: Option<Cow<'a, Convergence>>,
}

impl<'a> Course<'a> {
    /// The checkpoint of this moment. Copies next to nothing.
    pub fn checkpoint(&self) -> Checkpoint<'_> {
        let n_dims = self.evidence.molecules.positions.n_dims();
        let groups = self.state.groups();
        let is_told = |component: usize| groups.size(component) == 0 || groups.size(component) > n_dims;
        let components = self.state.components();
        let shapes = (0..components.len())
            .filter(|&component| !is_told(component))
            .map(ComponentIdx::new)
            .map(|component| (component, components.get(component).shape));
        Checkpoint {
            iteration: self.iteration,
            last: self.last,
            n_components: components.len(),
            assignment: Cow::Borrowed(self.state.assignment()),
            shapes: shapes.collect(),
            owners: match &self.state.cell_prior {
                Some(_) => components.iter().map(|component| (component.owner, component.cell_type)).collect(),
                None => Vec::new(),
            },
            history: Cow::Borrowed(&self.history),
            trace: Cow::Borrowed(self.trace.entries()),
            convergence: self.convergence.as_ref().map(Cow::Borrowed),
        }
    }

    /// Goes on from a checkpoint of a course with the same evidence, parameters and draws.
    ///
    /// The checkpoint must fit the evidence: as many molecules, components below `n_components`.
    /// Errors: [`BmmError::OtherCourse`] if it does not, otherwise those of [`Course::start`].
    pub fn resume(
        checkpoint: Checkpoint<'_>,
        evidence: &'a Evidence<'a>,
        params: &'a Params,
        draws: Draws,
    ) -> Result<Self, BmmError> {
        if !fits(&checkpoint, evidence, params) {
            return Err(BmmError::OtherCourse);
        }
        let Checkpoint { iteration, last, n_components, assignment, shapes, owners, history, trace, convergence } =
            checkpoint;
        let mut state = init::with_assignment(evidence, params, assignment.into_owned(), n_components);
        for (component, shape) in shapes {
            state.components.list[component.idx()].shape = shape;
        }
        for (component, (owner, cell_type)) in state.components.list.iter_mut().zip(owners) {
            (component.owner, component.cell_type) = (owner, cell_type);
        }
        state.regroup(params::MIN_MOLECULES_TO_SURVIVE);
        course::refit(&mut state, evidence, params, iteration)?;
        Ok(Self {
            evidence,
            params,
            draws,
            iteration,
            last,
            trace: Trace::with_entries(params, state.assignment().len(), trace.into_owned()),
            state,
            history: history.into_owned(),
            convergence: convergence.map(Cow::into_owned),
        })
    }
}

/// Whether a checkpoint can be one of this course, so that nothing is out of bounds.
fn fits(checkpoint: &Checkpoint<'_>, evidence: &Evidence<'_>, params: &Params) -> bool {
    let n_molecules = evidence.molecules.len();
    let is_known = |component: &ComponentIdx| component.idx() < checkpoint.n_components;
    let all_known = |assignment: &[Option<ComponentIdx>]| assignment.iter().flatten().all(is_known);
    let fits = |history: &History| history.n_molecules() == n_molecules && history.components().all(|c| is_known(&c));
    let convergence_fits = |convergence: &Convergence| {
        fits(convergence.window())
            && convergence.majority().is_none_or(|majority| majority.len() == n_molecules && all_known(majority))
    };
    let has_owners = cell_prior::applies(evidence, params);
    let n_segments = evidence.segments.map_or(0, |segments| segments.n_segments);
    let n_types = evidence.clusters.map_or(1, |clusters| clusters.iter().map(|c| c.idx() + 1).max().unwrap_or(1));
    let owner_fits = |&(owner, cell_type): &(Option<SegmentIdx>, u16)| {
        owner.is_none_or(|segment| segment.idx() < n_segments)
            && usize::from(cell_type) < n_types.max(type_split::MAX_TYPES)
    };
    checkpoint.assignment.len() == n_molecules
        && checkpoint.owners.len() == if has_owners { checkpoint.n_components } else { 0 }
        && checkpoint.owners.iter().all(owner_fits)
        && all_known(&checkpoint.assignment)
        && checkpoint.shapes.iter().all(|(component, _)| is_known(component))
        && fits(&checkpoint.history)
        && checkpoint.trace.len() == checkpoint.iteration + 1
        && checkpoint.last <= params.iterations
        && checkpoint.convergence.is_some() == (params.converged > 0.0)
        && checkpoint.convergence.as_deref().is_none_or(convergence_fits)
}

#[cfg(test)]
mod tests {
    use super::super::params::Segments;
    use super::*;
    use crate::data::{ClusterIdx, GeneIdx, Molecules, Positions, SegmentIdx};
    use crate::graph::MoleculeGraph;
    use crate::numeric::draws::Stream;
    use crate::observe::Silent;

    /// Some clumps of molecules on a plane or in space, linked to the molecules around.
    fn tissue(n_dims: usize) -> (Molecules, MoleculeGraph, Vec<f32>) {
        let draws = Draws::new(7, Stream::Jitter).at(0);
        let n = 600;
        let axis = |axis: u64| -> Vec<f64> {
            let clump = |i: u64| 4.0 * ((i % 30) / if axis == 0 { 1 } else { 6 } % 6) as f64;
            (0..n).map(|i| clump(i) + draws.rough_normal(3 * i + axis)).collect()
        };
        let positions = Positions { x: axis(0), y: axis(1), z: (n_dims == 3).then(|| axis(2)) };
        let molecules = Molecules {
            ids: (0..n as u32).collect(),
            genes: (0..n).map(|i| GeneIdx::new((i % 7) as usize)).collect(),
            n_genes: 7,
            positions,
        };
        let graph = crate::graph::build(&molecules, Draws::new(1, Stream::Jitter));
        let confidence = (0..n).map(|i| 0.4 + 0.6 * draws.uniform(10_000 + i) as f32).collect();
        (molecules, crate::graph::weigh(&graph), confidence)
    }

    /// Asserts that a course that goes on from every third of its checkpoints is the same course.
    fn resumes_alike(n_dims: usize, with_prior: bool, params: Params) {
        let (molecules, graph, confidence) = tissue(n_dims);
        let clusters: Vec<ClusterIdx> = (0..600).map(|i| ClusterIdx::new(i % 3)).collect();
        let segment_of: Vec<Option<SegmentIdx>> =
            (0..600).map(|i| (i % 2 == 0).then(|| SegmentIdx::new(i % 30))).collect();
        let sizes: Vec<u32> = (0..30).map(|segment| if segment % 2 == 0 { 20 } else { 0 }).collect();
        let segments = Segments { segment_of: &segment_of, n_segments: 30, sizes: &sizes };
        let evidence = Evidence {
            molecules: &molecules,
            graph: &graph,
            confidence: &confidence,
            clusters: Some(&clusters),
            segments: with_prior.then_some(segments),
            compartments: None,
            centers: None,
        };
        let draws = Draws::new(1, Stream::Assignment);
        let whole = super::super::segment(&evidence, &params, draws, &Silent).expect("a segmentation");
        let mut course = Course::start(&evidence, &params, draws).expect("a start");
        let mut n_shapes = 0;
        while !course.is_done() {
            course.advance().expect("an iteration");
            if course.iteration() % 3 == 1 || course.is_done() {
                let checkpoint = course.checkpoint();
                n_shapes += checkpoint.shapes.len();
                let resumed = Course::resume(checkpoint, &evidence, &params, draws).expect("the same course");
                assert_eq!(resumed.state.log_noise_density.to_bits(), course.state.log_noise_density.to_bits());
                for (ours, theirs) in resumed.state.components.iter().zip(course.state.components.iter()) {
                    let alike = format!("{ours:?}") == format!("{theirs:?}");
                    assert!(alike || theirs.n_molecules == 0, "{ours:?} {theirs:?}");
                }
                course = resumed;
            }
        }
        assert!(n_shapes > 0, "no small component was met");
        assert_eq!(course.finish(), whole);
    }

    fn params(iterations: usize) -> Params {
        Params { iterations, n_cells_init: 120, ..Params::for_tests(1.0, 0.25, 4) }
    }

    #[test]
    fn a_resumed_course_is_the_same_in_two_dimensions() {
        resumes_alike(2, false, params(60));
    }

    #[test]
    fn a_resumed_course_is_the_same_in_three_dimensions() {
        resumes_alike(3, false, params(40));
    }

    #[test]
    fn a_resumed_course_is_the_same_where_segments_own_cells() {
        let owners = Some(crate::bmm::OwnerParams::default());
        resumes_alike(2, true, Params { prior_confidence: 0.5, owners, ..params(60) });
        resumes_alike(3, true, Params { prior_confidence: 0.5, owners, ..params(40) });
    }

    #[test]
    fn a_resumed_course_is_the_same_with_a_prior_in_part_or_in_full() {
        resumes_alike(2, true, Params { prior_confidence: 0.5, ..params(40) });
        resumes_alike(3, true, Params { prior_confidence: 1.0, ..params(40) });
    }

    #[test]
    fn a_resumed_course_ends_early_like_the_whole_one() {
        resumes_alike(2, false, Params { converged: 0.5, ..params(200) });
        resumes_alike(2, false, Params { tolerance: 0.9, ..params(200) });
    }

    #[test]
    fn a_checkpoint_of_other_data_is_refused() {
        let (molecules, graph, confidence) = tissue(2);
        let evidence = Evidence {
            molecules: &molecules,
            graph: &graph,
            confidence: &confidence,
            clusters: None,
            segments: None,
            compartments: None,
            centers: None,
        };
        let (params, draws) = (params(10), Draws::new(1, Stream::Assignment));
        let course = Course::start(&evidence, &params, draws).expect("a start");
        let refused = |spoil: &dyn Fn(&mut Checkpoint<'_>)| {
            let mut checkpoint = course.checkpoint();
            spoil(&mut checkpoint);
            Course::resume(checkpoint, &evidence, &params, draws).err() == Some(BmmError::OtherCourse)
        };
        assert!(!refused(&|_| {}));
        assert!(refused(&|checkpoint| checkpoint.assignment.to_mut().truncate(5)));
        assert!(refused(&|checkpoint| checkpoint.n_components = 3));
        assert!(refused(&|checkpoint| checkpoint.iteration = 2));
        assert!(refused(&|checkpoint| checkpoint.last = 11));
        assert!(refused(&|checkpoint| checkpoint.history = Cow::Owned(History::new(3))));
    }
}
