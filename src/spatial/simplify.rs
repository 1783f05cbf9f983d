//! Rings with fewer vertices.

/// A ring with fewer vertices, none of the old ones farther than `error` from it (Douglas and Peucker).
///
/// `ring` does not repeat its first vertex. The result is one of at least three vertices if the ring is: where less is
/// left, the vertices at its thirds. Source: Douglas and Peucker 1973; a ring is cut at its first vertex and the one
/// that is farthest from it.
pub fn simplify_ring(ring: &[[f64; 2]], error: f64) -> Vec<[f64; 2]> {
    if ring.len() <= 3 {
        return ring.to_vec();
    }
    let from_first = |at: usize| length(ring[at][0] - ring[0][0], ring[at][1] - ring[0][1]);
    let opposite = (0..ring.len()).max_by(|&a, &b| from_first(a).total_cmp(&from_first(b))).unwrap_or(0);
    let mut keep = vec![false; ring.len()];
    keep[0] = true;
    keep[opposite] = true;
    let mut open = vec![(0, opposite), (opposite, ring.len())];
    while let Some((from, to)) = open.pop() {
        let (a, b) = (ring[from], ring[to % ring.len()]);
        let off = |at: usize| distance_to_side(ring[at], a, b);
        let Some(worst) = (from + 1..to).max_by(|&one, &other| off(one).total_cmp(&off(other))) else { continue };
        if off(worst) > error {
            keep[worst] = true;
            open.extend([(from, worst), (worst, to)]);
        }
    }
    let kept: Vec<[f64; 2]> = ring.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(vertex, _)| *vertex).collect();
    if kept.len() >= 3 { kept } else { (0..3).map(|third| ring[third * ring.len() / 3]).collect() }
}

fn distance_to_side(point: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let squared = dx * dx + dy * dy;
    let along = if squared > 0.0 { ((point[0] - a[0]) * dx + (point[1] - a[1]) * dy) / squared } else { 0.0 };
    let along = along.clamp(0.0, 1.0);
    length(point[0] - a[0] - along * dx, point[1] - a[1] - along * dy)
}

fn length(x: f64, y: f64) -> f64 {
    (x * x + y * y).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simplified_rings_keep_corners_and_lose_what_lies_between() {
        let mut ring: Vec<[f64; 2]> = (0..10).map(|i| [f64::from(i), 0.01 * f64::from(i % 2)]).collect();
        ring.extend([[10.0, 0.0], [10.0, 10.0], [0.0, 10.0]]);
        let simple = simplify_ring(&ring, 0.1);
        assert_eq!(simple, [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]]);
        assert_eq!(simplify_ring(&ring, 1e6).len(), 3);
    }
}
