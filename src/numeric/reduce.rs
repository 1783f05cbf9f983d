//! Sums whose order of addition never depends on the number of threads.

use rayon::prelude::*;

/// Items per block. A constant: block borders must not depend on threads.
pub const BLOCK: usize = 4096;

/// Sums `value(i)` for `i` in `0..n`: blocks in parallel, block sums added in order.
pub fn ordered_sum(n: usize, value: impl Fn(usize) -> f64 + Sync) -> f64 {
    ordered_fold(n, |range| range.map(&value).sum::<f64>(), |a, b| a + b, 0.0)
}

/// Maps blocks of `0..n` in parallel and folds the results in order of the blocks.
pub fn ordered_fold<T: Send>(
    n: usize,
    block: impl Fn(std::ops::Range<usize>) -> T + Sync,
    combine: impl Fn(T, T) -> T,
    start: T,
) -> T {
    let parts: Vec<T> =
        (0..n.div_ceil(BLOCK)).into_par_iter().map(|part| block(part * BLOCK..((part + 1) * BLOCK).min(n))).collect();
    parts.into_iter().fold(start, combine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sum_is_the_same_for_any_pool() {
        let value = |i: usize| 1.0 / (1.0 + i as f64);
        let sum_with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
            pool.install(|| ordered_sum(100_003, value))
        };
        assert_eq!(sum_with(1).to_bits(), sum_with(3).to_bits());
    }
}
