//! Random draws keyed by (seed, stream, iteration, item): no generator is shared or advanced.
//!
//! A draw depends on its key alone, so neither the number of threads nor the order of work can
//! change a result, and a tile of a slide draws what the whole slide would.

/// What the draws are for; each purpose has its own stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Stream {
    /// Assignment of molecules to components.
    Assignment = 1,
    /// Jitter of coincident points.
    Jitter = 2,
    /// Start of the molecule clustering.
    Clustering = 3,
    /// Colours by neighborhood composition.
    Colors = 4,
    /// Molecules held out or left out while the size of cells is estimated.
    Sizing = 40,
    /// Which molecules a picture shows, where it cannot show all.
    Sample = 5,
    /// Molecules around which cells are proposed.
    Births = 6,
}

/// The draws of one stream.
#[derive(Clone, Copy, Debug)]
pub struct Draws {
    key: u64,
}

impl Draws {
    /// The draws of `stream` under `seed`.
    pub fn new(seed: u64, stream: Stream) -> Self {
        Self { key: mix(mix(seed ^ 0x9e37_79b9_7f4a_7c15).wrapping_add((stream as u64) << 32)) }
    }

    /// The draws of another stream, under the seed of this one.
    pub fn apart(self, stream: Stream) -> Self {
        Self { key: mix(self.key.wrapping_add((stream as u64) << 32)) }
    }

    /// The draws of one iteration.
    #[inline]
    pub fn at(self, iteration: u64) -> IterationDraws {
        IterationDraws { key: mix(self.key.wrapping_add(iteration.wrapping_mul(0xd1b5_4a32_d192_ed03))) }
    }
}

/// The draws of one stream in one iteration.
#[derive(Clone, Copy, Debug)]
pub struct IterationDraws {
    key: u64,
}

impl IterationDraws {
    /// A uniform number in [0, 1) for item `id`, a multiple of 2^-53.
    #[inline]
    pub fn uniform(self, id: u64) -> f64 {
        (self.bits(id) >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// 64 random bits for item `id`.
    #[inline]
    pub fn bits(self, id: u64) -> u64 {
        mix(self.key ^ mix(id.wrapping_add(0x632b_e59b_d9b4_e019)))
    }

    /// Approximately a standard normal number for item `id`: the sum of twelve uniform ones.
    /// Good enough for random starts, not for tails.
    pub fn rough_normal(self, id: u64) -> f64 {
        (0..12).map(|part| self.uniform(id.wrapping_mul(12).wrapping_add(part))).sum::<f64>() - 6.0
    }
}

/// A bijective scrambling of 64 bits: two multiply-xorshift rounds with odd constants.
#[inline]
fn mix(mut value: u64) -> u64 {
    value ^= value >> 30;
    value = value.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value ^= value >> 27;
    value = value.wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_key_same_draw() {
        let draws = Draws::new(1, Stream::Assignment);
        assert_eq!(draws.at(5).uniform(7), Draws::new(1, Stream::Assignment).at(5).uniform(7));
    }

    #[test]
    fn seeds_streams_iterations_and_items_differ() {
        let base = Draws::new(1, Stream::Assignment).at(5).bits(7);
        assert_ne!(base, Draws::new(2, Stream::Assignment).at(5).bits(7));
        assert_ne!(base, Draws::new(1, Stream::Jitter).at(5).bits(7));
        assert_ne!(base, Draws::new(1, Stream::Assignment).apart(Stream::Births).at(5).bits(7));
        assert_ne!(base, Draws::new(1, Stream::Assignment).at(6).bits(7));
        assert_ne!(base, Draws::new(1, Stream::Assignment).at(5).bits(8));
    }

    #[test]
    fn neighboring_items_and_iterations_are_uncorrelated() {
        // Standard error of a correlation over 1e5 pairs is 0.0032: five of them are allowed.
        let draws = Draws::new(42, Stream::Assignment);
        let n = 100_000u64;
        let (mut by_item, mut by_iteration, mut mean) = (0.0, 0.0, 0.0);
        for id in 0..n {
            let a = draws.at(3).uniform(id) - 0.5;
            by_item += a * (draws.at(3).uniform(id + 1) - 0.5);
            by_iteration += a * (draws.at(4).uniform(id) - 0.5);
            mean += a;
        }
        let scale = 12.0 / n as f64;
        assert!((by_item * scale).abs() < 0.016);
        assert!((by_iteration * scale).abs() < 0.016);
        assert!((mean / n as f64).abs() < 0.005);
    }
}
