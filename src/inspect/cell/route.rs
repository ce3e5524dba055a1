//! The way back from a channel of a layer to the convolution or dense layer that adds it up.

use crate::model::{Activation, Axis, Graph, LayerIndex, Node, Op};

/// A layer behind the sum.
#[derive(Clone, Debug, PartialEq)]
pub struct Behind {
    /// Which one.
    pub layer: LayerIndex,
    /// Its channel.
    pub channel: usize,
    /// What it makes of each value; `None`: a scale and a shift.
    pub function: Option<Activation>,
}

/// The way from a sum to a channel of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The layer that was asked about.
    pub layer: LayerIndex,
    /// Its channel.
    pub channel: usize,
    /// The layer that multiplies and adds.
    pub adds: LayerIndex,
    /// Its channel.
    pub filter: usize,
    /// What stands behind it, in the order of computing.
    pub behind: Vec<Behind>,
}

/// The way to a channel of a layer: through functions of each value, scales and shifts, and joins of channels.
///
/// # Errors
/// One sentence on why there is none.
pub fn route(graph: &Graph, layer: LayerIndex, channel: usize) -> Result<Route, String> {
    let mut behind = Vec::new();
    let (mut at, mut filter) = (layer, channel);
    loop {
        let node = &graph.nodes[at];
        if node.activation != Activation::Linear {
            behind.push(Behind { layer: at, channel: filter, function: Some(node.activation) });
        }
        let first = || node.inputs.first().copied().ok_or_else(|| no_sum(graph, layer, node));
        match &node.op {
            Op::Conv(..) | Op::ConvTranspose(..) | Op::SeparableConv(_) | Op::Dense => break,
            Op::Activation => at = first()?,
            Op::BatchNorm(_) | Op::Affine => {
                behind.push(Behind { layer: at, channel: filter, function: None });
                at = first()?;
            }
            Op::Concat(Axis::Channel) => {
                let mut rest = filter;
                let from = node.inputs.iter().find(|&&input| {
                    let channels = graph.nodes[input].shape.channels;
                    let is_here = rest < channels;
                    rest = if is_here { rest } else { rest - channels };
                    is_here
                });
                (at, filter) = (*from.ok_or_else(|| no_sum(graph, layer, node))?, rest);
            }
            _ => return Err(no_sum(graph, layer, node)),
        }
    }
    behind.reverse();
    Ok(Route { layer, channel, adds: at, filter, behind })
}

/// `at` is where the way ends.
fn no_sum(graph: &Graph, layer: LayerIndex, at: &Node) -> String {
    let asked = &graph.nodes[layer];
    let why = match asked.name == at.name {
        true => String::new(),
        false => format!(" of what {} ({}) gives", at.name, at.operation()),
    };
    format!(
        "{} ({}) is no convolution or dense layer and stands behind none here{why}: only those multiply and add. Go to \
         one, or to its batch normalization or activation.",
        asked.name,
        asked.operation()
    )
}
