//! Our own operations on maps in blocks.

use burn::tensor::{Device, Tensor, TensorData};

use super::blocked::{Blocked, blocked_len, to_blocks, to_planes};
use super::by_block;
use super::conv::{Kernel, Workspace, convolve_blocks};
use super::cpu::{Host, read};
use super::elementwise;
use super::operations::lengthen;
use super::padded::Image;
use super::pool::{Pooling, pool};
use super::vectors::{Finish, Limits, lanes};
use crate::model::{Arithmetic, LayerIndex, Shape, Window};

/// What a node gives.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "there are few, and tensors are what a GPU has")]
pub enum Value {
    /// `[batch, channels, height, width]`, on any device.
    Tensor(Tensor<4>),
    /// In blocks, on the CPU.
    Blocked(Blocked),
    /// What a convolution reads that is computed where its output is added to something.
    Deferred(Box<Value>, LayerIndex),
    /// Maps and one value for each of their channels, in any order, whose product a convolution reads.
    Scaled(Vec<Value>),
}

/// What is done with a convolution before it is written.
pub struct Ending {
    /// It is kept between them.
    pub limits: Limits,
    /// Then SiLU.
    pub is_gated: bool,
    /// What is added to it first, of the same shape.
    pub added: Option<Value>,
}

impl From<Limits> for Ending {
    fn from(limits: Limits) -> Self {
        Self { limits, is_gated: false, added: None }
    }
}

impl From<Tensor<4>> for Value {
    fn from(tensor: Tensor<4>) -> Self {
        Self::Tensor(tensor)
    }
}

impl From<Blocked> for Value {
    fn from(maps: Blocked) -> Self {
        Self::Blocked(maps)
    }
}

impl Value {
    /// As a tensor.
    pub fn into_tensor(self) -> Tensor<4> {
        match self {
            Self::Tensor(tensor) => tensor,
            Self::Deferred(..) => unreachable!("only the addition reads it"),
            Self::Scaled(_) => unreachable!("only the convolution reads it"),
            Self::Blocked(maps) => {
                let Shape { channels, height, width } = maps.shape;
                let mut values = vec![0.0; maps.batch * maps.shape.len()];
                let images = maps.values().chunks_exact(blocked_len(maps.shape));
                for (from, to) in images.zip(values.chunks_exact_mut(maps.shape.len())) {
                    to_planes(from, maps.shape, to);
                }
                Tensor::from_data(
                    TensorData::new(values, [maps.batch, channels, height, width]),
                    &Device::flex(),
                )
            }
        }
    }

    /// In f32.
    pub fn lengthened(self) -> Self {
        match self {
            Self::Tensor(tensor) => Self::Tensor(lengthen(tensor)),
            blocked => blocked,
        }
    }

    /// Shape of one image.
    pub fn shape(&self) -> Shape {
        match self {
            Self::Tensor(tensor) => {
                let [_, channels, height, width] = tensor.dims();
                Shape { channels, height, width }
            }
            Self::Blocked(maps) => maps.shape,
            Self::Deferred(x, _) => x.shape(),
            Self::Scaled(both) => {
                let shapes = both.iter().map(Self::shape);
                shapes.max_by_key(|shape| shape.len()).unwrap_or(Shape::vector(0))
            }
        }
    }
}

impl Host {
    /// Keeps the memory of values that nobody else has.
    pub(super) fn let_go(&mut self, x: Value) {
        match x {
            Value::Blocked(maps) => self.give_lines_back(maps),
            other => drop(other),
        }
    }

    /// In blocks.
    pub fn blocked(&mut self, x: Value) -> Blocked {
        match x {
            Value::Blocked(maps) => maps,
            value => {
                let tensor = value.into_tensor();
                let shape = Value::Tensor(tensor.clone()).shape();
                let batch = tensor.dims()[0];
                self.new_maps(batch, shape, |_, out| {
                    read(tensor, |values| {
                        let images = values.chunks_exact(shape.len());
                        for (from, to) in images.zip(out.chunks_exact_mut(blocked_len(shape))) {
                            to_blocks(from, shape, to);
                        }
                    });
                })
            }
        }
    }

    /// Convolution with bias, and what is done at the end. `output` is the shape of one image.
    pub fn convolve(&mut self, x: Value, kernel: &Kernel, ending: Ending, output: Shape) -> Blocked {
        let x = match x {
            Value::Scaled(both) => return self.convolve_scaled(both, kernel, ending, output),
            x => x,
        };
        let Ending { limits, is_gated, added } = ending;
        let len = blocked_len(output);
        let added = added.map(|added| self.blocked(added));
        let mut of_images = added.iter().flat_map(|added| added.values().chunks_exact(len));
        let mut finish = || Finish { limits, is_gated, added: of_images.next() };
        let maps = if kernel.reads_planes() {
            let (input, x) = (x.shape(), x.into_tensor());
            self.new_maps(x.dims()[0], output, |workspace, out| {
                read(x, |values| {
                    for (x, out) in values.chunks_exact(input.len()).zip(out.chunks_exact_mut(len)) {
                        convolve_blocks(
                            kernel,
                            finish(),
                            (Image::Planes(x), input),
                            (out, output),
                            workspace,
                        );
                    }
                });
            })
        } else {
            let x = self.blocked(x);
            self.each_image(x, output, |workspace, (x, input), out| {
                convolve_blocks(kernel, finish(), (Image::Blocks(x), input), (out, output), workspace);
            })
        };
        if let Some(added) = added {
            self.give_lines_back(added);
        }
        maps
    }

    /// The same of maps and one value for each channel, which are multiplied first, or the weights with them.
    fn convolve_scaled(
        &mut self,
        mut both: Vec<Value>,
        kernel: &Kernel,
        ending: Ending,
        output: Shape,
    ) -> Blocked {
        both.sort_by_key(|value| value.shape().len());
        let [scale, maps] = match <[Value; 2]>::try_from(both) {
            Ok([scale, maps]) => [self.blocked(scale), self.blocked(maps)],
            Err(_) => unreachable!("there are two of them"),
        };
        let scaled = Some(()).filter(|()| maps.batch == 1).and_then(|()| kernel.scaled(scale.values()));
        if let Some(scaled) = scaled {
            self.give_lines_back(scale);
            return self.convolve(maps.into(), &scaled, ending, output);
        }
        match self.combine_maps(Arithmetic::Mul, Limits::NONE, [maps.into(), scale.into()]) {
            Ok(product) => self.convolve(product.into(), kernel, ending, output),
            Err(_) => unreachable!("they fit each other"),
        }
    }

    /// Pooling. `output` is the shape of one image.
    pub fn pool2d(&mut self, x: Value, pooling: Pooling, window: Window, output: Shape) -> Blocked {
        let x = self.blocked(x);
        self.each_image(x, output, |_, (x, input), out| pool(pooling, window, (x, input), (out, output)))
    }

    /// Mean or largest value of each channel.
    pub fn join_maps(&mut self, maps: Blocked, largest: bool) -> Tensor<4> {
        let Shape { channels, .. } = maps.shape;
        let cells = maps.shape.height * maps.shape.width;
        let mut values = vec![];
        for image in maps.values().chunks_exact(blocked_len(maps.shape)) {
            let mut joined = vec![0.0; channels.next_multiple_of(lanes())];
            by_block::join(cells, largest, image, &mut joined);
            values.extend_from_slice(&joined[..channels]);
        }
        let batch = maps.batch;
        self.give_lines_back(maps);
        Tensor::from_data(TensorData::new(values, [batch, channels, 1, 1]), &Device::flex())
    }

    /// Scale and shift of each channel, kept between limits.
    pub fn scale_maps(&mut self, maps: Blocked, scale: &[f32], shift: &[f32], limits: Limits) -> Blocked {
        let len = blocked_len(maps.shape);
        let whole = |values: &[f32]| {
            let mut whole = values.to_vec();
            whole.resize(values.len().next_multiple_of(lanes()), 0.0);
            whole
        };
        let (scale, shift) = (whole(scale), whole(shift));
        self.change_maps(maps, |values| {
            values.chunks_exact_mut(len).for_each(|values| by_block::affine(&scale, &shift, limits, values));
        })
    }

    /// Two values combined where both have the same shape, or one has a value for each channel of the other, and one is in
    /// blocks; given back otherwise.
    #[expect(clippy::result_large_err, reason = "the values go back to whoever gave them")]
    pub fn combine_maps(
        &mut self,
        arithmetic: Arithmetic,
        limits: Limits,
        [a, b]: [Value; 2],
    ) -> Result<Blocked, [Value; 2]> {
        if !matches!((&a, &b), (Value::Blocked(_), _) | (_, Value::Blocked(_))) {
            return Err([a, b]);
        }
        let is_per_channel = |few: Shape, many: Shape| few == Shape::vector(many.channels);
        let is_commutative =
            matches!(arithmetic, Arithmetic::Add | Arithmetic::Mul | Arithmetic::Max | Arithmetic::Min);
        let (of_a, of_b) = (a.shape(), b.shape());
        let [a, b] = match () {
            () if of_a == of_b || is_per_channel(of_b, of_a) => [a, b],
            () if is_commutative && is_per_channel(of_a, of_b) => [b, a],
            () => return Err([a, b]),
        };
        let (a, b) = (self.blocked(a), self.blocked(b));
        let (batch, shape, len) = (a.batch, a.shape, [blocked_len(a.shape), blocked_len(b.shape)]);
        let combined = self.new_maps(batch, shape, |_, out| {
            let images = a.values().chunks_exact(len[0]).zip(b.values().chunks_exact(len[1]));
            for ((a, b), out) in images.zip(out.chunks_exact_mut(len[0])) {
                match len[0] == len[1] {
                    true => elementwise::combine(arithmetic, limits, a, b, out),
                    false => by_block::combine(arithmetic, limits, a, b, out),
                }
            }
        });
        self.give_lines_back(a);
        self.give_lines_back(b);
        Ok(combined)
    }

    /// The channels of all, one after the other, where each fills whole blocks; given back otherwise.
    pub fn concat_maps(&mut self, all: Vec<Value>, output: Shape) -> Result<Blocked, Vec<Value>> {
        let is_blocked = |value: &Value| matches!(value, Value::Blocked(_));
        if !all.iter().any(is_blocked) || all.iter().any(|value| value.shape().channels % lanes() != 0) {
            return Err(all);
        }
        let all: Vec<_> = all.into_iter().map(|value| self.blocked(value)).collect();
        let batch = all.first().map_or(0, |maps| maps.batch);
        let joined = self.new_maps(batch, output, |_, out| {
            for (image, out) in out.chunks_exact_mut(blocked_len(output)).enumerate() {
                let parts = all.iter().map(|maps| {
                    let len = blocked_len(maps.shape);
                    &maps.values()[image * len..][..len]
                });
                by_block::concat(parts, out);
            }
        });
        all.into_iter().for_each(|maps| self.give_lines_back(maps));
        Ok(joined)
    }

    /// Changes values: in their own memory, where nobody else needs it.
    pub fn change_maps(&mut self, maps: Blocked, change: impl FnOnce(&mut [f32])) -> Blocked {
        let (batch, shape) = (maps.batch, maps.shape);
        let count = batch * blocked_len(shape);
        let mut lines = maps.into_lines().unwrap_or_else(|maps| {
            let mut lines = self.take_lines(count);
            bytemuck::cast_slice_mut(&mut lines)[..count].copy_from_slice(maps.values());
            lines
        });
        change(&mut bytemuck::cast_slice_mut(&mut lines)[..count]);
        Blocked::new(batch, shape, lines)
    }

    /// New maps from others, image by image.
    fn each_image(
        &mut self,
        x: Blocked,
        output: Shape,
        mut operation: impl FnMut(&mut Workspace, (&[f32], Shape), &mut [f32]),
    ) -> Blocked {
        let maps = self.new_maps(x.batch, output, |workspace, out| {
            let images = x.values().chunks_exact(blocked_len(x.shape));
            for (from, to) in images.zip(out.chunks_exact_mut(blocked_len(output))) {
                operation(workspace, (from, x.shape), to);
            }
        });
        self.give_lines_back(x);
        maps
    }

    pub(super) fn new_maps(
        &mut self,
        batch: usize,
        shape: Shape,
        fill: impl FnOnce(&mut Workspace, &mut [f32]),
    ) -> Blocked {
        let count = batch * blocked_len(shape);
        let mut lines = self.take_lines(count);
        fill(&mut self.workspace, &mut bytemuck::cast_slice_mut(&mut lines)[..count]);
        Blocked::new(batch, shape, lines)
    }
}
