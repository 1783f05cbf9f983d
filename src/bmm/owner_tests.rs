//! Segments that own cells, on a small tissue whose cells are known.

use super::cell_prior::Learned;
use super::params::{FreeCells, OwnerParams};
use super::{Course, Evidence, Params, Segments, State, births, free_cells, init};
use crate::data::{ComponentIdx, GeneIdx, Molecules, Positions, SegmentIdx};
use crate::graph::{self, MoleculeGraph};
use crate::numeric::draws::{Draws, Stream};

/// Cells in rows and columns.
const SIDE: usize = 5;
/// Molecules of a cell.
const PER_CELL: usize = 60;
/// The cell in the middle of the tissue: its nucleus is missed.
const MISSED: usize = 12;

/// Discs of radius 2 at a distance of 4, whose types alternate as on a chessboard; the molecules in the middle of each are
/// its nucleus.
struct Tissue {
    molecules: Molecules,
    graph: MoleculeGraph,
    confidence: Vec<f32>,
    cell_of: Vec<usize>,
    segment_of: Vec<Option<SegmentIdx>>,
    sizes: Vec<u32>,
}

impl Tissue {
    fn new() -> Self {
        let draws = Draws::new(3, Stream::Jitter).at(1);
        let (mut x, mut y, mut genes, mut cell_of, mut segment_of) = (vec![], vec![], vec![], vec![], vec![]);
        let mut sizes = vec![0; SIDE * SIDE];
        for (cell, size) in sizes.iter_mut().enumerate() {
            for molecule in 0..PER_CELL {
                let id = 8 * (cell * PER_CELL + molecule) as u64;
                // Even in a disc: a radius in proportion to the root of a uniform number.
                let radius = 2.0 * draws.uniform(id).sqrt();
                let angle = std::f64::consts::TAU * draws.uniform(id + 1);
                x.push(4.0 * (cell % SIDE) as f64 + radius * angle.cos());
                y.push(4.0 * (cell / SIDE) as f64 + radius * angle.sin());
                // Two genes of the type, one of both.
                let of_type = if draws.uniform(id + 2) < 0.2 { 4 } else { 2 * (cell % 2) + molecule % 2 };
                genes.push(GeneIdx::new(of_type));
                let is_nuclear = radius < 1.0 && cell != MISSED;
                segment_of.push(is_nuclear.then(|| SegmentIdx::new(cell)));
                *size += u32::from(is_nuclear);
                cell_of.push(cell);
            }
        }
        let n = x.len();
        let molecules =
            Molecules { ids: (0..n as u32).collect(), positions: Positions { x, y, z: None }, genes, n_genes: 5 };
        let graph = graph::weigh(&graph::build(&molecules, Draws::new(1, Stream::Jitter)));
        Self { molecules, graph, confidence: vec![0.95; n], cell_of, segment_of, sizes }
    }

    fn evidence(&self) -> Evidence<'_> {
        Evidence {
            molecules: &self.molecules,
            graph: &self.graph,
            confidence: &self.confidence,
            clusters: None,
            segments: Some(self.segments()),
            compartments: None,
            centers: None,
        }
    }

    fn segments(&self) -> Segments<'_> {
        Segments { segment_of: &self.segment_of, n_segments: self.sizes.len(), sizes: &self.sizes }
    }

    fn params(&self, owners: OwnerParams) -> Params {
        let params = Params::for_tests(2.0, 0.5, 10);
        let (n_cells_init, _) = init::default_n_cells_init(&self.molecules, self.segments(), owners, 2.0, 10);
        Params { prior_confidence: 0.5, owners: Some(owners), iterations: 80, n_cells_init, ..params }
    }

    fn segmented(&self, params: &Params) -> super::Outcome {
        let draws = Draws::new(1, Stream::Assignment);
        super::segment(&self.evidence(), params, draws, &crate::observe::Silent).expect("a segmentation")
    }
}

fn nuclei(free_cells: FreeCells) -> OwnerParams {
    OwnerParams { is_exclusive: true, free_cells, spread_is_given: false }
}

#[test]
fn no_cell_of_a_nucleus_takes_molecules_of_another() {
    let tissue = Tissue::new();
    let found = tissue.segmented(&tissue.params(nuclei(FreeCells::Free))).segmentation;
    let started_from = found.started_from.expect("segments own cells");
    let mut n_with_owner = 0;
    for (cell, segment) in found.cell_of.iter().zip(&tissue.segment_of) {
        if let (Some(cell), Some(segment)) = (cell, segment) {
            let owned = started_from[cell.idx()];
            assert!(owned.is_none_or(|owned| owned == *segment));
            n_with_owner += usize::from(owned.is_some());
        }
    }
    // Nothing contradicts the nuclei here.
    assert!(n_with_owner as f64 > 0.98 * tissue.sizes.iter().sum::<u32>() as f64, "{n_with_owner}");
}

#[test]
fn at_full_confidence_every_nucleus_is_whole_and_at_its_owner() {
    let tissue = Tissue::new();
    for is_exclusive in [true, false] {
        let owners = OwnerParams { is_exclusive, ..nuclei(FreeCells::Free) };
        let params = Params { prior_confidence: 1.0, ..tissue.params(owners) };
        let found = tissue.segmented(&params).segmentation;
        let started_from = found.started_from.expect("segments own cells");
        for (cell, segment) in found.cell_of.iter().zip(&tissue.segment_of).filter(|(_, segment)| segment.is_some()) {
            assert_eq!(cell.and_then(|cell| started_from[cell.idx()]), *segment);
        }
    }
}

#[test]
fn a_cell_whose_nucleus_was_missed_is_found_unless_that_is_forbidden() {
    let tissue = Tissue::new();
    let of = |free_cells| {
        let found = tissue.segmented(&tissue.params(nuclei(free_cells))).segmentation;
        let started_from = found.started_from.clone().expect("segments own cells");
        (found, started_from)
    };
    let (found, started_from) = of(FreeCells::Free);
    assert_eq!((started_from.len(), started_from.iter().flatten().count()), (SIDE * SIDE, SIDE * SIDE - 1));
    let free = started_from.iter().position(Option::is_none).expect("one without a segment");
    let is_in = |molecule: usize| found.cell_of[molecule].is_some_and(|cell| cell.idx() == free);
    let n_right = (0..found.cell_of.len()).filter(|&at| is_in(at) && tissue.cell_of[at] == MISSED).count();
    let n_wrong = (0..found.cell_of.len()).filter(|&at| is_in(at)).count() - n_right;
    assert!(n_right > PER_CELL * 3 / 4 && n_wrong < PER_CELL / 4, "{n_right} right, {n_wrong} wrong");
    let (_, started_from) = of(FreeCells::None);
    assert!(started_from.iter().all(Option::is_some) && started_from.len() == SIDE * SIDE - 1);
}

#[test]
fn the_size_of_the_cells_is_learned_from_a_wrong_start() {
    let tissue = Tissue::new();
    for scale in [1.4, 2.0, 3.0] {
        let params = Params { scale, scale_std: 0.25 * scale, ..tissue.params(nuclei(FreeCells::None)) };
        let learned = tissue.segmented(&params).learned.expect("segments own cells");
        // Molecules of a disc of radius 2 spread by 1 along an axis.
        assert!((learned.sizes.sd - 1.0).abs() < 0.15, "{scale}: {}", learned.sizes.sd);
        assert!((learned.abundance.mean - PER_CELL as f64).abs() < 10.0, "{scale}: {}", learned.abundance.mean);
    }
}

/// A state where the true cells are components, but for the molecules that `free` names, which are one without an owner.
fn state_with_free(tissue: &Tissue, params: &Params, is_free: impl Fn(usize) -> bool) -> State {
    let n_cells = SIDE * SIDE;
    let component = |molecule: usize| match is_free(molecule) {
        true => n_cells,
        false => tissue.cell_of[molecule],
    };
    let assignment = (0..tissue.cell_of.len()).map(|at| Some(ComponentIdx::new(component(at)))).collect();
    let mut state = init::with_assignment(&tissue.evidence(), params, assignment, n_cells + 1);
    for (at, entry) in state.components.list.iter_mut().enumerate() {
        entry.owner = (at < n_cells && at != MISSED).then(|| SegmentIdx::new(at));
    }
    state.regroup(1);
    state.retype(&tissue.evidence());
    super::mstep::refit(&mut state, &tissue.evidence(), params, None).expect("a finite noise density");
    state
}

#[test]
fn half_of_a_cell_is_merged_with_the_other_and_a_whole_cell_is_kept() {
    let tissue = Tissue::new();
    let params = tissue.params(nuclei(FreeCells::Free));
    // The right half of the cell beside the missed one, without its nucleus.
    let neighbor = MISSED + 1;
    let center = 4.0 * (neighbor % SIDE) as f64;
    let is_half = |at: usize| {
        tissue.cell_of[at] == neighbor && tissue.molecules.positions.x[at] > center && tissue.segment_of[at].is_none()
    };
    let mut state = state_with_free(&tissue, &params, is_half);
    let before = state.groups().size(MISSED);
    assert_eq!(free_cells::end_unlikely(&mut state, &tissue.evidence(), &params), 1);
    state.regroup(1);
    assert_eq!(state.groups().size(SIDE * SIDE), 0);
    assert_eq!(state.groups().size(neighbor), PER_CELL);
    assert_eq!(state.groups().size(MISSED), before);
}

#[test]
fn the_outer_parts_of_four_cells_are_no_cell_and_go_back_to_theirs() {
    let tissue = Tissue::new();
    let params = tissue.params(nuclei(FreeCells::Free));
    // Around the point between the four cells in a corner of the tissue.
    let positions = &tissue.molecules.positions;
    let is_between =
        |at: usize| (positions.x[at] - 2.0).hypot(positions.y[at] - 2.0) < 1.8 && tissue.segment_of[at].is_none();
    let between: Vec<usize> = (0..tissue.cell_of.len()).filter(|&at| is_between(at)).collect();
    assert!(between.len() > 20, "{}", between.len());
    let mut state = state_with_free(&tissue, &params, is_between);
    assert_eq!(free_cells::end_unlikely(&mut state, &tissue.evidence(), &params), 1);
    let n_back =
        between.iter().filter(|&&at| state.assignment[at] == Some(ComponentIdx::new(tissue.cell_of[at]))).count();
    assert!(n_back as f64 > 0.9 * between.len() as f64, "{n_back} of {}", between.len());
}

/// A state in which the cell beside the missed one has swallowed it.
fn swallowed(tissue: &Tissue, params: &Params) -> State {
    let mut state = state_with_free(tissue, params, |_| false);
    let eater = |at: usize| if tissue.cell_of[at] == MISSED { MISSED + 1 } else { tissue.cell_of[at] };
    state.assign((0..tissue.cell_of.len()).map(|at| Some(ComponentIdx::new(eater(at)))).collect());
    state.regroup(1);
    state.retype(&tissue.evidence());
    super::mstep::refit(&mut state, &tissue.evidence(), params, None).expect("a finite noise density");
    state
}

#[test]
fn a_cell_that_a_neighbor_has_swallowed_is_born_and_no_other() {
    let tissue = Tissue::new();
    let params = tissue.params(nuclei(FreeCells::Free));
    let draws = Draws::new(1, Stream::Births);
    let (mut n_swallowed, mut n_whole) = (0, 0);
    // A molecule is drawn seldom; each of these is a time of its own.
    for time in 0..40 {
        let mut state = swallowed(&tissue, &params);
        n_swallowed += births::add_likely(&mut state, &tissue.evidence(), &params, draws.at(time));
        state.regroup(1);
        for component in SIDE * SIDE + 1..state.components.len() {
            let members = state.groups().members(component);
            let n_right = members.iter().filter(|&&at| tissue.cell_of[at as usize] == MISSED).count();
            // It may be a part of the cell, which grows in the iterations to come.
            assert!(4 * n_right > 3 * members.len(), "{n_right} of {}", members.len());
        }
        let mut whole = state_with_free(&tissue, &params, |_| false);
        n_whole += births::add_likely(&mut whole, &tissue.evidence(), &params, draws.at(time));
    }
    assert!(n_swallowed > 3, "{n_swallowed}");
    assert_eq!(n_whole, 0);
}

#[test]
fn no_cell_is_born_where_cells_without_a_nucleus_are_not_believed_in() {
    let tissue = Tissue::new();
    let params = tissue.params(nuclei(FreeCells::None));
    let mut state = swallowed(&tissue, &params);
    for time in 0..40 {
        let draws = Draws::new(1, Stream::Births).at(time);
        assert_eq!(births::add_likely(&mut state, &tissue.evidence(), &params, draws), 0);
    }
}

#[test]
fn what_the_slide_has_learned_is_taken_as_it_is() {
    let tissue = Tissue::new();
    let params = tissue.params(nuclei(FreeCells::Free));
    let evidence = tissue.evidence();
    let mut whole = Course::start(&evidence, &params, Draws::new(1, Stream::Assignment)).expect("a start");
    let mut learned: Vec<Learned> = whole.learned().into_iter().collect();
    while !whole.is_done() {
        whole.advance().expect("an iteration");
        learned.extend(whole.learned());
    }
    let of_slide: Vec<Learned> =
        learned.iter().map(|&learned| Learned { offset: 2.0 * learned.offset, ..learned }).collect();
    let part = Params { learned: Some(of_slide.clone()), ..params };
    let mut course = Course::start(&evidence, &part, Draws::new(1, Stream::Assignment)).expect("a start");
    for expected in &of_slide[1..] {
        course.advance().expect("an iteration");
        assert_eq!(course.learned(), Some(*expected));
    }
}

#[test]
fn the_number_of_threads_does_not_matter_where_segments_own_cells() {
    let tissue = Tissue::new();
    let params = tissue.params(nuclei(FreeCells::Free));
    let on = |n: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().expect("a thread pool");
        pool.install(|| tissue.segmented(&params))
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn components_besides_segments_start_far_from_them() {
    let tissue = Tissue::new();
    let centers = |free_cells| {
        let owners = nuclei(free_cells);
        let n = tissue.params(owners).n_cells_init;
        let segments = Some(tissue.segments());
        init::centers(&tissue.molecules, &tissue.confidence, segments, Some(owners), 2.0, n)
    };
    let nearest = |molecule: u32| {
        let [x, y, _] = tissue.molecules.positions.at(molecule as usize);
        let distance = |cell: usize| (x - 4.0 * (cell % SIDE) as f64).hypot(y - 4.0 * (cell / SIDE) as f64);
        (0..SIDE * SIDE).filter(|&cell| cell != MISSED).map(distance).fold(f64::INFINITY, f64::min)
    };
    let free = centers(FreeCells::Free);
    assert!(free.iter().any(|&molecule| tissue.cell_of[molecule as usize] == MISSED));
    // 1.3 radii, but for the distance of a nucleus's molecules from the middle of their cell.
    assert!(free.iter().all(|&molecule| nearest(molecule) > 2.3), "{free:?}");
    // Nothing here is two radii, a whole cell, from all nuclei.
    assert!(centers(FreeCells::Strict).is_empty() && centers(FreeCells::None).is_empty());
}

/// A molecule of a nucleus, and a state in which everything else of its cell has gone to the cell on the right.
fn stranded(tissue: &Tissue, params: &Params) -> (usize, State) {
    let cell = 6;
    let molecule = (0..tissue.cell_of.len())
        .find(|&at| tissue.segment_of[at] == Some(SegmentIdx::new(cell)))
        .expect("a molecule of the nucleus");
    let mut state = state_with_free(tissue, params, |_| false);
    let moved = |at: usize| {
        let is_moved = tissue.cell_of[at] == cell && at != molecule;
        Some(ComponentIdx::new(if is_moved { cell + 1 } else { tissue.cell_of[at] }))
    };
    state.assign((0..tissue.cell_of.len()).map(moved).collect());
    state.regroup(1);
    super::mstep::refit(&mut state, &tissue.evidence(), params, None).expect("a finite noise density");
    (molecule, state)
}

#[test]
fn the_owner_of_another_nucleus_is_no_option_and_of_another_cell_an_unlikely_one() {
    let tissue = Tissue::new();
    let options = |is_exclusive, prior_confidence| {
        let owners = OwnerParams { is_exclusive, ..nuclei(FreeCells::Free) };
        let params = Params { prior_confidence, ..tissue.params(owners) };
        let (molecule, state) = stranded(&tissue, &params);
        super::estep::log_densities(&state, &tissue.evidence(), &params, molecule)
    };
    let (own, other) = (ComponentIdx::new(6), ComponentIdx::new(7));
    // No neighbor is in the owner, which is an option all the same, and the only one.
    let (noise, exclusive) = options(true, 0.5);
    assert_eq!(exclusive.iter().map(|option| option.0).collect::<Vec<_>>(), [own]);
    let (weaker_noise, open) = options(false, 0.5);
    assert_eq!(open.iter().map(|option| option.0).collect::<Vec<_>>(), [other, own]);
    // 2 p exp(3p) at 0.5 and at 0.25, for the other cell and for noise alike.
    let step = 1.5f64.exp() - 0.5 * 0.75f64.exp();
    let (noise_at_quarter, at_quarter) = options(false, 0.25);
    assert!((at_quarter[0].1 - open[0].1 - step).abs() < 1e-9);
    assert!((noise_at_quarter - noise - step).abs() < 1e-9 && noise == weaker_noise);
}

#[test]
fn a_molecule_is_no_evidence_for_its_own_cell() {
    let tissue = Tissue::new();
    let params = tissue.params(nuclei(FreeCells::Free));
    let state = state_with_free(&tissue, &params, |_| false);
    let prior = state.cell_prior.as_ref().expect("segments own cells");
    // A molecule of a cell of the other type, as a member of it and as one beside it.
    let cell = 6;
    let molecule = (0..tissue.cell_of.len())
        .find(|&at| tissue.cell_of[at] == cell && tissue.segment_of[at].is_none())
        .expect("a molecule beside the nucleus");
    let gene = tissue.molecules.genes[molecule];
    let component = state.components().get(ComponentIdx::new(cell));
    let n = f64::from(state.components().gene_count(component, gene));
    let (_, options) = super::estep::log_densities(&state, &tissue.evidence(), &params, molecule);
    let (_, as_member) = options.iter().find(|option| option.0.idx() == cell).expect("its cell is an option");
    let mut outside = state.clone();
    outside.assignment[molecule] = None;
    let (_, options) = super::estep::log_densities(&outside, &tissue.evidence(), &params, molecule);
    let (_, as_other) = options.iter().find(|option| option.0.idx() == cell).expect("its cell is an option");
    let base = prior.types.base(component.cell_type, gene);
    let weight = super::cell_types::PROFILE_WEIGHT;
    let expected = ((n - 1.0 + base) / (PER_CELL as f64 - 1.0 + weight)) / ((n + base) / (PER_CELL as f64 + weight));
    assert!((as_member - as_other - expected.ln()).abs() < 1e-9);
}

#[test]
fn the_center_of_a_cell_is_drawn_to_its_nucleus() {
    let tissue = Tissue::new();
    let params = tissue.params(nuclei(FreeCells::Free));
    // A cell that has lost what lies left of its nucleus.
    let cell = 6;
    let center = 4.0 * (cell % SIDE) as f64;
    let x = &tissue.molecules.positions.x;
    let is_lost = |at: usize| tissue.cell_of[at] == cell && x[at] < center && tissue.segment_of[at].is_none();
    let state = state_with_free(&tissue, &params, is_lost);
    let mean = |is_one: &dyn Fn(usize) -> bool| {
        let chosen: Vec<f64> = (0..x.len()).filter(|&at| is_one(at)).map(|at| x[at]).collect();
        chosen.iter().sum::<f64>() / chosen.len() as f64
    };
    let of_molecules = mean(&|at| tissue.cell_of[at] == cell && !is_lost(at));
    let of_nucleus = mean(&|at| tissue.segment_of[at] == Some(SegmentIdx::new(cell)));
    let found = state.components().get(ComponentIdx::new(cell)).mean[0];
    assert!(of_nucleus < found && found < of_molecules - 0.1, "{of_nucleus} {found} {of_molecules}");
}

#[test]
fn at_full_confidence_even_a_molecule_far_away_stays_with_its_nucleus() {
    let mut tissue = Tissue::new();
    let molecule = tissue.segment_of.iter().position(Option::is_some).expect("a molecule of a nucleus");
    tissue.molecules.positions.x[molecule] = 500.0;
    tissue.graph = graph::weigh(&graph::build(&tissue.molecules, Draws::new(1, Stream::Jitter)));
    let params = Params { prior_confidence: 1.0, ..tissue.params(nuclei(FreeCells::None)) };
    let found = tissue.segmented(&params).segmentation;
    let owner = found.cell_of[molecule].and_then(|cell| found.started_from.as_ref().and_then(|from| from[cell.idx()]));
    assert_eq!(owner, tissue.segment_of[molecule]);
}
