//! SqueezeNet: Iandola et al., 2016 (arXiv:1602.07360), versions 1.0 and 1.1, as torchvision has it.

use super::net::Net;
use crate::model::{Activation, GraphError};

/// torchvision's last `Fire`, in both versions.
const LAST: usize = 12;

pub(super) fn build(net: &mut Net<'_>) -> Result<String, GraphError> {
    net.conv_padded("features.0", 2, 0)?;
    net.relu("features.1")?;
    for number in 2..=LAST {
        let path = format!("features.{number}");
        if net.has(&format!("{path}.squeeze")) {
            net.stage(&path);
            fire(net, &path)?;
        } else {
            net.max_pool_ceil(&path, 3, 2)?;
        }
    }
    let version = if net.has("features.5.squeeze") { "1.0" } else { "1.1" };
    if net.has("classifier.1") {
        net.stage("head");
        net.conv("classifier.1", 1)?;
        net.relu("classifier.2")?;
        net.global_pool("classifier.3")?;
        let is_one = net.shape().channels == 1;
        net.act("softmax", if is_one { Activation::Sigmoid } else { Activation::Softmax })?;
    }
    Ok(format!("SqueezeNet {version}"))
}

fn fire(net: &mut Net<'_>, path: &str) -> Result<(), GraphError> {
    let mut part = |at: Option<usize>, name: &str| {
        net.at = at.unwrap_or(net.at);
        net.conv(&format!("{path}.{name}"), 1)?;
        net.relu(&format!("{path}.{name}_activation"))?;
        Ok(net.at)
    };
    let squeezed = part(None, "squeeze")?;
    let expanded = [part(Some(squeezed), "expand1x1")?, part(Some(squeezed), "expand3x3")?];
    net.concat(&expanded, &format!("{path}.cat"))
}
