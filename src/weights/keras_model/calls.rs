//! What layers were called with, as Keras 3 and as older versions write it.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::config::list;
use crate::weights::file::ReadError;

/// Arguments of one call; a concatenation has up to a few hundred.
const MAX_ARGUMENTS: usize = 4096;

/// The places of layers by their names.
pub(super) type Names<'a> = HashMap<&'a str, usize>;

/// What a layer was called with.
#[derive(Debug, Default)]
pub(super) struct Call<'a> {
    pub arguments: Vec<Argument<'a>>,
    pub keywords: Vec<(&'a str, Argument<'a>)>,
}

impl Call<'_> {
    /// The tensors among its arguments, in order.
    pub fn tensors(&self) -> Vec<Reference> {
        let mut found = Vec::new();
        let mut waiting: Vec<&Argument<'_>> =
            self.keywords.iter().rev().map(|(_, argument)| argument).collect();
        waiting.extend(self.arguments.iter().rev());
        while let Some(argument) = waiting.pop() {
            match argument {
                Argument::Tensor(reference) => found.push(*reference),
                Argument::List(parts) => waiting.extend(parts.iter().rev()),
                Argument::Constant(_) => {}
            }
        }
        found
    }
}

#[derive(Debug)]
pub(super) enum Argument<'a> {
    Tensor(Reference),
    Constant(&'a Value),
    List(Vec<Argument<'a>>),
}

/// What a call of a layer gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Reference {
    pub layer: usize,
    pub call: usize,
    pub tensor: usize,
}

/// `["conv2d", 0, 0]` and perhaps more behind it.
pub(super) fn reference(value: &Value, names: &Names<'_>) -> Result<Option<Reference>, ReadError> {
    let Some([Value::String(name), call, tensor, ..]) = list(value) else { return Ok(None) };
    let (Some(call), Some(tensor)) = (call.as_u64(), tensor.as_u64()) else { return Ok(None) };
    let layer = *names.get(name.as_str()).ok_or_else(|| {
        ReadError(format!("something reads `{name}`, which is not among its layers; save the model anew"))
    })?;
    Ok(Some(Reference { layer, call: call as usize, tensor: tensor as usize }))
}

/// All calls of a layer, of which its name and its entry are given. Keras 3 writes `{"args": …, "kwargs": …}`
/// for each, older versions a list of what it read.
pub(super) fn calls<'a>(
    layer: &str,
    entry: &'a Map<String, Value>,
    names: &Names<'_>,
) -> Result<Vec<Call<'a>>, ReadError> {
    let nodes = entry.get("inbound_nodes").and_then(Value::as_array);
    let Some(nodes) = nodes else { return Ok(vec![Call::default()]) };
    if nodes.is_empty() {
        return Ok(vec![Call::default()]);
    }
    // TensorFlow's layers of one argument leave the outer brackets away.
    if reference(&Value::Array(nodes.clone()), names).is_ok_and(|found| found.is_some()) {
        return Ok(vec![old_call(layer, std::slice::from_ref(&entry["inbound_nodes"]), names)?]);
    }
    let call = |node: &'a Value| match node {
        Value::Object(node) => {
            let mut call = Call::default();
            let mut count = 0;
            if let Some(arguments) = node.get("args").and_then(list) {
                for value in arguments {
                    call.arguments.push(argument(layer, value, names, &mut count)?);
                }
            }
            if let Some(keywords) = node.get("kwargs").and_then(Value::as_object) {
                for (name, value) in keywords {
                    call.keywords.push((name, argument(layer, value, names, &mut count)?));
                }
            }
            Ok(call)
        }
        Value::Array(read) if matches!(read.first(), Some(Value::String(_))) => {
            old_call(layer, std::slice::from_ref(node), names)
        }
        Value::Array(read) => old_call(layer, read, names),
        _ => Err(wrong_call(layer)),
    };
    nodes.iter().map(call).collect()
}

fn wrong_call(layer: &str) -> ReadError {
    ReadError(format!("what `{layer}` reads makes no sense; save the model anew"))
}

/// Each `["conv2d", 0, 0, {"y": 2.0}]`; a constant in front is `["_CONSTANT_VALUE", -1, 2.0, {"y": […]}]`.
fn old_call<'a>(layer: &str, read: &'a [Value], names: &Names<'_>) -> Result<Call<'a>, ReadError> {
    let mut call = Call::default();
    let mut count = 0;
    for value in read {
        let parts = list(value).ok_or_else(|| wrong_call(layer))?;
        match parts {
            [Value::String(name), _, constant, ..] if name == "_CONSTANT_VALUE" => {
                call.arguments.push(Argument::Constant(constant));
            }
            _ => {
                let found = reference(value, names)?.ok_or_else(|| wrong_call(layer))?;
                call.arguments.push(Argument::Tensor(found));
            }
        }
        if let Some(Value::Object(keywords)) = parts.get(3) {
            for (name, value) in keywords {
                call.keywords.push((name, old_argument(layer, value, names, &mut count)?));
            }
        }
    }
    Ok(call)
}

fn old_argument<'a>(
    layer: &str,
    value: &'a Value,
    names: &Names<'_>,
    count: &mut usize,
) -> Result<Argument<'a>, ReadError> {
    counted(layer, count)?;
    if let Some(found) = reference(value, names)? {
        return Ok(Argument::Tensor(found));
    }
    let is_reference = |value: &Value| matches!(list(value), Some([Value::String(_), _, _, ..]));
    match value {
        Value::Array(parts) if !parts.is_empty() && parts.iter().all(is_reference) => {
            let parts = parts.iter().map(|part| old_argument(layer, part, names, count));
            Ok(Argument::List(parts.collect::<Result<_, _>>()?))
        }
        value => Ok(Argument::Constant(value)),
    }
}

/// An argument as of Keras 3: tensors are objects with `keras_history`.
fn argument<'a>(
    layer: &str,
    value: &'a Value,
    names: &Names<'_>,
    count: &mut usize,
) -> Result<Argument<'a>, ReadError> {
    counted(layer, count)?;
    if let Some(fields) = value.as_object()
        && fields.get("class_name").is_some_and(|class| class == "__keras_tensor__")
    {
        let history = fields.get("config").and_then(|config| config.get("keras_history"));
        let found = history.map(|history| reference(history, names)).transpose()?.flatten();
        return found.map(Argument::Tensor).ok_or_else(|| wrong_call(layer));
    }
    match list(value) {
        Some(parts) => {
            let parts: Vec<Argument<'a>> =
                parts.iter().map(|part| argument(layer, part, names, count)).collect::<Result<_, _>>()?;
            let is_constant = parts.iter().all(|part| matches!(part, Argument::Constant(_)));
            Ok(if is_constant { Argument::Constant(value) } else { Argument::List(parts) })
        }
        None => Ok(Argument::Constant(value)),
    }
}

fn counted(layer: &str, count: &mut usize) -> Result<(), ReadError> {
    *count += 1;
    match *count > MAX_ARGUMENTS {
        true => Err(ReadError(format!("`{layer}` is called with more than {MAX_ARGUMENTS} arguments"))),
        false => Ok(()),
    }
}
