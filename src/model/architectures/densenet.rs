//! DenseNet: Huang et al., "Densely Connected Convolutional Networks", CVPR 2017 (arXiv:1608.06993).
//! torchvision and timm have the same names.

use super::net::Net;
use crate::model::{Activation, GraphError};

pub(super) fn build(net: &mut Net<'_>) -> Result<String, GraphError> {
    net.conv("features.conv0", 2)?;
    net.batch_norm("features.norm0")?;
    net.relu("features.relu0")?;
    net.max_pool("features.pool0", 3, 2, 1)?;
    let blocks = net.count(|block| format!("features.denseblock{}.denselayer1.conv1", block + 1));
    let mut layers = 0;
    for block in 1..=blocks {
        net.stage(&format!("denseblock{block}"));
        let path = format!("features.denseblock{block}");
        let count = net.count(|layer| format!("{path}.denselayer{}.conv1", layer + 1));
        for layer in 1..=count {
            let input = net.at;
            for part in 1..=2 {
                normalised_conv(net, &format!("{path}.denselayer{layer}"), &part.to_string())?;
            }
            // What the next layer reads: all there is, and what this one found.
            let found = net.at;
            net.concat(
                &[input, found],
                &match layer {
                    _ if layer == count => format!("{path}.cat"),
                    _ => format!("{path}.denselayer{}.cat", layer + 1),
                },
            )?;
        }
        layers += count;
        if block < blocks {
            net.stage(&format!("transition{block}"));
            let path = format!("features.transition{block}");
            normalised_conv(net, &path, "")?;
            net.avg_pool(&format!("{path}.pool"), [2, 2], [2, 2])?;
        }
    }
    net.stage("head");
    net.batch_norm(&format!("features.norm{}", blocks + 1))?;
    net.relu("relu")?;
    net.global_pool("avgpool")?;
    net.head(Activation::Relu, &[])?;
    // Two convolutions a layer, one a transition; the first one and the classifier.
    Ok(format!("DenseNet-{}", 2 * layers + blocks + 1))
}

/// Batch normalisation, ReLU and convolution in this order.
fn normalised_conv(net: &mut Net<'_>, path: &str, number: &str) -> Result<(), GraphError> {
    net.batch_norm(&format!("{path}.norm{number}"))?;
    net.relu(&format!("{path}.relu{number}"))?;
    net.conv(&format!("{path}.conv{number}"), 1)
}
