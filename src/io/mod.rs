//! Foreign formats, reader beside writer.

pub mod atomic;
pub mod boundaries;
pub mod checkpoint;
pub mod export;
pub mod images;
pub mod lock;
pub mod molecules;
pub mod running_log;
pub mod scratch;
pub mod stage;
mod wkb;
