//! What variables a layer has, in which order.

use super::topology::Layer;
use crate::weights::file::ReadError;

/// One variable of a layer: its own name (`kernel`, or a number) and where it is.
pub(super) type Variable<'a> = (&'a str, u64);

/// The variables that a layer has, in the order in which Keras makes them.
pub(super) fn variable_names(layer: &Layer<'_>) -> Result<Vec<&'static str>, ReadError> {
    let fields = layer.fields();
    let has = |flag: &str| fields.flag(flag).map(|flag| flag.unwrap_or(true));
    let with = |names: &[&'static str], flag: &str, name: &'static str| -> Result<Vec<_>, ReadError> {
        let mut names = names.to_vec();
        names.extend(has(flag)?.then_some(name));
        Ok(names)
    };
    match layer.class {
        "Conv2D" | "Conv2DTranspose" | "Dense" => with(&["kernel"], "use_bias", "bias"),
        "DepthwiseConv2D" => with(&["depthwise_kernel"], "use_bias", "bias"),
        "SeparableConv2D" => with(&["depthwise_kernel", "pointwise_kernel"], "use_bias", "bias"),
        "BatchNormalization" | "SyncBatchNormalization" => {
            let affine = with(&with(&[], "scale", "gamma")?, "center", "beta")?;
            Ok([&affine[..], &["moving_mean", "moving_variance"]].concat())
        }
        "LayerNormalization" | "GroupNormalization" => with(&with(&[], "scale", "gamma")?, "center", "beta"),
        "RMSNormalization" => Ok(vec!["scale"]),
        "Normalization" if fields.get("mean").is_none() => Ok(vec!["mean", "variance", "count"]),
        "PReLU" => Ok(vec!["alpha"]),
        "LayerScale" => Ok(vec!["gamma"]),
        _ => Ok(vec![]),
    }
}

/// Statistics, which are never trained.
pub(super) fn is_never_trained(variable: &str) -> bool {
    matches!(variable, "moving_mean" | "moving_variance" | "mean" | "variance" | "count")
}
