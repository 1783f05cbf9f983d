//! Foreign formats, reader beside writer.

pub mod export;
pub mod molecules;
