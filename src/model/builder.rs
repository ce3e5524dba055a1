//! Builds a graph node by node.

use super::field::{ReceptiveField, field};
use super::graph::{Graph, Meaning, Node, Output};
use super::op::{Activation, Op};
use super::order;
use super::shape::{Shape, output_shape};
use super::stages;

/// Why nodes make no graph: one sentence without the file's name.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct GraphError(pub String);

/// A node as a reader finds it.
#[derive(Clone, Debug)]
pub struct NewNode<'a> {
    /// What it computes.
    pub op: Op,
    /// What is made of that.
    pub activation: Activation,
    /// The nodes it reads, by what [`GraphBuilder::push`] gave for them.
    pub inputs: &'a [usize],
    /// What [`output_shape`] needs to be told.
    pub shape: Option<Shape>,
    /// The name that the user knows.
    pub name: String,
    /// Another name for it.
    pub other_name: Option<String>,
    /// Of convolutions and dense layers.
    pub has_bias: bool,
}

impl<'a> NewNode<'a> {
    /// A node without activation, bias, and second name.
    pub fn new(op: Op, inputs: &'a [usize], name: impl Into<String>) -> Self {
        let (activation, name) = (Activation::Linear, name.into());
        Self { op, activation, inputs, shape: None, name, other_name: None, has_bias: false }
    }
}

/// Builds a [`Graph`] in the order of creation.
#[derive(Debug)]
pub struct GraphBuilder {
    nodes: Vec<Node>,
    stages: Vec<String>,
    counts: Vec<(&'static str, usize)>,
}

/// In which order the layers of a finished graph stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// That of creation.
    Created,
    /// That of Keras' `model.layers`; what no output depends on is left out.
    Keras,
}

impl GraphBuilder {
    /// A graph with an input of this shape.
    pub fn new(input: Shape, first_stage: &str) -> Self {
        Self::with_input(input, "input_layer", first_stage)
    }

    /// The same with the input's name.
    pub fn with_input(input: Shape, name: &str, first_stage: &str) -> Self {
        let node = Node {
            op: Op::Input,
            activation: Activation::Linear,
            has_bias: false,
            inputs: vec![],
            name: name.into(),
            other_name: None,
            shape: input,
            stage: 0,
            receptive_field: ReceptiveField::PIXEL,
        };
        Self { nodes: vec![node], stages: vec![first_stage.into()], counts: vec![] }
    }

    /// Nodes added from here on belong to this stage.
    pub fn stage(&mut self, name: &str) {
        self.stages.push(name.into());
    }

    /// Keras' automatic name: `conv2d`, `conv2d_1`, …
    pub fn auto_name(&mut self, kind: &'static str) -> String {
        let position = self.counts.iter().position(|(known, _)| *known == kind).unwrap_or_else(|| {
            self.counts.push((kind, 0));
            self.counts.len() - 1
        });
        let count = &mut self.counts[position].1;
        *count += 1;
        if *count == 1 { kind.into() } else { format!("{kind}_{}", *count - 1) }
    }

    /// The node of this number.
    pub fn node(&self, index: usize) -> &Node {
        &self.nodes[index]
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// False: there is always an input.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Shape of a node.
    pub fn shape(&self, index: usize) -> Shape {
        self.nodes[index].shape
    }

    /// Adds a node and returns its number.
    ///
    /// # Errors
    /// Where the shapes of its inputs do not go together, with the node's name.
    pub fn push(&mut self, new: NewNode<'_>) -> Result<usize, GraphError> {
        let inputs: Vec<_> = new.inputs.iter().filter_map(|&input| self.nodes.get(input)).collect();
        if inputs.len() != new.inputs.len() {
            return Err(GraphError(format!("`{}` reads what comes after it", new.name)));
        }
        let shapes: Vec<Shape> = inputs.iter().map(|node| node.shape).collect();
        let shape = output_shape(&new.op, &shapes, new.shape)
            .map_err(|problem| GraphError(format!("`{}` cannot be: {problem}", new.name)))?;
        let fields: Vec<_> = inputs.iter().map(|node| (node.receptive_field, node.shape)).collect();
        let receptive_field = field(&new.op, &fields, shape);
        self.nodes.push(Node {
            op: new.op,
            activation: new.activation,
            has_bias: new.has_bias,
            inputs: new.inputs.to_vec(),
            name: new.name,
            other_name: new.other_name,
            shape,
            stage: self.stages.len() - 1,
            receptive_field,
        });
        Ok(self.nodes.len() - 1)
    }

    /// The finished graph; the stages are those that were named, or found by [`stages::find`] where there is but one.
    /// `outputs` are numbers of nodes, with their meanings.
    pub fn finish(
        self,
        name: &str,
        width_multiplier: f64,
        outputs: &[(usize, Meaning)],
        order: Order,
    ) -> Graph {
        let inputs: Vec<&[usize]> = self.nodes.iter().map(|node| node.inputs.as_slice()).collect();
        let order = match (order, outputs) {
            (Order::Keras, [(output, _), ..]) => order::keras_order(&inputs, *output),
            _ => (0..self.nodes.len()).collect(),
        };
        let mut position = vec![0; self.nodes.len()];
        for (index, &created) in order.iter().enumerate() {
            position[created] = index;
        }
        let moved = |&created: &usize| {
            let mut node = self.nodes[created].clone();
            for input in &mut node.inputs {
                *input = position[*input];
            }
            node
        };
        let mut nodes: Vec<Node> = order.iter().map(moved).collect();
        let mut named = self.stages.clone();
        if named.len() == 1 {
            let (stages, of_node) = stages::find(&nodes);
            named = stages;
            nodes.iter_mut().zip(of_node).for_each(|(node, stage)| node.stage = stage);
        }
        let outputs = outputs.iter().map(|&(layer, meaning)| Output { layer: position[layer], meaning });
        Graph {
            name: name.into(),
            width_multiplier,
            nodes,
            stages: named,
            outputs: outputs.collect(),
            open_end: None,
        }
    }
}
