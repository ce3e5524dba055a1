//! The held frame: its tapped layers are computed when first wanted, and compared as another network's are.

use std::collections::BTreeMap;

use burn::tensor::Tensor;

use crate::gpu::{FrameBuffer, GpuContext, GpuError, Preprocessing};
use crate::model::LayerIndex;
use crate::session::request::{HeldFrame, Request};

/// The frame that others are compared with, and what the network made of it, layer by layer as they are asked for.
pub(super) struct Held {
    wanted: HeldFrame,
    /// On the drawing device.
    pub frame: FrameBuffer,
    how: Preprocessing,
    outputs: BTreeMap<LayerIndex, Tensor<4>>,
}

impl Held {
    /// The one that is wanted now: `before`, where that is the same.
    ///
    /// # Errors
    /// Where the frame is too large for the adapter.
    pub fn follow(
        before: Option<Self>,
        request: &Request,
        gpu: &GpuContext,
    ) -> Result<Option<Self>, GpuError> {
        let Some(wanted) = &request.held else { return Ok(None) };
        let how = request.how.usual();
        match before.filter(|held| held.wanted == *wanted) {
            Some(held) if held.how == how => Ok(Some(held)),
            Some(held) => Ok(Some(Self { how, outputs: BTreeMap::new(), ..held })),
            None => {
                let frame = FrameBuffer::upload(gpu, wanted.0.clone())?;
                Ok(Some(Self { wanted: wanted.clone(), frame, how, outputs: BTreeMap::new() }))
            }
        }
    }

    /// Those of the tapped layers that are not known yet.
    pub fn missing(&self, taps: &[LayerIndex]) -> Vec<LayerIndex> {
        taps.iter().copied().filter(|layer| !self.outputs.contains_key(layer)).collect()
    }

    /// Takes outputs of these layers.
    pub fn add(&mut self, layers: Vec<LayerIndex>, outputs: Vec<Tensor<4>>) {
        self.outputs.extend(layers.into_iter().zip(outputs));
    }

    /// The tapped layers.
    pub fn outputs(&self, taps: &[LayerIndex]) -> Vec<Tensor<4>> {
        taps.iter().filter_map(|layer| self.outputs.get(layer).cloned()).collect()
    }
}
