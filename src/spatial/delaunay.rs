//! Delaunay triangulation in two dimensions.

use spade::{DelaunayTriangulation, HasPosition, Point2, Triangulation as _};

/// Edges and triangles over the caller's points.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Triangulation {
    /// Pairs of point indices, smaller first, sorted, each once.
    pub edges: Vec<[u32; 2]>,
    /// Corners of each triangle, counter-clockwise, smallest index first, sorted.
    pub triangles: Vec<[u32; 3]>,
}

struct Vertex {
    at: Point2<f64>,
    point: u32,
}

impl HasPosition for Vertex {
    type Scalar = f64;
    fn position(&self) -> Point2<f64> {
        self.at
    }
}

/// Edges of the Delaunay triangulation of `points`, with all edges of the hull.
///
/// Points on one line are joined in order along it. Of coincident points one takes part in the
/// triangulation, and every other is joined to it. Coordinates must be finite.
/// The result does not depend on the order in which the library works, except among the
/// equally valid diagonals of points on one circle.
pub fn edges(points: &[[f64; 2]]) -> Vec<[u32; 2]> {
    triangulate(points, false).edges
}

/// Edges and triangles of the Delaunay triangulation of `points`; see [`edges`].
pub fn triangulation(points: &[[f64; 2]]) -> Triangulation {
    triangulate(points, true)
}

fn triangulate(points: &[[f64; 2]], want_triangles: bool) -> Triangulation {
    let mut result = Triangulation::default();
    if points.len() < 2 {
        return result;
    }
    if let Some(axis) = common_line(points) {
        result.edges = chain(points, axis);
        result.edges.sort_unstable();
        return result;
    }
    let vertices = points
        .iter()
        .enumerate()
        .map(|(point, &[x, y])| Vertex { at: Point2::new(tame(x), tame(y)), point: point as u32 })
        .collect();
    // `bulk_load` fails on coordinates that are not finite or absurdly large; those are refused
    // by the reader, so a failure here leaves an empty graph rather than a crash.
    let Ok(triangulation) = DelaunayTriangulation::<Vertex>::bulk_load(vertices) else {
        return result;
    };
    result.edges.reserve(triangulation.num_undirected_edges());
    let mut has_edge = vec![false; points.len()];
    for edge in triangulation.undirected_edges() {
        let [a, b] = edge.vertices().map(|vertex| vertex.data().point);
        has_edge[a as usize] = true;
        has_edge[b as usize] = true;
        result.edges.push([a.min(b), a.max(b)]);
    }
    if triangulation.num_vertices() < points.len() {
        join_coincident(points, &has_edge, &mut result.edges);
    }
    result.edges.sort_unstable();
    if want_triangles {
        result.triangles = triangulation
            .inner_faces()
            .map(|face| {
                let mut corners = face.vertices().map(|vertex| vertex.data().point);
                let smallest = (0..3).fold(0, |best, at| if corners[at] < corners[best] { at } else { best });
                corners.rotate_left(smallest);
                corners
            })
            .collect();
        result.triangles.sort_unstable();
    }
    result
}

/// Numbers too small for the library's exact predicates become zero.
fn tame(value: f64) -> f64 {
    if value.abs() < 1e-40 { 0.0 } else { value }
}

/// If all points lie on one line: the axis along which they can be ordered.
fn common_line(points: &[[f64; 2]]) -> Option<usize> {
    let first = points[0];
    let farthest = points.iter().fold(first, |best, point| {
        let reach = |p: &[f64; 2]| (p[0] - first[0]).abs().max((p[1] - first[1]).abs());
        if reach(point) > reach(&best) { *point } else { best }
    });
    let (dx, dy) = (farthest[0] - first[0], farthest[1] - first[1]);
    let tolerance = 1e-12 * (dx * dx + dy * dy);
    let on_line = points.iter().all(|point| {
        let cross = dx * (point[1] - first[1]) - dy * (point[0] - first[0]);
        cross.abs() <= tolerance
    });
    on_line.then_some(usize::from(dy.abs() > dx.abs()))
}

/// Joins points in order along `axis`.
fn chain(points: &[[f64; 2]], axis: usize) -> Vec<[u32; 2]> {
    let mut order: Vec<u32> = (0..points.len() as u32).collect();
    order.sort_by(|&a, &b| points[a as usize][axis].total_cmp(&points[b as usize][axis]).then(a.cmp(&b)));
    order.windows(2).map(|pair| [pair[0].min(pair[1]), pair[0].max(pair[1])]).collect()
}

/// Joins every point that the triangulation left out to the coincident one that it holds.
fn join_coincident(points: &[[f64; 2]], has_edge: &[bool], edges: &mut Vec<[u32; 2]>) {
    let mut order: Vec<u32> = (0..points.len() as u32).collect();
    let at = |point: u32| points[point as usize].map(tame);
    order.sort_by(|&a, &b| at(a)[0].total_cmp(&at(b)[0]).then(at(a)[1].total_cmp(&at(b)[1])).then(a.cmp(&b)));
    for group in order.chunk_by(|&a, &b| at(a) == at(b)).filter(|group| group.len() > 1) {
        let Some(&kept) = group.iter().find(|&&point| has_edge[point as usize]) else { continue };
        edges.extend(group.iter().filter(|&&point| point != kept).map(|&point| [kept.min(point), kept.max(point)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn square_with_center() {
        let points = [[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0], [1.0, 1.0]];
        let found = triangulation(&points);
        assert_eq!(found.edges, [[0, 1], [0, 3], [0, 4], [1, 2], [1, 4], [2, 3], [2, 4], [3, 4]]);
        assert_eq!(found.triangles, [[0, 1, 4], [0, 4, 3], [1, 2, 4], [2, 3, 4]]);
    }

    #[test]
    fn points_on_a_line_are_joined_in_order() {
        let points = [[3.0, 3.0], [1.0, 1.0], [2.0, 2.0], [2.0, 2.0]];
        assert_eq!(edges(&points), [[0, 3], [1, 2], [2, 3]]);
    }

    #[test]
    fn a_long_line_is_not_quadratic() {
        let points: Vec<[f64; 2]> = (0..100_000).map(|i| [0.5, f64::from(i)]).collect();
        assert_eq!(edges(&points).len(), 99_999);
    }

    #[test]
    fn coincident_points_hang_on_their_twin() {
        let points = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]];
        let found = edges(&points);
        assert_eq!(found.len(), 4);
        assert!(found.contains(&[0, 3]));
    }

    #[test]
    fn nothing_to_join() {
        assert!(edges(&[]).is_empty());
        assert!(edges(&[[1.0, 1.0]]).is_empty());
        assert_eq!(edges(&[[1.0, 1.0], [1.0, 1.0]]), [[0, 1]]);
    }
}
