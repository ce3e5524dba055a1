//! A frame on its way into the networks and out of them, to where it can be drawn from.

use std::time::Instant;

use burn::tensor::Tensor;

use super::Worker;
use super::measure::{Picture, Placed};
use super::usual::Usual;
use crate::bridge;
use crate::engine::Placement;
use crate::gpu::{FeatureMapBuffer, FrameBuffer, Preprocessing, Preprocessor, readback, twin};
use crate::inspect::{Answer, Experiment};
use crate::model::{LayerIndex, Output, Shape, Trace};
use crate::network::{Traced, input_from_values, values};
use crate::session::activations::Before;
use crate::session::request::Request;
use crate::session::shared::Stage;

/// No more work than this is queued ahead of the window's drawing, which waits in the same queue.
const QUEUED_AHEAD_MS: f32 = 20.0;

impl Worker<'_> {
    /// A frame as the network's input, and the same where our shaders can read it: the picture as the network gets it
    /// stays until its brightness has been compared with the taps.
    pub(super) fn input(
        &self,
        frame: &FrameBuffer,
        how: Preprocessing,
        experiment: &Experiment,
    ) -> Result<(Tensor<4>, Picture), String> {
        let (gpu, model) = (&self.shared.gpu, &self.model);
        let (shape, scale) = (model.graph.input_shape(), model.weights.conventions.input_scale);
        let on_host = || {
            let mut values = twin::preprocess(&frame.frame, how, scale, shape);
            experiment.change_input(&mut values, shape, scale);
            values
        };
        match self.shared.config.placement {
            Placement::Gpu if experiment.changes_input() || !how.changes.is_empty() => {
                let input = input_from_values(on_host(), shape, &self.device);
                let place = bridge::feature_map(input.clone()).map_err(|error| error.to_string())?;
                Ok((input, Picture::Device(place)))
            }
            Placement::Gpu => {
                let (input, place) =
                    bridge::allocate_input(shape, &self.device).map_err(|e| e.to_string())?;
                let preprocessor = self.preprocessor.get_or_init(|| Preprocessor::new(gpu));
                preprocessor.run(gpu, frame, how, scale, &place);
                Ok((input, Picture::Device(place)))
            }
            Placement::Cpu => {
                let values = on_host();
                Ok((input_from_values(values.clone(), shape, &self.device), Picture::Host(values)))
            }
        }
    }

    /// True where another network has the tapped layers in the same shapes.
    pub(super) fn is_comparable(&self, index: usize, taps: &[LayerIndex]) -> bool {
        let (main, other) = (&self.model.graph.nodes, &self.networks[index].graph().nodes);
        taps.iter().all(|&tap| other.get(tap).is_some_and(|node| node.shape == main[tap].shape))
    }

    /// A tensor where our shaders can read it.
    pub(super) fn place(&self, tensor: Tensor<4>) -> Result<Placed, String> {
        match self.shared.config.placement {
            Placement::Gpu => {
                let map = bridge::feature_map(tensor).map_err(|error| error.to_string())?;
                Ok(Placed { map, values: None })
            }
            Placement::Cpu => {
                let [_, channels, height, width] = tensor.dims();
                let values = values(tensor)?;
                let shape = Shape { channels, height, width };
                let map = FeatureMapBuffer::upload(&self.shared.gpu, &values, shape);
                Ok(Placed { map, values: Some(values.into()) })
            }
        }
    }

    /// Runs the main network as it is where nothing is done to it.
    pub(super) fn run_usual(
        &mut self,
        input: Tensor<4>,
        layers: &[LayerIndex],
    ) -> Result<(Vec<Tensor<4>>, Vec<Traced>), String> {
        let edits = self.networks[0].edits().to_vec();
        self.networks[0].set_edits(vec![]);
        let outputs = self.run_network(0, input, layers, &[]);
        self.networks[0].set_edits(edits);
        outputs
    }

    /// What the network says without the request's experiment, and of the unchanged picture.
    pub(super) fn before(
        &mut self,
        frame: &FrameBuffer,
        request: &Request,
        still: bool,
        output: Option<Output>,
    ) -> Result<Option<Before>, String> {
        let how = request.how.usual();
        let is_usual = request.experiment.is_empty() && request.how == how;
        let Some(output) = output.filter(|_| !is_usual) else {
            self.usual = Usual::default();
            return Ok(None);
        };
        if self.usual.is_due(frame.frame.id, how, still) {
            let start = Instant::now();
            let (input, _) = self.input(frame, how, &Experiment::default())?;
            let (mut outputs, _) = self.run_usual(input, &[output.layer])?;
            let Some(tensor) = outputs.pop() else { return Ok(None) };
            let said = match self.shared.config.placement {
                Placement::Cpu => values(tensor)?,
                Placement::Gpu => {
                    let map = bridge::feature_map(tensor).map_err(|error| error.to_string())?;
                    let gpu = &self.shared.gpu;
                    readback::copy_map(gpu, &map).wait(gpu).map_err(|error| error.to_string())?
                }
            };
            let answer = Answer::new(&said, output.meaning, self.model.labels.len());
            let before = Before { frame: frame.frame.id, captured: frame.frame.captured, answer };
            self.usual.take(before, how, start.elapsed());
        }
        Ok(self.usual.known())
    }

    pub(super) fn run_network(
        &mut self,
        index: usize,
        input: Tensor<4>,
        layers: &[LayerIndex],
        traces: &[Trace],
    ) -> Result<(Vec<Tensor<4>>, Vec<Traced>), String> {
        let shared = self.shared;
        let on_gpu = shared.config.placement == Placement::Gpu;
        let (warm, frame_ms) = (self.warm, self.last_network_ms);
        let probe = input.clone();
        let mut failure = None;
        let outputs = self.networks[index].run_traced(input, layers, traces, &mut |started, total| {
            if !warm {
                let text = format!("first frame: layer {started} of {total}");
                shared.enter(Stage::Loading(text));
            }
            // The first frame's duration is not known yet: bound it as if it were slow.
            let slices = if warm { (frame_ms / QUEUED_AHEAD_MS) as usize } else { total };
            if on_gpu && slices > 1 && started % (total / slices).max(1) == 0 {
                failure = bridge::drain(&shared.gpu, &probe).err().or(failure.take());
            }
        });
        failure.map_or(Ok(outputs), |error| Err(error.to_string()))
    }
}
