//! From the layers as the file has them to the graph: without those that nothing needs, with those together that make up
//! one function, with names.

use super::super::parameters::LayerWeights;
use super::attributes::Value;
use super::import::{Importer, Origin};
use super::join_layers::join;
use super::layer::Layer;
use super::names::names;
use crate::model::{
    Activation, Arithmetic, Axis, Graph, GraphBuilder, GraphError, InputScale, Meaning, NewNode, Op, Order,
    Shape,
};

/// The finished network.
pub(super) struct Finished {
    pub(super) graph: Graph,
    pub(super) layers: Vec<Option<LayerWeights>>,
    /// What its own first layers make of the input.
    pub(super) input_scale: Option<InputScale>,
    /// True where the main output are numbers right out of a dense layer.
    pub(super) is_dense: bool,
}

/// The layers that make up the network's outputs, the main one first.
pub(super) struct Ends {
    pub(super) layers: Vec<usize>,
    /// How many of them are outputs of the file; those behind them feed what is not computed.
    own: usize,
}

/// The outputs of the file, and where it was cut the last layers that are computed.
pub(super) fn ends(net: &Importer<'_>, values: &[Option<Value>]) -> Ends {
    let mut outputs: Vec<usize> = vec![];
    let mut is_cut = false;
    let mut is_output = vec![false; net.drafts.len()];
    for value in values {
        match value {
            Some(Value::View(view)) if !is_output[view.node] => {
                is_output[view.node] = true;
                outputs.push(view.node);
            }
            Some(Value::View(_) | Value::Constant(_)) => {}
            _ => is_cut = true,
        }
    }
    let own = outputs.len();
    if is_cut {
        let count = net.drafts.len();
        let mut covered = vec![false; count];
        let mut last: Vec<usize> = vec![];
        for node in (1..count).rev() {
            if !covered[node] {
                if net.feeds.contains(&node) && !is_output[node] {
                    last.push(node);
                } else if !is_output[node] {
                    continue;
                }
            }
            net.builder.node(node).inputs.iter().for_each(|&input| covered[input] = true);
        }
        outputs.extend(last);
    }
    Ends { layers: outputs, own }
}

/// Which layers the outputs depend on.
fn needed(layers: &[Layer], outputs: &[usize]) -> Vec<bool> {
    let mut needed = vec![false; layers.len()];
    needed[0] = true;
    outputs.iter().for_each(|&output| needed[output] = true);
    for index in (0..layers.len()).rev().filter(|&index| index > 0) {
        if needed[index] {
            layers[index].inputs.iter().for_each(|&input| needed[input] = true);
        }
    }
    needed
}

/// Puts the graph together.
pub(super) fn finish(
    net: Importer<'_>,
    ends: &Ends,
    name: &str,
    is_bytes: bool,
) -> Result<Finished, GraphError> {
    let outputs = ends.layers.as_slice();
    let Importer { builder, drafts, origins, .. } = net;
    let mut layers: Vec<Layer> =
        drafts.into_iter().enumerate().map(|(index, draft)| Layer::new(builder.node(index), draft)).collect();
    drop(builder);
    // Twice: a scale and a shift behind what was joined first.
    for _ in 0..2 {
        let needed = needed(&layers, outputs);
        join(&mut layers, &origins, outputs, &needed);
    }
    let needed = needed(&layers, outputs);
    let mut places = vec![0; layers.len()];
    let mut kept: Vec<Layer> = vec![];
    for (index, mut layer) in layers.into_iter().enumerate().filter(|(index, _)| needed[*index]) {
        places[index] = kept.len();
        layer.inputs.iter_mut().for_each(|input| *input = places[*input]);
        kept.push(layer);
    }
    let outputs: Vec<(usize, Meaning)> = outputs
        .iter()
        .enumerate()
        .map(|(place, &output)| {
            let layer = places[output];
            // What was on its way to something else is an answer only if it says so.
            let is_answer = place < ends.own || is_dense(&kept, layer);
            match meaning(&kept[layer]) {
                Meaning::Numbers if !is_answer => (layer, Meaning::Maps),
                meaning => (layer, meaning),
            }
        })
        .collect();
    let input_scale = if is_bytes { Some(InputScale::Levels) } else { own_scale(&kept) };
    let is_dense = outputs.first().is_some_and(|&(output, meaning)| {
        meaning == Meaning::Numbers && kept[output].shape.channels > 1 && is_dense(&kept, output)
    });
    let (graph, layers) = build(kept, &origins, name, &outputs)?;
    Ok(Finished { graph, layers, input_scale, is_dense })
}

fn build(
    layers: Vec<Layer>,
    origins: &[Origin],
    name: &str,
    outputs: &[(usize, Meaning)],
) -> Result<(Graph, Vec<Option<LayerWeights>>), GraphError> {
    let names = names(&layers, origins);
    let input = layers.first().map_or(Shape::vector(1), |layer| layer.shape);
    let mut builder =
        GraphBuilder::with_input(input, names.first().map_or("input", String::as_str), "network");
    let mut weights = vec![None];
    for (layer, name) in layers.into_iter().zip(names).skip(1) {
        let has_bias = match &layer.weights {
            Some(LayerWeights::Conv { bias, .. }) => bias.is_some(),
            Some(LayerWeights::Dense { .. }) => true,
            _ => false,
        };
        let shape = match (&layer.op, &layer.weights) {
            (Op::WithConstant(..), Some(LayerWeights::Constant { shape, .. })) => *shape,
            _ => layer.shape,
        };
        builder.push(NewNode {
            op: layer.op,
            activation: layer.activation,
            inputs: &layer.inputs,
            shape: Some(shape),
            name,
            other_name: layer.value,
            has_bias,
        })?;
        weights.push(layer.weights);
    }
    Ok((builder.finish(name, 1.0, outputs, Order::Created), weights))
}

fn meaning(layer: &Layer) -> Meaning {
    let is_single = layer.shape.channels == 1;
    match (&layer.op, layer.activation) {
        (Op::Softmax(Axis::Channel), _) | (_, Activation::Softmax)
            if layer.shape.is_vector() && !is_single =>
        {
            Meaning::Probabilities
        }
        (_, Activation::Sigmoid) if layer.shape.is_vector() => Meaning::Independent,
        _ if layer.shape.is_vector() => Meaning::Numbers,
        _ => Meaning::Maps,
    }
}

/// Whether numbers come right out of matrix products: as a rule those that a softmax would make probabilities of.
fn is_dense(layers: &[Layer], mut output: usize) -> bool {
    let is_product =
        |index: usize| layers[index].op == Op::Dense && layers[index].activation == Activation::Linear;
    for _ in 0..8 {
        let layer = &layers[output];
        if layer.activation != Activation::Linear {
            return false;
        }
        match (&layer.op, layer.inputs.as_slice()) {
            (Op::Dense, _) => return true,
            // On a single cell a convolution is one.
            (Op::Conv(window, _), _) => return window.kernel == [1, 1] && layer.shape.is_vector(),
            // Two heads, as of networks that were distilled.
            (Op::Arithmetic(Arithmetic::Add | Arithmetic::Mean), inputs) => {
                return inputs.iter().all(|&input| is_product(input));
            }
            (Op::Affine | Op::Rearrange(_), &[input]) => output = input,
            _ => return false,
        }
    }
    false
}

/// What goes in where the first layers scale it: levels if they bring 255 to about 1 or take ImageNet's mean of them, 0 to 1
/// if they make −1 to 1 of it or normalise it.
fn own_scale(layers: &[Layer]) -> Option<InputScale> {
    let mut current = 0;
    let (mut scale, mut shift) = (1.0f32, 0.0f32);
    let mut steps = 0;
    loop {
        let mut readers = (1..layers.len()).filter(|&index| layers[index].inputs.contains(&current));
        let (Some(next), None) = (readers.next(), readers.next()) else { break };
        let (Op::Affine, Some(LayerWeights::Affine { scale: own, shift: own_shift })) =
            (&layers[next].op, &layers[next].weights)
        else {
            break;
        };
        // The first channel is enough: all are treated much alike.
        let (Some(own), Some(own_shift)) = (own.first(), own_shift.first()) else { break };
        (scale, shift) = (scale * own, shift * own + own_shift);
        steps += 1;
        current = next;
        if steps > 8 {
            break;
        }
    }
    if steps == 0 {
        return None;
    }
    let (from_levels, from_unit) = (255.0 * scale + shift, scale + shift);
    let is_range = |low: f32, high: f32| (-3.0..=0.5).contains(&low) && (0.4..=3.5).contains(&high);
    if scale > 0.0 && scale < 0.05 && is_range(shift, from_levels) || (scale == 1.0 && shift < -20.0) {
        Some(InputScale::Levels)
    } else if scale >= 1.5 && shift <= -0.4 && is_range(shift, from_unit) {
        Some(InputScale::ZeroToOne)
    } else {
        None
    }
}
