//! A scale and a minimum of molecules per cell to begin with, and the unit that they speak for.

use crate::data::Positions;
use crate::pipeline::sizing::{self, Certainty, unit};
use crate::report::preview::{Suggestion, Trial, Unit};

/// Nothing, where molecules are no denser in one place than in another.
pub fn without_density() -> Suggestion {
    let reason = "All molecules are (nearly) equally far from their neighbors, as on a grid: there are no cells to be \
                  seen. Measure a few cells in an image, and give half their diameter as --scale.";
    Suggestion { certainty: "none", reasons: vec![reason.to_owned()], ..Suggestion::default() }
}

/// What the trials say, for the report.
pub fn suggestion(found: sizing::Suggestion) -> Suggestion {
    match found {
        sizing::Suggestion::Found(sizing) => Suggestion {
            scale: Some(short(sizing.scale)),
            scale_range: Some(sizing.interval),
            min_molecules_per_cell: Some(sizing.min_molecules_per_cell),
            molecules_per_cell: Some(sizing.molecules_per_cell),
            certainty: match sizing.certainty {
                Certainty::Low => "low",
                Certainty::Moderate => "moderate",
                Certainty::High => "high",
            },
            trials: trials(&sizing.trials),
            reasons: sizing.reasons,
            ..Suggestion::default()
        },
        sizing::Suggestion::CannotTell { reason, trials: tried } => {
            Suggestion { certainty: "none", trials: trials(&tried), reasons: vec![reason], ..Suggestion::default() }
        }
    }
}

/// Three significant digits: a scale is not known better, and people type it.
fn short(scale: f64) -> f64 {
    format!("{scale:.2e}").parse().unwrap_or(scale)
}

fn trials(trials: &[sizing::Trial]) -> Vec<Trial> {
    let trial = |trial: &sizing::Trial| Trial {
        scale: trial.scale,
        score: trial.score,
        deficit: trial.deficit,
        deficit_error: trial.deficit_error,
        n_cells: trial.n_cells,
        median_radius: trial.median_radius,
        molecules_per_cell: trial.molecules_per_cell,
    };
    trials.iter().map(trial).collect()
}

/// The unit of the coordinates, as the suggested scale tells it.
pub fn unit(suggestion: &Suggestion, positions: &Positions) -> Unit {
    let Some(check) = suggestion.scale.and_then(|scale| unit::check(scale, positions)) else {
        let reason = "The unit of x and y cannot be told without a scale.".to_owned();
        return Unit { guess: "unknown", is_sure: false, reason };
    };
    let guess = if check.unit == unit::Unit::Unclear { "unknown" } else { check.unit.name() };
    // Other units than microns need a size of cells that is right within a factor of two or three.
    let is_sure = match check.unit {
        unit::Unit::Microns => suggestion.certainty != "low",
        unit::Unit::Pixels => suggestion.certainty == "high" && check.is_whole,
        _ => false,
    };
    Unit { guess, is_sure, reason: check.sentences.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_name_microns_only_when_cells_are_clear() {
        let positions = Positions { x: vec![0.5, 3.25], y: vec![0.1, 7.75], z: None };
        let of =
            |scale, certainty| unit(&Suggestion { scale, certainty, ..Suggestion::default() }, &positions).of_length();
        assert_eq!(of(Some(6.5), "high"), "µm");
        assert_eq!(of(Some(6.5), "low"), "input units");
        assert_eq!(of(Some(60.0), "high"), "input units");
        assert_eq!(of(None, "none"), "input units");
    }

    #[test]
    fn a_scale_has_three_digits() {
        assert_eq!([6.4567, 123.456, 0.012_345].map(short), [6.46, 123.0, 0.0123]);
    }
}
