//! The hypercolumn over the picture: its map for the frame that is shown, and the vector of the pixel under the
//! cursor. Computed on the drawing device; only the vector comes back, without waiting for it.

use std::sync::Arc;

use crate::gpu::{
    FeatureMapBuffer, GpuContext, HypercolumnPass, LuminanceBuffer, StatisticsBuffer, StatisticsPass,
    readback,
};
use crate::model::{Graph, LayerIndex};
use crate::session::Activations;

/// The vector of one pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelVector {
    /// Column and row in the network's input.
    pub pixel: [u32; 2],
    /// The layers that it joins, and how many channels each has.
    pub layers: Vec<(LayerIndex, usize)>,
    /// All their values, layer by layer.
    pub values: Arc<[f32]>,
}

/// What the maps were computed for.
type Key = (u64, Vec<LayerIndex>);

/// A copy on its way, and whose it is.
type Waiting = (Key, [u32; 2], readback::Pending);

/// Compiled shaders and the newest results.
pub struct HypercolumnView {
    pass: HypercolumnPass,
    statistics: StatisticsPass,
    shown: Option<(Key, FeatureMapBuffer, StatisticsBuffer)>,
    waiting: Option<Waiting>,
    vector: Option<(Key, PixelVector)>,
}

impl HypercolumnView {
    /// Compiles the shaders.
    pub fn new(gpu: &GpuContext) -> Self {
        Self {
            pass: HypercolumnPass::new(gpu),
            statistics: StatisticsPass::new(gpu),
            shown: None,
            waiting: None,
            vector: None,
        }
    }

    /// The mean of all channels of `layers`, each enlarged to the network's input, with its statistics. `None` while
    /// the session has not delivered all of them.
    pub fn picture(
        &mut self,
        gpu: &GpuContext,
        graph: &Graph,
        activations: &Activations,
        layers: &[LayerIndex],
    ) -> Option<(FeatureMapBuffer, StatisticsBuffer)> {
        let key = (activations.sequence, layers.to_vec());
        if self.shown.as_ref().is_none_or(|(known, ..)| *known != key) {
            let maps = maps(activations, layers)?;
            let input = graph.input_shape();
            let picture = self.pass.picture(gpu, &maps, [input.height as u32, input.width as u32]);
            let luminance = LuminanceBuffer::uniform(gpu, picture.shape);
            let statistics = self.statistics.run(gpu, &picture, &luminance, None);
            self.shown = Some((key, picture, statistics));
        }
        self.shown.as_ref().map(|(_, picture, statistics)| (picture.clone(), statistics.clone()))
    }

    /// The vector at `pixel`, or the newest one before it while that one is on its way.
    pub fn vector(
        &mut self,
        gpu: &GpuContext,
        graph: &Graph,
        activations: &Activations,
        layers: &[LayerIndex],
        pixel: [u32; 2],
    ) -> Option<PixelVector> {
        self.collect(gpu, graph);
        let key = (activations.sequence, layers.to_vec());
        let is_known = self.vector.as_ref().is_some_and(|(known, v)| *known == key && v.pixel == pixel);
        if !is_known && self.waiting.is_none() {
            let maps = maps(activations, layers)?;
            let input = graph.input_shape();
            let vector = self.pass.vector(gpu, &maps, [input.height as u32, input.width as u32], pixel);
            let pending = readback::copy(gpu, &[(&vector, 0, vector.size())]);
            self.waiting = Some((key, pixel, pending));
        }
        self.vector.as_ref().filter(|(known, _)| known.1 == layers).map(|(_, vector)| vector.clone())
    }

    /// True while a vector is on its way: look again soon.
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    fn collect(&mut self, gpu: &GpuContext, graph: &Graph) {
        let Some((key, pixel, pending)) = self.waiting.take() else { return };
        match pending.poll(gpu) {
            Ok(Some(bytes)) => {
                let channels = |&layer: &LayerIndex| (layer, graph.nodes[layer].shape.channels);
                let values = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
                let layers = key.1.iter().map(channels).collect();
                self.vector = Some((key, PixelVector { pixel, layers, values: values.collect() }));
            }
            Ok(None) => self.waiting = Some((key, pixel, pending)),
            Err(error) => tracing::warn!("{error}"),
        }
    }
}

/// The maps of these layers, if all of them are there.
fn maps(activations: &Activations, layers: &[LayerIndex]) -> Option<Vec<FeatureMapBuffer>> {
    if layers.is_empty() {
        return None;
    }
    layers.iter().map(|&layer| activations.map(layer).cloned()).collect()
}
