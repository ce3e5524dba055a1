//! Following a training: its checkpoints, each loaded and looked at once it is whole, while another network runs. [`Follower`] is a
//! thread of its own; [`Watch`] and [`Examiner`] are what it does.

mod examiner;
mod follower;
mod watch;

pub use examiner::{Checkpoint, Examiner, References};
pub use follower::{Follower, LOOK};
pub use watch::{Watch, name_of};
