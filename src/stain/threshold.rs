//! Thresholds of a whole image from the histogram of its intensities.

use rayon::prelude::*;

use crate::numeric::elementary::ln;

/// Equal bins between the smallest and the largest intensity.
///
/// METHOD: 4096 bins hold 16-bit images with some hot pixels well enough, and any float image.
pub(super) const N_BINS: usize = 4096;
/// Pixels per block of the count.
const BLOCK: usize = 1 << 20;

/// Counts of intensities in equal bins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Histogram {
    lowest: f64,
    step: f64,
    counts: Vec<u64>,
}

impl Histogram {
    /// Counts finite values. `[n]`, at least one.
    pub fn of(values: &[f32], n_bins: usize) -> Self {
        let extremes = |chunk: &[f32]| {
            chunk.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), &v| (lo.min(v), hi.max(v)))
        };
        let merged = |a: (f32, f32), b: (f32, f32)| (a.0.min(b.0), a.1.max(b.1));
        let (lowest, highest) =
            values.par_chunks(BLOCK).map(extremes).reduce(|| (f32::INFINITY, f32::NEG_INFINITY), merged);
        let (lowest, highest) = (f64::from(lowest), f64::from(highest));
        let step = (highest - lowest) / n_bins as f64;
        let count = |chunk: &[f32]| {
            let mut counts = vec![0u64; n_bins];
            for &value in chunk {
                let bin = if step > 0.0 { ((f64::from(value) - lowest) / step) as usize } else { 0 };
                counts[bin.min(n_bins - 1)] += 1;
            }
            counts
        };
        let add = |mut a: Vec<u64>, b: Vec<u64>| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            a
        };
        // Whole numbers: the order of addition does not matter.
        let counts = values.par_chunks(BLOCK).map(count).reduce(|| vec![0; n_bins], add);
        Self { lowest, step, counts }
    }

    fn center(&self, bin: usize) -> f64 {
        self.lowest + (bin as f64 + 0.5) * self.step
    }

    fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Number of values up to a bin, and their sum, for each bin.
    fn cumulative(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.counts.iter().enumerate().scan((0.0, 0.0), |(n, sum), (bin, &count)| {
            *n += count as f64;
            *sum += count as f64 * self.center(bin);
            Some((*n, *sum))
        })
    }

    /// The mean, up to the width of a bin.
    pub fn mean(&self) -> f64 {
        self.cumulative().last().map_or(0.0, |(n, sum)| sum / n)
    }

    /// Value below which a share of the values lies.
    pub fn quantile(&self, share: f64) -> f64 {
        let target = share * self.total() as f64;
        let bin = self.cumulative().position(|(n, _)| n >= target).unwrap_or(0);
        self.center(bin)
    }

    /// Otsu's threshold: the largest variance between the two classes (IEEE Trans. SMC 9, 1979).
    pub fn otsu(&self) -> f64 {
        let (n, sum) = self.cumulative().last().unwrap_or((0.0, 0.0));
        let mut best = (f64::NEG_INFINITY, 0);
        for (bin, (n_below, sum_below)) in self.cumulative().enumerate() {
            let n_above = n - n_below;
            if n_below == 0.0 || n_above == 0.0 {
                continue;
            }
            let gap = sum_below / n_below - (sum - sum_below) / n_above;
            let variance = n_below * n_above * gap * gap;
            if variance > best.0 {
                best = (variance, bin);
            }
        }
        self.center(best.1)
    }

    /// Li's threshold of least cross-entropy, by the iteration of Li and Tam (Pattern Recognition Letters 19, 1998).
    pub fn li(&self) -> f64 {
        let cumulative: Vec<(f64, f64)> = self.cumulative().collect();
        let Some(&(n, sum)) = cumulative.last() else { return self.lowest };
        // Intensities count from the lowest one, half a bin above 0: logarithms stay finite.
        let offset = self.lowest;
        let mut threshold = sum / n - offset;
        for _ in 0..1000 {
            let bin = ((threshold / self.step) as usize).min(cumulative.len() - 1);
            let (n_below, sum_below) = cumulative[bin];
            let n_above = n - n_below;
            if n_below == 0.0 || n_above == 0.0 {
                break;
            }
            let below = sum_below / n_below - offset;
            let above = (sum - sum_below) / n_above - offset;
            let next = (above - below) / (ln(above) - ln(below));
            let moved = (next - threshold).abs();
            threshold = next;
            if moved.is_nan() || moved <= 0.5 * self.step {
                break;
            }
        }
        threshold + offset
    }

    /// The triangle threshold: the bin farthest below the line from the peak to the end of the longer tail (Zack,
    /// Rogers and Latt, J. Histochem. Cytochem. 25, 1977).
    pub fn triangle(&self) -> f64 {
        let highest = self.counts.iter().copied().max().unwrap_or(0);
        let position = |found: Option<usize>| found.unwrap_or(0);
        let peak = position(self.counts.iter().position(|&count| count == highest));
        let first = position(self.counts.iter().position(|&count| count > 0));
        let last = position(self.counts.iter().rposition(|&count| count > 0));
        let tail_is_below = peak - first > last - peak;
        let end = if tail_is_below { first } else { last };
        let length = peak.abs_diff(end).max(1) as f64;
        let mut best = (f64::NEG_INFINITY, peak);
        for bin in peak.min(end)..peak.max(end) {
            let line = highest as f64 * bin.abs_diff(end) as f64 / length;
            let depth = line - self.counts[bin] as f64;
            if depth > best.0 {
                best = (depth, bin);
            }
        }
        self.center(best.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two classes of intensities: 12 bright and 20 dark ones.
    const VALUES: [f32; 32] = [
        10., 12., 11., 13., 10., 14., 12., 11., 15., 60., 62., 58., 12., 10., 64., 70., 61., 66., 9., 11., 30., 25.,
        13., 12., 11., 10., 12., 90., 85., 13., 11., 10.,
    ];

    fn near(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
    }

    #[test]
    fn otsu_agrees_with_scikit_image() {
        near(Histogram::of(&VALUES, 256).otsu(), 30.041015625, 1e-9);
        near(Histogram::of(&VALUES, 4096).otsu(), 29.9915771484375, 1e-9);
    }

    #[test]
    fn triangle_agrees_with_scikit_image_within_a_bin() {
        near(Histogram::of(&VALUES, 256).triangle(), 10.423828125, 81.0 / 256.0);
    }

    #[test]
    fn li_agrees_with_scikit_image_within_the_width_of_a_few_bins() {
        near(Histogram::of(&VALUES, 4096).li(), 27.24746510533845, 0.1);
    }

    #[test]
    fn mean_agrees_with_the_mean() {
        near(Histogram::of(&VALUES, 4096).mean(), 28.53125, 0.02);
    }

    #[test]
    fn one_value_is_its_own_threshold() {
        let histogram = Histogram::of(&[7.0, 7.0], 16);
        for threshold in [histogram.otsu(), histogram.li(), histogram.triangle(), histogram.mean()] {
            near(threshold, 7.0, 1e-9);
        }
    }
}
