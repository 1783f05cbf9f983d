//! Segments given as polygons, and the molecules in them.

mod grid;
mod union;

use rayon::prelude::*;

use super::table::SegmentLabels;
use crate::data::Positions;
use grid::Grid;

/// Polygons of segments. A segment may have several parts, and a part holes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Polygons {
    /// Names of the segments, in the order of the file. `[n_segments]`
    pub labels: SegmentLabels,
    /// x and y of the vertices, ring after ring. The first one of a ring is not repeated.
    vertices: Vec<[f64; 2]>,
    /// Where the vertices of every ring end. `[n_rings]`
    ring_ends: Vec<usize>,
    /// Where the rings of every part end; the first ring is the outer one. `[n_parts]`
    part_ends: Vec<usize>,
    /// Whose part it is: place in `labels`. `[n_parts]`
    part_segment: Vec<u32>,
}

impl Polygons {
    /// Number of segments.
    pub fn n_segments(&self) -> usize {
        self.labels.len()
    }

    /// Number of parts, at least that of the segments.
    pub fn n_parts(&self) -> usize {
        self.part_segment.len()
    }

    /// The rings of a part: the outer one, then its holes. They are not closed.
    pub fn rings(&self, part: usize) -> impl Iterator<Item = &[[f64; 2]]> {
        let begin = if part == 0 { 0 } else { self.part_ends[part - 1] };
        (begin..self.part_ends[part]).map(|ring| {
            let first = if ring == 0 { 0 } else { self.ring_ends[ring - 1] };
            &self.vertices[first..self.ring_ends[ring]]
        })
    }

    /// Whose part it is: place in `labels`.
    pub fn segment_of_part(&self, part: usize) -> usize {
        self.part_segment[part] as usize
    }

    /// Lower and upper corner of all, `[x, y]` each; `None` without polygons.
    pub fn rectangle(&self) -> Option<[[f64; 2]; 2]> {
        (!self.vertices.is_empty()).then(|| bounding_box(&self.vertices))
    }

    /// Area and centroid of every segment. Holes do not count, and what several parts of a segment cover, such as its
    /// planes, counts once. `[n_segments]`
    pub fn areas(&self) -> Vec<(f64, [f64; 2])> {
        let mut parts: Vec<usize> = (0..self.n_parts()).collect();
        parts.sort_by_key(|&part| self.part_segment[part]);
        let groups: Vec<&[usize]> = parts.chunk_by(|&a, &b| self.part_segment[a] == self.part_segment[b]).collect();
        let found: Vec<(f64, [f64; 2])> = groups.par_iter().map(|group| self.area_of_parts(group)).collect();
        let mut areas = vec![(0.0, [f64::NAN; 2]); self.n_segments()];
        for (group, area) in groups.into_iter().zip(found) {
            areas[self.segment_of_part(group[0])] = area;
        }
        areas
    }

    /// Area and centroid of some parts together. Without an area there is no centroid: the first vertex stands for it.
    fn area_of_parts(&self, parts: &[usize]) -> (f64, [f64; 2]) {
        let bounds = |part: usize| self.rings(part).next().map_or([[0.0; 2]; 2], bounding_box);
        let mut boxes: Vec<([[f64; 2]; 2], usize)> = parts.iter().map(|&part| (bounds(part), part)).collect();
        boxes.sort_by(|one, other| one.0[0][0].total_cmp(&other.0[0][0]).then(one.1.cmp(&other.1)));
        let mut sum = [0.0f64; 3];
        let mut add = |area: f64, [x, y]: [f64; 2]| sum = [sum[0] + area, sum[1] + area * x, sum[2] + area * y];
        let mut begin = 0;
        while begin < boxes.len() {
            // Parts that may overlap: each begins before the widest of those before it ends.
            let (mut end, mut right) = (begin + 1, boxes[begin].0[1][0]);
            while end < boxes.len() && boxes[end].0[0][0] < right {
                right = right.max(boxes[end].0[1][0]);
                end += 1;
            }
            if let [(_, part)] = boxes[begin..end] {
                let (area, center) = self.area_of_part(part);
                add(area, center);
            } else {
                let origin = boxes[begin].0[0];
                let rings = boxes[begin..end].iter().map(|&(_, part)| {
                    let rings: Box<dyn Iterator<Item = &[[f64; 2]]>> = Box::new(self.rings(part));
                    rings
                });
                let union::Moments { area, x, y } = union::moments(rings, origin);
                if area > 0.0 {
                    add(area, [origin[0] + x / area, origin[1] + y / area]);
                }
            }
            begin = end;
        }
        let [area, x, y] = sum;
        if area > 0.0 {
            return (area, [x / area, y / area]);
        }
        let first = parts.first().and_then(|&part| self.rings(part).next()).and_then(|ring| ring.first());
        (0.0, first.copied().unwrap_or_default())
    }

    /// The same polygons of other segments. `segment_of`: by segment as it is, its place in `labels`.
    pub fn regrouped(self, segment_of: &[u32], labels: SegmentLabels) -> Self {
        let part_segment = self.part_segment.iter().map(|&segment| segment_of[segment as usize]).collect();
        Self { labels, part_segment, ..self }
    }

    /// Moves all vertices to `corner + factor * vertex`, per axis.
    pub fn transform(&mut self, factor: [f64; 2], corner: [f64; 2]) {
        for vertex in &mut self.vertices {
            for axis in 0..2 {
                vertex[axis] = corner[axis] + factor[axis] * vertex[axis];
            }
        }
    }

    /// Area of a part without its holes, and its centroid.
    fn area_of_part(&self, part: usize) -> (f64, [f64; 2]) {
        let (mut total, mut moments) = (0.0, [0.0; 2]);
        let mut origin = [0.0; 2];
        for (at, ring) in self.rings(part).enumerate() {
            if at == 0 {
                origin = ring[0];
            }
            let (area, of_ring) = moments_of_ring(ring, origin);
            // The outer ring counts as positive and holes as negative, whichever way they run.
            let sign = if (area < 0.0) == (at == 0) { -1.0 } else { 1.0 };
            total += sign * area;
            moments = [moments[0] + sign * of_ring[0], moments[1] + sign * of_ring[1]];
        }
        if total.is_nan() || total <= 0.0 {
            return (0.0, origin);
        }
        (total, [origin[0] + moments[0] / total, origin[1] + moments[1] / total])
    }

    /// Whether a point is in a part: inside of its outer ring and of no hole.
    fn contains(&self, part: usize, point: [f64; 2]) -> bool {
        self.rings(part).fold(false, |inside, ring| inside ^ is_in_ring(ring, point))
    }
}

/// Puts polygons together ring by ring.
#[derive(Debug, Default)]
pub struct PolygonsBuilder {
    polygons: Polygons,
    /// Rings with fewer than three different vertices.
    n_short_rings: usize,
    /// Whether the outer ring of the part at hand was too short, so that its holes are nothing either.
    is_void: bool,
}

impl PolygonsBuilder {
    /// Adds a vertex to the ring. One equal to that before is skipped.
    pub fn push_vertex(&mut self, vertex: [f64; 2]) {
        let begin = self.ring_begin();
        if self.polygons.vertices[begin..].last() != Some(&vertex) {
            self.polygons.vertices.push(vertex);
        }
    }

    /// Ends the ring. A repeated first vertex is taken away, and a ring with fewer than three vertices ignored.
    pub fn end_ring(&mut self) {
        let begin = self.ring_begin();
        let vertices = &mut self.polygons.vertices;
        if vertices.len() > begin + 1 && vertices.last() == Some(&vertices[begin]) {
            vertices.pop();
        }
        let is_outer = self.polygons.ring_ends.len() == self.polygons.part_ends.last().copied().unwrap_or(0);
        let is_short = vertices.len() < begin + 3;
        self.n_short_rings += usize::from(is_short);
        self.is_void |= is_short && is_outer;
        if is_short || self.is_void {
            vertices.truncate(begin);
        } else {
            self.polygons.ring_ends.push(vertices.len());
        }
    }

    /// Ends the part: the rings since the last one belong to a segment, given by its place among the labels.
    pub fn end_part(&mut self, segment: u32) {
        self.is_void = false;
        let n_rings = self.polygons.ring_ends.len();
        if n_rings > self.polygons.part_ends.last().copied().unwrap_or(0) {
            self.polygons.part_ends.push(n_rings);
            self.polygons.part_segment.push(segment);
        }
    }

    /// The polygons, and how many rings were ignored since they have fewer than three vertices.
    pub fn finish(mut self, labels: SegmentLabels) -> (Polygons, usize) {
        self.polygons.labels = labels;
        (self.polygons, self.n_short_rings)
    }

    fn ring_begin(&self) -> usize {
        self.polygons.ring_ends.last().copied().unwrap_or(0)
    }
}

/// Which molecules lie in which polygons.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssignedPolygons {
    /// Place of the segment among the labels plus one, 0 for none. `[n_molecules]`
    pub label_of: Vec<u32>,
    /// Molecules of every segment. `[n_segments]`
    pub n_molecules: Vec<u32>,
    /// Molecules that lie in the polygons of several segments.
    pub n_in_several: usize,
}

/// Finds the polygon of every molecule; z does not matter.
///
/// A molecule on a left or lower edge is inside, on a right or upper one outside, so that of two polygons with a
/// common edge exactly one has it. Where polygons overlap, the one with the nearest centroid wins, of equally near
/// ones the first.
///
/// Shapes: `positions` are `[n_molecules]`. Draws nothing; the same result on any thread count. Own reasoning: 0.7.1
/// has no boundaries.
pub fn assign_polygons(polygons: &Polygons, positions: &Positions) -> AssignedPolygons {
    let centroids: Vec<[f64; 2]> =
        (0..polygons.n_parts()).into_par_iter().map(|part| polygons.area_of_part(part).1).collect();
    assign(polygons, positions, |part| centroids[part])
}

/// Finds the polygon of every molecule as [`assign_polygons`] does, but where polygons overlap, the segment whose given
/// center is nearest wins, of equally near ones that with the smaller number.
///
/// Shapes: `centers` are x and y `[n_segments]`, `positions` `[n_molecules]`. The same result on any thread count.
pub fn assign_to_centers(polygons: &Polygons, centers: &[[f64; 2]], positions: &Positions) -> AssignedPolygons {
    assign(polygons, positions, |part| centers[polygons.segment_of_part(part)])
}

/// Finds the polygon of every molecule; of several that whose center is nearest. `center_of`: by part.
fn assign(
    polygons: &Polygons,
    positions: &Positions,
    center_of: impl Fn(usize) -> [f64; 2] + Sync,
) -> AssignedPolygons {
    let boxes: Vec<[[f64; 2]; 2]> = (0..polygons.n_parts())
        .into_par_iter()
        .map(|part| polygons.rings(part).next().map_or([[0.0; 2]; 2], bounding_box))
        .collect();
    let grid = Grid::new(&boxes);
    let find = |molecule: usize| -> (u32, bool) {
        let point = [positions.x[molecule], positions.y[molecule]];
        let mut best: Option<(f64, u32)> = None;
        let mut several = false;
        for &part in grid.candidates(point) {
            let [low, high] = boxes[part as usize];
            let in_box = (0..2).all(|axis| point[axis] >= low[axis] && point[axis] <= high[axis]);
            if !in_box || !polygons.contains(part as usize, point) {
                continue;
            }
            let (center, segment) = (center_of(part as usize), polygons.part_segment[part as usize]);
            let (dx, dy) = (center[0] - point[0], center[1] - point[1]);
            let found = (dx * dx + dy * dy, segment);
            several |= best.is_some_and(|(_, other)| other != segment);
            if best.is_none_or(|best| found.0 < best.0 || (found.0 == best.0 && segment < best.1)) {
                best = Some(found);
            }
        }
        (best.map_or(0, |(_, segment)| segment + 1), several)
    };
    let found: Vec<(u32, bool)> = (0..positions.len()).into_par_iter().map(find).collect();
    let mut assigned = AssignedPolygons { n_molecules: vec![0; polygons.n_segments()], ..AssignedPolygons::default() };
    for &(label, several) in &found {
        assigned.n_in_several += usize::from(several);
        if label > 0 {
            assigned.n_molecules[label as usize - 1] += 1;
        }
    }
    assigned.label_of = found.into_iter().map(|(label, _)| label).collect();
    assigned
}

fn bounding_box(vertices: &[[f64; 2]]) -> [[f64; 2]; 2] {
    vertices.iter().fold([[f64::INFINITY; 2], [f64::NEG_INFINITY; 2]], |[low, high], &[x, y]| {
        [[low[0].min(x), low[1].min(y)], [high[0].max(x), high[1].max(y)]]
    })
}

/// Signed area of a ring and its first moments about `origin`.
fn moments_of_ring(ring: &[[f64; 2]], origin: [f64; 2]) -> (f64, [f64; 2]) {
    let (mut area, mut moments) = (0.0, [0.0; 2]);
    let Some(last) = ring.last() else { return (0.0, moments) };
    let mut from = [last[0] - origin[0], last[1] - origin[1]];
    for vertex in ring {
        let to = [vertex[0] - origin[0], vertex[1] - origin[1]];
        let cross = from[0] * to[1] - to[0] * from[1];
        area += cross / 2.0;
        moments = [moments[0] + cross * (from[0] + to[0]) / 6.0, moments[1] + cross * (from[1] + to[1]) / 6.0];
        from = to;
    }
    (area, moments)
}

/// Whether a point is in a ring, by the even-odd rule.
///
/// METHOD: every side is looked at from its lower to its upper end, so that two rings with a common side calculate the
/// same for it and a point near it is in one of them only.
fn is_in_ring(ring: &[[f64; 2]], [x, y]: [f64; 2]) -> bool {
    let Some(&last) = ring.last() else { return false };
    let mut inside = false;
    let mut from = last;
    for &to in ring {
        if (from[1] > y) != (to[1] > y) {
            let (low, high) = if from[1] < to[1] { (from, to) } else { (to, from) };
            let crosses_right = (high[0] - low[0]) * (y - low[1]) - (x - low[0]) * (high[1] - low[1]) > 0.0;
            inside ^= crosses_right;
        }
        from = to;
    }
    inside
}

#[cfg(test)]
mod tests;
