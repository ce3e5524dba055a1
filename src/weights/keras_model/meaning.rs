//! What the numbers mean that a network gives.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::numbered::snake_case;
use crate::model::{Activation, GraphBuilder, Meaning, Op};

/// Of an output: by the activation of the layer that computes it.
pub(super) fn of(builder: &GraphBuilder, node: usize) -> Meaning {
    if !builder.shape(node).is_vector() {
        return Meaning::Maps;
    }
    let node = builder.node(source(builder, node));
    match node.activation {
        Activation::Softmax => Meaning::Probabilities,
        Activation::Sigmoid | Activation::HardSigmoid(..) => Meaning::Independent,
        _ => Meaning::Numbers,
    }
}

/// The node that computes what this one gives, behind dropout and changes of shape.
fn source(builder: &GraphBuilder, mut index: usize) -> usize {
    loop {
        let node = builder.node(index);
        let passes = matches!(node.op, Op::Rearrange(_))
            || node.op == Op::Activation && node.activation == Activation::Linear;
        match node.inputs[..] {
            [input] if passes && node.activation == Activation::Linear => index = input,
            _ => return index,
        }
    }
}

/// Losses of models that give plain numbers.
const REGRESSION: [&str; 14] = [
    "mse",
    "mae",
    "mape",
    "msle",
    "mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "huber",
    "huber_loss",
    "log_cosh",
    "logcosh",
    "poisson",
    "cosine_similarity",
];

/// Notes under `loss` with what the model was trained, and under `logits` what that makes of numbers at the
/// main output: `from_logits` where softmax (with a loss of `binary_crossentropy` the logistic function) is
/// to be made of them, `regression` where they are the answer, `dense` where a dense layer ends the model and
/// nothing tells.
pub(super) fn loss(
    builder: &GraphBuilder,
    output: Option<usize>,
    training: Option<&Json>,
    is_cut: bool,
    metadata: &mut BTreeMap<String, String>,
) {
    let Some(output) = output.filter(|_| !is_cut) else { return };
    let told = training.and_then(|training| training.get("loss")).and_then(first_loss);
    if let Some((name, _)) = &told {
        metadata.insert("loss".into(), name.clone());
    }
    if of(builder, output) != Meaning::Numbers {
        return;
    }
    let source = builder.node(source(builder, output));
    let is_dense = source.op == Op::Dense && source.activation == Activation::Linear;
    let says = match told {
        Some((_, true)) => "from_logits",
        Some((name, _)) if REGRESSION.contains(&name.as_str()) => "regression",
        _ if is_dense => "dense",
        _ => return,
    };
    metadata.insert("logits".into(), says.into());
}

/// The name of a loss and whether it is one of logits; of several outputs, that of the first.
fn first_loss(loss: &Json) -> Option<(String, bool)> {
    match loss {
        Json::String(name) => Some((snake_case(name.get(..100).unwrap_or(name)), false)),
        Json::Array(losses) => losses.iter().find_map(first_loss),
        Json::Object(fields) => {
            let Some(class) = fields.get("class_name").and_then(Json::as_str) else {
                return fields.values().find_map(first_loss);
            };
            match fields.get("config") {
                Some(Json::String(name)) => first_loss(&Json::String(name.clone())),
                config => {
                    let of_logits =
                        config.and_then(|config| config.get("from_logits")?.as_bool()).unwrap_or(false);
                    Some((snake_case(class.get(..100).unwrap_or(class)), of_logits))
                }
            }
        }
        _ => None,
    }
}
