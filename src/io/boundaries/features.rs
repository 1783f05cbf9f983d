//! Polygons with the names that they may have, and which of the names are those of cells.
//!
//! A name belongs to a cell if its polygons lie together: they are parts of the cell, or its planes. Programs also write
//! one identifier for all objects, the number of a cell in its field of view, or the class of a cell where its name is
//! looked for. Such a key names no cells, and taking it for a name would make one segment of all polygons of a kind.

use std::collections::HashMap;

use crate::numeric::stats;
use crate::prior::{Polygons, PolygonsBuilder, SegmentLabels};

/// Polygons of one name lie far apart if their centers are so many times the size of a polygon away from their mean.
const FAR: f64 = 3.0;

/// Fewest polygons far apart that tell something: two may be parts of one cell all the same.
const MIN_FAR: usize = 3;

/// A key whose values are no names of cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepeatedName {
    /// The key: a column, a property, or `id`.
    pub key: String,
    /// The value that most polygons have.
    pub value: String,
    /// How many polygons have it.
    pub n_polygons: usize,
    /// The key that is used in its place; `None`: the polygons are numbered.
    pub instead: Option<String>,
}

/// Polygons, each with its names.
#[derive(Debug, Default)]
pub(super) struct Features {
    builder: PolygonsBuilder,
    /// Names of every feature with the place of their key, the best first. `[n_features]`
    names: Vec<Vec<(usize, String)>>,
    /// Lower and upper corner of every feature. `[n_features]`
    boxes: Vec<[[f64; 2]; 2]>,
}

/// What [`Features::finish`] gives.
pub(super) struct Named {
    pub polygons: Polygons,
    pub n_short_rings: usize,
    pub n_unnamed: usize,
    pub repeated: Vec<RepeatedName>,
}

impl Features {
    /// Begins the next feature. What follows belongs to it.
    pub fn begin(&mut self, names: Vec<(usize, String)>) {
        self.names.push(names);
        self.boxes.push([[f64::INFINITY; 2], [f64::NEG_INFINITY; 2]]);
    }

    /// Adds a vertex to the ring at hand.
    pub fn push_vertex(&mut self, vertex: [f64; 2]) {
        if let Some([low, high]) = self.boxes.last_mut() {
            for axis in 0..2 {
                low[axis] = low[axis].min(vertex[axis]);
                high[axis] = high[axis].max(vertex[axis]);
            }
        }
        self.builder.push_vertex(vertex);
    }

    /// Ends the ring.
    pub fn end_ring(&mut self) {
        self.builder.end_ring();
    }

    /// Ends the polygon: its rings are those since the last one.
    pub fn end_part(&mut self) {
        self.builder.end_part(self.names.len().saturating_sub(1) as u32);
    }

    /// All polygons, by the best of their names. `keys`: what the places of keys are called.
    pub fn finish(self, keys: &[String]) -> Named {
        let extents: Vec<f64> = self.boxes.iter().map(diagonal).filter(|extent| extent.is_finite()).collect();
        let typical = if extents.is_empty() { 0.0 } else { stats::median(&mut extents.clone()) };
        let mut repeated = Vec::new();
        let mut is_name = vec![true; keys.len()];
        for key in 0..keys.len() {
            if let Some((value, n_polygons)) = self.most_repeated(key, typical) {
                is_name[key] = false;
                repeated.push(RepeatedName { key: keys[key].clone(), value, n_polygons, instead: None });
            }
        }
        let chosen = |names: &[(usize, String)]| names.iter().find(|(key, _)| is_name[*key]).cloned();
        let mut used = vec![false; keys.len()];
        let mut segment_of_name: HashMap<String, u32> = HashMap::new();
        let mut labels: Vec<String> = Vec::new();
        let mut n_unnamed = 0usize;
        let segment_of: Vec<u32> = self
            .names
            .iter()
            .map(|names| match chosen(names) {
                Some((key, name)) => {
                    used[key] = true;
                    *segment_of_name.entry(name).or_insert_with_key(|name| add_label(&mut labels, name.clone()))
                }
                None => {
                    n_unnamed += 1;
                    add_label(&mut labels, n_unnamed.to_string())
                }
            })
            .collect();
        let instead = used.iter().position(|&used| used).map(|key| keys[key].clone());
        repeated.iter_mut().for_each(|repeated| repeated.instead.clone_from(&instead));
        if !repeated.is_empty() {
            // They have names, which are of no use: what is said of these is enough.
            n_unnamed = self.names.iter().filter(|names| names.is_empty()).count();
        }
        let (polygons, n_short_rings) = self.builder.finish(SegmentLabels::default());
        let polygons = polygons.regrouped(&segment_of, SegmentLabels::Texts(labels));
        Named { polygons, n_short_rings, n_unnamed, repeated }
    }

    /// The value of a key that most features have, with their number, if its values are no names of cells.
    fn most_repeated(&self, key: usize, typical: f64) -> Option<(String, usize)> {
        let named = self.names.iter().enumerate();
        let named = named.filter_map(|(at, names)| Some((names.iter().find(|(of, _)| *of == key)?.1.as_str(), at)));
        let mut named: Vec<(&str, usize)> = named.collect();
        named.sort_unstable();
        let (mut n_repeated, mut n_far, mut n_values) = (0, 0, 0);
        let mut most: Option<(&str, usize)> = None;
        for group in named.chunk_by(|one, other| one.0 == other.0) {
            n_values += 1;
            if group.len() < 2 {
                continue;
            }
            n_repeated += group.len();
            if self.are_far_apart(group, typical) {
                n_far += group.len();
            }
            if most.is_none_or(|(_, n)| group.len() > n) {
                most = Some((group[0].0, group.len()));
            }
        }
        // One value for several polygons that do not touch says nothing, however near they are.
        let says_nothing = n_values == 1 && named.len() > 2 && !self.most_overlap(&named);
        let is_no_name = (n_far >= MIN_FAR && n_far * 2 > n_repeated) || says_nothing;
        most.filter(|_| is_no_name).map(|(value, n)| (value.to_owned(), n))
    }

    fn center(&self, at: usize) -> Option<[f64; 2]> {
        let [low, high] = self.boxes[at];
        (low[0] <= high[0]).then(|| [(low[0] + high[0]) / 2.0, (low[1] + high[1]) / 2.0])
    }

    fn are_far_apart(&self, group: &[(&str, usize)], typical: f64) -> bool {
        let centers: Vec<[f64; 2]> = group.iter().filter_map(|&(_, at)| self.center(at)).collect();
        let n = centers.len().max(1) as f64;
        let mean = centers.iter().fold([0.0; 2], |sum, center| [sum[0] + center[0] / n, sum[1] + center[1] / n]);
        let size = group.iter().map(|&(_, at)| diagonal(&self.boxes[at])).filter(|size| size.is_finite());
        let limit = FAR * size.fold(typical, f64::max);
        centers.iter().any(|center| {
            let [dx, dy] = [center[0] - mean[0], center[1] - mean[1]];
            (dx * dx + dy * dy).sqrt() > limit
        })
    }

    /// Whether the boxes of most features overlap the one before them, as planes of a cell do.
    fn most_overlap(&self, named: &[(&str, usize)]) -> bool {
        let overlap = |pair: &&[(&str, usize)]| {
            let ([low, high], [other_low, other_high]) = (self.boxes[pair[0].1], self.boxes[pair[1].1]);
            (0..2).all(|axis| low[axis] < other_high[axis] && other_low[axis] < high[axis])
        };
        named.windows(2).filter(overlap).count() * 2 >= named.len()
    }
}

fn add_label(labels: &mut Vec<String>, label: String) -> u32 {
    labels.push(label);
    labels.len() as u32 - 1
}

fn diagonal([low, high]: &[[f64; 2]; 2]) -> f64 {
    let [width, height] = [high[0] - low[0], high[1] - low[1]];
    (width * width + height * height).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Squares of one unit at x, with names of the keys 0 and 1.
    fn named(squares: &[(f64, Option<&str>, Option<&str>)]) -> Named {
        let mut features = Features::default();
        for &(x, first, second) in squares {
            let names = [(0, first), (1, second)];
            features.begin(names.into_iter().filter_map(|(key, name)| Some((key, name?.to_owned()))).collect());
            for vertex in [[x, 0.0], [x + 1.0, 0.0], [x + 1.0, 1.0], [x, 1.0]] {
                features.push_vertex(vertex);
            }
            features.end_ring();
            features.end_part();
        }
        features.finish(&["id".to_owned(), "name".to_owned()])
    }

    fn labels(named: &Named) -> Vec<String> {
        (0..named.polygons.n_segments()).map(|at| named.polygons.labels.text(at).into_owned()).collect()
    }

    #[test]
    fn a_value_that_polygons_far_apart_share_is_no_name() {
        let squares = [(0.0, Some("cell"), None), (50.0, Some("cell"), None), (100.0, Some("cell"), None)];
        let all = named(&squares);
        assert_eq!(labels(&all), ["1", "2", "3"]);
        let expected = RepeatedName { key: "id".into(), value: "cell".into(), n_polygons: 3, instead: None };
        assert_eq!((all.repeated, all.n_unnamed), (vec![expected], 0));
        let squares = squares.map(|(x, id, _)| (x, id, Some(if x < 60.0 { "left" } else { "right" })));
        let squares = [squares[0], (1.0, Some("cell"), Some("left")), squares[2], (200.0, None, None)];
        let by_other = named(&squares);
        assert_eq!(labels(&by_other), ["left", "right", "1"]);
        assert_eq!(by_other.repeated[0].instead.as_deref(), Some("name"));
    }

    #[test]
    fn parts_and_planes_of_a_cell_have_its_name() {
        let all = named(&[(0.0, Some("a"), None), (1.5, Some("a"), None), (30.0, Some("b"), None)]);
        assert_eq!((labels(&all), all.repeated.len()), (vec!["a".to_owned(), "b".to_owned()], 0));
        let planes = named(&[(0.0, Some("a"), None), (0.1, Some("a"), None), (0.2, Some("a"), None)]);
        assert_eq!((labels(&planes), planes.repeated.len()), (vec!["a".to_owned()], 0));
        let near = named(&[(0.0, Some("a"), None), (1.5, Some("a"), None), (3.0, Some("a"), None)]);
        assert_eq!((labels(&near).len(), near.repeated.len()), (3, 1), "one name for all says nothing");
    }
}
