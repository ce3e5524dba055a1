//! The held frame: its tapped layers are computed when first wanted, and compared as another network's are.

use std::collections::BTreeMap;

use burn::tensor::Tensor;

use super::Worker;
use crate::gpu::{Fit, FrameBuffer, Resize};
use crate::model::LayerIndex;
use crate::session::Request;

/// The frame that others are compared with, and what the network made of it, layer by layer as they are asked for.
pub(super) struct Held {
    frame: FrameBuffer,
    how: (Fit, Resize),
    outputs: BTreeMap<LayerIndex, Tensor<4>>,
}

impl Worker<'_> {
    /// The tapped layers of the held frame, where there is one and it is known.
    pub(super) fn held_outputs(
        &mut self,
        now: &FrameBuffer,
        request: &Request,
    ) -> Result<Option<Vec<Tensor<4>>>, String> {
        let Some(id) = request.held else {
            self.held = None;
            return Ok(None);
        };
        let how = (request.fit, request.resize);
        if self.held.as_ref().is_none_or(|held| held.frame.frame.id != id) {
            let found = if now.frame.id == id { Some(now.clone()) } else { None };
            let found = match (found, self.shared.history().find(id)) {
                (Some(now), _) => now,
                (None, Some(past)) => {
                    FrameBuffer::upload(&self.shared.gpu, past).map_err(|error| error.to_string())?
                }
                (None, None) => return Ok(None),
            };
            self.held = Some(Held { frame: found, how, outputs: BTreeMap::new() });
        }
        let Some(mut held) = self.held.take() else { return Ok(None) };
        if held.how != how {
            (held.how, held.outputs) = (how, BTreeMap::new());
        }
        let missing: Vec<_> =
            request.taps.iter().copied().filter(|layer| !held.outputs.contains_key(layer)).collect();
        if !missing.is_empty() {
            let (input, _) = self.input(&held.frame, request)?;
            held.outputs.extend(missing.iter().copied().zip(self.run_network(0, input, &missing)?));
        }
        let own = request.taps.iter().filter_map(|layer| held.outputs.get(layer).cloned()).collect();
        self.held = Some(held);
        Ok(Some(own))
    }
}
