//! What reaches the window from other threads, and why it ends.

use crate::gpu::GpuError;

/// What other threads tell the window.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// There are results, or the status changed.
    News,
    /// End (Ctrl-C).
    Quit,
}

/// Why the window ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    /// No display.
    #[error("no window could be opened ({0}); `--headless` runs without one and writes pictures")]
    Display(String),
    /// Nothing can be drawn.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// Source, weights or device.
    #[error("{0}")]
    Session(String),
}

/// What the window system said; winit puts the line of its own code in front of that.
pub(super) fn display(error: &dyn std::fmt::Display) -> WindowError {
    let text = error.to_string();
    WindowError::Display(match text.split_once(".rs:").and_then(|(_, rest)| rest.split_once(": ")) {
        Some((_, reason)) => reason.to_string(),
        None => text,
    })
}
