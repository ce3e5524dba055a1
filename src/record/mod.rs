//! What goes to disk: snapshots of what is seen, with the numbers behind it, and event files for TensorBoard.

mod snapshot;
mod tensorboard;
mod writer;

pub use snapshot::{Prediction, SnapshotInfo, SnapshotJob, TapInfo};
pub use tensorboard::{EventError, EventWriter};
pub use writer::{Busy, Writer, Written};
