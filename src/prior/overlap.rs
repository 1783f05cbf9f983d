//! Whether a prior and the molecules can belong together.
//!
//! Most priors that go wrong are right ones in the wrong place: molecules in microns on an image in pixels, x and y
//! exchanged, a cropped image without its offset. All of these show in the extents and in where molecules lie.

mod likely;
#[cfg(test)]
mod tests;

use std::fmt;

use super::table::SegmentTable;
use crate::data::Positions;
use crate::numeric::stats;
pub use likely::Likely;

/// Molecules looked at to find the extent of the bulk of them.
const N_SAMPLED: usize = 100_000;
/// This share of molecules at each end of an axis is not the bulk.
const OUTLYING: f64 = 0.005;
/// A warning is due if a larger share of the molecules is outside of an image, or of boundaries in which molecules are
/// no denser than elsewhere.
const MOST_OUTSIDE: f64 = 0.01;
/// The same of boundaries in which molecules are denser: those between cells may lie beside the outermost cells.
const MOST_BESIDE: f64 = 0.3;
/// Molecules should reach beyond this part of the prior (spec 02 §2.5.2).
const LEAST_COVERED: f64 = 0.5;
/// Segments in which molecules are so much rarer than between them are suspicious.
const AVOIDED: f64 = 0.9;
/// Segments in which molecules are so much denser lie where they should.
const ENRICHED: f64 = 1.5;
/// Fewer molecules, or segments that cover less or more of the area, tell nothing about densities.
const LEAST_MOLECULES: usize = 100;
const AREA_OF_SEGMENTS: [f64; 2] = [0.005, 0.95];

/// What kind of prior it is, for the words of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriorKind {
    /// An image.
    Image,
    /// Boundaries in coordinate units.
    Boundaries,
}

impl fmt::Display for PriorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Image => "prior image",
            Self::Boundaries => "boundaries",
        })
    }
}

/// Where a prior lies, in coordinate units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PriorExtent {
    /// What it is.
    pub kind: PriorKind,
    /// Lower and upper corner, `[x, y]` each.
    pub rectangle: [[f64; 2]; 2],
    /// Size of a pixel along x as it is used now; 1 for boundaries.
    pub pixel_size: f64,
    /// Thickness of a stack, whose segments have volumes; 1 otherwise.
    pub thickness: f64,
}

/// How molecules and prior lie to one another.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlap {
    /// Molecules.
    pub n_molecules: usize,
    /// Those within the rectangle of the prior.
    pub n_inside: usize,
    /// Lower and upper corner of all molecules.
    pub molecules: [[f64; 2]; 2],
    /// The prior.
    pub prior: PriorExtent,
    /// Extent of the prior as a multiple of that of the bulk of the molecules, along x and y.
    pub extent_ratio: [f64; 2],
    /// Density of molecules in segments as a multiple of that between them, where both have molecules to count.
    pub enrichment: Option<f64>,
    /// What is suspicious, the worst first.
    pub findings: Vec<Finding>,
}

/// Something suspicious. Its text says what was found and what to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// No molecule lies in the prior: the run cannot go on.
    NoOverlap {
        /// Where all molecules are.
        molecules: [[f64; 2]; 2],
        /// Where the prior is.
        prior: PriorExtent,
        /// What may be the matter.
        likely: Option<Likely>,
    },
    /// Molecules lie outside of the prior.
    Outside {
        /// How many.
        n_outside: usize,
        /// Of how many.
        n_molecules: usize,
        /// Where all molecules are.
        molecules: [[f64; 2]; 2],
        /// Where the prior is.
        prior: PriorExtent,
        /// What may be the matter.
        likely: Option<Likely>,
    },
    /// Molecules reach less than half as far as the prior.
    LittleCovered {
        /// How far the bulk of them reaches, as share of the width and height of the prior.
        reach: [f64; 2],
        /// Extent of the prior as multiples of that of the molecules.
        extent_ratio: [f64; 2],
        /// What the prior is.
        kind: PriorKind,
        /// What may be the matter.
        likely: Option<Likely>,
    },
    /// Molecules are rarer in segments than between them.
    Avoided {
        /// Density in segments as a multiple of that between them.
        enrichment: f64,
        /// What the prior is.
        kind: PriorKind,
        /// What may be the matter.
        likely: Option<Likely>,
    },
}

impl Finding {
    /// Whether the prior is of no use at all.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::NoOverlap { .. })
    }

    /// What may be the matter, if the extents suggest something.
    pub fn likely(&self) -> Option<&Likely> {
        match self {
            Self::NoOverlap { likely, .. }
            | Self::Outside { likely, .. }
            | Self::LittleCovered { likely, .. }
            | Self::Avoided { likely, .. } => likely.as_ref(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = "Are the coordinates of the molecules and the prior in the same units, with the same origin?";
        match self {
            Self::NoOverlap { molecules, prior, .. } => {
                let (kind, there, here) = (prior.kind, range(prior.rectangle), range(*molecules));
                write!(f, "No molecule lies within the {kind}: it covers {there}, the molecules {here}. {unit}")?;
            }
            Self::Outside { n_outside, n_molecules, molecules, prior, .. } => {
                let (kind, there, here) = (prior.kind, range(prior.rectangle), range(*molecules));
                let percent = 100.0 * *n_outside as f64 / (*n_molecules).max(1) as f64;
                write!(
                    f,
                    "{n_outside} of {n_molecules} molecules ({percent:.1} %) lie outside of the {kind}, which covers \
                     {there}; the molecules cover {here}. They get no prior segment. {unit}"
                )?;
            }
            Self::LittleCovered { reach, extent_ratio, kind, .. } => {
                let [across, down] = reach.map(|share| 100.0 * share);
                let [x, y] = extent_ratio;
                write!(
                    f,
                    "The molecules reach only {across:.0} % of the width and {down:.0} % of the height of the {kind}, \
                     which is {x:.2} times as wide and {y:.2} times as high as their area. {unit}"
                )?;
            }
            Self::Avoided { enrichment, kind, .. } => write!(
                f,
                "Molecules are rarer in the segments of the {kind} than between them ({enrichment:.2} times the \
                 density), while cells and nuclei should have more of them: the prior may be shifted, scaled or \
                 mirrored. Look at the overview picture."
            )?,
        }
        match self.likely() {
            Some(likely) => write!(f, " {likely}"),
            None => Ok(()),
        }
    }
}

fn range([low, high]: [[f64; 2]; 2]) -> String {
    let shown = |value: f64| if value.abs() < 1e9 { format!("{value:.1}") } else { format!("{value:.3e}") };
    let [x, y] = [0, 1].map(|axis| format!("{} to {}", shown(low[axis]), shown(high[axis])));
    format!("x from {x} and y from {y}")
}

/// Compares where the molecules are with where the prior is.
///
/// `table` holds the segments with their molecules and areas; without it nothing is said about densities. Draws
/// nothing, and takes a fixed sample of molecules for their extent.
///
/// Source: spec 02 §2.5.2 for the first warnings, own reasoning for the rest. DIFFERS: 0.7.1 warns of a single
/// molecule outside; here of one in a hundred.
pub fn check_overlap(positions: &Positions, prior: PriorExtent, table: Option<&SegmentTable>) -> Overlap {
    let all = [extent(&positions.x), extent(&positions.y)];
    let molecules = [[all[0][0], all[1][0]], [all[0][1], all[1][1]]];
    let bulk = [bulk(&positions.x), bulk(&positions.y)];
    let [low, high] = prior.rectangle;
    let inside = |molecule: &usize| {
        let at = positions.at(*molecule);
        (0..2).all(|axis| at[axis] >= low[axis] && at[axis] <= high[axis])
    };
    let n_molecules = positions.len();
    let n_inside = (0..n_molecules).filter(inside).count();
    let size = [high[0] - low[0], high[1] - low[1]];
    let extent_ratio = [0, 1].map(|axis| size[axis] / (bulk[axis][1] - bulk[axis][0]));
    let reach = [0, 1].map(|axis| (bulk[axis][1] - low[axis]) / size[axis]);
    let enrichment = table.and_then(|table| enrichment(table, n_inside, molecules, &prior));
    let mut overlap =
        Overlap { n_molecules, n_inside, molecules, prior, extent_ratio, enrichment, findings: Vec::new() };
    if n_molecules == 0 {
        return overlap;
    }

    let kind = prior.kind;
    let is_enriched = enrichment.is_some_and(|times| times >= ENRICHED);
    let share_inside = n_inside as f64 / n_molecules as f64;
    let likely = if is_enriched { None } else { likely::guess(bulk, &prior, share_inside) };
    let findings = &mut overlap.findings;
    if n_inside == 0 {
        findings.push(Finding::NoOverlap { molecules, prior, likely });
        return overlap;
    }
    // Boundaries reach as far as the outermost cells only, and are right if molecules are denser in them.
    let is_beside = kind == PriorKind::Boundaries && is_enriched;
    if 1.0 - share_inside > if is_beside { MOST_BESIDE } else { MOST_OUTSIDE } {
        let n_outside = n_molecules - n_inside;
        findings.push(Finding::Outside { n_outside, n_molecules, molecules, prior, likely: likely.clone() });
    }
    if reach.iter().any(|&share| share < LEAST_COVERED) && !is_enriched {
        findings.push(Finding::LittleCovered { reach, extent_ratio, kind, likely: likely.clone() });
    }
    if let Some(enrichment) = enrichment.filter(|&times| times < AVOIDED) {
        findings.push(Finding::Avoided { enrichment, kind, likely });
    }
    // What was said once need not be said again.
    for at in 1..findings.len() {
        if findings[at].likely() == findings[0].likely() {
            findings[at].forget_likely();
        }
    }
    overlap
}

impl Finding {
    fn forget_likely(&mut self) {
        match self {
            Self::NoOverlap { likely, .. }
            | Self::Outside { likely, .. }
            | Self::LittleCovered { likely, .. }
            | Self::Avoided { likely, .. } => *likely = None,
        }
    }
}

fn extent(values: &[f64]) -> [f64; 2] {
    values.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], &value| [low.min(value), high.max(value)])
}

/// The interval of a coordinate that has all molecules but a few at its ends.
fn bulk(values: &[f64]) -> [f64; 2] {
    let step = values.len().div_ceil(N_SAMPLED).max(1);
    let mut sample: Vec<f64> = values.iter().copied().step_by(step).collect();
    [OUTLYING, 1.0 - OUTLYING].map(|share| stats::quantile(&mut sample, share))
}

/// Density of molecules in the segments over that between them, where there are molecules at all.
fn enrichment(table: &SegmentTable, n_inside: usize, molecules: [[f64; 2]; 2], prior: &PriorExtent) -> Option<f64> {
    let low = [0, 1].map(|axis| molecules[0][axis].max(prior.rectangle[0][axis]));
    let high = [0, 1].map(|axis| molecules[1][axis].min(prior.rectangle[1][axis]));
    let whole = (high[0] - low[0]) * (high[1] - low[1]) * prior.thickness;
    let (mut area, mut n_on) = (0.0, 0u64);
    for row in &table.rows {
        n_on += u64::from(row.n_molecules);
        if (0..2).all(|axis| row.center[axis] >= low[axis] && row.center[axis] <= high[axis]) {
            area += row.area?;
        }
    }
    let share = area / whole;
    let n_between = n_inside as f64 - n_on as f64;
    let tells = n_inside >= LEAST_MOLECULES && (AREA_OF_SEGMENTS[0]..=AREA_OF_SEGMENTS[1]).contains(&share);
    (tells && n_between > 0.0).then(|| (n_on as f64 / share) / (n_between / (1.0 - share)))
}
