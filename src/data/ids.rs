//! Dense positions in arrays, one type each, so that a gene cannot be taken for a cell.
//!
//! "0 means none" exists only in files. In memory absence is `None`; the types below are
//! stored as non-zero numbers, so that an `Option` of one takes no more room than the number.

use std::num::NonZeroU32;

macro_rules! dense_index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(transparent)]
        pub struct $name(NonZeroU32);

        impl $name {
            /// The index of array position `idx` (0-based). Positions up to `u32::MAX - 1` exist.
            #[inline]
            pub const fn new(idx: usize) -> Self {
                debug_assert!(idx < u32::MAX as usize);
                match NonZeroU32::new((idx as u32).wrapping_add(1)) {
                    Some(number) => Self(number),
                    None => Self(NonZeroU32::MAX),
                }
            }

            /// The index written as `number` in files, 1-based; `None` for 0.
            #[inline]
            pub const fn from_number(number: u32) -> Option<Self> {
                match NonZeroU32::new(number) {
                    Some(number) => Some(Self(number)),
                    None => None,
                }
            }

            /// Array position, 0-based.
            #[inline]
            pub const fn idx(self) -> usize {
                self.0.get() as usize - 1
            }

            /// The number used in files, 1-based.
            #[inline]
            pub const fn number(self) -> u32 {
                self.0.get()
            }
        }
    };
}

dense_index!(
    /// A gene: position in the [`GeneTable`](super::GeneTable).
    GeneIdx
);
dense_index!(
    /// A mixture component while the model is fitted.
    ComponentIdx
);
dense_index!(
    /// A component that survived and is reported as a cell.
    CellIdx
);
dense_index!(
    /// A region of the prior segmentation.
    SegmentIdx
);
dense_index!(
    /// A molecule cluster (a coarse cell type).
    ClusterIdx
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_index_costs_no_memory() {
        assert_eq!(size_of::<Option<ComponentIdx>>(), 4);
    }

    #[test]
    fn file_numbers_are_one_based_and_zero_is_none() {
        assert_eq!(CellIdx::new(0).number(), 1);
        assert_eq!(CellIdx::from_number(0), None);
        assert_eq!(CellIdx::from_number(7).map(CellIdx::idx), Some(6));
    }
}
