use super::*;
use crate::numeric::draws::{Draws, Stream};

fn brute_force(positions: &Positions, query: [f64; 3], k: usize) -> Vec<Neighbor> {
    let mut all: Vec<Neighbor> = (0..positions.len())
        .map(|point| {
            let at = positions.at(point);
            let distance2 = (0..3).map(|axis| (at[axis] - query[axis]).powi(2)).sum();
            Neighbor { distance2, point: point as u32 }
        })
        .collect();
    all.sort_by(|a, b| a.distance2.total_cmp(&b.distance2).then(a.point.cmp(&b.point)));
    all.truncate(k);
    all
}

fn random_positions(n: usize, with_z: bool, levels: f64) -> Positions {
    let draws = Draws::new(3, Stream::Jitter);
    let axis = |which| (0..n).map(|i| (draws.at(which).uniform(i as u64) * levels).floor()).collect();
    Positions { x: axis(0), y: axis(1), z: with_z.then(|| axis(2)) }
}

#[test]
fn finds_what_brute_force_finds_ties_included() {
    for (with_z, levels) in [(false, 1e6), (false, 12.0), (true, 1e6), (true, 4.0)] {
        let positions = random_positions(500, with_z, levels);
        let tree = KdTree::new(&positions, None);
        let mut found = Vec::new();
        for query in 0..60 {
            tree.nearest(positions.at(query), 9, &mut found);
            assert_eq!(found, brute_force(&positions, positions.at(query), 9), "levels {levels}");
        }
    }
}

#[test]
fn search_finds_the_same_points_whatever_was_asked_before() {
    for (with_z, levels) in [(false, 1e6), (false, 12.0), (true, 1e6), (true, 4.0), (true, 1.0)] {
        let positions = random_positions(700, with_z, levels);
        let order: Vec<u32> = (0..700).map(|place| (place * 41) % 700).collect();
        let tree = KdTree::in_order(&positions, &order);
        let mut sorted = Vec::new();
        for k in [1, 3, 30, 300, 699, 700, 1000] {
            let mut search = tree.search(k);
            for query in [0, 0, 1, 2, 3, 3, 400] {
                let mut query = positions.at(query);
                for _ in 0..4 {
                    let found = search.nearest(query).to_vec();
                    assert_eq!(found, tree.search(k).nearest(query));
                    tree.nearest(query, k, &mut sorted);
                    let mut ranked = found;
                    ranked.sort_by(Neighbor::compare);
                    assert_eq!(ranked, sorted, "k {k} levels {levels}");
                    query[0] += 0.03 * levels;
                }
            }
        }
        assert!(tree.search(0).nearest([0.0; 3]).is_empty());
    }
    let none = Positions::default();
    assert!(KdTree::new(&none, None).search(3).nearest([0.0; 3]).is_empty());
}

#[test]
fn coincident_points_do_not_hurt() {
    let n = 50_000;
    let positions = Positions { x: vec![1.0; n], y: vec![2.0; n], z: None };
    let tree = KdTree::new(&positions, None);
    let mut found = Vec::new();
    tree.nearest([1.0, 2.0, 0.0], 3, &mut found);
    assert!(found.iter().all(|neighbor| neighbor.distance2 == 0.0));
    assert_eq!(found.iter().map(|neighbor| neighbor.point).collect::<Vec<_>>(), [0, 1, 2]);
}

/// Molecules that an instrument could not place lie at (0, 0) by the hundred thousand. Without order among equals
/// every query would look at all of them: 10^10 distances here.
#[test]
fn neighbors_of_many_points_at_one_place_are_found_without_a_look_at_all() {
    let n = 100_000;
    let some = random_positions(1000, false, 1e6);
    let place = |axis: &[f64]| axis.iter().copied().chain(std::iter::repeat_n(0.0, n)).collect::<Vec<f64>>();
    let positions = Positions { x: place(&some.x), y: place(&some.y), z: None };
    let tree = KdTree::new(&positions, None);
    let (mut found, mut search) = (Vec::new(), tree.search(30));
    for query in 0..positions.len() {
        let at = positions.at(query);
        tree.nearest(at, 5, &mut found);
        let searched = search.nearest(at);
        if query >= 1000 {
            assert!((1000..1005).zip(&found).all(|(point, found)| found.point == point));
            assert_eq!(searched.len(), 30);
            assert!(searched.iter().all(|found| (1000..1030).contains(&found.point)));
        }
    }
}

#[test]
fn fewer_points_than_asked_for() {
    let positions = Positions { x: vec![0.0, 3.0], y: vec![0.0, 4.0], z: None };
    let mut found = Vec::new();
    KdTree::new(&positions, None).nearest([0.0, 0.0, 0.0], 10, &mut found);
    assert_eq!(found.iter().map(|neighbor| neighbor.distance2).collect::<Vec<_>>(), [0.0, 25.0]);
    KdTree::new(&positions, Some(&[])).nearest([0.0, 0.0, 0.0], 1, &mut found);
    assert!(found.is_empty());
}
