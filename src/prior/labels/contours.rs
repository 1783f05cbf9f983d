//! Outlines of labels, from an image that passes by row by row.
//!
//! Of every label the stretches of its rows are kept. Where they begin and end are vertical sides of its outline, and
//! sides of adjacent rows are joined along the border between the rows.

use crate::data::{PixelFrame, Ring};
use crate::spatial::simplify::simplify_ring;

/// Stretches that are kept, at most. With more, every second row and column is left out.
const MAX_RUNS: usize = 1 << 22;
/// How far corners of pixels may lie from an outline, in pixels: more than those of a staircase do…
const ERROR: f64 = 0.8;
/// …and as a share of the side of a square of the same area, for parts of few pixels.
const RELATIVE_ERROR: f64 = 0.2;

/// An outline of a label.
#[derive(Clone, Debug, PartialEq)]
pub struct Contour {
    /// The label.
    pub label: u32,
    /// A closed ring, counter-clockwise if y runs upwards, in units of the coordinates.
    pub ring: Ring,
}

/// A stretch of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stretch {
    label: u32,
    row: u32,
    first: u32,
    end: u32,
}

/// Collects the stretches of labels. In a stack, a label is where it is on any page.
#[derive(Debug)]
pub(super) struct Contours {
    /// Every such row and column is looked at.
    step: u32,
    stretches: Vec<Stretch>,
    /// How many stretches make it worth to join them.
    full: usize,
    max_runs: usize,
}

impl Default for Contours {
    fn default() -> Self {
        Self::with_room(MAX_RUNS)
    }
}

impl Contours {
    fn with_room(max_runs: usize) -> Self {
        Self { step: 1, stretches: Vec::new(), full: max_runs, max_runs }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::with_room(self.max_runs);
    }

    /// Adds the columns `first..end` of a row.
    pub fn add(&mut self, label: u32, row: u32, first: u32, end: u32) {
        let step = self.step;
        if row % step != step / 2 {
            return;
        }
        // Column c is looked at if c % step = step / 2: so many such columns are before a place.
        let before = |place: u32| (place + step - 1 - step / 2) / step;
        let (first, end) = (before(first), before(end));
        if first >= end {
            return;
        }
        self.stretches.push(Stretch { label, row: row / step, first, end });
        if self.stretches.len() >= self.full {
            self.join();
            while self.stretches.len() > self.max_runs / 2 {
                self.coarsen();
            }
        }
    }

    /// Gives all labels other names; several may get the same one.
    pub fn rename(&mut self, name_of: impl Fn(u32) -> u32) {
        self.stretches.iter_mut().for_each(|stretch| stretch.label = name_of(stretch.label));
    }

    /// Sorts the stretches and makes one of those that touch or overlap.
    fn join(&mut self) {
        self.stretches.sort_unstable();
        self.stretches.dedup_by(|next, before| {
            let touches = (next.label, next.row) == (before.label, before.row) && next.first <= before.end;
            if touches {
                before.end = before.end.max(next.end);
            }
            touches
        });
    }

    /// Leaves out every second row and column.
    fn coarsen(&mut self) {
        self.step *= 2;
        self.stretches.retain_mut(|stretch| {
            let keep = stretch.row % 2 == 1;
            stretch.row /= 2;
            stretch.first /= 2;
            stretch.end /= 2;
            keep && stretch.first < stretch.end
        });
    }

    /// The outlines of all labels, in order of the labels: a ring for every part of a label. Holes are left out.
    ///
    /// Parts touch along sides of pixels, not at corners only. Staircases of pixels become straight lines.
    pub fn trace(mut self, frame: &PixelFrame) -> Vec<Contour> {
        self.join();
        let step = f64::from(self.step);
        let mut contours = Vec::new();
        for stretches in self.stretches.chunk_by(|a, b| a.label == b.label) {
            for corners in outer_rings(stretches) {
                let error = ERROR.min(RELATIVE_ERROR * signed_area(&corners).sqrt());
                let mut ring: Ring = simplify_ring(&corners, error)
                    .into_iter()
                    .map(|[x, y]| frame.center(x * step - 0.5, y * step - 0.5))
                    .collect();
                ring.push(ring[0]);
                contours.push(Contour { label: stretches[0].label, ring });
            }
        }
        contours
    }
}

/// Where a vertical side goes on at its lower and its upper end: the number of a side.
#[derive(Clone, Copy, Default)]
struct Links {
    below: usize,
    above: usize,
}

/// The outer rings of one label, whose stretches are sorted and do not touch: corners of pixels.
///
/// Sides are numbered: 2 i is where stretch i begins, 2 i + 1 where it ends.
fn outer_rings(stretches: &[Stretch]) -> Vec<Vec<[f64; 2]>> {
    let mut links = vec![Links::default(); 2 * stretches.len()];
    let rows: Vec<&[Stretch]> = stretches.chunk_by(|a, b| a.row == b.row).collect();
    let (mut above, mut first) = (0..0, 0);
    for (at, row) in rows.iter().enumerate() {
        let here = first..first + row.len();
        let is_next = at > 0 && rows[at - 1][0].row + 1 == row[0].row;
        if !is_next {
            join_rows(stretches, above, 0..0, &mut links);
            above = 0..0;
        }
        join_rows(stretches, above, here.clone(), &mut links);
        first = here.end;
        above = here;
    }
    join_rows(stretches, above, 0..0, &mut links);
    let mut rings = Vec::new();
    let mut seen = vec![false; links.len()];
    for start in (0..links.len()).step_by(2) {
        if seen[start] {
            continue;
        }
        let (mut ring, mut side) = (Vec::new(), start);
        // Down where stretches begin, up where they end: the label is always on the same hand.
        while !seen[side] {
            seen[side] = true;
            let stretch = stretches[side / 2];
            let (top, bottom) = (f64::from(stretch.row), f64::from(stretch.row) + 1.0);
            if side % 2 == 0 {
                let x = f64::from(stretch.first);
                ring.extend([[x, top], [x, bottom]]);
                side = links[side].below;
            } else {
                let x = f64::from(stretch.end);
                ring.extend([[x, bottom], [x, top]]);
                side = links[side].above;
            }
        }
        if signed_area(&ring) < 0.0 {
            ring.reverse();
            ring.dedup();
            rings.push(ring);
        }
    }
    rings
}

/// Joins the sides of two rows along the border between them; an empty range is a row without the label.
fn join_rows(stretches: &[Stretch], above: std::ops::Range<usize>, below: std::ops::Range<usize>, links: &mut [Links]) {
    let ends = |range: std::ops::Range<usize>, is_above: bool| {
        range.flat_map(move |at| {
            [(stretches[at].first, 1, 2 * at, is_above), (stretches[at].end, 0, 2 * at + 1, is_above)]
        })
    };
    // At one place an end comes before a beginning, so that parts that touch at a corner stay apart.
    let mut sides: Vec<(u32, u8, usize, bool)> = ends(above, true).chain(ends(below, false)).collect();
    sides.sort_unstable_by_key(|&(x, kind, _, is_above)| (x, kind, is_above));
    let mut connect = |(_, _, a, a_is_above): (u32, u8, usize, bool), (_, _, b, b_is_above): (u32, u8, usize, bool)| {
        let mut set = |from: usize, is_above: bool, to: usize| {
            if is_above { links[from].below = to } else { links[from].above = to }
        };
        set(a, a_is_above, b);
        set(b, b_is_above, a);
    };
    let mut waiting: Option<(u32, u8, usize, bool)> = None;
    let mut at = 0;
    while at < sides.len() {
        let side = sides[at];
        if let Some(&next) = sides.get(at + 1).filter(|next| (next.0, next.1) == (side.0, side.1)) {
            // The outline goes straight on.
            connect(side, next);
            at += 2;
            continue;
        }
        match waiting.take() {
            Some(before) => connect(before, side),
            None => waiting = Some(side),
        }
        at += 1;
    }
}

fn signed_area(ring: &[[f64; 2]]) -> f64 {
    let next = |at: usize| ring[(at + 1) % ring.len()];
    (0..ring.len()).map(|at| ring[at][0] * next(at)[1] - next(at)[0] * ring[at][1]).sum::<f64>() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outlines of a picture whose letters are labels, in pixels.
    fn outlines(rows: &[&str], contours: &mut Contours) -> Vec<(u32, Vec<[f64; 2]>)> {
        for (row, text) in rows.iter().enumerate() {
            for (column, letter) in text.bytes().enumerate().filter(|&(_, letter)| letter != b'.') {
                contours.add(u32::from(letter), row as u32, column as u32, column as u32 + 1);
            }
        }
        let found = std::mem::take(contours).trace(&PixelFrame::new([1.0; 2], [0.0; 2]));
        found.into_iter().map(|contour| (contour.label, contour.ring)).collect()
    }

    fn area(ring: &[[f64; 2]]) -> f64 {
        signed_area(&ring[..ring.len() - 1])
    }

    #[test]
    fn a_rectangle_has_four_corners() {
        let found = outlines(&["....", ".aa.", ".aa.", ".aa."], &mut Contours::default());
        let [(label, ring)] = &found[..] else { panic!("{found:?}") };
        assert_eq!((*label, ring.len(), area(ring)), (u32::from(b'a'), 5, 6.0));
        assert!([[1.0, 1.0], [3.0, 1.0], [3.0, 4.0], [1.0, 4.0]].iter().all(|corner| ring.contains(corner)));
    }

    #[test]
    fn parts_that_touch_at_a_corner_are_two_and_holes_are_not_told() {
        let found = outlines(&["aa...", "aa...", "..aa.", "..aa."], &mut Contours::default());
        assert_eq!(found.iter().map(|(_, ring)| area(ring)).collect::<Vec<_>>(), [4.0, 4.0]);
        let found = outlines(&["..aa.", "..aa.", "aa...", "aa..."], &mut Contours::default());
        assert_eq!(found.iter().map(|(_, ring)| area(ring)).collect::<Vec<_>>(), [4.0, 4.0]);
        let found = outlines(&["aaaa", "a..a", "a.ba", "aaaa"], &mut Contours::default());
        assert_eq!(found.iter().map(|(_, ring)| area(ring)).collect::<Vec<_>>(), [16.0, 1.0]);
    }

    #[test]
    fn separate_rows_of_one_label_are_separate_rings() {
        let found = outlines(&["a.a", "a.a", "...", "aaa"], &mut Contours::default());
        assert_eq!(found.iter().map(|(_, ring)| area(ring)).collect::<Vec<_>>(), [2.0, 2.0, 3.0]);
    }

    #[test]
    fn a_staircase_becomes_a_line() {
        let rows: Vec<String> = (0..20).map(|row| "a".repeat(row + 1)).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let found = outlines(&rows, &mut Contours::default());
        assert!(found[0].1.len() <= 6, "{:?}", found[0].1);
        assert!((area(&found[0].1) - 210.0).abs() < 15.0);
    }

    #[test]
    fn with_little_room_outlines_are_coarser_and_in_the_same_place() {
        let rows = vec!["..".to_owned() + &"a".repeat(40) + ".." + &"b".repeat(30); 40];
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let mut contours = Contours::with_room(64);
        let found = outlines(&rows, &mut contours);
        assert_eq!(found.len(), 2);
        assert!((area(&found[0].1) - 1600.0).abs() < 200.0 && (area(&found[1].1) - 1200.0).abs() < 200.0, "{found:?}");
        assert!(found[0].1.iter().all(|[x, y]| (-2.0..=46.0).contains(x) && (-2.0..=44.0).contains(y)));
    }
}
