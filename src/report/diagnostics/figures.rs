//! The kinds of figures that the page has.

use serde_json::{Value, json};

use crate::numeric::stats;
use crate::report::chart::{Chart, Histogram, significant};

/// Height of a chart in pixels.
const HEIGHT: u32 = 240;
/// Points of a line, at most.
const N_POINTS: usize = 250;
/// Room above the bars for the name of a mark, as share of the highest bar.
const ROOM_PER_MARK: f64 = 0.1;
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

/// Bins values for a histogram, in about 40 bins. What is outside of `range` is left out.
pub fn bins(values: impl Iterator<Item = f64>, range: [f64; 2]) -> Histogram {
    Histogram::of(values, range, N_BINS)
}

/// A histogram of one kind of values, with marks. `None` without values.
pub fn histogram(label: &str, axes: Axes<'_>, histogram: &Histogram, marks: &[Mark]) -> Option<Chart> {
    let rows = histogram.bins().map(|(from, to, n)| Bar { from, to, height: n as f64, kind: "" }).collect();
    bars(label, axes, rows, &[], marks)
}

/// Histograms of several kinds over one another, each as shares of its own number in percent. `None` without values.
pub fn histograms(label: &str, axes: Axes<'_>, kinds: &[(&'static str, Histogram)], marks: &[Mark]) -> Option<Chart> {
    let mut rows = Vec::new();
    for &(kind, ref histogram) in kinds {
        let total: u64 = histogram.counts.iter().sum();
        let share = |n: u64| 100.0 * n as f64 / total as f64;
        rows.extend(histogram.bins().map(|(from, to, n)| Bar { from, to, height: share(n), kind }));
    }
    let names: Vec<&str> = kinds.iter().map(|kind| kind.0).collect();
    bars(label, axes, rows, &names, marks)
}

/// A bar of a histogram.
struct Bar {
    from: f64,
    to: f64,
    height: f64,
    kind: &'static str,
}

/// A chart of bars. Names of marks stand above the bars, one below the other.
fn bars(label: &str, axes: Axes<'_>, bars: Vec<Bar>, kinds: &[&str], marks: &[Mark]) -> Option<Chart> {
    let places = bars.iter().flat_map(|bar| [bar.from, bar.to]).chain(marks.iter().map(|mark| mark.0));
    let (low, high) = places.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    let top = bars.iter().map(|bar| bar.height).fold(0.0, f64::max);
    let top = top * (1.02 + ROOM_PER_MARK * marks.len() as f64);
    let domain = json!({"domain": [low, high], "nice": false, "zero": false});
    let mut encoding = json!({
        "x": {
            "field": "from", "type": "quantitative", "bin": {"binned": true}, "title": axes.x, "scale": domain,
            "axis": {"labelFlush": false, "grid": false},
        },
        "x2": {"field": "to"},
        "y": {
            "field": "n", "type": "quantitative", "title": axes.y, "stack": null,
            "scale": {"domain": [0, significant(top, 4)], "nice": false},
        },
        "tooltip": [
            {"field": "from", "type": "quantitative", "title": "from"},
            {"field": "to", "type": "quantitative", "title": "to"},
            {"field": "n", "type": "quantitative", "title": axes.y},
        ],
    });
    let opacity = if kinds.is_empty() { 0.9 } else { 0.55 };
    if !kinds.is_empty() {
        encoding["color"] = color(kinds, None);
    }
    let row = |bar: &Bar| {
        let mut row = json!({"from": bar.from, "to": bar.to, "n": significant(bar.height, 4)});
        if !bar.kind.is_empty() {
            row["of"] = json!(bar.kind);
        }
        row
    };
    let rows: Vec<Value> = bars.iter().map(row).collect();
    let mut layers = vec![json!({"mark": {"type": "bar", "binSpacing": 1, "opacity": opacity}, "encoding": encoding})];
    layers.extend(mark_layers(marks, low + 0.7 * (high - low)));
    (!rows.is_empty()).then(|| Chart::new(label, rows, HEIGHT, json!({ "layer": layers })))
}

fn color(kinds: &[&str], title: Option<&str>) -> Value {
    let legend = json!({"orient": "top", "columns": 5, "title": title, "titleOrient": "left", "symbolOpacity": 1});
    json!({"field": "of", "type": "nominal", "scale": {"domain": kinds}, "legend": legend})
}

/// Rules across a chart with their names beside them, those of later marks lower. Names of rules beyond `turn` stand on
/// their left, so that they do not leave the chart.
fn mark_layers(marks: &[Mark], turn: f64) -> Vec<Value> {
    let row = |(at, what): &Mark| json!({"at": significant(*at, 4), "what": what});
    let at = json!({"field": "at", "type": "quantitative"});
    let rule = json!({"type": "rule", "strokeDash": [5, 4], "strokeWidth": 1.6});
    let mut layers = Vec::new();
    if !marks.is_empty() {
        let rows: Vec<Value> = marks.iter().map(row).collect();
        layers.push(json!({"data": {"values": rows}, "mark": rule, "encoding": {"x": at}}));
    }
    for (line, mark) in marks.iter().enumerate() {
        let (align, dx) = if mark.0 > turn { ("right", -5) } else { ("left", 5) };
        let text = json!({
            "type": "text", "align": align, "baseline": "top", "dx": dx, "fontSize": 12, "fontWeight": 600,
        });
        layers.push(json!({
            "data": {"values": [row(mark)]},
            "mark": text,
            "encoding": {"x": at, "y": {"value": 1 + 16 * line}, "text": {"field": "what", "type": "nominal"}},
        }));
    }
    layers
}

/// A curve through points (x, y, and the standard error of y) over a logarithmic x, with marks. `None` with fewer than two.
pub fn curve(label: &str, axes: Axes<'_>, points: &[[f64; 3]], marks: &[Mark]) -> Option<Chart> {
    let row = |&[x, y, error]: &[f64; 3]| {
        let [low, y, high] = [y - error, y, y + error].map(|value| significant(value, 4));
        json!({"x": significant(x, 4), "y": y, "low": low, "high": high})
    };
    let x = json!({"field": "x", "type": "quantitative", "title": axes.x, "scale": {"type": "log", "nice": false}});
    let y = |field: &str| json!({"field": field, "type": "quantitative", "title": axes.y, "scale": {"zero": false}});
    let tooltip = json!([{"field": "x", "title": axes.x}, {"field": "y", "title": axes.y}]);
    let mut layers = vec![
        json!({"mark": {"type": "rule", "strokeWidth": 1.2}, "encoding": {"x": x, "y": y("low"), "y2": {"field": "high"}}}),
        json!({"mark": {"type": "line", "strokeWidth": 2, "point": {"size": 45}}, "encoding": {"x": x, "y": y("y"), "tooltip": tooltip}}),
    ];
    let places = points.iter().map(|point| point[0]).chain(marks.iter().map(|mark| mark.0));
    let (low, high) = places.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), x| (low.min(x), high.max(x)));
    layers.extend(mark_layers(marks, low * (high / low).powf(0.7)));
    (points.len() > 1).then(|| Chart::new(label, points.iter().map(row).collect(), HEIGHT, json!({ "layer": layers })))
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
    /// What the names of the lines say together; may be empty.
    pub legend: &'a str,
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
            "x": {
                "field": "at", "type": "quantitative", "title": "iteration", "scale": {"zero": false, "nice": false},
                "axis": {"labelFlush": false},
            },
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
            encoding["color"] = color(&names, Some(self.legend).filter(|legend| !legend.is_empty()));
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
        let of = |values: &[f64]| bins(values.iter().copied(), [0.0, 1.0]);
        let kinds = [("many", of(&[0.1, 0.1, 0.9, 0.9])), ("few", of(&[0.1]))];
        let chart = histograms("x", Axes { x: "a", y: "b" }, &kinds, &[]).unwrap();
        let rows = chart.spec["data"]["values"].as_array().unwrap();
        let sum =
            |name: &str| rows.iter().filter(|row| row["of"] == name).map(|row| row["n"].as_f64().unwrap()).sum::<f64>();
        assert_eq!((sum("many"), sum("few")), (100.0, 100.0));
    }

    #[test]
    fn nothing_to_draw_is_no_chart() {
        let axes = Axes { x: "a", y: "b" };
        let nothing = bins([f64::NAN].into_iter(), bulk(&[f64::NAN], true));
        assert_eq!(histogram("x", axes, &nothing, &[]), None);
        assert_eq!(columns("x", axes, &[]), None);
        assert_eq!(Lines::default().chart("x"), None);
    }
}
