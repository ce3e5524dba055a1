//! Host memory ⇄ Burn tensors: the way in and out on the CPU device, where both are the same memory; and our own
//! operations on that memory.
//!
//! On a GPU nothing takes this way: see `crate::bridge`. A test keeps `into_data` out of all other files.

use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::{Device, Tensor, TensorData};
use burn_flex::{Flex, FlexTensor};

use super::conv::{Kernel, convolve};
use super::panels::Workspace;
use super::pool::{Pooling, pool};
use crate::model::{Shape, Window};

/// True for the device whose tensors are host memory.
pub fn is_cpu(device: &Device) -> bool {
    *device == Device::flex()
}

/// Runs something that uses many of rayon's threads in turn, on one of them. The others stay awake until it is done: to
/// wake them for each layer takes as long as a small layer itself.
pub fn on_all_cores<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    let done = AtomicBool::new(false);
    rayon::scope(|scope| {
        let own = rayon::current_thread_index();
        let done = &done;
        scope.spawn_broadcast(move |_, context| {
            while Some(context.index()) != own && !done.load(Ordering::Acquire) {
                if rayon::yield_now() != Some(rayon::Yield::Executed) {
                    // Whoever else wants this core.
                    std::thread::yield_now();
                }
            }
        });
        // Also where the work panics.
        let _finally = SetOnDrop(done);
        work()
    })
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Our own operations, and the memory that they use again and again.
#[derive(Default)]
pub struct Host {
    workspace: Workspace,
    /// Of tensors that nobody needs any longer: new memory would have to be filled with zeros first.
    spare: Vec<Vec<f32>>,
}

/// As many spare pieces of memory are kept at most.
const SPARE: usize = 12;

impl Host {
    /// Convolution of a tensor of the CPU device, with bias and, where `relu` says so, max(0, x). `shapes` are those of
    /// one image, before and after.
    pub fn conv2d(&mut self, x: Tensor<4>, kernel: &Kernel, relu: bool, shapes: [Shape; 2]) -> Tensor<4> {
        let [input, output] = shapes;
        self.apply(vec![x], output, |workspace, x, out| {
            convolve(kernel, relu, (x[0], input), (out, output), workspace);
        })
    }

    /// Pooling of a tensor of the CPU device. `shapes` are those of one image, before and after.
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

    /// The channels of all tensors of the CPU device, one after the other; `output` is the shape of one image.
    pub fn concat(&mut self, all: Vec<Tensor<4>>, output: Shape) -> Tensor<4> {
        let batch = all.first().map_or(0, |x| x.dims()[0]);
        self.apply(all, output, |_, all, out| {
            for (image, mut out) in out.chunks_exact_mut(output.len()).enumerate() {
                for x in all {
                    let (to, rest) = out.split_at_mut(x.len() / batch);
                    to.copy_from_slice(&x[image * to.len()..][..to.len()]);
                    out = rest;
                }
            }
        })
    }

    /// A new tensor, of `output`'s shape for each image, from the values of others.
    fn apply(
        &mut self,
        all: Vec<Tensor<4>>,
        output: Shape,
        operation: impl FnOnce(&mut Workspace, &[&[f32]], &mut [f32]),
    ) -> Tensor<4> {
        let (batch, device) = all.first().map_or((0, Device::flex()), |x| (x.dims()[0], x.device()));
        let mut values = self.take(batch * output.len());
        // Tensors of other devices do not get here.
        let all: Vec<_> = all.into_iter().filter_map(|x| x.try_into_primitive::<Flex>().ok()).collect();
        let all: Vec<_> = all.into_iter().map(|x| x.to_contiguous()).collect();
        let slices: Vec<&[f32]> = all.iter().filter_map(|x| x.as_slice::<f32>()).collect();
        operation(&mut self.workspace, &slices, &mut values);
        for x in all {
            self.give_back(x);
        }
        let shape = [batch, output.channels, output.height, output.width];
        Tensor::from_data(TensorData::new(values, shape), &device)
    }

    /// Memory for `count` values, of any content.
    fn take(&mut self, count: usize) -> Vec<f32> {
        let fitting = (0..self.spare.len()).filter(|&at| self.spare[at].len() >= count);
        let Some(at) = fitting.min_by_key(|&at| self.spare[at].len()) else { return vec![0.0; count] };
        let mut values = self.spare.swap_remove(at);
        values.truncate(count);
        values
    }

    /// Keeps the memory of a tensor that nobody else has.
    fn give_back(&mut self, tensor: FlexTensor) {
        if self.spare.len() < SPARE
            && tensor.is_unique()
            && let Ok(values) = tensor.into_data().try_into_vec::<f32>()
        {
            self.spare.push(values);
        }
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
