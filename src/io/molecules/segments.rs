//! A prior segmentation that is a column of the molecule table.

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;

use polars::prelude::{DataType, PolarsResult, Series};

use super::{Note, OnlyWhere, PriorColumn};
use crate::data::SegmentIdx;

/// Label that means "no cell" in Xenium's tables.
const XENIUM_UNASSIGNED: &str = "UNASSIGNED";

/// Label that is assumed when none is given.
const DEFAULT_LABEL: &str = "0";

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

/// The columns that a prior segmentation is made of.
pub(super) struct PriorSeries<'a> {
    /// Where the label is unique, outermost first, and last the label itself.
    pub labels: Vec<&'a Series>,
    /// What [`PriorColumn::only`] is compared with.
    pub only: Option<&'a Series>,
}

/// Numbers the values of a column, all but the unassigned label and missing ones.
///
/// Numbers are ordered by size, text by its bytes. A label that is not of the column's type matches nothing. Source:
/// spec 02 §2.5.1, steps 1 to 3. DIFFERS: missing values and empty text are unassigned (0.7.1 fails), and so is
/// `UNASSIGNED` while the label is the default `0`, because users of Xenium data forget the option; -1 is unassigned in
/// columns of integers if the label is `UNASSIGNED`, as in first-generation files of Xenium. With several columns their
/// combinations are numbered, and labelled with `_` between the values.
pub(super) fn segments_of(
    columns: &PriorSeries<'_>,
    prior: &PriorColumn,
    notes: &mut Vec<Note>,
) -> PolarsResult<ColumnSegments> {
    let Some((label, outer)) = columns.labels.split_last() else { return Ok(ColumnSegments::default()) };
    let mut segments = numbered(label, prior, notes)?;
    for column in outer.iter().rev() {
        // Every value of these counts, so that what is said about labels does not concern them.
        let whole = numbered(column, &PriorColumn::default(), &mut Vec::new())?;
        segments = combined(&whole, &segments);
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
) -> PolarsResult<ColumnSegments> {
    let values = column.cast(&DataType::String)?;
    let values = values.str()?;
    let is_wanted = |value: Option<&str>| value == Some(only.value.as_str());
    let n_wanted = values.iter().filter(|&value| is_wanted(value)).count();
    let OnlyWhere { column: name, value } = only;
    if n_wanted == 0 {
        let mut others: Vec<&str> = values.iter().flatten().take(100_000).collect();
        others.sort_unstable();
        others.dedup();
        let shown = others[..others.len().min(8)].join("', '");
        notes.push(Note::Warning(format!(
            "No molecule has '{value}' in the column '{name}' (prior.where); it has '{shown}'. The prior is empty"
        )));
    } else {
        notes.push(Note::Info(format!("The prior counts for {n_wanted} molecules, those with {name} = {value}")));
    }
    let keys = segments.segment_of.iter().zip(values.iter());
    let keys = keys.map(|(segment, value)| segment.as_ref().filter(|_| is_wanted(value)).map(|segment| segment.idx()));
    Ok(number_keys(keys, |segment| segments.labels[segment].clone()))
}

/// Numbers the values of one column.
fn numbered(column: &Series, prior: &PriorColumn, notes: &mut Vec<Note>) -> PolarsResult<ColumnSegments> {
    let label = prior.unassigned_label.as_str();
    let name = &prior.name;
    let dtype = column.dtype();
    let segments = if dtype.is_float() {
        let wanted = numeric_label(label.trim().parse::<f64>().ok(), name, label, notes);
        let values = column.cast(&DataType::Float64)?;
        let values = values.f64()?;
        warn_of_negatives(values.iter().flatten().filter(|value| *value < 0.0).count(), wanted, name, notes);
        let key = |value: f64| (!value.is_nan() && Some(value) != wanted).then(|| Ordered::new(value));
        number_values(values.iter().map(|value| value.and_then(key)))
    } else if dtype.is_unsigned_integer() || dtype == &DataType::Boolean {
        let wanted = numeric_label(integer_label(label), name, label, notes);
        let values = column.cast(&DataType::UInt64)?;
        let keys = values.u64()?.iter().map(|value| value.filter(|value| Some(i128::from(*value)) != wanted));
        number_values(keys)
    } else if dtype.is_integer() {
        let values = column.cast(&DataType::Int64)?;
        let values = values.i64()?;
        let is_first_generation = label == XENIUM_UNASSIGNED && values.iter().flatten().any(|value| value == -1);
        let wanted = match is_first_generation {
            true => {
                notes.push(Note::Info(format!("The prior column '{name}' has numbers of cells, -1 = {label}")));
                Some(-1)
            }
            false => numeric_label(integer_label(label), name, label, notes),
        };
        let n_negative = values.iter().flatten().filter(|value| *value < 0).count();
        warn_of_negatives(n_negative, wanted.map(|label| label as f64), name, notes);
        number_values(values.iter().map(|value| value.filter(|value| Some(i128::from(*value)) != wanted)))
    } else {
        text_segments(column, label, name, notes)?
    };
    Ok(segments)
}

fn text_segments(column: &Series, label: &str, name: &str, notes: &mut Vec<Note>) -> PolarsResult<ColumnSegments> {
    let values = column.cast(&DataType::String)?;
    let values = values.str()?;
    let mut n_forgotten = 0u64;
    let keys = values.iter().map(|value| {
        let forgotten = label == DEFAULT_LABEL && value == Some(XENIUM_UNASSIGNED);
        n_forgotten += u64::from(forgotten);
        value.filter(|value| !value.is_empty() && *value != label && !forgotten)
    });
    let segments = number_values(keys);
    if n_forgotten > 0 {
        notes.push(Note::Warning(format!(
            "The prior column '{name}' has {n_forgotten} molecules labelled '{XENIUM_UNASSIGNED}', and the unassigned label is \
             '{label}': '{XENIUM_UNASSIGNED}' is taken as unassigned, too. To be explicit, give \
             --unassigned-prior-label={XENIUM_UNASSIGNED}"
        )));
    }
    Ok(segments)
}

/// The label as an integer; `0.0` is 0.
fn integer_label(label: &str) -> Option<i128> {
    let label = label.trim();
    let whole = |value: &f64| value.fract() == 0.0 && value.abs() < 1e15;
    match label {
        "false" => Some(0),
        "true" => Some(1),
        _ => label.parse().ok().or_else(|| label.parse().ok().filter(whole).map(|value| value as i128)),
    }
}

fn numeric_label<T>(parsed: Option<T>, name: &str, label: &str, notes: &mut Vec<Note>) -> Option<T> {
    if parsed.is_none() {
        notes.push(Note::Warning(format!(
            "The prior column '{name}' holds numbers, and the unassigned label '{label}' is not one: no value matches it. \
             Set --unassigned-prior-label to the number that means unassigned"
        )));
    }
    parsed
}

fn warn_of_negatives(n_negative: usize, label: Option<f64>, name: &str, notes: &mut Vec<Note>) {
    if n_negative > 0 && label.is_none_or(|label| label >= 0.0) {
        notes.push(Note::Warning(format!(
            "The prior column '{name}' has {n_negative} molecules with negative values, which count as segments. If they \
             mean unassigned, give --unassigned-prior-label=-1"
        )));
    }
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
mod tests {
    use super::*;
    use polars::prelude::{NamedFrom, PlSmallStr};

    fn segments(column: Series, label: &str) -> (Vec<u32>, Vec<String>) {
        let mut notes = Vec::new();
        let prior = PriorColumn { name: "c".into(), unassigned_label: label.into(), only: None };
        let columns = PriorSeries { labels: vec![&column], only: None };
        let segments = segments_of(&columns, &prior, &mut notes).unwrap();
        let numbers = segments.segment_of.iter().map(|segment| segment.map_or(0, SegmentIdx::number)).collect();
        let warnings =
            notes.into_iter().filter_map(|note| if let Note::Warning(text) = note { Some(text) } else { None });
        (numbers, warnings.collect())
    }

    fn text(values: &[Option<&str>]) -> Series {
        Series::new(PlSmallStr::from_static("c"), values)
    }

    fn numbers<T>(values: T) -> Series
    where
        Series: NamedFrom<T, [i64]>,
    {
        Series::new(PlSmallStr::from_static("c"), values)
    }

    #[test]
    fn numbers_are_ordered_by_size_and_the_label_is_read_as_a_number() {
        for label in ["0", "0.0", " 0"] {
            let (of, warnings) = segments(numbers(vec![10i64, 9, 0, 10]), label);
            assert_eq!(of, [2, 1, 0, 2]);
            assert!(warnings.is_empty());
        }
        let floats =
            Series::new(PlSmallStr::from_static("c"), vec![Some(10.0), Some(9.5), Some(-0.0), Some(f64::NAN), None]);
        assert_eq!(segments(floats, "0").0, [2, 1, 0, 0, 0]);
    }

    #[test]
    fn text_is_ordered_by_bytes_and_missing_is_unassigned() {
        let (of, warnings) = segments(text(&[Some("b"), Some("10"), Some("9"), None, Some(""), Some("none")]), "none");
        assert_eq!(of, [3, 1, 2, 0, 0, 0]);
        assert!(warnings.is_empty());
    }

    #[test]
    fn xenium_label_is_known_even_if_the_option_is_forgotten() {
        let (of, warnings) = segments(text(&[Some("aaa-1"), Some("UNASSIGNED")]), "0");
        assert_eq!(of, [1, 0]);
        assert!(warnings[0].contains("--unassigned-prior-label=UNASSIGNED"), "{warnings:?}");
        assert_eq!(segments(text(&[Some("aaa-1"), Some("UNASSIGNED"), Some("none")]), "none").0, [2, 1, 0]);
    }

    #[test]
    fn negative_values_are_segments_with_a_warning_unless_they_are_the_label() {
        let (of, warnings) = segments(numbers(vec![-1i64, 5, 0]), "0");
        assert_eq!(of, [1, 2, 0]);
        assert!(warnings[0].contains("--unassigned-prior-label=-1"), "{warnings:?}");
        let (of, warnings) = segments(numbers(vec![-1i64, 5]), "-1");
        assert_eq!((of, warnings.len()), (vec![0, 1], 0));
    }

    #[test]
    fn textual_label_matches_no_number() {
        let (of, warnings) = segments(numbers(vec![0i64, 5]), "UNASSIGNED");
        assert_eq!(of, [1, 2]);
        assert!(warnings.iter().any(|warning| warning.contains("no value matches")));
        assert!(warnings.iter().any(|warning| warning.contains("most frequent value is '0'")), "{warnings:?}");
    }

    #[test]
    fn identifiers_of_64_bits_stay_apart() {
        let ids = vec![u64::MAX, u64::MAX - 1, 0, u64::MAX];
        let column = Series::new(PlSmallStr::from_static("c"), ids);
        assert_eq!(segments(column, "0").0, [2, 1, 0, 2]);
    }

    #[test]
    fn minus_one_is_unassigned_in_first_generation_files() {
        let (of, warnings) = segments(numbers(vec![-1i64, 5, -1, 7]), "UNASSIGNED");
        assert_eq!((of, warnings.len()), (vec![0, 1, 0, 2], 0));
    }

    #[test]
    fn two_columns_make_segments_of_their_combinations() {
        let (fov, cell) = (numbers(vec![2i64, 1, 2, 1, 0]), numbers(vec![1i64, 1, 1, 0, 3]));
        let prior = PriorColumn { name: "fov,cell".into(), unassigned_label: "0".into(), only: None };
        let columns = PriorSeries { labels: vec![&fov, &cell], only: None };
        let segments = segments_of(&columns, &prior, &mut Vec::new()).unwrap();
        let numbers: Vec<u32> = segments.segment_of.iter().map(|s| s.map_or(0, SegmentIdx::number)).collect();
        assert_eq!(numbers, [3, 2, 3, 0, 1], "the label 0 is that of the last column alone");
        assert_eq!(segments.labels, ["0_3", "1_1", "2_1"]);
        assert_eq!((segments.n_segments, segments.most_frequent.as_deref()), (3, Some("2_1")));
    }

    #[test]
    fn segments_count_where_another_column_has_a_value() {
        let (cell, part) =
            (numbers(vec![4i64, 4, 5, 6]), text(&[Some("Nuclear"), None, Some("Membrane"), Some("Nuclear")]));
        let only = Some(OnlyWhere { column: "CellComp".into(), value: "Nuclear".into() });
        let columns = PriorSeries { labels: vec![&cell], only: Some(&part) };
        let prior = PriorColumn { name: "cell".into(), unassigned_label: "0".into(), only };
        let segments = segments_of(&columns, &prior, &mut Vec::new()).unwrap();
        let numbers: Vec<u32> = segments.segment_of.iter().map(|s| s.map_or(0, SegmentIdx::number)).collect();
        assert_eq!((numbers, segments.labels), (vec![1, 0, 0, 2], vec!["4".to_owned(), "6".to_owned()]));
        let mut notes = Vec::new();
        let only = Some(OnlyWhere { column: "CellComp".into(), value: "nucleus".into() });
        let segments = segments_of(&columns, &PriorColumn { only, ..prior }, &mut notes).unwrap();
        assert_eq!(segments.n_segments, 0);
        assert!(matches!(&notes[0], Note::Warning(text) if text.contains("it has 'Membrane', 'Nuclear'")), "{notes:?}");
    }
}
