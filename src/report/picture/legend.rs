//! What the colors mean: a list of categories, or a bar of values.

use super::axes::{INK, number};
use super::canvas::Canvas;
use super::palette::Rgb;
use super::text::{self, Ink};

/// Width of a name at most, in sizes of the text.
const LONGEST_NAME: f32 = 14.0;
/// Columns of categories at most.
const MAX_COLUMNS: usize = 4;
/// Height of a bar of values at most, in sizes of the text.
const LONGEST_BAR: f32 = 16.0;
/// Steps between the numbers at a bar.
const N_STEPS: usize = 4;

/// What stands right of the plot.
#[derive(Clone, Debug)]
pub(super) enum Legend {
    /// Nothing.
    None,
    /// Names of categories with their colors.
    Categories { title: String, entries: Vec<(Rgb, String)> },
    /// The colors of a range of values.
    Values { title: String, range: [f32; 2], colors: Vec<Rgb> },
}

/// How a legend lies: in pixels.
#[derive(Clone, Debug)]
pub(super) struct Layout<'a> {
    legend: &'a Legend,
    text_size: f32,
    /// Height of the plot.
    height: i64,
}

impl<'a> Layout<'a> {
    /// The legend beside a plot of some height.
    pub fn new(legend: &'a Legend, text_size: f32, height: i64) -> Self {
        Self { legend, text_size, height }
    }

    fn line(&self) -> i64 {
        (self.text_size * 1.3) as i64
    }

    fn gap(&self) -> i64 {
        (self.text_size * 0.5) as i64
    }

    fn width_of(&self, text: &str) -> i64 {
        text::width(text, self.text_size) as i64
    }

    /// Categories by column, with a remark where not all have room.
    fn columns(&self, entries: &[(Rgb, String)]) -> Vec<Vec<(Option<Rgb>, String)>> {
        let limit = (LONGEST_NAME * self.text_size) as usize;
        let n_rows = ((self.height / self.line() - 1).max(3)) as usize;
        let room = n_rows * MAX_COLUMNS;
        let n_shown = if entries.len() <= room { entries.len() } else { room - 1 };
        let mut all: Vec<(Option<Rgb>, String)> = entries[..n_shown]
            .iter()
            .map(|(color, name)| (Some(*color), text::shortened(name, self.text_size, limit)))
            .collect();
        if n_shown < entries.len() {
            all.push((None, format!("and {} more", entries.len() - n_shown)));
        }
        all.chunks(n_rows).map(<[_]>::to_vec).collect()
    }

    fn column_width(&self, column: &[(Option<Rgb>, String)]) -> i64 {
        let widest = column.iter().map(|(_, name)| self.width_of(name)).max().unwrap_or(0);
        self.line() + widest + 2 * self.gap()
    }

    /// Numbers at the bar, from low to high.
    fn numbers(range: [f32; 2]) -> Vec<String> {
        let (low, high) = (f64::from(range[0]), f64::from(range[1]));
        let step = (high - low) / N_STEPS as f64;
        let values = || (0..=N_STEPS).map(|count| low + step * count as f64);
        // The coarsest unit that all are multiples of.
        let coarsest = (-6..=6)
            .rev()
            .map(|power| 10f64.powi(power))
            .find(|unit| values().all(|value| ((value / unit).round() * unit - value).abs() < 1e-6 * step));
        let text = |value: f64| number(value, coarsest.unwrap_or(0.1 * step));
        let shortest = |text: String| match text.contains('.') && !text.contains('e') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        };
        values().map(|value| shortest(text(value))).collect()
    }

    /// Pixels that it takes, with the space before and behind it.
    pub fn width(&self) -> i64 {
        match self.legend {
            Legend::None => 0,
            Legend::Categories { title, entries } => {
                let columns: i64 = self.columns(entries).iter().map(|column| self.column_width(column)).sum();
                2 * self.gap() + columns.max(self.width_of(title) + self.gap())
            }
            Legend::Values { title, range, .. } => {
                let widest = Self::numbers(*range).iter().map(|text| self.width_of(text)).max().unwrap_or(0);
                3 * self.gap() + (self.line() + 2 * self.gap() + widest).max(self.width_of(title))
            }
        }
    }

    /// Draws it; `corner` is the upper right corner of the plot.
    pub fn draw(&self, canvas: &mut Canvas, corner: [i64; 2]) {
        let write = |canvas: &mut Canvas, corner, text: &str| canvas.write(corner, &Ink::of(text, self.text_size), INK);
        let (left, top) = (corner[0] + 2 * self.gap(), corner[1]);
        match self.legend {
            Legend::None => {}
            Legend::Categories { title, entries } => {
                write(canvas, [left, top], title);
                let swatch = (self.text_size * 0.8) as i64;
                let mut column_left = left;
                for column in self.columns(entries) {
                    for (row, (color, name)) in column.iter().enumerate() {
                        let top = top + self.line() * (row as i64 + 1);
                        if let Some(color) = color {
                            let from = [column_left, top + (self.line() - swatch) / 2 - 1];
                            canvas.rectangle(from, from.map(|at| at + swatch), *color);
                        }
                        write(canvas, [column_left + self.line(), top], name);
                    }
                    column_left += self.column_width(&column);
                }
            }
            Legend::Values { title, range, colors } => {
                write(canvas, [left, top], title);
                let from = [left, top + self.line() + self.gap()];
                let height =
                    ((LONGEST_BAR * self.text_size) as i64).min(self.height - (from[1] - top)).max(self.line());
                let width = self.line();
                for row in 0..height {
                    let step = ((height - 1 - row) as usize * colors.len()) / height as usize;
                    let color = colors.get(step).copied().unwrap_or(INK);
                    canvas.rectangle([left, from[1] + row], [left + width, from[1] + row + 1], color);
                }
                canvas.border([left - 1, from[1] - 1], [left + width + 1, from[1] + height + 1], 1, INK);
                let line = (self.text_size * 1.15) as i64;
                // Where there is little room, the ends alone.
                let every = if height > line * (N_STEPS as i64 + 1) { 1 } else { N_STEPS };
                for (count, text) in Self::numbers(*range).iter().enumerate().step_by(every) {
                    let row = from[1] + height - 1 - (height - 1) * count as i64 / N_STEPS as i64;
                    canvas.rectangle([left + width, row], [left + width + self.gap(), row + 1], INK);
                    write(canvas, [left + width + self.gap() * 3 / 2, row - line / 2], text);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_a_bar_are_short() {
        assert_eq!(Layout::numbers([0.0, 1.0]), ["0", "0.25", "0.5", "0.75", "1"]);
        assert_eq!(Layout::numbers([0.0, 400.0]), ["0", "100", "200", "300", "400"]);
        assert_eq!(Layout::numbers([1.0, 3.0]), ["1", "1.5", "2", "2.5", "3"]);
    }

    #[test]
    fn categories_without_room_are_counted() {
        let legend = |n: usize| Legend::Categories {
            title: "Clusters".to_owned(),
            entries: (0..n).map(|at| ([at as u8, 0, 0], format!("cluster {at}"))).collect(),
        };
        // 20 pixels a line: 9 rows below the title.
        for (n, n_columns, last) in
            [(9, 1, "cluster 8"), (10, 2, "cluster 9"), (36, 4, "cluster 35"), (50, 4, "and 15 more")]
        {
            let legend = legend(n);
            let layout = Layout::new(&legend, 16.0, 200);
            let Legend::Categories { entries, .. } = &legend else { return };
            let columns = layout.columns(entries);
            assert_eq!((columns.len(), columns.last().unwrap().last().unwrap().1.as_str()), (n_columns, last));
            assert!(layout.width() > 60 * n_columns as i64);
        }
    }
}
