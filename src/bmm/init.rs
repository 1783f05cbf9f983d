//! The start: centers, and every molecule at the nearest one.

use rayon::prelude::*;

use super::BmmError;
use super::cell_prior::{self, CellPrior};
use super::components::Components;
use super::groups::Groups;
use super::params::{Evidence, FreeCells, MIN_CENTER_CONFIDENCE, OwnerParams, Params, Segments};
use super::shape::Shape;
use super::state::State;
use crate::data::{ComponentIdx, Molecules, Positions, SegmentIdx};
use crate::numeric::elementary::{LnTable, ln};
use crate::numeric::stats::round_half_even;
use crate::spatial::kdtree::KdTree;

/// Cells without a segment start where molecules are farther than so many cell radii from the centers of all segments.
///
/// METHOD: within a radius the owner is the better guess, and from two radii on a missed neighbor would have lost its
/// middle to the owners around.
const FAR: f64 = 1.3;
/// The same with [`FreeCells::Strict`].
const FAR_IF_STRICT: f64 = 2.0;

/// Places `n_cells_init` components and gives every molecule to one.
///
/// Without a prior segmentation centers are molecules, and every molecule goes to the nearest one.
/// With it every segment starts as a component of its own, and further centers stand among the
/// molecules outside segments, far from their centers where segments own cells.
///
/// Components are numbered in the order of the molecules that they start from, so that neighbors
/// in space are neighbors in memory. Errors if fewer than two components can be placed.
/// Source: Baysor 0.7.1 `initialization.jl`.
///
/// DIFFERS: 0.7.1 places centers without a look at the prior, and half of the segments start
/// shared or divided (test `every_segment_starts_as_a_component`).
pub fn start(evidence: &Evidence<'_>, params: &Params) -> Result<State, BmmError> {
    let molecules = evidence.molecules;
    let seeds = seeds(evidence, params);
    // A part of a slide may be nearly empty; of a whole one that says something.
    if seeds.len() < 2 && evidence.centers.is_none() {
        return Err(BmmError::TooFewCenters {
            n_centers: seeds.len(),
            n_molecules: molecules.len(),
            n_cells_init: params.n_cells_init,
        });
    }
    let centers: Vec<[f64; 3]> = seeds.iter().map(|seed| seed.center).collect();
    let shape = Shape::ball(params.scale, molecules.positions.n_dims());
    let assignment = first_assignment(evidence, &seeds, &centers);
    let mut components = Components::at_centers(&centers, shape);
    if cell_prior::applies(evidence, params) {
        components.list.iter_mut().zip(&seeds).for_each(|(component, seed)| component.owner = seed.segment);
    }
    Ok(new_state(evidence, params, assignment, components))
}

/// A state with a given assignment, whose components are balls until the first refit.
pub(super) fn with_assignment(
    evidence: &Evidence<'_>,
    params: &Params,
    assignment: Vec<Option<ComponentIdx>>,
    n_components: usize,
) -> State {
    let shape = Shape::ball(params.scale, evidence.molecules.positions.n_dims());
    new_state(evidence, params, assignment, Components::at_centers(&vec![[0.0; 3]; n_components], shape))
}

fn new_state(
    evidence: &Evidence<'_>,
    params: &Params,
    assignment: Vec<Option<ComponentIdx>>,
    components: Components,
) -> State {
    State {
        proposal: vec![None; assignment.len()],
        assignment,
        groups: Groups::default(),
        components,
        log_noise_density: f64::NEG_INFINITY,
        log_position_density: params.log_position_density(evidence.molecules.positions.n_dims()),
        log_noise_odds: evidence.confidence.iter().map(|&confidence| log_noise_odds(confidence)).collect(),
        logs: LnTable::new(),
        cell_prior: CellPrior::new(evidence, params),
        segment_members: segment_members(evidence, params),
    }
}

/// Where a component starts.
struct Seed {
    /// The molecule at the center, or the first one of the segment.
    molecule: u32,
    center: [f64; 3],
    segment: Option<SegmentIdx>,
}

/// All seeds, by their molecules.
fn seeds(evidence: &Evidence<'_>, params: &Params) -> Vec<Seed> {
    let molecules = evidence.molecules;
    let mut seeds = match evidence.segments {
        Some(segments) if params.prior_confidence > 0.0 => segment_seeds(&molecules.positions, segments),
        _ => Vec::new(),
    };
    let further = match evidence.centers {
        Some(is_center) => {
            let is_free = |molecule: usize| match evidence.segments {
                Some(segments) if !seeds.is_empty() => segments.segment_of[molecule].is_none(),
                _ => true,
            };
            let is_chosen = |&molecule: &u32| is_center[molecule as usize] && is_free(molecule as usize);
            (0..molecules.len() as u32).filter(is_chosen).collect()
        }
        None => {
            if seeds.len() == 1 {
                // One region for everything is no start.
                seeds.clear();
            }
            let segments = evidence.segments.filter(|_| !seeds.is_empty());
            let n_further = params.n_cells_init.saturating_sub(seeds.len());
            let places = Places::of(molecules, segments, params.owners, params.scale);
            uniform_selection(molecules, evidence.confidence, |molecule| places.has(molecule), n_further)
        }
    };
    let at = |&molecule: &u32| Seed { molecule, center: molecules.positions.at(molecule as usize), segment: None };
    seeds.extend(further.iter().map(at));
    seeds.sort_unstable_by_key(|seed| seed.molecule);
    seeds
}

/// The molecules of a slide that components start from besides segments: up to `n_cells_init` together.
///
/// For slides in parts: what [`start`] would choose in the whole, whatever the order in memory. `segments` that have
/// no say (a trust of 0) are to be left out. `scale` is the cell radius.
pub fn centers(
    molecules: &Molecules,
    confidence: &[f32],
    segments: Option<Segments<'_>>,
    owners: Option<OwnerParams>,
    scale: f64,
    n_cells_init: usize,
) -> Vec<u32> {
    let n_segments = segments.map_or(0, |segments| segments.n_with_molecules());
    let (segments, n_segments) = if n_segments < 2 { (None, 0) } else { (segments, n_segments) };
    let places = Places::of(molecules, segments, owners, scale);
    let n_further = n_cells_init.saturating_sub(n_segments);
    uniform_selection(molecules, confidence, |molecule| places.has(molecule), n_further)
}

/// The number of components that a model whose segments own cells starts from, with the reason: a component per segment,
/// and, where segments are far, one per `min_molecules_per_cell` molecules.
pub fn default_n_cells_init(
    molecules: &Molecules,
    segments: Segments<'_>,
    owners: OwnerParams,
    scale: f64,
    min_molecules_per_cell: usize,
) -> (usize, String) {
    let places = Places::of(molecules, Some(segments), Some(owners), scale);
    let n_far = (0..molecules.len()).filter(|&molecule| places.has(molecule)).count();
    let (n_segments, n_free) = (segments.n_with_molecules(), n_far / min_molecules_per_cell.max(1));
    (n_segments + n_free, format!("{n_segments} prior segments, and {n_free} for {n_far} molecules far from them"))
}

/// Where components may start besides segments: outside of them, and where segments own cells far from all centers.
struct Places<'a> {
    segments: Option<Segments<'a>>,
    /// Whether a molecule is far from all centers; absent where that does not matter. `[n_molecules]`
    is_far: Option<Vec<bool>>,
}

impl<'a> Places<'a> {
    fn of(molecules: &Molecules, segments: Option<Segments<'a>>, owners: Option<OwnerParams>, scale: f64) -> Self {
        let is_far = owners.zip(segments).map(|(owners, segments)| match owners.free_cells {
            FreeCells::Free => far_molecules(&molecules.positions, segments, FAR * scale),
            FreeCells::Strict => far_molecules(&molecules.positions, segments, FAR_IF_STRICT * scale),
            FreeCells::None => vec![false; molecules.len()],
        });
        Self { segments, is_far }
    }

    fn has(&self, molecule: usize) -> bool {
        self.segments.is_none_or(|segments| segments.segment_of[molecule].is_none())
            && self.is_far.as_ref().is_none_or(|is_far| is_far[molecule])
    }
}

/// Whether a molecule is farther than `distance` from the center of every segment. `[n_molecules]`
fn far_molecules(positions: &Positions, segments: Segments<'_>, distance: f64) -> Vec<bool> {
    let centers: Vec<[f64; 3]> = segment_seeds(positions, segments).into_iter().map(|seed| seed.center).collect();
    let tree = KdTree::new(&points(&centers, positions.n_dims()), None);
    (0..positions.len())
        .into_par_iter()
        .with_min_len(256)
        .map_init(Vec::new, |found, molecule| {
            tree.nearest(positions.at(molecule), 1, found);
            found.first().is_none_or(|nearest| nearest.distance2 > distance * distance)
        })
        .collect()
}

/// The molecules of a slide that could be centers besides segments.
pub fn n_candidates(molecules: &Molecules, confidence: &[f32], segments: Option<Segments<'_>>) -> usize {
    let is_free = |molecule: usize| segments.is_none_or(|segments| segments.segment_of[molecule].is_none());
    (0..molecules.len()).filter(|&molecule| confidence[molecule] >= MIN_CENTER_CONFIDENCE && is_free(molecule)).count()
}

/// One seed per segment that has molecules, at their mean.
fn segment_seeds(positions: &Positions, segments: Segments<'_>) -> Vec<Seed> {
    let mut first = vec![None; segments.n_segments];
    for (molecule, segment) in segments.segment_of.iter().enumerate() {
        if let Some(segment) = segment {
            first[segment.idx()].get_or_insert(molecule as u32);
        }
    }
    let centers = cell_prior::segment_centers(positions, segments);
    let seed = |(segment, (molecule, center)): (usize, (Option<u32>, [f64; 3]))| {
        molecule.map(|molecule| Seed { molecule, center, segment: Some(SegmentIdx::new(segment)) })
    };
    first.into_iter().zip(centers).enumerate().filter_map(seed).collect()
}

/// Molecules of seeded segments go to their component, all others to the nearest center.
fn first_assignment(evidence: &Evidence<'_>, seeds: &[Seed], centers: &[[f64; 3]]) -> Vec<Option<ComponentIdx>> {
    let mut assignment = nearest_centers(&evidence.molecules.positions, centers);
    let Some(segments) = evidence.segments else { return assignment };
    let mut component_of_segment = vec![None; segments.n_segments];
    for (component, seed) in seeds.iter().enumerate() {
        if let Some(segment) = seed.segment {
            component_of_segment[segment.idx()] = Some(ComponentIdx::new(component));
        }
    }
    for (component, segment) in assignment.iter_mut().zip(segments.segment_of) {
        if let Some(own) = segment.and_then(|segment| component_of_segment[segment.idx()]) {
            *component = Some(own);
        }
    }
    assignment
}

fn log_noise_odds(confidence: f32) -> f32 {
    let confidence = f64::from(confidence);
    (ln(1.0 - confidence) - ln(confidence)) as f32
}

/// Members of the segments, if these are hard constraints.
fn segment_members(evidence: &Evidence<'_>, params: &Params) -> Groups {
    let mut groups = Groups::default();
    if let Some(segments) = evidence.segments.filter(|_| params.prior_confidence >= 1.0) {
        let mut numbered: Vec<Option<ComponentIdx>> =
            segments.segment_of.iter().map(|segment| segment.map(|s| ComponentIdx::new(s.idx()))).collect();
        groups.regroup(&mut numbered, segments.n_segments, 1);
    }
    groups
}

/// Molecules at evenly spaced ranks of the sum of coordinates, among those that are free and
/// likely real.
///
/// Equal sums are ranked by molecule id. All candidates, if there are not more than `n`.
fn uniform_selection(molecules: &Molecules, confidence: &[f32], is_free: impl Fn(usize) -> bool, n: usize) -> Vec<u32> {
    let mut candidates: Vec<(f64, u32, u32)> = (0..molecules.len())
        .filter(|&molecule| confidence[molecule] >= MIN_CENTER_CONFIDENCE && is_free(molecule))
        .map(|molecule| {
            let [x, y, z] = molecules.positions.at(molecule);
            (x + y + z, molecules.ids[molecule], molecule as u32)
        })
        .collect();
    if candidates.len() <= n {
        return candidates.into_iter().map(|(_, _, molecule)| molecule).collect();
    }
    candidates.par_sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let last = (candidates.len() - 1) as f64;
    let mut chosen: Vec<u32> = match n {
        0 => Vec::new(),
        1 => vec![candidates[0].2],
        _ => (0..n)
            .map(|i| {
                // Ranks count from 1 here, as halves round to the even *rank*.
                let rank = round_half_even(1.0 + last * i as f64 / (n - 1) as f64) as usize;
                candidates[rank - 1].2
            })
            .collect(),
    };
    chosen.dedup();
    chosen
}

/// Points as positions.
fn points(points: &[[f64; 3]], n_dims: usize) -> Positions {
    let axis = |axis: usize| points.iter().map(|point| point[axis]).collect();
    Positions { x: axis(0), y: axis(1), z: (n_dims == 3).then(|| axis(2)) }
}

/// The center nearest to every molecule; of equally near ones the first.
fn nearest_centers(positions: &Positions, centers: &[[f64; 3]]) -> Vec<Option<ComponentIdx>> {
    let tree = KdTree::new(&points(centers, positions.n_dims()), None);
    (0..positions.len())
        .into_par_iter()
        .with_min_len(256)
        .map_init(Vec::new, |found, molecule| {
            tree.nearest(positions.at(molecule), 1, found);
            found.first().map(|nearest| ComponentIdx::new(nearest.point as usize))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::GeneIdx;

    fn on_a_line(n: usize) -> Molecules {
        Molecules {
            ids: (0..n as u32).collect(),
            positions: Positions { x: (0..n).map(|i| i as f64).collect(), y: vec![0.0; n], z: None },
            genes: vec![GeneIdx::new(0); n],
            n_genes: 1,
        }
    }

    #[test]
    fn centers_stand_at_even_ranks() {
        let ranks = |m: usize, n: usize| -> Vec<u32> {
            uniform_selection(&on_a_line(m), &vec![1.0; m], |_| true, n).iter().map(|molecule| molecule + 1).collect()
        };
        assert_eq!(ranks(10, 4), [1, 4, 7, 10]);
        assert_eq!(ranks(10, 5), [1, 3, 6, 8, 10]);
        assert_eq!(ranks(100, 6), [1, 21, 41, 60, 80, 100]);
        assert_eq!(ranks(3, 6), [1, 2, 3]);
    }

    #[test]
    fn unlikely_molecules_are_no_centers() {
        let confidence = [1.0, 0.1, 1.0, 0.2, 1.0];
        assert_eq!(uniform_selection(&on_a_line(5), &confidence, |_| true, 5), [0, 2, 4]);
    }

    #[test]
    fn every_molecule_starts_at_the_nearest_center() {
        let assignment = nearest_centers(&on_a_line(6).positions, &[[0.0; 3], [5.0, 0.0, 0.0]]);
        let components: Vec<usize> = assignment.into_iter().flatten().map(ComponentIdx::idx).collect();
        assert_eq!(components, [0, 0, 0, 1, 1, 1]);
    }

    #[test]
    fn every_segment_starts_as_a_component() {
        let molecules = on_a_line(10);
        let segment_of: Vec<Option<SegmentIdx>> =
            [0, 0, 2, 2, 2, 0, 0, 0, 1, 1].iter().map(|&number| SegmentIdx::from_number(number)).collect();
        let segments = Segments { segment_of: &segment_of, n_segments: 2, sizes: &[2, 3] };
        let graph = crate::graph::MoleculeGraph::from_edges(10, &[]);
        let confidence = [1.0; 10];
        let evidence = Evidence {
            molecules: &molecules,
            graph: &graph,
            confidence: &confidence,
            clusters: None,
            segments: Some(segments),
            compartments: None,
            centers: None,
        };
        let params = Params { prior_confidence: 0.5, n_cells_init: 4, ..Params::for_tests(1.0, 0.25, 2) };
        let state = start(&evidence, &params).expect("four components");
        // Centers: molecule 0, the segment of 2, 3, 4 (at 3), molecule 7, the segment of 8, 9 (at 8.5).
        let components: Vec<usize> = state.assignment().iter().flatten().map(|at| at.idx()).collect();
        assert_eq!(components, [0, 0, 1, 1, 1, 1, 2, 2, 3, 3]);
        let blind = start(&evidence, &Params { prior_confidence: 0.0, ..params }).expect("four components");
        assert_ne!(blind.assignment(), state.assignment());
    }
}
