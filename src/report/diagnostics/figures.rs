//! The kinds of figures that the page has.

use serde_json::{Value, json};

use crate::numeric::stats;
use crate::report::chart::{Chart, Histogram, significant};

/// Height of a chart in pixels.
const HEIGHT: u32 = 240;
/// Points of a line, at most.
const N_POINTS: usize = 250;
/// Bins of a histogram, about.
const N_BINS: usize = 40;

/// What a histogram says on its axes.
#[derive(Clone, Copy, Debug)]
pub struct Axes<'a> {
    /// What the values are, with their unit.
    pub x: &'a str,
    /// What is counted.
    pub y: &'a str,
}

/// A line that stands at a value, with its name.
pub type Mark = (f64, String);

/// A histogram of one kind of values between these bounds, with marks. `None` without values.
pub fn histogram(label: &str, axes: Axes<'_>, values: &[f64], range: [f64; 2], marks: &[Mark]) -> Option<Chart> {
    let histogram = Histogram::of(values.iter().copied(), range, N_BINS);
    let rows: Vec<Value> = histogram.bins().map(|(from, to, n)| json!({"from": from, "to": to, "n": n})).collect();
    (!rows.is_empty()).then(|| Chart::new(label, rows, HEIGHT, bars(axes, &[], marks)))
}

/// Histograms of two kinds over one another, each as shares of its own number in percent. `None` without values.
pub fn histograms(
    label: &str,
    axes: Axes<'_>,
    kinds: &[(&str, Vec<f64>)],
    range: [f64; 2],
    marks: &[Mark],
) -> Option<Chart> {
    let mut rows = Vec::new();
    for (name, values) in kinds {
        let histogram = Histogram::of(values.iter().copied(), range, N_BINS);
        let total: u64 = histogram.counts.iter().sum();
        rows.extend(histogram.bins().map(|(from, to, n)| {
            json!({"from": from, "to": to, "n": significant(100.0 * n as f64 / total as f64, 3), "of": name})
        }));
    }
    let names: Vec<&str> = kinds.iter().map(|kind| kind.0).collect();
    (!rows.is_empty()).then(|| Chart::new(label, rows, HEIGHT, bars(axes, &names, marks)))
}

fn bars(axes: Axes<'_>, kinds: &[&str], marks: &[Mark]) -> Value {
    let mut encoding = json!({
        "x": {"field": "from", "type": "quantitative", "bin": {"binned": true}, "title": axes.x, "scale": {"zero": false}},
        "x2": {"field": "to"},
        "y": {"field": "n", "type": "quantitative", "title": axes.y, "stack": null},
        "tooltip": [
            {"field": "from", "type": "quantitative", "title": "from"},
            {"field": "to", "type": "quantitative", "title": "to"},
            {"field": "n", "type": "quantitative", "title": axes.y},
        ],
    });
    let opacity = if kinds.is_empty() { 0.9 } else { 0.55 };
    if !kinds.is_empty() {
        encoding["color"] = color(kinds);
    }
    let mut layers = vec![json!({"mark": {"type": "bar", "binSpacing": 1, "opacity": opacity}, "encoding": encoding})];
    layers.extend(mark_layers(marks));
    json!({ "layer": layers })
}

fn color(kinds: &[&str]) -> Value {
    let legend = json!({"orient": "top", "columns": 3, "labelLimit": 400});
    json!({"field": "of", "type": "nominal", "title": null, "scale": {"domain": kinds}, "legend": legend})
}

/// Rules across a chart with their names beside them, those of later marks lower.
fn mark_layers(marks: &[Mark]) -> Vec<Value> {
    let rows = |marks: &[Mark]| -> Vec<Value> {
        marks.iter().map(|(at, what)| json!({"at": significant(*at, 4), "what": what})).collect()
    };
    let at = json!({"field": "at", "type": "quantitative"});
    let rule = json!({"type": "rule", "strokeDash": [5, 4], "strokeWidth": 1.6});
    let mut layers = Vec::new();
    if !marks.is_empty() {
        layers.push(json!({"data": {"values": rows(marks)}, "mark": rule, "encoding": {"x": at}}));
    }
    for (line, mark) in marks.iter().enumerate() {
        let text =
            json!({"type": "text", "align": "left", "baseline": "top", "dx": 5, "fontSize": 12, "fontWeight": 600});
        layers.push(json!({
            "data": {"values": rows(std::slice::from_ref(mark))},
            "mark": text,
            "encoding": {"x": at, "y": {"value": 2 + 16 * line}, "text": {"field": "what", "type": "nominal"}},
        }));
    }
    layers
}

/// How tall each of several things is. `None` without things.
pub fn columns(label: &str, axes: Axes<'_>, things: &[(String, u64)]) -> Option<Chart> {
    let rows: Vec<Value> = things.iter().map(|(name, n)| json!({"name": name, "n": n})).collect();
    let spec = json!({
        "mark": {"type": "bar", "opacity": 0.9},
        "encoding": {
            "x": {"field": "name", "type": "nominal", "title": axes.x, "sort": null, "axis": {"labelAngle": 0}},
            "y": {"field": "n", "type": "quantitative", "title": axes.y},
            "tooltip": [{"field": "name", "title": axes.x}, {"field": "n", "title": axes.y}],
        },
    });
    (!things.is_empty()).then(|| Chart::new(label, rows, HEIGHT, spec))
}

/// Lines over iterations.
#[derive(Clone, Debug, Default)]
pub struct Lines<'a> {
    /// What stands at the y axis.
    pub y: &'a str,
    /// Number of the first iteration.
    pub first: usize,
    /// Lines: name and a value for every iteration.
    pub lines: Vec<(String, Vec<f64>)>,
    /// Whether the y axis begins at 0.
    pub from_zero: bool,
    /// Whether small values are spread.
    pub is_sqrt: bool,
}

impl Lines<'_> {
    /// Draws the lines, each thinned to at most 250 points. `None` without values.
    pub fn chart(&self, label: &str) -> Option<Chart> {
        let names: Vec<&str> = self.lines.iter().map(|line| line.0.as_str()).collect();
        let mut rows = Vec::new();
        for (name, values) in &self.lines {
            rows.extend(
                thinned(values.len())
                    .map(|at| json!({"at": at + self.first, "value": significant(values[at], 4), "of": name})),
            );
        }
        let kind = if self.is_sqrt { "sqrt" } else { "linear" };
        let mut encoding = json!({
            "x": {"field": "at", "type": "quantitative", "title": "iteration", "scale": {"zero": false, "nice": false}},
            "y": {
                "field": "value", "type": "quantitative", "title": self.y,
                "scale": {"type": kind, "zero": self.from_zero},
            },
            "tooltip": [
                {"field": "of", "title": "line"},
                {"field": "at", "title": "iteration"},
                {"field": "value", "title": self.y},
            ],
        });
        if names.len() > 1 {
            encoding["color"] = color(&names);
        }
        let spec = json!({"mark": {"type": "line", "strokeWidth": 2, "point": rows.len() < 8}, "encoding": encoding});
        (!rows.is_empty()).then(|| Chart::new(label, rows, HEIGHT, spec))
    }
}

/// At most 250 places of a line of `n`: the first, the last, and even steps between.
fn thinned(n: usize) -> impl Iterator<Item = usize> {
    let step = n.div_ceil(N_POINTS).max(1);
    let last = n.checked_sub(1).filter(|last| last % step != 0);
    (0..n).step_by(step).chain(last)
}

/// From 0, or from the least value, to where all but 1 % of the finite values lie, a little widened.
pub fn bulk(values: &[f64], from_zero: bool) -> [f64; 2] {
    let mut finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let high = stats::quantile(&mut finite, 0.99) / 0.99;
    let low = if from_zero { 0.0 } else { stats::quantile(&mut finite, 0.0) };
    [low, high.max(low)]
}

/// The median of the finite values; NaN for none.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut finite: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    stats::median(&mut finite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_thinned_and_keep_their_ends() {
        let all: Vec<usize> = thinned(1001).collect();
        assert!(all.len() <= N_POINTS + 1);
        assert_eq!((all[0], all[1], all.last()), (0, 5, Some(&1000)));
        assert_eq!(thinned(1002).last(), Some(1001));
        assert_eq!(thinned(0).count(), 0);
    }

    #[test]
    fn two_kinds_are_shares_of_their_own_numbers() {
        let kinds = [("many", vec![0.1, 0.1, 0.9, 0.9]), ("few", vec![0.1])];
        let chart = histograms("x", Axes { x: "a", y: "b" }, &kinds, [0.0, 1.0], &[]).unwrap();
        let rows = chart.spec["data"]["values"].as_array().unwrap();
        let sum =
            |name: &str| rows.iter().filter(|row| row["of"] == name).map(|row| row["n"].as_f64().unwrap()).sum::<f64>();
        assert_eq!((sum("many"), sum("few")), (100.0, 100.0));
    }

    #[test]
    fn nothing_to_draw_is_no_chart() {
        let axes = Axes { x: "a", y: "b" };
        assert_eq!(histogram("x", axes, &[f64::NAN], bulk(&[f64::NAN], true), &[]), None);
        assert_eq!(columns("x", axes, &[]), None);
        assert_eq!(Lines::default().chart("x"), None);
    }
}
