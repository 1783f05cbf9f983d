//! Areas of polygons that overlap.
//!
//! METHOD: the plane is cut into strips at the vertices, so that the edges within a strip are straight, and once more
//! where two edges cross. In a strip the polygons are trapezoids whose union is a sweep from left to right. So the area is
//! exact but for rounding.

/// Edges of polygons that overlap, at most; of more the area is taken in strips of equal height.
const MAX_EDGES: usize = 1 << 14;
/// Strips then.
const STRIPS: usize = 1 << 12;

/// Area and first moments about the origin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Moments {
    pub area: f64,
    pub x: f64,
    pub y: f64,
}

/// An edge that goes up.
#[derive(Clone, Copy)]
struct Edge {
    low: [f64; 2],
    high: [f64; 2],
    polygon: u32,
}

impl Edge {
    fn x_at(&self, y: f64) -> f64 {
        let [dx, dy] = [self.high[0] - self.low[0], self.high[1] - self.low[1]];
        self.low[0] + dx * ((y - self.low[1]) / dy)
    }
}

/// Moments of what is in any of the polygons. A point is in a polygon if a ray from it crosses its rings an odd number of
/// times, so that holes are outside.
///
/// `origin` is where all moments are taken about, and should be near. Draws nothing.
pub(super) fn moments<'a>(
    polygons: impl Iterator<Item = Box<dyn Iterator<Item = &'a [[f64; 2]]> + 'a>>,
    origin: [f64; 2],
) -> Moments {
    let mut edges: Vec<Edge> = Vec::new();
    for (polygon, rings) in polygons.enumerate() {
        for ring in rings {
            for (at, &begin) in ring.iter().enumerate() {
                let end = ring[(at + 1) % ring.len()];
                let [begin, end] = [begin, end].map(|[x, y]| [x - origin[0], y - origin[1]]);
                let (low, high) = if begin[1] < end[1] { (begin, end) } else { (end, begin) };
                // Level edges are borders of strips. What is not finite has no area.
                if low[1] < high[1] && low.iter().chain(&high).all(|value| value.is_finite()) {
                    edges.push(Edge { low, high, polygon: polygon as u32 });
                }
            }
        }
    }
    edges.sort_by(|one, other| one.low[1].total_cmp(&other.low[1]));
    let mut levels: Vec<f64> = edges.iter().flat_map(|edge| [edge.low[1], edge.high[1]]).collect();
    levels.sort_unstable_by(f64::total_cmp);
    levels.dedup();
    let is_exact = edges.len() <= MAX_EDGES;
    if let (false, [first, .., last]) = (is_exact, &levels[..]) {
        let step = (last - first) / STRIPS as f64;
        levels = (0..=STRIPS).map(|strip| first + step * strip as f64).collect();
    }
    let mut sum = Moments::default();
    let mut sweep = Sweep { sum: &mut sum, n_in: Vec::new(), sides: Vec::new() };
    let (mut active, mut next) = (Vec::new(), 0);
    for strip in levels.windows(2) {
        let (low, high) = (strip[0], strip[1]);
        let middle = low + (high - low) / 2.0;
        active.retain(|&edge: &usize| edges[edge].high[1] > middle);
        while edges.get(next).is_some_and(|edge| edge.low[1] < middle) {
            if edges[next].high[1] > middle {
                active.push(next);
            }
            next += 1;
        }
        let active = active.iter().map(|&edge| edges[edge]);
        if is_exact { sweep.strip(active, low, high, 0) } else { sweep.row(active, low, high) }
    }
    sum
}

/// Where an edge is at the lower and upper border of a strip.
#[derive(Clone, Copy)]
struct Side {
    low: f64,
    high: f64,
    polygon: u32,
}

struct Sweep<'a> {
    sum: &'a mut Moments,
    /// Whether the sweep is inside, by polygon.
    n_in: Vec<bool>,
    sides: Vec<Side>,
}

/// Deepest division of a strip where edges cross.
const MAX_DEPTH: usize = 2;

impl Sweep<'_> {
    /// A strip without vertices inside. It is divided where edges cross.
    fn strip(&mut self, active: impl Iterator<Item = Edge> + Clone, low: f64, high: f64, depth: usize) {
        let mut sides = std::mem::take(&mut self.sides);
        sides.clear();
        let side = |edge: Edge| Side { low: edge.x_at(low), high: edge.x_at(high), polygon: edge.polygon };
        sides.extend(active.clone().map(side));
        let middle = |side: &Side| side.low + (side.high - side.low) / 2.0;
        sides.sort_by(|one, other| middle(one).total_cmp(&middle(other)));
        let in_order = sides.windows(2).all(|pair| pair[0].low <= pair[1].low && pair[0].high <= pair[1].high);
        if !in_order && depth < MAX_DEPTH {
            let mut cuts = crossings(&sides, low, high);
            cuts.push(high);
            self.sides = sides;
            let mut from = low;
            for to in cuts {
                if to > from {
                    self.strip(active.clone(), from, to, MAX_DEPTH);
                }
                from = to;
            }
            return;
        }
        self.add(&sides, low, high);
        self.sides = sides;
    }

    /// A row of a strip in the middle of which the edges are looked at.
    fn row(&mut self, active: impl Iterator<Item = Edge>, low: f64, high: f64) {
        let mut sides = std::mem::take(&mut self.sides);
        sides.clear();
        let middle = low + (high - low) / 2.0;
        sides.extend(active.map(|edge| {
            let x = edge.x_at(middle);
            Side { low: x, high: x, polygon: edge.polygon }
        }));
        sides.sort_by(|one, other| one.low.total_cmp(&other.low));
        self.add(&sides, low, high);
        self.sides = sides;
    }

    /// Adds the trapezoids between sides, which are in order.
    fn add(&mut self, sides: &[Side], low: f64, high: f64) {
        let n_polygons = sides.iter().map(|side| side.polygon as usize + 1).max().unwrap_or(0);
        self.n_in.clear();
        self.n_in.resize(n_polygons, false);
        let mut n_inside = 0;
        let mut left: Option<Side> = None;
        for side in sides {
            let is_in = &mut self.n_in[side.polygon as usize];
            *is_in = !*is_in;
            if *is_in {
                n_inside += 1;
            } else {
                n_inside -= 1;
            }
            match (left, n_inside) {
                (None, 1..) => left = Some(*side),
                (Some(begin), 0) => {
                    add_trapezoid(self.sum, [begin.low, side.low], [begin.high, side.high], low, high);
                    left = None;
                }
                _ => {}
            }
        }
    }
}

/// Heights within a strip at which two sides cross, ascending.
fn crossings(sides: &[Side], low: f64, high: f64) -> Vec<f64> {
    let mut cuts = Vec::new();
    for (at, one) in sides.iter().enumerate() {
        for other in &sides[at + 1..] {
            let (below, above) = (other.low - one.low, other.high - one.high);
            if below * above < 0.0 {
                cuts.push(low + (high - low) * (below / (below - above)));
            }
        }
    }
    cuts.sort_unstable_by(f64::total_cmp);
    cuts
}

/// Adds a trapezoid with level sides: `bottom` and `top` are its left and right ends.
fn add_trapezoid(sum: &mut Moments, bottom: [f64; 2], top: [f64; 2], low: f64, high: f64) {
    let height = high - low;
    let (below, above) = (bottom[1] - bottom[0], top[1] - top[0]);
    sum.area += height * (below + above) / 2.0;
    let of_side = |a: f64, b: f64| a * a + a * b + b * b;
    sum.x += height / 6.0 * (of_side(bottom[1], top[1]) - of_side(bottom[0], top[0]));
    sum.y += height * (low * (below + above) / 2.0 + height * (below / 6.0 + above / 3.0));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(polygons: &[Vec<[f64; 2]>]) -> Moments {
        let all = polygons.iter().map(|ring| {
            let rings: Box<dyn Iterator<Item = &[[f64; 2]]>> = Box::new(std::iter::once(&ring[..]));
            rings
        });
        moments(all, [0.0; 2])
    }

    fn square(x: f64, y: f64, side: f64) -> Vec<[f64; 2]> {
        vec![[x, y], [x + side, y], [x + side, y + side], [x, y + side]]
    }

    fn close(found: Moments, area: f64, center: [f64; 2]) {
        let shift = (found.x / found.area - center[0]).abs() + (found.y / found.area - center[1]).abs();
        assert!((found.area - area).abs() < 1e-12 * area && shift < 1e-12, "{found:?}");
    }

    #[test]
    fn what_polygons_share_counts_once() {
        close(of(&[square(0.0, 0.0, 2.0)]), 4.0, [1.0, 1.0]);
        close(of(&[square(0.0, 0.0, 2.0), square(0.0, 0.0, 2.0)]), 4.0, [1.0, 1.0]);
        close(of(&[square(0.0, 0.0, 2.0), square(1.0, 1.0, 2.0)]), 7.0, [1.5, 1.5]);
        close(of(&[square(0.0, 0.0, 3.0), square(1.0, 1.0, 1.0)]), 9.0, [1.5, 1.5]);
        close(of(&[square(0.0, 0.0, 1.0), square(3.0, 0.0, 1.0)]), 2.0, [2.0, 0.5]);
    }

    #[test]
    fn edges_that_cross_are_cut() {
        // Two triangles that make a star of six points: the first one, and three small ones of a ninth each.
        let height = 3f64.sqrt();
        let up = vec![[-1.0, 0.0], [1.0, 0.0], [0.0, height]];
        let down: Vec<[f64; 2]> = up.iter().map(|&[x, y]| [x, 2.0 * height / 3.0 - y]).collect();
        close(of(&[up, down]), height * (1.0 + 3.0 / 9.0), [0.0, height / 3.0]);
    }

    #[test]
    fn many_edges_are_taken_in_strips() {
        let angle = |at: usize| std::f64::consts::TAU * at as f64 / 20_000.0;
        let circle: Vec<[f64; 2]> = (0..20_000).map(|at| [angle(at).cos(), angle(at).sin()]).collect();
        let found = of(&[circle.clone(), circle]);
        assert!((found.area / std::f64::consts::PI - 1.0).abs() < 1e-5, "{found:?}");
        assert_eq!(of(&[]), Moments::default());
        assert_eq!(of(&[vec![[0.0, f64::NAN], [1.0, 0.0], [1.0, 1.0]]]).area, 0.0);
    }
}
