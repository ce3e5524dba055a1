//! What goes to disk: snapshots of what is seen, with the numbers behind it; single files, whole or not at all;
//! event files for TensorBoard.

mod encode;
mod provenance;
mod save;
mod snapshot;
mod tensorboard;
mod writer;

pub use encode::{EncodeError, npy, png, tensors};
pub use provenance::{Provenance, fit_name, resize_name};
pub use save::{Existing, SaveError, save, save_numbered};
pub use snapshot::{HypercolumnInfo, Prediction, SnapshotInfo, SnapshotJob, TapInfo};
pub use tensorboard::{EventError, EventWriter};
pub use writer::{Busy, Writer, Written};
