//! ConvNeXt: Liu et al., "A ConvNet for the 2020s", CVPR 2022 (arXiv:2201.03545).

use super::net::Net;
use crate::model::{Activation, GraphError};

/// Names of a block's layers: depthwise convolution, normalisation, two fully connected ones with the
/// activation between them, the scale of the whole.
type Block = [&'static str; 6];

const TORCHVISION: Block = ["block.0", "block.2", "block.3", "block.4", "block.5", "layer_scale"];
const TIMM: Block = ["conv_dw", "norm", "mlp.fc1", "mlp.act", "mlp.fc2", "gamma"];

pub(super) fn torchvision(net: &mut Net<'_>) -> Result<String, GraphError> {
    convolved(net, "features.0.0", "features.0.1")?;
    let mut depths = [0; 4];
    for (number, depth) in (0..).zip(&mut depths) {
        let path = format!("features.{}", 2 * number + 1);
        if number > 0 {
            let shrink = format!("features.{}", 2 * number);
            net.stage(&shrink);
            shrunk(net, &shrink)?;
        }
        net.stage(&path);
        *depth = blocks(net, &path, &TORCHVISION)?;
    }
    net.stage("head");
    net.global_pool("avgpool")?;
    if net.has("classifier.0") {
        net.layer_norm("classifier.0")?;
    }
    net.head(Activation::Gelu, &[])?;
    Ok(name(net, depths))
}

pub(super) fn timm(net: &mut Net<'_>) -> Result<String, GraphError> {
    convolved(net, "stem.0", "stem.1")?;
    let mut depths = [0; 4];
    for (number, depth) in (0..).zip(&mut depths) {
        let path = format!("stages.{number}");
        net.stage(&path);
        if number > 0 {
            shrunk(net, &format!("{path}.downsample"))?;
        }
        *depth = blocks(net, &format!("{path}.blocks"), &TIMM)?;
    }
    net.stage("head");
    net.global_pool("head.global_pool")?;
    if net.has("head.norm") {
        net.layer_norm("head.norm")?;
    }
    net.head(Activation::Gelu, &[])?;
    Ok(name(net, depths))
}

/// The first convolution, with windows side by side.
fn convolved(net: &mut Net<'_>, conv: &str, norm: &str) -> Result<(), GraphError> {
    net.conv_padded(conv, 4, 0)?;
    net.layer_norm(norm)
}

fn shrunk(net: &mut Net<'_>, path: &str) -> Result<(), GraphError> {
    net.layer_norm(&format!("{path}.0"))?;
    net.conv_padded(&format!("{path}.1"), 2, 0)
}

/// All blocks of a stage; how many they are.
fn blocks(net: &mut Net<'_>, path: &str, names: &Block) -> Result<usize, GraphError> {
    let count = net.count(|block| format!("{path}.{block}.{}", names[0]));
    for block in 0..count {
        let [conv, norm, expand, gelu, project, scale] = names.map(|name| format!("{path}.{block}.{name}"));
        let input = net.at;
        net.conv(&conv, 1)?;
        net.layer_norm(&norm)?;
        linear(net, &expand)?;
        net.act(&gelu, Activation::Gelu)?;
        linear(net, &project)?;
        net.scale(&scale)?;
        net.add_to(input, &format!("{path}.{block}.add"))?;
    }
    Ok(count)
}

/// In timm's small ones a convolution of 1×1, which is the same.
fn linear(net: &mut Net<'_>, name: &str) -> Result<(), GraphError> {
    match net.weight(name) {
        Some([_, _, _, _]) => net.conv(name, 1),
        _ => net.dense(name),
    }
}

fn name(net: &Net<'_>, depths: [usize; 4]) -> String {
    let stem = net.weight("features.0.0").or_else(|| net.weight("stem.0"));
    let size = match (stem.and_then(|shape| shape.first()), depths) {
        (Some(96), [3, 3, 9, 3]) => "-Tiny",
        (Some(96), [3, 3, 27, 3]) => "-Small",
        (Some(128), [3, 3, 27, 3]) => "-Base",
        (Some(192), [3, 3, 27, 3]) => "-Large",
        _ => "",
    };
    format!("ConvNeXt{size}")
}
