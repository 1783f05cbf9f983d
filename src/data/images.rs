//! Images as arrays of pixels, and where their pixels lie among the molecules.

/// Where the pixels of an image lie, in the units of the molecules' coordinates.
///
/// Columns of pixels run along x, rows along y; both are numbered from 0. Images have no rotation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelFrame {
    /// Width and height of a pixel, > 0.
    pub pixel_size: [f64; 2],
    /// x and y of the outer corner of the first pixel.
    pub corner: [f64; 2],
    /// Whether a molecule on the border of two pixels goes to the one whose 1-based number is even.
    half_to_even: bool,
}

impl PixelFrame {
    /// Pixels of a size, the outer corner of the first one at `corner`. A molecule on a border belongs to the pixel
    /// with the larger number.
    pub fn new(pixel_size: [f64; 2], corner: [f64; 2]) -> Self {
        Self { pixel_size, corner, half_to_even: false }
    }

    /// The frame of coordinates in pixels that count from 1: the first pixel has its centre at (1, 1).
    ///
    /// KEEPS: row and column are the rounded coordinates, halves to even (spec 02 §2.5.2).
    pub fn one_based() -> Self {
        Self { pixel_size: [1.0; 2], corner: [0.5; 2], half_to_even: true }
    }

    /// Number of the pixel column at x; negative left of the image.
    #[inline]
    pub fn column(&self, x: f64) -> i64 {
        self.index(0, x)
    }

    /// Number of the pixel row at y; negative above the image.
    #[inline]
    pub fn row(&self, y: f64) -> i64 {
        self.index(1, y)
    }

    #[inline]
    fn index(&self, axis: usize, value: f64) -> i64 {
        if self.half_to_even {
            value.round_ties_even() as i64 - 1
        } else {
            ((value - self.corner[axis]) / self.pixel_size[axis]).floor() as i64
        }
    }

    /// Coordinates of the centre of a pixel, which need not be whole.
    pub fn center(&self, column: f64, row: f64) -> [f64; 2] {
        [self.corner[0] + (column + 0.5) * self.pixel_size[0], self.corner[1] + (row + 0.5) * self.pixel_size[1]]
    }

    /// Area of a pixel.
    pub fn pixel_area(&self) -> f64 {
        self.pixel_size[0] * self.pixel_size[1]
    }
}

/// A rectangular part of one page of a label image, as it comes from a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelBlock<'a> {
    /// Row of the first pixel in the image.
    pub row: usize,
    /// Column of the first pixel in the image.
    pub column: usize,
    /// Pixels per row of the block.
    pub width: usize,
    /// Labels, row by row; 0 is background. `[n_rows * width]`
    pub labels: &'a [u32],
}

impl LabelBlock<'_> {
    /// Number of rows.
    pub fn height(&self) -> usize {
        self.labels.len().checked_div(self.width).unwrap_or(0)
    }
}

/// A label image in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelImage {
    /// Pixels per row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// Labels, row by row; 0 is background. `[height * width]`
    pub labels: Vec<u32>,
}

/// A gray image in memory: a stain.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GrayImage {
    /// Pixels per row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// Intensities, row by row, finite. `[height * width]`
    pub values: Vec<f32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_in_pixels_count_from_one_and_halves_go_to_even() {
        let frame = PixelFrame::one_based();
        assert_eq!([0.4, 0.6, 1.0, 1.5, 2.5, 2.6].map(|x| frame.column(x)), [-1, 0, 0, 1, 1, 2]);
        assert_eq!(frame.center(0.0, 0.0), [1.0, 1.0]);
    }

    #[test]
    fn pixels_with_a_size_begin_at_the_corner() {
        let frame = PixelFrame::new([0.5, 0.25], [10.0, 0.0]);
        assert_eq!([9.9, 10.0, 10.49, 10.5].map(|x| frame.column(x)), [-1, 0, 0, 1]);
        assert_eq!([-0.01, 0.0, 0.25].map(|y| frame.row(y)), [-1, 0, 1]);
        assert_eq!(frame.center(1.0, 0.0), [10.75, 0.125]);
    }
}
