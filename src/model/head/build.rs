//! Adds what stands behind a body to a graph.

use super::part::{Dialect, Head, Joint, Part, PartKind, Step};
use crate::model::{
    Activation, GraphBuilder, GraphError, Meaning, NewNode, Op, Over, Shape, Step as Move, Window,
};

/// What layers are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// As Keras counts them, the last one `predictions`; the file's names are their others.
    Keras,
    /// As in the file.
    Own,
}

/// Adds all layers behind `at`, and gives the last one with what it says.
///
/// # Errors
/// Where a layer does not fit what stands before it.
pub fn append(
    graph: &mut GraphBuilder,
    mut at: usize,
    head: &Head,
    dialect: Dialect,
    naming: Naming,
) -> Result<(usize, Meaning), GraphError> {
    let last_weighty = head.parts().filter(|part| part.kind.is_weighty()).last();
    let answers = head.parts().last().filter(|last| last.kind.is_weighty());
    let mut before = String::new();
    let mut is_first = true;
    for step in &head.steps {
        at = match step {
            Step::Join(joint) => join(graph, at, *joint, dialect, naming)?,
            Step::Between(activation) => {
                let name = match naming {
                    Naming::Keras => format!("{}_{}", graph.node(at).name, activation.name().to_lowercase()),
                    Naming::Own => behind(&before),
                };
                graph
                    .push(NewNode { activation: *activation, ..NewNode::new(Op::Activation, &[at], name) })?
            }
            Step::Part(part) => {
                let is_last = last_weighty == Some(part);
                if is_first && naming == Naming::Keras {
                    graph.stage("out");
                }
                is_first = false;
                let name = match naming {
                    Naming::Own => part.name.clone(),
                    Naming::Keras if is_last => "predictions".into(),
                    Naming::Keras => graph.auto_name(class(part.kind)),
                };
                before.clone_from(&part.name);
                // Of a fully connected layer the activation is a part, as Keras has it.
                let is_answer = answers == Some(part) && matches!(part.kind, PartKind::Dense { .. });
                let activation = if is_answer { last_activation(part.kind) } else { Activation::Linear };
                append_part(graph, at, part, name, activation)?
            }
        };
    }
    let Some(last) = answers else {
        let has_layers = head.parts().next().is_some() && graph.shape(at).is_vector();
        return Ok((at, if has_layers { Meaning::Numbers } else { Meaning::Maps }));
    };
    if matches!(last.kind, PartKind::Conv { .. }) {
        let activation = last_activation(last.kind);
        let name = activation.name();
        at = graph.push(NewNode { activation, ..NewNode::new(Op::Activation, &[at], name) })?;
    }
    Ok((at, Meaning::Probabilities))
}

/// The logistic function of a single output, else a softmax.
fn last_activation(kind: PartKind) -> Activation {
    if kind.outputs(0) == 1 { Activation::Sigmoid } else { Activation::Softmax }
}

fn class(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Dense { .. } => "dense",
        PartKind::Conv { .. } => "conv2d",
        PartKind::BatchNorm(..) => "batch_normalization",
        PartKind::LayerNorm(..) => "layer_normalization",
        PartKind::Prelu(_) => "p_re_lu",
    }
}

/// Adds one layer, which reads `at`.
///
/// # Errors
/// Where it does not fit what stands before it.
pub fn append_part(
    graph: &mut GraphBuilder,
    at: usize,
    part: &Part,
    name: String,
    activation: Activation,
) -> Result<usize, GraphError> {
    let Shape { channels, .. } = graph.shape(at);
    if part.kind.inputs().is_some_and(|inputs| inputs != channels) {
        let inputs = part.kind.inputs().unwrap_or(0);
        return Err(GraphError(format!("`{}` reads {inputs} values, not {channels}", part.path)));
    }
    let (op, has_bias) = match part.kind {
        // A bias that is missing is 0.
        PartKind::Dense { .. } => (Op::Dense, true),
        PartKind::Conv { has_bias, .. } => (Op::Conv(Window::new([1, 1], [1, 1], [0, 0]), 1), has_bias),
        PartKind::BatchNorm(_, epsilon) => (Op::BatchNorm(epsilon), false),
        PartKind::LayerNorm(_, epsilon) => (Op::Normalize(Over::Channels, epsilon), false),
        PartKind::Prelu(_) => (Op::Prelu, false),
    };
    let shape = Some(Shape::vector(part.kind.outputs(channels)));
    let other_name = (name != part.name).then(|| part.name.clone());
    graph.push(NewNode { activation, shape, other_name, has_bias, ..NewNode::new(op, &[at], name) })
}

fn join(
    graph: &mut GraphBuilder,
    at: usize,
    joint: Joint,
    dialect: Dialect,
    naming: Naming,
) -> Result<usize, GraphError> {
    let Shape { channels, height, width } = graph.shape(at);
    match joint {
        Joint::Pool(reduction) => {
            let (name, other) = match naming {
                Naming::Keras => ("avg_pool", Some("avgpool".to_string())),
                Naming::Own => ("avgpool", None),
            };
            graph.push(NewNode { other_name: other, ..NewNode::new(Op::GlobalPool(reduction), &[at], name) })
        }
        Joint::Flatten(cells) => {
            if height * width != cells {
                return Err(GraphError(format!(
                    "its fully connected layer reads {cells} cells of {channels} channels, and the last maps have \
                     {height}×{width}: give --input-size the size of the pictures that it was made for"
                )));
            }
            let steps = match dialect.channels_last {
                true => vec![Move { sides: vec![channels, height * width], order: vec![1, 0] }],
                false => vec![],
            };
            let shape = Some(Shape::vector(channels * height * width));
            graph.push(NewNode { shape, ..NewNode::new(Op::Rearrange(steps), &[at], "flatten") })
        }
    }
}

/// The name of the activation behind a layer: the next one of a `Sequential`, or a part of the layer's own.
fn behind(layer: &str) -> String {
    let (path, last) = layer.rsplit_once('.').unwrap_or(("", layer));
    match last.parse::<u32>() {
        Ok(number) if !path.is_empty() => format!("{path}.{}", number.saturating_add(1)),
        _ => format!("{layer}.act"),
    }
}
