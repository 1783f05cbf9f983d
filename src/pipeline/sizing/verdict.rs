//! Was the scale of a run right? For people who have never seen the tool.

use super::words::number;
use super::{Certainty, Sizing, Suggestion};

/// From this factor between the scale used and the suggested one on, the scale is called wrong.
///
/// METHOD: √2, the middle between right and wrong by a factor of two.
const WRONG_FROM: f64 = std::f64::consts::SQRT_2;
/// The same for a scale in the range that the data support.
const WRONG_THOUGH_SUPPORTED: f64 = 1.5;
/// So many cells per nucleus (or nuclei per cell) say that cells are divided (or merged).
const CLEAR_MISMATCH: f64 = 1.5;

/// Whether the scale fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Right, as far as the data tell.
    Fits,
    /// Cells are expected to be larger: the run probably divided cells.
    TooSmall,
    /// Cells are expected to be smaller: the run probably merged cells.
    TooLarge,
    /// The data do not tell.
    CannotTell,
}

impl Level {
    /// The verdict in a word or two, for a heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Fits => "The scale fits",
            Self::TooSmall => "The scale is probably too small",
            Self::TooLarge => "The scale is probably too large",
            Self::CannotTell => "Whether the scale fits cannot be told",
        }
    }

    /// The same for machines: `fits`, `too_small`, `too_large`, `cannot_tell`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Fits => "fits",
            Self::TooSmall => "too_small",
            Self::TooLarge => "too_large",
            Self::CannotTell => "cannot_tell",
        }
    }
}

/// How cells and the segments of a prior (nuclei, usually) go together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nuclei {
    /// Mean number of cells that hold a considerable part of a segment, over segments in cells.
    pub cells_per_segment: f64,
    /// Mean number of segments that lie mostly in a cell, over cells with any.
    pub segments_per_cell: f64,
}

/// What is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// The scale of the run, in input units.
    pub scale: f64,
    /// Median radius of its cells, if there are cells.
    pub median_radius: Option<f64>,
    /// Median number of molecules of its cells, if there are cells.
    pub median_molecules: Option<f64>,
    /// Agreement with a prior segmentation, if there is one.
    pub nuclei: Option<Nuclei>,
}

/// Whether the scale of a run was right, with the reasons.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The verdict.
    pub level: Level,
    /// Scale used by scale suggested, if there is a suggestion.
    pub factor: Option<f64>,
    /// What was seen, what it means and what to do, a sentence or two each.
    pub sentences: Vec<String>,
}

/// Judges the scale of a run by what the molecules suggest, and by nuclei where there are some.
///
/// Nuclei decide where molecules do not; where both speak and contradict each other, nobody does.
pub fn judge(judged: &Judged, suggestion: &Suggestion) -> Verdict {
    let (by_molecules, factor, mut sentences) = match suggestion {
        Suggestion::Found(sizing) => {
            let factor = judged.scale / sizing.scale;
            let level = level_of(judged.scale, sizing);
            (level, Some(factor), vec![comparison(judged.scale, level, sizing)])
        }
        Suggestion::CannotTell { reason, .. } => (Level::CannotTell, None, vec![reason.clone()]),
    };
    let is_weak = suggestion.sizing().is_none_or(|sizing| sizing.certainty == Certainty::Low);
    let by_nuclei = judged.nuclei.map(|nuclei| {
        let (level, sentence) = compare_with_nuclei(nuclei);
        sentences.push(sentence);
        level
    });
    let level = match by_nuclei {
        Some(nuclei) if is_weak => nuclei,
        Some(nuclei) if are_opposite(by_molecules, nuclei) => Level::CannotTell,
        None if is_weak => Level::CannotTell,
        _ => by_molecules,
    };
    sentences.extend(what_cells_show(level, judged));
    sentences.push(advice(level, suggestion.sizing()));
    Verdict { level, factor, sentences }
}

fn level_of(scale: f64, sizing: &Sizing) -> Level {
    let factor = scale / sizing.scale;
    let is_supported = (sizing.interval[0]..=sizing.interval[1]).contains(&scale);
    let wrong_from = if is_supported { WRONG_THOUGH_SUPPORTED } else { WRONG_FROM };
    if factor > wrong_from {
        Level::TooLarge
    } else if factor < 1.0 / wrong_from {
        Level::TooSmall
    } else {
        Level::Fits
    }
}

/// One says too small, the other too large.
fn are_opposite(a: Level, b: Level) -> bool {
    matches!((a, b), (Level::TooSmall, Level::TooLarge) | (Level::TooLarge, Level::TooSmall))
}

fn comparison(scale: f64, level: Level, sizing: &Sizing) -> String {
    let factor = scale / sizing.scale;
    let (suggested, [low, high]) = (number(sizing.scale), sizing.interval);
    let range = format!("the molecules suggest {suggested} (they support {} to {})", number(low), number(high));
    let weak = if sizing.certainty == Certainty::Low { ", though weakly" } else { "" };
    match level {
        Level::Fits => format!(
            "The run used the scale {}; {range}{weak}. That is the same within what can be told.",
            number(scale)
        ),
        Level::TooLarge => {
            format!(
                "The run used the scale {}; {range}{weak}. That is {} times too large.",
                number(scale),
                number(factor)
            )
        }
        _ => format!(
            "The run used the scale {}; {range}{weak}. That is {} times too small.",
            number(scale),
            number(1.0 / factor)
        ),
    }
}

fn compare_with_nuclei(nuclei: Nuclei) -> (Level, String) {
    let Nuclei { cells_per_segment, segments_per_cell } = nuclei;
    if cells_per_segment >= CLEAR_MISMATCH && cells_per_segment > segments_per_cell {
        let sentence = format!(
            "A segment of the prior is shared by {} cells on average: cells are divided.",
            number(cells_per_segment)
        );
        (Level::TooSmall, sentence)
    } else if segments_per_cell >= CLEAR_MISMATCH {
        let sentence =
            format!("A cell holds {} segments of the prior on average: cells are merged.", number(segments_per_cell));
        (Level::TooLarge, sentence)
    } else {
        let sentence = format!(
            "Cells and segments of the prior go together: {} cells per segment, {} segments per cell.",
            number(cells_per_segment),
            number(segments_per_cell)
        );
        (Level::Fits, sentence)
    }
}

fn what_cells_show(level: Level, judged: &Judged) -> Option<String> {
    let (radius, molecules) = (judged.median_radius?, judged.median_molecules?);
    let look = match level {
        Level::TooSmall => {
            " On the map look for neighboring cells that share their colors and have no gap between them."
        }
        Level::TooLarge => " On the map look for cells that span gaps or hold patches of different colors.",
        Level::Fits | Level::CannotTell => "",
    };
    Some(format!(
        "The cells found have a median radius of {} and a median of {} molecules.{look}",
        number(radius),
        number(molecules)
    ))
}

fn advice(level: Level, sizing: Option<&Sizing>) -> String {
    match (level, sizing) {
        (Level::TooSmall | Level::TooLarge, Some(sizing)) if sizing.certainty > Certainty::Low => {
            format!("Run again with --scale {} -m {} and compare.", number(sizing.scale), sizing.min_molecules_per_cell)
        }
        (Level::TooSmall, _) => "Run again with a larger --scale, measured on a few cells of an image.".to_owned(),
        (Level::TooLarge, _) => "Run again with a smaller --scale, measured on a few cells of an image.".to_owned(),
        (Level::Fits, _) => "Nothing to change.".to_owned(),
        (Level::CannotTell, _) => {
            "Measure a few cells in an image or on the map, and compare half their diameter with the scale.".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::sizing::Trial;

    fn sizing(scale: f64, certainty: Certainty) -> Suggestion {
        Suggestion::Found(Sizing {
            scale,
            interval: [0.8 * scale, 1.25 * scale],
            min_molecules_per_cell: 12,
            molecules_per_cell: [30.0, 48.0, 70.0],
            trials: Vec::<Trial>::new(),
            best: 0,
            n_molecules_used: 1000,
            n_windows: 1,
            thinning: 1,
            certainty,
            reasons: Vec::new(),
        })
    }

    fn judged(scale: f64, nuclei: Option<Nuclei>) -> Judged {
        Judged { scale, median_radius: Some(5.0), median_molecules: Some(40.0), nuclei }
    }

    const DIVIDED: Nuclei = Nuclei { cells_per_segment: 2.2, segments_per_cell: 1.0 };
    const MERGED: Nuclei = Nuclei { cells_per_segment: 1.0, segments_per_cell: 2.2 };

    #[test]
    fn half_right_and_double_are_told_apart_with_advice() {
        let suggestion = sizing(10.0, Certainty::High);
        for (scale, level, phrase) in [
            (5.0, Level::TooSmall, "2 times too small"),
            (10.0, Level::Fits, "the same"),
            (20.0, Level::TooLarge, "2 times too large"),
        ] {
            let verdict = judge(&judged(scale, None), &suggestion);
            assert_eq!(verdict.level, level);
            assert!(verdict.sentences[0].contains(phrase), "{:?}", verdict.sentences);
            assert_eq!(verdict.sentences.iter().any(|s| s.contains("--scale 10 -m 12")), level != Level::Fits);
        }
    }

    #[test]
    fn weak_evidence_alone_gives_no_verdict_and_nuclei_decide() {
        let weak = sizing(10.0, Certainty::Low);
        assert_eq!(judge(&judged(20.0, None), &weak).level, Level::CannotTell);
        assert_eq!(judge(&judged(20.0, Some(MERGED)), &weak).level, Level::TooLarge);
        let none = Suggestion::CannotTell { reason: "No.".to_owned(), trials: Vec::new() };
        let verdict = judge(&judged(20.0, Some(DIVIDED)), &none);
        assert_eq!((verdict.level, verdict.factor), (Level::TooSmall, None));
        assert!(verdict.sentences[0] == "No.");
    }

    #[test]
    fn molecules_and_nuclei_that_contradict_each_other_give_no_verdict() {
        let suggestion = sizing(10.0, Certainty::High);
        assert_eq!(judge(&judged(20.0, Some(DIVIDED)), &suggestion).level, Level::CannotTell);
        assert_eq!(judge(&judged(20.0, Some(MERGED)), &suggestion).level, Level::TooLarge);
    }
}
