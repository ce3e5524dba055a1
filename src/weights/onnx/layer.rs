//! A layer on its way into the graph.

use super::super::parameters::LayerWeights;
use super::import::Draft;
use crate::model::{Activation, Node, Op, Shape};

/// A layer with all that is known of it, while layers are still put together.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) op: Op,
    pub(super) activation: Activation,
    pub(super) inputs: Vec<usize>,
    pub(super) shape: Shape,
    pub(super) weights: Option<LayerWeights>,
    pub(super) origin: usize,
    pub(super) value: Option<String>,
}

impl Layer {
    pub(super) fn new(node: &Node, draft: Draft) -> Self {
        let Draft { weights, origin, value } = draft;
        let (op, inputs) = (node.op.clone(), node.inputs.clone());
        Self { op, activation: node.activation, inputs, shape: node.shape, weights, origin, value }
    }
}
