//! Why a network is not ready, or gives nothing.

/// Why there are no numbers: a weight file that cannot be used, a device that failed. One sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct EngineError(String);

impl EngineError {
    pub(super) fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}
