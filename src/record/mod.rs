//! What goes to disk: snapshots of what is seen, with the numbers behind it.

mod snapshot;
mod writer;

pub use snapshot::{Prediction, SnapshotInfo, SnapshotJob, TapInfo};
pub use writer::{Busy, Writer, Written};
