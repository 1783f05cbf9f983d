//! The Bayesian mixture model of cells.
