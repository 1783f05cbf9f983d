//! Sums of the weights of neighbors, by which their order matters or does not.

/// Steps of weights where these are summed as whole numbers: 2^20 neighbors of weight 1 fit in 64 bits with room to
/// spare, and the error of a weight is far below that of an f32.
const WEIGHT_STEPS: f64 = (1u64 << 40) as f64;

/// A sum of weights of molecules, which are above 0 and at most 1.
pub(super) trait WeightSum: Copy + Default + PartialEq {
    /// Adds a weight.
    fn add(&mut self, weight: f32);

    /// What part of `total` it is.
    fn share(self, total: Self) -> f32;
}

/// Plain numbers: the sum depends on the order by some rounding.
impl WeightSum for f32 {
    #[inline]
    fn add(&mut self, weight: f32) {
        *self += weight;
    }

    #[inline]
    fn share(self, total: Self) -> f32 {
        self / total
    }
}

/// Whole numbers of small steps: the same sum in any order.
impl WeightSum for u64 {
    #[inline]
    fn add(&mut self, weight: f32) {
        *self += (f64::from(weight) * WEIGHT_STEPS) as u64;
    }

    #[inline]
    fn share(self, total: Self) -> f32 {
        (self as f64 / total as f64) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_the_same_sum_in_any_order() {
        let weights: Vec<f32> = (1..2000).map(|at| 1.0 / at as f32).collect();
        fn sum<S: WeightSum>(weights: impl Iterator<Item = f32>) -> S {
            let mut sum = S::default();
            weights.for_each(|weight| sum.add(weight));
            sum
        }
        let forward: u64 = sum(weights.iter().copied());
        assert_eq!(forward, sum::<u64>(weights.iter().rev().copied()));
        let first: u64 = sum(weights[..3].iter().copied());
        let plain: f32 = sum::<f32>(weights[..3].iter().copied()).share(sum::<f32>(weights.iter().copied()));
        assert!((first.share(forward) / plain - 1.0).abs() < 1e-5);
        // Plain numbers do not: otherwise nobody would need the others.
        let tiny = (2f32).powi(-24);
        assert_eq!(
            (sum::<f32>([1.0, tiny, tiny].into_iter()), sum::<f32>([tiny, tiny, 1.0].into_iter())),
            (1.0, 1.0 + 2.0 * tiny)
        );
        assert_eq!(sum::<u64>([1.0, tiny, tiny].into_iter()), sum::<u64>([tiny, tiny, 1.0].into_iter()));
    }
}
