//! Molecules by row of pixels, so that a part of an image finds those that lie in it.

use rayon::prelude::*;

use crate::data::Positions;
use crate::prior::placement::Placement;

/// Molecules inside of an image, sorted by page, row and column. 8 bytes per molecule and 4 per row of pixels.
#[derive(Debug)]
pub(in crate::prior) struct Lookup {
    height: usize,
    /// Where the molecules of each row start, page after page. `[n_pages * height + 1]`
    starts: Vec<u32>,
    /// Column and number of the molecules; equal columns in order of the molecules. `[n_inside]`
    molecules: Vec<(u32, u32)>,
}

impl Lookup {
    /// Sorts the molecules; those outside of the image are left out.
    pub fn new(placement: &Placement, positions: &Positions) -> Self {
        let height = placement.size.height;
        let n_rows = height * placement.size.n_pages;
        let pixel_of = |molecule: usize| {
            let [column, row, page] = placement.pixel(positions.at(molecule))?;
            Some((page as usize * height + row as usize, column))
        };
        let mut starts = vec![0u32; n_rows + 1];
        for (row, _) in (0..positions.len()).filter_map(pixel_of) {
            starts[row] += 1;
        }
        let mut total = 0;
        for start in &mut starts {
            total += std::mem::replace(start, total);
        }
        let mut molecules = vec![(0, 0); total as usize];
        for molecule in 0..positions.len() {
            if let Some((row, column)) = pixel_of(molecule) {
                molecules[starts[row] as usize] = (column, molecule as u32);
                starts[row] += 1;
            }
        }
        // Every start has moved to the start of the next row.
        starts.rotate_right(1);
        starts[0] = 0;
        let mut rows = Vec::with_capacity(n_rows);
        let mut rest = &mut molecules[..];
        for ends in starts.windows(2) {
            let (row, behind) = rest.split_at_mut((ends[1] - ends[0]) as usize);
            rows.push(row);
            rest = behind;
        }
        rows.into_par_iter().for_each(|row| row.sort_unstable());
        Self { height, starts, molecules }
    }

    /// Number of molecules in the image.
    pub fn n_inside(&self) -> usize {
        self.molecules.len()
    }

    /// Column and number of the molecules in a row of pixels, from left to right.
    pub fn in_row(&self, page: usize, row: usize) -> &[(u32, u32)] {
        let at = page * self.height + row;
        &self.molecules[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    /// Those in the columns `first..end`.
    pub fn in_span(&self, page: usize, row: usize, first: usize, end: usize) -> &[(u32, u32)] {
        let all = self.in_row(page, row);
        let from = all.partition_point(|&(column, _)| (column as usize) < first);
        let to = from + all[from..].partition_point(|&(column, _)| (column as usize) < end);
        &all[from..to]
    }
}
