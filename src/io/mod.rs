//! Foreign formats, reader beside writer.

pub mod atomic;
pub mod export;
pub mod molecules;
