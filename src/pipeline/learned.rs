//! What the model has learned about cells where segments own them, for the log, the manifest and the dump.

use crate::bmm::{FreeCells, Learned, OwnerParams};
use crate::observe::Observer;

/// Reports what the segments of the prior are taken for.
pub fn report_meaning(owners: OwnerParams, observer: &dyn Observer) {
    let (what, rule) = match owners.is_exclusive {
        true => ("nuclei", "one cell each, and none takes molecules of two"),
        false => ("cells", "one cell each, with borders that may move"),
    };
    let free = match owners.free_cells {
        FreeCells::Free => "where the evidence is for them",
        FreeCells::Strict => "where the evidence is strongly for them",
        FreeCells::None => "none",
    };
    observer.info(&format!(
        "Prior segments are taken for {what}: {rule}. Cells without a segment: {free}. --prior-segments and \
         --cells-without-nucleus change that"
    ));
}

/// The radius of a disc, or ball, whose molecules spread as those of a typical cell.
fn radius_of(learned: Learned, n_dims: usize) -> f64 {
    learned.sizes.sd * if n_dims == 2 { 2.0 } else { 5.0f64.sqrt() }
}

/// Reports what was learned.
pub fn report(learned: Learned, n_dims: usize, observer: &dyn Observer) {
    let Learned { sizes, abundance, free_share, .. } = learned;
    observer.info(&format!(
        "Learned from the cells: radius {:.4}{}, spread of the axes {:.0} %, {:.1} molecules per cell with a coefficient \
         of variation of {:.2}, {:.1} cells without a segment for 100 with one",
        radius_of(learned, n_dims),
        if n_dims == 3 { format!(" ({:.4} along z)", 5.0f64.sqrt() * sizes.sd_z) } else { String::new() },
        100.0 * sizes.spread(),
        abundance.mean,
        (1.0 / abundance.shape).sqrt(),
        100.0 * free_share
    ));
}

/// What was learned, for the manifest and the dump: name, value, origin.
pub fn values(owners: OwnerParams, learned: Learned, n_dims: usize) -> Vec<(&'static str, String, &'static str)> {
    let origin = "learned from the cells";
    let mut values = vec![
        ("prior_segments", if owners.is_exclusive { "nuclei" } else { "cells" }.to_owned(), "resolved"),
        ("cell_radius", radius_of(learned, n_dims).to_string(), origin),
        (
            "cell_radius_spread",
            learned.sizes.spread().to_string(),
            if owners.spread_is_given { "given and learned from the cells" } else { origin },
        ),
        ("molecules_per_cell", learned.abundance.mean.to_string(), origin),
        ("free_cell_share", learned.free_share.to_string(), origin),
    ];
    if n_dims == 3 {
        values.push(("cell_radius_z", (5.0f64.sqrt() * learned.sizes.sd_z).to_string(), origin));
    }
    values
}
