//! Numbers without meaning: elementary functions, keyed draws, ordered sums, order statistics.

pub mod draws;
pub mod elementary;
pub mod reduce;
pub mod stats;
