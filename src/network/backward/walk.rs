//! The graph in reverse, node by node.

use burn::tensor::Tensor;

use super::cam::cam;
use super::derivatives::through_tensor;
use super::operations::{self, Back};
use super::plan::{Plan, Reads, activation_reads};
use super::seeds::seed;
use crate::model::{Activation, Arithmetic, AvgPool, Axis, Form, LayerIndex, Op, Reduction, Shape, Trace};
use crate::network::cpu::Host;
use crate::network::edits::{before_edits, through_edits};
use crate::network::executor::Network;
use crate::network::fusion::Role;
use crate::network::maps::Value;
use crate::network::prepared::Prepared;
use crate::network::vectors::Limits;
use crate::weights::LayerWeights;

/// What came of a [`Trace`].
pub struct Traced {
    /// The weighted sum of the units, `[1, 1, 1, 1]`.
    pub value: Tensor<4>,
    /// One for each wanted layer, in that order: of the layer's shape, or `[1, 1, height, width]` for one map.
    pub outputs: Vec<Tensor<4>>,
}

/// Values of layers on the way forward.
pub struct Values {
    /// Which layers.
    pub layers: Vec<LayerIndex>,
    /// One for each, until nobody needs it any longer.
    pub outputs: Vec<Option<Value>>,
}

impl Values {
    /// The values of a layer that was kept.
    fn of(&self, layer: LayerIndex) -> Option<Value> {
        self.outputs[self.place(layer)?].clone()
    }

    fn take(&mut self, layer: LayerIndex) -> Option<Value> {
        let place = self.place(layer)?;
        self.outputs[place].take()
    }

    fn place(&self, layer: LayerIndex) -> Option<usize> {
        self.layers.iter().position(|known| *known == layer)
    }
}

/// Goes back from the units of a trace to its wanted layers. Where it `is_last` to need them, values are let go on the way.
/// `before_node` is called before each node.
pub fn back(
    network: &mut Network,
    (trace, plan): (&Trace, &Plan),
    (values, is_last): (&mut Values, bool),
    before_node: &mut dyn FnMut(),
) -> Traced {
    let mut hosts = std::mem::take(&mut network.hosts);
    let host = hosts.first_mut();
    let traced = Walk { network: &mut *network, trace, plan, values, is_last, host }.run(before_node);
    network.hosts = hosts;
    traced
}

struct Walk<'a> {
    network: &'a mut Network,
    trace: &'a Trace,
    plan: &'a Plan,
    values: &'a mut Values,
    is_last: bool,
    /// On the CPU.
    host: Option<&'a mut Host>,
}

impl Walk<'_> {
    fn run(&mut self, before_node: &mut dyn FnMut()) -> Traced {
        let graph = self.network.graph().clone();
        let count = graph.nodes.len();
        let mut gradients: Vec<Option<Value>> = vec![None; count];
        // Of what comes out of a node before its activation.
        let mut before: Vec<Option<Value>> = vec![None; count];
        let value = self.begin(&mut gradients, &mut before);
        let mut outputs: Vec<Option<Tensor<4>>> = vec![None; self.trace.wanted.len()];
        for index in (0..count).rev() {
            self.hand_out(index, gradients[index].as_ref(), &mut outputs);
            if self.plan.passes_on(&graph, index) {
                before_node();
                let after = gradients[index].take();
                self.pass_on(index, after, before[index].take(), &mut gradients);
            }
            gradients[index] = None;
            if self.is_last {
                self.let_go(index);
            }
        }
        Traced { value, outputs: outputs.into_iter().flatten().collect() }
    }

    /// Adds to the gradients of a node's inputs what comes to them from the gradient behind its activation, and before it.
    fn pass_on(
        &mut self,
        index: LayerIndex,
        after: Option<Value>,
        before: Option<Value>,
        gradients: &mut [Option<Value>],
    ) {
        let graph = self.network.graph().clone();
        let node = &graph.nodes[index];
        let role = self.network.role(index, &self.plan.apart);
        let edits = &self.network.edits;
        let after = after.map(|g| through_edits(g, index, edits, self.host.as_deref_mut()));
        if role == Role::Gated {
            // The gate, which comes after the value, is inside.
            let value = node.inputs[0].min(node.inputs[1]);
            if let Some(g) = after {
                let g = self.through(Activation::Silu, self.values.of(value), g);
                self.add(&mut gradients[value], g);
            }
            return;
        }
        let after = after.map(|g| self.through_activation(index, g));
        let g = match (after, before) {
            (Some(a), Some(b)) => self.sum(a, b),
            (Some(g), None) | (None, Some(g)) => g,
            (None, None) => return,
        };
        let is_inside = role == Role::Inside && node.op != Op::Activation;
        let parts = if is_inside { vec![Some(g)] } else { self.through_node(index, g) };
        for (&input, part) in node.inputs.iter().zip(parts) {
            if let Some(part) = part.filter(|_| self.plan.active[input]) {
                self.add(&mut gradients[input], part);
            }
        }
    }

    /// Makes what is wanted of a layer's gradient, which is zero where there is none.
    fn hand_out(&mut self, index: LayerIndex, g: Option<&Value>, outputs: &mut [Option<Tensor<4>>]) {
        for (at, &(layer, form)) in self.trace.wanted.iter().enumerate() {
            if layer != index {
                continue;
            }
            let shape = self.network.graph().nodes[layer].shape;
            let sides = [1, shape.channels, shape.height, shape.width];
            let zeros = || Tensor::zeros(sides, self.network.device());
            let g = g.cloned().map_or_else(zeros, Value::into_tensor);
            let values = self.values.of(layer).map(Value::into_tensor);
            outputs[at] = Some(match (form, values) {
                (Form::TimesValue, Some(values)) => g.mul(values),
                (Form::Cam(method), Some(values)) => cam(method, values, g),
                _ => g,
            });
        }
    }

    /// Lets a layer's values go, whose memory is used again.
    fn let_go(&mut self, layer: LayerIndex) {
        if let (Some(values), Some(host)) = (self.values.take(layer), self.host.as_mut()) {
            host.let_go(values);
        }
    }

    /// Puts down where the units' layers begin; the sum of the units.
    fn begin(&mut self, gradients: &mut [Option<Value>], before: &mut [Option<Value>]) -> Tensor<4> {
        let graph = self.network.graph().clone();
        let device = self.network.device().clone();
        let mut sum: Option<Tensor<4>> = None;
        for unit in &self.trace.from {
            let node = &graph.nodes[unit.layer];
            let values = match unit.before_activation {
                false => self.values.of(unit.layer),
                true => self.before_activation(unit.layer),
            };
            let values = values.map(Value::into_tensor);
            let seed = seed(unit, node.shape, values.as_ref(), &device);
            if let Some(values) = values {
                let own = values.mul(seed.clone()).sum().reshape([1, 1, 1, 1]);
                sum = Some(match sum {
                    Some(sum) => sum.add(own),
                    None => own,
                });
            }
            let place =
                if unit.before_activation { &mut before[unit.layer] } else { &mut gradients[unit.layer] };
            self.add(place, seed.into());
        }
        sum.unwrap_or_else(|| Tensor::zeros([1, 1, 1, 1], &device))
    }

    fn sum(&mut self, a: Value, b: Value) -> Value {
        match self.host.as_mut() {
            Some(host) => host.sum(a, b),
            None => a.into_tensor().add(b.into_tensor()).into(),
        }
    }

    fn add(&mut self, place: &mut Option<Value>, part: Value) {
        *place = Some(match place.take() {
            Some(sum) => self.sum(sum, part),
            None => part,
        });
    }

    /// What comes out of a node before its activation, computed again.
    fn before_activation(&mut self, index: LayerIndex) -> Option<Value> {
        let inputs: Option<Vec<_>> =
            self.network.graph().nodes[index].inputs.iter().map(|&input| self.values.of(input)).collect();
        Some(self.network.without_activation(index, inputs?, &self.plan.apart, self.host.as_deref_mut()))
    }

    /// A node's value before channels of it were changed.
    fn own_output(&mut self, index: LayerIndex) -> Option<Value> {
        let value = self.values.of(index)?;
        Some(before_edits(value, index, &self.network.edits, self.host.as_deref_mut()))
    }

    fn through_activation(&mut self, index: LayerIndex, g: Value) -> Value {
        let graph = self.network.graph().clone();
        let node = &graph.nodes[index];
        let of = match activation_reads(node) {
            Reads::Nothing if node.activation == Activation::Linear => return g,
            Reads::Nothing => None,
            Reads::Output => self.own_output(index),
            Reads::Input if node.op == Op::Activation => self.values.of(node.inputs[0]),
            Reads::Input => self.before_activation(index),
        };
        self.through(node.activation, of, g)
    }

    fn through(&mut self, activation: Activation, of: Option<Value>, g: Value) -> Value {
        let rule = self.trace.rule;
        match (self.host.as_mut(), of) {
            (Some(host), Some(of)) if activation.is_elementwise() => {
                host.through_activation(activation, rule, of, g)
            }
            (_, of) => through_tensor(activation, rule, of.map(Value::into_tensor), g.into_tensor()).into(),
        }
    }

    /// The gradient of each input of a node, from that of what came out of it before its activation.
    fn through_node(&mut self, index: LayerIndex, g: Value) -> Vec<Option<Value>> {
        let g = match self.host.is_some() {
            true => match self.on_host(index, g) {
                Ok(parts) => return parts,
                Err(g) => *g,
            },
            false => g,
        };
        let graph = self.network.graph().clone();
        let node = &graph.nodes[index];
        let shapes: Vec<_> = node.inputs.iter().map(|&input| graph.nodes[input].shape).collect();
        let of = |layer: LayerIndex| self.values.of(layer).map(Value::into_tensor);
        let inputs: Option<Vec<_>> = node.inputs.iter().map(|&input| of(input)).collect();
        let output = self.own_output(index).map(Value::into_tensor);
        let prepared = self.network.prepared_for(index, &self.plan.apart);
        let inputs = inputs.unwrap_or_default();
        let from = Back { node, prepared, shapes: &shapes, inputs, output };
        operations::back(&from, g.into_tensor()).into_iter().map(|part| part.map(Value::from)).collect()
    }

    /// The same by our own operations; the gradient where there is none.
    fn on_host(&mut self, index: LayerIndex, g: Value) -> Result<Vec<Option<Value>>, Box<Value>> {
        let graph = self.network.graph().clone();
        let node = &graph.nodes[index];
        let output = node.shape;
        let input = graph.nodes[node.inputs[0]].shape;
        let weights = self.network.weights.clone();
        let Some(host) = self.host.as_mut() else { return Err(Box::new(g)) };
        let one: Value = match &node.op {
            Op::Dense if output.is_vector() => match &weights.layers[index] {
                Some(LayerWeights::Dense { weight, .. }) => {
                    host.through_dense(weight, g.into_tensor(), input).into()
                }
                _ => return Err(Box::new(g)),
            },
            Op::Conv(..) | Op::SeparableConv(_) | Op::Dense | Op::ConvTranspose(..) => {
                match self.network.turned(index, &self.plan.apart) {
                    [] => return Err(Box::new(g)),
                    turned => turned.iter().fold(g, |g, turned| turned.apply(host, g).into()),
                }
            }
            Op::BatchNorm(_) | Op::Affine => match self.network.prepared_for(index, &self.plan.apart) {
                Some(Prepared::Scale(scale, _)) => {
                    let maps = host.blocked(g);
                    host.scale_maps(maps, scale, &vec![0.0; scale.len()], Limits::NONE).into()
                }
                _ => return Err(Box::new(g)),
            },
            Op::MaxPool(window) => match self.values.of(node.inputs[0]) {
                Some(x) => host.through_max_pool(x, g, *window, input).into(),
                None => return Err(Box::new(g)),
            },
            Op::AvgPool(window, counts) => {
                host.through_avg_pool(g, *window, *counts == AvgPool::Include, input).into()
            }
            Op::GlobalPool(Reduction::Mean) => {
                host.fill_maps(g, 1.0 / (input.height * input.width).max(1) as f32, input).into()
            }
            Op::Concat(Axis::Channel) => {
                let mut first = 0;
                let mut parts = vec![];
                for &read in &node.inputs {
                    let shape = graph.nodes[read].shape;
                    let is_wanted = self.plan.active[read];
                    parts.push(is_wanted.then(|| host.channels(g.clone(), first, shape)));
                    first += shape.channels;
                }
                return Ok(parts);
            }
            Op::Arithmetic(Arithmetic::Add)
                if node.inputs.iter().all(|&input| graph.nodes[input].shape == output) =>
            {
                return Ok(node.inputs.iter().map(|_| Some(g.clone())).collect());
            }
            Op::Arithmetic(Arithmetic::Mul) if node.inputs.len() == 2 => {
                let shapes = [0, 1].map(|side| graph.nodes[node.inputs[side]].shape);
                // Gates of whole channels, and products of the same shape.
                let fits = |shape: Shape| shape == output || shape == Shape::vector(output.channels);
                let both = [0, 1].map(|side| self.values.of(node.inputs[side]));
                let [Some(a), Some(b)] = both else { return Err(Box::new(g)) };
                if !shapes.contains(&output) || !shapes.into_iter().all(fits) {
                    return Err(Box::new(g));
                }
                let mut back = |by: Value, to: Shape| {
                    let product = host.times(g.clone(), by);
                    Some(if to == output { product } else { host.sum_maps(product) })
                };
                return Ok(vec![back(b, shapes[0]), back(a, shapes[1])]);
            }
            Op::Activation => g,
            _ => return Err(Box::new(g)),
        };
        Ok(vec![Some(one)])
    }
}
