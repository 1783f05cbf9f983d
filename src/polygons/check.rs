//! What every ring must satisfy, checked without the code that makes them.

/// What is wrong with a ring that should be closed and simple, with finite vertices and an area; `None` if nothing is.
///
/// Neither its direction nor its first vertex matters. Quadratic in the number of vertices.
pub fn ring_fault(ring: &[[f64; 2]]) -> Option<String> {
    if ring.len() < 4 {
        return Some(format!("it has {} positions; a closed ring has 4 or more", ring.len()));
    }
    if let Some(vertex) = ring.iter().find(|vertex| !vertex.iter().all(|value| value.is_finite())) {
        return Some(format!("its vertex {vertex:?} is not finite"));
    }
    if ring.first() != ring.last() {
        return Some(format!("it is not closed: it begins at {:?} and ends at {:?}", ring[0], ring[ring.len() - 1]));
    }
    let n = ring.len() - 1;
    for i in 0..n {
        let (a, b, c) = (ring[i], ring[i + 1], ring[(i + 2) % n]);
        if a == b {
            return Some(format!("it has a side without length at {a:?}"));
        }
        if turn(a, b, c) == 0 && dot(a, b, c) <= 0.0 {
            return Some(format!("it has a spike at {b:?}"));
        }
        for j in i + 2..n {
            // The last side and the first share a vertex.
            if (i, j) != (0, n - 1) && touch([a, b], [ring[j], ring[j + 1]]) {
                return Some(format!("its sides {i} and {j} meet"));
            }
        }
    }
    (area(ring) == 0.0).then(|| "it has no area".to_owned())
}

/// Fails unless the ring has no [`ring_fault`] and runs counter-clockwise from its lexicographically smallest vertex.
#[cfg(test)]
pub(crate) fn assert_valid(ring: &[[f64; 2]]) {
    if let Some(fault) = ring_fault(ring) {
        panic!("{fault}: {ring:?}");
    }
    assert!(ring.iter().all(|vertex| vertex.partial_cmp(&ring[0]).unwrap().is_ge()), "start: {ring:?}");
    assert!(area(ring) > 0.0, "area {} of {ring:?}", area(ring));
}

/// Signed area, relative to the first vertex.
pub fn area(ring: &[[f64; 2]]) -> f64 {
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
