use super::*;

const SIZE: PlotSize =
    PlotSize { n_molecules: 1000, min_molecules_per_cell: 20, min_pixels_per_cell: 15, max_plot_size: 3000 };

/// Width, height and pixels of a picture.
fn pixels(picture: &Picture) -> (usize, usize, Vec<Rgb>) {
    let decoder = ::png::Decoder::new(std::io::Cursor::new(&picture.png));
    let mut reader = decoder.read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut bytes).unwrap();
    assert_eq!(bytes.len(), (picture.width * picture.height * 3) as usize);
    (picture.width as usize, picture.height as usize, bytes.as_chunks::<3>().0.to_vec())
}

fn plain<'a>(x: &'a [f64], y: &'a [f64]) -> MoleculePicture<'a> {
    MoleculePicture {
        x,
        y,
        colors: Colors::Plain,
        outlines: &[],
        prior_outlines: &[],
        title: "",
        unit: "µm",
        size: SIZE,
    }
}

/// Whether some pixel is of about this color.
fn shows(picture: &Picture, color: Rgb) -> bool {
    let near = |pixel: &Rgb| pixel.iter().zip(color).all(|(a, b)| a.abs_diff(b) < 12);
    pixels(picture).2.iter().any(near)
}

/// Whether there is a long row of dark pixels other than the frame: an outline.
fn is_lined(picture: &Picture) -> bool {
    let (width, _, pixels) = pixels(picture);
    let dark = |pixel: &Rgb| pixel.iter().all(|&channel| channel < 140);
    let runs =
        pixels.chunks(width).map(|row| row.chunk_by(|a, b| dark(a) == dark(b)).map(|run| (run.len(), dark(&run[0]))));
    runs.flatten().any(|(length, is_dark)| is_dark && length > width / 5 && length < width / 2)
}

#[test]
fn molecules_outlines_and_segments_are_shown() {
    let at = |step: usize| (0..100).map(|at| ((at * step) % 100) as f64).collect::<Vec<f64>>();
    let (x, y) = (at(1), at(37));
    let cell = [[20.0, 20.0], [50.0, 20.0], [50.0, 50.0], [20.0, 50.0]];
    let segment = [[60.0, 60.0], [90.0, 60.0], [90.0, 90.0], [60.0, 90.0]];
    let color = |molecule: usize| if molecule < 50 { [0, 200, 0] } else { [0, 0, 250] };
    let picture = MoleculePicture {
        colors: Colors::Own(&color),
        outlines: &[&cell],
        prior_outlines: &[&segment],
        title: "A picture",
        ..plain(&x, &y)
    };
    let found = picture.draw();
    assert_eq!(found.n_outside, 0);
    let half = |color: Rgb| canvas::mix([255; 3], color, 128);
    assert!(shows(&found, half([0, 200, 0])) && shows(&found, half([0, 0, 250])));
    assert!(is_lined(&found) && shows(&found, canvas::mix([255; 3], SEGMENT, SEGMENT_OPACITY)));
    let is_red = |[red, green, blue]: Rgb| red > 120 && green < red / 2 && blue < green + 20;
    assert!(pixels(&found).2.into_iter().any(is_red));
    let bare = plain(&x, &y).draw();
    assert!(!is_lined(&bare) && !pixels(&bare).2.into_iter().any(is_red));
    assert_eq!(picture.draw(), found);
}

#[test]
fn any_data_have_a_picture_within_the_limits() {
    let line: Vec<f64> = (0..500).map(f64::from).collect();
    let zeros = vec![0.0; 500];
    let mut far = line.clone();
    far[7] = 1e300;
    let names: Vec<String> = (0..120).map(|at| format!("cluster \u{4e00} <{at}> of many")).collect();
    for (x, y) in [
        (&line[..0], &line[..0]),
        (&line[..1], &zeros[..1]),
        (&zeros, &zeros),
        (&line, &zeros),
        (&zeros, &line),
        (&far, &line),
    ] {
        for (n, m, max_plot_size) in [(0, 0, 0), (10, 50, 300), (100_000_000, 1, 700), (500, 30, 3000)] {
            let category = |molecule: usize| (!molecule.is_multiple_of(7)).then_some(molecule);
            let size = PlotSize { n_molecules: n, min_molecules_per_cell: m, min_pixels_per_cell: 15, max_plot_size };
            let colors = Colors::Categories { of: &category, names: &names, title: "Clusters" };
            for colors in [colors, Colors::Plain] {
                let title =
                    "A long title that has to end somewhere before the border of the picture does, whatever it says";
                let picture = MoleculePicture { size, colors, title, ..plain(x, y) }.draw();
                let (width, height, _) = pixels(&picture);
                let is_plain = matches!(colors, Colors::Plain);
                // Legends of hundreds of categories need their room.
                let limit = if is_plain { max_plot_size.max(LEAST_SIZE) } else { max_plot_size.max(1300) };
                assert!(width.max(height) <= limit, "{width} x {height} of {limit}, plain: {is_plain}");
                assert!(width.min(height) >= 80 && (max_plot_size < 700 || width.max(height) >= 600));
                assert_eq!(picture.n_outside, usize::from(x.get(7) == Some(&1e300)));
            }
        }
    }
}

#[test]
fn values_and_categories_have_their_colors() {
    let x: Vec<f64> = (0..3000).map(|at| f64::from(at % 60)).collect();
    let y: Vec<f64> = (0..3000).map(|at| f64::from(at / 60)).collect();
    let value = |molecule: usize| if molecule < 1500 { 0.0 } else { 1.0 };
    let colors = Colors::Values { of: &value, range: [0.0, 1.0], title: "Confidence", scale: Scale::Diverging };
    let picture = MoleculePicture { colors, ..plain(&x, &y) }.draw();
    for color in [palette::diverging()[0], palette::diverging()[255]] {
        assert!(shows(&picture, color) && shows(&picture, canvas::mix([255; 3], color, 128)));
    }
    let names = ["first".to_owned(), "second".to_owned()];
    let category = |molecule: usize| if molecule < 1500 { Some(1) } else { None };
    let colors = Colors::Categories { of: &category, names: &names, title: "Clusters" };
    let picture = MoleculePicture { colors, ..plain(&x, &y) }.draw();
    let [first, second] = [palette::categories(2)[0], palette::categories(2)[1]];
    // The first in the legend only, the second in both, those without one in the plot only.
    assert!(shows(&picture, first) && !shows(&picture, canvas::mix([255; 3], first, 128)));
    assert!(shows(&picture, second) && shows(&picture, canvas::mix([255; 3], second, 128)));
    assert!(shows(&picture, canvas::mix([255; 3], palette::NONE, 128)));
}

#[test]
fn threads_change_no_byte() {
    let x: Vec<f64> = (0..20_000).map(|at| f64::from(at * 7919 % 10_007)).collect();
    let y: Vec<f64> = (0..20_000).map(|at| f64::from(at * 6007 % 9973)).collect();
    let draw = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
        let color = |molecule: usize| [molecule as u8, (molecule >> 5) as u8, 90];
        pool.install(|| MoleculePicture { colors: Colors::Own(&color), ..plain(&x, &y) }.draw())
    };
    assert_eq!(draw(1), draw(3));
}
