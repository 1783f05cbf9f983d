//! What is known of cells where prior segments own them, and what the cells of the run teach about it.
//!
//! METHOD: a segment that is a nucleus (or a cell) is a partition constraint, not a hint: the component that starts from
//! it owns it for good, and a molecule of a segment joins its owner, a component without an owner, or the background,
//! never the owner of another nucleus. Components without an owner are cells whose nucleus was missed, or lies outside of
//! the section; they have to earn their place, see [`free_cells`](super::free_cells).
//!
//! With owners the number of cells is nearly known. That allows a full model of a cell: a Poisson process of clusters
//! whose sizes ([`size_prior`](super::size_prior)), numbers of molecules ([`abundance`](super::abundance)) and
//! compositions ([`cell_types`](super::cell_types)) have priors that are learned in every iteration, before a
//! [`background`]. A molecule i joins cell c in proportion to
//!
//! ```text
//! (n_c + a) / (1 + a/m) · N(x_i; μ_c, Σ_c) · (n_cg + α π_kg) / (n_c + α) · exp(β W_c)
//! ```
//!
//! DIFFERS: 0.7.1 has n_c · N · p with a wide normal of a fixed size. That makes large cells larger: on simulated tissue
//! of equal cells the numbers of molecules then differ by a factor of 100.

use rayon::prelude::*;

use super::abundance::AbundancePrior;
use super::background::{self, Background};
use super::cell_types::{CellTypes, PROFILE_WEIGHT};
use super::components::{Component, Components};
use super::groups::Groups;
use super::params::{Evidence, Params, Segments};
use super::shape::{self, Symmetric};
use super::size_prior::{INDEPENDENT_SHARE, Sample, SizePrior};
use crate::data::{ComponentIdx, Positions};
use crate::numeric::elementary::{exp, ln};
use crate::numeric::stats;

/// Smallest distance of a cell's center to that of its segment that is taken for typical, in units of `sd`.
const MIN_OFFSET: f64 = 0.1;

/// Numbers about cells that are learned in every iteration. Lengths are in input units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Learned {
    /// Sizes and shapes.
    pub sizes: SizePrior,
    /// Numbers of molecules.
    pub abundance: AbundancePrior,
    /// Standard deviation, along an axis, of the center of a cell around that of its segment.
    pub offset: f64,
    /// Cells without an owner for every cell with one, at most 1.
    pub free_share: f64,
    /// ln of the background molecules per area (volume).
    pub log_background: f64,
}

impl Learned {
    /// How many numbers it is.
    pub const LEN: usize = 8;

    /// All of it, in a fixed order.
    pub fn to_array(self) -> [f64; Self::LEN] {
        let Self { sizes, abundance, offset, free_share, log_background } = self;
        [sizes.sd, sizes.sd_z, sizes.strength, abundance.shape, abundance.mean, offset, free_share, log_background]
    }

    /// The reverse of [`to_array`](Self::to_array).
    pub fn of_array([sd, sd_z, strength, shape, mean, offset, free_share, log_background]: [f64; Self::LEN]) -> Self {
        Self {
            sizes: SizePrior { sd, sd_z, strength },
            abundance: AbundancePrior { shape, mean },
            offset,
            free_share,
            log_background,
        }
    }
}

/// The priors of cells, and who owns which segment.
#[derive(Clone, Debug)]
pub struct CellPrior {
    /// What was learned at the last refit.
    pub learned: Learned,
    /// Profiles of the types.
    pub types: CellTypes,
    /// The background.
    pub background: Background,
    /// Whether a molecule of a segment may never join the owner of another one.
    pub is_exclusive: bool,
    /// ln of the factor on whatever contradicts a segment, minus infinity at full confidence.
    pub log_contradiction: f64,
    /// The component that owns a segment, if it is alive. `[n_segments]`
    owner_of: Vec<Option<ComponentIdx>>,
    /// Centers of the segments. `[n_segments]`
    anchors: Vec<[f64; 3]>,
}

impl CellPrior {
    /// The priors before the first refit, if segments own cells.
    pub fn new(evidence: &Evidence<'_>, params: &Params) -> Option<Self> {
        let owners = params.owners.filter(|_| applies(evidence, params))?;
        let segments = evidence.segments?;
        let background = Background::of(evidence);
        Some(Self {
            learned: Learned {
                sizes: SizePrior::expected(params.scale, params.scale_std),
                abundance: AbundancePrior::expected(params.min_molecules_per_cell),
                offset: 0.2 * params.scale,
                free_share: 1.0,
                log_background: background::log_intensity(evidence, params.scale),
            },
            types: CellTypes::of_clusters(evidence),
            background,
            is_exclusive: owners.is_exclusive,
            log_contradiction: log_contradiction(params.prior_confidence),
            owner_of: Vec::new(),
            anchors: segment_centers(&evidence.molecules.positions, segments),
        })
    }

    /// The living owner of a segment.
    #[inline]
    pub fn owner(&self, segment: crate::data::SegmentIdx) -> Option<ComponentIdx> {
        self.owner_of[segment.idx()]
    }

    /// Learns from the components as they are grouped now, and sets their means, shapes and bases by it.
    ///
    /// With `given` numbers nothing is learned but the profiles: for a part of a slide.
    pub fn refit(
        &mut self,
        components: &mut Components,
        groups: &Groups,
        assignment: &[Option<ComponentIdx>],
        evidence: &Evidence<'_>,
        params: &Params,
        given: Option<Learned>,
    ) {
        let positions = &evidence.molecules.positions;
        let n_dims = positions.n_dims();
        self.types.refit(components, assignment, evidence);
        let covariances: Vec<Symmetric> = components
            .list
            .par_iter()
            .enumerate()
            .with_min_len(64)
            .map(|(component, entry)| {
                let members = groups.members(component).iter();
                shape::covariance_around(entry.mean, members.map(|&molecule| positions.at(molecule as usize)))
            })
            .collect();
        self.note_owners(components, evidence);
        self.learned = given.unwrap_or_else(|| self.learn(components, &covariances, n_dims, params));
        let this: &Self = self;
        components.list.par_iter_mut().zip(&covariances).with_min_len(64).for_each(|(component, &covariance)| {
            if component.n_molecules > 0 {
                this.place(component, covariance, n_dims);
            }
        });
    }

    fn note_owners(&mut self, components: &Components, evidence: &Evidence<'_>) {
        self.owner_of.clear();
        self.owner_of.resize(evidence.segments.map_or(0, |segments| segments.n_segments), None);
        for (component, entry) in components.list.iter().enumerate() {
            if let Some(owned) = entry.owner.filter(|_| entry.n_molecules > 0) {
                self.owner_of[owned.idx()] = Some(ComponentIdx::new(component));
            }
        }
    }

    /// METHOD: only owners teach, since what has no nucleus may be half a cell.
    fn learn(&self, components: &Components, covariances: &[Symmetric], n_dims: usize, params: &Params) -> Learned {
        let least = params.min_molecules_per_cell.max(n_dims + 1) as u32;
        let owners = || {
            let all = components.list.iter().zip(covariances);
            all.filter_map(|(component, &covariance)| component.owner.map(|owned| (component, covariance, owned)))
        };
        let samples: Vec<Sample> = owners()
            .filter(|(component, ..)| component.n_molecules >= least)
            .map(|(component, covariance, _)| Sample { covariance, n_molecules: component.n_molecules })
            .collect();
        let spread_is_given = params.owners.is_some_and(|owners| owners.spread_is_given);
        let sizes = SizePrior::expected(params.scale, params.scale_std).learned(&samples, n_dims, spread_is_given);
        let counts: Vec<f64> = owners()
            .filter(|(component, ..)| component.n_molecules > 1)
            .map(|(component, ..)| component.n_molecules.into())
            .collect();
        let n_of = |is_owner: bool| {
            let is_one = |component: &&Component| {
                component.owner.is_some() == is_owner && component.n_molecules as usize >= params.min_molecules_per_cell
            };
            components.list.iter().filter(is_one).count() as f64
        };
        let mut squares: Vec<f64> = owners()
            .filter(|(component, ..)| component.n_molecules >= least)
            .map(|(component, _, owned)| {
                let anchor = self.anchors[owned.idx()];
                (0..n_dims).map(|axis| component.mean[axis] - anchor[axis]).map(|d| d * d).sum::<f64>() / n_dims as f64
            })
            .collect();
        let mut sampling: Vec<f64> =
            samples.iter().map(|sample| sizes.sd * sizes.sd / f64::from(sample.n_molecules)).collect();
        let least_offset = MIN_OFFSET * sizes.sd;
        let offset = if squares.len() < super::size_prior::MIN_CELLS {
            0.2 * params.scale
        } else {
            let excess = stats::median(&mut squares) - stats::median(&mut sampling);
            excess.max(least_offset * least_offset).sqrt()
        };
        Learned {
            sizes,
            abundance: AbundancePrior::expected(params.min_molecules_per_cell).learned(&counts),
            offset,
            free_share: ((n_of(false) + 1.0) / (n_of(true) + 1.0)).min(1.0),
            log_background: self.learned.log_background,
        }
    }

    /// Sets mean, shape and base of a component with molecules.
    ///
    /// METHOD: the center of an owner has a normal prior around that of its segment.
    fn place(&self, component: &mut Component, covariance: Symmetric, n_dims: usize) {
        let Learned { sizes, abundance, offset, .. } = self.learned;
        let n = f64::from(component.n_molecules);
        if let Some(owned) = component.owner {
            let by_molecules = INDEPENDENT_SHARE * n / (sizes.sd * sizes.sd);
            let by_segment = 1.0 / (offset * offset);
            let anchor = self.anchors[owned.idx()];
            for (mean, anchor) in component.mean.iter_mut().zip(anchor) {
                *mean = (by_molecules * *mean + by_segment * anchor) / (by_molecules + by_segment);
            }
        }
        component.shape = sizes.shape(covariance, component.n_molecules, n_dims);
        component.log_composition = ln(f64::from(component.n_visible) + PROFILE_WEIGHT);
        component.log_composition_of_others = ln(f64::from(component.n_visible) - 1.0 + PROFILE_WEIGHT);
        component.log_base += abundance.log_weight(n) + component.shape.log_peak;
    }
}

/// ln of the factor on what contradicts a segment, for trust p in segments.
///
/// METHOD: 2 p exp(3p), twice the exponent that 0.7.1 has on overlapping segments: nothing at 0, a factor of 1/90 at
/// 0.5, never at 1.
fn log_contradiction(confidence: f64) -> f64 {
    if confidence >= 1.0 { f64::NEG_INFINITY } else { -2.0 * confidence * exp(3.0 * confidence) }
}

/// The mean place of the molecules of every segment; the origin for one without. `[n_segments]`
pub fn segment_centers(positions: &Positions, segments: Segments<'_>) -> Vec<[f64; 3]> {
    let mut sums = vec![[0.0f64; 3]; segments.n_segments];
    for (molecule, segment) in segments.segment_of.iter().enumerate() {
        let Some(segment) = segment else { continue };
        for (sum, value) in sums[segment.idx()].iter_mut().zip(positions.at(molecule)) {
            *sum += value;
        }
    }
    let sizes = segments.sizes.iter().map(|&size| f64::from(size.max(1)));
    sums.iter().zip(sizes).map(|(sum, size)| sum.map(|value| value / size)).collect()
}

/// Whether owners are asked for, and segments are there to own.
pub fn applies(evidence: &Evidence<'_>, params: &Params) -> bool {
    params.owners.is_some() && params.prior_confidence > 0.0 && evidence.segments.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_keeps_its_ends() {
        assert_eq!(log_contradiction(1.0), f64::NEG_INFINITY);
        assert!(log_contradiction(1e-9) > -1e-8);
        assert!((log_contradiction(0.5).exp() - 1.0 / 88.4).abs() < 1e-4);
    }

    #[test]
    fn learned_numbers_keep_their_order() {
        let numbers = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        assert_eq!(Learned::of_array(numbers).to_array(), numbers);
    }
}
