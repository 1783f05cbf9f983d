//! Which values of a prior column mean "in no segment".

use std::collections::BTreeMap;

use regex::Regex;

use super::segments::ColumnSegments;
use super::{Note, PriorColumn};

/// What people and programs write where there is nothing, in small letters.
///
/// `UNASSIGNED` is Xenium's; `NA`, `NaN`, `None` and the like are what R, pandas and databases make of a missing value.
const WORDS: [&str; 31] = [
    "na",
    "n/a",
    "#n/a",
    "<na>",
    "nan",
    "none",
    "null",
    "nil",
    "missing",
    "undefined",
    "unknown",
    "unassigned",
    "not assigned",
    "not_assigned",
    "unassigned_cell",
    "unlabeled",
    "unlabelled",
    "no cell",
    "no_cell",
    "nocell",
    "background",
    "extracellular",
    "outside",
    "noise",
    "empty",
    "false",
    "-",
    "--",
    "---",
    ".",
    "?",
];
/// Values named in a message at most.
const MAX_NAMES: usize = 8;

/// What a value must be like to mean nothing.
pub(super) struct Unassigned<'a> {
    label: &'a str,
    /// The parts of the label between commas.
    parts: Vec<&'a str>,
    /// The same as numbers.
    numbers: Vec<f64>,
    patterns: Vec<Regex>,
    /// Whether the label was the user's own, so that nothing else counts.
    is_given: bool,
}

impl<'a> Unassigned<'a> {
    pub fn new(prior: &'a PriorColumn) -> Self {
        let label = prior.unassigned_label.as_str();
        let parts: Vec<&str> = label.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        let pattern = |part: &&str| {
            let escaped: Vec<String> = part.split('*').map(regex::escape).collect();
            Regex::new(&format!("^{}$", escaped.join(".*"))).ok()
        };
        Self {
            label,
            numbers: parts.iter().filter_map(|part| number(part)).collect(),
            patterns: parts.iter().filter(|part| part.contains('*')).filter_map(pattern).collect(),
            parts,
            is_given: prior.label_is_given,
        }
    }

    /// Whether the label itself means a value.
    fn is_label(&self, value: &str, is_number: bool) -> bool {
        value == self.label
            || self.parts.contains(&value)
            || (is_number && value.parse().is_ok_and(|value: f64| self.numbers.contains(&value)))
            || self.patterns.iter().any(|pattern| pattern.is_match(value))
    }

    /// Whether a value means nothing though it is not the label.
    fn is_usual(&self, value: &str, is_number: bool) -> bool {
        if self.is_given {
            return false;
        }
        let value = value.trim();
        let is_negative = value.starts_with('-') && value.parse().is_ok_and(|value: f64| value < 0.0);
        let is_zero = is_number && self.numbers.is_empty() && value.parse().is_ok_and(|value: f64| value == 0.0);
        is_negative || is_zero || (!is_number && WORDS.contains(&value.to_lowercase().as_str()))
    }

    /// The segments without those whose labels mean nothing. `is_number`: the labels are numbers.
    pub fn removed_from(
        &self,
        segments: ColumnSegments,
        is_number: bool,
        name: &str,
        notes: &mut Vec<Note>,
    ) -> ColumnSegments {
        let is_label: Vec<bool> = segments.labels.iter().map(|value| self.is_label(value, is_number)).collect();
        let mut is_usual: Vec<bool> = segments.labels.iter().map(|value| self.is_usual(value, is_number)).collect();
        is_usual.iter_mut().zip(&is_label).for_each(|(is_usual, is_label)| *is_usual &= !is_label);
        let mut found: BTreeMap<usize, u64> = BTreeMap::new();
        for segment in segments.segment_of.iter().flatten().filter(|segment| is_usual[segment.idx()]) {
            *found.entry(segment.idx()).or_default() += 1;
        }
        self.tell(&segments, &found, is_number, name, notes);
        segments.without(|segment| is_label[segment] || is_usual[segment])
    }

    fn tell(
        &self,
        segments: &ColumnSegments,
        found: &BTreeMap<usize, u64>,
        is_number: bool,
        name: &str,
        notes: &mut Vec<Note>,
    ) {
        if is_number && self.is_given && self.numbers.is_empty() {
            notes.push(Note::Warning(format!(
                "The prior column '{name}' holds numbers, and the unassigned label '{}' is not one: no value matches it. \
                 Set --unassigned-prior-label to the number that means unassigned",
                self.label
            )));
        }
        if found.is_empty() {
            return;
        }
        // First-generation files of Xenium have numbers of cells, and -1 or 0 where later ones have the word.
        if is_number && self.numbers.is_empty() {
            let numbers: Vec<&str> = found.keys().map(|&segment| segments.labels[segment].as_str()).collect();
            let shown = numbers[..numbers.len().min(MAX_NAMES)].join(", ");
            notes.push(Note::Info(format!("The prior column '{name}' has numbers of cells, {shown} = {}", self.label)));
            return;
        }
        let values: Vec<String> = found
            .iter()
            .take(MAX_NAMES)
            .map(|(&segment, n)| format!("'{}' ({n} molecules)", segments.labels[segment]))
            .collect();
        let more =
            if found.len() > MAX_NAMES { format!(" and {} more", found.len() - MAX_NAMES) } else { String::new() };
        let first = found.keys().next().map_or("", |&segment| segments.labels[segment].as_str());
        let text = format!(
            "In the prior column '{name}' {}{more} mean{} 'in no segment', as such values usually do. To be explicit, \
             name what does with --unassigned-prior-label={first}",
            values.join(", "),
            if found.len() == 1 { "s" } else { "" },
        );
        notes.push(Note::Warning(text));
    }
}

fn number(text: &str) -> Option<f64> {
    match text {
        "false" => Some(0.0),
        "true" => Some(1.0),
        _ => text.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unassigned(label: &str, is_given: bool, is_number: bool, values: &[&str]) -> Vec<bool> {
        let prior =
            PriorColumn { unassigned_label: label.to_owned(), label_is_given: is_given, ..PriorColumn::default() };
        let unassigned = Unassigned::new(&prior);
        let is_one = |value: &&str| unassigned.is_label(value, is_number) || unassigned.is_usual(value, is_number);
        values.iter().map(is_one).collect()
    }

    #[test]
    fn usual_words_for_nothing_count_unless_a_label_is_given() {
        let values = ["NA", "Unassigned", "None", "nan", "-1", "0", "7", "b-cell"];
        assert_eq!(unassigned("0", false, false, &values), [true, true, true, true, true, true, false, false]);
        assert_eq!(unassigned("None", true, false, &values), [false, false, true, false, false, false, false, false]);
    }

    #[test]
    fn negative_numbers_and_zero_count_unless_a_label_is_given() {
        assert_eq!(unassigned("0", false, true, &["-1", "0", "5", "-7"]), [true, true, false, true]);
        assert_eq!(unassigned("0", true, true, &["-1", "0"]), [false, true]);
        assert_eq!(unassigned("-1", false, true, &["-1", "0"]), [true, false], "0 may be a cell there");
        assert_eq!(unassigned("UNASSIGNED", false, true, &["-1", "0", "3"]), [true, true, false]);
        assert_eq!(unassigned("0.0", true, true, &["0", "0.5"]), [true, false]);
    }

    #[test]
    fn several_labels_and_patterns_may_be_given() {
        let values = ["c_1_1_0", "c_1_2_0", "c_1_2_10", "a,b"];
        assert_eq!(unassigned("c_1_1_0,c_1_2_0", true, false, &values), [true, true, false, false]);
        assert_eq!(unassigned("c_*_0", true, false, &values), [true, true, false, false]);
        assert_eq!(unassigned("a,b", true, false, &values), [false, false, false, true]);
        assert_eq!(unassigned("0, 7", true, true, &["7", "0", "8"]), [true, true, false]);
    }
}
