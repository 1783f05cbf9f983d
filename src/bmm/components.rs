//! The mixture components, in blocks that are refitted in parallel.

use super::composition::{CountTable, GeneCounts};
use super::shape::Shape;
use crate::data::{ClusterIdx, ComponentIdx, GeneIdx, SegmentIdx};

/// Components per block. A constant: sums over blocks must not depend on threads.
pub const COMPONENTS_PER_BLOCK: usize = 128;

/// One component: what the density of a molecule in it needs.
#[derive(Clone, Copy, Debug)]
pub struct Component {
    /// Center (μ); z is 0 in 2D.
    pub mean: [f64; 3],
    /// Inverse covariance and peak density.
    pub shape: Shape,
    /// ln of everything that does not depend on the molecule: size, peak, size of the composition.
    pub log_base: f64,
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
    /// Where the tallies of segments begin in the block, and how many there are.
    pub tallies: (u32, u32),
}

/// A run of components with their variable-sized parts.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// The components.
    pub components: Vec<Component>,
    /// Their gene counts.
    pub counts: GeneCounts,
    /// (segment, molecules of it) of each component, ascending by segment.
    pub tallies: Vec<(SegmentIdx, u32)>,
}

/// All components; an index is never reused.
#[derive(Clone, Debug, Default)]
pub struct Components {
    pub(super) blocks: Vec<Block>,
    n_components: usize,
}

impl Components {
    /// Components of equal shape at the given centers.
    pub fn at_centers(centers: &[[f64; 3]], shape: Shape) -> Self {
        let component = |&mean: &[f64; 3]| Component {
            mean,
            shape,
            log_base: f64::NEG_INFINITY,
            table: CountTable::default(),
            n_molecules: 0,
            n_genes: 0,
            dominant_cluster: None,
            main_segment: None,
            tallies: (0, 0),
        };
        let blocks = centers
            .chunks(COMPONENTS_PER_BLOCK)
            .map(|part| Block { components: part.iter().map(component).collect(), ..Block::default() })
            .collect();
        Self { blocks, n_components: centers.len() }
    }

    /// Number of components, ended ones included.
    pub fn len(&self) -> usize {
        self.n_components
    }

    /// True without components.
    pub fn is_empty(&self) -> bool {
        self.n_components == 0
    }

    /// A component and the block that holds its tables.
    #[inline]
    pub fn get(&self, component: ComponentIdx) -> (&Component, &Block) {
        let block = &self.blocks[component.idx() / COMPONENTS_PER_BLOCK];
        (&block.components[component.idx() % COMPONENTS_PER_BLOCK], block)
    }

    /// All components in order.
    pub fn iter(&self) -> impl Iterator<Item = &Component> {
        self.blocks.iter().flat_map(|block| &block.components)
    }
}

impl Block {
    /// Molecules of `gene` in `component`, which belongs to this block.
    #[inline]
    pub fn gene_count(&self, component: &Component, gene: GeneIdx) -> u32 {
        self.counts.count(component.table, gene)
    }

    /// Molecules of `segment` in `component`, which belongs to this block.
    #[inline]
    pub fn segment_count(&self, component: &Component, segment: SegmentIdx) -> u32 {
        let (begin, n_tallies) = component.tallies;
        let tallies = &self.tallies[begin as usize..(begin + n_tallies) as usize];
        tallies.iter().find(|tally| tally.0 == segment).map_or(0, |tally| tally.1)
    }
}
