//! What an image of whole numbers shows: labels, a mask, classes or a stain.

use super::tally::Tally;

/// Runs per row of the bounding box that a compact shape has: fewer leave rows without it, more are separate places.
const RUNS_OF_COMPACT: [f64; 2] = [0.9, 2.5];
/// A label of few pixels may have rows without it (a spot of noise), if it fills this share of its box.
const FILL_OF_SMALL: f64 = 0.25;
/// Share of the labelled area in compact labels that makes a label image.
const COMPACT_SHARE: f64 = 0.5;
/// The same without the most frequent value, if that one is thought to be background.
const COMPACT_SHARE_WITHOUT_BACKGROUND: f64 = 0.7;
/// In images where fewer neighbors than this share are equal, pixels and not areas have values.
const LEAST_EQUAL_SHARE: f64 = 0.4;
/// Fewer pairs of neighbors tell nothing.
const LEAST_ADJACENT: u64 = 100;
/// Classes are few and their areas are uniform.
const MOST_CLASSES: usize = 16;
const EQUAL_SHARE_OF_CLASSES: f64 = 0.8;

/// What an image shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Zeros only.
    Empty,
    /// One value other than 0: a binary mask. Its connected parts are the segments.
    Mask,
    /// A value per cell or nucleus.
    Labels,
    /// A value per cell or nucleus; the value that covers most of the image seems to be the background instead of 0.
    LabelsOnBackground(u32),
    /// Few values, each in many separate places: classes of pixels, such as nucleus and cytoplasm.
    Classes,
    /// Values that differ from pixel to pixel: a gray image.
    Stain,
}

/// What the judgement rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ContentStatistics {
    /// Distinct values other than 0.
    pub n_values: usize,
    /// Pixels that are not 0, on all pages.
    pub n_foreground: u64,
    /// Share of equal ones among horizontally adjacent pixels that are both not 0; 1 without such pairs.
    pub equal_share: f64,
    /// Share of those pixels in values that form one compact area each.
    pub compact_share: f64,
}

/// Judges an image by the tallies of its values and the number of adjacent pixels that are both not 0.
///
/// METHOD: a cell is one area: its rows have one stretch of its label each, rarely two, and none is missing. A gray
/// value or a class is found all over the image: rows have many stretches of it or, if it is rare, most have none.
/// Values are weighed by area, so that specks of noise and single pixels decide nothing.
pub(super) fn judge(
    tallies: &[(u32, Tally)],
    n_adjacent: u64,
    overflow: bool,
    n_pixels: u64,
) -> (Content, ContentStatistics) {
    let n_foreground: u64 = tallies.iter().map(|(_, tally)| tally.n_pixels).sum();
    let n_equal: u64 = tallies.iter().map(|(_, tally)| tally.n_pixels - tally.n_runs.min(tally.n_pixels)).sum();
    let area = |keep: &dyn Fn(&Tally) -> bool| -> u64 {
        tallies.iter().map(|(_, tally)| if keep(tally) { tally.n_pixels } else { 0 }).sum()
    };
    let compact = area(&is_compact);
    let share = |part: u64, whole: u64| if whole == 0 { 1.0 } else { part as f64 / whole as f64 };
    let statistics = ContentStatistics {
        n_values: tallies.len(),
        n_foreground,
        equal_share: share(n_equal, n_adjacent).min(1.0),
        compact_share: share(compact, n_foreground),
    };
    let content = match tallies {
        [] => Content::Empty,
        [_] if !overflow => Content::Mask,
        _ if overflow => Content::Stain,
        _ if n_adjacent >= LEAST_ADJACENT && statistics.equal_share < LEAST_EQUAL_SHARE => Content::Stain,
        _ if statistics.compact_share >= COMPACT_SHARE => Content::Labels,
        _ => match background(tallies, compact, n_foreground, n_pixels) {
            Some(value) => Content::LabelsOnBackground(value),
            None if tallies.len() <= MOST_CLASSES && statistics.equal_share >= EQUAL_SHARE_OF_CLASSES => {
                Content::Classes
            }
            None => Content::Stain,
        },
    };
    (content, statistics)
}

/// Whether the pixels of a value seem to be one area.
fn is_compact(tally: &Tally) -> bool {
    let n_rows = tally.extent(1) * tally.extent(2);
    let runs_per_row = tally.n_runs as f64 / n_rows as f64;
    let fill = tally.n_pixels as f64 / (tally.extent(0) * n_rows) as f64;
    runs_per_row <= RUNS_OF_COMPACT[1] && (runs_per_row >= RUNS_OF_COMPACT[0] || fill >= FILL_OF_SMALL)
}

/// The value of a background other than 0: the most frequent one, if it covers more than all others together, the
/// others are compact, and hardly any pixel is 0.
fn background(tallies: &[(u32, Tally)], compact: u64, n_foreground: u64, n_pixels: u64) -> Option<u32> {
    let (value, most) = tallies.iter().max_by_key(|(value, tally)| (tally.n_pixels, std::cmp::Reverse(*value)))?;
    let rest = n_foreground - most.n_pixels;
    let others_are_compact = compact as f64 >= COMPACT_SHARE_WITHOUT_BACKGROUND * rest as f64;
    let fills_the_image = n_foreground as f64 >= 0.99 * n_pixels as f64;
    (tallies.len() > 2 && most.n_pixels > rest && others_are_compact && fills_the_image).then_some(*value)
}
