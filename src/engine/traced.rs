//! Back from units to layers and to the picture.

use super::{Engine, EngineError};
use crate::frame::Frame;
use crate::gpu::Preprocessing;
use crate::inspect::LayerOutput;
use crate::model::{Form, LayerIndex, Method, Shape, Trace, Unit};
use crate::network::{Averaging, Traced, Versions};

/// What came of one way back.
#[derive(Clone, Debug, PartialEq)]
pub struct TracedOutput {
    /// The weighted sum of the units.
    pub value: f32,
    /// One for each wanted layer, in that order; one map of the layer's size where that was wanted.
    pub outputs: Vec<LayerOutput>,
}

/// What a method is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// By which method.
    pub method: Method,
    /// The units whose weighted sum is explained.
    pub from: Vec<Unit>,
    /// The layer whose values are given their part; 0 is the picture. [`Method::Integrated`] knows the picture alone.
    pub to: LayerIndex,
    /// How often the network is run, for the methods that average: at least, and at most.
    pub passes: [usize; 2],
    /// Of the noise.
    pub seed: u64,
}

/// What each value of a layer has to do with units.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribution {
    /// The weighted sum of the units in this picture.
    pub value: f32,
    /// The same in a picture without anything, of [`Method::Integrated`], whose values add up to the difference.
    pub value_without: Option<f32>,
    /// In the layer's shape.
    pub output: LayerOutput,
    /// How often the network was run.
    pub passes: usize,
}

impl Engine {
    /// The outputs of `layers` for one frame, and what comes of going back by each trace. All share one way forward.
    ///
    /// # Errors
    /// Where the device failed or cannot hold the frame.
    pub fn trace(
        &mut self,
        frame: &Frame,
        how: Preprocessing,
        layers: &[LayerIndex],
        traces: &[Trace],
    ) -> Result<(Vec<LayerOutput>, Vec<TracedOutput>), EngineError> {
        let input = self.input(frame, how)?;
        let (tensors, traced) = self.network.run_traced(input, layers, traces, &mut |_, _| {});
        let outputs = self.outputs(layers, tensors, |tensor| self.read(tensor))?;
        let traced = traces.iter().zip(traced).map(|(trace, traced)| self.traced(trace, traced));
        Ok((outputs, traced.collect::<Result<_, _>>()?))
    }

    /// What a method says of one frame. `progress` is told how many runs are done and how many there will be.
    ///
    /// # Errors
    /// Where the device failed or cannot hold the frame.
    pub fn attribute(
        &mut self,
        frame: &Frame,
        how: Preprocessing,
        asked: &Asked,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Attribution, EngineError> {
        let (method, to) = (asked.method, asked.to);
        let wanted = Versions::of(method).is_none().then_some((to, method.form()));
        let wanted = wanted.into_iter().collect();
        let trace = Trace { from: asked.from.clone(), rule: method.rule(), wanted };
        let (_, mut traced) = self.trace(frame, how, &[], &[trace])?;
        let TracedOutput { value, mut outputs } = traced
            .pop()
            .ok_or_else(|| EngineError::new("the network gave nothing on its way back".to_string()))?;
        if let Some(output) = outputs.pop() {
            return Ok(Attribution { value, value_without: None, output, passes: 1 });
        }
        let input = self.input(frame, how)?;
        let (black, _) = self.model.weights.conventions.input_scale.ends();
        let versions = Versions::of(method).unwrap_or(Versions::Between);
        let (input, from) = ((input, black), (asked.from.clone(), to));
        let passes = asked.passes.map(|passes| passes.max(1));
        let averaging = Averaging::new(&mut self.network, versions, input, from, passes, asked.seed);
        let mut averaging = averaging.map_err(EngineError::new)?;
        while averaging.step(&mut self.network) {
            let (done, all) = averaging.progress();
            progress(done, all);
        }
        let to = if versions == Versions::Between { 0 } else { to };
        let shape = self.graph().nodes[to].shape;
        let values = self.read(averaging.result()).map_err(EngineError::new)?;
        let value_without = match versions {
            Versions::Between => averaging.value_without(&mut self.network),
            Versions::Noisy(_) => None,
        };
        let (passes, _) = averaging.progress();
        Ok(Attribution { value, value_without, output: LayerOutput { layer: to, shape, values }, passes })
    }

    /// Bytes of layers' values that stay in memory for these traces, beside those of `layers`.
    pub fn traced_bytes(&self, layers: &[LayerIndex], traces: &[Trace]) -> usize {
        self.network.traced_values(layers, traces) * size_of::<f32>()
    }

    pub(super) fn traced(&self, trace: &Trace, traced: Traced) -> Result<TracedOutput, EngineError> {
        let read = |tensor| self.read(tensor).map_err(EngineError::new);
        let value = read(traced.value)?.first().copied().unwrap_or_default();
        let outputs = trace.wanted.iter().zip(traced.outputs).map(|(&(layer, form), tensor)| {
            let whole = self.graph().nodes[layer].shape;
            let shape = if matches!(form, Form::Cam(_)) { Shape { channels: 1, ..whole } } else { whole };
            Ok(LayerOutput { layer, shape, values: read(tensor)? })
        });
        Ok(TracedOutput { value, outputs: outputs.collect::<Result<_, EngineError>>()? })
    }
}
