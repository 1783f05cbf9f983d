//! The prior segmentation: from a column or a file to one segment per molecule.

use super::model::pick;
use crate::bmm::Segments;
use crate::config::{PriorSettings, PriorStageSettings};
use crate::data::SegmentIdx;
use crate::io::molecules::MoleculeTable;
use crate::observe::Observer;
use crate::prior;

/// A prior segmentation without its small segments, in the order of the molecule table.
pub struct Prior {
    /// Segment of every molecule. `[n_molecules]`
    pub segment_of: Vec<Option<SegmentIdx>>,
    /// Molecules per segment, 0 for one that was dropped. `[n_segments]`
    pub sizes: Vec<u32>,
}

impl Prior {
    /// Counts the segments.
    pub fn new(segment_of: Vec<Option<SegmentIdx>>) -> Self {
        Self { sizes: prior::count_molecules(&segment_of), segment_of }
    }

    /// The prior of the molecules in another order.
    pub fn permuted(&self, order: &[u32]) -> Self {
        Self { segment_of: pick(&self.segment_of, order), sizes: self.sizes.clone() }
    }

    /// What the model sees.
    pub fn segments(&self) -> Segments<'_> {
        Segments { segment_of: &self.segment_of, n_segments: self.sizes.len(), sizes: &self.sizes }
    }
}

/// Takes the prior segmentation that the settings name.
pub fn take(
    table: &mut MoleculeTable,
    settings: &PriorSettings,
    observer: &dyn Observer,
) -> anyhow::Result<Option<Prior>> {
    let Some(column) = table.prior_segments.take() else { return Ok(None) };
    let mut segment_of = column.segment_of;
    let least = settings.min_molecules_per_segment;
    let dropped = prior::drop_small_segments(&mut segment_of, least);
    let n_inside = segment_of.iter().flatten().count();
    observer.info(&format!(
        "Prior segmentation: {} segments hold {n_inside} of {} molecules; {} segments with fewer than {least} \
         molecules are ignored",
        dropped.n_left,
        segment_of.len(),
        dropped.n_segments,
    ));
    Ok(Some(Prior::new(segment_of)))
}

/// Reads molecules and their prior segmentation and writes both, with what they tell.
pub fn run(_settings: &PriorStageSettings, _observer: &dyn Observer) -> anyhow::Result<()> {
    anyhow::bail!("later")
}
