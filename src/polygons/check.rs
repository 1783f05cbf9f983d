//! What every ring must satisfy, checked without the code that makes them. For tests.

/// Fails unless the ring is closed and simple, with a positive area, finite vertices,
/// counter-clockwise, from its lexicographically smallest vertex. Quadratic.
pub(crate) fn assert_valid(ring: &[[f64; 2]]) {
    assert!(ring.len() >= 4, "too short: {ring:?}");
    assert_eq!(ring.first(), ring.last(), "not closed");
    assert!(ring.as_flattened().iter().all(|value| value.is_finite()), "not finite: {ring:?}");
    assert!(ring.iter().all(|vertex| vertex.partial_cmp(&ring[0]).unwrap().is_ge()), "start: {ring:?}");
    let n = ring.len() - 1;
    for i in 0..n {
        let (a, b, c) = (ring[i], ring[i + 1], ring[(i + 2) % n]);
        assert_ne!(a, b, "a side without length: {ring:?}");
        assert!(turn(a, b, c) != 0 || dot(a, b, c) > 0.0, "a spike at {b:?} of {ring:?}");
        for j in i + 2..n {
            if i == 0 && j == n - 1 {
                continue; // they share the first vertex
            }
            assert!(!touch([a, b], [ring[j], ring[j + 1]]), "sides {i} and {j} meet: {ring:?}");
        }
    }
    assert!(area(ring) > 0.0, "area {} of {ring:?}", area(ring));
}

/// Signed area, relative to the first vertex.
pub(crate) fn area(ring: &[[f64; 2]]) -> f64 {
    let [x, y] = ring[0];
    ring.windows(2).map(|side| (side[0][0] - x) * (side[1][1] - y) - (side[1][0] - x) * (side[0][1] - y)).sum::<f64>()
        / 2.0
}

/// 1 for a left turn, -1 for a right turn, 0 on one line.
fn turn(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> i32 {
    let cross = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    i32::from(cross > 0.0) - i32::from(cross < 0.0)
}

fn dot(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1])
}

/// Whether two closed segments have a point in common.
fn touch([a, b]: [[f64; 2]; 2], [c, d]: [[f64; 2]; 2]) -> bool {
    let turns = [turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)];
    if turns[0] * turns[1] < 0 && turns[2] * turns[3] < 0 {
        return true;
    }
    let within = |p: [f64; 2], q: [f64; 2], r: [f64; 2]| {
        (0..2).all(|axis| r[axis] >= p[axis].min(q[axis]) && r[axis] <= p[axis].max(q[axis]))
    };
    (turns[0] == 0 && within(a, b, c))
        || (turns[1] == 0 && within(a, b, d))
        || (turns[2] == 0 && within(c, d, a))
        || (turns[3] == 0 && within(c, d, b))
}

#[test]
#[should_panic(expected = "meet")]
fn a_bow_tie_is_not_valid() {
    assert_valid(&[[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]);
}

#[test]
#[should_panic(expected = "meet")]
fn a_pinched_ring_is_not_valid() {
    assert_valid(&[[0.0, 0.0], [2.0, 0.0], [1.0, 1.0], [2.0, 2.0], [0.0, 2.0], [1.0, 1.0], [0.0, 0.0]]);
}

#[test]
#[should_panic(expected = "spike")]
fn a_spike_is_not_valid() {
    assert_valid(&[[0.0, 0.0], [3.0, 0.0], [2.0, 0.0], [1.0, 1.0], [0.0, 0.0]]);
}
