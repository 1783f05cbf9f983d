//! Labels that start anew in each field of view, as the numbers of cells of CosMx do.

use super::segments::ColumnSegments;

/// What the column with the field of view is called, in small letters.
const NAMES: [&str; 4] = ["fov", "fov_name", "fov_id", "field_of_view"];
/// Molecules of a label in several fields are far apart if they spread so many times as wide as in one field.
///
/// METHOD: a cell that lies across the border of two fields spreads about twice as wide as its parts.
const FAR: f64 = 4.0;
/// Fewest molecules of a part whose spread tells something.
const MIN_MOLECULES: u32 = 3;

/// Whether a column has this name.
pub(super) fn is_field(name: &str) -> bool {
    NAMES.contains(&name.trim().to_lowercase().as_str())
}

/// Judges whether labels are unique in a field of view only. The words that say so, or `None` if they are not.
///
/// `labels`: the segments of the labels alone; `pairs`: those of field and label; both of the same molecules. They are
/// told by their places: most of the labels that occur in several fields have molecules far apart. The names are those of
/// the label and of the field.
pub(super) fn judged(
    labels: &ColumnSegments,
    pairs: &ColumnSegments,
    positions: [&[f64]; 2],
    [name, field]: [&str; 2],
) -> Option<String> {
    let (whole, parts) = (Spread::of(labels, positions), Spread::of(pairs, positions));
    // Widest part of every label, and how many parts it has.
    let mut widest = vec![(0.0f64, 0u32); labels.n_segments];
    let mut seen = vec![false; pairs.n_segments];
    for (label, pair) in labels.segment_of.iter().zip(&pairs.segment_of) {
        let (Some(label), Some(pair)) = (label, pair) else { continue };
        let pair = pair.idx();
        if !std::mem::replace(&mut seen[pair], true) && parts.n[pair] >= MIN_MOLECULES {
            let (width, n) = &mut widest[label.idx()];
            *width = width.max(parts.radius(pair));
            *n += 1;
        }
    }
    let in_several: Vec<usize> = (0..labels.n_segments).filter(|&label| widest[label].1 > 1).collect();
    let is_far = |&&label: &&usize| whole.radius(label) > FAR * widest[label].0;
    let far: Vec<usize> = in_several.iter().filter(is_far).copied().collect();
    if far.is_empty() || far.len() * 2 <= in_several.len() {
        return None;
    }
    let shown: Vec<&str> = far.iter().take(3).map(|&label| labels.labels[label].as_str()).collect();
    Some(format!(
        "The labels of the prior column '{name}' start anew in each field of view: {} of {} have molecules in far-apart \
         places ('{}', …). A segment is a combination of '{field}' and '{name}' therefore, as if :{field},{name} were given",
        far.len(),
        labels.n_segments,
        shown.join("', '")
    ))
}

/// Moments of the positions of segments.
struct Spread {
    n: Vec<u32>,
    mean: Vec<[f64; 2]>,
    /// Sum of squared distances from the mean.
    squares: Vec<f64>,
}

impl Spread {
    fn of(segments: &ColumnSegments, [x, y]: [&[f64]; 2]) -> Self {
        let n = segments.n_segments;
        let mut spread = Self { n: vec![0; n], mean: vec![[0.0; 2]; n], squares: vec![0.0; n] };
        // Mean and squares are followed molecule by molecule, so that coordinates far from 0 lose no digits.
        for (molecule, segment) in segments.segment_of.iter().enumerate() {
            let Some(at) = segment.as_ref().map(|segment| segment.idx()) else { continue };
            spread.n[at] += 1;
            for (axis, value) in [x[molecule], y[molecule]].into_iter().enumerate() {
                let mean = &mut spread.mean[at][axis];
                let before = value - *mean;
                *mean += before / f64::from(spread.n[at]);
                spread.squares[at] += before * (value - *mean);
            }
        }
        spread
    }

    /// Root of the mean squared distance from the mean.
    fn radius(&self, at: usize) -> f64 {
        (self.squares[at] / f64::from(self.n[at].max(1))).sqrt()
    }
}
