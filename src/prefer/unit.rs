//! What is climbed on.

use crate::model::{Axis, Graph, Op, Place, Unit};

/// What is climbed on for a unit.
///
/// A channel's strongest cell is another one in each look at the picture, which would then grow in several places. So the cell
/// in the middle stands for it; where cells see little of the picture, all of them do, and fill it with a texture.
pub fn climbed(graph: &Graph, unit: Unit) -> Unit {
    let unit = before_rectifier(graph, unit);
    let (node, input) = (&graph.nodes[unit.layer], graph.input_shape());
    let place = match unit.place {
        Place::Strongest => {
            let [height, width] = node.receptive_field.size;
            let is_small = 2 * height < input.height && 2 * width < input.width;
            if is_small { Place::Mean } else { Place::Cell(node.shape.height / 2, node.shape.width / 2) }
        }
        place => place,
    };
    Unit { place, ..unit }
}

/// The same unit before the ReLU that its value comes through, where it does: there it has a gradient also while it is silent,
/// and can be pushed below zero.
fn before_rectifier(graph: &Graph, unit: Unit) -> Unit {
    let node = &graph.nodes[unit.layer];
    match (&node.op, &node.inputs[..]) {
        (Op::Concat(Axis::Channel), inputs) => {
            let mut first = 0;
            for &layer in inputs {
                let channels = graph.nodes[layer].shape.channels;
                if unit.channel < first + channels {
                    return before_rectifier(graph, Unit { layer, channel: unit.channel - first, ..unit });
                }
                first += channels;
            }
            unit
        }
        (Op::Activation, &[layer]) if node.activation.is_rectifier() => Unit { layer, ..unit },
        _ if node.activation.is_rectifier() => Unit { before_activation: true, ..unit },
        _ => unit,
    }
}
