//! The pictures: molecules by local expression and by confidence.

use super::noise_level::Minimum;
use crate::composition::{self, Color, ColorParams};
use crate::config::PreviewSettings;
use crate::data::Molecules;
use crate::observe::Observer;
use crate::report::picture::{Colors, MoleculePicture, PlotSize, Scale};
use crate::report::preview::{PictureFacts, Pictures, Unit};

/// Molecules drawn at most.
const N_DRAWN: usize = 200_000;

/// Longest side of pictures that show a part of the molecules only, in pixels: larger ones would look empty.
const LONGEST_OF_PART: usize = 1600;

/// Draws both pictures. `molecules` and `confidence` are sorted along a curve; the result does not depend on threads.
///
/// METHOD: every so-and-so-many molecule along the curve is drawn, so that dense places stay dense. Colors are those of
/// its neighborhood among all molecules.
pub fn draw(
    molecules: &Molecules,
    confidence: &[f32],
    minimum: Minimum,
    unit: &Unit,
    settings: &PreviewSettings,
    observer: &dyn Observer,
) -> (Pictures, PictureFacts) {
    let step = molecules.len().div_ceil(N_DRAWN).max(1);
    let mut subset: Vec<u32> = (0..molecules.len() as u32).step_by(step).collect();
    // Later molecules cover earlier ones; in the order of the table no place is preferred.
    subset.sort_unstable_by_key(|&molecule| molecules.ids[molecule as usize]);
    let n_neighbors = settings.colors.n_neighbors(molecules.n_genes, minimum.n);
    let params = ColorParams::of_run(n_neighbors, settings.colors.method, settings.program.seed);
    let colors = composition::colors_of(molecules, &subset, confidence, &params, observer);
    let pick = |values: &[f64]| -> Vec<f64> { subset.iter().map(|&molecule| values[molecule as usize]).collect() };
    let (x, y) = (pick(&molecules.positions.x), pick(&molecules.positions.y));
    let unit = match unit.of_length() {
        "input units" => "",
        unit => unit,
    };
    let size = PlotSize {
        n_molecules: molecules.len(),
        min_molecules_per_cell: minimum.n,
        min_pixels_per_cell: settings.min_pixels_per_cell,
        max_plot_size: if step > 1 { settings.max_plot_size.min(LONGEST_OF_PART) } else { settings.max_plot_size },
    };
    let picture = |colors, title| {
        let picture = MoleculePicture { x: &x, y: &y, colors, outlines: &[], prior_outlines: &[], title, unit, size };
        Some(picture.draw().png)
    };
    let color_of = |at: usize| colors[at].0;
    let expression = picture(Colors::Own(&color_of), "Local expression similarity");
    let confidence_of = |at: usize| confidence[subset[at] as usize];
    let by_confidence =
        Colors::Values { of: &confidence_of, range: [0.0, 1.0], title: "Confidence", scale: Scale::Diverging };
    let confidence = picture(by_confidence, "Transcript confidence");
    let facts = PictureFacts {
        n_molecules: subset.len(),
        has_colors: colors.iter().any(|&color| color != Color::GRAY),
        n_neighbors,
    };
    (Pictures { expression, confidence }, facts)
}
