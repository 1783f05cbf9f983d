//! The top of the page: numbers, and what to think of them.

use super::figures::median;
use super::words::{count, of, percent, short};
use super::{Run, Verdict};
use crate::cells::Fate;
use crate::data::Change;
use crate::report::document::{Block, Fact, Level, Section};

/// Fewer iterations say nothing about convergence.
const LEAST_ITERATIONS: usize = 20;
/// A propagation is done when its changes have been below this for so many iterations.
const CALM: (f32, usize) = (0.01, 21);

/// The section.
pub fn section(run: &Run<'_>) -> Section {
    let mut section = Section::new("Summary", "Summary");
    section.push(Block::Facts(facts(run)));
    // The scale comes first: it decides more than anything else.
    section.blocks.extend(run.scale.iter().map(|scale| scale.verdict.clone().block()));
    for verdict in [small_cells(run), noise(run), convergence(run), prior(run)].into_iter().flatten() {
        section.push(verdict.block());
    }
    if !run.made.warnings.is_empty() {
        let warnings = run.made.warnings.clone();
        section.push(Verdict::new(Level::Careful, "Warnings of the run", warnings).block());
    }
    section
}

fn facts(run: &Run<'_>) -> Vec<Fact> {
    let made = &run.made;
    let per_cell = |values: &[u32]| short(median(values.iter().map(|&n| f64::from(n))));
    let n_cells = run.stats.n_cells();
    let n_noise = run.n_molecules() - run.n_assigned();
    let large = format!("{} with at least {} molecules", count(run.n_large_cells()), made.min_molecules_per_cell);
    let genes = format!("of {}", of(made.n_genes, "gene", "genes"));
    let spread = format!("spread {}; {}", short(made.scale_std), made.scale_origin);
    let iterations = if run.course.entries.is_empty() { "–".to_owned() } else { count(run.n_iterations()) };
    let asked = if run.course.entries.is_empty() {
        "not recorded".to_owned()
    } else if run.n_iterations() < made.iterations {
        format!("stopped early, of {}", count(made.iterations))
    } else {
        String::new()
    };
    let mut facts = vec![
        Fact::new("Molecules", count(run.n_molecules()), &genes),
        Fact::new("Cells", count(n_cells), &large),
        Fact::new("Molecules in cells", percent(run.assigned_share()), &format!("{} are noise", count(n_noise))),
        Fact::new("Molecules per cell", per_cell(&run.stats.n_transcripts), "median"),
        Fact::new("Genes per cell", per_cell(&run.genes_of_cell), "median, different genes"),
        Fact::new("Scale", short(made.scale), &spread),
        Fact::new("Median radius", short(median(run.radii().into_iter())), "of a circle of the area of a cell"),
        Fact::new("Iterations", iterations, &asked),
        Fact::new("Dimensions", if made.is_3d { "3D" } else { "2D" }, ""),
    ];
    if let Some(prior) = &run.prior {
        let trust = format!("trusted with {}", made.prior_confidence);
        facts.push(Fact::new("Prior segments", count(prior.agreement.segments.len()), &trust));
        let nuclei = &prior.nuclei.counts;
        let without = format!("of the cells; {} have none", percent(nuclei.without_share()));
        facts.push(Fact::new("Several nuclei", percent(nuclei.several_share()), &without));
        let (divided, lost) = (count(nuclei.n_divided as usize), count(nuclei.n_without_cell as usize));
        let rest = format!("in one cell; {divided} divided, {lost} without a cell");
        facts.push(Fact::new("Whole nuclei", percent(nuclei.whole_share()), &rest));
    }
    facts.push(Fact::new("Run", &made.run_id, &format!("seed {}, version {}", made.seed, made.version)));
    facts
}

/// Whether too many cells are smaller than a real one.
fn small_cells(run: &Run<'_>) -> Option<Verdict> {
    let (n, large, least) = (run.stats.n_cells(), run.n_large_cells(), run.made.min_molecules_per_cell);
    if n == 0 {
        let sentences = [
            "All molecules are noise, so there is nothing to look at below.".to_owned(),
            "Is --scale in the units of x and y, and is --min-molecules-per-cell not too large?".to_owned(),
        ];
        return Some(Verdict::new(Level::Bad, "No cell was found", sentences));
    }
    let share = 1.0 - large as f64 / n as f64;
    let seen = format!(
        "{} of {} have fewer than {least} molecules, the minimum that was given for a real cell ({}).",
        count(n - large),
        of(n, "cell", "cells"),
        percent(share)
    );
    let (level, head, advice) = if share <= 0.15 {
        (Level::Good, "Few cells are too small", "Leave them out of later steps if you like; the files hold them all.")
    } else if share <= 0.3 {
        (
            Level::Careful,
            "Many cells are small",
            "Either the minimum is too large for this tissue, or the scale is too small and cells are cut up: see the \
             section on the size of cells.",
        )
    } else {
        (
            Level::Bad,
            "Too many cells are too small",
            "Usually cells are cut into pieces because the scale is too small; try a larger one. If the scale is right, \
             lower --min-molecules-per-cell.",
        )
    };
    Some(Verdict::new(level, head, [seen, advice.to_owned()]))
}

/// Whether the share of noise is plausible.
fn noise(run: &Run<'_>) -> Option<Verdict> {
    let n = run.n_molecules();
    if n == 0 || run.stats.n_cells() == 0 {
        return None;
    }
    let noise = 1.0 - run.assigned_share();
    let expected = run.confidence.iter().map(|&value| 1.0 - f64::from(value)).sum::<f64>() / n as f64;
    let seen = format!(
        "{} of the molecules are in no cell; from the density of molecules, {} would be expected.",
        percent(noise),
        percent(expected)
    );
    let (level, head, advice) = if noise <= (2.0 * expected).max(0.15) {
        let advice = "Less than expected is usual: molecules of the background that lie in cells are given to them.";
        (Level::Good, "The share of noise is plausible", advice)
    } else if noise <= 0.5 {
        let advice = "Cells may be missing, or too small to survive. Look at the map for regions without cells, and \
                      try a smaller --min-molecules-per-cell or another scale.";
        (Level::Careful, "There is more noise than expected", advice)
    } else {
        let advice = "Most of the data are lost. Is --scale in the units of x and y? Is --min-molecules-per-cell too \
                      large for this panel?";
        (Level::Bad, "Most molecules are noise", advice)
    };
    Some(Verdict::new(level, head, [seen, advice.to_owned()]))
}

/// Whether more iterations would give another result.
fn convergence(run: &Run<'_>) -> Option<Verdict> {
    let entries = run.course.entries;
    if entries.is_empty() || run.course.thresholds.is_empty() || run.stats.n_cells() == 0 {
        return None;
    }
    if run.n_iterations() < LEAST_ITERATIONS {
        let seen = format!(
            "There were {} only, too few to tell. The default is 500.",
            of(run.n_iterations(), "iteration", "iterations")
        );
        return Some(Verdict::new(Level::Careful, "The model cannot have converged", [seen]));
    }
    let least = run.made.min_molecules_per_cell as u32;
    let at = run.course.thresholds.iter().position(|&threshold| threshold >= least).unwrap_or(0);
    let mean = |from: usize, to: usize| {
        let values = entries[from..to].iter().map(|entry| entry.n_components.get(at).map_or(0.0, |&n| f64::from(n)));
        values.sum::<f64>() / (to - from) as f64
    };
    let n = entries.len();
    // METHOD: the number of cells jitters from one iteration to the next, so tenths of the course are compared.
    let (before, last) = (mean(n - n * 3 / 10, n - n / 5), mean(n - n / 10, n));
    let change = (last - before).abs() / last.max(1.0);
    let mut sentences = vec![format!(
        "From three quarters of the iterations to their end the number of cells of at least {least} molecules went \
         from {} to {}, a change of {}.",
        count(before.round() as usize),
        count(last.round() as usize),
        percent(change)
    )];
    let mut level = match change {
        change if change <= 0.03 => Level::Good,
        change if change <= 0.1 => Level::Careful,
        _ => Level::Bad,
    };
    if !calm(run.clusters) {
        level = if level == Level::Good { Level::Careful } else { level };
        sentences.push("The molecule clustering had not come to rest when its iterations ended.".to_owned());
    }
    if !calm(run.compartments) {
        level = if level == Level::Good { Level::Careful } else { level };
        sentences.push("The compartments had not come to rest when their iterations ended.".to_owned());
    }
    let (head, advice) = match level {
        Level::Good | Level::Plain => {
            let advice = "The number of cells shrinks a little for ever, as cells join now and then; that is no reason \
                          for more iterations.";
            ("The model has settled", advice)
        }
        Level::Careful => ("The model has nearly settled", "For a final result, raise --iters, say to twice as many."),
        Level::Bad => ("The model has not settled", "Raise --iters, and look at the lines under Convergence again."),
    };
    sentences.push(advice.to_owned());
    Some(Verdict::new(level, head, sentences))
}

/// Whether a propagation came to rest; one that was not done is calm.
fn calm(changes: &[Change]) -> bool {
    let (least, window) = CALM;
    changes.iter().rev().take(window).all(|change| change.largest < least)
}

/// Whether cells follow the prior as far as it was trusted.
fn prior(run: &Run<'_>) -> Option<Verdict> {
    let prior = run.prior.as_ref()?;
    let (agreement, trust) = (&prior.agreement, run.made.prior_confidence);
    let n = agreement.segments.len();
    if n == 0 {
        let text = "No segment of the prior has enough molecules. Do prior and molecules lie in the same place, and in \
                    the same units?";
        return Some(Verdict::new(Level::Bad, "The prior says nothing about these molecules", [text.to_owned()]));
    }
    let share = |fate: Fate| agreement.n(fate) as f64 / n as f64;
    let seen = format!(
        "Of {}, {} are the core of one cell, {} are split among cells, {} share a cell, and {} are lost in noise.",
        of(n, "segment", "segments"),
        percent(share(Fate::Kept)),
        percent(share(Fate::Split)),
        percent(share(Fate::Merged)),
        percent(share(Fate::Lost))
    );
    if trust == 0.0 {
        let text = "The trust in the prior was 0, so cells were found without it; this is how well they agree by chance \
                    and by nature.";
        return Some(Verdict::new(Level::Plain, "The prior was used for the scale only", [seen, text.to_owned()]));
    }
    let advice = format!(
        "Split segments mean that the prior had too little weight, or that the scale is too small; merged ones that it \
         is too large. The trust was {trust} (--prior-segmentation-confidence): 0 ignores the prior, 1 never contradicts it."
    );
    let per_segment = run.n_large_cells() as f64 / n as f64;
    let ratio = format!(
        "There are {} cells of at least {} molecules for each segment; about 1 is to be expected if the prior has found \
         most cells, and more where it has missed some.",
        short(per_segment),
        run.made.min_molecules_per_cell
    );
    let (level, head) = match (share(Fate::Kept), per_segment) {
        (kept, _) if kept < 0.5 => (Level::Bad, "Cells contradict the prior"),
        (kept, ratio) if kept < 0.75 || ratio > 2.0 => (Level::Careful, "Cells follow the prior in part"),
        _ => (Level::Good, "Cells follow the prior"),
    };
    Some(Verdict::new(level, head, [seen, ratio, advice]))
}
