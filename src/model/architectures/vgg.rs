//! VGG: Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015
//! (arXiv:1409.1556), with or without batch normalisation; and AlexNet: Krizhevsky, "One weird trick for
//! parallelizing convolutional neural networks", 2014 (arXiv:1404.5997). Convolutions one behind the other,
//! then a classifier that reads every cell.

use super::net::Net;
use crate::model::{Activation, GraphError};

/// Fully connected layers.
const VGG: [&str; 3] = ["classifier.0", "classifier.3", "classifier.6"];
const ALEXNET: [&str; 3] = ["classifier.1", "classifier.4", "classifier.6"];

pub(super) fn build(net: &mut Net<'_>) -> Result<String, GraphError> {
    let is_alexnet = match net.weight("features.0") {
        Some([.., 11, 11]) => true,
        Some([.., 3, 3]) => false,
        _ => return Err(GraphError("`features.0` is neither 3×3 nor 11×11".into())),
    };
    let (mut number, mut convolutions, mut block) = (0, 0, 1);
    let mut has_norm = false;
    let layer = |number: usize| format!("features.{number}");
    while net.has(&layer(number)) {
        match is_alexnet && number == 0 {
            true => net.conv_padded(&layer(number), 4, 2)?,
            false => net.conv(&layer(number), 1)?,
        }
        number += 1;
        if net.has(&layer(number)) {
            net.batch_norm(&layer(number))?;
            has_norm = true;
            number += 1;
        }
        net.relu(&layer(number))?;
        number += 1;
        convolutions += 1;
        if !net.has(&layer(number)) {
            let kernel = if is_alexnet { 3 } else { 2 };
            net.max_pool(&layer(number), kernel, 2, 0)?;
            number += 1;
            block += 1;
            if net.has(&layer(number)) {
                net.stage(&format!("block{block}"));
            }
        }
    }
    if net.has("pre_logits.fc1") {
        net.stage("head");
        timm_head(net)?;
    } else if let Some(&[_, inputs]) = net.classifier().first().and_then(|first| net.weight(first)) {
        net.stage("head");
        // 7×7 cells for VGG, 6×6 for AlexNet.
        let side = (inputs / net.shape().channels).isqrt().max(1);
        net.adaptive_pool("avgpool", side)?;
        net.flatten("flatten")?;
        net.head(Activation::Relu, if is_alexnet { &ALEXNET } else { &VGG })?;
    }
    Ok(match is_alexnet {
        true => "AlexNet".into(),
        false => {
            format!("VGG-{}{}", convolutions + 3, if has_norm { " with batch normalization" } else { "" })
        }
    })
}

/// timm has convolutions for the first fully connected layers; on maps of 7×7 they are the same.
fn timm_head(net: &mut Net<'_>) -> Result<(), GraphError> {
    net.conv_padded("pre_logits.fc1", 1, 0)?;
    net.relu("pre_logits.act1")?;
    net.conv("pre_logits.fc2", 1)?;
    net.relu("pre_logits.act2")?;
    net.global_pool("head.global_pool")?;
    net.head(Activation::Relu, &[])
}
