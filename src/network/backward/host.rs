//! The reverse of operations on the CPU, on the memory of flex' tensors: all threads, in vectors as far as the compiler makes
//! them.

use burn::tensor::Tensor;
use macerator::AutoArch;
use rayon::prelude::*;

use crate::model::{Activation, CamMethod, Rule, Shape, Window};
use crate::network::cpu::{Host, input_from_values, read};
use crate::network::elementwise::{CHUNK, join_planes};

use super::derivatives;

impl Host {
    /// Back through an activation of single values; see [`derivatives::through`].
    pub(super) fn through_activation(
        &mut self,
        activation: Activation,
        rule: Rule,
        of: &Tensor<4>,
        gradient: Tensor<4>,
    ) -> Tensor<4> {
        self.change_by(gradient, of, |gradient, of| {
            derivatives::through(activation, rule, of, gradient);
        })
    }

    /// The sum of two gradients of the same shape.
    pub(super) fn sum(&mut self, a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
        self.change_by(a, &b, |a, b| {
            a.par_chunks_mut(CHUNK).zip(b.par_chunks(CHUNK)).for_each(|(a, b)| {
                AutoArch::new().dispatch(
                    #[inline(always)]
                    || a.iter_mut().zip(b).for_each(|(a, b)| *a += b),
                );
            });
        })
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

    /// Back to the place that won in each window; of several the first one, as in PyTorch.
    pub(super) fn through_max_pool(
        &mut self,
        x: Tensor<4>,
        gradient: Tensor<4>,
        window: Window,
        [input, output]: [Shape; 2],
    ) -> Tensor<4> {
        self.apply(vec![x, gradient], input, |_, values, out| {
            let planes = out.par_chunks_exact_mut(input.height * input.width);
            let x = values[0].par_chunks_exact(input.height * input.width);
            let gradient = values[1].par_chunks_exact(output.height * output.width);
            planes.zip(x.zip(gradient)).with_min_len(4).for_each(|(out, (x, gradient))| {
                out.fill(0.0);
                for (at, g) in gradient.iter().enumerate().filter(|(_, g)| **g != 0.0) {
                    let place = [at / output.width, at % output.width];
                    if let Some(winner) = winner(x, window, input, place) {
                        out[winner] += g;
                    }
                }
            });
        })
    }

    /// Spreads each window's gradient evenly over its values.
    pub(super) fn through_avg_pool(
        &mut self,
        gradient: Tensor<4>,
        window: Window,
        count_padding: bool,
        [input, output]: [Shape; 2],
    ) -> Tensor<4> {
        let part = |axis: usize, at: usize, length: usize| reached(window, axis, at, length);
        let counts: Vec<f32> = (0..output.height * output.width)
            .map(|at| {
                let rows = part(0, at / output.width, input.height).len();
                let columns = part(1, at % output.width, input.width).len();
                let all = window.kernel[0] * window.kernel[1];
                1.0 / (if count_padding { all } else { rows * columns }.max(1)) as f32
            })
            .collect();
        self.apply(vec![gradient], input, |_, gradient, out| {
            let planes = out.par_chunks_exact_mut(input.height * input.width);
            let gradient = gradient[0].par_chunks_exact(output.height * output.width);
            planes.zip(gradient).with_min_len(4).for_each_init(
                Vec::new,
                |sums: &mut Vec<f32>, (out, gradient)| {
                    AutoArch::new().dispatch(
                        #[inline(always)]
                        || {
                            out.fill(0.0);
                            for (y, row) in gradient.chunks_exact(output.width).enumerate() {
                                // Spread along the row once, then to all rows of the window.
                                sums.clear();
                                sums.resize(input.width, 0.0);
                                let counts = &counts[y * output.width..][..output.width];
                                for column in 0..window.kernel[1] {
                                    spread(row, counts, window, column, sums);
                                }
                                for to in part(0, y, input.height) {
                                    let to = &mut out[to * input.width..][..input.width];
                                    to.iter_mut().zip(&*sums).for_each(|(to, sum)| *to += sum);
                                }
                            }
                        },
                    );
                },
            );
        })
    }

    /// The gradient of each plane's mean, or of its sum where `scale` is 1, for all of its cells.
    pub(super) fn fill_planes(&mut self, gradient: Tensor<4>, scale: f32, input: Shape) -> Tensor<4> {
        self.apply(vec![gradient], input, |_, gradient, out| {
            let planes = out.chunks_exact_mut((input.height * input.width).max(1));
            planes.zip(gradient[0]).for_each(|(out, g)| out.fill(g * scale));
        })
    }

    /// The sum of each plane.
    pub(super) fn sum_planes(&mut self, x: Tensor<4>, output: Shape) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let cells = height * width;
        self.apply(vec![x], output, |_, x, out| {
            join_planes(cells, false, x[0], out);
            out.iter_mut().for_each(|mean| *mean *= cells as f32);
        })
    }

    /// Some channels of a tensor.
    pub(super) fn channels(&mut self, x: Tensor<4>, first: usize, part: Shape) -> Tensor<4> {
        let start = first * part.height * part.width;
        self.apply(vec![x], part, |_, x, out| out.copy_from_slice(&x[0][start..][..out.len()]))
    }

    /// Each value times that of another tensor: of the same shape, or one for each plane.
    pub(super) fn scale_by(&mut self, x: Tensor<4>, by: &Tensor<4>) -> Tensor<4> {
        self.change_by(x, by, |x, by| {
            if x.len() == by.len() {
                x.iter_mut().zip(by).for_each(|(x, by)| *x *= by);
            } else {
                let of_plane = x.len() / by.len().max(1);
                let planes = x.chunks_exact_mut(of_plane.max(1)).zip(by);
                planes.for_each(|(x, by)| x.iter_mut().for_each(|x| *x *= by));
            }
        })
    }

    /// Each channel times a number.
    pub(super) fn scale_channels(&mut self, x: Tensor<4>, scale: &[f32]) -> Tensor<4> {
        self.change(x, |values| {
            let of_plane = values.len() / scale.len().max(1);
            let planes = values.par_chunks_exact_mut(of_plane.max(1)).zip(scale);
            planes.with_min_len(8).for_each(|(values, scale)| values.iter_mut().for_each(|x| *x *= scale));
        })
    }

    /// Changes the values of `x` by those of another tensor.
    fn change_by(
        &mut self,
        x: Tensor<4>,
        by: &Tensor<4>,
        change: impl FnOnce(&mut [f32], &[f32]),
    ) -> Tensor<4> {
        read(by.clone(), |by| self.change(x, |x| change(x, by)))
    }
}

/// The place that won in a window.
#[inline(always)]
fn winner(x: &[f32], window: Window, input: Shape, place: [usize; 2]) -> Option<usize> {
    let mut best: Option<(f32, usize)> = None;
    for row in places(window, 0, place[0], input.height) {
        for column in places(window, 1, place[1], input.width) {
            let at = row * input.width + column;
            let value = x[at];
            if best.is_none_or(|(most, _)| value > most || value.is_nan()) {
                best = Some((value, at));
            }
        }
    }
    best.map(|(_, at)| at)
}

/// The cells of an axis that a window reads.
fn places(window: Window, axis: usize, at: usize, length: usize) -> impl Iterator<Item = usize> {
    let (start, padding, step) = (at * window.stride[axis], window.padding[axis], window.dilation[axis]);
    let places = (0..window.kernel[axis]).map(move |place| start + place * step);
    places.filter_map(move |place| place.checked_sub(padding).filter(|place| *place < length))
}

/// The same without dilation.
fn reached(window: Window, axis: usize, at: usize, length: usize) -> std::ops::Range<usize> {
    let (start, padding) = (at * window.stride[axis], window.padding[axis]);
    start.saturating_sub(padding).min(length)
        ..(start + window.kernel[axis]).saturating_sub(padding).min(length)
}

/// Adds each gradient of a row, times its part, to the cell that its window has at `column`.
#[inline(always)]
fn spread(row: &[f32], parts: &[f32], window: Window, column: usize, sums: &mut [f32]) {
    let (stride, padding) = (window.stride[1], window.padding[1]);
    // The first window whose place lies on the picture.
    let first = padding.saturating_sub(column).div_ceil(stride);
    let Some(start) = (first * stride + column).checked_sub(padding).filter(|at| *at < sums.len()) else {
        return;
    };
    let values = row.iter().zip(parts).skip(first);
    if stride == 1 {
        let (row, parts) = (row.get(first..).unwrap_or_default(), parts.get(first..).unwrap_or_default());
        sums[start..].iter_mut().zip(row.iter().zip(parts)).for_each(|(sum, (g, part))| *sum += g * part);
    } else {
        sums[start..].iter_mut().step_by(stride).zip(values).for_each(|(sum, (g, part))| *sum += g * part);
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
