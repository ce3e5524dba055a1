//! Class activation maps: where in the picture a class's score comes from. Pure, any thread.
//!
//! Zhou, Khosla, Lapedriza, Oliva and Torralba, "Learning Deep Features for Discriminative Localization", CVPR 2016
//! (arXiv:1512.04150). For a network that ends in the mean of each map and one fully connected layer it is exact: the mean
//! of the map plus the class's bias is the class's logit. So it is where each class has a map of its own whose mean is
//! the logit (Lin, Chen and Yan, "Network In Network", 2013, arXiv:1312.4400).

use super::LayerOutput;
use crate::model::{Activation, Graph, LayerIndex, Meaning, Node, Op, Output, Reduction};

/// The layers between a network's last maps and its classes, where an activation map is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The layer whose maps are summed up.
    pub maps: LayerIndex,
    /// The layer that takes their means.
    pub pool: LayerIndex,
    /// The layer that gives each mean a weight for each class: fully connected, or a convolution of 1×1. `None`: each
    /// class has a map of its own.
    pub dense: Option<LayerIndex>,
    /// The layer that gives the classes' probabilities.
    pub classes: LayerIndex,
}

/// Most layers that a reason names.
const MOST_NAMED: usize = 3;

/// How a network's classes come from its last maps.
///
/// # Errors
/// Why no activation map is exact, as the end of a sentence.
pub fn explained(graph: &Graph) -> Result<Explained, String> {
    let classes = match graph.answer() {
        Some(Output { layer, meaning: Meaning::Probabilities | Meaning::Independent }) => layer,
        Some(_) => return Err("the network gives numbers, no classes".into()),
        None => return Err("the network gives maps, no classes".into()),
    };
    let (mut at, mut dense, mut is_squeezed, mut between) = (classes, None, false, vec![]);
    loop {
        let node = &graph.nodes[at];
        let Some(&input) = node.inputs.first() else { return Err("no maps lead to its classes".into()) };
        if is_mean_of_maps(graph, node) {
            if between.is_empty() {
                return Ok(Explained { maps: input, pool: at, dense, classes });
            }
            return Err(stands_between(graph, &between));
        }
        if !graph.nodes[input].shape.is_vector() {
            return Err(not_averaged(node));
        }
        let squeezes = matches!(node.activation, Activation::Softmax | Activation::Sigmoid);
        let keeps_logits =
            node.activation == Activation::Linear || squeezes && !is_squeezed && dense.is_none();
        let is_single = node.inputs.len() == 1;
        let is_dense = match &node.op {
            Op::Dense => true,
            Op::Conv(window, 1) => window.kernel == [1, 1] && window.padding == [0, 0],
            _ => false,
        };
        match () {
            () if !is_single || !keeps_logits => between.push(at),
            () if node.op == Op::Activation || keeps_order(&node.op) => {}
            () if is_dense && dense.is_none() => dense = Some(at),
            () => between.push(at),
        }
        is_squeezed |= squeezes;
        at = input;
    }
}

/// True for a layer that gives the mean of each map and nothing else.
fn is_mean_of_maps(graph: &Graph, node: &Node) -> bool {
    let [input] = node.inputs[..] else { return false };
    let maps = graph.nodes[input].shape;
    let is_mean = match &node.op {
        Op::GlobalPool(Reduction::Mean) => true,
        Op::Reduce(Reduction::Mean, [false, ..]) => true,
        Op::AvgPool(window, _) => window.kernel == [maps.height, maps.width] && window.padding == [0, 0],
        _ => false,
    };
    is_mean && node.activation == Activation::Linear && node.shape.is_vector()
}

/// True for a vector that is only given another shape.
fn keeps_order(op: &Op) -> bool {
    matches!(op, Op::Rearrange(steps) if steps.iter().all(|step| step.merged().sides.len() <= 1))
}

/// Why maps that become a vector by this layer have no share in a score that is a mean.
fn not_averaged(node: &Node) -> String {
    match &node.op {
        Op::Rearrange(_) => "the maps are flattened, not averaged: each place has weights of its own".into(),
        Op::GlobalPool(Reduction::Max) | Op::MaxPool(_) | Op::Reduce(Reduction::Max, _) => {
            "the largest value of each map is taken, not the mean".into()
        }
        _ => format!("`{}` ({}) makes a vector of the maps, not their mean", node.name, node.operation()),
    }
}

/// `between`: from the classes to the maps.
fn stands_between(graph: &Graph, between: &[LayerIndex]) -> String {
    let name = |&layer: &LayerIndex| {
        let node = &graph.nodes[layer];
        format!("`{}` ({}, {})", node.name, node.operation(), node.shape.channels)
    };
    let mut named: Vec<_> = between.iter().rev().take(MOST_NAMED).map(name).collect();
    if between.len() > MOST_NAMED {
        named.push(format!("{} more", between.len() - MOST_NAMED));
    }
    let verb = if between.len() == 1 { "stands" } else { "stand" };
    format!("between the last maps and the classes {verb} {}", named.join(", "))
}

/// True where one output has two names: a probability and what is left of it.
pub fn is_pair(graph: &Graph, names: usize) -> bool {
    let is_one =
        |output: Output| output.meaning != Meaning::Numbers && graph.nodes[output.layer].shape.len() == 1;
    names == 2 && graph.answer().is_some_and(is_one)
}

/// The weights of one class: one a channel of the layer. `weight` is the classifier's, `[classes, channels]`.
pub fn class_weights(weight: &[f32], channels: usize, class: usize) -> Option<&[f32]> {
    weight.get(class.checked_mul(channels)?..)?.get(..channels)
}

/// The class activation map, `height × width` values: at each place the sum of the maps of `output`, each times its
/// weight for the class (one a channel).
pub fn class_activation(output: &LayerOutput, weights: &[f32]) -> Vec<f32> {
    let mut sums = vec![0.0_f64; output.shape.height * output.shape.width];
    for (channel, weight) in weights.iter().enumerate() {
        for (sum, value) in sums.iter_mut().zip(output.channel(channel)) {
            *sum += f64::from(*weight) * f64::from(*value);
        }
    }
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// The class's logit, by its activation map and its bias.
pub fn logit(activation: &[f32], bias: f32) -> f32 {
    let sum: f64 = activation.iter().map(|value| f64::from(*value)).sum();
    (sum / activation.len().max(1) as f64 + f64::from(bias)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inception_v3::{Plan, inception_v3};
    use crate::model::{GraphBuilder, NewNode, Order, Shape, Step, Window};

    #[test]
    fn maps_are_weighed_and_their_mean_is_the_logit() {
        let shape = Shape { channels: 2, height: 1, width: 3 };
        let output = LayerOutput { layer: 0, shape, values: vec![1.0, 0.0, 2.0, 0.0, 3.0, 1.0] };
        let weight = [9.0, 9.0, 2.0, -1.0];
        let weights = class_weights(&weight, 2, 1).unwrap();
        let activation = class_activation(&output, weights);
        assert_eq!(activation, [2.0, -3.0, 3.0]);
        // The means of both maps, times their weights.
        assert!((logit(&activation, 0.5) - (1.0 * 2.0 - 4.0 / 3.0 + 0.5)).abs() < 1e-6);
        assert_eq!(class_weights(&weight, 2, 2), None);
    }

    #[test]
    fn only_networks_that_end_in_a_pool_and_one_layer_are_explained() {
        let graph = inception_v3(5, 0.05);
        let found = explained(&graph).unwrap();
        let (maps, dense) = (graph.nodes[found.maps].name.as_str(), found.dense);
        assert_eq!((maps, found.pool, dense, found.classes), ("mixed10", 311, Some(312), 312));
        assert!(explained(&inception_v3(0, 0.05)).unwrap_err().contains("no classes"));
        let hidden = Plan::with_dense(&[("head.1", 3), ("head.2", 3)], 0.05).graph().unwrap();
        let reason = explained(&hidden).unwrap_err();
        assert!(reason.starts_with("between the last maps and the classes stand"), "{reason}");
    }

    /// A network that ends in these layers behind 4 maps of 3×2, with a softmax of its own at the end.
    fn ending(layers: &[(Op, Activation, Shape)]) -> Result<Explained, String> {
        let input = Shape { channels: 4, height: 3, width: 2 };
        let mut net = GraphBuilder::new(input, "all");
        let mut at = 0;
        let softmax = (Op::Activation, Activation::Softmax, Shape::vector(4));
        for (number, (op, activation, shape)) in layers.iter().chain([&softmax]).enumerate() {
            let inputs = [at];
            let new = NewNode::new(op.clone(), &inputs, format!("layer_{number}"));
            at = net.push(NewNode { activation: *activation, shape: Some(*shape), ..new }).unwrap();
        }
        explained(&net.finish("Small", 1.0, &[(at, Meaning::Probabilities)], Order::Created))
    }

    #[test]
    fn what_has_no_effect_is_no_hindrance_and_what_has_is_named() {
        use Activation::{Linear, Relu};
        let (four, flat) = (Shape::vector(4), Shape::vector(24));
        let mean = (Op::GlobalPool(Reduction::Mean), Linear, four);
        let order = |sides: &[usize], order: &[usize]| {
            Op::Rearrange(vec![Step { sides: sides.into(), order: order.into() }])
        };
        let same = (order(&[1, 4, 1], &[1, 0, 2]), Linear, four);
        let dense = (Op::Dense, Linear, four);
        let none = (Op::Activation, Linear, four);
        let found = ending(&[mean.clone(), same.clone(), none.clone(), dense.clone(), same.clone()]).unwrap();
        assert_eq!((found.maps, found.dense, found.classes), (0, Some(4), 6));
        let whole = Op::AvgPool(Window::new([3, 2], [1, 1], [0, 0]), Default::default());
        let conv = (Op::Conv(Window::new([1, 1], [1, 1], [0, 0]), 1), Linear, four);
        assert_eq!(ending(&[(whole, Linear, four), conv]).unwrap().dense, Some(2));
        let reduce = Op::Reduce(Reduction::Mean, [false, true, true]);
        assert_eq!(ending(&[(reduce, Linear, four)]).unwrap().dense, None);

        let reason = |layers: &[(Op, Activation, Shape)]| ending(layers).unwrap_err();
        let hidden = reason(&[mean.clone(), (Op::Dense, Relu, four), dense.clone()]);
        assert_eq!(hidden, "between the last maps and the classes stands `layer_1` (dense + ReLU, 4)");
        let shuffled = reason(&[mean.clone(), (order(&[2, 2], &[1, 0]), Linear, four), dense.clone()]);
        assert!(shuffled.contains("`layer_1` (rearrangement, 4)"), "{shuffled}");
        let flattened = (order(&[4, 3, 2], &[0, 1, 2]), Linear, flat);
        assert!(reason(&[flattened, dense.clone()]).contains("flattened"));
        assert!(reason(&[(Op::GlobalPool(Reduction::Max), Linear, four), dense]).contains("largest value"));
    }
}
