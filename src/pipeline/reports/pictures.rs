//! The static pictures: a large one, and a smaller one of the same for MultiQC and for browsers that cannot draw maps.

use super::Finished;
use super::parameters::whole;
use crate::io::stage::StagePolygons;
use crate::pipeline::pictures::{PlotSettings, Shown, borders_picture};

/// Longest side of the smaller picture in pixels.
const SMALL: usize = 1000;

/// PNG files of molecules and boundaries, large and small; `None` without molecules.
pub fn of(finished: &Finished<'_>, polygons: &StagePolygons) -> [Option<Vec<u8>>; 2] {
    let max_plot_size = whole(finished.manifest, "plotting.max_plot_size");
    let prior = finished.result.prior_outlines.as_deref().unwrap_or_default();
    let prior: Vec<&[[f64; 2]]> = prior.iter().map(|outline| outline.ring.as_slice()).collect();
    [max_plot_size, max_plot_size.min(SMALL)].map(|max_plot_size| {
        let settings = PlotSettings {
            min_molecules_per_cell: whole(finished.manifest, "data.min_molecules_per_cell"),
            min_pixels_per_cell: whole(finished.manifest, "plotting.min_pixels_per_cell"),
            max_plot_size,
            unit: "",
        };
        borders_picture(finished.result, &polygons.flat, &prior, Shown::Best, settings).map(|picture| picture.png)
    })
}
