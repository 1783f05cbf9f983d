//! Molecule confidence: a two-normal mixture smoothed on the graph.
