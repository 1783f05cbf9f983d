//! Static pictures of molecules and cells, as PNG, for pages, slides and papers.
//!
//! ```text
//! MoleculePicture --> Extent --> View: coordinates to pixels, size of the picture
//!                                  --> marks: segments of the prior, molecules, outlines, by bands of rows
//!                                        --> axes, legend, text --> PNG
//! ```
//!
//! y runs downwards, as in images. The same molecules give the same bytes for any number of threads.
//! Memory: 3 bytes per pixel and about 5 per molecule. 10^7 molecules take about a second.

mod axes;
mod canvas;
mod legend;
mod marks;
pub mod palette;
mod png;
mod text;
mod view;

use axes::{Axes, INK};
use canvas::Canvas;
use legend::{Layout, Legend};
use marks::Style;
use palette::Rgb;
use text::Ink;
use view::{Extent, View};

pub use self::png::encode;
use crate::spatial::extent::bulk;
pub use view::PlotSize;

/// Size of the text, as a share of the longer side of the plot, and its limits in pixels.
const TEXT_SHARE: f64 = 1.0 / 65.0;
const TEXT_SIZE: [f64; 2] = [15.0, 46.0];
/// Size of a title, in sizes of other text.
const TITLE: f32 = 1.3;
/// Share of the plot that molecules cover at least, if there is room for larger ones.
const LEAST_COVERED: f64 = 0.3;
/// Diameter that molecules are enlarged to at most, to cover that share.
const ENLARGED: f64 = 3.0;
/// Molecules without anything to tell.
const PLAIN: Rgb = [60, 90, 140];
const OUTLINE: Rgb = [0, 0, 0];
const SEGMENT: Rgb = [255, 165, 0];
const SEGMENT_BORDER: Rgb = [139, 0, 0];
/// Opacities, of 256.
const SEGMENT_OPACITY: i32 = 70;
const OUTLINE_OPACITY: i32 = 230;
/// Width of lines, as a share of a typical cell's diameter, and its limits in pixels.
const LINE_SHARE: f64 = 0.035;
const LINE_WIDTH: [f64; 2] = [0.5, 1.8];
/// Longest side of the smallest and of the largest picture that are drawn; the latter takes about 1 GB.
const LEAST_SIZE: usize = 200;
const MOST_SIZE: usize = 20_000;
/// How often the plot is made smaller until the picture has the size it may have.
const MAX_FITS: usize = 6;

/// The color of every molecule.
#[derive(Clone, Copy)]
pub enum Colors<'a> {
    /// The same for all.
    Plain,
    /// Colors of their own, without a legend.
    Own(&'a (dyn Fn(usize) -> Rgb + Sync)),
    /// By category, with a legend; gray for `None` and beyond the names.
    Categories {
        /// The place of the molecule's category in `names`.
        of: &'a (dyn Fn(usize) -> Option<usize> + Sync),
        /// Names of all categories.
        names: &'a [String],
        /// What they are.
        title: &'a str,
    },
    /// By value, with a bar of colors.
    Values {
        /// The value of the molecule.
        of: &'a (dyn Fn(usize) -> f32 + Sync),
        /// Values of the first and the last color.
        range: [f32; 2],
        /// What is shown.
        title: &'a str,
        /// Which colors.
        scale: Scale,
    },
}

/// Colors of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// From red (doubtful) over gray to blue (sure).
    Diverging,
    /// From light (few) to dark (many).
    Sequential,
}

/// What a picture shows.
pub struct MoleculePicture<'a> {
    /// x of the molecules, `[n]`.
    pub x: &'a [f64],
    /// y of the molecules, `[n]`.
    pub y: &'a [f64],
    /// Their colors.
    pub colors: Colors<'a>,
    /// Boundaries of cells; closed or not.
    pub outlines: &'a [&'a [[f64; 2]]],
    /// Boundaries of the segments of a prior segmentation; closed or not.
    pub prior_outlines: &'a [&'a [[f64; 2]]],
    /// Above the plot; may be empty.
    pub title: &'a str,
    /// Unit of the coordinates, e.g. `µm`; empty if it is not known.
    pub unit: &'a str,
    /// What decides its size.
    pub size: PlotSize,
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// A PNG file.
    pub png: Vec<u8>,
    /// Molecules that are not shown, because they are far away from the others.
    pub n_outside: usize,
}

impl MoleculePicture<'_> {
    /// Draws the picture: molecules half transparent in their order, segments of the prior below them in orange with
    /// dark red borders, outlines of cells above them in black.
    ///
    /// The picture shows nearly all molecules; those alone far away are left out, if it would be much larger for
    /// them. Without any molecule there is an empty frame. No side is longer than `max_plot_size`, which counts as
    /// 200 if it is less, and as 20,000 if it is more.
    pub fn draw(&self) -> Picture {
        let extent = Extent::of(bulk(self.x, self.y));
        let legend = self.legend();
        let plan = Plan::new(self, &extent, &legend);
        let view = &plan.view;
        let mut canvas = Canvas::new(plan.width, plan.height);
        marks::rings(&mut canvas, view, self.prior_outlines, Style::Filled, SEGMENT, SEGMENT_OPACITY);
        let n_outside = self.draw_molecules(&mut canvas, view, plan.marker);
        for (rings, color) in [(self.prior_outlines, SEGMENT_BORDER), (self.outlines, OUTLINE)] {
            // Thin lines around small cells leave something of their colors.
            let thinner = marks::typical_size(view, rings) * LINE_SHARE;
            let width = thinner.clamp(LINE_WIDTH[0], LINE_WIDTH[1]).min(f64::from(plan.text_size / 15.0));
            marks::rings(&mut canvas, view, rings, Style::Lines(width), color, OUTLINE_OPACITY);
        }

        let axes = Axes { unit: self.unit, text_size: plan.text_size };
        axes.draw(&mut canvas, view);
        Layout::new(&legend, plan.text_size, view.height() as i64).draw(&mut canvas, [view.end[0], view.first[1]]);
        let room = (plan.width as i64 - view.first[0]).max(0) as usize;
        let title = text::shortened(self.title, plan.text_size * TITLE, room);
        canvas.write([view.first[0], (plan.text_size * 0.5) as i64], &Ink::of(&title, plan.text_size * TITLE), INK);
        let png = png::encode(canvas.width, canvas.height, canvas.pixels.as_flattened());
        Picture { width: canvas.width as u32, height: canvas.height as u32, png, n_outside }
    }

    fn draw_molecules(&self, canvas: &mut Canvas, view: &View, diameter: f64) -> usize {
        let n = self.x.len().min(self.y.len());
        let place = |molecule: usize| view.place([self.x[molecule], self.y[molecule]]);
        let draw = |canvas: &mut Canvas, color: &(dyn Fn(usize) -> Rgb + Sync)| {
            marks::molecules(canvas, view, n, diameter, place, color)
        };
        match self.colors {
            Colors::Plain => draw(canvas, &|_| PLAIN),
            Colors::Own(color) => draw(canvas, color),
            Colors::Categories { of, names, .. } => {
                let colors = palette::categories(names.len());
                draw(canvas, &|molecule| of(molecule).and_then(|at| colors.get(at).copied()).unwrap_or(palette::NONE))
            }
            Colors::Values { of, range, scale, .. } => {
                let colors = scale.colors();
                draw(canvas, &|molecule| colors[palette::step(of(molecule), range)])
            }
        }
    }

    fn legend(&self) -> Legend {
        match self.colors {
            Colors::Plain | Colors::Own(_) => Legend::None,
            Colors::Categories { names, title, .. } => Legend::Categories {
                title: title.to_owned(),
                entries: palette::categories(names.len()).into_iter().zip(names.iter().cloned()).collect(),
            },
            Colors::Values { range, title, scale, .. } => {
                Legend::Values { title: title.to_owned(), range, colors: scale.colors() }
            }
        }
    }
}

impl Scale {
    /// Its colors, from low to high.
    pub fn colors(self) -> Vec<Rgb> {
        match self {
            Self::Diverging => palette::diverging(),
            Self::Sequential => palette::sequential(),
        }
    }
}

/// Where everything is.
struct Plan {
    width: usize,
    height: usize,
    text_size: f32,
    /// Diameter of a molecule.
    marker: f64,
    view: View,
}

impl Plan {
    fn new(picture: &MoleculePicture<'_>, extent: &Extent, legend: &Legend) -> Self {
        let limit = picture.size.max_plot_size.clamp(LEAST_SIZE, MOST_SIZE) as f64;
        let (wanted, mut marker) = extent.wanted(&picture.size);
        let longest = wanted[0].max(wanted[1]);
        let mut sides = wanted.map(|side| side * (limit / longest).min(1.0));
        let mut plan = Self::with_plot(picture, extent, legend, sides);
        for _ in 0..MAX_FITS {
            let over = [plan.width as f64 - limit, plan.height as f64 - limit];
            let ratio = [0, 1].map(|axis| 1.0 - over[axis].max(0.0) / sides[axis]);
            let ratio = ratio[0].min(ratio[1]).max(0.1);
            if ratio >= 1.0 {
                break;
            }
            // A little more, as pixels are whole.
            sides = sides.map(|side| side * (ratio - 0.001));
            plan = Self::with_plot(picture, extent, legend, sides);
        }
        if longest > limit {
            marker = 1.0;
        }
        // METHOD: where markers of that size would hardly be seen, they are larger: molecules are to cover a
        // third of the plot. DIFFERS: 0.7.1 leaves them as small as a pixel.
        let n_shown = picture.x.len().max(1) as f64;
        let area = plan.view.width() as f64 * plan.view.height() as f64;
        let covering = (4.0 / std::f64::consts::PI * LEAST_COVERED * area / n_shown).sqrt();
        plan.marker = marker.max(covering.min(ENLARGED));
        plan
    }

    /// The plan for a plot of so many pixels.
    fn with_plot(picture: &MoleculePicture<'_>, extent: &Extent, legend: &Legend, sides: [f64; 2]) -> Self {
        let text_size = (sides[0].max(sides[1]) * TEXT_SHARE).clamp(TEXT_SIZE[0], TEXT_SIZE[1]) as f32;
        let axes = Axes { unit: picture.unit, text_size };
        let margin = text_size as i64;
        let top = if picture.title.is_empty() { margin } else { (text_size * (TITLE * 1.2 + 0.8)) as i64 };
        let mut view = View::new(extent, [0, top], sides);
        let [left, below] = axes.room(&view);
        view = View::new(extent, [left, top], sides);
        let right = Layout::new(legend, text_size, view.height() as i64).width();
        let width = (view.end[0] + right + margin) as usize;
        Self { width, height: (view.end[1] + below) as usize, text_size, marker: 1.0, view }
    }
}

#[cfg(test)]
mod tests;
