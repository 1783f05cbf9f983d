//! A uniform grid over boxes: which of them may hold a point.

/// Bins per box to begin with.
const BINS_PER_BOX: usize = 2;
/// Entries of the grid per box at most; larger bins are taken until it holds.
const ENTRIES_PER_BOX: usize = 12;

/// Boxes by the bins that they touch.
#[derive(Debug)]
pub(super) struct Grid {
    low: [f64; 2],
    high: [f64; 2],
    bins_per_unit: [f64; 2],
    n_bins: [usize; 2],
    /// Where the boxes of each bin start, row after row. `[n_bins + 1]`
    starts: Vec<u32>,
    /// Numbers of the boxes, ascending in every bin.
    boxes: Vec<u32>,
}

impl Grid {
    /// Sorts boxes, given as lower and upper corner.
    pub fn new(boxes: &[[[f64; 2]; 2]]) -> Self {
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for corners in boxes {
            for axis in 0..2 {
                low[axis] = low[axis].min(corners[0][axis]);
                high[axis] = high[axis].max(corners[1][axis]);
            }
        }
        let mut grid =
            Self { low, high, bins_per_unit: [0.0; 2], n_bins: [1; 2], starts: vec![0; 2], boxes: Vec::new() };
        if boxes.is_empty() {
            return grid;
        }
        let mut n_bins = (BINS_PER_BOX * boxes.len()).max(1);
        loop {
            grid.divide(n_bins);
            let n_entries: usize = boxes.iter().map(|corners| grid.n_touched(corners)).sum();
            if n_bins == 1 || n_entries <= ENTRIES_PER_BOX * boxes.len() {
                break;
            }
            n_bins = (n_bins / 2).max(1);
        }
        grid.fill(boxes);
        grid
    }

    /// Numbers of the boxes that may hold a point, ascending.
    pub fn candidates(&self, point: [f64; 2]) -> &[u32] {
        if !(0..2).all(|axis| point[axis] >= self.low[axis] && point[axis] <= self.high[axis]) {
            return &[];
        }
        let at = self.bin(1, point[1]) * self.n_bins[0] + self.bin(0, point[0]);
        &self.boxes[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    /// Splits the plane into about `n_bins` bins that are about square.
    fn divide(&mut self, n_bins: usize) {
        let [width, height] = [0, 1].map(|axis| self.high[axis] - self.low[axis]);
        let n = n_bins as f64;
        let n_columns = if width > 0.0 { (n * (width / height)).sqrt().clamp(1.0, n) as usize } else { 1 };
        let n_rows = if height > 0.0 { (n_bins / n_columns).max(1) } else { 1 };
        self.n_bins = [n_columns, n_rows];
        let per_unit = |extent: f64, n: usize| if extent > 0.0 { n as f64 / extent } else { 0.0 };
        self.bins_per_unit = [per_unit(width, n_columns), per_unit(height, n_rows)];
    }

    /// Monotonic, so that what lies between two coordinates lies between their bins.
    #[inline]
    fn bin(&self, axis: usize, value: f64) -> usize {
        (((value - self.low[axis]) * self.bins_per_unit[axis]) as usize).min(self.n_bins[axis] - 1)
    }

    /// First and last bin of a box along x and along y.
    fn bins(&self, [low, high]: &[[f64; 2]; 2]) -> [[usize; 2]; 2] {
        [0, 1].map(|axis| [self.bin(axis, low[axis]), self.bin(axis, high[axis])])
    }

    fn n_touched(&self, corners: &[[f64; 2]; 2]) -> usize {
        let [columns, rows] = self.bins(corners);
        (columns[1] - columns[0] + 1) * (rows[1] - rows[0] + 1)
    }

    fn fill(&mut self, boxes: &[[[f64; 2]; 2]]) {
        let mut starts = vec![0u32; self.n_bins[0] * self.n_bins[1] + 1];
        let each_bin = |corners: &[[f64; 2]; 2], visit: &mut dyn FnMut(usize)| {
            let [columns, rows] = self.bins(corners);
            for row in rows[0]..=rows[1] {
                for column in columns[0]..=columns[1] {
                    visit(row * self.n_bins[0] + column);
                }
            }
        };
        for corners in boxes {
            each_bin(corners, &mut |bin| starts[bin] += 1);
        }
        let mut total = 0;
        for start in &mut starts {
            total += std::mem::replace(start, total);
        }
        let mut sorted = vec![0u32; total as usize];
        for (number, corners) in boxes.iter().enumerate() {
            each_bin(corners, &mut |bin| {
                sorted[starts[bin] as usize] = number as u32;
                starts[bin] += 1;
            });
        }
        // Every start has moved to the start of the next bin.
        starts.rotate_right(1);
        starts[0] = 0;
        self.starts = starts;
        self.boxes = sorted;
    }
}
