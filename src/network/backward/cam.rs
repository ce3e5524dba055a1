//! A layer's gradient as one map of where a unit's value comes from.

use burn::tensor::Tensor;

use super::host::map_of_channels;
use crate::model::CamMethod;
use crate::network::cpu;

/// The map, `[1, 1, height, width]`, of a layer's `values` and `gradient`, both `[1, channels, height, width]`.
pub fn cam(method: CamMethod, values: Tensor<4>, gradient: Tensor<4>) -> Tensor<4> {
    if cpu::is_cpu(&values.device()) {
        return map_of_channels(method, values, gradient);
    }
    let weighted = match method {
        CamMethod::GradCam => gradient.mean_dim(2).mean_dim(3).mul(values),
        CamMethod::LayerCam => gradient.clamp_min(0.0).mul(values),
        CamMethod::GradCamPlusPlus => {
            let square = gradient.clone().mul(gradient.clone());
            let sum = values.clone().sum_dim(2).sum_dim(3);
            let below = square.clone().mul_scalar(2.0).add(square.clone().mul(gradient.clone()).mul(sum));
            // Where there is no gradient there is nothing to weigh.
            let none = below.clone().equal_elem(0.0);
            let alpha = square.div(below.mask_fill(none.clone(), 1.0)).mask_fill(none, 0.0);
            alpha.mul(gradient.clamp_min(0.0)).sum_dim(2).sum_dim(3).mul(values)
        }
    };
    weighted.sum_dim(1).clamp_min(0.0)
}
