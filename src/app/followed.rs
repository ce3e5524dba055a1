//! What a training is followed with. Plain data.

use std::path::PathBuf;

use crate::engine::ModelOptions;
use crate::follow::{References, Watch};

/// What a training is followed with.
#[derive(Debug)]
pub struct Followed {
    /// The file or folder.
    pub path: PathBuf,
    /// The checkpoint that runs from the start.
    pub first: PathBuf,
    /// What is looked for; it has given the first one.
    pub watch: Watch,
    /// The pictures that each is looked at on.
    pub references: References,
    /// What each is compared with.
    pub beside: Beside,
    /// What the user says of networks.
    pub options: ModelOptions,
}

/// What each checkpoint is compared with, in columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// The one before.
    Previous,
    /// The first, or a named one, which is called so.
    Same(String),
}
