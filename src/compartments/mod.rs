//! Compartments of cells: nucleus and cytoplasm, told by genes that prefer one of them.
