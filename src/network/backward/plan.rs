//! What lies between units and wanted layers, and which values of the way forward its reverse needs.

use crate::model::{Activation, Arithmetic, Form, Graph, LayerIndex, Node, Op, Reduction, Trace};
use crate::network::executor::Network;
use crate::network::fusion::Role;

/// The part of a graph that a trace goes through.
pub struct Plan {
    /// The layers whose gradient is computed.
    pub active: Vec<bool>,
    /// Layers whose own values, or own gradients, are used: nothing is folded into them.
    pub apart: Vec<LayerIndex>,
    /// Layers whose values are needed.
    pub kept: Vec<LayerIndex>,
}

impl Plan {
    /// For one trace.
    pub fn new(network: &Network, trace: &Trace) -> Self {
        let graph = network.graph();
        let origins: Vec<_> = trace.from.iter().map(|unit| unit.layer).collect();
        let mut active = graph.needed(origins.iter().copied());
        let mut leads = vec![false; graph.nodes.len()];
        for layer in wanted(trace) {
            leads[layer] = true;
        }
        for (index, node) in graph.nodes.iter().enumerate() {
            leads[index] |= node.inputs.iter().any(|&input| leads[input]);
            active[index] &= leads[index];
        }
        let edited = network.edits().iter().map(|edit| edit.layer);
        let apart: Vec<_> = origins.iter().copied().chain(wanted(trace)).chain(edited).collect();
        let mut plan = Self { active, apart, kept: vec![] };
        let valued = trace.wanted.iter().filter(|(_, form)| takes_values(*form)).map(|(layer, _)| *layer);
        valued.for_each(|layer| plan.keep(layer));
        for unit in &trace.from {
            let node = &graph.nodes[unit.layer];
            // The unit's value, and where it is strongest.
            match unit.before_activation {
                false => plan.keep(unit.layer),
                true => node.inputs.iter().for_each(|&input| plan.keep(input)),
            }
        }
        for index in 0..graph.nodes.len() {
            if plan.passes_on(graph, index) {
                plan.keep_for(network, index);
            }
        }
        plan
    }

    /// How many nodes it goes through.
    pub fn nodes(&self, graph: &Graph) -> usize {
        (0..graph.nodes.len()).filter(|&index| self.passes_on(graph, index)).count()
    }

    /// True for a node whose gradient goes on to its inputs.
    pub fn passes_on(&self, graph: &Graph, index: LayerIndex) -> bool {
        self.active[index] && graph.nodes[index].inputs.iter().any(|&input| self.active[input])
    }

    fn keep(&mut self, layer: LayerIndex) {
        if !self.kept.contains(&layer) {
            self.kept.push(layer);
        }
    }

    fn keep_for(&mut self, network: &Network, index: LayerIndex) {
        let graph = network.graph().clone();
        let node = &graph.nodes[index];
        let role = network.role(index, &self.apart);
        if role == Role::Gated {
            return self.keep(node.inputs[0].min(node.inputs[1]));
        }
        let of_activation = activation_reads(node);
        if of_activation == Reads::Output || reads_output(&node.op) {
            self.keep(index);
        }
        // What comes before the activation is its input, or is computed again from it.
        if of_activation == Reads::Input || reads_inputs(node) {
            node.inputs.iter().for_each(|&input| self.keep(input));
        }
    }
}

/// What the derivative of an activation is computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// It is the same everywhere.
    Nothing,
    /// What came out.
    Output,
    /// What went in.
    Input,
}

/// What the derivative of a node's activation is computed from.
pub fn activation_reads(node: &Node) -> Reads {
    match node.activation {
        Activation::Linear | Activation::Neg | Activation::Floor => Reads::Nothing,
        Activation::Relu
        | Activation::Clip(..)
        | Activation::Sigmoid
        | Activation::HardSigmoid(..)
        | Activation::Tanh
        | Activation::Exp
        | Activation::Sqrt
        | Activation::Reciprocal
        | Activation::Softmax
        | Activation::LogSoftmax => Reads::Output,
        // Its sign is that of its input.
        Activation::LeakyRelu(slope) if slope >= 0.0 => Reads::Output,
        _ => Reads::Input,
    }
}

fn reads_output(op: &Op) -> bool {
    matches!(op, Op::Softmax(_))
}

fn reads_inputs(node: &Node) -> bool {
    let is_product =
        |arithmetic: Arithmetic| !matches!(arithmetic, Arithmetic::Add | Arithmetic::Sub | Arithmetic::Mean);
    match &node.op {
        Op::MaxPool(_) | Op::Normalize(..) | Op::LocalResponse(..) | Op::Prelu | Op::MatMul => true,
        Op::GlobalPool(reduction) | Op::Reduce(reduction, _) => {
            matches!(reduction, Reduction::Max | Reduction::Min)
        }
        Op::Arithmetic(arithmetic) => is_product(*arithmetic),
        Op::WithConstant(arithmetic, _) => is_product(*arithmetic) && *arithmetic != Arithmetic::Mul,
        _ => false,
    }
}

/// Layers whose own gradient is handed out.
fn wanted(trace: &Trace) -> impl Iterator<Item = LayerIndex> {
    trace.wanted.iter().map(|(layer, _)| *layer)
}

/// True where the layer's values are part of what is made of its gradient.
fn takes_values(form: Form) -> bool {
    form != Form::Gradient
}
