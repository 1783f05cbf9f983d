//! A picture of the molecules on the prior, so that a wrong offset or unit is seen at once.
//!
//! Segments are gray with dark borders. Molecules in segments are blue, others vermilion, more intense where there are
//! more of them; without areas (a prior column) they have the colors of their segments. y runs downwards, as in
//! images. A black frame is the extent of the prior, a red one that of the molecules, and ticks have coordinates.

mod canvas;

use std::path::Path;

use canvas::{Canvas, Rgb, View};

use crate::data::{Positions, SegmentIdx};
use crate::io::atomic::{WriteError, write_file};
use crate::io::images::write_rgb_png;
use crate::prior::{Overview, Placement, Polygons};
use crate::spatial::extent::bulk;

const SEGMENT: Rgb = [222, 222, 222];
const BORDER: Rgb = [120, 120, 120];
const PRIOR_FRAME: Rgb = [0, 0, 0];
const MOLECULES_FRAME: Rgb = [200, 30, 60];
/// Colors that are told apart with any kind of color vision (Okabe and Ito).
const INSIDE: Rgb = [0, 114, 178];
const OUTSIDE: Rgb = [213, 94, 0];
const SEGMENTS: [Rgb; 6] = [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [86, 180, 233], [230, 159, 0]];
const NO_SEGMENT: Rgb = [170, 170, 170];
/// Fewer molecules are drawn as larger dots: so many, and the dot.
const DOTS: [(usize, &[[i64; 2]]); 2] = [
    (
        3_000,
        &[
            [0, 0],
            [1, 0],
            [-1, 0],
            [0, 1],
            [0, -1],
            [1, 1],
            [1, -1],
            [-1, 1],
            [-1, -1],
            [2, 0],
            [-2, 0],
            [0, 2],
            [0, -2],
        ],
    ),
    (60_000, &[[0, 0], [1, 0], [0, 1], [1, 1]]),
];

/// What lies below the molecules.
#[derive(Clone, Copy, Debug)]
pub enum Backdrop<'a> {
    /// Nothing: the segments have no areas.
    Nothing,
    /// A label image.
    Labels {
        /// The image at a glance.
        overview: &'a Overview,
        /// Where the whole image lies.
        placement: &'a Placement,
    },
    /// Boundaries.
    Polygons(&'a Polygons),
}

/// A picture of 8 bits per channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels per row, at most 1200.
    pub width: u32,
    /// Rows, at most 1200.
    pub height: u32,
    /// Red, green and blue of every pixel, row by row. `[height * width * 3]`
    pub rgb: Vec<u8>,
}

/// Paints the molecules on the prior.
///
/// `segment_of` are the segments after small ones are dropped, `[n_molecules]`; none at all if it is empty. The
/// picture shows the prior and all molecules but outliers; those that are alone far away are left out. The same
/// input gives the same picture.
pub fn paint_overview(positions: &Positions, segment_of: &[Option<SegmentIdx>], backdrop: Backdrop) -> Picture {
    let of_molecules = bulk(&positions.x, &positions.y);
    let of_prior = match backdrop {
        Backdrop::Nothing => None,
        Backdrop::Labels { placement, .. } => Some(placement.rectangle()),
        Backdrop::Polygons(polygons) => polygons.rectangle(),
    };
    let mut canvas = Canvas::new(View::of(of_molecules.into_iter().chain(of_prior)));
    match backdrop {
        Backdrop::Nothing => {}
        Backdrop::Labels { overview, placement } => paint_labels(&mut canvas, overview, placement),
        Backdrop::Polygons(polygons) => paint_polygons(&mut canvas, polygons),
    }
    let has_areas = !matches!(backdrop, Backdrop::Nothing);
    let color = |molecule: usize| match segment_of.get(molecule).copied().flatten() {
        Some(_) if has_areas => INSIDE,
        Some(segment) => SEGMENTS[segment.idx() % SEGMENTS.len()],
        None if has_areas => OUTSIDE,
        None => NO_SEGMENT,
    };
    paint_molecules(&mut canvas, positions, color);
    if let Some(rectangle) = of_molecules {
        canvas.frame(rectangle, MOLECULES_FRAME);
    }
    if let Some(rectangle) = of_prior {
        canvas.frame(rectangle, PRIOR_FRAME);
    }
    canvas.axes();
    let (width, height) = (canvas.view.width as u32, canvas.view.height as u32);
    Picture { width, height, rgb: canvas.pixels.into_flattened() }
}

/// Writes the picture as PNG.
pub fn write_overview(path: &Path, picture: &Picture) -> Result<(), WriteError> {
    write_file(path, |file| write_rgb_png(file, picture.width as usize, picture.height as usize, &picture.rgb))
}

/// Areas of labels, with a border wherever the label changes.
fn paint_labels(canvas: &mut Canvas, overview: &Overview, placement: &Placement) {
    let image = &overview.image;
    let label = |at: [i64; 2], view: &View| -> u32 {
        let [x, y] = view.coordinates(at);
        let Some([column, row, _]) = placement.pixel([x, y, placement.depth.center(0.0)]) else { return 0 };
        let (column, row) = (column as usize / overview.step, row as usize / overview.step);
        image.labels.get(row * image.width + column).copied().unwrap_or(0)
    };
    let view = canvas.view;
    let [first, end] = view.plot();
    let mut above = vec![0; (end[0] - first[0]).max(0) as usize];
    for row in first[1]..end[1] {
        let mut left = 0;
        for (above, column) in above.iter_mut().zip(first[0]..end[0]) {
            let here = label([column, row], &view);
            if here != left || here != *above {
                canvas.set([column, row], BORDER);
            } else if here != 0 {
                canvas.set([column, row], SEGMENT);
            }
            left = here;
            *above = here;
        }
    }
}

fn paint_polygons(canvas: &mut Canvas, polygons: &Polygons) {
    for part in 0..polygons.n_parts() {
        for ring in polygons.rings(part) {
            canvas.fill(ring, SEGMENT);
        }
    }
    for part in 0..polygons.n_parts() {
        for ring in polygons.rings(part) {
            for (at, &to) in ring.iter().enumerate() {
                let from = ring[(at + ring.len() - 1) % ring.len()];
                canvas.line(from, to, BORDER);
            }
        }
    }
}

/// Molecules as dots that add up.
///
/// METHOD: the opacity is n / (n + m) for n molecules on a pixel and m on an average one that has some, so that
/// dense and sparse data both show their differences; never less than half, so that a single one is seen.
fn paint_molecules(canvas: &mut Canvas, positions: &Positions, color: impl Fn(usize) -> Rgb) {
    let dot = DOTS.iter().find(|(n, _)| positions.len() < *n).map_or(&[[0, 0]][..], |(_, dot)| dot);
    // Number of molecules, and sums of their colors.
    let mut sums = vec![[0u64; 4]; canvas.pixels.len()];
    for molecule in 0..positions.len() {
        let at = canvas.view.pixel([positions.x[molecule], positions.y[molecule]]);
        let color = color(molecule);
        for offset in dot {
            if let Some(place) = canvas.view.place([at[0] + offset[0], at[1] + offset[1]]) {
                let sum = &mut sums[place];
                sum[0] += 1;
                for (sum, channel) in sum[1..].iter_mut().zip(color) {
                    *sum += u64::from(channel);
                }
            }
        }
    }
    let (n_dots, n_used) =
        sums.iter().fold((0, 0), |(n_dots, n_used), sum| (n_dots + sum[0], n_used + u64::from(sum[0] > 0)));
    let average = n_dots as f64 / n_used.max(1) as f64;
    for (pixel, &[n, ref colors @ ..]) in canvas.pixels.iter_mut().zip(&sums) {
        if n > 0 {
            let n = n as f64;
            let opacity = (n / (n + average)).max(0.5);
            for (channel, &sum) in pixel.iter_mut().zip(colors) {
                *channel = (f64::from(*channel) * (1.0 - opacity) + sum as f64 / n * opacity).round() as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{LabelImage, PixelFrame};
    use crate::prior::{PolygonsBuilder, SegmentLabels, scan_image};

    fn count(picture: &Picture, color: Rgb) -> usize {
        picture.rgb.chunks_exact(3).filter(|pixel| pixel == &color).count()
    }

    /// Whether some pixel is of about this color.
    fn shows(picture: &Picture, hue: impl Fn(i32, i32, i32) -> bool) -> bool {
        picture.rgb.chunks_exact(3).any(|pixel| hue(pixel[0].into(), pixel[1].into(), pixel[2].into()))
    }

    fn blue(r: i32, g: i32, b: i32) -> bool {
        b > g + 20 && g > r + 20
    }

    fn orange(r: i32, g: i32, b: i32) -> bool {
        r > g + 20 && g > b + 40
    }

    #[test]
    fn picture_shows_segments_molecules_inside_and_outside_and_frames() {
        let image = LabelImage { width: 20, height: 10, labels: (0..200).map(|at| u32::from(at % 20 < 8)).collect() };
        let placement = Placement::flat(PixelFrame::new([2.0; 2], [0.0; 2]), 20, 10);
        let positions = Positions { x: vec![4.0, 30.0, 39.0], y: vec![4.0, 10.0, 1.0], z: None };
        let scan = scan_image(&image, placement, &positions);
        let segment_of = [SegmentIdx::from_number(1), None, None];
        let backdrop = Backdrop::Labels { overview: &scan.overview, placement: &placement };
        let picture = paint_overview(&positions, &segment_of, backdrop);
        assert_eq!(picture.rgb.len(), (picture.width * picture.height * 3) as usize);
        assert!(picture.width.max(picture.height) <= 1200);
        assert!(shows(&picture, blue) && shows(&picture, orange));
        // Eight of twenty columns, less the border and the dot.
        let share = count(&picture, SEGMENT) as f64 / (picture.width * picture.height) as f64;
        assert!((0.3..0.42).contains(&share), "{share}");
        assert!(count(&picture, PRIOR_FRAME) > 500 && count(&picture, MOLECULES_FRAME) > 200);
        assert_eq!(paint_overview(&positions, &segment_of, backdrop), picture);

        let mut bytes = Vec::new();
        write_rgb_png(&mut bytes, picture.width as usize, picture.height as usize, &picture.rgb).unwrap();
        let decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, picture.rgb);
    }

    #[test]
    fn polygons_are_filled_and_columns_color_the_molecules() {
        let mut builder = PolygonsBuilder::default();
        for vertex in [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]] {
            builder.push_vertex(vertex);
        }
        builder.end_ring();
        builder.end_part(0);
        let (polygons, _) = builder.finish(SegmentLabels::Numbers(vec![1]));
        let positions = Positions { x: vec![5.0, 20.0], y: vec![5.0, 5.0], z: None };
        let segment_of = [SegmentIdx::from_number(1), None];
        let picture = paint_overview(&positions, &segment_of, Backdrop::Polygons(&polygons));
        assert!(count(&picture, SEGMENT) > 100_000 && shows(&picture, blue) && shows(&picture, orange));
        let picture = paint_overview(&positions, &segment_of, Backdrop::Nothing);
        assert!(shows(&picture, blue) && !shows(&picture, orange));
    }

    #[test]
    fn nothing_points_and_far_outliers_give_a_picture() {
        let nothing = paint_overview(&Positions::default(), &[], Backdrop::Nothing);
        assert!(nothing.width > 0 && nothing.height > 0);
        let mut positions = Positions { x: vec![3.0; 5000], y: vec![4.0; 5000], z: None };
        paint_overview(&positions, &[], Backdrop::Nothing);
        positions.x.iter_mut().enumerate().for_each(|(at, x)| *x = at as f64);
        positions.x[9] = 1e300;
        positions.y[3] = -1e300;
        let picture = paint_overview(&positions, &[], Backdrop::Nothing);
        assert!(picture.width == 1200 && picture.height <= 1200);
    }
}
