//! Convex hull and its area.
