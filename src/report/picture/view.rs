//! How coordinates become pixels: the extent of the data and the size of their picture.

/// Room around the data, as a share of their longer side.
const MARGIN: f64 = 0.01;
/// Shorter side of the picture of a line, as a share of the longer one.
const FLATTEST: f64 = 0.22;
/// Longer side that smaller pictures are enlarged to.
const READABLE: f64 = 640.0;
/// No side is shorter.
const LEAST: f64 = 40.0;
/// Diameters of molecules.
const MARKER: [f64; 2] = [1.0, 5.0];

/// What decides the size of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlotSize {
    /// Molecules of the data, of which a picture may show a part.
    pub n_molecules: usize,
    /// Smallest number of molecules of a cell.
    pub min_molecules_per_cell: usize,
    /// Pixels for the side of a cell of that number (`min_pixels_per_cell`).
    pub min_pixels_per_cell: usize,
    /// Longest side of a picture in pixels (`max_plot_size`).
    pub max_plot_size: usize,
}

/// A part of the plane, with room around what is in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Extent {
    pub low: [f64; 2],
    pub size: [f64; 2],
}

impl Extent {
    /// All of the given rectangles, or the unit square. A point or a line get an area.
    pub fn of(rectangles: impl IntoIterator<Item = [[f64; 2]; 2]>) -> Self {
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for [from, to] in rectangles {
            for axis in 0..2 {
                low[axis] = low[axis].min(from[axis]);
                high[axis] = high[axis].max(to[axis]);
            }
        }
        let is_real = (0..2).all(|axis| low[axis].is_finite() && (high[axis] - low[axis]).is_finite());
        if !is_real {
            (low, high) = ([0.0; 2], [1.0; 2]);
        }
        let longest = (high[0] - low[0]).max(high[1] - low[1]);
        // What differs from its neighbor by rounding only is one place.
        let largest = low.iter().chain(&high).fold(0.0f64, |largest, value| largest.max(value.abs()));
        let longest = if longest > 1e-12 * largest { longest } else { (1e-6 * largest).max(1.0) };
        let sides = [0, 1].map(|axis| (high[axis] - low[axis] + 2.0 * MARGIN * longest).max(FLATTEST * longest));
        Self { low: [0, 1].map(|axis| 0.5 * (low[axis] + high[axis] - sides[axis])), size: sides }
    }

    /// Sides of the plot in pixels, and the diameter of a molecule, before any limit.
    ///
    /// With n = sqrt(N / m) cells along a side of a square, it has P = `min_pixels_per_cell` n pixels there; other
    /// shapes have as many pixels in all. Molecules have clamp(50 / m, 1, 5) pixels.
    /// Source: Baysor 0.7.1 `data_loading/cli_wrappers.jl`, `plot_dataset`.
    ///
    /// DIFFERS: width is P / r and height P r for r = sqrt(dy / dx); 0.7.1 divides the width by sqrt(r) only.
    /// Pictures below 640 pixels are enlarged, so that small data can be looked at.
    pub fn wanted(&self, size: &PlotSize) -> ([f64; 2], f64) {
        let m = size.min_molecules_per_cell.max(1) as f64;
        let side = size.min_pixels_per_cell.max(1) as f64 * (size.n_molecules.max(1) as f64 / m).sqrt();
        let ratio = (self.size[1] / self.size[0]).sqrt();
        let sides = [side / ratio, side * ratio];
        let enlarged = (READABLE / sides[0].max(sides[1])).max(1.0);
        (sides.map(|side| side * enlarged), (50.0 / m * enlarged).clamp(MARKER[0], MARKER[1]))
    }
}

/// A plot in a picture: which pixels it has, and which coordinates they show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct View {
    low: [f64; 2],
    pub pixels_per_unit: f64,
    /// First pixel, as column and row.
    pub first: [i64; 2],
    /// The pixel behind the last.
    pub end: [i64; 2],
}

impl View {
    /// The extent in a plot that begins at the pixel `first` and is at most so large. It keeps its shape: lengths are
    /// the same along both axes.
    pub fn new(extent: &Extent, first: [i64; 2], at_most: [f64; 2]) -> Self {
        let pixels_per_unit = (at_most[0].max(LEAST) / extent.size[0]).min(at_most[1].max(LEAST) / extent.size[1]);
        let side = |axis: usize| (extent.size[axis] * pixels_per_unit).round().max(1.0) as i64;
        Self { low: extent.low, pixels_per_unit, first, end: [first[0] + side(0), first[1] + side(1)] }
    }

    /// Column and row of a point, with fractions; pixel 3 is from 3.0 to 4.0. Far away points are moved nearer.
    #[inline]
    pub fn place(&self, point: [f64; 2]) -> [f64; 2] {
        let at = |axis: usize| {
            let offset = ((point[axis] - self.low[axis]) * self.pixels_per_unit).clamp(-1e6, 1e6);
            offset + self.first[axis] as f64
        };
        [at(0), at(1)]
    }

    /// Column and row of the pixel at a point, maybe outside of the picture.
    pub fn pixel(&self, point: [f64; 2]) -> [i64; 2] {
        self.place(point).map(|place| place.floor() as i64)
    }

    /// Whether a place is in the plot.
    pub fn shows(&self, place: [f64; 2]) -> bool {
        (0..2).all(|axis| place[axis] >= self.first[axis] as f64 && place[axis] < self.end[axis] as f64)
    }

    /// Columns of the plot.
    pub fn width(&self) -> usize {
        (self.end[0] - self.first[0]) as usize
    }

    /// Rows of the plot.
    pub fn height(&self) -> usize {
        (self.end[1] - self.first[1]) as usize
    }

    /// Length of a side in coordinates.
    pub fn length(&self, axis: usize) -> f64 {
        (self.end[axis] - self.first[axis]) as f64 / self.pixels_per_unit
    }

    /// The lowest coordinate along an axis.
    pub fn low(&self, axis: usize) -> f64 {
        self.low[axis]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(n_molecules: usize, m: usize) -> PlotSize {
        PlotSize { n_molecules, min_molecules_per_cell: m, min_pixels_per_cell: 15, max_plot_size: 3000 }
    }

    #[test]
    fn a_square_has_pixels_by_cells_and_other_shapes_as_many() {
        // 900000 / 100 = 9500 cells, 97.5 along a side.
        let square = Extent::of([[[0.0, 0.0], [100.0, 100.0]]]);
        let ([width, height], marker) = square.wanted(&size(1_000_000, 25));
        assert!((width - 3000.0).abs() < 1e-6 && (height - width).abs() < 1e-6);
        assert_eq!(marker, 2.0);
        let flat = Extent { low: [0.0; 2], size: [400.0, 100.0] };
        let ([width, height], _) = flat.wanted(&size(1_000_000, 25));
        assert!((width - 6000.0).abs() < 1e-6 && (height - 1500.0).abs() < 1e-6);
    }

    #[test]
    fn small_data_are_enlarged_with_their_markers() {
        let square = Extent::of([[[0.0, 0.0], [100.0, 100.0]]]);
        let ([width, _], marker) = square.wanted(&size(1600, 100));
        // 4 cells of 15 pixels.
        assert!((width - READABLE).abs() < 1e-6 && marker == 5.0);
        assert_eq!(square.wanted(&size(0, 0)).0, [READABLE; 2]);
    }

    #[test]
    fn points_lines_and_nothing_have_an_area() {
        let cases: [Option<[[f64; 2]; 2]>; 5] = [
            None,
            Some([[5.0, 5.0], [5.0, 5.0]]),
            Some([[0.0, 1e9], [0.0, 1e9]]),
            Some([[0.0, 3.0], [1000.0, 3.0]]),
            Some([[-1e308, 0.0], [1e308, 1.0]]),
        ];
        for case in cases {
            let extent = Extent::of(case);
            let ratio = extent.size[0] / extent.size[1];
            assert!(extent.size.iter().all(|size| *size > 0.0) && (0.05..20.0).contains(&ratio), "{case:?} {extent:?}");
            if let Some([low, _]) = case.filter(|[low, _]| low[0] > -1e300) {
                let view = View::new(&extent, [10, 20], [600.0, 600.0]);
                assert!(view.shows(view.place(low)), "{case:?}");
            }
        }
    }

    #[test]
    fn points_and_pixels_correspond_and_y_runs_downwards() {
        let view = View::new(&Extent::of([[[10.0, -5.0], [30.0, 5.0]]]), [60, 12], [1000.0, 1000.0]);
        assert!(view.width() == 1000 && view.height() < 600);
        // 20.4 units in 1000 pixels, of which 0.2 are around the points.
        assert_eq!(view.pixel([10.0, -5.0]), [69, 21]);
        assert_eq!(view.pixel([20.1, 0.0]), [564, 266]);
        assert!(view.place([20.0, 4.0])[1] > view.place([20.0, -4.0])[1]);
    }
}
