//! What the view has come to: what became of an action, and of a layout. Plain data.

use std::time::Instant;

use super::panels::Arrangement;
use super::state::SourceChoice;
use super::view_model::ViewModel;

/// What became of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The view has changed, or not.
    Done,
    /// The user is to be told.
    Told(String),
    /// A snapshot is wanted.
    Snapshot,
    /// A film is wanted, or its end.
    Record,
    /// Another source is wanted.
    Source(SourceChoice),
    /// The program is to end.
    Quit,
}

/// What one layout has come to.
pub struct LaidOut {
    /// Where things are, and what was asked for.
    pub arrangement: Arrangement,
    /// egui's wishes for the window.
    pub output: egui::PlatformOutput,
    /// It should be laid out again at once.
    pub again: bool,
    /// When to look again although nothing came.
    pub next_look: Option<Instant>,
    /// When it was laid out.
    pub now: Instant,
    /// What was shown.
    pub model: ViewModel,
}
