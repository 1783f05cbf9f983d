//! Whether the scale of a run was right.

use super::Finished;
use crate::observe::Observer;
use crate::pipeline::sizing::{self, Judged, Nuclei, Suggestion};
use crate::report::diagnostics::figures::median;
use crate::report::diagnostics::{Prior, ScaleCheck, Trial, Verdict};
use crate::report::document::Level;

/// Asks the molecules for the scale, and compares it with that of the run.
pub fn check(finished: &Finished<'_>, scale: f64, prior: Option<&Prior>, observer: &dyn Observer) -> ScaleCheck {
    let (result, stats) = (finished.result, &finished.result.stats);
    let confidence = result.found.confidence.as_deref().unwrap_or_default();
    let suggestion = sizing::suggest(&result.table.molecules, confidence, finished.manifest.seed, observer);
    let known = |value: f64| Some(value).filter(|value| value.is_finite());
    let radii = stats.area.iter().map(|area| (area / std::f64::consts::PI).sqrt());
    let judged = Judged {
        scale,
        median_radius: known(median(radii)),
        median_molecules: known(median(stats.n_transcripts.iter().map(|&n| f64::from(n)))),
        nuclei: prior.and_then(nuclei),
    };
    let verdict = sizing::judge(&judged, &suggestion);
    let level = match verdict.level {
        sizing::Level::Fits => Level::Good,
        sizing::Level::TooSmall | sizing::Level::TooLarge => Level::Bad,
        sizing::Level::CannotTell => Level::Plain,
    };
    let trials = match &suggestion {
        Suggestion::Found(sizing) => &sizing.trials,
        Suggestion::CannotTell { trials, .. } => trials,
    };
    let trial =
        |trial: &sizing::Trial| Trial { scale: trial.scale, deficit: trial.deficit, error: trial.deficit_error };
    ScaleCheck {
        verdict: Verdict::new(level, verdict.level.title(), verdict.sentences),
        suggested: suggestion.sizing().map(|sizing| sizing.scale),
        trials: trials.iter().map(trial).collect(),
    }
}

/// How cells and segments go together on average; `None` if they share no molecule.
fn nuclei(prior: &Prior) -> Option<Nuclei> {
    let mean = |numbers: &mut dyn Iterator<Item = u32>| {
        let (sum, n) =
            numbers.filter(|&number| number > 0).fold((0.0, 0.0), |(sum, n), x| (sum + f64::from(x), n + 1.0));
        (n > 0.0).then(|| sum / n)
    };
    let agreement = &prior.agreement;
    Some(Nuclei {
        cells_per_segment: mean(&mut agreement.segments.iter().map(|segment| segment.n_cells))?,
        segments_per_cell: mean(&mut agreement.segments_of_cell.iter().copied())?,
    })
}
