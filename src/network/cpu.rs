//! Host memory ⇄ Burn tensors: the way in and out on the CPU device, where both are the same memory; and our own
//! operations on that memory.
//!
//! On a GPU nothing takes this way: see `crate::bridge`. A test keeps `into_data` out of all other files.

use burn::tensor::{Device, Tensor, TensorData};
use burn_flex::Flex;

use super::conv::{Workspace, convolve};
use super::pool::{Pooling, pool};
use super::product::PackedKernel;
use crate::model::{Shape, Window};

/// True for the device whose tensors are host memory.
pub fn is_cpu(device: &Device) -> bool {
    *device == Device::flex()
}

/// Convolution of a tensor of the CPU device, with bias and, where `relu` says so, max(0, x). `shapes` are those of one
/// image, before and after.
pub fn conv2d(
    x: Tensor<4>,
    kernel: &PackedKernel,
    relu: bool,
    shapes: [Shape; 2],
    workspace: &mut Workspace,
) -> Tensor<4> {
    apply(x, shapes, |x, out| convolve(kernel, relu, (x, shapes[0]), (out, shapes[1]), workspace))
}

/// Pooling of a tensor of the CPU device. `shapes` are those of one image, before and after.
pub fn pool2d(x: Tensor<4>, pooling: Pooling, window: Window, shapes: [Shape; 2]) -> Tensor<4> {
    apply(x, shapes, |x, out| pool(pooling, window, (x, shapes[0]), (out, shapes[1])))
}

/// A new tensor from the values of one.
fn apply(x: Tensor<4>, [_, output]: [Shape; 2], operation: impl FnOnce(&[f32], &mut [f32])) -> Tensor<4> {
    let (batch, device) = (x.dims()[0], x.device());
    let mut values = vec![0.0; batch * output.len()];
    // Tensors of other devices do not get here.
    let primitive = x.try_into_primitive::<Flex>().map(|primitive| primitive.to_contiguous());
    if let Some(x) = primitive.as_ref().ok().and_then(|primitive| primitive.as_slice::<f32>()) {
        operation(x, &mut values);
    }
    let shape = [batch, output.channels, output.height, output.width];
    Tensor::from_data(TensorData::new(values, shape), &device)
}

/// The network's input from `3 × height × width` values in channel order for each of one or several pictures.
pub fn input_from_values(values: Vec<f32>, shape: Shape, device: &Device) -> Tensor<4> {
    let pictures = values.len() / shape.len().max(1);
    Tensor::from_data(TensorData::new(values, [pictures, shape.channels, shape.height, shape.width]), device)
}

/// All values of a tensor in channel, row, column order.
///
/// # Errors
/// The backend's message, where the computation behind the tensor failed.
pub fn values(tensor: Tensor<4>) -> Result<Vec<f32>, String> {
    tensor.into_data().try_into_vec::<f32>().map_err(|error| format!("{error:?}"))
}
