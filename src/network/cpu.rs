//! Host memory ⇄ Burn tensors: the way in and out on the CPU device, where both are the same memory.
//!
//! On a GPU nothing takes this way: see `crate::bridge`. A test keeps `into_data` out of all other files.

use burn::tensor::{Device, Tensor, TensorData};

use crate::model::Shape;

/// The network's input from `3 × height × width` values in channel order.
pub fn input_from_values(values: Vec<f32>, shape: Shape, device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values, [1, shape.channels, shape.height, shape.width]), device)
}

/// All values of a tensor in channel, row, column order.
///
/// # Errors
/// The backend's message, where the computation behind the tensor failed.
pub fn values(tensor: Tensor<4>) -> Result<Vec<f32>, String> {
    tensor.into_data().try_into_vec::<f32>().map_err(|error| format!("{error:?}"))
}
