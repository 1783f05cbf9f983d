//! What was found, in sentences for people who have never seen the model.

use super::{Certainty, Sizing};
use crate::report::digits::grouped;

/// A number with three significant digits, without an exponent between 0.0001 and 10^9.
pub fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-4..9).contains(&magnitude) {
        return format!("{value:.2e}");
    }
    let decimals = (2 - magnitude).max(0) as usize;
    let unit = 10f64.powi((magnitude - 2).max(0));
    let text = format!("{:.decimals$}", (value / unit).round_ties_even() * unit);
    let text = if decimals > 0 { format!("{value:.decimals$}") } else { text };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A whole number with spaces between thousands.
pub fn count(value: usize) -> String {
    grouped(value as u64, ' ')
}

pub fn too_few(n_molecules: usize, needed: usize) -> String {
    format!(
        "There are only {n_molecules} molecules; at least {needed} are needed to see how large cells are. Measure a \
         few cells in an image, and give half their diameter as --scale."
    )
}

pub fn one_place() -> String {
    "Most molecules lie in the same place, so that there are no distances to compare. Are x and y the right columns?"
        .to_owned()
}

pub fn no_trial() -> String {
    "Too few cells were found at most of the scales tried to compare them. Measure a few cells in an image, and give \
     half their diameter as --scale."
        .to_owned()
}

pub fn ever_larger() -> String {
    "The larger the cells, the better they foretell molecules that were held out, up to the largest ones tried: the \
     molecules show no borders of cells. Either they are spread evenly and of the same genes everywhere, or cells hold \
     more molecules than the data can show. Measure a few cells in an image, and give half their diameter as --scale."
        .to_owned()
}

pub fn no_cells() -> String {
    "Cells of any size foretell molecules that were held out no better than the wider surroundings do: place and gene \
     of the molecules show no cells, as happens where neighboring cells are of one type and touch. Measure a few cells \
     in an image, and give half their diameter as --scale."
        .to_owned()
}

pub fn ever_smaller() -> String {
    "The smallest cells tried, of a few molecules each, foretell molecules that were held out best: the molecules lie \
     in tight groups or on a grid rather than in cells. Are duplicates of molecules in the table? Otherwise measure a \
     few cells in an image, and give half their diameter as --scale."
        .to_owned()
}

pub fn ever_smaller_thinned() -> String {
    "The best scale lies between two series of trials, and neither shows it. Measure a few cells in an image, and give \
     half their diameter as --scale."
        .to_owned()
}

/// The evidence for a suggestion.
pub fn reasons(sizing: &Sizing, has_many_molecules: bool) -> Vec<String> {
    let Sizing { trials, best, .. } = sizing;
    let chosen = &trials[*best];
    let (smallest, largest) = (trials[0].scale, trials[trials.len() - 1].scale);
    let mut reasons = vec![
        format!(
            "The model was fitted at {} scales, from {} to {}, to {} of the molecules, and asked to foretell the place \
             and gene of those that it had not seen. It did so best at the scale {}; the {} cells found there have a \
             median radius of {} and a median of {} molecules.",
            trials.len(),
            number(smallest),
            number(largest),
            what_was_used(sizing),
            number(chosen.scale),
            count(chosen.n_cells),
            number(chosen.median_radius),
            number(chosen.molecules_per_cell[1])
        ),
        format!(
            "The data support {} to {}. {}",
            number(sizing.interval[0]),
            number(sizing.interval[1]),
            match sizing.certainty {
                Certainty::High => "Half and double this scale are clearly worse.",
                Certainty::Moderate => "Half or double this scale is worse, but not both clearly.",
                Certainty::Low => "The evidence is weak: look at a few cells before you trust it.",
            }
        ),
        format!(
            "A typical cell would hold {} molecules, the middle half of the cells {} to {}; a quarter of a typical cell \
             is enough to call something a cell (-m {}).",
            number(sizing.molecules_per_cell[1]),
            number(sizing.molecules_per_cell[0]),
            number(sizing.molecules_per_cell[2]),
            sizing.min_molecules_per_cell
        ),
    ];
    if has_many_molecules {
        reasons.push(
            "With so many molecules per cell, nucleus and cytoplasm can look like cells of their own. If the suggested \
             radius is smaller than the cells in your images, trust the images."
                .to_owned(),
        );
    }
    reasons
}

fn what_was_used(sizing: &Sizing) -> String {
    let n = count(sizing.n_molecules_used);
    let places = if sizing.n_windows == 1 { "one window".to_owned() } else { format!("{} windows", sizing.n_windows) };
    match sizing.thinning {
        1 => format!("four fifths of {n} molecules in {places}"),
        thinning => format!("four fifths of {n} molecules (one in {thinning}) in {places}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_no_needless_zeros() {
        let cases = [
            (6.5, "6.5"),
            (6.0, "6"),
            (0.012_345, "0.0123"),
            (123.456, "123"),
            (1_234.5, "1230"),
            (99.96, "100"),
            (4.999_9, "5"),
            (0.0, "0"),
        ];
        for (value, expected) in cases {
            assert_eq!(number(value), expected, "{value}");
        }
        assert_eq!(number(1.5e12), "1.50e12");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([count(7), count(1_234), count(1_000_000)], ["7", "1 234", "1 000 000"]);
    }
}
