//! Neighborhood composition: what surrounds a molecule, as a vector of genes, as a few numbers, and as a color.
