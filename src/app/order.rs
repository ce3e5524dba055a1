//! The order of channels by similarity: the values come back from the drawing device once, when they are asked for,
//! and are clustered on a thread of their own.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, TryRecvError};

use crate::gpu::{FeatureMapBuffer, GpuContext, readback};
use crate::inspect::{ChannelCorrelation, LayerOutput, similarity_order};
use crate::model::LayerIndex;

/// An order that is being computed.
pub struct OrderJob {
    /// Of which layer.
    pub layer: LayerIndex,
    result: Receiver<Vec<u32>>,
}

impl OrderJob {
    /// Starts; `wake` is called from the thread when the order is there.
    pub fn start(
        gpu: &GpuContext,
        layer: LayerIndex,
        map: &FeatureMapBuffer,
        wake: impl FnOnce() + Send + 'static,
    ) -> Self {
        let (sender, result) = mpsc::channel();
        let (pending, gpu, shape) = (readback::copy_map(gpu, map), gpu.clone(), map.shape);
        let spawned = std::thread::Builder::new().name("order".into()).spawn(move || {
            match pending.wait(&gpu) {
                Ok(values) => {
                    let output = LayerOutput { layer, shape, values };
                    let mut correlation = ChannelCorrelation::new(shape.channels);
                    correlation.observe(&output);
                    // Nobody listens any more where another layer was chosen meanwhile.
                    let _ = sender.send(similarity_order(&correlation));
                }
                Err(error) => tracing::warn!("{error}"),
            }
            wake();
        });
        if let Err(error) = spawned {
            tracing::warn!("no thread could be started: {error}");
        }
        Self { layer, result }
    }

    /// The order, once it is there; an empty one where it could not be had.
    pub fn poll(&self) -> Option<Arc<[u32]>> {
        match self.result.try_recv() {
            Ok(order) => Some(order.into()),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Arc::new([])),
        }
    }

    /// Waits for it (off screen).
    pub fn wait(self) -> Arc<[u32]> {
        self.result.recv().unwrap_or_default().into()
    }
}
