//! ResNet: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016 (arXiv:1512.03385), with the
//! stride in the 3×3 convolution, as torchvision and timm have it. With groups ResNeXt: Xie et al., CVPR 2017
//! (arXiv:1611.05431). Both libraries have the same names.

use super::net::Net;
use crate::model::{Activation, GraphError};

pub(super) fn build(net: &mut Net<'_>) -> Result<String, GraphError> {
    // Another kernel is that of small pictures, with another stride and no pooling: nothing tells those.
    if net.weight("conv1").is_none_or(|shape| !shape.ends_with(&[7, 7])) {
        return Err(GraphError("`conv1` is not 7×7".into()));
    }
    net.conv("conv1", 2)?;
    net.batch_norm("bn1")?;
    net.relu("relu")?;
    net.max_pool("maxpool", 3, 2, 1)?;
    let mut convolutions = 0;
    let blocks_of = |net: &Net<'_>, layer: usize| net.count(|block| format!("layer{layer}.{block}.conv1"));
    let layers = (1..=4).take_while(|&layer| blocks_of(net, layer) > 0).count();
    if (layers..4).any(|layer| blocks_of(net, layer + 1) > 0) {
        return Err(GraphError(format!("`layer{}` is missing", layers + 1)));
    }
    for layer in 1..=layers {
        net.stage(&format!("layer{layer}"));
        for block in 0..blocks_of(net, layer) {
            let stride = if layer > 1 && block == 0 { 2 } else { 1 };
            convolutions += residual(net, &format!("layer{layer}.{block}"), stride)?;
        }
    }
    let family = match net.weight("layer1.0.conv2") {
        Some(&[outputs, inputs, ..]) if inputs < outputs => "ResNeXt",
        Some(&[outputs, ..]) if outputs > 64 => "Wide ResNet",
        _ => "ResNet",
    };
    if layers < 4 && net.classifier().is_empty() {
        return Ok(format!("{family} up to layer{layers}"));
    }
    net.stage("head");
    net.global_pool("avgpool")?;
    net.head(Activation::Relu, &[])?;
    Ok(match layers {
        4 => format!("{family}-{}", convolutions + 2),
        _ => format!("{family} up to layer{layers}"),
    })
}

/// A block of two or three convolutions beside a shortcut; how many they are.
fn residual(net: &mut Net<'_>, path: &str, stride: usize) -> Result<usize, GraphError> {
    let input = net.at;
    let convolutions = net.count(|number| format!("{path}.conv{}", number + 1));
    if !(2..=3).contains(&convolutions) {
        return Err(GraphError(format!("`{path}` has {convolutions} convolutions")));
    }
    // The 3×3 convolution: the first of two, the second of three.
    let strided = convolutions - 1;
    let relu = |number: usize| match number {
        1 => format!("{path}.relu"),
        _ => format!("{path}.relu_{}", number - 1),
    };
    for number in 1..=convolutions {
        net.conv(&format!("{path}.conv{number}"), if number == strided { stride } else { 1 })?;
        net.batch_norm(&format!("{path}.bn{number}"))?;
        if number < convolutions {
            net.relu(&relu(number))?;
        }
    }
    let output = net.at;
    let mut shortcut = input;
    if net.has(&format!("{path}.downsample.0")) {
        net.at = input;
        net.conv(&format!("{path}.downsample.0"), stride)?;
        net.batch_norm(&format!("{path}.downsample.1"))?;
        shortcut = net.at;
    }
    net.at = output;
    net.add_to(shortcut, &format!("{path}.add"))?;
    net.relu(&relu(convolutions))?;
    Ok(convolutions)
}
