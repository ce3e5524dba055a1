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

/// At most so many pieces of memory are kept.
const SPARE: usize = 32;

/// Our own operations on the CPU device, and the memory that they use again: fresh memory from the system costs a
/// fault for each of its pages.
#[derive(Default)]
pub struct CpuOperations {
    workspace: Workspace,
    spare: Vec<Vec<f32>>,
}

impl CpuOperations {
    /// `None` where tensors of `device` are not host memory.
    pub fn new(device: &Device) -> Option<Self> {
        (*device == Device::flex()).then(Self::default)
    }

    /// Convolution with bias and, where `relu` says so, max(0, x). `shapes` are those of one image, before and after.
    pub fn conv2d(
        &mut self,
        x: Tensor<4>,
        kernel: &PackedKernel,
        relu: bool,
        shapes: [Shape; 2],
    ) -> Tensor<4> {
        let [input, output] = shapes;
        self.apply(vec![x], output, |workspace, x, out| {
            convolve(kernel, relu, (x[0], input), (out, output), workspace);
        })
    }

    /// Pooling. `shapes` are those of one image, before and after.
    pub fn pool2d(
        &mut self,
        x: Tensor<4>,
        pooling: Pooling,
        window: Window,
        shapes: [Shape; 2],
    ) -> Tensor<4> {
        let [input, output] = shapes;
        self.apply(vec![x], output, |_, x, out| pool(pooling, window, (x[0], input), (out, output)))
    }

    /// Tensors joined along their channels to images of shape `output`.
    pub fn concat(&mut self, tensors: Vec<Tensor<4>>, output: Shape) -> Tensor<4> {
        self.apply(tensors, output, |_, tensors, out| {
            let images = out.len() / output.len();
            for (image, mut out) in out.chunks_exact_mut(output.len()).enumerate() {
                for tensor in tensors {
                    let length = tensor.len() / images;
                    let (to, rest) = std::mem::take(&mut out).split_at_mut(length);
                    to.copy_from_slice(&tensor[image * length..][..length]);
                    out = rest;
                }
            }
        })
    }

    /// A tensor of images of shape `output` from the values of others, whose memory is kept where nobody else holds
    /// them. The operation finds old values in its output and writes all of it.
    fn apply(
        &mut self,
        tensors: Vec<Tensor<4>>,
        output: Shape,
        operation: impl FnOnce(&mut Workspace, &[&[f32]], &mut [f32]),
    ) -> Tensor<4> {
        let batch = tensors.first().map_or(0, |tensor| tensor.dims()[0]);
        let mut out = self.memory(batch * output.len());
        // Tensors of other devices do not get here.
        let of_tensor = |tensor: Tensor<4>| Some(tensor.try_into_primitive::<Flex>().ok()?.to_contiguous());
        let primitives: Vec<_> = tensors.into_iter().filter_map(of_tensor).collect();
        let values: Vec<&[f32]> = primitives.iter().filter_map(|primitive| primitive.as_slice()).collect();
        operation(&mut self.workspace, &values, &mut out);
        for primitive in primitives.into_iter().filter(|primitive| primitive.is_unique()) {
            if self.spare.len() < SPARE {
                self.spare.extend(primitive.into_data().try_into_vec().ok());
            }
        }
        let shape = [batch, output.channels, output.height, output.width];
        Tensor::from_data(TensorData::new(out, shape), &Device::flex())
    }

    /// The smallest kept piece that is large enough, but not twice as large, because who keeps a layer's values keeps
    /// all of it; or a new one.
    fn memory(&mut self, length: usize) -> Vec<f32> {
        let spare = self.spare.iter().enumerate();
        let fitting = spare.filter(|(_, spare)| (length..2 * length).contains(&spare.capacity()));
        let Some((best, _)) = fitting.min_by_key(|(_, spare)| spare.capacity()) else {
            return vec![0.0; length];
        };
        let mut memory = self.spare.swap_remove(best);
        memory.resize(length, 0.0);
        memory
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_joined_each_on_its_own_and_memory_is_used_again() {
        let device = Device::flex();
        let tensor = |from: u8, channels: usize| {
            let values: Vec<f32> = (0..2 * channels * 2).map(|at| f32::from(from) + at as f32).collect();
            Tensor::<4>::from_data(TensorData::new(values, [2, channels, 1, 2]), &device)
        };
        let mut cpu = CpuOperations::new(&device).unwrap();
        let held = tensor(50, 2);
        let joined = cpu.concat(vec![tensor(0, 1), held.clone()], Shape { channels: 3, height: 1, width: 2 });
        let expected = [0.0, 1.0, 50.0, 51.0, 52.0, 53.0, 2.0, 3.0, 54.0, 55.0, 56.0, 57.0];
        assert_eq!(values(joined).unwrap(), expected);
        // What nobody else held is there for the next result, and is not handed out twice.
        assert_eq!(cpu.spare.len(), 1);
        assert_eq!(values(held).unwrap(), [50.0, 51.0, 52.0, 53.0, 54.0, 55.0, 56.0, 57.0]);
        assert_eq!(cpu.memory(4).capacity(), 4);
        assert!(cpu.spare.is_empty());
    }
}
