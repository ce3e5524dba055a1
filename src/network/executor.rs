//! Runs the part of a graph that the asked taps need.
//!
//! On the fast path batch normalisation is folded into the convolution before it. A tap before batch
//! normalisation makes that one convolution run with its raw kernel; everything else stays folded. On the CPU
//! convolutions are our own ([`super::conv`]), and a ReLU that alone reads such a pair is inside them too.

use std::sync::Arc;

use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};
use burn::tensor::{DType, Device, FloatDType, Tensor, activation, module};
use rayon::prelude::*;

use super::cpu::{self, Host};
use super::pool::Pooling;
use super::prepared::{Prepared, is_half};
use crate::model::{AvgPool, Graph, LayerIndex, Op};
use crate::weights::{LayerWeights, Weights};

/// What becomes of batch normalisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Folding {
    /// It is folded into the convolution before it (the fast path).
    #[default]
    Folded,
    /// It runs on its own.
    Apart,
}

/// A graph with weights on a Burn device.
pub struct Network {
    graph: Arc<Graph>,
    weights: Arc<Weights>,
    device: Device,
    folding: Folding,
    /// Convolutions with batch normalisation inside; filled when a layer first runs so.
    folded: Vec<Option<Prepared>>,
    /// Layers with their own parameters; for convolutions only where they are tapped (or folding is off).
    plain: Vec<Option<Prepared>>,
    /// For each convolution, the batch normalisation that alone reads it.
    norm_after: Vec<Option<LayerIndex>>,
    /// For each such batch normalisation, the ReLU that alone reads it.
    relu_after: Vec<Option<LayerIndex>>,
    /// One for each picture that is computed at the same time; none on a GPU, where all operations are Burn's.
    hosts: Vec<Host>,
}

impl Network {
    /// A network that will run on `device`; nothing is uploaded yet.
    pub fn new(graph: Arc<Graph>, weights: Arc<Weights>, device: Device, folding: Folding) -> Self {
        let count = graph.nodes.len();
        let only_reader = |index: LayerIndex, wanted: Op| {
            let consumers: Vec<_> = graph.consumers(index).collect();
            (consumers.len() == 1 && graph.nodes[consumers[0]].op == wanted).then(|| consumers[0])
        };
        let is_conv = |index: &LayerIndex| matches!(graph.nodes[*index].op, Op::Conv(_));
        let norm_after: Vec<_> = (0..count)
            .map(|index| Some(index).filter(is_conv).and_then(|conv| only_reader(conv, Op::BatchNorm)))
            .collect();
        let relu_after =
            norm_after.iter().map(|norm| norm.and_then(|norm| only_reader(norm, Op::Relu))).collect();
        let empty = || (0..count).map(|_| None).collect();
        let hosts = cpu::is_cpu(&device).then(Host::default).into_iter().collect();
        let (folded, plain) = (empty(), empty());
        Self { graph, weights, device, folding, folded, plain, norm_after, relu_after, hosts }
    }

    /// Gives the weights back.
    pub(super) fn into_weights(self) -> Arc<Weights> {
        self.weights
    }

    /// Changes the parameters of one layer, before it first runs.
    pub(super) fn change_weights(&mut self, index: LayerIndex, change: impl FnOnce(&mut LayerWeights)) {
        if let Some(layer) = &mut Arc::make_mut(&mut self.weights).layers[index] {
            change(layer);
        }
    }

    /// Its layers.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// Where it runs.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Runs what `taps` need on `input` (`[1, 3, 299, 299]`, RGB, in the scale that the weights take) and returns the output of each
    /// tapped layer, `[1, channels, height, width]`, in the order asked.
    ///
    /// `before_node` is called before each node that runs, with how many have been started and how many will be.
    pub fn run(
        &mut self,
        input: Tensor<4>,
        taps: &[LayerIndex],
        before_node: &mut (dyn FnMut(usize, usize) + Send),
    ) -> Vec<Tensor<4>> {
        let is_cpu = self.is_cpu();
        let run = || {
            if is_cpu {
                self.prepare_all(taps);
            }
            let input =
                if is_half(&self.weights, &self.device) { input.cast(FloatDType::F16) } else { input };
            let graph = self.graph.clone();
            walk(&graph, input, taps, before_node, |index, inputs| self.execute(index, inputs, taps))
        };
        match is_cpu {
            true => cpu::on_all_cores(run),
            false => run(),
        }
    }

    /// The same for several pictures, for the outputs of each. On the CPU they are computed at the same time.
    pub fn run_each(&mut self, inputs: Vec<Tensor<4>>, taps: &[LayerIndex]) -> Vec<Vec<Tensor<4>>> {
        if !self.is_cpu() || inputs.len() == 1 {
            return inputs.into_iter().map(|input| self.run(input, taps, &mut |_, _| {})).collect();
        }
        self.prepare_all(taps);
        let mut hosts = std::mem::take(&mut self.hosts);
        hosts.resize_with(inputs.len().max(hosts.len()), Host::default);
        let network = &*self;
        let pictures: Vec<_> = inputs.into_iter().zip(&mut hosts).collect();
        let outputs = cpu::on_all_cores(|| {
            let outputs = pictures.into_par_iter().with_max_len(1).map(|(input, host)| {
                walk(&network.graph, input, taps, &mut |_, _| {}, |index, inputs| {
                    network.compute(index, inputs, taps, Some(&mut *host))
                })
            });
            outputs.collect()
        });
        self.hosts = hosts;
        outputs
    }

    fn is_cpu(&self) -> bool {
        cpu::is_cpu(&self.device)
    }

    /// True where a convolution's batch normalisation is inside its kernel in this run.
    fn is_folded(&self, conv: LayerIndex, taps: &[LayerIndex]) -> bool {
        self.folding == Folding::Folded && self.norm_after[conv].is_some() && !taps.contains(&conv)
    }

    /// True where a folded convolution's ReLU is inside it as well.
    fn has_relu(&self, conv: LayerIndex, taps: &[LayerIndex]) -> bool {
        let has_relu = self.is_cpu() && self.relu_after[conv].is_some();
        has_relu
            && self.is_folded(conv, taps)
            && self.norm_after[conv].is_some_and(|norm| !taps.contains(&norm))
    }

    /// Runs one node on its inputs. `taps` are the layers whose own values are wanted in this run.
    pub(super) fn execute(
        &mut self,
        index: LayerIndex,
        inputs: Vec<Tensor<4>>,
        taps: &[LayerIndex],
    ) -> Tensor<4> {
        self.prepare(index, taps);
        let mut hosts = std::mem::take(&mut self.hosts);
        let output = self.compute(index, inputs, taps, hosts.first_mut());
        self.hosts = hosts;
        output
    }

    /// True where a layer runs with batch normalisation folded into it, or into the convolution before it.
    fn runs_folded(&self, index: LayerIndex, taps: &[LayerIndex]) -> bool {
        let node = &self.graph.nodes[index];
        match node.op {
            Op::Conv(_) => self.is_folded(index, taps),
            Op::BatchNorm => self.is_folded(node.inputs[0], taps),
            _ => false,
        }
    }

    /// The same with a layer that is prepared; `host` is there on the CPU.
    fn compute(
        &self,
        index: LayerIndex,
        mut inputs: Vec<Tensor<4>>,
        taps: &[LayerIndex],
        mut host: Option<&mut Host>,
    ) -> Tensor<4> {
        let graph = &self.graph;
        let node = &graph.nodes[index];
        let (op, classes) = (node.op, node.shape.channels);
        if op == Op::Concat {
            return match &mut host {
                Some(host) => host.concat(inputs, node.shape),
                None => Tensor::cat(inputs, 1),
            };
        }
        let folded = self.runs_folded(index, taps);
        let fused = match op {
            Op::Conv(_) => self.has_relu(index, taps),
            Op::Relu => {
                let norm = node.inputs[0];
                let conv = graph.nodes[norm].inputs.first();
                conv.is_some_and(|&conv| self.norm_after[conv] == Some(norm) && self.has_relu(conv, taps))
            }
            _ => false,
        };
        let x = inputs.remove(0);
        let count_padding = self.weights.conventions.avg_pool == AvgPool::Include;
        let prepared = if folded { &self.folded[index] } else { &self.plain[index] };
        if let Some(host) = &mut host {
            let shapes = || [graph.nodes[node.inputs[0]].shape, node.shape];
            let average = Pooling::Average { count_padding };
            match (op, prepared) {
                (Op::Conv(_), Some(Prepared::Packed(kernel))) => {
                    return host.conv2d(x, kernel, fused, shapes());
                }
                (Op::MaxPool(window), _) => return host.pool2d(x, Pooling::Max, window, shapes()),
                (Op::AvgPool(window), _) => return host.pool2d(x, average, window, shapes()),
                _ => {}
            }
        }
        match op {
            Op::BatchNorm if folded => x,
            Op::Relu if fused => x,
            Op::Relu => activation::relu(x),
            Op::MaxPool(window) => {
                let options = MaxPoolOptions::new(window.kernel).with_stride(window.stride);
                module::max_pool2d(x, options.with_padding(window.padding))
            }
            Op::AvgPool(window) => {
                let options = AvgPoolOptions::new(window.kernel).with_stride(window.stride);
                let options = options.with_padding(window.padding).with_count_include_pad(count_padding);
                module::avg_pool2d(x, options)
            }
            // From here on there is little to compute, and probabilities want all digits.
            Op::GlobalAvgPool => lengthen(x).mean_dim(2).mean_dim(3),
            Op::Conv(_) | Op::BatchNorm | Op::Dense | Op::Classifier => match (op, prepared) {
                (Op::Conv(window), Some(Prepared::Conv(kernel, bias))) => {
                    let options = ConvOptions::new(window.stride, window.padding, [1, 1], 1);
                    module::conv2d(x, kernel.clone(), bias.clone(), options)
                }
                (_, Some(Prepared::Affine(scale, shift))) => x.mul(scale.clone()).add(shift.clone()),
                (_, Some(Prepared::Dense(weight, bias))) => {
                    let [batch, channels, ..] = x.dims();
                    let outputs = x.reshape([batch, channels]).matmul(weight.clone()).add(bias.clone());
                    let outputs = match op {
                        Op::Classifier if classes == 1 => activation::sigmoid(outputs),
                        Op::Classifier => activation::softmax(outputs, 1),
                        _ => outputs,
                    };
                    outputs.reshape([batch, classes, 1, 1])
                }
                _ => x,
            },
            Op::Input | Op::Concat => x,
        }
    }

    /// Where a layer's parameters belong in this run, and whether they are those with folded normalisation.
    fn place(&mut self, index: LayerIndex, folded: bool) -> &mut Option<Prepared> {
        if folded { &mut self.folded[index] } else { &mut self.plain[index] }
    }

    /// Brings a layer's parameters to the device when they are first asked for.
    fn prepare(&mut self, index: LayerIndex, taps: &[LayerIndex]) {
        let folded = self.runs_folded(index, taps);
        if self.place(index, folded).is_none() {
            *self.place(index, folded) = Some(self.prepared(index, folded));
        }
    }

    /// The same for all layers that a run needs, many at the same time.
    fn prepare_all(&mut self, taps: &[LayerIndex]) {
        let needed = self.graph.needed(taps.iter().copied());
        let layers = (0..needed.len()).filter(|&index| needed[index]);
        let places: Vec<_> = layers.map(|index| (index, self.runs_folded(index, taps))).collect();
        let missing = places.into_iter().filter(|&(index, folded)| self.place(index, folded).is_none());
        let missing: Vec<_> = missing.collect();
        let network = &*self;
        let made =
            missing.into_par_iter().map(|(index, folded)| (index, folded, network.prepared(index, folded)));
        for (index, folded, prepared) in made.collect::<Vec<_>>() {
            *self.place(index, folded) = Some(prepared);
        }
    }

    /// A layer's parameters on the device.
    fn prepared(&self, index: LayerIndex, folded: bool) -> Prepared {
        match self.graph.nodes[index].op {
            Op::BatchNorm if folded => Prepared::Nothing,
            _ => {
                let norm = self.norm_after[index].filter(|_| folded);
                Prepared::new(&self.graph, &self.weights, index, norm, &self.device)
            }
        }
    }
}

/// Goes through the nodes that `taps` need, and returns the tapped outputs. `execute` computes each but the input from its
/// inputs; before it, `before_node` is called with how many have been started and how many will be.
fn walk(
    graph: &Graph,
    input: Tensor<4>,
    taps: &[LayerIndex],
    before_node: &mut dyn FnMut(usize, usize),
    mut execute: impl FnMut(LayerIndex, Vec<Tensor<4>>) -> Tensor<4>,
) -> Vec<Tensor<4>> {
    let needed = graph.needed(taps.iter().copied());
    let total = needed.iter().filter(|&&n| n).count();
    let mut uses = vec![0usize; graph.nodes.len()];
    for (node, _) in graph.nodes.iter().zip(&needed).filter(|(_, needed)| **needed) {
        for &read in &node.inputs {
            uses[read] += 1;
        }
    }
    let mut values: Vec<Option<Tensor<4>>> = (0..graph.nodes.len()).map(|_| None).collect();
    let mut results: Vec<Option<Tensor<4>>> = taps.iter().map(|_| None).collect();
    let mut input = Some(input);
    for (started, index) in (0..graph.nodes.len()).filter(|&index| needed[index]).enumerate() {
        before_node(started, total);
        let node = &graph.nodes[index];
        // The last reader takes the tensor itself, so that Burn can free it or work in place.
        let mut arguments = Vec::with_capacity(node.inputs.len());
        for &read in &node.inputs {
            uses[read] -= 1;
            arguments.extend(if uses[read] == 0 { values[read].take() } else { values[read].clone() });
        }
        let output = match node.op {
            Op::Input => input.take(),
            _ => Some(execute(index, arguments)),
        };
        // A clone held here also keeps in-place operations of later nodes away from the tap.
        for (result, _) in results.iter_mut().zip(taps).filter(|(_, tap)| **tap == index) {
            *result = output.clone().map(lengthen);
        }
        if uses[index] > 0 {
            values[index] = output;
        }
    }
    results.into_iter().flatten().collect()
}

/// Values as f32.
fn lengthen(x: Tensor<4>) -> Tensor<4> {
    if x.dtype() == DType::F32 { x } else { x.cast(FloatDType::F32) }
}
