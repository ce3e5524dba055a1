//! Which nodes are computed inside others: scales and shifts in the convolution before them, and, on the CPU, limits (ReLU)
//! in what is before them, and the gate of x·sigmoid(x).

use super::vectors::Limits;
use crate::model::{Activation, Arithmetic, Graph, LayerIndex, Op, Shape};

/// What a node does in a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    /// Its value is that of its input already.
    Inside,
    /// It is computed: with the scales and shifts behind it, or without; kept between limits.
    Computed {
        /// True: with the scales and shifts behind it.
        is_folded: bool,
        /// What is done at the end.
        limits: Limits,
        /// Then SiLU.
        is_gated: bool,
    },
    /// It is computed by the addition that alone reads it.
    Deferred {
        /// True: with the scales and shifts behind it.
        is_folded: bool,
    },
    /// x·sigmoid(x) of its first input.
    Gated,
    /// The product of maps with one value for each channel, left to the convolution that alone reads it: there it is one of
    /// its weights with these values.
    Scaling,
}

/// What can be fused in a graph, whatever is tapped.
pub struct Fusion {
    /// For each convolution, the scales and shifts that follow it, each alone reading the one before.
    norms: Vec<Vec<LayerIndex>>,
    /// For each of these, the convolution.
    conv_of: Vec<Option<LayerIndex>>,
    /// For each node that can keep its values between limits, the activation that alone reads it.
    limited_by: Vec<Option<LayerIndex>>,
    /// For each convolution, the addition that alone reads it.
    added_by: Vec<Option<LayerIndex>>,
    /// For each product of a value with its own logistic function, that function's node.
    gate_of: Vec<Option<LayerIndex>>,
    /// For each product, whether it may be left to the convolution behind it.
    scales_weights: Vec<bool>,
}

impl Fusion {
    /// Looks through a graph. Limits and gates are for the CPU.
    pub fn new(graph: &Graph, is_cpu: bool) -> Self {
        let count = graph.nodes.len();
        let mut readers: Vec<Vec<LayerIndex>> = vec![vec![]; count];
        for (index, node) in graph.nodes.iter().enumerate() {
            for &input in &node.inputs {
                readers[input].push(index);
            }
        }
        let only_reader = |index: LayerIndex| match readers[index][..] {
            [reader] if graph.nodes[index].activation == Activation::Linear => Some(reader),
            _ => None,
        };
        let mut fusion = Self {
            norms: vec![vec![]; count],
            conv_of: vec![None; count],
            limited_by: vec![None; count],
            added_by: vec![None; count],
            gate_of: vec![None; count],
            scales_weights: vec![false; count],
        };
        for (index, node) in graph.nodes.iter().enumerate() {
            let takes_scales = match node.op {
                Op::Conv(..) => true,
                Op::Dense => !node.shape.is_vector(),
                _ => false,
            };
            let mut last = index;
            while takes_scales && let Some(next) = only_reader(last) {
                let is_scale = matches!(graph.nodes[next].op, Op::BatchNorm(_) | Op::Affine);
                if !is_scale || graph.nodes[next].activation != Activation::Linear {
                    break;
                }
                fusion.norms[index].push(next);
                fusion.conv_of[next] = Some(index);
                last = next;
            }
            if !is_cpu {
                continue;
            }
            let can_limit = match node.op {
                Op::Conv(..) | Op::BatchNorm(_) | Op::Affine => true,
                Op::Dense => !node.shape.is_vector(),
                Op::Arithmetic(arithmetic) => arithmetic != Arithmetic::Mean && node.inputs.len() == 2,
                _ => false,
            };
            let is_conv_or_scale = fusion.conv_of[index].is_some() || matches!(node.op, Op::Conv(..));
            let ends_in_silu =
                |next: LayerIndex| is_conv_or_scale && graph.nodes[next].activation == Activation::Silu;
            if can_limit
                && let Some(next) = only_reader(index)
                && graph.nodes[next].op == Op::Activation
                && (limits(graph.nodes[next].activation).is_some() || ends_in_silu(next))
            {
                fusion.limited_by[index] = Some(next);
            }
            // Of two convolutions that are added, the second takes the first.
            if let (Op::Arithmetic(Arithmetic::Add), [a, b]) = (&node.op, &node.inputs[..])
                && graph.nodes[*a].shape == graph.nodes[*b].shape
                && let Some(conv) = [*b, *a].into_iter().find_map(|input| {
                    let conv = fusion.conv_of[input].unwrap_or(input);
                    let is_plain = matches!(graph.nodes[conv].op, Op::Conv(_, 1))
                        && !graph.nodes[conv].shape.is_vector();
                    let last = fusion.norms[conv].last().copied().unwrap_or(conv);
                    (is_plain && last == input && only_reader(input) == Some(index)).then_some(conv)
                })
            {
                fusion.added_by[conv] = Some(index);
            }
            if let (Op::Arithmetic(Arithmetic::Mul), [a, b]) = (&node.op, &node.inputs[..]) {
                let is_gate = |gate: LayerIndex, value: LayerIndex| {
                    let node = &graph.nodes[gate];
                    let is_sigmoid = node.op == Op::Activation && node.activation == Activation::Sigmoid;
                    is_sigmoid && node.inputs == [value] && readers[gate].len() == 1
                };
                fusion.gate_of[index] = match () {
                    () if is_gate(*b, *a) => Some(*b),
                    () if is_gate(*a, *b) => Some(*a),
                    () => None,
                };
                fusion.scales_weights[index] =
                    only_reader(index).is_some_and(|conv| scales_weights(graph, [*a, *b], conv));
            }
        }
        fusion
    }

    /// The scales and shifts that may be folded into a convolution.
    pub fn norms(&self, conv: LayerIndex) -> &[LayerIndex] {
        &self.norms[conv]
    }

    /// True where the scales and shifts behind a convolution are inside it: none of what is between is asked for.
    fn is_folded(&self, conv: LayerIndex, taps: &[LayerIndex]) -> bool {
        let norms = &self.norms[conv];
        let between = norms.split_last().map_or(&[][..], |(_, between)| between);
        !norms.is_empty() && !taps.contains(&conv) && !between.iter().any(|norm| taps.contains(norm))
    }

    /// True where a node's own value is limited as soon as it is computed.
    fn is_limited(&self, index: LayerIndex, taps: &[LayerIndex]) -> Option<LayerIndex> {
        self.limited_by[index].filter(|_| !taps.contains(&index))
    }

    /// What a node does where `taps` are asked for; `can_fold` is false where nothing is to be folded.
    pub fn role(&self, graph: &Graph, index: LayerIndex, taps: &[LayerIndex], can_fold: bool) -> Role {
        let node = &graph.nodes[index];
        let folds = |conv: LayerIndex| can_fold && self.is_folded(conv, taps);
        if self.conv_of[index].is_some_and(folds) {
            return Role::Inside;
        }
        if node.op == Op::Activation
            && let [input] = node.inputs[..]
            && self.is_limited(input, taps) == Some(index)
        {
            return Role::Inside;
        }
        // The gate is let through, and its one reader applies it.
        let is_gate_of = |reader: LayerIndex| self.gate_of[reader] == Some(index) && !taps.contains(&index);
        if node.activation == Activation::Sigmoid && graph.consumers(index).any(is_gate_of) {
            return Role::Inside;
        }
        if self.gate_of[index].is_some_and(|gate| !taps.contains(&gate)) {
            return Role::Gated;
        }
        if self.scales_weights[index] && !taps.contains(&index) {
            return Role::Scaling;
        }
        let is_folded = folds(index);
        let last = self.norms[index].last().copied().filter(|_| is_folded).unwrap_or(index);
        let is_added = self.added_by[index].is_some() && (is_folded || self.norms[index].is_empty());
        if is_added && !taps.contains(&index) && !taps.contains(&last) {
            return Role::Deferred { is_folded };
        }
        let own = limits(node.activation).filter(|_| node.activation != Activation::Linear);
        let then = self.is_limited(last, taps).map(|next| graph.nodes[next].activation);
        let limits = own.or(then.and_then(limits)).unwrap_or(Limits::NONE);
        Role::Computed { is_folded, limits, is_gated: then == Some(Activation::Silu) }
    }
}

/// True where the product of two values, one of which has one value for each channel of the other, is better one of the weights
/// of this convolution, which alone reads it.
fn scales_weights(graph: &Graph, [a, b]: [LayerIndex; 2], conv: LayerIndex) -> bool {
    let shape = |index: LayerIndex| graph.nodes[index].shape;
    let (scale, maps) = if shape(a).is_vector() { (shape(a), shape(b)) } else { (shape(b), shape(a)) };
    let of_conv = &graph.nodes[conv];
    let is_pointwise = matches!(&of_conv.op, Op::Conv(window, 1) if window.kernel == [1, 1]);
    // Then there are far fewer of them, and they are all but free.
    let are_few = 4 * maps.channels * of_conv.shape.channels <= maps.len();
    is_pointwise && are_few && !maps.is_vector() && scale == Shape::vector(maps.channels)
}

/// An activation that does nothing but keep values between limits.
pub fn limits(activation: Activation) -> Option<Limits> {
    match activation {
        Activation::Relu => Some(Limits::RELU),
        Activation::Clip(low, high) => Some(Limits(low, high)),
        Activation::Linear => Some(Limits::NONE),
        _ => None,
    }
}
