use super::*;
use crate::numeric::draws::{Draws, Stream};
use crate::prior::SegmentLabels;

/// Disks of molecules on a grid: those of one name are one segment. `wide`: names of disks that cover everything.
struct Tissue {
    positions: Positions,
    of: Vec<Option<SegmentIdx>>,
}

impl Tissue {
    fn new() -> Self {
        Self { positions: Positions { x: Vec::new(), y: Vec::new(), z: None }, of: Vec::new() }
    }

    fn add(&mut self, segment: Option<usize>, n: usize, center: [f64; 2], half: f64) {
        let draws = Draws::new(9, Stream::Jitter).at(self.of.len() as u64);
        for i in 0..n as u64 {
            self.positions.x.push(center[0] + half * (2.0 * draws.uniform(2 * i) - 1.0));
            self.positions.y.push(center[1] + half * (2.0 * draws.uniform(2 * i + 1) - 1.0));
            self.of.push(segment.map(SegmentIdx::new));
        }
    }

    /// A hundred cells with 30 molecules each, on a grid of 10 units; the segment of each is given by its number.
    fn cells(segment: impl Fn(usize) -> Option<usize>) -> Self {
        let mut tissue = Self::new();
        (0..100).for_each(|cell| {
            tissue.add(segment(cell), 30, [10.0 * (cell % 10) as f64, 10.0 * (cell / 10) as f64], 4.0)
        });
        tissue
    }

    fn doubts(&self) -> Vec<Doubt> {
        let n = self.of.iter().flatten().map(|segment| segment.idx() + 1).max().unwrap_or(0);
        let labels = SegmentLabels::Texts((0..n).map(|segment| format!("c{segment}")).collect());
        doubts(&self.positions, &self.of, &SegmentTable::of_molecules(labels, &self.positions, &self.of, 1))
    }

    fn oddities(&self) -> Vec<(Oddity, usize)> {
        self.doubts().iter().map(|doubt| (doubt.oddity, doubt.n_odd)).collect()
    }
}

#[test]
fn cells_and_long_cells_raise_no_doubt() {
    assert_eq!(Tissue::cells(Some).oddities(), []);
    // Two neighbors that are one segment, and a long cell.
    let mut tissue = Tissue::cells(|cell| Some(if cell == 1 { 0 } else { cell }));
    for step in 0..60 {
        tissue.add(Some(100), 1, [f64::from(step), 105.0], 0.5);
    }
    assert_eq!(tissue.oddities(), []);
    assert_eq!(Tissue::cells(|_| None).oddities(), []);
}

#[test]
fn a_word_for_no_cell_that_was_taken_for_a_cell_is_named() {
    let mut tissue = Tissue::cells(|cell| (cell > 0).then_some(cell - 1));
    tissue.add(Some(99), 900, [45.0, 45.0], 50.0);
    let doubts = tissue.doubts();
    assert_eq!(tissue.oddities(), [(Oddity::Giant, 1)]);
    let text = doubts[0].to_string();
    assert!(text.contains("23 % of the molecules") && text.contains("'c99'") && text.contains("label"), "{text}");
}

#[test]
fn one_segment_with_most_of_the_molecules_is_named() {
    assert_eq!(Tissue::cells(|_| Some(0)).oddities(), [(Oddity::Giant, 1)]);
    let mut small = Tissue::new();
    small.add(Some(0), 50, [0.0; 2], 3.0);
    assert_eq!(small.oddities(), [], "a crop of one cell");
}

#[test]
fn labels_that_start_anew_elsewhere_are_named() {
    let twice = Tissue::cells(|cell| Some(cell % 50));
    let doubts = twice.doubts();
    assert_eq!(doubts[0].oddity, Oddity::FarApart);
    assert!(doubts[0].to_string().contains(":fov,cell_ID"), "{}", doubts[0]);
    // One of them only.
    assert_eq!(Tissue::cells(|cell| Some(if cell == 99 { 0 } else { cell })).oddities(), [(Oddity::FarApart, 1)]);
    // In so many places that each has few molecules.
    let mut many = Tissue::new();
    for place in 0..400u32 {
        let center = [f64::from(place % 20) * 10.0, f64::from(place / 20) * 10.0];
        (0..10).for_each(|label| many.add(Some(label), 1, center, 5.0));
    }
    assert_eq!(many.oddities(), [(Oddity::OnTop, 10)]);
}

#[test]
fn a_region_among_cells_is_too_large() {
    let mut tissue = Tissue::cells(Some);
    tissue.add(Some(100), 100, [45.0, 45.0], 50.0);
    assert_eq!(tissue.oddities(), [(Oddity::Large, 1)]);
}

#[test]
fn copies_at_one_place_are_no_parts_far_apart() {
    let mut tissue = Tissue::cells(Some);
    let copies = (tissue.positions.clone(), tissue.of.clone());
    for _ in 0..3 {
        tissue.positions.x.extend(&copies.0.x);
        tissue.positions.y.extend(&copies.0.y);
        tissue.of.extend(&copies.1);
    }
    assert_eq!(tissue.oddities(), []);
}

/// Molecules all over a slide, each in one of `n` classes at random, or in the quarter of the slide with that number.
fn classes(n: usize, by_place: bool) -> Tissue {
    let mut tissue = Tissue::new();
    for at in 0..400 {
        let place = [f64::from(at % 20) * 5.0, f64::from(at / 20) * 5.0];
        let quarter = usize::from(place[0] >= 50.0) + 2 * usize::from(place[1] >= 50.0);
        tissue.add(Some(if by_place { quarter } else { at as usize * 7 % 11 % n }), 10, place, 2.5);
    }
    tissue
}

#[test]
fn a_column_of_compartments_that_was_taken_for_segments_is_named() {
    for n in [2, 3, 4] {
        let doubts = classes(n, false).doubts();
        assert_eq!((doubts.len(), doubts[0].oddity, doubts[0].n_odd), (1, Oddity::Classes, n));
        assert!(doubts[0].to_string().contains("compartment"), "{}", doubts[0]);
    }
    let mut inside = classes(2, false);
    inside.of.iter_mut().for_each(|segment| *segment = segment.filter(|segment| segment.idx() == 1));
    assert_eq!(inside.oddities(), [(Oddity::Classes, 1)], "molecules in nuclei");
    // A nucleus in a crop, and four large cells.
    let mut nucleus = Tissue::new();
    nucleus.add(Some(0), 300, [0.0; 2], 3.0);
    nucleus.add(None, 600, [0.0; 2], 6.0);
    assert_eq!(nucleus.oddities(), []);
    assert_eq!(classes(4, true).oddities(), []);
    let mut tissue = Tissue::new();
    (0..4).for_each(|cell| tissue.add(Some(cell), 100, [10.0 * (cell % 2) as f64, 10.0 * (cell / 2) as f64], 5.0));
    assert_eq!(tissue.oddities(), []);
}

#[test]
fn segments_far_from_the_scale_that_is_given_are_named() {
    let by_scale = |tissue: &Tissue, scale: f64| {
        let labels = SegmentLabels::Texts((0..100).map(|segment| format!("c{segment}")).collect());
        let table = SegmentTable::of_molecules(labels, &tissue.positions, &tissue.of, 1);
        doubts_by_scale(&tissue.positions, &tissue.of, &table, scale)
    };
    // Squares of 8 by 8 are as large as circles of 4.5; nuclei are half as wide as cells.
    let cells = Tissue::cells(Some);
    for scale in [2.0, 4.5, 9.0, 20.0] {
        assert_eq!(by_scale(&cells, scale), None, "{scale}");
    }
    let text = |tissue: &Tissue, scale: f64| by_scale(tissue, scale).unwrap().to_string();
    assert!(text(&cells, 0.4).contains("100 of 100 segments of the prior are much larger"), "{}", text(&cells, 0.4));
    assert!(text(&cells, 400.0).contains("times smaller than a cell"), "{}", text(&cells, 400.0));
    assert!(text(&classes(4, true), 4.0).contains("4 of 4 segments"));
}
