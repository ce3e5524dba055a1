//! What a network of PyTorch may have or lack without being another one: biases of convolutions, normalisations that were
//! folded into them or have neither scale nor shift, classifiers without bias.

use std::collections::HashSet;

use super::canonical::Parameter;
use super::file::{NamedTensor, Stored};
use crate::model::{Graph, Node, Op};

/// Adds what a missing tensor means to `parameters`, and biases of convolutions to the graph. What was found is told in
/// `notes`.
pub(super) fn complete(parameters: &mut Vec<Parameter>, graph: &mut Graph, notes: &mut Vec<String>) {
    let mut known: HashSet<String> = parameters.iter().map(|parameter| parameter.name.clone()).collect();
    let Some(stored) = parameters.first().map(|parameter| parameter.tensor.stored) else { return };
    let (mut biased, mut folded, mut plain) = (Count::default(), Count::default(), Count::default());
    for index in 0..graph.nodes.len() {
        let node = &graph.nodes[index];
        let path = node.parameter_name();
        let has = |suffix: &str| known.contains(&format!("{path}.{suffix}"));
        let missing: Vec<(&str, f32)> = match node.op {
            Op::Conv(..) if has("bias") && !node.has_bias => {
                biased.add(path);
                graph.nodes[index].has_bias = true;
                continue;
            }
            Op::BatchNorm(_) if has("running_mean") && has("running_var") => {
                [("weight", 1.0), ("bias", 0.0)].into_iter().filter(|(suffix, _)| !has(suffix)).collect()
            }
            Op::BatchNorm(epsilon) if NORM.iter().all(|suffix| !has(suffix)) && behind_bias(graph, node) => {
                let variance = (1.0 - epsilon) as f32;
                NORM.into_iter().zip([1.0, 0.0, 0.0, variance]).collect()
            }
            // A scale has no shift, and a fully connected layer may have no bias.
            Op::Dense | Op::Affine if has("weight") && !has("bias") => vec![("bias", 0.0)],
            _ => continue,
        };
        match (&node.op, missing.len()) {
            (Op::BatchNorm(_), 4) => folded.add(path),
            (Op::BatchNorm(_), 1 | 2) => plain.add(path),
            _ => {}
        }
        for (suffix, value) in missing {
            let name = format!("{path}.{suffix}");
            known.insert(name.clone());
            parameters.push(constant(name, value, node.shape.channels, stored));
        }
    }
    let count = graph.nodes.iter().filter(|node| matches!(node.op, Op::BatchNorm(_))).count();
    let of = |found: &Count| match found.number {
        1 => format!("`{}`", found.first),
        number if number == count => format!("all {number}"),
        number => format!("{number} of {count}"),
    };
    if folded.number > 0 {
        let which = of(&folded);
        notes.push(format!(
            "normalisations are folded into the convolutions before them ({which}): they have scale 1 and shift 0"
        ));
    }
    if plain.number > 0 {
        let which = of(&plain);
        notes.push(format!("normalisations lack a scale or a shift ({which}): it is taken to be 1 or 0"));
    }
    if biased.number > folded.number {
        let which = of(&biased);
        notes.push(format!("convolutions have a bias, which the published network's do not ({which})"));
    }
}

const NORM: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];

#[derive(Default)]
struct Count {
    number: usize,
    first: String,
}

impl Count {
    fn add(&mut self, path: &str) {
        self.number += 1;
        if self.number == 1 {
            self.first = path.into();
        }
    }
}

/// True where the layer before this one is a convolution with a bias.
fn behind_bias(graph: &Graph, node: &Node) -> bool {
    let before = node.inputs.first().and_then(|&input| graph.nodes.get(input));
    before.is_some_and(|before| matches!(before.op, Op::Conv(..)) && before.has_bias)
}

fn constant(name: String, value: f32, length: usize, stored: Stored) -> Parameter {
    let tensor = NamedTensor { name: name.clone(), shape: vec![length], values: vec![value; length], stored };
    Parameter { name, tensor }
}
