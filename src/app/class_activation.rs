//! The class activation map of the most probable class, for the frame that is shown: computed on the drawing device;
//! only its few values come back, for what is said of it.

use crate::gpu::{
    ClassActivationPass, FeatureMapBuffer, GpuContext, LuminanceBuffer, StatisticsBuffer, StatisticsPass,
    readback,
};
use crate::inspect::{class_weights, explained_layer, logit};
use crate::session::Activations;
use crate::view::range;
use crate::weights::LayerWeights;

use super::view_model::top_classes;

/// What is said of a class activation map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Explanation {
    /// The class.
    pub class: usize,
    /// Its lowest value.
    pub low: f32,
    /// Its highest value.
    pub high: f32,
    /// Its mean plus the class's bias: the score before softmax.
    pub logit: f32,
}

/// A map, and the frame that it is of.
struct Shown {
    sequence: u64,
    class: usize,
    bias: f32,
    map: FeatureMapBuffer,
    statistics: StatisticsBuffer,
}

/// Compiled shaders and the newest results.
pub struct ClassActivationView {
    pass: ClassActivationPass,
    statistics: StatisticsPass,
    shown: Option<Shown>,
    /// Values on their way, and whose they are: the frame, the class, its bias.
    waiting: Option<(u64, usize, f32, readback::Pending)>,
    explanation: Option<(u64, Explanation)>,
}

impl ClassActivationView {
    /// Compiles the shaders.
    pub fn new(gpu: &GpuContext) -> Self {
        Self {
            pass: ClassActivationPass::new(gpu),
            statistics: StatisticsPass::new(gpu),
            shown: None,
            waiting: None,
            explanation: None,
        }
    }

    /// The map with its statistics. `None` where the network has none, is untrained, or the session has not delivered
    /// what it is made of.
    pub fn map(
        &mut self,
        gpu: &GpuContext,
        activations: &Activations,
    ) -> Option<(FeatureMapBuffer, StatisticsBuffer)> {
        if self.shown.as_ref().is_none_or(|shown| shown.sequence != activations.sequence) {
            self.shown = Some(self.compute(gpu, activations)?);
            self.ask(gpu);
        }
        self.shown.as_ref().map(|shown| (shown.map.clone(), shown.statistics.clone()))
    }

    fn compute(&self, gpu: &GpuContext, activations: &Activations) -> Option<Shown> {
        let model = &activations.model;
        let (layer, classifier) =
            explained_layer(&model.graph).filter(|_| model.weights.origin.is_trained())?;
        let LayerWeights::Dense { weight, bias } = model.weights.layers[classifier].as_ref()? else {
            return None;
        };
        let class = *top_classes(activations.probabilities.as_ref()?, 1).first()?;
        let maps = activations.map(layer)?;
        let map = self.pass.run(gpu, maps, class_weights(weight, maps.shape.channels, class)?);
        let statistics = self.statistics.run(gpu, &map, &LuminanceBuffer::uniform(gpu, map.shape), None);
        let (sequence, bias) = (activations.sequence, *bias.get(class)?);
        Some(Shown { sequence, class, bias, map, statistics })
    }

    /// What is to be said of the map that was shown last; of the one before while its values are on their way, unless
    /// `wait` is set.
    pub fn explanation(&mut self, gpu: &GpuContext, wait: bool) -> Option<Explanation> {
        self.collect(gpu, wait);
        self.ask(gpu);
        self.explanation.map(|(_, explanation)| explanation)
    }

    /// Has the values of the newest map come back, unless others are on their way.
    fn ask(&mut self, gpu: &GpuContext) {
        let Some(shown) = &self.shown else { return };
        let is_known = self.explanation.is_some_and(|(sequence, _)| sequence == shown.sequence);
        if !is_known && self.waiting.is_none() {
            let buffer = &shown.map.buffer;
            let pending = readback::copy(gpu, &[(buffer, 0, buffer.size())]);
            self.waiting = Some((shown.sequence, shown.class, shown.bias, pending));
        }
    }

    /// True while values are on their way: look again soon.
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    fn collect(&mut self, gpu: &GpuContext, wait: bool) {
        let Some((sequence, class, bias, pending)) = self.waiting.take() else { return };
        let bytes = if wait { pending.wait(gpu).map(Some) } else { pending.poll(gpu) };
        match bytes {
            Ok(Some(bytes)) => {
                let values = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
                let values: Vec<f32> = values.collect();
                let (low, high) = range(&values);
                let logit = logit(&values, bias);
                self.explanation = Some((sequence, Explanation { class, low, high, logit }));
            }
            // Asked for again with the next drawing.
            Ok(None) => self.waiting = Some((sequence, class, bias, pending)),
            Err(error) => tracing::warn!("{error}"),
        }
    }
}
