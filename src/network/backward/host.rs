//! The reverse of operations on the CPU: all threads, in vectors as far as the compiler makes them.

use burn::tensor::Tensor;
use macerator::AutoArch;
use rayon::prelude::*;

use crate::model::{Activation, Arithmetic, CamMethod, Rule, Shape};
use crate::network::blocked::blocked_len;
use crate::network::cpu::{Host, input_from_values, read};
use crate::network::elementwise::CHUNK;
use crate::network::maps::Value;
use crate::network::vectors::{Limits, lanes};

use super::derivatives;

impl Host {
    /// Back through an activation of single values; see [`derivatives::through`].
    pub(super) fn through_activation(
        &mut self,
        activation: Activation,
        rule: Rule,
        of: Value,
        gradient: Value,
    ) -> Value {
        self.change_by(gradient, of, |gradient, of| {
            derivatives::through(activation, rule, of, gradient);
        })
    }

    /// The sum of two gradients of the same shape.
    pub(super) fn sum(&mut self, a: Value, b: Value) -> Value {
        self.change_by(a, b, |a, b| {
            a.par_chunks_mut(CHUNK).zip(b.par_chunks(CHUNK)).for_each(|(a, b)| {
                AutoArch::new().dispatch(
                    #[inline(always)]
                    || a.iter_mut().zip(b).for_each(|(a, b)| *a += b),
                );
            });
        })
    }

    /// Each value of a gradient times one of the same shape, or one for each channel.
    pub(super) fn times(&mut self, gradient: Value, by: Value) -> Value {
        let both = [self.blocked(gradient).into(), self.blocked(by).into()];
        match self.combine_maps(Arithmetic::Mul, Limits::NONE, both) {
            Ok(product) => product.into(),
            Err([gradient, _]) => gradient,
        }
    }

    /// The sum of each channel.
    pub(super) fn sum_maps(&mut self, x: Value) -> Value {
        let Shape { height, width, .. } = x.shape();
        let maps = self.blocked(x);
        let mean = self.join_maps(maps, false);
        self.change(mean, |means| means.iter_mut().for_each(|mean| *mean *= (height * width) as f32)).into()
    }

    /// Some channels.
    pub(super) fn channels(&mut self, x: Value, first: usize, part: Shape) -> Value {
        let cells = part.height * part.width;
        match x {
            Value::Blocked(maps) if first.is_multiple_of(lanes()) => {
                let start = first * cells;
                let part = self.new_maps(1, part, |_, out| {
                    out.copy_from_slice(&maps.values()[start..][..blocked_len(part)]);
                });
                part.into()
            }
            x => {
                let start = first * cells;
                let x = x.into_tensor();
                self.apply(vec![x], part, |_, x, out| out.copy_from_slice(&x[0][start..][..out.len()])).into()
            }
        }
    }

    /// Changes the values of `x` by those of another one.
    fn change_by(&mut self, x: Value, by: Value, change: impl FnOnce(&mut [f32], &[f32])) -> Value {
        match (x, by) {
            (Value::Tensor(x), by) if x.dims()[2..] == [1, 1] => {
                read(by.into_tensor(), |by| self.change(x, |x| change(x, by))).into()
            }
            (x, by) => {
                let (x, by) = (self.blocked(x), self.blocked(by));
                let changed = self.change_maps(x, |x| change(x, by.values()));
                self.give_lines_back(by);
                changed.into()
            }
        }
    }

    /// Back through a matrix `[outputs, inputs]`.
    pub(super) fn through_dense(&mut self, weight: &[f32], gradient: Tensor<4>, input: Shape) -> Tensor<4> {
        self.apply(vec![gradient], input, |_, gradient, out| {
            let count = out.len();
            out.par_chunks_mut(1024).enumerate().for_each(|(part, out)| {
                out.fill(0.0);
                let rows = weight.chunks_exact(count.max(1)).zip(gradient[0]);
                // A class alone has one row that counts.
                for (row, g) in rows.filter(|(_, g)| **g != 0.0) {
                    let row = &row[part * 1024..][..out.len()];
                    AutoArch::new().dispatch(
                        #[inline(always)]
                        || out.iter_mut().zip(row).for_each(|(out, weight)| *out += g * weight),
                    );
                }
            });
        })
    }
}

/// [`super::cam::cam`] on the CPU, in f64 where many numbers are added.
pub fn map_of_channels(method: CamMethod, values: Tensor<4>, gradient: Tensor<4>) -> Tensor<4> {
    let [_, _, height, width] = values.dims();
    let (cells, device) = (height * width, values.device());
    let (values, gradient) = (crate::network::values(values), crate::network::values(gradient));
    let (values, gradient) = (values.unwrap_or_default(), gradient.unwrap_or_default());
    let mut map = vec![0.0f64; cells];
    for (values, gradient) in values.chunks_exact(cells).zip(gradient.chunks_exact(cells)) {
        let weight = match method {
            CamMethod::LayerCam => {
                let cells = map.iter_mut().zip(values.iter().zip(gradient));
                cells.for_each(|(to, (value, g))| *to += f64::from(g.max(0.0)) * f64::from(*value));
                continue;
            }
            CamMethod::GradCam => gradient.iter().map(|g| f64::from(*g)).sum::<f64>() / cells as f64,
            CamMethod::GradCamPlusPlus => {
                let sum: f64 = values.iter().map(|value| f64::from(*value)).sum();
                let weigh = |g: &f32| {
                    let (g, square) = (f64::from(*g), f64::from(*g) * f64::from(*g));
                    let below = 2.0 * square + square * g * sum;
                    if below == 0.0 { 0.0 } else { square / below * g.max(0.0) }
                };
                gradient.iter().map(weigh).sum()
            }
        };
        map.iter_mut().zip(values).for_each(|(to, value)| *to += weight * f64::from(*value));
    }
    let map = map.into_iter().map(|value| value.max(0.0) as f32).collect();
    input_from_values(map, Shape { channels: 1, height, width }, &device)
}
