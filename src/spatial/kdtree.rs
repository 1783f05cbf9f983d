//! Exact nearest neighbors by a k-d tree that bears any input: coincident points, lines, grids.
//!
//! Points are split at the median *rank* of the wider axis, so the depth is logarithmic whatever
//! the coordinates are, and a leaf holds a handful of points.

use crate::data::Positions;

/// Points per leaf at most.
const LEAF: usize = 12;
/// By how much a limit on squared distances is widened against rounding.
const MARGIN: f64 = 1.0 + 1e-9;

/// A neighbor of a query point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbor {
    /// Squared Euclidean distance.
    pub distance2: f64,
    /// Which point.
    pub point: u32,
}

impl Neighbor {
    /// The same as an ordering.
    #[inline]
    fn compare(&self, other: &Self) -> std::cmp::Ordering {
        self.distance2.total_cmp(&other.distance2).then(self.point.cmp(&other.point))
    }

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
    /// Smallest index of the points below every node, the leaves last.
    ///
    /// METHOD: equally near points are ranked by their index. Of a hundred thousand molecules at one place, such as the
    /// (0, 0) of unplaced ones, those of small index are found without a look at the others.
    smallest: Vec<u32>,
    depth: u32,
}

impl KdTree {
    /// Builds the tree over all `positions`, or over those at `subset`.
    pub fn new(positions: &Positions, subset: Option<&[u32]>) -> Self {
        let at = |point: u32| (positions.at(point as usize), point);
        let keyed = match subset {
            Some(subset) => subset.iter().map(|&point| at(point)).collect(),
            None => (0..positions.len() as u32).map(at).collect(),
        };
        Self::over(keyed, positions.n_dims())
    }

    /// Builds the tree over the positions `order[0]`, `order[1]`, … and calls them 0, 1, …: that is what
    /// [`Neighbor::point`] says, and by what equally near points go.
    pub fn in_order(positions: &Positions, order: &[u32]) -> Self {
        let keyed = order.iter().enumerate().map(|(place, &point)| (positions.at(point as usize), place as u32));
        Self::over(keyed.collect(), positions.n_dims())
    }

    fn over(mut keyed: Vec<([f64; 3], u32)>, n_dims: usize) -> Self {
        let mut depth = 0;
        while keyed.len() >> depth > LEAF {
            depth += 1;
        }
        let mut nodes = vec![(0u8, 0.0); (1 << depth) - 1];
        build(&mut keyed, &mut nodes, 0, depth, n_dims);
        let points = keyed.iter().map(|(point, _)| *point).collect();
        let original: Vec<u32> = keyed.iter().map(|&(_, label)| label).collect();
        let mut smallest = vec![u32::MAX; (2 << depth) - 1];
        fill_smallest(&original, &mut smallest, 0, depth);
        Self { n_dims, points, original, nodes, smallest, depth }
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

    /// A search for the `k` nearest points of many queries, best asked in an order in which
    /// consecutive queries are near each other.
    pub fn search(&self, k: usize) -> Search<'_> {
        Search { tree: self, k, candidates: Vec::new(), ranked: Vec::new(), last: None }
    }

    /// Squared distance of a point, by its place in the tree.
    #[inline]
    fn distance2(&self, place: usize, query: [f64; 3]) -> f64 {
        let point = &self.points[place];
        let (dx, dy) = (point[0] - query[0], point[1] - query[1]);
        let mut distance2 = dx * dx + dy * dy;
        if self.n_dims == 3 {
            let dz = point[2] - query[2];
            distance2 += dz * dz;
        }
        distance2
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
                let distance2 = self.distance2(place, query);
                offer(found, Neighbor { distance2, point: self.original[place] }, k);
            }
            return;
        }
        let (axis, split) = self.nodes[node];
        let axis = axis as usize;
        let middle = begin + (end - begin) / 2;
        let difference = query[axis] - split;
        let halves = [(2 * node + 1, begin, middle), (2 * node + 2, middle, end)];
        // On the border both are equally near, and what has the smaller index decides.
        let low_first =
            difference < 0.0 || (difference == 0.0 && self.smallest[halves[0].0] < self.smallest[halves[1].0]);
        let (near, far) = if low_first { (halves[0], halves[1]) } else { (halves[1], halves[0]) };
        self.descend(near.0, level + 1, near.1, near.2, query, offsets, k, found);
        let mut beyond = offsets;
        beyond[axis] = difference;
        let distance2 = beyond[0] * beyond[0] + beyond[1] * beyond[1] + beyond[2] * beyond[2];
        // An equally near point of smaller index may wait on the other side.
        let nearest = Neighbor { distance2, point: self.smallest[far.0] };
        if found.len() < k || nearest.before(&found[found.len() - 1]) {
            self.descend(far.0, level + 1, far.1, far.2, query, beyond, k, found);
        }
    }

    /// Adds all points that are no farther than `last`, in the order of the tree; equally near ones by their index.
    /// `place` is a node and its level, `range` the points below it, `offsets` how far away it is along each axis. False
    /// if there are more than `most`, which are not all added then.
    #[allow(clippy::too_many_arguments)] // one recursion, all of it state of the walk
    fn gather(
        &self,
        place: (usize, u32),
        range: (usize, usize),
        query: [f64; 3],
        offsets: [f64; 3],
        last: Neighbor,
        most: usize,
        found: &mut Vec<Neighbor>,
    ) -> bool {
        let ((node, level), (begin, end)) = (place, range);
        if level == self.depth {
            for place in begin..end {
                let candidate = Neighbor { distance2: self.distance2(place, query), point: self.original[place] };
                if !last.before(&candidate) {
                    found.push(candidate);
                }
            }
            return found.len() <= most;
        }
        let (axis, split) = self.nodes[node];
        let axis = axis as usize;
        let middle = begin + (end - begin) / 2;
        let difference = query[axis] - split;
        let mut beyond = offsets;
        beyond[axis] = difference;
        let (low, high) = if difference < 0.0 { (offsets, beyond) } else { (beyond, offsets) };
        let halves = [(2 * node + 1, (begin, middle), low), (2 * node + 2, (middle, end), high)];
        halves.into_iter().all(|(node, range, offsets)| {
            let distance2 = offsets[0] * offsets[0] + offsets[1] * offsets[1] + offsets[2] * offsets[2];
            let is_beyond = last.before(&Neighbor { distance2, point: self.smallest[node] });
            is_beyond || self.gather((node, level + 1), range, query, offsets, last, most, found)
        })
    }
}

/// A search for the nearest points of many queries, see [`KdTree::search`].
///
/// METHOD: a limit on the distance of the `k`-th neighbor is known beforehand: the last query's
/// neighbors are no farther than its distance to them plus the distance between the queries. So all
/// points within the limit are gathered, and the `k` nearest picked among them once, which costs
/// in proportion to `k`, where keeping a sorted list costs its square.
pub struct Search<'a> {
    tree: &'a KdTree,
    k: usize,
    candidates: Vec<Neighbor>,
    ranked: Vec<Neighbor>,
    /// The last query, and the distance of its farthest neighbor.
    last: Option<([f64; 3], f64)>,
}

impl Search<'_> {
    /// The `k` points nearest to `query` (all points, if there are fewer), those of [`KdTree::nearest`]
    /// in the order of the tree: neither the set nor its order depends on earlier queries.
    pub fn nearest(&mut self, query: [f64; 3]) -> &[Neighbor] {
        self.candidates.clear();
        if self.k == 0 {
            return &self.candidates;
        }
        let limit2 = if self.tree.len() > self.k { self.limit2(query) } else { f64::INFINITY };
        let most = if self.tree.len() > self.k { 32 * self.k + 1024 } else { usize::MAX };
        if !self.gather(query, Neighbor { distance2: limit2, point: u32::MAX }, most) {
            // Many points are equally near: they are picked one by one.
            self.tree.nearest(query, self.k, &mut self.ranked);
            if let Some(&farthest) = self.ranked.last() {
                self.gather(query, farthest, usize::MAX);
            }
        }
        if self.candidates.len() > self.k {
            self.ranked.clone_from(&self.candidates);
            let (_, &mut farthest, _) = self.ranked.select_nth_unstable_by(self.k - 1, Neighbor::compare);
            self.candidates.retain(|candidate| !farthest.before(candidate));
        }
        let reach2 = self.candidates.iter().map(|found| found.distance2).fold(0.0, f64::max);
        self.last = Some((query, reach2.sqrt()));
        &self.candidates
    }

    fn gather(&mut self, query: [f64; 3], last: Neighbor, most: usize) -> bool {
        self.candidates.clear();
        self.tree.gather((0, 0), (0, self.tree.len()), query, [0.0; 3], last, most, &mut self.candidates)
    }

    /// A squared distance within which there are at least `k` points.
    fn limit2(&mut self, query: [f64; 3]) -> f64 {
        let known = self.last.map(|(last, reach)| {
            let steps = [0, 1, 2].map(|axis| query[axis] - last[axis]);
            let step = (steps[0] * steps[0] + steps[1] * steps[1] + steps[2] * steps[2]).sqrt();
            ((reach + step) * (reach + step) * MARGIN, step <= 0.5 * reach)
        });
        match known {
            Some((limit2, true)) => limit2,
            Some((limit2, false)) => limit2.min(self.limit2_in_node(query)),
            None => self.limit2_in_node(query),
        }
    }

    /// The same from the smallest node of the tree around `query` that holds `k` points.
    fn limit2_in_node(&mut self, query: [f64; 3]) -> f64 {
        let (mut node, mut begin, mut end) = (0, 0, self.tree.len());
        for _ in 0..self.tree.depth {
            let (axis, split) = self.tree.nodes[node];
            let middle = begin + (end - begin) / 2;
            let below = query[axis as usize] < split;
            let (next, from, to) = if below { (2 * node + 1, begin, middle) } else { (2 * node + 2, middle, end) };
            if to - from < self.k {
                break;
            }
            (node, begin, end) = (next, from, to);
        }
        let neighbor = |place| Neighbor { distance2: self.tree.distance2(place, query), point: 0 };
        self.ranked.clear();
        self.ranked.extend((begin..end).map(neighbor));
        self.ranked.select_nth_unstable_by(self.k - 1, Neighbor::compare).1.distance2
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

/// Smallest index of the points below a node and all below it.
fn fill_smallest(labels: &[u32], smallest: &mut [u32], node: usize, levels: u32) -> u32 {
    let least = if levels == 0 {
        labels.iter().copied().min().unwrap_or(u32::MAX)
    } else {
        let (left, right) = labels.split_at(labels.len() / 2);
        let left = fill_smallest(left, smallest, 2 * node + 1, levels - 1);
        left.min(fill_smallest(right, smallest, 2 * node + 2, levels - 1))
    };
    smallest[node] = least;
    least
}

#[cfg(test)]
mod tests;
