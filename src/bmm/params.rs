//! Constants, parameters and inputs of the model.

use super::cell_prior::Learned;
use crate::data::{ClusterIdx, Molecules, SegmentIdx};
use crate::graph::MoleculeGraph;
use crate::numeric::stats::round_half_even;

/// Strength of the Markov random field (β).
pub const MRF_STRENGTH: f64 = 0.1;
/// Factor on the density of a component whose dominant cluster is not the molecule's.
pub const CLUSTER_PENALTY: f64 = 0.25;
/// Options whose densities sum to less than this (in logs: 1e-100) are no options.
pub const MIN_LOG_DENSITY: f64 = -230.258_509_299_404_57;
/// Fragments are detached every so many iterations, and in the last one.
pub const SPLIT_EVERY: usize = 3;
/// Components with fewer molecules end during the iterations.
pub const MIN_MOLECULES_TO_SURVIVE: usize = 2;
/// Components with fewer molecules are left out of the result.
pub const MIN_MOLECULES_TO_REPORT: usize = 1;
/// Molecules below this confidence do not become initial centers.
pub const MIN_CENTER_CONFIDENCE: f32 = 0.25;
/// Quantile of the nuclear probabilities of a component's molecules that says whether it has a nucleus.
pub const NUCLEUS_QUANTILE: f64 = 0.9;
/// Smallest weight of a molecule in the mean of its component, and smallest factor on the density
/// of a component without a nucleus.
pub const MIN_NUCLEAR_WEIGHT: f64 = 0.01;
/// Share of the iterations whose assignments are recorded.
const RECORDED_SHARE: f64 = 0.1;

/// A prior segmentation.
#[derive(Clone, Copy, Debug)]
pub struct Segments<'a> {
    /// Segment of every molecule, `None` outside. `[n_molecules]`
    pub segment_of: &'a [Option<SegmentIdx>],
    /// Number of segments (indices below it need not all occur).
    pub n_segments: usize,
    /// Molecules per segment. `[n_segments]`
    pub sizes: &'a [u32],
}

impl Segments<'_> {
    /// Segments that have molecules.
    pub fn n_with_molecules(&self) -> usize {
        self.sizes.iter().filter(|&&size| size > 0).count()
    }
}

/// What is known about compartments of cells.
#[derive(Clone, Copy, Debug)]
pub struct CompartmentEvidence<'a> {
    /// Probability of every molecule not to be in the cytoplasm. `[n_molecules]`
    pub nuclei_probs: &'a [f32],
    /// Genes whose molecules go by position only and do not count in compositions; `None` hides
    /// none. `[n_genes]`
    pub hidden_genes: Option<&'a [bool]>,
}

/// What is known about the molecules. All arrays are `[n_molecules]`, in the same order.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Positions, genes, ids.
    pub molecules: &'a Molecules,
    /// The filtered molecule graph.
    pub graph: &'a MoleculeGraph,
    /// Probability of being real.
    pub confidence: &'a [f32],
    /// Molecule clusters, if they were estimated.
    pub clusters: Option<&'a [ClusterIdx]>,
    /// Prior segmentation, if there is one.
    pub segments: Option<Segments<'a>>,
    /// Compartments, if they were estimated.
    pub compartments: Option<CompartmentEvidence<'a>>,
    /// Molecules that components start from besides segments, if somebody has chosen them: for a part of a slide.
    pub centers: Option<&'a [bool]>,
}

/// How far cells without a prior segment are believed in, where segments own cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FreeCells {
    /// Where the evidence is for them.
    #[default]
    Free,
    /// Where the evidence is for them by far.
    Strict,
    /// Nowhere.
    None,
}

/// How segments own cells: see [`cell_prior`](super::cell_prior).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnerParams {
    /// Whether a molecule of a segment may never join the owner of another one: nuclei. Otherwise it is only unlikely to.
    pub is_exclusive: bool,
    /// Cells without a segment.
    pub free_cells: FreeCells,
    /// Whether the spread of cell sizes, `scale_std`, was given, so that it counts as much as what the cells teach.
    pub spread_is_given: bool,
}

/// How an option is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// With a probability proportional to its density.
    #[default]
    Draw,
    /// The densest option: for comparison with reference intermediates only.
    Argmax,
}

/// Defects of 0.7.1 that we do not keep, for comparison with reference intermediates only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    /// Every negative xy covariance is set to zero.
    pub erase_negative_covariance: bool,
    /// The component of the largest index never gets the cluster penalty.
    pub spare_last_component: bool,
}

/// Parameters of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    /// Expected cell radius (s), in input units.
    pub scale: f64,
    /// Its spread over cells (t), in input units; above 0.
    pub scale_std: f64,
    /// Molecules that make a cell real: the weight of the size prior (n₀).
    pub min_molecules_per_cell: usize,
    /// Trust in the prior segmentation, 0..=1. At 1 no segment is ever divided.
    pub prior_confidence: f64,
    /// How segments own cells; `None`: they are regions, which several cells may share, and which a cell may cross.
    pub owners: Option<OwnerParams>,
    /// Number of iterations.
    pub iterations: usize,
    /// Stop early when in each of 20 iterations fewer than this share of the molecules changed;
    /// 0 never stops.
    pub tolerance: f64,
    /// Stop early when in each of two windows of iterations less than this share of the molecules
    /// left their component; 0 never stops. See [`convergence`](super::convergence).
    pub converged: f64,
    /// Number of initial components.
    pub n_cells_init: usize,
    /// How options are chosen.
    pub choice: Choice,
    /// Defects to imitate.
    pub quirks: Quirks,
    /// For a part of a slide: ln of the density of noise (Λ) of the slide, for the start and every iteration. It ends
    /// with the last of them, whatever the criteria to stop early.
    pub log_noise_density: Option<Vec<f64>>,
    /// For a part of a slide whose segments own cells: what the slide learned of cells, at the start and after every
    /// iteration.
    pub learned: Option<Vec<Learned>>,
}

impl Params {
    /// Iterations whose assignments are recorded: a tenth of all, rounded half to even.
    pub fn n_recorded(&self) -> usize {
        round_half_even(RECORDED_SHARE * self.iterations as f64) as usize
    }

    /// ln η: the density of an isotropic normal of deviation `scale` at the point whose every
    /// coordinate is three deviations from the center.
    ///
    /// KEEPS: three deviations in *each* coordinate, not at radius three; the model is tuned so.
    pub fn log_position_density(&self, n_dims: usize) -> f64 {
        let d = n_dims as f64;
        -0.5 * d * LN_TWO_PI - d * crate::numeric::elementary::ln(self.scale) - 4.5 * d
    }
}

/// Prior segments that it takes to derive a number of cells from them, or to let them own cells.
pub const MIN_SEGMENTS: usize = 3;

#[cfg(test)]
impl Params {
    /// Parameters for tests: scale, its spread, molecules per cell; no prior, 10 iterations.
    pub(super) fn for_tests(scale: f64, scale_std: f64, min_molecules_per_cell: usize) -> Self {
        Self {
            scale,
            scale_std,
            min_molecules_per_cell,
            prior_confidence: 0.0,
            owners: None,
            iterations: 10,
            tolerance: 0.0,
            converged: 0.0,
            n_cells_init: 2,
            choice: Choice::Draw,
            quirks: Quirks::default(),
            log_noise_density: None,
            learned: None,
        }
    }
}

/// ln 2π.
pub const LN_TWO_PI: f64 = 1.837_877_066_409_345_3;

/// Initial number of components when the user gives none, with the reason.
///
/// Without a prior `2 ⌊N / max(m, 3)⌋`, as 0.7.1. DIFFERS with a prior: at most `⌈1.625 S + U / m⌉`
/// for S segments, which all start as components, and U molecules outside them, and at least S.
/// Components only ever disappear, and with segments to start from fewer have to: on simulated
/// tissue fewer cells end up divided. Fewer than three segments say nothing of numbers.
pub fn default_n_cells_init(
    n_molecules: usize,
    min_molecules_per_cell: usize,
    segments: Option<Segments<'_>>,
) -> (usize, String) {
    let divisor = min_molecules_per_cell.max(3);
    let by_molecules = 2 * (n_molecules / divisor);
    let Some(segments) = segments else {
        return (by_molecules, format!("2 x {n_molecules} molecules / {divisor}"));
    };
    let n_segments = segments.n_with_molecules();
    if n_segments < MIN_SEGMENTS {
        return (by_molecules, format!("2 x {n_molecules} molecules / {divisor}"));
    }
    let n_outside = segments.segment_of.iter().filter(|segment| segment.is_none()).count();
    // 1.625 S + U / m in whole numbers, rounded up.
    let m = min_molecules_per_cell.max(1);
    let by_segments = (13 * n_segments * m + 8 * n_outside).div_ceil(8 * m);
    let n_cells = by_molecules.min(by_segments).max(n_segments);
    (n_cells, format!("from {n_segments} prior segments and {n_outside} molecules outside them"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(scale: f64) -> Params {
        Params::for_tests(scale, 0.25 * scale, 10)
    }

    #[test]
    fn noise_position_density_matches_the_reference_numbers() {
        for (scale, n_dims, expected) in [
            (1.0, 2, 1.964_128_034_639_743_7e-5),
            (1.0, 3, 8.704_717_711_161_068e-8),
            (10.0, 2, 1.964_128_034_639_743_7e-7),
            (0.2, 2, 4.910_320_086_599_36e-4),
        ] {
            let density = params(scale).log_position_density(n_dims).exp();
            assert!((density / expected - 1.0).abs() < 1e-12, "{scale}: {density}");
        }
    }

    #[test]
    fn initial_number_of_cells_follows_the_rules() {
        assert_eq!(default_n_cells_init(100_000, 30, None).0, 6666);
        assert_eq!(default_n_cells_init(100_000, 1, None).0, 66_666);
        let segment_of: Vec<Option<SegmentIdx>> =
            (0..1000).map(|i| (i < 600).then(|| SegmentIdx::new(i / 60))).collect();
        let sizes = [60; 10];
        let segments = Segments { segment_of: &segment_of, n_segments: 10, sizes: &sizes };
        // 1.625 * 10 + 400 / 20 = 36.25
        assert_eq!(default_n_cells_init(1000, 20, Some(segments)).0, 37);
        assert_eq!(default_n_cells_init(1000, 500, Some(segments)).0, 10);
        let segments = Segments { segment_of: &[Some(SegmentIdx::new(0)); 1000], n_segments: 1, sizes: &[1000] };
        assert_eq!(default_n_cells_init(1000, 20, Some(segments)).0, 100);
    }

    #[test]
    fn a_tenth_of_the_iterations_is_recorded() {
        let recorded = |iterations| Params { iterations, ..params(1.0) }.n_recorded();
        assert_eq!([recorded(500), recorded(5), recorded(15), recorded(14)], [50, 0, 2, 1]);
    }
}
