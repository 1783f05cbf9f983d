//! Where an image lies among the molecules.

use crate::data::PixelFrame;
use crate::numeric::elementary::{exp, ln};

/// Size of an image in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImageSize {
    /// Pixels per row.
    pub width: usize,
    /// Rows per page.
    pub height: usize,
    /// Pages that are used: 1, or the layers of a stack.
    pub n_pages: usize,
}

impl ImageSize {
    /// Number of pixels on all pages.
    pub fn n_pixels(self) -> u64 {
        self.width as u64 * self.height as u64 * self.n_pages as u64
    }
}

/// What the pages of an image have to do with z.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Depth {
    /// One page, which holds for every z.
    #[default]
    Flat,
    /// A page per layer of z.
    Stack {
        /// z at the lower side of the first page.
        corner: f64,
        /// Thickness of a page, > 0.
        step: f64,
    },
}

impl Depth {
    /// Number of the page at z, 0-based; outside of the stack if negative or too large. A molecule between two
    /// pages belongs to the upper one.
    #[inline]
    pub fn page(self, z: f64) -> i64 {
        match self {
            Self::Flat => 0,
            Self::Stack { corner, step } => ((z - corner) / step).floor() as i64,
        }
    }

    /// z in the middle of a page, which need not be whole; 0 without depth.
    pub fn center(self, page: f64) -> f64 {
        match self {
            Self::Flat => 0.0,
            Self::Stack { corner, step } => corner + (page + 0.5) * step,
        }
    }
}

/// An image among the molecules.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Columns and rows of pixels.
    pub frame: PixelFrame,
    /// How many there are.
    pub size: ImageSize,
    /// Pages.
    pub depth: Depth,
}

impl Placement {
    /// A single page that holds for every z.
    pub fn flat(frame: PixelFrame, width: usize, height: usize) -> Self {
        Self { frame, size: ImageSize { width, height, n_pages: 1 }, depth: Depth::Flat }
    }

    /// Column, row and page of the pixel at a position; `None` outside of the image.
    #[inline]
    pub fn pixel(&self, [x, y, z]: [f64; 3]) -> Option<[u32; 3]> {
        let within = |index: i64, n: usize| u32::try_from(index).ok().filter(|&index| (index as usize) < n);
        Some([
            within(self.frame.column(x), self.size.width)?,
            within(self.frame.row(y), self.size.height)?,
            within(self.depth.page(z), self.size.n_pages)?,
        ])
    }

    /// Coordinates of a place given as column, row and page; whole numbers are the centers of pixels.
    pub fn center(&self, [column, row, page]: [f64; 3]) -> [f64; 3] {
        let [x, y] = self.frame.center(column, row);
        [x, y, self.depth.center(page)]
    }

    /// Lower and upper corner of the image, `[x, y]` each, in coordinate units.
    pub fn rectangle(&self) -> [[f64; 2]; 2] {
        let [x, y] = self.frame.corner;
        let [dx, dy] = self.frame.pixel_size;
        [[x, y], [x + dx * self.size.width as f64, y + dy * self.size.height as f64]]
    }

    /// Area (in a stack volume) of so many pixels.
    pub fn measure(&self, n_pixels: u64) -> f64 {
        let flat = n_pixels as f64 * self.frame.pixel_area();
        match self.depth {
            Depth::Flat => flat,
            Depth::Stack { step, .. } => flat * step,
        }
    }

    /// Radius of the circle that has the area of so many pixels; in a stack, of the ball of their volume.
    ///
    /// Source: spec 02 §2.6. DIFFERS: 0.7.1 knows no stacks. The expected radius of a cell is that of a ball there,
    /// as the model spreads a cell by the same scale in all directions.
    pub fn radius(&self, n_pixels: u64) -> f64 {
        let measure = self.measure(n_pixels);
        match self.depth {
            Depth::Flat => circle_radius(measure),
            Depth::Stack { .. } => cube_root(0.75 * measure / std::f64::consts::PI),
        }
    }
}

/// Radius of the circle of an area.
pub(super) fn circle_radius(area: f64) -> f64 {
    (area / std::f64::consts::PI).sqrt()
}

/// The cube root of a number >= 0, the same on every machine.
fn cube_root(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return value.max(0.0);
    }
    let root = exp(ln(value) / 3.0);
    // One step of Newton's method takes away the error of exp and ln.
    (2.0 * root + value / (root * root)) / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_molecule_between_two_pages_belongs_to_the_upper_one_and_outside_there_is_none() {
        let frame = PixelFrame::new([0.5, 0.5], [10.0, 0.0]);
        let size = ImageSize { width: 4, height: 2, n_pages: 3 };
        let placement = Placement { frame, size, depth: Depth::Stack { corner: -1.0, step: 2.0 } };
        assert_eq!(placement.pixel([10.0, 0.0, 0.9]), Some([0, 0, 0]));
        assert_eq!(placement.pixel([11.99, 0.99, 1.0]), Some([3, 1, 1]));
        for outside in [[9.9, 0.0, 0.0], [12.0, 0.0, 0.0], [10.0, 1.0, 0.0], [10.0, 0.0, 5.0], [10.0, 0.0, -1.1]] {
            assert_eq!(placement.pixel(outside), None, "{outside:?}");
        }
        assert_eq!(placement.pixel([f64::NAN, f64::INFINITY, 0.0]), None);
        assert_eq!(placement.rectangle(), [[10.0, 0.0], [12.0, 1.0]]);
        assert_eq!(placement.center([0.0, 1.0, 2.0]), [10.25, 0.75, 4.0]);
    }

    #[test]
    fn radius_is_that_of_a_circle_or_of_a_ball() {
        let flat = Placement::flat(PixelFrame::new([0.5, 0.25], [0.0; 2]), 9, 9);
        assert!((flat.radius(8) - (1.0 / std::f64::consts::PI).sqrt()).abs() < 1e-15);
        let stack = Placement { depth: Depth::Stack { corner: 0.0, step: 8.0 }, ..flat };
        // 125 voxels of volume 1 against 4/3 pi r^3.
        let volume = 4.0 / 3.0 * std::f64::consts::PI * stack.radius(125).powi(3);
        assert!((volume - 125.0).abs() < 1e-12, "{volume}");
        assert_eq!(stack.radius(0), 0.0);
    }
}
