//! Per-cell statistics and counts.
