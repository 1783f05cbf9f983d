//! Prior segmentation: segments per molecule and the scale they suggest.
