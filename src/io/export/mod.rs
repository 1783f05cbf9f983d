//! Result files.

pub mod molecules;
