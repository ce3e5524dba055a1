//! The order in which nodes can be computed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::message::NodeProto;

/// Calls `each` with the names that a node reads, those that its inner graphs read included.
pub(super) fn reads<'n>(node: &'n NodeProto, each: &mut impl FnMut(&'n str, bool)) {
    fn all<'n>(node: &'n NodeProto, inner: bool, each: &mut impl FnMut(&'n str, bool)) {
        node.input.iter().for_each(|name| each(name, inner));
        let graphs = node.attribute.iter().filter_map(|attribute| attribute.g.as_ref());
        for graph in graphs {
            graph.node.iter().for_each(|node| all(node, true, each));
            graph.output.iter().for_each(|output| each(&output.name, true));
        }
    }
    all(node, false, each);
}

/// Indices of nodes so that each comes after those it reads; the order of the file where that is one.
///
/// # Errors
/// A node of a circle.
pub(super) fn sorted(nodes: &[NodeProto]) -> Result<Vec<usize>, usize> {
    let mut makers: HashMap<&str, usize> = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            makers.entry(name).or_insert(index);
        }
    }
    let mut readers: Vec<Vec<usize>> = vec![vec![]; nodes.len()];
    let mut waits = vec![0usize; nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        reads(node, &mut |name, is_inner| {
            // A name of an inner graph may be its own.
            if let Some(&maker) = makers.get(name).filter(|&&maker| !(is_inner && maker == index)) {
                readers[maker].push(index);
                waits[index] += 1;
            }
        });
    }
    let mut ready: BinaryHeap<Reverse<usize>> =
        (0..nodes.len()).filter(|&index| waits[index] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(Reverse(index)) = ready.pop() {
        order.push(index);
        for &reader in &readers[index] {
            waits[reader] -= 1;
            if waits[reader] == 0 {
                ready.push(Reverse(reader));
            }
        }
    }
    match waits.iter().position(|&count| count > 0) {
        Some(node) => Err(node),
        None => Ok(order),
    }
}
