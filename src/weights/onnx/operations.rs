//! Which operation of the file is which layer.

use super::attributes::{Call, Outcome, Value, cut};
use super::import::Importer;
use super::tensor::Tensor;
use super::{arithmetic, dense, fold, join, normalise, numbers, reduce, resize, shape_ops, window};
use crate::model::{Arithmetic, Reduction};

/// The outputs of a node that reads at least one layer.
pub(super) fn operate(net: &mut Importer<'_>, call: Call<'_>) -> Outcome {
    if let Some(activation) = arithmetic::activation(&call)? {
        return arithmetic::function(net, &call, activation);
    }
    match call.node.op_type.as_str() {
        "Conv" => window::convolution(net, call),
        "ConvTranspose" => window::transposed(net, call),
        "MaxPool" | "AveragePool" => window::pooling(net, &call),
        "GlobalAveragePool" => window::global(net, &call, Reduction::Mean),
        "GlobalMaxPool" => window::global(net, &call, Reduction::Max),
        "BatchNormalization" => normalise::batch(net, call),
        "InstanceNormalization" | "GroupNormalization" => normalise::groups(net, call),
        "LayerNormalization" => normalise::layer(net, &call),
        "LRN" => normalise::local(net, &call),
        "PRelu" => arithmetic::prelu(net, &call),
        "Add" | "Sum" => arithmetic::combine(net, &call, Arithmetic::Add),
        "Sub" => arithmetic::combine(net, &call, Arithmetic::Sub),
        "Mul" => arithmetic::combine(net, &call, Arithmetic::Mul),
        "Div" => arithmetic::combine(net, &call, Arithmetic::Div),
        "Pow" => arithmetic::combine(net, &call, Arithmetic::Pow),
        "Max" => arithmetic::combine(net, &call, Arithmetic::Max),
        "Min" => arithmetic::combine(net, &call, Arithmetic::Min),
        "Mean" => arithmetic::combine(net, &call, Arithmetic::Mean),
        "Gemm" => dense::gemm(net, call),
        "MatMul" => dense::matmul(net, call),
        "Softmax" | "LogSoftmax" => reduce::softmax(net, &call),
        "ReduceMean" => reduce::reduce(net, &call, Reduction::Mean),
        "ReduceSum" => reduce::reduce(net, &call, Reduction::Sum),
        "ReduceMax" => reduce::reduce(net, &call, Reduction::Max),
        "ReduceMin" => reduce::reduce(net, &call, Reduction::Min),
        "ReduceL1" | "ReduceL2" | "ReduceSumSquare" | "ReduceLogSum" | "ReduceLogSumExp" => {
            reduce::compound(net, &call)
        }
        "LpNormalization" => reduce::unit(net, &call),
        "Reshape" => shape_ops::reshape(net, &call),
        "Flatten" => shape_ops::flatten(net, &call),
        "Transpose" => shape_ops::transpose(&call),
        "Squeeze" => shape_ops::squeeze(&call),
        "Unsqueeze" => shape_ops::unsqueeze(&call),
        "Tile" => shape_ops::tile(net, &call),
        "Expand" => shape_ops::expand(net, &call),
        "DepthToSpace" | "SpaceToDepth" => shape_ops::blocks(net, &call),
        // Dropout does nothing once a network is trained.
        "Identity" | "Dropout" => shape_ops::identity(&call),
        "Cast" => shape_ops::cast(&call),
        "CastLike" => match call.input(0) {
            Value::Constant(tensor) => Ok(vec![Value::Constant(numbers::converted(tensor, 1)?.into())]),
            _ => shape_ops::identity(&call),
        },
        "Shape" => {
            let sizes = fold::part_of_sizes(&call, &call.view(0)?.sizes());
            Ok(vec![Value::Constant(Tensor::ints(sizes).into())])
        }
        "Size" => {
            let count = Tensor { sizes: vec![], ..Tensor::ints(vec![call.view(0)?.len() as i64]) };
            Ok(vec![Value::Constant(count.into())])
        }
        "Concat" => join::concat(net, &call),
        "Split" => join::split(net, &call),
        "Slice" => join::slice(net, &call),
        "Gather" => join::gather(net, &call),
        "Pad" => join::pad(net, &call),
        "Resize" | "Upsample" => resize::resize(net, &call),
        _ => cut(""),
    }
}
