//! What is done to channels of a layer while a network runs.

use super::graph::LayerIndex;

/// What becomes of a channel's values, in every cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// All are this one.
    Set(f32),
    /// They are multiplied by this.
    Times(f32),
}

/// One channel that is changed as soon as its layer is computed: whatever reads the layer reads what it was changed to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edit {
    /// The layer.
    pub layer: LayerIndex,
    /// Its channel.
    pub channel: usize,
    /// What becomes of its values.
    pub change: Change,
}

impl Change {
    /// A value after the change.
    pub fn of(self, value: f32) -> f32 {
        match self {
            Self::Set(to) => to,
            Self::Times(factor) => value * factor,
        }
    }

    /// What a gradient behind the change is multiplied by in front of it.
    pub fn slope(self) -> f32 {
        match self {
            Self::Set(_) => 0.0,
            Self::Times(factor) => factor,
        }
    }
}
