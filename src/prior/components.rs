//! Connected parts of a binary mask.
//!
//! The mask is a bit per pixel, and the parts are found in one pass over its rows: a row's stretches of foreground
//! take the number of what they touch in the row above (in a stack, also on the page before). Nothing of the size of
//! the image is needed beyond the bits.

use super::labels::tally::{Run, Tally};
use super::placement::ImageSize;

const WORD: usize = u64::BITS as usize;

/// A bit per pixel; rows without foreground take no room.
#[derive(Debug)]
pub(super) struct Bitmap {
    size: ImageSize,
    /// Rows of all pages; empty where nothing was set. `[n_pages * height][width / 64]`
    rows: Vec<Vec<u64>>,
}

impl Bitmap {
    /// Nothing but background.
    pub fn new(size: ImageSize) -> Self {
        Self { size, rows: vec![Vec::new(); size.height * size.n_pages] }
    }

    /// Turns a stretch into foreground.
    pub fn set(&mut self, run: Run) {
        let row = &mut self.rows[run.page as usize * self.size.height + run.row as usize];
        if row.is_empty() {
            row.resize(self.size.width.div_ceil(WORD), 0);
        }
        let (first, end) = (run.first as usize, run.last as usize + 1);
        let (mut word, last_word) = (first / WORD, (end - 1) / WORD);
        let mut mask = u64::MAX << (first % WORD);
        while word < last_word {
            row[word] |= mask;
            mask = u64::MAX;
            word += 1;
        }
        row[word] |= mask & (u64::MAX >> (WORD - 1 - (end - 1) % WORD));
    }

    /// Fills `runs` with the stretches of foreground in a row, first column and the one after the last.
    fn runs(&self, page: usize, row: usize, runs: &mut Vec<(u32, u32)>) {
        runs.clear();
        let words = &self.rows[page * self.size.height + row];
        let next = |from: usize, flip: u64| -> Option<usize> {
            let mut word = from / WORD;
            let mut bits = (*words.get(word)? ^ flip) & (u64::MAX << (from % WORD));
            while bits == 0 {
                word += 1;
                bits = *words.get(word)? ^ flip;
            }
            Some(word * WORD + bits.trailing_zeros() as usize)
        };
        let mut at = 0;
        while let Some(first) = next(at, 0) {
            let end = next(first, u64::MAX).unwrap_or(self.size.width).min(self.size.width);
            runs.push((first as u32, end as u32));
            at = end;
        }
    }
}

/// A stretch of foreground with the provisional number of its part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub first: u32,
    pub end: u32,
    pub provisional: u32,
}

/// The parts of a mask after all rows were seen.
#[derive(Debug)]
pub(super) struct Components {
    /// Final number, from 1, by provisional number.
    pub number_of: Vec<u32>,
    /// Sums over the pixels of every part, by final number minus one.
    pub tallies: Vec<Tally>,
}

/// Finds the connected parts of a mask: pixels that share a side, in a stack also across pages.
///
/// Parts are numbered from 1 in the order of their first pixels, row by row. `visit` gets the stretches of every row
/// that has some, as page, row and stretches from left to right, with provisional numbers.
///
/// Source: spec 02 §2.5.2 (4-connectivity). DIFFERS: 0.7.1 counts column by column, which no result depends on.
pub(super) fn find_components(bitmap: &Bitmap, mut visit: impl FnMut(usize, usize, &[Part])) -> Components {
    let ImageSize { height, n_pages, .. } = bitmap.size;
    let mut forest = Forest::default();
    let mut tallies: Vec<Tally> = Vec::new();
    let mut runs = Vec::new();
    let (mut above, mut here): (Vec<Part>, Vec<Part>) = (Vec::new(), Vec::new());
    let (mut page_before, mut this_page) = (Page::default(), Page::default());
    for page in 0..n_pages {
        above.clear();
        this_page.clear();
        for row in 0..height {
            bitmap.runs(page, row, &mut runs);
            here.clear();
            for &(first, end) in &runs {
                here.push(Part { first, end, provisional: forest.add() });
                let mut tally = Tally::default();
                tally.add(Run { page: page as u32, row: row as u32, first, last: end - 1 });
                tallies.push(tally);
            }
            forest.unite(&above, &here);
            if page > 0 {
                forest.unite(page_before.row(row), &here);
            }
            forest.release(&mut here, &mut tallies);
            if !here.is_empty() {
                visit(page, row, &here);
            }
            if n_pages > 1 {
                this_page.push_row(&here);
            }
            std::mem::swap(&mut above, &mut here);
        }
        std::mem::swap(&mut page_before, &mut this_page);
    }
    forest.finish(tallies)
}

/// Stretches of a page of a stack.
#[derive(Debug, Default)]
struct Page {
    parts: Vec<Part>,
    /// Where the stretches of each row end.
    ends: Vec<usize>,
}

impl Page {
    fn clear(&mut self) {
        self.parts.clear();
        self.ends.clear();
    }

    fn push_row(&mut self, parts: &[Part]) {
        self.parts.extend_from_slice(parts);
        self.ends.push(self.parts.len());
    }

    fn row(&self, row: usize) -> &[Part] {
        let begin = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.parts[begin..self.ends[row]]
    }
}

/// Which provisional numbers mean the same part: a tree per part, its root the smallest number.
#[derive(Debug, Default)]
struct Forest {
    parent: Vec<u32>,
}

impl Forest {
    fn add(&mut self) -> u32 {
        let number = self.parent.len() as u32;
        self.parent.push(number);
        number
    }

    fn root(&mut self, mut number: u32) -> u32 {
        while self.parent[number as usize] != number {
            let above = self.parent[self.parent[number as usize] as usize];
            self.parent[number as usize] = above;
            number = above;
        }
        number
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        let (low, high) = (a.min(b), a.max(b));
        self.parent[high as usize] = low;
    }

    /// Joins stretches of two rows that have columns in common.
    fn unite(&mut self, above: &[Part], here: &[Part]) {
        let (mut a, mut b) = (0, 0);
        while let (Some(upper), Some(lower)) = (above.get(a), here.get(b)) {
            if upper.first < lower.end && lower.first < upper.end {
                self.join(upper.provisional, lower.provisional);
            }
            if upper.end <= lower.end {
                a += 1;
            } else {
                b += 1;
            }
        }
    }

    /// Gives the stretches of a row the numbers of their parts, and takes the numbers that are not needed back.
    ///
    /// METHOD: without this there were as many numbers as stretches, not as parts with a few more.
    fn release(&mut self, here: &mut [Part], tallies: &mut Vec<Tally>) {
        let Some(base) = here.first().map(|part| part.provisional) else { return };
        let mut kept = base;
        let mut moved: Vec<u32> = Vec::new();
        for part in here.iter_mut() {
            let root = self.root(part.provisional);
            let tally = tallies[part.provisional as usize];
            let target = if root < base {
                tallies[root as usize].merge(&tally);
                root
            } else if root == part.provisional {
                tallies[kept as usize] = tally;
                kept += 1;
                kept - 1
            } else {
                // A stretch of the same row with the same part, which is new: it was moved already.
                let target = moved[(root - base) as usize];
                tallies[target as usize].merge(&tally);
                target
            };
            moved.push(target);
            part.provisional = target;
        }
        self.parent.truncate(kept as usize);
        tallies.truncate(kept as usize);
        for number in base..kept {
            self.parent[number as usize] = number;
        }
    }

    fn finish(mut self, tallies: Vec<Tally>) -> Components {
        let mut number_of = vec![0u32; tallies.len()];
        let mut merged: Vec<Tally> = Vec::new();
        for (number, tally) in tallies.iter().enumerate() {
            let root = self.root(number as u32) as usize;
            if root == number {
                merged.push(*tally);
                number_of[number] = merged.len() as u32;
            } else {
                number_of[number] = number_of[root];
                merged[number_of[root] as usize - 1].merge(tally);
            }
        }
        Components { number_of, tallies: merged }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Components of a drawing: `#` is foreground, pages are separated by `/`, rows by blanks.
    fn labelled(drawing: &str) -> (Vec<String>, Vec<Tally>) {
        let pages: Vec<Vec<&str>> = drawing.split('/').map(|page| page.split_whitespace().collect()).collect();
        let size = ImageSize { width: pages[0][0].len(), height: pages[0].len(), n_pages: pages.len() };
        let mut bitmap = Bitmap::new(size);
        for (page, rows) in pages.iter().enumerate() {
            for (row, text) in rows.iter().enumerate() {
                for (column, _) in text.bytes().enumerate().filter(|&(_, byte)| byte == b'#') {
                    let column = column as u32;
                    bitmap.set(Run { page: page as u32, row: row as u32, first: column, last: column });
                }
            }
        }
        let mut seen = Vec::new();
        let found = find_components(&bitmap, |page, row, parts| {
            seen.extend(parts.iter().map(|part| (page, row, *part)));
        });
        let mut canvas = vec![vec![b'.'; size.width]; size.height * size.n_pages];
        for (page, row, part) in seen {
            for column in part.first..part.end {
                canvas[page * size.height + row][column as usize] =
                    b'0' + found.number_of[part.provisional as usize] as u8;
            }
        }
        let text = canvas.into_iter().map(|row| String::from_utf8_lossy(&row).into_owned()).collect();
        (text, found.tallies)
    }

    #[test]
    fn diagonal_neighbors_are_apart_and_a_later_row_can_join_two_parts() {
        let (text, tallies) = labelled("#.#..# ###.#. ...... #.###. #.#.#. ###.##");
        assert_eq!(text, ["1.1..2", "111.3.", "......", "4.444.", "4.4.4.", "444.44"]);
        assert_eq!(tallies.iter().map(|tally| tally.n_pixels).collect::<Vec<_>>(), [5, 1, 1, 12]);
        assert_eq!((tallies[3].low, tallies[3].high), ([0, 3, 0], [5, 5, 0]));
    }

    #[test]
    fn parts_of_one_row_that_meet_above_keep_one_number() {
        let (text, tallies) = labelled("##### #.#.# ..... #.#.# #####");
        assert_eq!(text, ["11111", "1.1.1", ".....", "2.2.2", "22222"]);
        assert_eq!(tallies.len(), 2);
    }

    #[test]
    fn pages_of_a_stack_are_connected_where_pixels_lie_above_each_other() {
        let (text, tallies) = labelled("#.# ..#/#.. ##./.#. ...");
        assert_eq!(text, ["1.2", "..2", "1..", "11.", ".3.", "..."]);
        assert_eq!(tallies.len(), 3);
    }

    #[test]
    fn stretches_cross_the_borders_of_words() {
        let size = ImageSize { width: 200, height: 1, n_pages: 1 };
        let mut bitmap = Bitmap::new(size);
        let stretches = [(0, 0), (5, 63), (65, 127), (129, 199)];
        for (first, last) in stretches {
            bitmap.set(Run { page: 0, row: 0, first, last });
        }
        let mut runs = Vec::new();
        bitmap.runs(0, 0, &mut runs);
        assert_eq!(runs, stretches.map(|(first, last)| (first, last + 1)));
    }

    #[test]
    fn a_flood_fill_finds_the_same_parts() {
        use crate::numeric::draws::{Draws, Stream};
        let draws = Draws::new(1, Stream::Jitter);
        for case in 0..60u64 {
            let (width, height, n_pages) = (3 + case as usize % 70, 1 + case as usize % 11, 1 + case as usize % 3);
            let size = ImageSize { width, height, n_pages };
            let density = 0.3 + 0.4 * draws.at(case).uniform(1 << 40);
            let on: Vec<bool> =
                (0..width * height * n_pages).map(|at| draws.at(case).uniform(at as u64) < density).collect();
            let mut bitmap = Bitmap::new(size);
            for at in (0..on.len()).filter(|&at| on[at]) {
                let (page, row, column) = (at / width / height, at / width % height, (at % width) as u32);
                bitmap.set(Run { page: page as u32, row: row as u32, first: column, last: column });
            }
            let mut labels = vec![0u32; on.len()];
            let found = find_components(&bitmap, |page, row, parts| {
                for part in parts {
                    for column in part.first..part.end {
                        labels[(page * height + row) * width + column as usize] = part.provisional + 1;
                    }
                }
            });
            for label in labels.iter_mut().filter(|label| **label > 0) {
                *label = found.number_of[*label as usize - 1];
            }
            assert_eq!(labels, flood_fill(&on, size), "case {case}");
            let n = found.tallies.len() as u32;
            for number in 1..=n {
                let n_pixels = labels.iter().filter(|&&label| label == number).count() as u64;
                assert_eq!(found.tallies[number as usize - 1].n_pixels, n_pixels);
            }
        }
    }

    fn flood_fill(on: &[bool], size: ImageSize) -> Vec<u32> {
        let (width, height) = (size.width, size.height);
        let mut labels = vec![0u32; on.len()];
        let mut n = 0;
        for start in 0..on.len() {
            if !on[start] || labels[start] > 0 {
                continue;
            }
            n += 1;
            labels[start] = n;
            let mut open = vec![start];
            while let Some(at) = open.pop() {
                let (column, row, page) = (at % width, at / width % height, at / width / height);
                let mut visit = |other: usize| {
                    if on[other] && labels[other] == 0 {
                        labels[other] = n;
                        open.push(other);
                    }
                };
                if column > 0 {
                    visit(at - 1)
                }
                if column + 1 < width {
                    visit(at + 1)
                }
                if row > 0 {
                    visit(at - width)
                }
                if row + 1 < height {
                    visit(at + width)
                }
                if page > 0 {
                    visit(at - width * height)
                }
                if page + 1 < size.n_pages {
                    visit(at + width * height)
                }
            }
        }
        labels
    }
}
