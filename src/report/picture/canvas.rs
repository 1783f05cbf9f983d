//! Pixels, and what is drawn one at a time: rectangles and text. Molecules and outlines are drawn by `marks`.

use super::palette::Rgb;
use super::text::Ink;

/// Color of an empty picture.
const BACKGROUND: Rgb = [255, 255, 255];

/// A picture in the making.
#[derive(Clone, Debug)]
pub(super) struct Canvas {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Row by row. `[height * width]`
    pub pixels: Vec<Rgb>,
}

impl Canvas {
    /// An empty picture.
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![BACKGROUND; width * height] }
    }

    /// Colors a pixel; those outside do not exist.
    pub fn set(&mut self, [column, row]: [i64; 2], color: Rgb) {
        if (0..self.width as i64).contains(&column) && (0..self.height as i64).contains(&row) {
            self.pixels[row as usize * self.width + column as usize] = color;
        }
    }

    /// Fills the rectangle from a pixel to before another.
    pub fn rectangle(&mut self, from: [i64; 2], to: [i64; 2], color: Rgb) {
        for row in from[1].max(0)..to[1].min(self.height as i64) {
            for column in from[0].max(0)..to[0].min(self.width as i64) {
                self.set([column, row], color);
            }
        }
    }

    /// Borders of the rectangle from a pixel to before another, inside of it, so many pixels thick.
    pub fn border(&mut self, from: [i64; 2], to: [i64; 2], thickness: i64, color: Rgb) {
        self.rectangle(from, [to[0], from[1] + thickness], color);
        self.rectangle([from[0], to[1] - thickness], to, color);
        self.rectangle(from, [from[0] + thickness, to[1]], color);
        self.rectangle([to[0] - thickness, from[1]], to, color);
    }

    /// Writes text with its upper left corner at a pixel.
    pub fn write(&mut self, corner: [i64; 2], ink: &Ink, color: Rgb) {
        for (row, line) in (corner[1]..).zip(ink.coverage.chunks(ink.width.max(1))) {
            for (column, &share) in (corner[0]..).zip(line) {
                let is_in = (0..self.width as i64).contains(&column) && (0..self.height as i64).contains(&row);
                if share > 0.0 && is_in {
                    let pixel = &mut self.pixels[row as usize * self.width + column as usize];
                    *pixel = mix(*pixel, color, (share * 256.0) as i32);
                }
            }
        }
    }
}

/// A color over another; `opacity` is 0 to 256.
#[inline]
pub(super) fn mix(below: Rgb, above: Rgb, opacity: i32) -> Rgb {
    let channel = |at: usize| {
        let (from, to) = (i32::from(below[at]), i32::from(above[at]));
        (from + (((to - from) * opacity + 128) >> 8)) as u8
    };
    [channel(0), channel(1), channel(2)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_mix_by_opacity() {
        assert_eq!(mix([0, 100, 255], [255, 50, 0], 128), [128, 75, 128]);
        assert_eq!(mix([9, 9, 9], [200, 1, 3], 256), [200, 1, 3]);
        assert_eq!(mix([9, 9, 9], [200, 1, 3], 0), [9, 9, 9]);
    }

    #[test]
    fn what_is_outside_is_not_drawn() {
        let mut canvas = Canvas::new(4, 3);
        canvas.border([-2, 1], [3, 9], 1, [1, 2, 3]);
        let inked: Vec<usize> = (0..12).filter(|&at| canvas.pixels[at] == [1, 2, 3]).collect();
        // Row 1 up to column 2, column 2 downwards.
        assert_eq!(inked, [4, 5, 6, 10]);
        canvas.write([3, 2], &Ink { width: 2, height: 2, coverage: vec![1.0; 4] }, [7, 7, 7]);
        assert_eq!(canvas.pixels.iter().filter(|&&pixel| pixel == [7, 7, 7]).count(), 1);
    }
}
