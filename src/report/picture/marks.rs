//! Molecules and outlines, drawn in parallel by bands of rows.
//!
//! Within a band everything is drawn in order of its index, so that threads cannot change a pixel. Memory: 4 bytes per
//! molecule and a few for every outline.

use std::ops::Range;

use rayon::prelude::*;

use super::canvas::{Canvas, mix};
use super::palette::Rgb;
use super::view::View;
use crate::numeric::stats;

/// Rows of a band.
const BAND: usize = 64;
/// Places of a molecule within a pixel, along an axis.
const PHASES: usize = 4;
/// Parts of a pixel, along an axis, by which its coverage is counted.
const PARTS: usize = 8;
/// Opacity of a molecule, of 256.
const MOLECULE_OPACITY: usize = 128;
/// Opacities are multiples of this: with fewer colors files are smaller.
const OPACITY_STEP: usize = 16;

/// Which bands each of some items is in, as lists of items by band.
struct Bands {
    /// Start of every band's items, `[n_bands + 1]`.
    offsets: Vec<usize>,
    /// Items, ascending within a band.
    items: Vec<u32>,
}

impl Bands {
    /// Sorts items `0..n` by the rows that each needs; `None` where it is not to be drawn.
    fn of(n: usize, rows: Range<i64>, needs: impl Fn(usize) -> Option<Range<i64>>) -> Self {
        let n_bands = ((rows.end - rows.start).max(0) as usize).div_ceil(BAND);
        let bands = |item: usize| {
            let Some(needed) = needs(item) else { return 0..0 };
            let (from, to) = (needed.start.max(rows.start) - rows.start, needed.end.min(rows.end) - rows.start);
            if from < to { from as usize / BAND..(to as usize).div_ceil(BAND) } else { 0..0 }
        };
        let mut offsets = vec![0; n_bands + 1];
        for item in 0..n {
            bands(item).for_each(|band| offsets[band + 1] += 1);
        }
        for band in 0..n_bands {
            offsets[band + 1] += offsets[band];
        }
        let mut next = offsets.clone();
        let mut items = vec![0; offsets[n_bands]];
        for item in 0..n {
            for band in bands(item) {
                items[next[band]] = item as u32;
                next[band] += 1;
            }
        }
        Self { offsets, items }
    }

    fn of_band(&self, band: usize) -> &[u32] {
        &self.items[self.offsets[band]..self.offsets[band + 1]]
    }
}

/// Calls `draw` for every band of the plot, in parallel: its number, first row, and rows of the whole picture's width.
fn for_bands(canvas: &mut Canvas, view: &View, draw: impl Fn(usize, i64, &mut [Rgb]) + Sync) {
    let width = canvas.width;
    let rows = &mut canvas.pixels[view.first[1] as usize * width..view.end[1] as usize * width];
    rows.par_chunks_mut((BAND * width).max(1))
        .enumerate()
        .for_each(|(band, pixels)| draw(band, view.first[1] + (band * BAND) as i64, pixels));
}

/// Draws molecules as half transparent dots with soft borders, in their order. `place` gives column and row, `color`
/// the color. Returns how many are outside of the plot.
pub(super) fn molecules(
    canvas: &mut Canvas,
    view: &View,
    n: usize,
    diameter: f64,
    place: impl Fn(usize) -> [f64; 2] + Sync,
    color: impl Fn(usize) -> Rgb + Sync,
) -> usize {
    let stamps = Stamps::new(diameter);
    let mut n_outside = 0;
    let is_in: Vec<bool> = (0..n).map(|molecule| view.shows(place(molecule))).collect();
    is_in.iter().for_each(|&is_in| n_outside += usize::from(!is_in));
    let bands = Bands::of(n, view.first[1]..view.end[1], |molecule| {
        is_in[molecule].then(|| {
            let top = stamps.corner(place(molecule)).1[1];
            top..top + stamps.side as i64
        })
    });
    drop(is_in);
    let width = canvas.width as i64;
    for_bands(canvas, view, |band, first_row, pixels| {
        let n_rows = pixels.len() as i64 / width;
        for &molecule in bands.of_band(band) {
            let (stamp, corner) = stamps.corner(place(molecule as usize));
            let color = color(molecule as usize);
            let columns = corner[0].max(view.first[0])..(corner[0] + stamps.side as i64).min(view.end[0]);
            let rows = corner[1].max(first_row)..(corner[1] + stamps.side as i64).min(first_row + n_rows);
            for row in rows {
                let line = &stamp[(row - corner[1]) as usize * stamps.side..][..stamps.side];
                let start = ((row - first_row) * width + columns.start) as usize;
                let line = &line[(columns.start - corner[0]) as usize..];
                let into = &mut pixels[start..start + (columns.end - columns.start) as usize];
                for (pixel, &opacity) in into.iter_mut().zip(line) {
                    if opacity > 0 {
                        *pixel = mix(*pixel, color, i32::from(opacity));
                    }
                }
            }
        }
    });
    n_outside
}

/// A dot at several places within a pixel.
struct Stamps {
    /// Pixels along a side.
    side: usize,
    radius: f64,
    /// Opacities of 256, `[PHASES * PHASES * side * side]`, rows of phases first.
    opacities: Vec<u8>,
}

impl Stamps {
    fn new(diameter: f64) -> Self {
        let radius = 0.5 * diameter;
        let side = diameter.ceil() as usize + 1;
        let inside = |phase: [usize; 2], pixel: [usize; 2], part: usize| {
            let distance = |axis: usize, part: usize| {
                let center = radius + (phase[axis] as f64 + 0.5) / PHASES as f64;
                pixel[axis] as f64 + (part as f64 + 0.5) / PARTS as f64 - center
            };
            distance(0, part % PARTS).powi(2) + distance(1, part / PARTS).powi(2) <= radius * radius
        };
        let mut opacities = Vec::with_capacity(PHASES * PHASES * side * side);
        for phase in 0..PHASES * PHASES {
            let phase = [phase % PHASES, phase / PHASES];
            for pixel in 0..side * side {
                let pixel = [pixel % side, pixel / side];
                let n_covered = (0..PARTS * PARTS).filter(|&part| inside(phase, pixel, part)).count();
                let opacity = (n_covered * MOLECULE_OPACITY).div_ceil(PARTS * PARTS);
                opacities.push(((opacity + OPACITY_STEP / 2) / OPACITY_STEP * OPACITY_STEP) as u8);
            }
        }
        Self { side, radius, opacities }
    }

    /// The stamp for a place, and the pixel of its upper left corner.
    #[inline]
    fn corner(&self, place: [f64; 2]) -> (&[u8], [i64; 2]) {
        let corner = place.map(|place| place - self.radius);
        let pixel = corner.map(|corner| corner.floor());
        let phase = [0, 1].map(|axis| (((corner[axis] - pixel[axis]) * PHASES as f64) as usize).min(PHASES - 1));
        let size = self.side * self.side;
        (&self.opacities[(phase[1] * PHASES + phase[0]) * size..][..size], pixel.map(|pixel| pixel as i64))
    }
}

/// Diameter in pixels of a typical ring: the median of its longer sides; 0 without rings.
pub(super) fn typical_size(view: &View, rings: &[&[[f64; 2]]]) -> f64 {
    let side = |ring: &&[[f64; 2]]| {
        let side = |axis: usize| {
            let along = ring.iter().map(|vertex| vertex[axis]);
            let (low, high) =
                along.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), at| (low.min(at), high.max(at)));
            high - low
        };
        side(0).max(side(1)).max(0.0) * view.pixels_per_unit
    };
    let mut sides: Vec<f64> = rings.par_iter().map(side).collect();
    if sides.is_empty() { 0.0 } else { stats::median(&mut sides) }
}

/// How rings are drawn.
#[derive(Clone, Copy, Debug)]
pub(super) enum Style {
    /// Their insides, by the even-odd rule.
    Filled,
    /// Lines of so many pixels.
    Lines(f64),
}

/// Draws rings of one color, the last vertex joined to the first; where they overlap no more intense. `opacity` is of
/// 256.
pub(super) fn rings(canvas: &mut Canvas, view: &View, rings: &[&[[f64; 2]]], style: Style, color: Rgb, opacity: i32) {
    let around = match style {
        Style::Filled => 0,
        Style::Lines(width) => (0.5 * width + 1.0).ceil() as i64,
    };
    let bands = Bands::of(rings.len(), view.first[1]..view.end[1], |ring| {
        let rows = rings[ring].iter().map(|&vertex| view.pixel(vertex)[1]);
        let (low, high) = rows.fold((i64::MAX, i64::MIN), |(low, high), row| (low.min(row), high.max(row)));
        (low <= high).then_some(low - around..high + around + 1)
    });
    let width = canvas.width;
    for_bands(canvas, view, |band, first_row, pixels| {
        let of_band = bands.of_band(band);
        if of_band.is_empty() {
            return;
        }
        let mut mask = Mask {
            first: [view.first[0], first_row],
            width: view.width(),
            height: pixels.len() / width,
            coverage: vec![0; view.width() * (pixels.len() / width)],
        };
        let mut places = Vec::new();
        for &ring in of_band {
            places.clear();
            places.extend(rings[ring as usize].iter().map(|&vertex| view.place(vertex)));
            match style {
                Style::Filled => mask.fill(&places),
                Style::Lines(width) => edges(&places).for_each(|(from, to)| mask.line(from, to, 0.5 * width)),
            }
        }
        for (row, line) in mask.coverage.chunks(mask.width.max(1)).enumerate() {
            let into = &mut pixels[row * width + view.first[0] as usize..][..mask.width];
            for (pixel, &share) in into.iter_mut().zip(line).filter(|(_, share)| **share > 0) {
                *pixel = mix(*pixel, color, i32::from(share) * opacity / 255);
            }
        }
    });
}

/// Edges of a ring, whether its first vertex is repeated or not.
fn edges(places: &[[f64; 2]]) -> impl Iterator<Item = ([f64; 2], [f64; 2])> {
    (0..places.len()).map(|at| (places[at], places[(at + 1) % places.len()]))
}

/// Coverage of the pixels of a band.
struct Mask {
    first: [i64; 2],
    width: usize,
    height: usize,
    coverage: Vec<u8>,
}

impl Mask {
    /// Pixels between two places along an axis, so far around, in the mask.
    fn range(&self, axis: usize, from: f64, to: f64) -> Range<i64> {
        let end = self.first[axis] + if axis == 0 { self.width } else { self.height } as i64;
        let (low, high) = (from.min(to).floor() as i64, from.max(to).floor() as i64 + 1);
        low.max(self.first[axis])..high.min(end)
    }

    fn cover(&mut self, column: i64, row: i64, share: f64) {
        let at = (row - self.first[1]) as usize * self.width + (column - self.first[0]) as usize;
        let share = (share.min(1.0) * 255.0) as u8;
        self.coverage[at] = self.coverage[at].max(share);
    }

    /// A line with round ends and soft borders.
    fn line(&mut self, from: [f64; 2], to: [f64; 2], radius: f64) {
        let step = [to[0] - from[0], to[1] - from[1]];
        let length2 = step[0] * step[0] + step[1] * step[1];
        let reach = radius + 0.5;
        // Half of the columns that the line covers in a row.
        let across = if step[1] == 0.0 { f64::INFINITY } else { reach * length2.sqrt() / step[1].abs() };
        let (top, bottom) = (from[1].min(to[1]) - reach, from[1].max(to[1]) + reach);
        let (left, right) = (from[0].min(to[0]) - reach, from[0].max(to[0]) + reach);
        for row in self.range(1, top, bottom) {
            let y = row as f64 + 0.5;
            let middle = if across.is_finite() { from[0] + step[0] * (y - from[1]) / step[1] } else { from[0] };
            for column in self.range(0, left.max(middle - across), right.min(middle + across)) {
                let x = column as f64 + 0.5;
                let along = ((x - from[0]) * step[0] + (y - from[1]) * step[1]) / length2.max(1e-12);
                let along = along.clamp(0.0, 1.0);
                let away = [from[0] + along * step[0] - x, from[1] + along * step[1] - y];
                let share = reach - (away[0] * away[0] + away[1] * away[1]).sqrt();
                if share > 0.0 {
                    self.cover(column, row, share);
                }
            }
        }
    }

    /// The inside of a ring.
    fn fill(&mut self, places: &[[f64; 2]]) {
        let rows = places
            .iter()
            .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], place| [low.min(place[1]), high.max(place[1])]);
        let mut crossings: Vec<f64> = Vec::new();
        for row in self.range(1, rows[0], rows[1]) {
            let y = row as f64 + 0.5;
            crossings.clear();
            let crossed = edges(places).filter(|(from, to)| (from[1] > y) != (to[1] > y));
            crossings.extend(crossed.map(|(from, to)| from[0] + (y - from[1]) / (to[1] - from[1]) * (to[0] - from[0])));
            crossings.sort_unstable_by(f64::total_cmp);
            for span in crossings.chunks_exact(2) {
                // Pixels whose middle is inside.
                for column in self.range(0, (span[0] + 0.5).floor(), (span[1] + 0.5).floor() - 1.0) {
                    if (column as f64 + 0.5) >= span[0] && (column as f64 + 0.5) < span[1] {
                        self.cover(column, row, 1.0);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::picture::view::Extent;

    const BLACK: Rgb = [0, 0, 0];

    /// A plot of 200 by 200 pixels at (10, 10), a pixel per unit.
    fn plot() -> (Canvas, View) {
        let extent = Extent { low: [0.0; 2], size: [200.0; 2] };
        (Canvas::new(230, 220), View::new(&extent, [10, 10], [200.0; 2]))
    }

    /// Darkness, 1 for a black pixel.
    fn ink(canvas: &Canvas) -> f64 {
        canvas.pixels.iter().map(|pixel| f64::from(255 - pixel[0]) / 255.0).sum()
    }

    #[test]
    fn a_dot_has_half_the_ink_of_its_area_wherever_it_is() {
        for at in [[50.0, 63.5], [50.25, 64.0], [99.9, 64.1], [120.6, 127.99]] {
            let (mut canvas, view) = plot();
            let n_outside = molecules(&mut canvas, &view, 1, 4.0, |_| view.place(at), |_| BLACK);
            let expected = 0.5 * std::f64::consts::PI * 4.0;
            assert!(n_outside == 0 && (ink(&canvas) / expected - 1.0).abs() < 0.05, "{at:?} {}", ink(&canvas));
            // Its center of mass is its place, to an eighth of a pixel and the rounding of colors.
            for axis in 0..2 {
                let moment = canvas.pixels.iter().enumerate().map(|(pixel, color)| {
                    let middle = [pixel % 230, pixel / 230][axis] as f64 + 0.5 - 10.0;
                    f64::from(255 - color[0]) / 255.0 * middle
                });
                assert!((moment.sum::<f64>() / ink(&canvas) - at[axis]).abs() < 0.2, "{at:?}");
            }
        }
    }

    #[test]
    fn later_molecules_are_above_earlier_ones_and_outside_nothing_is_drawn() {
        let (mut canvas, view) = plot();
        let places = [[20.5, 20.5], [20.5, 20.5], [-300.0, 5.0], [200.0, 5.0]];
        let colors = [[255, 0, 0], [0, 0, 255], BLACK, BLACK];
        let n_outside = molecules(&mut canvas, &view, 4, 3.0, |at| view.place(places[at]), |at| colors[at]);
        assert_eq!(n_outside, 2);
        assert_eq!(canvas.pixels[30 * 230 + 30], [128, 64, 192]);
    }

    #[test]
    fn lines_have_their_width_and_joints_no_more() {
        let square = [[50.0, 50.0], [150.0, 50.0], [150.0, 150.0], [50.0, 150.0], [50.0, 50.0]];
        for ring in [&square[..], &square[..4]] {
            let (mut canvas, view) = plot();
            rings(&mut canvas, &view, &[ring, ring], Style::Lines(2.0), BLACK, 256);
            assert!((ink(&canvas) - 800.0).abs() < 12.0, "{}", ink(&canvas));
        }
        let tilted = [[30.2, 40.1], [150.7, 170.3]];
        let (mut canvas, view) = plot();
        rings(&mut canvas, &view, &[&tilted], Style::Lines(1.0), BLACK, 128);
        let length = (120.5f64.powi(2) + 130.2f64.powi(2)).sqrt();
        assert!((ink(&canvas) / (0.5 * length) - 1.0).abs() < 0.05, "{}", ink(&canvas));
    }

    #[test]
    fn the_inside_of_a_ring_is_its_area() {
        let triangle = [[20.0, 20.0], [180.0, 30.0], [90.0, 190.0]];
        let (mut canvas, view) = plot();
        rings(&mut canvas, &view, &[&triangle], Style::Filled, BLACK, 256);
        let area = 0.5 * ((160.0 * 170.0) - (10.0 * 70.0f64));
        assert!((ink(&canvas) / area - 1.0).abs() < 0.01, "{} {area}", ink(&canvas));
        // Far outside, and too few vertices.
        let far = [[-1e9, -1e9], [1e9, -1e9], [1e9, 1e9], [-1e9, 1e9]];
        rings(&mut canvas, &view, &[&far, &far[..1], &[]], Style::Filled, BLACK, 256);
        assert_eq!(ink(&canvas), 40_000.0);
        rings(&mut canvas, &view, &[&far, &far[..1], &[]], Style::Lines(2.0), BLACK, 256);
    }

    #[test]
    fn threads_change_no_pixel() {
        let draw = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
            pool.install(|| {
                let (mut canvas, view) = plot();
                let place = |at: usize| view.place([(at * 7919 % 20_011) as f64 / 100.0, (at % 2003) as f64 / 10.0]);
                let color = |at: usize| [at as u8, (at >> 4) as u8, (at >> 8) as u8];
                molecules(&mut canvas, &view, 30_000, 3.3, place, color);
                canvas.pixels
            })
        };
        assert_eq!(draw(1), draw(3));
    }
}
