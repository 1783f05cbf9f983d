//! Molecule tables.
