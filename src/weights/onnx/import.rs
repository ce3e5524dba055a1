//! The network as far as it has been read: what the operations of the file add their layers to.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::super::parameters::LayerWeights;
use super::attributes::{Stop, Value};
use super::message::FunctionProto;
use super::tensor::TensorReader;
use crate::model::{Activation, GraphBuilder, NewNode, Op, Shape};

/// A node of the file, as people may look for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    /// Its own name; may be empty.
    pub(super) name: String,
    pub(super) op: String,
    /// The first value that it makes.
    pub(super) value: String,
    /// The modules it belongs to, as PyTorch's exporter writes them.
    pub(super) scopes: Option<String>,
    /// The first of its inputs that are parameters.
    pub(super) weight: Option<String>,
}

impl Origin {
    /// What messages call it.
    pub(super) fn label(&self) -> &str {
        [&self.name, &self.value].into_iter().find(|name| !name.is_empty()).unwrap_or(&self.op)
    }
}

/// What a layer has besides its node in the graph.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) weights: Option<LayerWeights>,
    pub(super) origin: usize,
    /// The name of its values in the file.
    pub(super) value: Option<String>,
}

/// A layer, its values as of these lengths in this order, and the sides of what is made of them.
pub(super) type Move = (usize, Vec<usize>, Vec<usize>, [usize; 3]);

/// Where the graph had to be cut.
#[derive(Clone, Debug)]
pub(super) struct CutAt {
    pub(super) origin: usize,
    pub(super) reason: String,
}

/// The network as far as it has been read.
pub(super) struct Importer<'a> {
    pub(super) builder: GraphBuilder,
    /// By number of the builder's node.
    pub(super) drafts: Vec<Draft>,
    pub(super) origins: Vec<Origin>,
    pub(super) reader: TensorReader<'a>,
    /// What was moved already.
    pub(super) moved: HashMap<Move, usize>,
    pub(super) cuts: Vec<CutAt>,
    /// Layers that something reads which is not computed.
    pub(super) feeds: BTreeSet<usize>,
    /// Pictures at once that the file was written for, where it is not one.
    pub(super) batch: usize,
    /// By domain and name.
    pub(super) functions: HashMap<(&'a str, &'a str), &'a FunctionProto>,
    /// Names of values that a layer has already.
    values: HashSet<String>,
    /// Nodes read so far.
    pub(super) steps: usize,
}

impl<'a> Importer<'a> {
    pub(super) fn new(
        input: Shape,
        name: &str,
        reader: TensorReader<'a>,
        functions: &'a [FunctionProto],
    ) -> Self {
        let origin =
            Origin { name: name.into(), op: "input".into(), value: name.into(), ..Origin::default() };
        Self {
            builder: GraphBuilder::with_input(input, name, "network"),
            drafts: vec![Draft { weights: None, origin: 0, value: Some(name.into()) }],
            origins: vec![origin],
            reader,
            moved: HashMap::new(),
            cuts: vec![],
            feeds: BTreeSet::new(),
            batch: 1,
            functions: functions.iter().map(|f| ((f.domain.as_str(), f.name.as_str()), f)).collect(),
            values: HashSet::from([name.to_string()]),
            steps: 0,
        }
    }

    /// Adds a layer.
    pub(super) fn layer(
        &mut self,
        origin: usize,
        op: Op,
        activation: Activation,
        inputs: &[usize],
        shape: Option<Shape>,
        weights: Option<LayerWeights>,
    ) -> Result<usize, Stop> {
        self.reader.spend(weights.as_ref().map_or(0, count))?;
        let has_bias = match &weights {
            Some(LayerWeights::Conv { bias, .. }) => bias.is_some(),
            Some(LayerWeights::Dense { .. }) => true,
            _ => false,
        };
        let name = String::new();
        let new = NewNode { op, activation, inputs, shape, name, other_name: None, has_bias };
        let node = self.builder.push(new).map_err(|error| {
            let text = error.to_string();
            Stop::Cut(text.split_once(": ").map_or(text.clone(), |(_, problem)| problem.into()))
        })?;
        self.drafts.push(Draft { weights, origin, value: None });
        Ok(node)
    }

    pub(super) fn shape(&self, node: usize) -> Shape {
        self.builder.shape(node)
    }

    /// Names the values of a layer that was made since `first`.
    pub(super) fn call_values(&mut self, node: usize, first: usize, name: &str) {
        if node >= first
            && let Some(draft) = self.drafts.get_mut(node).filter(|draft| draft.value.is_none())
            && self.values.insert(name.into())
        {
            draft.value = Some(name.into());
        }
    }

    /// Names the values of a layer that holds what a node of the file made, in another order.
    pub(super) fn call_moved(&mut self, node: usize, origin: usize) {
        if let Some(name) =
            self.origins.get(origin).map(|origin| origin.value.clone()).filter(|name| !name.is_empty())
        {
            self.call_values(node, node, &name);
        }
    }

    /// Notes that something reads these which is not computed.
    pub(super) fn feed(&mut self, inputs: &[Value]) {
        self.feeds.extend(inputs.iter().filter_map(|input| match input {
            Value::View(view) => Some(view.node),
            _ => None,
        }));
    }
}

/// Numbers of a layer.
fn count(weights: &LayerWeights) -> usize {
    match weights {
        LayerWeights::Conv { kernel, bias } => kernel.len() + bias.as_ref().map_or(0, Vec::len),
        LayerWeights::Separable { depthwise, pointwise, .. } => depthwise.len() + pointwise.len(),
        LayerWeights::BatchNorm { gamma, .. } => 4 * gamma.len(),
        LayerWeights::Affine { scale, .. } => 2 * scale.len(),
        LayerWeights::Dense { weight, bias } => weight.len() + bias.len(),
        LayerWeights::Constant { values, .. } => values.len(),
    }
}
