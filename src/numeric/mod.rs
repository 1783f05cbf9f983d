//! Numbers without meaning: elementary functions, keyed draws, ordered sums, order statistics,
//! and the little linear algebra that the models need.

pub mod draws;
pub mod elementary;
pub mod fast_exp;
pub mod gamma;
pub mod leading;
pub mod pca;
pub mod reduce;
pub mod sparse;
pub mod stats;
pub mod symmetric;
pub mod umap;
pub mod vector_index;
