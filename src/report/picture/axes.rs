//! The frame of a plot: ticks with coordinates, names of the axes, a scale bar.

use super::canvas::Canvas;
use super::palette::Rgb;
use super::text::{self, Ink};
use super::view::View;

/// Color of frames, ticks and text.
pub(super) const INK: Rgb = [60, 60, 60];
/// Width of a scale bar at most, as a share of the plot.
const LONGEST_BAR: f64 = 0.25;

/// Ticks along an axis.
#[derive(Clone, Debug, PartialEq)]
struct Ticks {
    /// Coordinates with their texts.
    labels: Vec<(f64, String)>,
}

/// Texts of an axis, and how large they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axes<'a> {
    /// Unit of the coordinates; empty if it is not known.
    pub unit: &'a str,
    /// Size of the text in pixels.
    pub text_size: f32,
}

impl Axes<'_> {
    fn tick(&self) -> i64 {
        (self.text_size * 0.35) as i64
    }

    fn gap(&self) -> i64 {
        (self.text_size * 0.3) as i64
    }

    fn line(&self) -> i64 {
        (self.text_size * 1.15) as i64
    }

    /// Room that is needed left of the plot, and below it.
    pub fn room(&self, view: &View) -> [i64; 2] {
        let widest = self.ticks(view, 1).labels.iter().map(|(_, label)| text::width(label, self.text_size)).max();
        let left = self.tick() + 3 * self.gap() + self.line() + widest.unwrap_or(0) as i64;
        [left, self.tick() + 3 * self.gap() + 2 * self.line()]
    }

    /// Draws all of it around the plot.
    pub fn draw(&self, canvas: &mut Canvas, view: &View) {
        let [first, end] = [view.first, view.end];
        let thickness = (self.text_size / 16.0).max(1.0) as i64;
        let outer = [first.map(|at| at - thickness), end.map(|at| at + thickness)];
        canvas.border(outer[0], outer[1], thickness, INK);
        let write = |canvas: &mut Canvas, corner, text: &str| canvas.write(corner, &Ink::of(text, self.text_size), INK);
        let below = outer[1][1] + self.tick();
        for (value, label) in self.ticks(view, 0).labels {
            let column = view.pixel([value; 2])[0];
            canvas.rectangle([column, outer[1][1]], [column + thickness, below], INK);
            let width = text::width(&label, self.text_size) as i64;
            write(canvas, [column - width / 2, below + self.gap()], &label);
        }
        let mut widest = 0;
        for (value, label) in self.ticks(view, 1).labels {
            let row = view.pixel([value; 2])[1];
            canvas.rectangle([outer[0][0] - self.tick(), row], [outer[0][0], row + thickness], INK);
            let width = text::width(&label, self.text_size) as i64;
            widest = widest.max(width);
            let corner = [outer[0][0] - self.tick() - self.gap() - width, row - self.line() / 2];
            write(canvas, corner, &label);
        }
        let row = below + 2 * self.gap() + self.line();
        let [x, y] = ["x", "y"].map(|axis| self.with_unit(axis));
        let bar = self.bar(canvas, view, row);
        let middle = (first[0] + end[0] - text::width(&x, self.text_size) as i64) / 2;
        let before_bar = bar - text::width(&x, self.text_size) as i64 - 2 * self.gap();
        write(canvas, [middle.min(before_bar).max(first[0]), row], &x);
        let up = Ink::of(&y, self.text_size).upwards();
        let column = outer[0][0] - self.tick() - 2 * self.gap() - widest - up.width as i64;
        canvas.write([column, (first[1] + end[1] - up.height as i64) / 2], &up, INK);
    }

    /// Draws a scale bar that ends with the plot; returns its first column.
    fn bar(&self, canvas: &mut Canvas, view: &View, row: i64) -> i64 {
        let length = round_below(view.length(0) * LONGEST_BAR);
        let n_pixels = (length * view.pixels_per_unit).round() as i64;
        let unit = if self.unit.is_empty() { String::new() } else { format!(" {}", self.unit) };
        let label = format!("{}{unit}", number(length, length));
        let width = text::width(&label, self.text_size) as i64;
        let from = view.end[0] - n_pixels;
        let thickness = (self.text_size / 4.0).max(2.0) as i64;
        let middle = row + self.line() / 2;
        canvas.rectangle([from, middle - thickness / 2], [view.end[0], middle - thickness / 2 + thickness], INK);
        canvas.write([from - width - self.gap(), row], &Ink::of(&label, self.text_size), INK);
        from - width - self.gap()
    }

    fn with_unit(&self, axis: &str) -> String {
        if self.unit.is_empty() { axis.to_owned() } else { format!("{axis} ({})", self.unit) }
    }

    /// About as many ticks as there is room for.
    fn ticks(&self, view: &View, axis: usize) -> Ticks {
        let (low, length) = (view.low(axis), view.length(axis));
        let n_pixels = length * view.pixels_per_unit;
        // Room of a label: its own, and some space.
        let longest = number(low + length, length / 10.0);
        let room =
            if axis == 0 { 2.0 * text::width(&longest, self.text_size) as f64 } else { 4.0 * self.line() as f64 };
        let step = round_above(length / (n_pixels / room.max(1.0)).clamp(1.5, 9.0));
        let from = (low / step).ceil();
        let values = (0..100).map(|count| (from + f64::from(count)) * step).take_while(|value| *value <= low + length);
        let labels = values.map(|value| (value, number(value, step)));
        Ticks { labels: labels.collect() }
    }
}

/// The smallest of 1, 2 and 5 times a power of ten that is not below `value`.
fn round_above(value: f64) -> f64 {
    let power = 10f64.powi(value.log10().floor() as i32);
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|&step| step >= value * (1.0 - 1e-9)).unwrap_or(steps[3])
}

/// The largest of 1, 2 and 5 times a power of ten that is not above `value`.
fn round_below(value: f64) -> f64 {
    let power = 10f64.powi(value.log10().floor() as i32);
    let steps = [5.0, 2.0, 1.0].map(|step| step * power);
    steps.into_iter().find(|&step| step <= value * (1.0 + 1e-9)).unwrap_or(steps[2])
}

/// A coordinate with the digits that multiples of `step` need.
pub(super) fn number(value: f64, step: f64) -> String {
    let decimals = (-step.abs().log10() - 1e-9).ceil();
    if !decimals.is_finite() || value.abs() < 1e-9 * step.abs() {
        return "0".to_owned();
    }
    let text = if value.abs() >= 1e7 || decimals > 6.0 {
        let digits = (value.abs().log10().floor() + decimals).clamp(0.0, 12.0) as usize;
        format!("{value:.digits$e}")
    } else {
        format!("{value:.*}", decimals.max(0.0) as usize)
    };
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::picture::view::Extent;

    #[test]
    fn steps_are_round_numbers() {
        assert_eq!([0.03, 1.0, 1.1, 37.0, 600.0].map(round_above), [0.05, 1.0, 2.0, 50.0, 1000.0]);
        assert_eq!([0.031, 1.0, 1.9, 49.0, 600.0].map(round_below), [0.02, 1.0, 1.0, 20.0, 500.0]);
    }

    #[test]
    fn numbers_have_the_digits_they_need() {
        assert_eq!(number(1500.0, 500.0), "1500");
        assert_eq!(number(-0.25, 0.05), "−0.25");
        assert_eq!(number(0.30000000000000004, 0.1), "0.3");
        assert_eq!(number(1e-15, 0.1), "0");
        assert_eq!(number(2.5e9, 5e8), "2.5e9");
        assert_eq!(number(3e-9, 1e-9), "3e−9");
        assert_eq!(number(5.0, 0.0), "0");
    }

    #[test]
    fn ticks_are_in_the_plot_and_do_not_touch() {
        for (low, high) in [(0.0, 1.0), (-3e4, 7e6), (1e9, 1e9 + 5.0), (0.001, 0.0017), (101.0, 3001.0)] {
            let view = View::new(&Extent::of([[[low, low], [high, high]]]), [80, 20], [700.0, 700.0]);
            let axes = Axes { unit: "µm", text_size: 16.0 };
            for axis in 0..2 {
                let ticks = axes.ticks(&view, axis).labels;
                assert!((2..=11).contains(&ticks.len()), "{low} {high}: {ticks:?}");
                let at: Vec<i64> = ticks.iter().map(|(value, _)| view.pixel([*value; 2])[axis]).collect();
                assert!(at.iter().all(|&at| at >= view.first[axis] && at <= view.end[axis]));
                let widths = ticks.iter().map(|(_, label)| text::width(label, 16.0) as i64);
                let room = if axis == 0 { widths.max().unwrap() } else { 16 };
                assert!(at.windows(2).all(|pair| pair[1] - pair[0] > room), "{ticks:?}");
                let mut labels: Vec<_> = ticks.iter().map(|(_, label)| label).collect();
                labels.dedup();
                assert_eq!(labels.len(), ticks.len());
            }
        }
    }
}
