//! The order in which nodes run, and how long their values are kept.

use super::maps::Value;
use crate::model::{Graph, LayerIndex};

/// Values of layers from which a run begins: the input's, or others that cut the graph.
pub type Known = Vec<(LayerIndex, Value)>;

/// How a node comes to its value.
#[expect(clippy::large_enum_variant, reason = "each is there for one node at a time")]
pub enum Given {
    /// It is known.
    Value(Value),
    /// It is computed from these.
    Inputs(Vec<Value>),
}

/// Goes through the nodes that `taps` need behind those that are `known`, and returns the tapped outputs. `execute` makes each
/// value; before it, `before_node` is called with how many have been started and how many will be.
pub fn walk(
    graph: &Graph,
    known: Known,
    taps: &[LayerIndex],
    before_node: &mut dyn FnMut(usize, usize),
    mut execute: impl FnMut(LayerIndex, Given) -> Value,
) -> Vec<Value> {
    let layers: Vec<_> = known.iter().map(|(layer, _)| *layer).collect();
    let needed = graph.needed_behind(taps.iter().copied(), &layers);
    let total = needed.iter().filter(|&&n| n).count();
    let mut uses = vec![0usize; graph.nodes.len()];
    let is_computed = |index: &LayerIndex| needed[*index] && !layers.contains(index);
    for node in (0..graph.nodes.len()).filter(is_computed).map(|index| &graph.nodes[index]) {
        for &read in &node.inputs {
            uses[read] += 1;
        }
    }
    let mut values: Vec<Option<Value>> = (0..graph.nodes.len()).map(|_| None).collect();
    let mut results: Vec<Option<Value>> = taps.iter().map(|_| None).collect();
    let mut known: Vec<_> = known.into_iter().map(|(layer, value)| (layer, Some(value))).collect();
    for (started, index) in (0..graph.nodes.len()).filter(|&index| needed[index]).enumerate() {
        before_node(started, total);
        let own = known.iter_mut().find(|(layer, _)| *layer == index).and_then(|(_, value)| value.take());
        let inputs = if own.is_some() { &[][..] } else { &graph.nodes[index].inputs };
        // The last reader takes the tensor itself, so that Burn can free it or work in place.
        let mut arguments = Vec::with_capacity(inputs.len());
        for &read in inputs {
            uses[read] -= 1;
            arguments.extend(if uses[read] == 0 { values[read].take() } else { values[read].clone() });
        }
        let given = own.map_or(Given::Inputs(arguments), Given::Value);
        let output = Some(execute(index, given));
        // A clone held here also keeps in-place operations of later nodes away from the tap.
        for (result, _) in results.iter_mut().zip(taps).filter(|(_, tap)| **tap == index) {
            *result = output.clone().map(Value::lengthened);
        }
        if uses[index] > 0 {
            values[index] = output;
        }
    }
    results.into_iter().flatten().collect()
}
