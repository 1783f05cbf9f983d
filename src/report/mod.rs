//! Reports: pages that open offline in any browser, and pictures beside them.
//!
//! A page is one file with everything inside: data, styles, and the libraries that draw it. Nothing is fetched. The same
//! result gives the same bytes: no clock, no path and no random name is in a page. Modules here know neither options nor
//! formats of results; they take plain data and give bytes.
//!
//! [`document`] is the frame of pages that are read from top to bottom, [`chart`] their charts, [`picture`] static
//! pictures of molecules and cells. [`preview`] is the page of the command `preview`.

pub mod chart;
pub mod document;
pub mod escape;
pub mod picture;
pub mod preview;
