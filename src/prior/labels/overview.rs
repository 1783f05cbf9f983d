//! A small picture of a large label image.

use crate::data::LabelImage;

use super::super::placement::ImageSize;

/// Longest side of the small picture, in pixels.
const LONGEST: usize = 1200;

/// Every n-th pixel of a label image, seen from above: in a stack, the first page that has a label there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overview {
    /// The pixels.
    pub image: LabelImage,
    /// Pixels of the image per pixel here, in both directions. The one in their middle is shown.
    pub step: usize,
}

impl Overview {
    /// An empty picture for an image of a size.
    pub(super) fn new(size: ImageSize) -> Self {
        let step = size.width.max(size.height).div_ceil(LONGEST).max(1);
        let (width, height) = (size.width.div_ceil(step), size.height.div_ceil(step));
        Self { image: LabelImage { width, height, labels: vec![0; width * height] }, step }
    }

    /// Which row here shows a row of the image, whose last one is `n_rows - 1`.
    pub(super) fn row_showing(&self, row: usize, n_rows: usize) -> Option<usize> {
        self.shown(row, n_rows)
    }

    /// Takes those pixels of a stretch of a row that are shown; they are `label(n)`, n pixels from its start.
    pub(super) fn take(&mut self, at: usize, first: usize, length: usize, n: usize, label: impl Fn(usize) -> u32) {
        let base = at * self.image.width;
        // The first place that shows a column of the stretch or one behind it.
        let mut place = first.saturating_sub(self.step - 1) / self.step;
        while place < self.image.width {
            let column = self.column(place, n);
            if column >= first + length {
                break;
            }
            if column >= first && self.image.labels[base + place] == 0 {
                self.image.labels[base + place] = label(column - first);
            }
            place += 1;
        }
    }

    /// The row or column of the image that is shown at a place, of `n` in all.
    fn column(&self, place: usize, n: usize) -> usize {
        (place * self.step + self.step / 2).min(n.saturating_sub(1))
    }

    fn shown(&self, index: usize, n: usize) -> Option<usize> {
        let place = index / self.step;
        (self.column(place, n) == index).then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_images_are_shown_as_they_are_and_large_ones_by_their_middle_pixels() {
        let mut small = Overview::new(ImageSize { width: 3, height: 2, n_pages: 1 });
        assert_eq!((small.step, small.image.width, small.image.height), (1, 3, 2));
        small.take(1, 1, 2, 3, |n| n as u32 + 5);
        assert_eq!(small.image.labels, [0, 0, 0, 0, 5, 6]);

        let mut large = Overview::new(ImageSize { width: 3601, height: 4, n_pages: 1 });
        assert_eq!((large.step, large.image.width, large.image.height), (4, 901, 1));
        assert_eq!((0..4).map(|row| large.row_showing(row, 4)).collect::<Vec<_>>(), [None, None, Some(0), None]);
        large.take(0, 0, 3601, 3601, |n| n as u32);
        assert_eq!((large.image.labels[0], large.image.labels[1], large.image.labels[900]), (2, 6, 3600));
    }
}
