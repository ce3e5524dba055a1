//! Runs the part of a graph that the asked taps need.
//!
//! On the fast path batch normalisation is folded into the convolution before it. A tap before batch
//! normalisation makes that one convolution run with its raw kernel; everything else stays folded. On the CPU
//! the operations that most of the time goes into are our own ([`super::cpu::Host`]), with limits such as ReLU inside them;
//! all others, and all on a GPU, are Burn's ([`super::operations`]).

use std::sync::Arc;

use burn::tensor::Device;

use super::backward::turned::Turned;
use super::cpu::{self, Host};
use super::elementwise;
use super::functions;
use super::fusion::{Fusion, Role, limits as limits_of};
use super::maps::{Ending, Value};
use super::operations;
use super::pool::Pooling;
use super::prepared::Prepared;
use super::vectors::Limits;
use crate::model::{Activation, Arithmetic, AvgPool, Axis, Edit, Graph, LayerIndex, Op, Reduction, Shape};
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
    pub(super) graph: Arc<Graph>,
    pub(super) weights: Arc<Weights>,
    pub(super) device: Device,
    folding: Folding,
    /// What is changed while it runs.
    pub(super) edits: Vec<Edit>,
    /// Convolutions with batch normalisation inside; filled when a layer first runs so.
    pub(super) folded: Vec<Option<Prepared>>,
    /// Layers with their own parameters; for convolutions only where they are tapped (or folding is off).
    pub(super) plain: Vec<Option<Prepared>>,
    /// Convolutions in reverse on the CPU, as they are and with batch normalisation inside; filled when they are first wanted.
    pub(super) turned: Vec<[Option<Vec<Turned>>; 2]>,
    /// What can be computed inside what.
    pub(super) fusion: Fusion,
    /// One for each picture that is computed at the same time; none on a GPU, where all operations are Burn's.
    pub(super) hosts: Vec<Host>,
}

impl Network {
    /// A network that will run on `device`; nothing is uploaded yet.
    pub fn new(graph: Arc<Graph>, weights: Arc<Weights>, device: Device, folding: Folding) -> Self {
        let empty = || (0..graph.nodes.len()).map(|_| None).collect();
        let is_cpu = cpu::is_cpu(&device);
        let hosts = is_cpu.then(Host::default).into_iter().collect();
        let (folded, plain, fusion) = (empty(), empty(), Fusion::new(&graph, is_cpu));
        let turned = graph.nodes.iter().map(|_| [None, None]).collect();
        Self { graph, weights, device, folding, edits: vec![], folded, plain, turned, fusion, hosts }
    }

    /// The same network with another graph of the same layers.
    pub(super) fn of_graph(&self, graph: Arc<Graph>) -> Self {
        let mut network = Self::new(graph, self.weights.clone(), self.device.clone(), self.folding);
        network.edits.clone_from(&self.edits);
        network
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

    pub(super) fn is_cpu(&self) -> bool {
        cpu::is_cpu(&self.device)
    }

    /// What a node does where `taps` are asked for.
    pub(super) fn role(&self, index: LayerIndex, taps: &[LayerIndex]) -> Role {
        self.fusion.role(&self.graph, index, taps, self.folding == Folding::Folded)
    }

    /// Runs one node on its inputs. `taps` are the layers whose own values are wanted in this run.
    pub(super) fn execute(&mut self, index: LayerIndex, inputs: Vec<Value>, taps: &[LayerIndex]) -> Value {
        self.prepare(index, taps);
        let mut hosts = std::mem::take(&mut self.hosts);
        let output = self.compute(index, inputs, taps, hosts.first_mut());
        self.hosts = hosts;
        output
    }

    /// The same with a layer that is prepared; `host` is there on the CPU.
    pub(super) fn compute(
        &self,
        index: LayerIndex,
        mut inputs: Vec<Value>,
        taps: &[LayerIndex],
        host: Option<&mut Host>,
    ) -> Value {
        let node = &self.graph.nodes[index];
        let (is_folded, ending) = match self.role(index, taps) {
            Role::Inside => return inputs.swap_remove(0),
            Role::Gated => {
                // Both are the same values.
                inputs.truncate(1);
                let x = inputs.swap_remove(0);
                return activate(x, Activation::Silu, host);
            }
            Role::Scaling => return Value::Scaled(inputs),
            Role::Deferred { .. } => return Value::Deferred(Box::new(inputs.swap_remove(0)), index),
            Role::Computed { is_folded, limits, is_gated } => {
                (is_folded, Ending { limits, is_gated, added: None })
            }
        };
        let prepared = if is_folded { &self.folded[index] } else { &self.plain[index] };
        let by_burn = |inputs: Vec<Value>| -> Value {
            let inputs = inputs.into_iter().map(Value::into_tensor).collect();
            operations::compute(&node.op, inputs, prepared.as_ref(), node.shape).into()
        };
        let Some(host) = host else { return activate(by_burn(inputs), node.activation, None) };
        let inputs = match self.add_deferred(inputs, taps, ending.limits, node.shape, host) {
            Ok(sum) => return activate_unless_limits(sum, node.activation, host),
            Err(inputs) => inputs,
        };
        let limits = ending.limits;
        // Convolutions do it inside.
        let is_gated = ending.is_gated && !matches!(node.op, Op::Conv(..));
        let gated = |output: Value, host: &mut Host| match is_gated {
            true => activate(output, Activation::Silu, Some(host)),
            false => output,
        };
        match self.compute_on_host(index, inputs, prepared.as_ref(), ending, host) {
            Ok(output) => activate_unless_limits(gated(output, host), node.activation, host),
            Err(inputs) => {
                let output = activate(by_burn(inputs), node.activation, Some(&mut *host));
                match limits_of(node.activation) == Some(limits) {
                    true => output,
                    false => limited(output, limits, host),
                }
            }
        }
    }

    /// The sum of two inputs, one of which is a convolution that was left to it; the inputs where none is.
    fn add_deferred(
        &self,
        mut inputs: Vec<Value>,
        taps: &[LayerIndex],
        limits: Limits,
        output: Shape,
        host: &mut Host,
    ) -> Result<Value, Vec<Value>> {
        let is_deferred = |value: &Value| matches!(value, Value::Deferred(..));
        let Some(at) = inputs.iter().position(is_deferred) else { return Err(inputs) };
        let (deferred, other) = (inputs.swap_remove(at), inputs.pop());
        let (Value::Deferred(x, conv), Some(other)) = (deferred, other) else { return Err(inputs) };
        let is_folded = self.is_folded(conv, taps) == Some(true);
        match if is_folded { &self.folded[conv] } else { &self.plain[conv] } {
            Some(Prepared::Packed(kernel)) => {
                let ending = Ending { limits, is_gated: false, added: Some(other) };
                Ok(host.convolve(*x, kernel, ending, output).into())
            }
            _ => unreachable!("convolutions of maps are packed"),
        }
    }

    /// One of our own operations, without the activation where that is more than limits; the inputs where there is none.
    pub(super) fn compute_on_host(
        &self,
        index: LayerIndex,
        mut inputs: Vec<Value>,
        prepared: Option<&Prepared>,
        ending: Ending,
        host: &mut Host,
    ) -> Result<Value, Vec<Value>> {
        let node = &self.graph.nodes[index];
        let (limits, is_gated) = (ending.limits, ending.is_gated);
        let output = node.shape;
        let first = |mut inputs: Vec<Value>| inputs.swap_remove(0);
        let dense = |inputs: Vec<Value>, weight: &[f32], bias: &[f32], host: &mut Host| {
            let x = inputs.into_iter().map(Value::into_tensor).next();
            x.map(|x| limited(host.dense(x, weight, bias, output).into(), limits, host)).ok_or(vec![])
        };
        Ok(match (&node.op, prepared) {
            (Op::Conv(..) | Op::Dense, Some(Prepared::Packed(kernel))) => {
                host.convolve(first(inputs), kernel, ending, output).into()
            }
            (Op::Conv(..), Some(Prepared::Matrix(weight, bias))) => {
                let product = dense(inputs, weight, bias, host)?;
                if is_gated { activate(product, Activation::Silu, Some(host)) } else { product }
            }
            (Op::SeparableConv(_), Some(Prepared::PackedSeparable(kernels, middle))) => {
                let between = host.convolve(first(inputs), &kernels[0], Limits::NONE.into(), *middle);
                host.convolve(between.into(), &kernels[1], ending, output).into()
            }
            (Op::Dense, _) => match &self.weights.layers[index] {
                Some(LayerWeights::Dense { weight, bias }) => dense(inputs, weight, bias, host)?,
                _ => return Err(inputs),
            },
            (Op::BatchNorm(_) | Op::Affine, Some(Prepared::Scale(scale, shift))) => match first(inputs) {
                Value::Blocked(maps) => host.scale_maps(maps, scale, shift, limits).into(),
                x => {
                    let scaled = host.change(x.into_tensor(), |values| {
                        for values in values.chunks_exact_mut(output.len()) {
                            elementwise::affine(scale, shift, limits, values);
                        }
                    });
                    scaled.into()
                }
            },
            (Op::MaxPool(window), _) if limits == Limits::NONE => {
                host.pool2d(first(inputs), Pooling::Max, *window, output).into()
            }
            (Op::AvgPool(window, counts), _) if limits == Limits::NONE => {
                let average = Pooling::Average { count_padding: *counts == AvgPool::Include };
                host.pool2d(first(inputs), average, *window, output).into()
            }
            (Op::GlobalPool(reduction @ (Reduction::Mean | Reduction::Max)), _) if limits == Limits::NONE => {
                let is_largest = *reduction == Reduction::Max;
                match first(inputs) {
                    Value::Blocked(maps) => host.join_maps(maps, is_largest).into(),
                    x => host.join_planes(x.into_tensor(), is_largest, output).into(),
                }
            }
            (Op::Concat(Axis::Channel), _) if limits == Limits::NONE => {
                match host.concat_maps(inputs, output) {
                    Ok(joined) => joined.into(),
                    Err(all) => host.concat(all.into_iter().map(Value::into_tensor).collect(), output).into(),
                }
            }
            (Op::Arithmetic(arithmetic), _) if inputs.len() == 2 && *arithmetic != Arithmetic::Mean => {
                let (b, a) = (inputs.pop(), inputs.pop());
                let Some(both) = a.zip(b) else { return Err(vec![]) };
                match host.combine_maps(*arithmetic, limits, both.into()) {
                    Ok(combined) => combined.into(),
                    Err(both) => {
                        let both = both.map(Value::into_tensor);
                        let combined = host.combine(*arithmetic, limits, both, output);
                        combined
                            .map(Value::from)
                            .map_err(|both| both.into_iter().map(Value::from).collect::<Vec<_>>())?
                    }
                }
            }
            (Op::Activation, _) => limited(first(inputs), limits, host),
            _ => return Err(inputs),
        })
    }

    /// Where a layer's parameters belong in this run; `None` where it needs none.
    pub(super) fn is_folded(&self, index: LayerIndex, taps: &[LayerIndex]) -> Option<bool> {
        match self.role(index, taps) {
            Role::Computed { is_folded, .. } | Role::Deferred { is_folded } => Some(is_folded),
            _ => None,
        }
    }

    pub(super) fn place(&mut self, index: LayerIndex, folded: bool) -> &mut Option<Prepared> {
        if folded { &mut self.folded[index] } else { &mut self.plain[index] }
    }

    /// Brings a layer's parameters to the device when they are first asked for.
    pub(super) fn prepare(&mut self, index: LayerIndex, taps: &[LayerIndex]) {
        if let Some(folded) = self.is_folded(index, taps)
            && self.place(index, folded).is_none()
        {
            *self.place(index, folded) = Some(self.prepared(index, folded));
        }
    }

    /// A layer's parameters on the device.
    pub(super) fn prepared(&self, index: LayerIndex, folded: bool) -> Prepared {
        let norms = if folded { self.fusion.norms(index) } else { &[] };
        Prepared::new(&self.graph, &self.weights, index, norms, &self.device)
    }
}

/// Values kept between limits.
fn limited(x: Value, limits: Limits, host: &mut Host) -> Value {
    match limits == Limits::NONE {
        true => x,
        false => activate(x, Activation::Clip(limits.0, limits.1), Some(host)),
    }
}

/// A node's activation, where that is more than limits, which are inside already.
fn activate_unless_limits(x: Value, activation: Activation, host: &mut Host) -> Value {
    match limits_of(activation) {
        Some(_) => x,
        None => activate(x, activation, Some(host)),
    }
}

/// A node's activation.
fn activate(x: Value, activation: Activation, host: Option<&mut Host>) -> Value {
    match (host, x) {
        (_, x) if activation == Activation::Linear => x,
        (Some(host), Value::Tensor(x)) if activation.is_elementwise() => {
            host.change(x, |values| functions::activate(values, activation)).into()
        }
        (Some(host), Value::Blocked(maps)) if activation.is_elementwise() => {
            host.change_maps(maps, |values| functions::activate(values, activation)).into()
        }
        (_, x) => operations::activate(x.into_tensor(), activation).into(),
    }
}
