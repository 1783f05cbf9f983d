use super::*;
use crate::data::PixelFrame;
use crate::numeric::draws::{Draws, Stream};
use crate::prior::placement::{Depth, ImageSize};

fn flat(width: usize, height: usize) -> Placement {
    Placement::flat(PixelFrame::new([1.0; 2], [0.0; 2]), width, height)
}

fn points(at: &[[f64; 2]]) -> Positions {
    Positions { x: at.iter().map(|point| point[0]).collect(), y: at.iter().map(|point| point[1]).collect(), z: None }
}

fn scan_of(labels: &[u32], width: usize, reading: Reading, positions: &Positions) -> Scan {
    let mut scan = LabelScan::new(flat(width, labels.len() / width), positions, reading);
    scan.take(&LabelBlock { row: 0, column: 0, width, labels });
    scan.finish()
}

fn judged(labels: &[u32], width: usize) -> (Content, ContentStatistics) {
    let scan = scan_of(labels, width, Reading::Recognize, &Positions::default());
    (scan.content, scan.statistics)
}

/// A picture from a function of column and row.
fn picture(width: usize, height: usize, pixel: impl Fn(usize, usize) -> u32) -> Vec<u32> {
    (0..width * height).map(|at| pixel(at % width, at / width)).collect()
}

fn uniform(key: u64) -> f64 {
    Draws::new(17, Stream::Jitter).at(0).uniform(key)
}

/// Ellipses on a jittered grid: the value of the nucleus at a pixel, from its number.
fn nuclei(width: usize, height: usize, pitch: usize, value: impl Fn(usize) -> u32) -> Vec<u32> {
    let per_row = width.div_ceil(pitch);
    picture(width, height, |column, row| {
        let number = row / pitch * per_row + column / pitch;
        let jitter = |k: u64| (uniform(10 * number as u64 + k) - 0.5) * 0.2;
        let (x, y) = (
            (column % pitch) as f64 / pitch as f64 - 0.5 - jitter(0),
            (row % pitch) as f64 / pitch as f64 - 0.5 - jitter(1),
        );
        let tilt = 4.0 * jitter(2);
        let distance2 = (x + tilt * y).powi(2) / 0.12 + y * y / 0.06;
        if distance2 < 1.0 { value(number) } else { 0 }
    })
}

/// The number of the nearest of `n` seeds: touching cells without background.
fn voronoi(width: usize, height: usize, n: u64) -> Vec<u32> {
    let seeds: Vec<[f64; 2]> =
        (0..n).map(|i| [uniform(2 * i) * width as f64, uniform(2 * i + 1) * height as f64]).collect();
    picture(width, height, |column, row| {
        let distance = |seed: &[f64; 2]| (seed[0] - column as f64).powi(2) + (seed[1] - row as f64).powi(2);
        let nearest = (0..seeds.len()).min_by(|&a, &b| distance(&seeds[a]).total_cmp(&distance(&seeds[b])));
        nearest.unwrap_or(0) as u32 + 1
    })
}

/// A smooth stain: bumps at the nuclei, with noise, in counts of at most `largest`.
fn stain(width: usize, height: usize, pitch: usize, noise: f64, gain: f64, largest: f64) -> Vec<u32> {
    picture(width, height, |column, row| {
        let bump = |at: usize| ((at % pitch) as f64 / pitch as f64 * std::f64::consts::TAU).cos() * -0.5 + 0.5;
        let number = (row / pitch * 1000 + column / pitch) as u64;
        let value = bump(column) * bump(row) * (0.3 + uniform(1_000_000 + number));
        let speckle = noise * (uniform(7_000_000 + (row * width + column) as u64) - 0.5);
        ((value + 0.02 + speckle) * gain).clamp(0.0, largest) as u32
    })
}

#[test]
fn molecules_get_the_label_of_their_pixel() {
    let labels = [4, 0, 0, 4, 9, 0];
    let positions = points(&[[0.5, 0.5], [1.0, 1.0], [2.99, 1.99], [3.0, 0.0], [-0.1, 0.0], [0.0, 1.5]]);
    let scan = scan_of(&labels, 3, Reading::Recognize, &positions);
    assert_eq!(scan.label_of, [4, 9, 0, 0, 0, 4]);
    assert_eq!((scan.content, scan.n_outside), (Content::Labels, 2));
    let counts: Vec<_> =
        scan.regions.iter().map(|region| (region.label, region.n_pixels, region.n_molecules)).collect();
    assert_eq!(counts, [(4, 2, 2), (9, 1, 1)]);
    assert_eq!((scan.regions[0].center, scan.regions[0].high), ([0.0, 0.5, 0.0], [0, 1, 0]));
    assert_eq!(scan.overview.image.labels, labels);
}

#[test]
fn parts_of_a_mask_become_segments_numbered_by_their_first_pixels() {
    let mask = [255, 0, 255, 0, 0, 255, 255, 255, 0];
    let positions = points(&[[0.5, 0.5], [2.5, 0.5], [0.5, 2.5], [1.5, 1.5]]);
    let scan = scan_of(&mask, 3, Reading::Recognize, &positions);
    assert_eq!((scan.content, scan.statistics.n_values), (Content::Mask, 1));
    assert_eq!(scan.label_of, [1, 2, 3, 0]);
    assert_eq!(scan.overview.image.labels, [1, 0, 2, 0, 0, 2, 3, 3, 0]);
    assert_eq!(scan.regions.iter().map(|region| region.n_molecules).collect::<Vec<_>>(), [1, 1, 1]);
    // Asked to, the value is taken as a label, and labels as a mask.
    let labels = scan_of(&mask, 3, Reading::Labels, &positions);
    assert_eq!((labels.content, labels.label_of), (Content::Labels, vec![255, 255, 255, 0]));
    let as_mask = scan_of(&[7, 8, 0, 9], 2, Reading::Mask, &points(&[[0.5, 0.5], [1.5, 0.5], [1.5, 1.5]]));
    assert_eq!((as_mask.content, as_mask.label_of), (Content::Mask, vec![1, 1, 1]));
}

#[test]
fn pages_of_a_stack_are_layers_of_z() {
    let size = ImageSize { width: 2, height: 1, n_pages: 3 };
    let frame = PixelFrame::new([1.0; 2], [0.0; 2]);
    let placement = Placement { frame, size, depth: Depth::Stack { corner: 0.0, step: 2.0 } };
    let mut positions = points(&[[0.5, 0.5], [0.5, 0.5], [1.5, 0.5], [0.5, 0.5]]);
    positions.z = Some(vec![0.1, 3.0, 5.0, 7.0]);
    for (pages, content, expected) in [
        ([[3, 0], [5, 0], [0, 3]], Content::Labels, [3, 5, 3, 0]),
        ([[1, 0], [1, 0], [0, 1]], Content::Mask, [1, 1, 2, 0]),
    ] {
        let mut scan = LabelScan::new(placement, &positions, Reading::Recognize);
        for (page, labels) in pages.iter().enumerate() {
            scan.begin_page(page);
            scan.take(&LabelBlock { row: 0, column: 0, width: 2, labels });
        }
        let scan = scan.finish();
        assert_eq!((scan.label_of, scan.n_outside, scan.content), (expected.to_vec(), 1, content));
        assert_eq!(scan.overview.image.labels, [expected[0], expected[2]]);
    }
}

#[test]
fn any_cut_into_blocks_gives_the_same_scan() {
    let (width, height) = (53, 37);
    let images = [
        voronoi(width, height, 30),
        nuclei(width, height, 12, |_| 255),
        nuclei(width, height, 12, |number| number as u32 + 5_000_000),
        stain(width, height, 12, 0.3, 200.0, 255.0),
    ];
    let at: Vec<[f64; 2]> = (0..400).map(|i| [uniform(3 * i) * 60.0 - 3.0, uniform(3 * i + 1) * 40.0 - 1.0]).collect();
    let positions = points(&at);
    for labels in &images {
        let whole = scan_of(labels, width, Reading::Recognize, &positions);
        for (tile_width, tile_height, order) in [(53, 1, 0), (16, 16, 1), (7, 5, 2), (64, 64, 0), (1, 37, 1)] {
            let mut tiles: Vec<(usize, usize)> = (0..height.div_ceil(tile_height))
                .flat_map(|row| (0..width.div_ceil(tile_width)).map(move |column| (row, column)))
                .collect();
            match order {
                1 => tiles.reverse(),
                2 => tiles.sort_by_key(|&(row, column)| uniform((row * 100 + column) as u64).to_bits()),
                _ => {}
            }
            let mut scan = LabelScan::new(flat(width, height), &positions, Reading::Recognize);
            for (row, column) in tiles {
                // As files store them: tiles beyond the border are filled up.
                let block = picture(tile_width, tile_height, |x, y| {
                    let (x, y) = (column * tile_width + x, row * tile_height + y);
                    if x < width && y < height { labels[y * width + x] } else { 77 }
                });
                let (row, column) = (row * tile_height, column * tile_width);
                scan.take(&LabelBlock { row, column, width: tile_width, labels: &block });
            }
            assert!(scan.finish() == whole, "{tile_width} x {tile_height}, order {order}");
        }
        for (molecule, &[x, y]) in at.iter().enumerate() {
            let inside = x >= 0.0 && y >= 0.0 && x < width as f64 && y < height as f64;
            let value = if inside { labels[y as usize * width + x as usize] } else { 0 };
            assert_eq!(whole.label_of[molecule] > 0, value > 0);
            assert!(whole.content == Content::Mask || whole.label_of[molecule] == value);
        }
    }
}

#[test]
fn label_images_are_recognized_whatever_their_cells() {
    assert_eq!(judged(&[0; 12], 4).0, Content::Empty);
    assert_eq!(judged(&nuclei(40, 40, 40, |_| 1), 40).0, Content::Mask);
    let five = nuclei(200, 40, 40, |number| number as u32 + 1);
    assert_eq!(judged(&five, 200).0, Content::Labels);
    let many = nuclei(400, 300, 20, |number| number as u32 + 1);
    assert_eq!(judged(&many, 400).0, Content::Labels, "{:?}", judged(&many, 400));
    let shuffled = nuclei(400, 300, 20, |number| (uniform(number as u64) * 4e9) as u32 + 1);
    assert_eq!(judged(&shuffled, 400).0, Content::Labels);
    for n in [2, 5, 300] {
        let touching = voronoi(150, 120, n);
        assert_eq!(judged(&touching, 150).0, Content::Labels, "{n}: {:?}", judged(&touching, 150));
    }
    // Cells of a few pixels, side by side.
    let tiny = picture(60, 60, |column, row| (row / 2 * 30 + column / 2) as u32 + 1);
    assert_eq!(judged(&tiny, 60).0, Content::Labels);
    // Long ones along a diagonal.
    let diagonal =
        picture(100, 100, |column, row| if (column + row) % 10 < 4 { ((column + row) / 10) as u32 } else { 0 });
    assert_eq!(judged(&diagonal, 100).0, Content::Labels, "{:?}", judged(&diagonal, 100));
}

#[test]
fn a_background_with_a_value_of_its_own_is_noticed_and_taken_away() {
    let labels: Vec<u32> = nuclei(400, 300, 25, |number| number as u32 + 2).iter().map(|&label| label.max(1)).collect();
    let scan = scan_of(&labels, 400, Reading::Recognize, &points(&[[0.5, 0.5], [12.5, 12.5]]));
    assert_eq!(scan.content, Content::LabelsOnBackground(1), "{:?}", scan.statistics);
    assert_eq!(scan.label_of, [0, 2]);
    assert_eq!((scan.regions[0].label, scan.overview.image.labels[0]), (2, 0));
}

#[test]
fn stains_are_told_from_labels_whether_smooth_noisy_dark_or_saturated() {
    let (width, height) = (240, 200);
    for (what, pitch, noise, gain, largest) in [
        ("smooth", 40, 0.0, 180.0, 255.0),
        ("noisy", 40, 0.3, 180.0, 255.0),
        ("mostly dark", 40, 0.02, 25.0, 255.0),
        ("saturated", 40, 0.05, 900.0, 255.0),
        ("16 bit", 40, 0.05, 40_000.0, 65_535.0),
        ("16 bit, small nuclei", 9, 0.2, 60_000.0, 65_535.0),
    ] {
        let image = stain(width, height, pitch, noise, gain, largest);
        assert_eq!(judged(&image, width).0, Content::Stain, "{what}: {:?}", judged(&image, width));
    }
    let noise = picture(width, height, |column, row| (uniform((row * width + column) as u64) * 65_535.0) as u32);
    assert_eq!(judged(&noise, width).0, Content::Stain);
}

#[test]
fn classes_of_pixels_are_not_labels() {
    let classes = nuclei(400, 300, 25, |number| number as u32 % 3 + 1);
    assert_eq!(judged(&classes, 400).0, Content::Classes, "{:?}", judged(&classes, 400));
    // Cytoplasm 1 around nuclei 2, and a third class around both.
    let nested: Vec<u32> = nuclei(400, 300, 25, |_| 2)
        .iter()
        .enumerate()
        .map(|(at, &label)| {
            if label > 0 {
                label
            } else if at % 400 / 50 % 2 == 0 {
                1
            } else {
                3
            }
        })
        .collect();
    assert_eq!(judged(&nested, 400).0, Content::Classes, "{:?}", judged(&nested, 400));
}

#[test]
fn blocks_beyond_the_image_and_empty_images_do_no_harm() {
    let mut scan = LabelScan::new(flat(2, 1), &points(&[[0.5, 0.5]]), Reading::Recognize);
    scan.take(&LabelBlock { row: 5, column: 0, width: 2, labels: &[1, 1] });
    scan.take(&LabelBlock { row: 0, column: 2, width: 1, labels: &[1] });
    scan.take(&LabelBlock { row: 0, column: 0, width: 0, labels: &[] });
    scan.begin_page(4);
    scan.take(&LabelBlock { row: 0, column: 0, width: 2, labels: &[1, 1] });
    assert_eq!(scan.finish().content, Content::Empty);
    let nothing = LabelScan::new(flat(0, 0), &points(&[[0.5, 0.5]]), Reading::Recognize).finish();
    assert_eq!((nothing.content, nothing.n_outside), (Content::Empty, 1));
}
