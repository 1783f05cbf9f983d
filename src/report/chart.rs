//! Charts, as Vega-Lite specifications with their data inside.
//!
//! Axes have names with units, numbers are binned here rather than in the browser, and colors come from the theme of
//! the page (`assets/charts.js`), so specifications name none but where a color means something.

use serde_json::{Value, json};

/// A chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// The Vega-Lite specification, without colors of text and axes.
    pub spec: Value,
    /// What it shows, in a few words, for those who cannot see it.
    pub label: String,
}

/// Where a specification's language is defined; it is a name, and nothing is fetched from it.
const SCHEMA: &str = "https://vega.github.io/schema/vega-lite/v6.json";

impl Chart {
    /// A chart of rows, with a specification that lacks data, width and schema.
    pub fn new(label: &str, values: Vec<Value>, height: u32, mut spec: Value) -> Self {
        if let Value::Object(members) = &mut spec {
            members.insert("$schema".to_owned(), json!(SCHEMA));
            members.insert("data".to_owned(), json!({ "values": values }));
            members.entry("width").or_insert_with(|| json!("container"));
            members.entry("height").or_insert_with(|| json!(height));
            members.entry("autosize").or_insert_with(|| json!({"type": "fit", "contains": "padding"}));
        }
        Self { spec, label: label.to_owned() }
    }
}

/// Bins of one width. `[n_bins]`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Lower bound of the first bin.
    pub from: f64,
    /// Width of a bin: 1, 2 or 5 times a power of ten.
    pub width: f64,
    /// Values in each bin; bins hold their lower bound and not their upper one, but for the last.
    pub counts: Vec<u64>,
}

impl Histogram {
    /// Bins the finite values between `range`, in about `n_bins` bins; values outside are left out.
    ///
    /// Without any value there are no bins; with equal values, one.
    pub fn of(values: impl Iterator<Item = f64>, range: [f64; 2], n_bins: usize) -> Self {
        let [low, high] = range;
        if !(low.is_finite() && high.is_finite()) || high < low {
            return Self::default();
        }
        let width = nice_width((high - low) / n_bins.max(1) as f64);
        let from = (low / width).floor() * width;
        let n = (((high - from) / width).ceil() as usize).max(1);
        let mut counts = vec![0; n];
        let mut n_values = 0;
        for value in values.filter(|value| (low..=high).contains(value)) {
            counts[(((value - from) / width) as usize).min(n - 1)] += 1;
            n_values += 1;
        }
        if n_values == 0 { Self::default() } else { Self { from, width, counts } }
    }

    /// Bounds and height of every bin, rounded to the decimals of the width, so that pages hold short numbers.
    pub fn bins(&self) -> impl Iterator<Item = (f64, f64, u64)> + '_ {
        let edge = |at: usize| tidy(self.from + at as f64 * self.width, self.width);
        self.counts.iter().enumerate().map(move |(at, &count)| (edge(at), edge(at + 1), count))
    }
}

/// The smallest of 1, 2 and 5 times a power of ten that is not below `width`; 1 for no width.
fn nice_width(width: f64) -> f64 {
    if width.is_nan() || width <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powi(width.log10().floor() as i32);
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|&step| step >= width * (1.0 - 1e-9)).unwrap_or(steps[3])
}

/// A multiple of `width` without the rounding error of its making.
fn tidy(value: f64, width: f64) -> f64 {
    let decimals = (2.0 - width.log10().floor()).clamp(0.0, 15.0) as usize;
    format!("{value:.decimals$}").parse().unwrap_or(value)
}

/// A number with so many significant digits, short in JSON. Not finite: null.
pub fn significant(value: f64, digits: usize) -> Value {
    if !value.is_finite() {
        return Value::Null;
    }
    format!("{value:.*e}", digits.saturating_sub(1)).parse::<f64>().map_or(Value::Null, |value| json!(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_have_round_bounds_and_hold_every_value() {
        let histogram = Histogram::of([0.0, 0.05, 0.1, 0.29, 0.3].into_iter(), [0.0, 0.3], 3);
        let bins: Vec<_> = histogram.bins().collect();
        assert_eq!(bins, [(0.0, 0.1, 2), (0.1, 0.2, 1), (0.2, 0.3, 2)]);
    }

    #[test]
    fn equal_values_are_one_bin_and_no_values_none() {
        assert_eq!(Histogram::of([7.0; 4].into_iter(), [7.0, 7.0], 30).counts, [4]);
        assert_eq!(Histogram::of([f64::NAN].into_iter(), [0.0, 1.0], 30).counts, [] as [u64; 0]);
        assert_eq!(Histogram::of([].into_iter(), [f64::INFINITY, f64::NEG_INFINITY], 30), Histogram::default());
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(significant(0.123_456, 3), json!(0.123));
        assert_eq!(significant(123_456.0, 2), json!(120_000.0));
        assert_eq!(significant(f64::NAN, 3), Value::Null);
    }
}
