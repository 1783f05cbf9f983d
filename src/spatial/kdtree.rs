//! Exact nearest neighbors by a k-d tree that bears any input: coincident points, lines, grids.
//!
//! Points are split at the median *rank* of the wider axis, so the depth is logarithmic whatever
//! the coordinates are, and a leaf holds a handful of points.

use crate::data::Positions;

/// Points per leaf at most.
const LEAF: usize = 12;

/// A neighbor of a query point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbor {
    /// Squared Euclidean distance.
    pub distance2: f64,
    /// Which point.
    pub point: u32,
}

impl Neighbor {
    /// Nearer first; equally near points by their index.
    #[inline]
    fn before(&self, other: &Self) -> bool {
        self.distance2 < other.distance2 || (self.distance2 == other.distance2 && self.point < other.point)
    }
}

/// An immutable k-d tree over 2D or 3D points.
pub struct KdTree {
    n_dims: usize,
    /// Point coordinates in tree order (z = 0 in 2D).
    points: Vec<[f64; 3]>,
    /// Index of each point in the caller's order.
    original: Vec<u32>,
    /// Inner nodes in heap order: axis and split coordinate.
    nodes: Vec<(u8, f64)>,
    depth: u32,
}

impl KdTree {
    /// Builds the tree over all `positions`, or over those at `subset`.
    pub fn new(positions: &Positions, subset: Option<&[u32]>) -> Self {
        let mut original: Vec<u32> = match subset {
            Some(subset) => subset.to_vec(),
            None => (0..positions.len() as u32).collect(),
        };
        let n_dims = positions.n_dims();
        let mut depth = 0;
        while original.len() >> depth > LEAF {
            depth += 1;
        }
        let mut nodes = vec![(0u8, 0.0); (1 << depth) - 1];
        let mut keyed: Vec<([f64; 3], u32)> =
            original.iter().map(|&point| (positions.at(point as usize), point)).collect();
        build(&mut keyed, &mut nodes, 0, depth, n_dims);
        let points = keyed.iter().map(|(point, _)| *point).collect();
        for (place, (_, point)) in original.iter_mut().zip(&keyed) {
            *place = *point;
        }
        Self { n_dims, points, original, nodes, depth }
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// True without points.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Fills `found` with the `k` nearest points, nearest first (all points, if there are fewer).
    /// A query that is itself in the tree finds itself at distance 0.
    pub fn nearest(&self, query: [f64; 3], k: usize, found: &mut Vec<Neighbor>) {
        found.clear();
        if k == 0 || self.points.is_empty() {
            return;
        }
        self.descend(0, 0, 0, self.points.len(), query, [0.0; 3], k, found);
    }

    #[allow(clippy::too_many_arguments)] // one recursion, all of it state of the walk
    fn descend(
        &self,
        node: usize,
        level: u32,
        begin: usize,
        end: usize,
        query: [f64; 3],
        offsets: [f64; 3],
        k: usize,
        found: &mut Vec<Neighbor>,
    ) {
        if level == self.depth {
            for place in begin..end {
                let point = &self.points[place];
                let (dx, dy) = (point[0] - query[0], point[1] - query[1]);
                let mut distance2 = dx * dx + dy * dy;
                if self.n_dims == 3 {
                    let dz = point[2] - query[2];
                    distance2 += dz * dz;
                }
                offer(found, Neighbor { distance2, point: self.original[place] }, k);
            }
            return;
        }
        let (axis, split) = self.nodes[node];
        let axis = axis as usize;
        let middle = begin + (end - begin) / 2;
        let difference = query[axis] - split;
        let low_first = difference < 0.0;
        let halves = [(2 * node + 1, begin, middle), (2 * node + 2, middle, end)];
        let (near, far) = if low_first { (halves[0], halves[1]) } else { (halves[1], halves[0]) };
        self.descend(near.0, level + 1, near.1, near.2, query, offsets, k, found);
        let mut beyond = offsets;
        beyond[axis] = difference;
        let distance2 = beyond[0] * beyond[0] + beyond[1] * beyond[1] + beyond[2] * beyond[2];
        // Not `<`: an equally near point of smaller index may wait on the other side.
        if found.len() < k || distance2 <= found[found.len() - 1].distance2 {
            self.descend(far.0, level + 1, far.1, far.2, query, beyond, k, found);
        }
    }
}

/// Inserts into the sorted list of the best `k`.
#[inline]
fn offer(found: &mut Vec<Neighbor>, candidate: Neighbor, k: usize) {
    if found.len() == k {
        if !candidate.before(&found[k - 1]) {
            return;
        }
        found.pop();
    }
    let mut place = found.len();
    while place > 0 && candidate.before(&found[place - 1]) {
        place -= 1;
    }
    found.insert(place, candidate);
}

fn build(keyed: &mut [([f64; 3], u32)], nodes: &mut [(u8, f64)], node: usize, levels: u32, n_dims: usize) {
    if levels == 0 {
        return;
    }
    let mut low = [f64::INFINITY; 3];
    let mut high = [f64::NEG_INFINITY; 3];
    for (point, _) in keyed.iter() {
        for axis in 0..n_dims {
            low[axis] = low[axis].min(point[axis]);
            high[axis] = high[axis].max(point[axis]);
        }
    }
    let widest =
        (0..n_dims).fold(0, |best, axis| if high[axis] - low[axis] > high[best] - low[best] { axis } else { best });
    let middle = keyed.len() / 2;
    keyed.select_nth_unstable_by(middle, |a, b| a.0[widest].total_cmp(&b.0[widest]).then(a.1.cmp(&b.1)));
    nodes[node] = (widest as u8, keyed[middle].0[widest]);
    let (left, right) = keyed.split_at_mut(middle);
    build(left, nodes, 2 * node + 1, levels - 1, n_dims);
    build(right, nodes, 2 * node + 2, levels - 1, n_dims);
}

#[cfg(test)]
mod tests {
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
    fn coincident_points_do_not_hurt() {
        let n = 50_000;
        let positions = Positions { x: vec![1.0; n], y: vec![2.0; n], z: None };
        let tree = KdTree::new(&positions, None);
        let mut found = Vec::new();
        tree.nearest([1.0, 2.0, 0.0], 3, &mut found);
        assert!(found.iter().all(|neighbor| neighbor.distance2 == 0.0));
        assert_eq!(found.iter().map(|neighbor| neighbor.point).collect::<Vec<_>>(), [0, 1, 2]);
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
}
