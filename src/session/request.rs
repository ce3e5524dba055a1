//! What is wanted of each frame.

use std::sync::Arc;

use crate::frame::Frame;
use crate::gpu::Preprocessing;
use crate::inspect::{Experiment, Fill};
use crate::model::{LayerIndex, Method, Trace, Unit};

/// What is wanted of each frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Layers whose outputs are wanted, without repetition.
    pub taps: Vec<LayerIndex>,
    /// Layers whose values alone are wanted, for what is drawn beside the taps.
    pub maps: Vec<LayerIndex>,
    /// Whether what the network says is wanted.
    pub predictions: bool,
    /// How a picture becomes the network's input.
    pub how: Preprocessing,
    /// What is done to the network and its input; also what it says otherwise is then wanted ([`super::Before`]).
    pub experiment: Experiment,
    /// Keep to the current frame.
    pub frozen: bool,
    /// While frozen: the frame of the history to look at instead.
    pub past: Option<u64>,
    /// The frame that the others are compared with; where networks are compared, nothing comes of it.
    pub held: Option<HeldFrame>,
    /// Whether percentiles of the taps are wanted.
    pub percentiles: bool,
    /// Ways back through the network, for each frame.
    pub traces: Vec<Trace>,
    /// What is averaged over versions of a frame while it stands still: frozen, or a picture.
    pub averaged: Option<Averaged>,
    /// A square is to cover each place of a frame while it stands still.
    pub occlusion: Option<Occlusion>,
}

/// A square that covers each place of a frame in turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Occlusion {
    /// The unit whose value is asked for; at [`crate::model::Place::Top`] the frame's most probable class.
    pub unit: Unit,
    /// The square's side in pixels of the network's input.
    pub size: usize,
    /// So many places in a row and in a column.
    pub places: usize,
    /// What the square is filled with.
    pub fill: Fill,
}

/// What is averaged over versions of a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Averaged {
    /// By [`Method::SmoothGrad`] or [`Method::Integrated`].
    pub method: Method,
    /// The units whose weighted sum is explained.
    pub from: Vec<Unit>,
    /// The layer whose values are given their part: 0, the picture, is the only one for [`Method::Integrated`].
    pub to: LayerIndex,
    /// How many versions.
    pub passes: usize,
}

/// A frame that others are compared with. Two are the same where their bytes are.
#[derive(Clone, Debug)]
pub struct HeldFrame(pub Frame);

impl PartialEq for HeldFrame {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id && Arc::ptr_eq(&self.0.bytes, &other.0.bytes)
    }
}
