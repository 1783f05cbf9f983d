//! Reports: pages that open offline in any browser, and pictures beside them.
//!
//! A page is one file with everything inside: data, styles, and the libraries that draw it. Nothing is fetched. The same
//! result gives the same bytes: no clock, no path and no random name is in a page. Modules here know neither options nor
//! formats of results; they take plain data and give bytes.
//!
//! [`document`] is the frame of pages that are read from top to bottom, [`chart`] their charts. [`preview`] is the page of
//! the command `preview`, [`diagnostics`] the page about a run, [`multiqc`] its numbers for MultiQC, [`map`] the
//! interactive map of molecules and cells, [`picture`] static pictures of them.

pub mod chart;
pub mod diagnostics;
pub mod digits;
pub mod document;
pub mod escape;
pub mod map;
pub mod multiqc;
pub mod picture;
pub mod preview;
