//! GoogLeNet: Szegedy et al., "Going Deeper with Convolutions", CVPR 2015 (arXiv:1409.4842), as torchvision
//! has it: with batch normalisation, and 3×3 where the paper has 5×5. The auxiliary classifiers are left out.

use super::net::Net;
use crate::model::{Activation, GraphError, InputScale};

/// The blocks, and the pooling in front of some: its number and kernel.
const BLOCKS: [(&str, Option<(usize, usize)>); 9] = [
    ("3a", None),
    ("3b", None),
    ("4a", Some((3, 3))),
    ("4b", None),
    ("4c", None),
    ("4d", None),
    ("4e", None),
    ("5a", Some((4, 2))),
    ("5b", None),
];

pub(super) fn build(net: &mut Net<'_>) -> Result<String, GraphError> {
    net.epsilon = 1e-3;
    net.usual_scale = InputScale::MinusOneToOne;
    net.notes.push(
        "torchvision's published GoogLeNet, and what was fine-tuned from it, scales its input to -1..1 \
         (`transform_input`); one that was trained from the start takes `--input-scale imagenet`"
            .into(),
    );
    conv(net, "conv1", 2)?;
    net.max_pool_ceil("maxpool1", 3, 2)?;
    conv(net, "conv2", 1)?;
    conv(net, "conv3", 1)?;
    net.max_pool_ceil("maxpool2", 3, 2)?;
    for (block, pool) in BLOCKS {
        if let Some((number, kernel)) = pool {
            net.max_pool_ceil(&format!("maxpool{number}"), kernel, 2)?;
        }
        inception(net, &format!("inception{block}"))?;
    }
    net.stage("head");
    net.global_pool("avgpool")?;
    net.head(Activation::Relu, &[])?;
    Ok("GoogLeNet".into())
}

fn conv(net: &mut Net<'_>, path: &str, stride: usize) -> Result<(), GraphError> {
    net.conv(&format!("{path}.conv"), stride)?;
    net.batch_norm(&format!("{path}.bn"))?;
    net.relu(&format!("{path}.relu"))
}

fn inception(net: &mut Net<'_>, path: &str) -> Result<(), GraphError> {
    net.stage(path);
    let input = net.at;
    let mut branches = vec![];
    for branch in [&["branch1"][..], &["branch2.0", "branch2.1"], &["branch3.0", "branch3.1"], &["branch4.1"]]
    {
        net.at = input;
        if branch == ["branch4.1"] {
            net.max_pool(&format!("{path}.branch4.0"), 3, 1, 1)?;
        }
        for part in branch {
            conv(net, &format!("{path}.{part}"), 1)?;
        }
        branches.push(net.at);
    }
    net.concat(&branches, &format!("{path}.cat"))
}
