//! Foreign formats, reader beside writer.

pub mod atomic;
pub mod boundaries;
pub mod checkpoint;
pub mod export;
mod guard;
pub mod images;
pub mod lock;
pub mod molecules;
mod parquet;
pub mod running_log;
pub mod scratch;
pub mod stage;
mod wkb;
