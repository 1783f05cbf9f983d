//! Foreign formats, reader beside writer.

pub mod atomic;
pub mod boundaries;
pub mod checkpoint;
pub mod export;
mod guard;
pub mod images;
pub mod molecules;
mod parquet;
pub mod stage;
mod wkb;
