//! Nuclei from a gray image of a stain: blur, threshold, watershed.
