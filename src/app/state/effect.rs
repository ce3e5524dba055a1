//! What the user's choices want from outside.

use crate::model::LayerIndex;

/// Which source is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceChoice {
    /// The next one.
    Next,
    /// The one at this place of [`AppState::sources`](super::AppState::sources).
    At(usize),
}

/// What an action wants from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write a snapshot.
    Snapshot,
    /// Begin a film, or end the one that is recorded.
    Record,
    /// Show another source.
    Source(SourceChoice),
    /// Another picture of the folder, or another frame of the last moments.
    Step(i64),
    /// Of a recorded session, so many seconds on or back.
    Seek(i64),
    /// Compare with the frame that is shown.
    Hold,
    /// Tell that this channel is hidden, or that the layer does not have it.
    Missing(u32),
    /// Hold the ranges of the maps that are shown.
    LockRanges,
    /// Forget what was seen of the maps' health.
    RestartHealth,
    /// Set this channel of this layer to its mean over the session.
    SetToMean(LayerIndex, usize),
    /// End the program.
    Quit,
}
