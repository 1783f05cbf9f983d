use super::*;
use crate::numeric::draws::{Draws, Stream};

fn polygons(parts: &[(u32, &[&[[f64; 2]]])]) -> (Polygons, usize) {
    let mut builder = PolygonsBuilder::default();
    let mut n_segments = 0;
    for &(segment, rings) in parts {
        for ring in rings {
            ring.iter().for_each(|&vertex| builder.push_vertex(vertex));
            builder.end_ring();
        }
        builder.end_part(segment);
        n_segments = n_segments.max(segment + 1);
    }
    builder.finish(SegmentLabels::Numbers((1..=n_segments).collect()))
}

fn points(at: &[[f64; 2]]) -> Positions {
    Positions { x: at.iter().map(|point| point[0]).collect(), y: at.iter().map(|point| point[1]).collect(), z: None }
}

fn square(x: f64, y: f64, side: f64) -> [[f64; 2]; 5] {
    [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
}

#[test]
fn of_two_squares_with_a_common_side_one_has_the_molecules_on_it() {
    let (squares, n_short) = polygons(&[(0, &[&square(0.0, 0.0, 1.0)]), (1, &[&square(1.0, 0.0, 1.0)])]);
    let at = [[0.5, 0.5], [1.0, 0.5], [0.0, 0.0], [2.0, 0.5], [1.5, 1.0], [1.5, 0.0], [3.0, 3.0]];
    let assigned = assign_polygons(&squares, &points(&at));
    assert_eq!(assigned.label_of, [1, 2, 1, 0, 0, 2, 0]);
    assert_eq!((assigned.n_molecules, assigned.n_in_several, n_short), (vec![2, 2], 0, 0));
}

#[test]
fn holes_are_outside_and_parts_belong_together() {
    let mut hole = square(1.0, 1.0, 1.0);
    hole.reverse();
    let (ring, _) = polygons(&[(0, &[&square(0.0, 0.0, 3.0), &hole]), (0, &[&square(10.0, 0.0, 1.0)])]);
    let assigned = assign_polygons(&ring, &points(&[[0.5, 0.5], [1.5, 1.5], [10.5, 0.5]]));
    assert_eq!(assigned.label_of, [1, 0, 1]);
    let (area, [x, y]) = ring.areas()[0];
    assert_eq!(area, 9.0);
    assert!((x - (8.0 * 1.5 + 10.5) / 9.0).abs() < 1e-12 && (y - (8.0 * 1.5 + 0.5) / 9.0).abs() < 1e-12);
}

#[test]
fn in_an_overlap_the_nearest_centroid_wins_and_the_molecule_is_counted() {
    let (squares, _) = polygons(&[(0, &[&square(0.0, 0.0, 4.0)]), (1, &[&square(3.0, 0.0, 4.0)])]);
    let assigned = assign_polygons(&squares, &points(&[[3.2, 2.0], [3.8, 2.0], [3.5, 2.0], [1.0, 1.0]]));
    assert_eq!((assigned.label_of, assigned.n_in_several), (vec![1, 2, 1, 1], 3));
}

#[test]
fn centers_that_are_given_decide_in_an_overlap_and_the_smaller_number_between_equals() {
    let (squares, _) = polygons(&[(0, &[&square(0.0, 0.0, 4.0)]), (1, &[&square(3.0, 0.0, 4.0)])]);
    // The center of the first is far to the left: its centroid would win 3.2.
    let centers = [[0.0, 2.0], [5.0, 2.0]];
    let at = [[3.2, 2.0], [1.0, 1.0], [6.0, 1.0], [9.0, 9.0]];
    let assigned = assign_to_centers(&squares, &centers, &points(&at));
    assert_eq!((assigned.label_of, assigned.n_molecules), (vec![2, 1, 2, 0], vec![1, 2]));
    let equal = assign_to_centers(&squares, &[[2.0, 2.0], [5.0, 2.0]], &points(&[[3.5, 2.0]]));
    assert_eq!(equal.label_of, [1]);
}

#[test]
fn planes_of_one_segment_do_not_add_up() {
    let rings = [square(1.0, 0.0, 2.0), square(1.0, 0.0, 2.0), square(2.0, 1.0, 2.0), square(9.0, 0.0, 1.0)];
    let (planes, _) = polygons(&[(0, &[&rings[0]]), (0, &[&rings[1]]), (1, &[&rings[3]]), (0, &[&rings[2]])]);
    let areas = planes.areas();
    assert_eq!((areas[0], areas[1]), ((7.0, [2.5, 1.5]), (1.0, [9.5, 0.5])));
}

#[test]
fn rings_without_an_inside_are_ignored_with_their_holes() {
    let line = [[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 0.0]];
    let hole = square(0.1, 0.1, 0.1);
    let (left, n_short) = polygons(&[(0, &[&line, &hole]), (1, &[&square(5.0, 5.0, 1.0), &line])]);
    assert_eq!((left.n_parts(), left.rings(0).count(), n_short), (1, 1, 2));
    assert_eq!(left.rings(0).next().unwrap().len(), 4);
    assert_eq!(left.areas()[0].0, 0.0);
    assert_eq!(assign_polygons(&left, &points(&[[5.5, 5.5]])).label_of, [2]);
}

#[test]
fn the_grid_finds_what_a_look_at_all_polygons_finds() {
    let draws = Draws::new(3, Stream::Jitter);
    for case in 0..6u64 {
        let uniform = |i: u64| draws.at(case).uniform(i);
        let squares: Vec<[[f64; 2]; 5]> = (0..200u64)
            .map(|i| {
                let side = if i % 50 == 0 { 60.0 } else { 1.0 + 5.0 * uniform(3 * i) };
                square(100.0 * uniform(3 * i + 1), 10.0 * (case + 1) as f64 * uniform(3 * i + 2), side)
            })
            .collect();
        let mut builder = PolygonsBuilder::default();
        for (i, ring) in squares.iter().enumerate() {
            ring.iter().for_each(|&vertex| builder.push_vertex(vertex));
            builder.end_ring();
            builder.end_part(i as u32);
        }
        let (all, _) = builder.finish(SegmentLabels::Numbers((0..200).collect()));
        let at: Vec<[f64; 2]> =
            (0..500u64).map(|i| [120.0 * uniform(1000 + 2 * i) - 10.0, 70.0 * uniform(1001 + 2 * i) - 5.0]).collect();
        let found = assign_polygons(&all, &points(&at));
        for (molecule, point) in at.iter().enumerate() {
            let inside: Vec<usize> = (0..200).filter(|&part| all.contains(part, *point)).collect();
            let distance = |part: usize| {
                let [x, y] = all.area_of_part(part).1;
                (x - point[0]).powi(2) + (y - point[1]).powi(2)
            };
            let nearest = inside.iter().copied().min_by(|&a, &b| distance(a).total_cmp(&distance(b)));
            assert_eq!(found.label_of[molecule], nearest.map_or(0, |part| part as u32 + 1));
        }
    }
}

#[test]
fn no_polygons_hold_nothing() {
    let assigned = assign_polygons(&Polygons::default(), &points(&[[0.0, 0.0]]));
    assert_eq!((assigned.label_of, assigned.n_in_several), (vec![0], 0));
}
