//! A cell's sum with the parameters that a network has.

use crate::inspect::cell::{CellSum, Kernel, Patch, Route};
use crate::model::{Graph, LayerIndex, Op};
use crate::weights::{LayerWeights, Weights};

/// Adds up a cell of the layer that a [`Route`] leads to: its value, and what each input channel has a part in it.
/// `input` as in [`CellSum::of`]; of the `strongest` channels all numbers are kept.
///
/// # Errors
/// One sentence, where its parameters are not there.
pub fn cell_sum(
    graph: &Graph,
    weights: &Weights,
    route: Route,
    cell: [usize; 2],
    input: &Patch,
    strongest: usize,
) -> Result<CellSum, String> {
    let adds = route.adds;
    let parameters = weights.layers[adds].as_ref();
    let kernel = match parameters {
        Some(LayerWeights::Conv { kernel, bias }) => {
            Kernel { values: kernel, mixture: None, bias: bias.as_deref() }
        }
        Some(LayerWeights::Separable { depthwise, pointwise, bias }) => {
            Kernel { values: depthwise, mixture: Some(pointwise), bias: bias.as_deref() }
        }
        Some(LayerWeights::Dense { weight, bias }) => Kernel {
            values: weight,
            mixture: None,
            bias: Some(&bias[..]).filter(|_| graph.nodes[adds].has_bias),
        },
        _ => return Err(format!("{} has no weights to multiply with.", graph.nodes[adds].name)),
    };
    let scales = |layer: LayerIndex, channel: usize| scale_and_shift(graph, weights, layer, channel);
    CellSum::of(graph, route, cell, input, kernel, &scales, strongest)
        .map_err(|why| format!("The sum of {} cannot be told: {why}.", graph.nodes[adds].name))
}

/// What a batch normalisation, or a scale and a shift, makes of a channel.
fn scale_and_shift(graph: &Graph, weights: &Weights, layer: LayerIndex, channel: usize) -> Option<[f64; 2]> {
    let of = |values: &[f32]| values.get(channel).map(|&value| f64::from(value));
    match (&graph.nodes[layer].op, weights.layers[layer].as_ref()?) {
        (Op::BatchNorm(epsilon), LayerWeights::BatchNorm { gamma, beta, mean, variance }) => {
            let scale = of(gamma)? / (of(variance)? + epsilon).sqrt();
            Some([scale, of(beta)? - of(mean)? * scale])
        }
        (_, LayerWeights::Affine { scale, shift }) => Some([of(scale)?, of(shift)?]),
        _ => None,
    }
}
