//! Gives an untrained network batch normalisation statistics of real pictures.
//!
//! With random statistics a deep random network saturates or dies out after a few blocks; with those of data
//! every channel of every layer has mean and variance like a trained one (data-dependent initialisation:
//! Krähenbühl et al., arXiv:1511.06856, and Mishkin & Matas, arXiv:1511.06422).

use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use super::cpu::{input_from_values, values};
use super::executor::{Folding, Network};
use super::maps::Value;
use crate::model::{Graph, Op};
use crate::weights::{LayerWeights, Weights};

/// Replaces mean and variance of every batch normalisation by those of its input over `pictures` (each
/// `3 × height × width` values from −1 to 1). Runs layer by layer on the CPU.
///
/// # Errors
/// The backend's message, where a layer could not be computed.
pub fn calibrate(graph: &Arc<Graph>, weights: Weights, pictures: &[Vec<f32>]) -> Result<Weights, String> {
    let device = Device::flex();
    let inputs =
        pictures.iter().map(|p| input_from_values(p.clone(), graph.input_shape(), &device)).collect();
    let input = Tensor::cat(inputs, 0);
    let mut network = Network::new(graph.clone(), Arc::new(weights), device, Folding::Apart);
    let last_use: Vec<_> = (0..graph.nodes.len()).map(|index| graph.consumers(index).last()).collect();
    let mut outputs: Vec<Option<Tensor<4>>> = vec![None; graph.nodes.len()];
    // The classifier has nothing to calibrate and nobody reads it.
    for (index, node) in graph.nodes.iter().enumerate().filter(|(index, node)| {
        !(node.op == Op::Dense && graph.outputs.iter().any(|output| output.layer == *index))
    }) {
        let inputs: Vec<_> = node.inputs.iter().filter_map(|&read| outputs[read].clone()).collect();
        if matches!(node.op, Op::BatchNorm(_)) {
            let (measured_mean, measured_variance) = channel_moments(inputs[0].clone())?;
            network.change_weights(index, |layer| {
                if let LayerWeights::BatchNorm { mean, variance, .. } = layer {
                    (*mean, *variance) = (measured_mean, measured_variance);
                }
            });
        }
        outputs[index] = Some(if node.op == Op::Input {
            input.clone()
        } else {
            network.execute(index, inputs.into_iter().map(Value::from).collect(), &[]).into_tensor()
        });
        for &read in &node.inputs {
            if last_use[read] == Some(index) {
                outputs[read] = None;
            }
        }
    }
    Ok(Arc::unwrap_or_clone(network.into_weights()))
}

/// Mean and variance of each channel over the whole batch.
fn channel_moments(tensor: Tensor<4>) -> Result<(Vec<f32>, Vec<f32>), String> {
    let mean = tensor.clone().mean_dim(0).mean_dim(2).mean_dim(3);
    let variance = tensor.sub(mean.clone()).powi_scalar(2).mean_dim(0).mean_dim(2).mean_dim(3);
    Ok((values(mean)?, values(variance)?))
}
