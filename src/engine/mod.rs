//! A network that is ready: weights found and read, placed on a device; pictures in, layer outputs in host
//! memory out. For the commands without a view; the live view draws from the network's own memory instead
//! ([`crate::session`]).
//!
//! An [`Engine`] stays on the thread that made it (Burn's stream is thread-local).

mod cell;
mod error;
mod model;
mod outputs;
mod preferred;
mod scores;
mod spec;
mod traced;

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use rayon::prelude::*;

use crate::bridge;
use crate::frame::Frame;
use crate::gpu::{FrameBuffer, GpuContext, Preprocessing, Preprocessor, readback, twin};
use crate::inspect::{Experiment, LayerOutput};
use crate::model::labels::Label;
use crate::model::{Graph, LayerIndex, Precision};
use crate::network::{Folding, Network, input_from_values, values};
use crate::weights::{Origin, Weights};

pub use cell::cell_sum;
pub use error::EngineError;
pub use model::{Model, ModelOptions, OpenedModel, load};
pub use outputs::{Between, OutputChoice};
pub use scores::Scores;
pub use spec::{WeightsSpec, difference_name, distinct_names};
pub use traced::{Asked, Attribution, TracedOutput};

/// Where the network runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// On the drawing device: nothing is copied.
    Gpu,
    /// On the CPU; what is drawn is uploaded.
    Cpu,
}

impl Placement {
    /// The value of `--device`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
        }
    }
}

/// The device on which a network is computed in these numbers: the CPU, or this GPU.
///
/// # Errors
/// Where it cannot be used, or not so.
pub fn device_for(gpu: Option<&GpuContext>, precision: Precision) -> Result<Device, EngineError> {
    let Some(gpu) = gpu else {
        return match precision {
            Precision::F32 => Ok(Device::flex()),
            Precision::F16 => Err(EngineError::new(
                "--precision f16 is for a GPU, and the network runs on the CPU, which computes in f32: leave it out, or \
                 add --device gpu",
            )),
        };
    };
    if precision == Precision::F16 && !gpu.has_f16() {
        let name = gpu.summary().name;
        return Err(EngineError::new(format!("{name} cannot compute in f16: leave --precision out")));
    }
    bridge::adopt(gpu).map_err(EngineError::new)
}

/// A network on a device.
pub struct Engine {
    model: Model,
    network: Network,
    /// `None`: on the CPU.
    gpu: Option<(GpuContext, Preprocessor)>,
    experiment: Experiment,
}

impl Engine {
    /// Places a network on the CPU, or on this GPU.
    ///
    /// # Errors
    /// Where the GPU cannot be used.
    pub fn new(model: Model, gpu: Option<GpuContext>) -> Result<Self, EngineError> {
        let device = device_for(gpu.as_ref(), model.weights.conventions.precision)?;
        let network = Network::new(model.graph.clone(), model.weights.clone(), device, Folding::Folded);
        let gpu = gpu.map(|gpu| {
            let preprocessor = Preprocessor::new(&gpu);
            (gpu, preprocessor)
        });
        Ok(Self { model, network, gpu, experiment: Experiment::default() })
    }

    /// The network's layers.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.model.graph
    }

    /// Names of its classes; empty where they are not known.
    pub fn labels(&self) -> &Arc<[Label]> {
        &self.model.labels
    }

    /// Its parameters.
    pub fn weights(&self) -> &Arc<Weights> {
        &self.model.weights
    }

    /// What is done to the network and its input from now on.
    pub fn set_experiment(&mut self, experiment: Experiment) {
        self.network.set_edits(experiment.edits(&self.model.graph));
        self.experiment = experiment;
    }

    /// What is done to the network and its input.
    pub fn experiment(&self) -> &Experiment {
        &self.experiment
    }

    /// Where it runs.
    pub fn placement(&self) -> Placement {
        if self.gpu.is_some() { Placement::Gpu } else { Placement::Cpu }
    }

    /// False where predictions mean nothing.
    pub fn is_trained(&self) -> bool {
        Origin::is_trained(&self.model.weights.origin)
    }

    /// The outputs of `layers` for one frame, in that order. Layer 0 is the network's input itself.
    ///
    /// # Errors
    /// Where the device failed or cannot hold the frame.
    pub fn run(
        &mut self,
        frame: &Frame,
        how: Preprocessing,
        layers: &[LayerIndex],
    ) -> Result<Vec<LayerOutput>, EngineError> {
        self.run_each(&[frame], how, layers).pop().unwrap_or_else(|| Ok(vec![]))
    }

    /// The same of the network and its input as they are without what is done to them.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_usual(
        &mut self,
        frame: &Frame,
        how: Preprocessing,
        layers: &[LayerIndex],
    ) -> Result<Vec<LayerOutput>, EngineError> {
        let experiment = std::mem::take(&mut self.experiment);
        self.set_experiment(Experiment::default());
        let outputs = self.run(frame, how.usual(), layers);
        self.set_experiment(experiment);
        outputs
    }

    /// The same for each of several frames. The CPU works on all of them at the same time, a GPU on one after the other.
    pub fn run_each(
        &mut self,
        frames: &[&Frame],
        how: Preprocessing,
        layers: &[LayerIndex],
    ) -> Vec<Result<Vec<LayerOutput>, EngineError>> {
        if self.gpu.is_some() {
            return frames.iter().map(|frame| self.run_on_gpu(frame, how, layers)).collect();
        }
        let (shape, device) = (self.model.graph.input_shape(), self.network.device().clone());
        let inputs =
            frames.par_iter().map(|frame| input_from_values(self.values(frame, how), shape, &device));
        let inputs = inputs.collect();
        let outputs = self.network.run_each(inputs, layers).into_iter();
        outputs.map(|tensors| self.outputs(layers, tensors, values)).collect()
    }

    fn run_on_gpu(
        &mut self,
        frame: &Frame,
        how: Preprocessing,
        layers: &[LayerIndex],
    ) -> Result<Vec<LayerOutput>, EngineError> {
        let input = self.input(frame, how)?;
        let tensors = self.network.run(input, layers, &mut |_, _| {});
        self.outputs(layers, tensors, |tensor| self.read(tensor))
    }

    /// What the network sees of a frame.
    fn values(&self, frame: &Frame, how: Preprocessing) -> Vec<f32> {
        let (shape, scale) = (self.model.graph.input_shape(), self.model.weights.conventions.input_scale);
        let mut values = twin::preprocess(frame, how, scale, shape);
        self.experiment.change_input(&mut values, shape, scale);
        values
    }

    /// A frame as the network's input.
    fn input(&self, frame: &Frame, how: Preprocessing) -> Result<Tensor<4>, EngineError> {
        let (shape, device) = (self.model.graph.input_shape(), self.network.device());
        let scale = self.model.weights.conventions.input_scale;
        let is_unchanged = how.changes.is_empty() && !self.experiment.changes_input();
        let Some((gpu, preprocessor)) = self.gpu.as_ref().filter(|_| is_unchanged) else {
            return Ok(input_from_values(self.values(frame, how), shape, device));
        };
        let (input, place) = bridge::allocate_input(shape, device).map_err(EngineError::new)?;
        let frame = FrameBuffer::upload(gpu, frame.clone()).map_err(EngineError::new)?;
        preprocessor.run(gpu, &frame, how, scale, &place);
        Ok(input)
    }

    /// A tensor's values in channel, row, column order.
    fn read(&self, tensor: Tensor<4>) -> Result<Vec<f32>, String> {
        let Some((gpu, _)) = &self.gpu else { return values(tensor) };
        let map = bridge::feature_map(tensor).map_err(|error| error.to_string())?;
        readback::copy_map(gpu, &map).wait(gpu).map_err(|error| error.to_string())
    }

    fn outputs(
        &self,
        layers: &[LayerIndex],
        tensors: Vec<Tensor<4>>,
        values: impl Fn(Tensor<4>) -> Result<Vec<f32>, String>,
    ) -> Result<Vec<LayerOutput>, EngineError> {
        let output = |(&layer, tensor): (&LayerIndex, _)| {
            let shape = self.model.graph.nodes[layer].shape;
            values(tensor).map(|values| LayerOutput { layer, shape, values })
        };
        layers.iter().zip(tensors).map(output).collect::<Result<_, _>>().map_err(EngineError::new)
    }
}
