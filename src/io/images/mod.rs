//! Images in: TIFF, PNG and MATLAB matrices, block by block.
