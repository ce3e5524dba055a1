//! Channels that are changed.

use crate::model::{Change, Edit, Graph, LayerIndex};

/// What is done to channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// They are zero.
    Muted,
    /// They are multiplied by this.
    Times(f32),
    /// They have this value everywhere.
    Set(f32),
    /// All others are zero.
    Alone,
}

/// Channels of one layer, and what is done to them.
#[derive(Clone, Debug, PartialEq)]
pub struct Intervention {
    /// The layer.
    pub layer: LayerIndex,
    /// Its channels: at least one.
    pub channels: Vec<usize>,
    /// What is done.
    pub kind: Kind,
}

impl Kind {
    /// True where it is done to all other channels.
    pub fn is_alone(self) -> bool {
        self == Self::Alone
    }

    /// True for the same with another number.
    pub fn is_like(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

impl Intervention {
    /// Each changed channel, for the network.
    pub fn edits(&self, graph: &Graph) -> Vec<Edit> {
        let change = match self.kind {
            Kind::Muted | Kind::Alone => Change::Set(0.0),
            Kind::Times(factor) => Change::Times(factor),
            Kind::Set(value) => Change::Set(value),
        };
        let channels = graph.nodes.get(self.layer).map_or(0, |node| node.shape.channels);
        let changed = (0..channels).filter(|&channel| self.changes(channel));
        changed.map(|channel| Edit { layer: self.layer, channel, change }).collect()
    }

    /// True where a channel of the layer is changed.
    pub fn changes(&self, channel: usize) -> bool {
        self.channels.contains(&channel) != self.kind.is_alone()
    }

    /// True where a network has the layer and the channels.
    pub fn fits(&self, graph: &Graph) -> bool {
        let node = graph.nodes.get(self.layer);
        node.is_some_and(|node| self.channels.iter().all(|&channel| channel < node.shape.channels))
    }
}
