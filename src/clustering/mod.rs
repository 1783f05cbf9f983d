//! Molecule clusters: coarse cell types by a categorical mixture on the graph.
