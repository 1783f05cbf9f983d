//! What a prior segmentation does to the options of a molecule.

use rayon::prelude::*;

use super::components::Components;
use super::densities::Candidate;
use super::params::{Evidence, Params, Segments};
use super::state::State;
use crate::data::{ComponentIdx, SegmentIdx};
use crate::numeric::elementary::{LnTable, exp, ln};

/// The penalty on components other than the one that fits a molecule's segment best.
///
/// With p the trust in the prior, T the molecules of the segment in a component, S its size and
/// τ = min(T + 1, S): a component of the same segment, or of none, is multiplied by
/// √(1-p) · (τ / τ*)^p (against over-segmentation), one of another segment by
/// √(1-p) · (1 - τ / S)^(p·exp(3p)) (against overlap). Source: Baysor 0.7.1, spec 5.4.
#[derive(Clone, Copy, Debug)]
pub struct PriorTerm {
    log_root: f64,
    same_exponent: f64,
    other_exponent: f64,
}

impl PriorTerm {
    /// The term for trust `prior_confidence`; `None` at 0, where it has no effect.
    pub fn new(prior_confidence: f64) -> Option<Self> {
        let p = prior_confidence;
        (p > 0.0).then(|| Self { log_root: 0.5 * ln(1.0 - p), same_exponent: p, other_exponent: p * exp(3.0 * p) })
    }

    /// ln of the factor on a component of the same segment or of none.
    fn log_same(&self, tau: u32, best_tau: u32, logs: &LnTable) -> f64 {
        self.log_root + self.same_exponent * (logs.ln(tau) - logs.ln(best_tau))
    }

    /// ln of the factor on a component of another segment.
    fn log_other(&self, tau: u32, segment_size: u32) -> f64 {
        self.log_root + self.other_exponent * ln(1.0 - f64::from(tau) / f64::from(segment_size.max(1)))
    }

    /// Applies the penalties to the candidates of a molecule of `segment`.
    ///
    /// The best candidate is the one with most molecules of the segment among those whose main
    /// segment is this one or none; of equal ones the larger, then the first. If there is none,
    /// nothing changes.
    pub fn apply(
        &self,
        candidates: &mut [Candidate],
        segment: SegmentIdx,
        segments: Segments<'_>,
        components: &Components,
        logs: &LnTable,
    ) {
        let segment_size = segments.sizes[segment.idx()];
        let tau_of = |candidate: &Candidate| {
            let component = components.get(candidate.component);
            let tau = (components.segment_count(candidate.component, segment) + 1).min(segment_size);
            let fits = component.main_segment.is_none_or(|main| main == segment);
            (tau, fits, component.n_molecules)
        };
        let mut best: Option<(usize, u32, u32)> = None;
        for (place, candidate) in candidates.iter().enumerate() {
            let (tau, fits, n_molecules) = tau_of(candidate);
            let better = best.is_none_or(|(_, best_tau, best_n)| (tau, n_molecules) > (best_tau, best_n));
            if fits && better {
                best = Some((place, tau, n_molecules));
            }
        }
        let Some((best, best_tau, _)) = best else { return };
        for (place, candidate) in candidates.iter_mut().enumerate() {
            if place == best {
                continue;
            }
            let (tau, fits, _) = tau_of(candidate);
            candidate.log_density +=
                if fits { self.log_same(tau, best_tau, logs) } else { self.log_other(tau, segment_size) };
        }
    }
}

/// At prior confidence 1, moves all molecules of every segment to the component that holds most
/// of them (of equal ones the first). A segment without any component stays as it is.
///
/// DIFFERS: in 0.7.1 confidence 1 is a strong preference that can be violated; users expect that
/// a segment is never divided, and here it is not. Segments may be merged, or grow.
pub fn keep_segments_whole(state: &mut State, evidence: &Evidence<'_>, params: &Params) {
    let is_asked = params.prior_confidence >= 1.0 && state.cell_prior.is_none();
    let Some(segments) = evidence.segments.filter(|_| is_asked) else { return };
    let State { assignment, segment_members, .. } = state;
    let holders: Vec<Option<ComponentIdx>> = (0..segments.n_segments)
        .into_par_iter()
        .map_init(Vec::new, |held, segment| {
            held.clear();
            held.extend(segment_members.members(segment).iter().filter_map(|&molecule| assignment[molecule as usize]));
            held.sort_unstable();
            let runs = held.chunk_by(|a, b| a == b);
            runs.fold((0, None), |best, run| if run.len() > best.0 { (run.len(), Some(run[0])) } else { best }).1
        })
        .collect();
    assignment.par_iter_mut().zip(segments.segment_of).for_each(|(component, segment)| {
        if let Some(holder) = segment.and_then(|segment| holders[segment.idx()]) {
            *component = Some(holder);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn penalties_match_the_reference_numbers() {
        let logs = LnTable::new();
        for (p, same, other, exponent) in
            [(0.2, 0.5643, 0.8607, 0.3644), (0.5, 0.2236, 0.5584, 2.2408), (0.9, 0.0398, 0.0771, 13.39)]
        {
            let term = PriorTerm::new(p).expect("a positive confidence has a term");
            assert!((term.log_same(5, 50, &logs).exp() - same).abs() < 6e-5);
            assert!((term.log_other(5, 50).exp() - other).abs() < 6e-5);
            assert!((term.other_exponent - exponent).abs() < 6e-3);
        }
        assert!(PriorTerm::new(0.0).is_none());
        let certain = PriorTerm::new(1.0).expect("a term");
        assert_eq!(certain.log_same(5, 50, &logs), f64::NEG_INFINITY);
    }
}
