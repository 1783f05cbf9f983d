//! Files that show a prior segmentation.
