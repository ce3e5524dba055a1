//! The order in which nodes run, and how long their values are kept.

use burn::tensor::Tensor;

use super::maps::Value;
use crate::model::{Graph, LayerIndex, Op};

/// Goes through the nodes that `taps` need, and returns the tapped outputs. `execute` computes each but the input from its
/// inputs; before it, `before_node` is called with how many have been started and how many will be.
pub fn walk(
    graph: &Graph,
    input: Tensor<4>,
    taps: &[LayerIndex],
    before_node: &mut dyn FnMut(usize, usize),
    mut execute: impl FnMut(LayerIndex, Vec<Value>) -> Value,
) -> Vec<Value> {
    let needed = graph.needed(taps.iter().copied());
    let total = needed.iter().filter(|&&n| n).count();
    let mut uses = vec![0usize; graph.nodes.len()];
    for (node, _) in graph.nodes.iter().zip(&needed).filter(|(_, needed)| **needed) {
        for &read in &node.inputs {
            uses[read] += 1;
        }
    }
    let mut values: Vec<Option<Value>> = (0..graph.nodes.len()).map(|_| None).collect();
    let mut results: Vec<Option<Value>> = taps.iter().map(|_| None).collect();
    let mut input = Some(Value::Tensor(input));
    for (started, index) in (0..graph.nodes.len()).filter(|&index| needed[index]).enumerate() {
        before_node(started, total);
        let node = &graph.nodes[index];
        // The last reader takes the tensor itself, so that Burn can free it or work in place.
        let mut arguments = Vec::with_capacity(node.inputs.len());
        for &read in &node.inputs {
            uses[read] -= 1;
            arguments.extend(if uses[read] == 0 { values[read].take() } else { values[read].clone() });
        }
        let output = match node.op {
            Op::Input => input.take(),
            _ => Some(execute(index, arguments)),
        };
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
