//! From trials to a suggestion.

use super::trial::{self, Scored, Trial};
use super::windows::{HELD_OUT, Window};
use super::{Certainty, Sizing, Suggestion, words};
use crate::numeric::elementary::{exp, ln};

/// Trials that fall behind the best by less than so many standard errors are as good.
const SUPPORTED: f64 = 2.0;
/// Held-out molecules of a cell go together, and another run of the model differs: by how much
/// the standard error over molecules is too small.
const ERROR_FACTOR: f64 = 1.5;
/// Least width of the supported range, as a factor to each side: what the method is good for.
const LEAST_FACTOR: f64 = 1.2;
/// A supported range wider than this factor is not clear.
const WIDE: f64 = 2.0;
/// Standard errors by which half and double the scale must be worse.
const CLEARLY: f64 = 3.0;
/// Trials in a row that are this clearly worse than a smaller scale end the series.
const FALLEN: (usize, f64) = (3, 6.0);
/// Share of the typical number of molecules that makes a cell.
const SHARE_OF_TYPICAL: f64 = 0.25;
/// Smallest number of molecules that is suggested as minimum.
const LEAST_MINIMUM: usize = 3;
/// In cells of so many molecules nucleus and cytoplasm can be taken for two cells.
const MANY_MOLECULES: f64 = 500.0;
/// Trials needed to see a best one.
const MIN_TRIALS: usize = 3;

/// Chooses among the trials, ascending by scale; says too whether cells may hold more molecules
/// than the windows can show.
pub fn choose(scored: Vec<Scored>, windows: &[Window], thinning: usize) -> (Suggestion, bool) {
    let trials = compare(&scored);
    let Some(best) = (0..trials.len()).max_by(|&a, &b| trials[a].score.total_cmp(&trials[b].score)) else {
        return (Suggestion::CannotTell { reason: words::no_trial(), trials }, false);
    };
    // METHOD: as long as the score does not fall clearly towards large scales, the windows may be too small.
    let is_crowded = best == 0 || !trials[best + 1..].iter().any(|trial| trial.deficit > CLEARLY * trial.deficit_error);
    if trials.len() < MIN_TRIALS {
        return (Suggestion::CannotTell { reason: words::no_trial(), trials }, is_crowded);
    }
    if best + 1 == trials.len() {
        return (Suggestion::CannotTell { reason: words::ever_larger(), trials }, true);
    }
    if best == 0 {
        let reason = if thinning == 1 { words::ever_smaller() } else { words::ever_smaller_thinned() };
        return (Suggestion::CannotTell { reason, trials }, is_crowded);
    }
    let seen_per_cell = trials[best].molecules_per_cell[1] * (1.0 - HELD_OUT) / thinning as f64;
    if !shows_cells(&scored[best], windows, seen_per_cell) {
        return (Suggestion::CannotTell { reason: words::no_cells(), trials }, is_crowded);
    }
    let n_molecules_used = windows.iter().map(|window| window.molecules.len() + window.held_out.len()).sum();
    let sizing = size(trials, best, n_molecules_used, windows.len(), thinning);
    (Suggestion::Found(sizing), is_crowded)
}

/// Whether cells foretell molecules better than their wider surroundings do.
///
/// METHOD: in a fog of molecules, too, some size of cells foretells best. It is only believed in
/// if it beats a description without cells, by more than the standard error.
fn shows_cells(scored: &Scored, windows: &[Window], per_cell: f64) -> bool {
    let Some(without) = trial::without_cells(windows, per_cell) else {
        // Molecules on a line or in a place have no density to compare with.
        return false;
    };
    let n = without.len() as f64;
    let gains = || scored.log_densities.iter().zip(&without).map(|(with, without)| with - without);
    let mean = gains().sum::<f64>() / n;
    let variance = gains().map(|gain| (gain - mean) * (gain - mean)).sum::<f64>() / n;
    mean > (variance / n).sqrt()
}

/// Whether the last trials are all so much worse than an earlier one that larger scales need not be tried.
pub fn has_fallen(scored: &[Scored]) -> bool {
    let trials = compare(scored);
    let (n, errors) = FALLEN;
    trials.len() > n
        && trials[trials.len() - n..]
            .iter()
            .all(|trial| trial.deficit > errors * trial.deficit_error && trial.deficit_error > 0.0)
        && trials[..trials.len() - n].iter().any(|trial| trial.deficit == 0.0)
}

/// The trials with their deficits to the best one.
fn compare(scored: &[Scored]) -> Vec<Trial> {
    let Some(best) = scored.iter().max_by(|a, b| a.trial.score.total_cmp(&b.trial.score)) else {
        return Vec::new();
    };
    let with_deficit = |other: &Scored| {
        let n = other.log_densities.len() as f64;
        let differences = || best.log_densities.iter().zip(&other.log_densities).map(|(a, b)| a - b);
        let mean = differences().sum::<f64>() / n;
        let variance = differences().map(|difference| (difference - mean) * (difference - mean)).sum::<f64>() / n;
        Trial { deficit: mean, deficit_error: ERROR_FACTOR * (variance / n).sqrt(), ..other.trial.clone() }
    };
    scored.iter().map(with_deficit).collect()
}

fn size(trials: Vec<Trial>, best: usize, n_molecules_used: usize, n_windows: usize, thinning: usize) -> Sizing {
    let curve = Curve { trials: &trials };
    let peak = curve.peak(best);
    let scale = exp(curve.at(peak, |trial| ln(trial.median_radius)));
    let (low, high) = curve.supported(best);
    let radius = |place: f64| exp(curve.at(place, |trial| ln(trial.median_radius)));
    let interval = [radius(low).min(scale / LEAST_FACTOR), radius(high).max(scale * LEAST_FACTOR)];
    let molecules_per_cell =
        [0, 1, 2].map(|quartile| exp(curve.at(peak, |trial| ln(trial.molecules_per_cell[quartile]))));
    let typical = molecules_per_cell[1];
    let mut certainty = certainty(&trials, exp(peak), typical);
    if interval[1] > WIDE * interval[0] {
        certainty = certainty.min(Certainty::Moderate);
    }
    let mut sizing = Sizing {
        scale,
        interval,
        min_molecules_per_cell: ((SHARE_OF_TYPICAL * typical).round() as usize).max(LEAST_MINIMUM),
        molecules_per_cell,
        trials,
        best,
        n_molecules_used,
        n_windows,
        thinning,
        certainty,
        reasons: Vec::new(),
    };
    sizing.reasons = words::reasons(&sizing, typical > MANY_MOLECULES);
    sizing
}

/// How much worse half and double the best scale are.
fn certainty(trials: &[Trial], peak: f64, typical: f64) -> Certainty {
    // A trial near the half is √2 or 2 away; the worst within that distance counts.
    let errors = |trial: &Trial| if trial.deficit_error > 0.0 { trial.deficit / trial.deficit_error } else { 0.0 };
    let worst = |from: f64, to: f64| {
        let there = trials.iter().filter(|trial| (from..=to).contains(&(trial.scale / peak)));
        there.map(errors).fold(0.0, f64::max)
    };
    let (half, double) = (worst(0.45, 0.8), worst(1.25, 2.2));
    if typical > MANY_MOLECULES {
        Certainty::Low
    } else if half >= CLEARLY && double >= CLEARLY {
        Certainty::High
    } else if half.max(double) >= CLEARLY || half.min(double) >= SUPPORTED {
        Certainty::Moderate
    } else {
        Certainty::Low
    }
}

/// Numbers of the trials as functions of the logarithm of the scale.
struct Curve<'a> {
    trials: &'a [Trial],
}

impl Curve<'_> {
    /// Where a parabola through the best trial and its neighbors is highest.
    fn peak(&self, best: usize) -> f64 {
        let [a, b, c] = [&self.trials[best - 1], &self.trials[best], &self.trials[best + 1]];
        let (left, right) = (ln(b.scale / a.scale), ln(c.scale / b.scale));
        // Slopes on both sides, the left one not negative, the right one not positive.
        let (up, down) = ((b.score - a.score) / left, (b.score - c.score) / right);
        if up + down <= 0.0 {
            return ln(b.scale);
        }
        let slope = (up * right - down * left) / (left + right);
        let bend = (up + down) / (left + right);
        ln(b.scale) + (slope / (2.0 * bend)).clamp(-0.5 * left, 0.5 * right)
    }

    /// A number between trials, linear in the logarithm of the scale.
    fn at(&self, place: f64, number: impl Fn(&Trial) -> f64) -> f64 {
        let above = self.trials.partition_point(|trial| ln(trial.scale) <= place).clamp(1, self.trials.len() - 1);
        let (a, b) = (&self.trials[above - 1], &self.trials[above]);
        let (from, to) = (ln(a.scale), ln(b.scale));
        let fraction = ((place - from) / (to - from)).clamp(0.0, 1.0);
        number(a) + fraction * (number(b) - number(a))
    }

    /// The logarithms of the scales between which no trial is significantly worse.
    fn supported(&self, best: usize) -> (f64, f64) {
        let excess = |trial: &Trial| trial.deficit - SUPPORTED * trial.deficit_error;
        let border = |good: &Trial, bad: &Trial| {
            // From the best trial on the excess is negative; where the line crosses 0.
            let (inside, outside) = (excess(good).min(0.0), excess(bad));
            let fraction = if outside > inside { -inside / (outside - inside) } else { 1.0 };
            ln(good.scale) + fraction.clamp(0.0, 1.0) * ln(bad.scale / good.scale)
        };
        let (mut low, mut high) = (ln(self.trials[0].scale), ln(self.trials[self.trials.len() - 1].scale));
        if let Some(bad) = (0..best).rev().find(|&trial| excess(&self.trials[trial]) > 0.0) {
            low = border(&self.trials[bad + 1], &self.trials[bad]);
        }
        if let Some(bad) = (best + 1..self.trials.len()).find(|&trial| excess(&self.trials[trial]) > 0.0) {
            high = border(&self.trials[bad - 1], &self.trials[bad]);
        }
        (low, high)
    }
}
