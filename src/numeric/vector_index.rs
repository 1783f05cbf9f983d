//! Exact nearest neighbors among vectors of some tens of dimensions.

use super::pca::PrincipalAxes;

/// Vectors per leaf: distances to them are computed side by side.
const LANES: usize = 16;
/// Dimensions are taken four at a time.
const STEP: usize = 4;
/// Leading dimensions after which most leaves turn out to be too far away.
const FIRST: usize = 8;
/// By how much a limit on squared distances to boxes is widened against rounding.
const MARGIN: f32 = 1.0 + 1e-5;
/// Label of the lanes that are not in use.
const UNUSED: u32 = u32::MAX;

/// One of the nearest vectors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    /// Squared Euclidean distance.
    pub distance2: f32,
    /// Which vector.
    pub vector: u32,
}

/// A binary tree of boxes around vectors.
///
/// METHOD: vectors are rotated to their principal axes, so that few dimensions hold most of a distance, and
/// split at the median of the widest one. A search visits boxes by their nearness and skips those
/// beyond the nearest vectors found. It starts with a limit, from the vectors that were nearest to
/// the query before: consecutive queries are alike where they are neighbors in space.
pub struct VectorIndex {
    axes: PrincipalAxes,
    /// Dimensions, filled up to a multiple of four by zeros.
    width: usize,
    /// Leaf of every node, in heap order; `None` for those that are split, or do not exist.
    leaf_of: Vec<Option<u32>>,
    /// Lower and upper corner of the box of every node, `[n_nodes * 2 * width]`.
    boxes: Vec<f32>,
    /// Vectors of every leaf, `[n_leaves * width * LANES]`: lanes side by side.
    leaves: Vec<f32>,
    /// Which vector is in which lane.
    labels: Vec<u32>,
    /// Lane of every vector, counted over all leaves.
    lanes: Vec<u32>,
}

/// Working memory of searches in one index; it holds the limit for the next one.
#[derive(Clone, Debug, Default)]
pub struct VectorSearch {
    query: Vec<f32>,
    found: Vec<Near>,
    previous: Vec<u32>,
}

impl VectorSearch {
    /// Forgets what was found before: the next search is as the first one.
    pub fn forget(&mut self) {
        self.previous.clear();
    }
}

impl VectorIndex {
    /// The index of `vectors`, `[n * n_dims]`.
    pub fn new(vectors: &[f32], n_dims: usize) -> Self {
        let axes = PrincipalAxes::of(vectors, n_dims);
        let width = n_dims.next_multiple_of(STEP).max(STEP);
        let n = vectors.len() / n_dims.max(1);
        let mut rotated = vec![0.0; n * width];
        for (vector, into) in vectors.chunks(n_dims.max(1)).zip(rotated.chunks_mut(width)) {
            axes.rotate(vector, into);
        }
        let n_leaves = n.div_ceil(LANES).max(1);
        let n_nodes = 2 * n_leaves.next_power_of_two() - 1;
        let mut index = Self {
            axes,
            width,
            leaf_of: vec![None; n_nodes],
            boxes: vec![0.0; n_nodes * 2 * width],
            leaves: vec![f32::INFINITY; n_leaves * width * LANES],
            labels: vec![UNUSED; n_leaves * LANES],
            lanes: vec![0; n],
        };
        let mut members: Vec<u32> = (0..n as u32).collect();
        index.build(&rotated, &mut members, 0, 0);
        index
    }

    /// Number of vectors.
    pub fn len(&self) -> usize {
        self.lanes.len()
    }

    /// True without vectors.
    pub fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    fn build(&mut self, rotated: &[f32], members: &mut [u32], node: usize, first_leaf: usize) {
        let width = self.width;
        let at = |member: u32, dim: usize| rotated[member as usize * width + dim];
        let mut widest = (0, f32::NEG_INFINITY);
        for dim in 0..width {
            let values = || members.iter().map(|&member| at(member, dim));
            let (low, high) = (values().fold(f32::INFINITY, f32::min), values().fold(f32::NEG_INFINITY, f32::max));
            self.boxes[node * 2 * width + dim] = low;
            self.boxes[(node * 2 + 1) * width + dim] = high;
            if high - low > widest.1 {
                widest = (dim, high - low);
            }
        }
        if members.len() <= LANES {
            let leaf = first_leaf;
            self.leaf_of[node] = Some(leaf as u32);
            for (lane, &member) in members.iter().enumerate() {
                self.labels[leaf * LANES + lane] = member;
                self.lanes[member as usize] = (leaf * LANES + lane) as u32;
                for dim in 0..width {
                    self.leaves[(leaf * width + dim) * LANES + lane] = at(member, dim);
                }
            }
            return;
        }
        let dim = widest.0;
        // The lower half takes full leaves.
        let n_leaves = members.len().div_ceil(LANES) / 2;
        let middle = n_leaves * LANES;
        members.select_nth_unstable_by(middle, |&a, &b| at(a, dim).total_cmp(&at(b, dim)).then(a.cmp(&b)));
        let (low, high) = members.split_at_mut(middle);
        self.build(rotated, low, 2 * node + 1, first_leaf);
        self.build(rotated, high, 2 * node + 2, first_leaf + n_leaves);
    }

    /// The `k` vectors nearest to `query`, `[n_dims]`, nearest first (all, if there are fewer); equally near
    /// ones by index. The result does not depend on earlier searches.
    pub fn nearest<'s>(&self, query: &[f32], k: usize, search: &'s mut VectorSearch) -> &'s [Near] {
        search.found.clear();
        if k == 0 || self.is_empty() {
            return &search.found;
        }
        search.query.resize(self.width, 0.0);
        self.axes.rotate(query, &mut search.query);
        let mut limit = f32::INFINITY;
        if search.previous.len() >= k {
            limit =
                search.previous[..k].iter().map(|&vector| self.distance2(vector, &search.query)).fold(0.0, f32::max);
        }
        self.descend(0, k, &mut limit, search);
        search.previous.clear();
        search.previous.extend(search.found.iter().map(|near| near.vector));
        &search.found
    }

    /// `k` vectors about as near to `query` as the nearest ones: none is farther than `1 + slack` times the exact one of
    /// its rank. Nearest first; all vectors if there are no more than `k`.
    ///
    /// Far fewer vectors are looked at. What is found depends on earlier searches with the same memory, but is never
    /// beyond that bound.
    pub fn nearly_nearest<'s>(&self, query: &[f32], k: usize, slack: f32, search: &'s mut VectorSearch) -> &'s [Near] {
        search.found.clear();
        if k == 0 || self.is_empty() {
            return &search.found;
        }
        search.query.resize(self.width, 0.0);
        self.axes.rotate(query, &mut search.query);
        // Those found before are the first candidates.
        let previous = std::mem::take(&mut search.previous);
        for &vector in &previous {
            let distance2 = self.distance2(vector, &search.query);
            offer(&mut search.found, Near { distance2, vector }, k);
        }
        search.previous = previous;
        let mut limit = if search.found.len() == k { search.found[k - 1].distance2 } else { f32::INFINITY };
        self.descend_roughly(0, k, (1.0 + slack) * (1.0 + slack), &mut limit, search);
        search.previous.clear();
        search.previous.extend(search.found.iter().map(|near| near.vector));
        &search.found
    }

    fn descend_roughly(&self, node: usize, k: usize, factor: f32, limit: &mut f32, search: &mut VectorSearch) {
        if let Some(leaf) = self.leaf_of[node] {
            self.scan(leaf as usize, k, limit, search);
            return;
        }
        let near = [2 * node + 1, 2 * node + 2].map(|child| (self.box_distance2(child, &search.query), child));
        let order = if near[0].0 <= near[1].0 { near } else { [near[1], near[0]] };
        for (distance2, child) in order {
            if distance2 * factor <= *limit * MARGIN {
                self.descend_roughly(child, k, factor, limit, search);
            }
        }
    }

    /// Squared distance to one vector, added up as in [`Self::scan`].
    fn distance2(&self, vector: u32, query: &[f32]) -> f32 {
        let lane = self.lanes[vector as usize] as usize;
        let values = &self.leaves[lane / LANES * LANES * self.width..][..self.width * LANES];
        let mut sum = 0.0;
        for (values, query) in values.chunks_exact(LANES).zip(query) {
            let difference = query - values[lane % LANES];
            sum += difference * difference;
        }
        sum
    }

    fn descend(&self, node: usize, k: usize, limit: &mut f32, search: &mut VectorSearch) {
        if let Some(leaf) = self.leaf_of[node] {
            self.scan(leaf as usize, k, limit, search);
            return;
        }
        let near = [2 * node + 1, 2 * node + 2].map(|child| (self.box_distance2(child, &search.query), child));
        let order = if near[0].0 <= near[1].0 { near } else { [near[1], near[0]] };
        for (distance2, child) in order {
            if distance2 <= *limit * MARGIN {
                self.descend(child, k, limit, search);
            }
        }
    }

    /// Squared distance to the box of a node.
    #[inline]
    fn box_distance2(&self, node: usize, query: &[f32]) -> f32 {
        let width = self.width;
        let corners = &self.boxes[node * 2 * width..][..2 * width];
        let (low, high) = corners.split_at(width);
        let mut sums = [0.0f32; STEP];
        for ((query, low), high) in query.chunks_exact(STEP).zip(low.chunks_exact(STEP)).zip(high.chunks_exact(STEP)) {
            for part in 0..STEP {
                let (below, above) = (low[part] - query[part], query[part] - high[part]);
                let outside = if below > above { below } else { above };
                let outside = if outside > 0.0 { outside } else { 0.0 };
                sums[part] += outside * outside;
            }
        }
        (sums[0] + sums[1]) + (sums[2] + sums[3])
    }

    /// Offers all vectors of a leaf.
    #[inline]
    fn scan(&self, leaf: usize, k: usize, limit: &mut f32, search: &mut VectorSearch) {
        let mut sums = [0.0f32; LANES];
        let values = &self.leaves[leaf * self.width * LANES..][..self.width * LANES];
        let first = FIRST.min(self.width);
        add_squares(&mut sums, &values[..first * LANES], &search.query[..first]);
        if sums.iter().all(|&sum| sum > *limit) {
            return;
        }
        add_squares(&mut sums, &values[first * LANES..], &search.query[first..]);
        for (lane, &distance2) in sums.iter().enumerate() {
            if distance2 <= *limit {
                let vector = self.labels[leaf * LANES + lane];
                if vector != UNUSED && search.found.iter().all(|near| near.vector != vector) {
                    offer(&mut search.found, Near { distance2, vector }, k);
                    if search.found.len() == k {
                        *limit = limit.min(search.found[k - 1].distance2);
                    }
                }
            }
        }
    }
}

/// Adds squared differences along some dimensions to every lane.
#[inline]
fn add_squares(sums: &mut [f32; LANES], values: &[f32], query: &[f32]) {
    for (values, &query) in values.chunks_exact(LANES).zip(query) {
        for (sum, value) in sums.iter_mut().zip(values) {
            let difference = query - value;
            *sum += difference * difference;
        }
    }
}

/// Inserts into the sorted list of the best `k`.
fn offer(found: &mut Vec<Near>, candidate: Near, k: usize) {
    let before = |other: &Near| {
        candidate.distance2 < other.distance2
            || (candidate.distance2 == other.distance2 && candidate.vector < other.vector)
    };
    if found.len() == k {
        if !before(&found[k - 1]) {
            return;
        }
        found.pop();
    }
    let place = found.iter().position(before).unwrap_or(found.len());
    found.insert(place, candidate);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::draws::{Draws, Stream};

    fn random(n: usize, n_dims: usize, levels: f64) -> Vec<f32> {
        let draws = Draws::new(6, Stream::Jitter).at(0);
        (0..(n * n_dims) as u64).map(|id| (draws.uniform(id) * levels).floor() as f32).collect()
    }

    #[test]
    fn finds_the_nearest_of_all_whatever_was_asked_before() {
        for (n, n_dims, levels) in [(1, 3, 1e5), (16, 1, 9.0), (17, 4, 2.0), (700, 5, 3.0), (500, 20, 1e4)] {
            let vectors = random(n, n_dims, levels);
            let index = VectorIndex::new(&vectors, n_dims);
            let mut search = VectorSearch::default();
            for query in [0, 1, n / 2, n - 1, n / 3].map(|query| query.min(n - 1)) {
                let query = &vectors[query * n_dims..][..n_dims];
                let found = index.nearest(query, 7, &mut search).to_vec();
                assert_eq!(found, index.nearest(query, 7, &mut VectorSearch::default()));
                let distance2 = |vector: &[f32]| {
                    vector.iter().zip(query).map(|(a, b)| f64::from(a - b) * f64::from(a - b)).sum::<f64>()
                };
                let mut all: Vec<f64> = vectors.chunks(n_dims).map(distance2).collect();
                all.sort_by(f64::total_cmp);
                assert_eq!(found.len(), n.min(7));
                let scale = all.last().copied().unwrap_or(0.0);
                for (near, expected) in found.iter().zip(all) {
                    assert!((f64::from(near.distance2) - expected).abs() <= 1e-5 * scale + 1e-9, "{n} {n_dims}");
                }
            }
        }
    }

    #[test]
    fn nearly_nearest_ones_keep_the_bound() {
        let vectors = random(3000, 12, 1e4);
        let index = VectorIndex::new(&vectors, 12);
        for slack in [0.0, 0.5, 2.0] {
            let mut search = VectorSearch::default();
            for query in random(200, 12, 1e4).chunks(12).chain(vectors.chunks(12).take(50)) {
                let exact = index.nearest(query, 5, &mut VectorSearch::default()).to_vec();
                let found = index.nearly_nearest(query, 5, slack, &mut search);
                assert_eq!(found.len(), 5);
                assert!(found.is_sorted_by(|a, b| a.distance2 <= b.distance2 && a.vector != b.vector));
                for (near, exact) in found.iter().zip(&exact) {
                    assert!(near.distance2.sqrt() <= exact.distance2.sqrt() * (1.0 + slack) * 1.0001);
                }
                assert!(slack > 0.0 || found == exact);
                let afresh = index.nearly_nearest(query, 5, slack, &mut VectorSearch::default()).to_vec();
                search.forget();
                assert_eq!(index.nearly_nearest(query, 5, slack, &mut search), afresh);
            }
        }
        assert_eq!(index.nearly_nearest(&vectors[..12], 4000, 0.5, &mut VectorSearch::default()).len(), 3000);
    }

    #[test]
    fn coincident_vectors_go_by_index() {
        let index = VectorIndex::new(&[2.5; 300], 3);
        let mut search = VectorSearch::default();
        let found: Vec<u32> = index.nearest(&[2.5; 3], 4, &mut search).iter().map(|near| near.vector).collect();
        assert_eq!(found, [0, 1, 2, 3]);
        assert!(VectorIndex::new(&[], 3).nearest(&[0.0; 3], 4, &mut search).is_empty());
    }
}
