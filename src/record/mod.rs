//! What goes to disk: snapshots of what is seen, with the numbers behind it; films; single files, whole or not at all;
//! event files for TensorBoard.

mod basis;
pub mod best;
mod cell;
mod encode;
pub mod film;
mod lock;
mod preferred;
mod provenance;
mod save;
mod snapshot;
mod tensorboard;
mod writer;

pub use basis::{BasisError, basis_tensors, read_bases, read_basis};
pub use cell::CellInfo;
pub use encode::{EncodeError, jpeg, npy, png, tensors};
pub use lock::{LockError, LockedRanges, read_locked_ranges};
pub use preferred::{Came, Preferred, PreferredError, PreferredInfo, PreferredRequest, PreferredStore};
pub use provenance::{LayerInfo, Provenance, RunInfo};
pub use save::{Existing, SaveError, file_name, save, save_numbered};
pub use snapshot::{
    LensInfo, Numbers, OverInfo, Prediction, SNAPSHOT_FILE, SnapshotInfo, SnapshotJob, Values,
};
pub use tensorboard::{EventError, EventWriter};
pub use writer::{Busy, Writer, Written};
