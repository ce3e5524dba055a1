//! A node as operations read it: its attributes by name and type, its inputs as values.

use std::rc::Rc;

use super::message::{AttributeProto, GraphProto, NodeProto, TensorProto};
use super::tensor::{Data, Tensor};
use super::view::View;

/// What is known of a value while the file is read.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Numbers that do not depend on the picture.
    Constant(Rc<Tensor>),
    /// The values of a layer.
    View(View),
    /// It is not computed.
    Cut,
    /// An optional input or output that the node does not have.
    Absent,
}

/// Why an operation is not read.
#[derive(Debug)]
pub(super) enum Stop {
    /// It and what follows are left out; why, as a clause after the node's name. Empty: there is no such operation here.
    Cut(String),
    /// The whole file is refused, in a sentence.
    Refused(String),
}

/// Ends an operation with a reason.
pub(super) fn cut<T>(reason: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Cut(reason.into()))
}

impl From<crate::model::GraphError> for Stop {
    fn from(error: crate::model::GraphError) -> Self {
        Self::Cut(error.0)
    }
}

impl From<super::super::file::ReadError> for Stop {
    fn from(error: super::super::file::ReadError) -> Self {
        Self::Refused(error.0)
    }
}

/// What becomes of a node: its outputs.
pub(super) type Outcome = Result<Vec<Value>, Stop>;

/// Sizes, axes and places are given by no more numbers than this.
const LONGEST_LIST: usize = 1 << 12;

/// A node with its inputs.
pub(super) struct Call<'a> {
    pub(super) node: &'a NodeProto,
    /// Attributes of the function call that the node belongs to.
    pub(super) given: &'a [AttributeProto],
    pub(super) inputs: Vec<Value>,
    /// Version of the operator set.
    pub(super) opset: i64,
    /// Which node of the file it is.
    pub(super) origin: usize,
}

impl<'a> Call<'a> {
    fn attribute(&self, name: &str) -> Option<&'a AttributeProto> {
        let found = self.node.attribute.iter().find(|attribute| attribute.name == name)?;
        if found.ref_attr_name.is_empty() {
            return Some(found);
        }
        self.given.iter().find(|attribute| attribute.name == found.ref_attr_name)
    }

    /// One of these `AttributeType`s, or none told.
    fn of_kind(&self, name: &str, kind: i32) -> Option<&'a AttributeProto> {
        self.attribute(name).filter(|attribute| attribute.kind == kind || attribute.kind == 0)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    pub(super) fn float(&self, name: &str, default: f32) -> f32 {
        self.of_kind(name, 1).map_or(default, |attribute| attribute.f)
    }

    pub(super) fn int(&self, name: &str, default: i64) -> i64 {
        self.of_kind(name, 2).map_or(default, |attribute| attribute.i)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.of_kind(name, 3).map(|attribute| String::from_utf8_lossy(&attribute.s).into_owned())
    }

    pub(super) fn tensor(&self, name: &str) -> Option<&'a TensorProto> {
        self.of_kind(name, 4)?.t.as_ref()
    }

    pub(super) fn graph(&self, name: &str) -> Option<&'a GraphProto> {
        self.of_kind(name, 5)?.g.as_ref()
    }

    pub(super) fn floats(&self, name: &str) -> Option<&'a [f32]> {
        self.of_kind(name, 6).map(|attribute| attribute.floats.as_slice())
    }

    pub(super) fn ints(&self, name: &str) -> Option<&'a [i64]> {
        self.of_kind(name, 7).map(|attribute| attribute.ints.as_slice())
    }

    /// Lengths or steps: numbers from 0.
    pub(super) fn counts(&self, name: &str) -> Result<Option<Vec<usize>>, Stop> {
        self.ints(name).map(|list| counts(list, name)).transpose()
    }

    pub(super) fn input(&self, place: usize) -> &Value {
        self.inputs.get(place).unwrap_or(&Value::Absent)
    }

    /// An input that depends on the picture.
    pub(super) fn view(&self, place: usize) -> Result<&View, Stop> {
        match self.input(place) {
            Value::View(view) => Ok(view),
            Value::Constant(_) => cut(format!("input {place} is a constant")),
            _ => cut(format!("it has no input {place}")),
        }
    }

    /// An input that does not; `None` where there is none.
    pub(super) fn optional(&self, place: usize) -> Result<Option<&Rc<Tensor>>, Stop> {
        match self.input(place) {
            Value::Constant(tensor) => Ok(Some(tensor)),
            Value::Absent => Ok(None),
            _ => cut(format!("input {place} depends on the picture")),
        }
    }

    pub(super) fn constant(&self, place: usize) -> Result<&Rc<Tensor>, Stop> {
        self.optional(place)?.ok_or_else(|| Stop::Cut(format!("it has no input {place}")))
    }

    /// Whole numbers from an input, or from an attribute as older versions have it.
    pub(super) fn numbers(&self, place: usize, name: &str) -> Result<Option<Vec<i64>>, Stop> {
        match self.optional(place)? {
            Some(tensor) if tensor.len() > LONGEST_LIST => {
                cut(format!("input {place} has {} numbers", tensor.len()))
            }
            Some(tensor) => tensor
                .integers()
                .map(Some)
                .ok_or_else(|| Stop::Cut(format!("input {place} are no whole numbers"))),
            None => Ok(self.ints(name).map(<[i64]>::to_vec)),
        }
    }

    /// One number from an input, or from an attribute as older versions have it.
    pub(super) fn number(&self, place: usize, name: &str) -> Result<Option<f32>, Stop> {
        match self.optional(place)? {
            Some(tensor) => Ok(tensor.scalar()),
            None => Ok(self.has(name).then(|| self.float(name, 0.0))),
        }
    }

    /// The numbers of a constant input, without a copy where nobody else needs it.
    pub(super) fn take(&mut self, place: usize) -> Result<(Vec<usize>, Vec<f32>), Stop> {
        self.constant(place)?;
        match self.inputs.get_mut(place).map(|value| std::mem::replace(value, Value::Absent)) {
            Some(Value::Constant(tensor)) => {
                let tensor = Rc::try_unwrap(tensor).unwrap_or_else(|shared| (*shared).clone());
                let values = match tensor.data {
                    Data::Float(values) => values,
                    Data::Int(values) => values.into_iter().map(|value| value as f32).collect(),
                };
                Ok((tensor.sizes, values))
            }
            _ => cut(format!("it has no input {place}")),
        }
    }

    /// One number for each channel, from an input that may be missing.
    pub(super) fn channels(&mut self, place: usize, count: usize) -> Result<Option<Vec<f32>>, Stop> {
        match self.optional(place)?.map(|tensor| tensor.len()) {
            None => Ok(None),
            Some(own) if own == count => self.take(place).map(|(_, values)| Some(values)),
            Some(own) => cut(format!("input {place} has {own} values, and there are {count} channels")),
        }
    }
}

/// Numbers from 0.
pub(super) fn counts(list: &[i64], what: &str) -> Result<Vec<usize>, Stop> {
    list.iter()
        .map(|&number| usize::try_from(number).or_else(|_| cut(format!("its `{what}` is {number}"))))
        .collect()
}

/// The place of an axis that may be counted from the end.
pub(super) fn axis(number: i64, rank: usize) -> Result<usize, Stop> {
    let from_front = if number < 0 { number.checked_add(rank as i64) } else { Some(number) };
    match from_front.and_then(|place| usize::try_from(place).ok()).filter(|&place| place < rank) {
        Some(place) => Ok(place),
        None => cut(format!("there is no axis {number} among {rank}")),
    }
}
