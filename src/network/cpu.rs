//! Host memory ⇄ Burn tensors: the way in and out on the CPU device, where both are the same memory; and our own
//! operations on that memory.
//!
//! On a GPU nothing takes this way: see `crate::bridge`. A test keeps `into_data` out of all other files.

use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::{Device, Tensor, TensorData};
use burn_flex::{Flex, FlexTensor};

use super::blocked::Blocked;
use super::conv::Workspace;
use super::elementwise;
use super::vectors::{LONGEST, Limits, Line, zeros};
use crate::model::{Arithmetic, Shape};

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
    pub(super) workspace: Workspace,
    /// Of tensors that nobody needs any longer: new memory would have to be filled with zeros first.
    spare: Vec<Vec<f32>>,
    /// The same of maps in blocks.
    spare_lines: Vec<Vec<Line>>,
}

/// As many spare pieces of memory are kept at most: those of a way back, which needs the values of many layers.
const SPARE: usize = 256;

impl Host {
    /// Two tensors of the CPU device combined, where they have the same shape, or one has a value for each plane of the
    /// other; given back otherwise. `output` is the shape of one image.
    pub fn combine(
        &mut self,
        arithmetic: Arithmetic,
        limits: Limits,
        [a, b]: [Tensor<4>; 2],
        output: Shape,
    ) -> Result<Tensor<4>, Vec<Tensor<4>>> {
        let (of_a, of_b) = (a.dims(), b.dims());
        let is_per_plane = |few: [usize; 4], many: [usize; 4]| few[..2] == many[..2] && few[2..] == [1, 1];
        let is_commutative =
            matches!(arithmetic, Arithmetic::Add | Arithmetic::Mul | Arithmetic::Max | Arithmetic::Min);
        let operands = match () {
            () if of_a == of_b || is_per_plane(of_b, of_a) => vec![a, b],
            () if is_commutative && is_per_plane(of_a, of_b) => vec![b, a],
            () => return Err(vec![a, b]),
        };
        Ok(self.apply(operands, output, |_, all, out| {
            elementwise::combine(arithmetic, limits, all[0], all[1], out);
        }))
    }

    /// Mean or largest value of each plane of a tensor of the CPU device.
    pub fn join_planes(&mut self, x: Tensor<4>, largest: bool, output: Shape) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        self.apply(vec![x], output, |_, x, out| {
            elementwise::join_planes(height * width, largest, x[0], out);
        })
    }

    /// A matrix `[outputs, inputs]` times each image of a tensor of the CPU device, which are vectors.
    pub fn dense(&mut self, x: Tensor<4>, weight: &[f32], bias: &[f32], output: Shape) -> Tensor<4> {
        self.apply(vec![x], output, |_, x, out| {
            let inputs = weight.len() / output.channels.max(1);
            for (x, out) in x[0].chunks_exact(inputs.max(1)).zip(out.chunks_exact_mut(output.channels)) {
                elementwise::dense(weight, bias, x, out);
            }
        })
    }

    /// Changes the values of a tensor of the CPU device: in its own memory, where nobody else needs it.
    pub fn change(&mut self, x: Tensor<4>, change: impl FnOnce(&mut [f32])) -> Tensor<4> {
        let (shape, device) = (x.dims(), x.device());
        let Ok(given) = x.try_into_primitive::<Flex>() else {
            unreachable!("tensors of other devices do not get here")
        };
        let x = given.to_contiguous();
        // It shares its memory with the other, which would then never be ours alone.
        drop(given);
        let mut values = match x.is_unique() {
            true => x.into_data().try_into_vec::<f32>().unwrap_or_default(),
            false => {
                let from = x.as_slice::<f32>().unwrap_or_default();
                let mut values = self.take(from.len());
                values.copy_from_slice(from);
                values
            }
        };
        change(&mut values);
        Tensor::from_data(TensorData::new(values, shape), &device)
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
    pub(super) fn apply(
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
        let fitting = (0..self.spare.len()).filter(|&at| self.spare[at].capacity() >= count);
        let Some(at) = fitting.min_by_key(|&at| self.spare[at].capacity()) else { return vec![0.0; count] };
        let mut values = self.spare.swap_remove(at);
        values.resize(count, 0.0);
        values
    }

    /// Lines for `count` values, of any content.
    pub(super) fn take_lines(&mut self, count: usize) -> Vec<Line> {
        let needed = count.div_ceil(LONGEST);
        let fitting = (0..self.spare_lines.len()).filter(|&at| self.spare_lines[at].len() >= needed);
        let Some(at) = fitting.min_by_key(|&at| self.spare_lines[at].len()) else { return zeros(count) };
        self.spare_lines.swap_remove(at)
    }

    /// Keeps the memory of maps that nobody else has.
    pub(super) fn give_lines_back(&mut self, maps: Blocked) {
        if self.spare_lines.len() < SPARE
            && let Ok(lines) = maps.into_lines()
        {
            self.spare_lines.push(lines);
        }
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

/// Shows the values of a tensor of the CPU device.
pub(super) fn read<R>(x: Tensor<4>, look: impl FnOnce(&[f32]) -> R) -> R {
    // Tensors of other devices do not get here.
    let x = x.try_into_primitive::<Flex>().ok().map(|x| x.to_contiguous());
    look(x.as_ref().and_then(|x| x.as_slice::<f32>()).unwrap_or_default())
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
