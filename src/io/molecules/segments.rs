//! A prior segmentation that is a column of the molecule table.

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;

use polars::prelude::{DataType, PolarsError, PolarsResult, Series};

use super::unassigned::Unassigned;
use super::{Note, OnlyWhere, PriorColumn, byte_strings, fields};
use crate::data::SegmentIdx;

/// Segments as a column gives them, before small ones are dropped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnSegments {
    /// Segment of every molecule; segments are numbered in the order of their values. `[n_molecules]`
    pub segment_of: Vec<Option<SegmentIdx>>,
    /// Number of segments.
    pub n_segments: usize,
    /// Values of the segments. `[n_segments]`
    pub labels: Vec<String>,
    /// The value with the most molecules, for messages.
    pub most_frequent: Option<String>,
}

impl ColumnSegments {
    /// The segments but some, numbered anew in the same order.
    pub(super) fn without(self, is_removed: impl Fn(usize) -> bool) -> Self {
        if !(0..self.n_segments).any(&is_removed) {
            return self;
        }
        let keys = self.segment_of.iter().map(|segment| Some(segment.as_ref()?.idx()).filter(|&idx| !is_removed(idx)));
        number_keys(keys, |segment| self.labels[segment].clone())
    }
}

/// The columns that a prior segmentation is made of.
pub(super) struct PriorSeries<'a> {
    /// Where the label is unique, outermost first, and last the label itself.
    pub labels: Vec<&'a Series>,
    /// What [`PriorColumn::only`] is compared with.
    pub only: Option<&'a Series>,
    /// A column with the field of view, in which the label may be unique only, and its name.
    pub field: Option<(&'a Series, &'a str)>,
}

/// Why there are no segments.
#[derive(Debug)]
pub(super) enum SegmentsFault {
    /// A column of a type that has no values to compare.
    Values(PolarsError),
    /// No molecule in a segment has the value that [`PriorColumn::only`] asks for. What the column has instead.
    NoneLeft(String),
}

impl From<PolarsError> for SegmentsFault {
    fn from(error: PolarsError) -> Self {
        Self::Values(error)
    }
}

/// Numbers the values of a column, all but the unassigned label and missing ones.
///
/// Numbers are ordered by size, text by its bytes. Source: spec 02 §2.5.1, steps 1 to 3. DIFFERS: missing values and
/// empty text are unassigned (0.7.1 fails), and unless the user named a label, so are negative numbers and the usual
/// words for nothing ([`Unassigned`]). With several columns their combinations are numbered, and labelled with `_`
/// between the values. DIFFERS: a label that starts anew in each field of view is completed by the field
/// ([`fields::judged`]).
pub(super) fn segments_of(
    columns: &PriorSeries<'_>,
    prior: &PriorColumn,
    positions: [&[f64]; 2],
    notes: &mut Vec<Note>,
) -> Result<ColumnSegments, SegmentsFault> {
    let Some((label, outer)) = columns.labels.split_last() else { return Ok(ColumnSegments::default()) };
    let is_number = label.dtype().is_primitive_numeric() || label.dtype() == &DataType::Boolean;
    let unassigned = Unassigned::new(prior);
    let mut segments = unassigned.removed_from(numbered(label)?, is_number, &prior.name, notes);
    for column in outer.iter().rev() {
        // Every value of these counts.
        segments = combined(&numbered(column)?, &segments);
    }
    if let (Some((field, name)), []) = (columns.field, outer) {
        let whole = combined(&numbered(field)?, &segments);
        if let Some(text) = fields::judged(&segments, &whole, positions, [&prior.name, name]) {
            notes.push(Note::Warning(text));
            segments = whole;
        }
    }
    if let (Some(only), Some(column)) = (&prior.only, columns.only) {
        segments = restricted(segments, only, column, notes)?;
    }
    describe(&segments, &prior.name, notes);
    Ok(segments)
}

/// Segments of pairs of values; a molecule without one of the two has none.
fn combined(outer: &ColumnSegments, inner: &ColumnSegments) -> ColumnSegments {
    let pairs = outer.segment_of.iter().zip(&inner.segment_of);
    let keys = pairs.map(|(outer, inner)| Some((outer.as_ref()?.idx() as u32, inner.as_ref()?.idx() as u32)));
    number_keys(keys, |(at, of)| format!("{}_{}", outer.labels[at as usize], inner.labels[of as usize]))
}

/// The segments without the molecules that have another value in a column.
fn restricted(
    segments: ColumnSegments,
    only: &OnlyWhere,
    column: &Series,
    notes: &mut Vec<Note>,
) -> Result<ColumnSegments, SegmentsFault> {
    let values = column.cast(&DataType::String)?;
    let values = values.str()?;
    let wanted = Comparable::of(&only.value);
    // The column has few values: each is judged once.
    let mut judged: HashMap<&str, bool> = HashMap::new();
    let mut is_wanted = Vec::with_capacity(values.len());
    for value in values.iter() {
        is_wanted.push(match value {
            Some(value) => *judged.entry(value).or_insert_with(|| Comparable::of(value) == wanted),
            None => false,
        });
    }
    let n_wanted = is_wanted.iter().filter(|&&is_wanted| is_wanted).count();
    let OnlyWhere { column: name, value } = only;
    notes.push(Note::Info(format!("The prior counts for {n_wanted} molecules, those with {name} = {value}")));
    let keys = segments.segment_of.iter().zip(&is_wanted);
    let keys = keys.map(|(segment, &is_wanted)| segment.as_ref().filter(|_| is_wanted).map(|segment| segment.idx()));
    let left = number_keys(keys, |segment| segments.labels[segment].clone());
    if left.n_segments > 0 || segments.n_segments == 0 {
        return Ok(left);
    }
    let mut others: Vec<&str> = values.iter().flatten().take(100_000).collect();
    others.sort_unstable();
    others.dedup();
    Err(SegmentsFault::NoneLeft(match n_wanted {
        0 => format!("no molecule has it; the column has '{}'", others[..others.len().min(8)].join("', '")),
        n => format!("{n} molecules have it, none of them in a segment"),
    }))
}

/// A value for comparison: truth values and numbers by what they mean, all else as it is written.
#[derive(Debug, PartialEq)]
enum Comparable<'a> {
    Number(f64),
    Text(&'a str),
}

impl<'a> Comparable<'a> {
    fn of(text: &'a str) -> Self {
        let text = byte_strings::inner(text.trim()).unwrap_or(text.trim());
        match text.parse::<f64>() {
            _ if text.eq_ignore_ascii_case("true") => Self::Number(1.0),
            _ if text.eq_ignore_ascii_case("false") => Self::Number(0.0),
            Ok(number) if number.is_finite() => Self::Number(number),
            _ => Self::Text(text),
        }
    }
}

/// Numbers the values of one column.
fn numbered(column: &Series) -> PolarsResult<ColumnSegments> {
    let dtype = column.dtype();
    Ok(if dtype.is_float() {
        let values = column.cast(&DataType::Float64)?;
        let key = |value: f64| (!value.is_nan()).then(|| Ordered::new(value));
        number_values(values.f64()?.iter().map(|value| value.and_then(key)))
    } else if dtype.is_unsigned_integer() || dtype == &DataType::Boolean {
        number_values(column.cast(&DataType::UInt64)?.u64()?.iter())
    } else if dtype.is_integer() {
        number_values(column.cast(&DataType::Int64)?.i64()?.iter())
    } else {
        let values = column.cast(&DataType::String)?;
        let unmarked = values.str()?.iter().map(|value| value.map(|value| byte_strings::inner(value).unwrap_or(value)));
        number_values(unmarked.map(|value| value.filter(|value| !value.is_empty())))
    })
}

/// Gives every distinct key its rank among the sorted keys; labels are the keys as text.
fn number_values<K: Copy + Eq + Hash + Ord + Display>(keys: impl Iterator<Item = Option<K>>) -> ColumnSegments {
    number_keys(keys, |key| key.to_string())
}

/// Gives every distinct key its rank among the sorted keys.
fn number_keys<K: Copy + Eq + Hash + Ord>(
    keys: impl Iterator<Item = Option<K>>,
    label: impl Fn(K) -> String,
) -> ColumnSegments {
    let mut code_of: HashMap<K, u32> = HashMap::new();
    let mut distinct: Vec<(K, u64)> = Vec::new();
    let mut segment_of: Vec<Option<SegmentIdx>> = keys
        .map(|key| {
            let key = key?;
            let code = *code_of.entry(key).or_insert_with(|| {
                distinct.push((key, 0));
                distinct.len() as u32 - 1
            });
            distinct[code as usize].1 += 1;
            Some(SegmentIdx::new(code as usize))
        })
        .collect();
    let mut order: Vec<u32> = (0..distinct.len() as u32).collect();
    order.sort_unstable_by_key(|&code| distinct[code as usize].0);
    let mut rank = vec![SegmentIdx::new(0); order.len()];
    for (at, &code) in order.iter().enumerate() {
        rank[code as usize] = SegmentIdx::new(at);
    }
    for segment in segment_of.iter_mut().flatten() {
        *segment = rank[segment.idx()];
    }
    let most = distinct.iter().max_by_key(|(key, count)| (*count, std::cmp::Reverse(*key)));
    let most_frequent = most.map(|&(key, _)| label(key));
    let labels = order.iter().map(|&code| label(distinct[code as usize].0)).collect();
    ColumnSegments { segment_of, n_segments: distinct.len(), labels, most_frequent }
}

fn describe(segments: &ColumnSegments, name: &str, notes: &mut Vec<Note>) {
    let n_assigned = segments.segment_of.iter().flatten().count();
    let (n_molecules, n_segments) = (segments.segment_of.len(), segments.n_segments);
    notes.push(Note::Info(format!(
        "The prior column '{name}' has {n_segments} segments with {n_assigned} of {n_molecules} molecules"
    )));
    if let (true, Some(most)) = (n_assigned == n_molecules, &segments.most_frequent) {
        notes.push(Note::Warning(format!(
            "No molecule is unassigned in the prior column '{name}'; its most frequent value is '{most}'. \
             Is --unassigned-prior-label right?"
        )));
    }
}

/// A floating point number with a total order; both zeros are one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Ordered(u64);

impl Ordered {
    fn new(value: f64) -> Self {
        Self((value + 0.0).to_bits())
    }

    fn value(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.value().total_cmp(&other.value())
    }
}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Display for Ordered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.value())
    }
}

#[cfg(test)]
mod tests;
