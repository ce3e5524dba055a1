//! Values of Keras and the nodes that they become.
//!
//! Keras' values are `[height, width, channels]` (or channels first), the graph's always `[channels, height,
//! width]`. A value of Keras with fewer axes is a vector, or a sequence `[steps, features]` whose steps lie
//! along the width; of one with more axes, all but the last two lie along the height. Its real side lengths
//! are in [`Value::sides`].

use super::assembly::Assembly;
use super::calls::{Argument, Call, Reference};
use super::config::Array;
use super::tensor::{Tensor, transposed};
use super::topology::Layer;
use crate::model::{Activation, Arithmetic, Axis, GraphError, NewNode, Op, Shape};
use crate::weights::file::ReadError;
use crate::weights::parameters::LayerWeights;

/// Nodes of the finished graph; a model that is called again and again makes many of a short file.
const MAX_NODES: usize = 20_000;

/// What a layer made.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Value {
    /// The node.
    pub node: usize,
    /// Side lengths in Keras' order, without the batch.
    pub sides: Vec<usize>,
}

/// Why a layer is not in the graph.
#[derive(Debug)]
pub(super) enum Stop {
    /// It does something that is not known: the graph is cut there. The words follow the layer's name.
    Unknown(String),
    /// The file makes no sense.
    Wrong(ReadError),
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Wrong(error)
    }
}

impl From<GraphError> for Stop {
    fn from(error: GraphError) -> Self {
        Self::Wrong(ReadError(error.0))
    }
}

/// One call of a layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site<'m, 'a> {
    pub layer: &'m Layer<'a>,
    /// Name of the node that it becomes.
    pub name: &'m str,
    /// Another name for it: that of a model that ends with it.
    pub other_name: Option<&'m str>,
    /// What it was called with, for operations.
    pub call: &'m Call<'a>,
    /// The tensors among that.
    pub inputs: &'m [Value],
    /// Where they are, in the same order.
    pub references: &'m [Reference],
}

impl<'m> Site<'m, '_> {
    /// The only thing that it reads.
    pub fn one(&self) -> Result<&'m Value, Stop> {
        match self.inputs {
            [one] => Ok(one),
            _ => Err(Stop::Wrong(ReadError(format!(
                "`{}` reads {} things instead of one; save the model anew",
                self.name,
                self.inputs.len()
            )))),
        }
    }

    /// A tensor of its arguments.
    pub fn value(&self, argument: &Argument<'_>) -> Option<&'m Value> {
        let Argument::Tensor(wanted) = argument else { return None };
        self.references.iter().position(|reference| reference == wanted).map(|at| &self.inputs[at])
    }
}

/// A node as a layer asks for it.
pub(super) struct Wanted {
    pub op: Op,
    pub activation: Activation,
    /// Side lengths of what comes out, in Keras' order; without them, those that the operation makes of its
    /// input.
    pub sides: Option<Vec<usize>>,
    /// Side lengths of a constant.
    pub constant: Option<Shape>,
    pub channels: Option<usize>,
    pub has_bias: bool,
    pub weights: Option<LayerWeights>,
}

impl Wanted {
    pub fn new(op: Op) -> Self {
        let (activation, has_bias) = (Activation::Linear, false);
        Self { op, activation, sides: None, constant: None, channels: None, has_bias, weights: None }
    }
}

impl Assembly<'_, '_, '_> {
    /// The storage shape of a value of Keras.
    pub fn shape(&self, sides: &[usize]) -> Option<Shape> {
        let sides = match *sides {
            [] => [1, 1, 1],
            [channels] => [channels, 1, 1],
            [steps, channels] => [channels, 1, steps],
            [channels, height, width] if self.channels_first => [channels, height, width],
            [ref outer @ .., width, channels] => {
                let height = outer.iter().try_fold(1usize, |product, &side| product.checked_mul(side))?;
                [channels, height, width]
            }
        };
        Shape::checked(sides)
    }

    /// Sides in Keras' order of maps.
    pub fn map_sides(&self, channels: usize, [height, width]: [usize; 2]) -> Vec<usize> {
        match self.channels_first {
            true => vec![channels, height, width],
            false => vec![height, width, channels],
        }
    }

    /// Whether Keras' last axis is the channels.
    pub fn last_is_channels(&self, value: &Value) -> bool {
        !(self.channels_first && value.sides.len() == 3)
    }

    /// Which axis of the graph's values an axis of Keras is; `None` for the batch and those that share one.
    pub fn axis(&self, value: &Value, axis: i64) -> Option<Axis> {
        let rank = value.sides.len() as i64;
        let place = if axis < 0 { axis + rank } else { axis - 1 };
        let from_last = rank - 1 - place;
        if !(0..rank).contains(&place) {
            return None;
        }
        match (self.last_is_channels(value), from_last) {
            (true, 0) => Some(Axis::Channel),
            (true, 1) => Some(Axis::Width),
            (true, 2) if rank == 3 => Some(Axis::Height),
            (false, _) => Some([Axis::Channel, Axis::Height, Axis::Width][place as usize]),
            _ => None,
        }
    }

    /// Values in Keras' order as the graph has them.
    pub fn stored(&self, sides: &[usize], values: &[f32]) -> Option<LayerWeights> {
        let shape = self.shape(sides)?;
        if shape.len() != values.len() {
            return None;
        }
        let values = match sides.len() {
            0 | 1 => values.to_vec(),
            3 if self.channels_first => values.to_vec(),
            _ => transposed(values, shape.len() / shape.channels, shape.channels),
        };
        Some(LayerWeights::Constant { shape, values })
    }

    /// Adds a node. `part` names a step of a layer that takes several; the last one has none.
    pub fn push(
        &mut self,
        site: &Site<'_, '_>,
        part: &str,
        inputs: &[&Value],
        wanted: Wanted,
    ) -> Result<Value, Stop> {
        if self.builder.len() >= MAX_NODES {
            return Err(Stop::Wrong(ReadError(format!(
                "it has more than {MAX_NODES} layers with those of its inner models, far more than any \
                 network that is read; check what file this is"
            ))));
        }
        let first = inputs.first().copied();
        let nodes: Vec<usize> = inputs.iter().map(|input| input.node).collect();
        let name = if part.is_empty() { site.name.into() } else { format!("{}/{part}", site.name) };
        let too_large = |sides: &[usize]| {
            Stop::Wrong(ReadError(format!("`{name}` cannot be: its output would be {sides:?}")))
        };
        let shape = match (&wanted.sides, wanted.constant, wanted.channels) {
            (_, Some(constant), _) => Some(constant),
            (Some(sides), ..) => Some(self.shape(sides).ok_or_else(|| too_large(sides))?),
            (None, None, Some(channels)) => Some(Shape::vector(channels)),
            (None, None, None) => None,
        };
        let is_fixed = matches!(wanted.op, Op::WithConstant(..));
        let node = self.builder.push(NewNode {
            op: wanted.op,
            activation: wanted.activation,
            inputs: &nodes,
            shape,
            name: name.clone(),
            other_name: site.other_name.filter(|_| part.is_empty()).map(str::to_string),
            has_bias: wanted.has_bias,
        })?;
        self.weights.resize(node, None);
        self.weights.push(wanted.weights);
        let found = self.builder.shape(node);
        let sides = match wanted.sides {
            Some(sides) => sides,
            None => self.sides(first, found),
        };
        if self.shape(&sides) != Some(found) {
            let why = if is_fixed { "its constant does not fit" } else { "its shapes do not go together" };
            return Err(Stop::Wrong(ReadError(format!("`{name}` cannot be: {why}; save the model anew"))));
        }
        Ok(Value { node, sides })
    }

    /// Side lengths in Keras' order of what a node makes that keeps the axes of its input.
    fn sides(&self, input: Option<&Value>, shape: Shape) -> Vec<usize> {
        match input.map(|input| input.sides.len()) {
            Some(3) if self.channels_first => shape.sides().into(),
            Some(3) => vec![shape.height, shape.width, shape.channels],
            Some(2) => vec![shape.width, shape.channels],
            Some(rank) if rank > 3 => {
                let mut sides = input.map(|input| input.sides.clone()).unwrap_or_default();
                sides[rank - 1] = shape.channels;
                sides
            }
            _ => vec![shape.channels],
        }
    }

    /// Adds a node that keeps the shape and computes a function of each value.
    pub fn map(
        &mut self,
        site: &Site<'_, '_>,
        part: &str,
        input: &Value,
        activation: Activation,
    ) -> Result<Value, Stop> {
        self.push(site, part, &[input], Wanted { activation, ..Wanted::new(Op::Activation) })
    }

    /// A parameter of this shape, which the layer has to have.
    pub fn parameter(
        &mut self,
        layer: &Layer<'_>,
        order: &[&str],
        name: &str,
        sides: &[usize],
    ) -> Result<Vec<f32>, ReadError> {
        let tensor = self.tensor(layer, order, name)?;
        let count = |sides: &[usize]| sides.iter().try_fold(1usize, |n, &side| n.checked_mul(side));
        // Sides of length 1 come and go (`[1, 1, 3]` for `[3]`), and a shared slope may have any.
        let without_ones =
            |sides: &[usize]| sides.iter().copied().filter(|&side| side != 1).collect::<Vec<_>>();
        if count(sides) != Some(tensor.values.len()) || without_ones(sides) != without_ones(&tensor.sides) {
            return Err(misfit(layer, name, &tensor, sides));
        }
        Ok(tensor.values)
    }

    /// A parameter of any shape.
    pub fn tensor(&mut self, layer: &Layer<'_>, order: &[&str], name: &str) -> Result<Tensor, ReadError> {
        self.variables.find(layer, order, name)?.ok_or_else(|| {
            let why = if self.variables.has_any(layer) {
                "only others are there"
            } else {
                "nothing of it is there"
            };
            ReadError(format!(
                "`{}/{name}` is missing in the file: {why}; save the whole model anew",
                layer.name
            ))
        })
    }

    /// Arithmetic of a value with constants, which are aligned at the last axis as in NumPy.
    pub fn with_constant(
        &mut self,
        site: &Site<'_, '_>,
        part: &str,
        input: &Value,
        (arithmetic, is_first): (Arithmetic, bool),
        constant: &Array,
    ) -> Result<Value, Stop> {
        let unknown = || Stop::Unknown("combines what it reads with a constant of another shape".into());
        let mut sides = constant.sides.as_slice();
        // The batch.
        if sides.len() == input.sides.len() + 1 {
            let Some((1, rest)) = sides.split_first().map(|(batch, rest)| (*batch, rest)) else {
                return Err(unknown());
            };
            sides = rest;
        }
        let missing = input.sides.len().checked_sub(sides.len()).ok_or_else(unknown)?;
        let sides = [vec![1; missing], sides.to_vec()].concat();
        let weights = self.stored(&sides, &constant.values).ok_or_else(unknown)?;
        let shape = self.shape(&sides).ok_or_else(unknown)?;
        let out = broadcast(&input.sides, &sides).ok_or_else(unknown)?;
        if self.shape(&out).is_none_or(|out| {
            crate::model::broadcast(self.builder.shape(input.node).sides(), shape.sides())
                != Some(out.sides())
        }) {
            return Err(unknown());
        }
        let wanted = Wanted::new(Op::WithConstant(arithmetic, is_first));
        self.push(
            site,
            part,
            &[input],
            Wanted { sides: Some(out), constant: Some(shape), weights: Some(weights), ..wanted },
        )
    }
}

/// Side lengths of two values of Keras together, aligned at the last axis; sides of length 1 are repeated.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let side = |sides: &[usize], place: usize| {
        (place + sides.len()).checked_sub(rank).and_then(|place| sides.get(place)).copied().unwrap_or(1)
    };
    (0..rank)
        .map(|place| match (side(a, place), side(b, place)) {
            (a, b) if a == b || b == 1 => Some(a),
            (1, b) => Some(b),
            _ => None,
        })
        .collect()
}

/// A parameter of another shape than the layer's.
pub(super) fn misfit(layer: &Layer<'_>, name: &str, tensor: &Tensor, sides: &[usize]) -> ReadError {
    ReadError(format!(
        "`{}/{name}` has shape {:?}, and its layer wants {sides:?}; save the whole model anew",
        layer.name, tensor.sides
    ))
}
