//! The mixture components.

use super::composition::{CountTable, GeneCounts};
use super::shape::Shape;
use crate::data::{ClusterIdx, ComponentIdx, GeneIdx, SegmentIdx};

/// Components per block of parallel work. A constant: sums over blocks must not depend on threads.
pub const BLOCK: usize = 128;

/// One component: what the density of a molecule in it needs.
#[derive(Clone, Copy, Debug)]
pub struct Component {
    /// Center (μ); z is 0 in 2D.
    pub mean: [f64; 3],
    /// Inverse covariance and peak density.
    pub shape: Shape,
    /// ln of everything that does not depend on the molecule: size, peak, size of the composition.
    pub log_base: f64,
    /// ln(size of the composition + 1): what `log_base` lacks for molecules of hidden genes.
    pub log_composition: f64,
    /// Where the gene counts stand.
    pub table: CountTable,
    /// Molecules at the last refit; 0 for a component that has ended.
    pub n_molecules: u32,
    /// Distinct genes at the last refit.
    pub n_genes: u32,
    /// Most frequent cluster of its molecules.
    pub dominant_cluster: Option<ClusterIdx>,
    /// Segment of which it covers the largest share.
    pub main_segment: Option<SegmentIdx>,
    /// Segment that it started from and owns, where segments own cells.
    pub owner: Option<SegmentIdx>,
    /// Type of the cell, where segments own cells.
    pub cell_type: u16,
    /// Molecules whose genes count, at the last refit.
    pub n_visible: u32,
    /// `log_composition` for a molecule of its own, which does not count, where segments own cells.
    pub log_composition_of_others: f64,
}

impl Component {
    /// A component without molecules.
    pub fn new(mean: [f64; 3], shape: Shape) -> Self {
        Self {
            mean,
            shape,
            log_base: f64::NEG_INFINITY,
            log_composition: 0.0,
            table: CountTable::default(),
            n_molecules: 0,
            n_genes: 0,
            dominant_cluster: None,
            main_segment: None,
            owner: None,
            cell_type: 0,
            n_visible: 0,
            log_composition_of_others: 0.0,
        }
    }
}

/// How many molecules of which prior segments the components of a block hold.
#[derive(Clone, Debug, Default)]
pub struct Tallies {
    /// End of each component's entries.
    pub ends: Vec<u32>,
    /// (segment, molecules of it), ascending by segment within a component.
    pub entries: Vec<(SegmentIdx, u32)>,
}

/// All components. An index keeps its meaning until [`State::compact`](super::State::compact).
#[derive(Clone, Debug, Default)]
pub struct Components {
    pub(super) list: Vec<Component>,
    pub(super) counts: GeneCounts,
    /// By block of components; empty without prior segmentation.
    pub(super) tallies: Vec<Tallies>,
}

impl Components {
    /// Components of equal shape at the given centers.
    pub fn at_centers(centers: &[[f64; 3]], shape: Shape) -> Self {
        let list = centers.iter().map(|&center| Component::new(center, shape)).collect();
        Self { list, ..Self::default() }
    }

    /// Number of components, ended ones included.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// True without components.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// A component.
    #[inline]
    pub fn get(&self, component: ComponentIdx) -> &Component {
        &self.list[component.idx()]
    }

    /// All components in order.
    pub fn iter(&self) -> impl Iterator<Item = &Component> {
        self.list.iter()
    }

    /// Molecules of `gene` in a component.
    #[inline]
    pub fn gene_count(&self, component: &Component, gene: GeneIdx) -> u32 {
        self.counts.count(component.table, gene)
    }

    /// Molecules of `segment` in a component.
    #[inline]
    pub fn segment_count(&self, component: ComponentIdx, segment: SegmentIdx) -> u32 {
        let (block, local) = (component.idx() / BLOCK, component.idx() % BLOCK);
        let Some(tallies) = self.tallies.get(block) else { return 0 };
        let begin = local.checked_sub(1).map_or(0, |before| tallies.ends[before]) as usize;
        let entries = &tallies.entries[begin..tallies.ends[local] as usize];
        entries.iter().find(|entry| entry.0 == segment).map_or(0, |entry| entry.1)
    }
}
