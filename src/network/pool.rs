//! Pooling on the CPU.

use macerator::{Scalar, Simd, Vector};

use super::slide::{Slide, slide};
use crate::model::{Shape, Window};

/// What becomes of the values in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The largest, or NaN where there is one.
    Max,
    /// The mean.
    Average {
        /// Padding counts, with zeros.
        count_padding: bool,
    },
}

/// Pools one image in blocks into `out`.
pub fn pool(
    pooling: Pooling,
    window: Window,
    (x, input): (&[f32], Shape),
    (out, output): (&mut [f32], Shape),
) {
    match pooling {
        Pooling::Max => slide(&Largest, window, (x, input), (out, output)),
        Pooling::Average { count_padding } => {
            let all = count_padding.then_some(window.kernel[0] * window.kernel[1]);
            slide(&Mean { all }, window, (x, input), (out, output));
        }
    }
}

struct Largest;

impl Slide for Largest {
    const PADS: bool = false;

    #[inline(always)]
    fn start<S: Simd>(&self, _: usize) -> Vector<S, f32> {
        f32::NEG_INFINITY.splat()
    }

    #[inline(always)]
    fn weight<S: Simd>(&self, _: usize, _: usize) -> Vector<S, f32> {
        0.0f32.splat()
    }

    /// NaN wins, as in PyTorch.
    #[inline(always)]
    fn join<S: Simd>(&self, sum: Vector<S, f32>, value: Vector<S, f32>, _: Vector<S, f32>) -> Vector<S, f32> {
        let is_nan = value.ne(value);
        is_nan.select(value, sum.lt(value).select(value, sum))
    }

    #[inline(always)]
    fn finish<S: Simd>(&self, sum: Vector<S, f32>, _: usize) -> Vector<S, f32> {
        sum
    }
}

struct Mean {
    /// How many values each mean is made of; `None`: those that lie in the picture.
    all: Option<usize>,
}

impl Slide for Mean {
    const PADS: bool = false;

    #[inline(always)]
    fn start<S: Simd>(&self, _: usize) -> Vector<S, f32> {
        0.0f32.splat()
    }

    #[inline(always)]
    fn weight<S: Simd>(&self, _: usize, _: usize) -> Vector<S, f32> {
        0.0f32.splat()
    }

    #[inline(always)]
    fn join<S: Simd>(&self, sum: Vector<S, f32>, value: Vector<S, f32>, _: Vector<S, f32>) -> Vector<S, f32> {
        sum + value
    }

    #[inline(always)]
    fn finish<S: Simd>(&self, sum: Vector<S, f32>, inside: usize) -> Vector<S, f32> {
        sum / (self.all.unwrap_or(inside) as f32).splat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::blocked::{blocked_len, to_blocks, to_planes};

    /// In planes, `[batch, channels, height, width]`.
    fn pool_planes(
        pooling: Pooling,
        window: Window,
        (x, input): (&[f32], Shape),
        (out, output): (&mut [f32], Shape),
    ) {
        for (x, out) in x.chunks_exact(input.len()).zip(out.chunks_exact_mut(output.len())) {
            let mut blocks = [vec![0.0; blocked_len(input)], vec![0.0; blocked_len(output)]];
            let [from, to] = &mut blocks;
            to_blocks(x, input, from);
            pool(pooling, window, (from, input), (to, output));
            to_planes(to, output, out);
        }
    }

    #[test]
    fn pools_as_the_definition_says() {
        let windows = [
            ([3, 3], [1, 1], [1, 1], [1, 1]),
            ([3, 3], [2, 2], [0, 0], [0, 0]),
            ([2, 3], [1, 2], [0, 1], [0, 1]),
            ([3, 2], [3, 3], [1, 0], [1, 0]),
            ([3, 3], [2, 2], [0, 0], [1, 1]),
            ([3, 3], [2, 2], [1, 0], [0, 1]),
        ];
        for (kernel, stride, padding, after) in windows {
            let window = Window { padding_after: after, ..Window::new(kernel, stride, padding) };
            for (height, width) in [(3, 3), (8, 8), (17, 35)] {
                let input = Shape { channels: 5, height, width };
                let side = |axis: usize, length: usize| {
                    (length + padding[axis] + after[axis] - kernel[axis]) / stride[axis] + 1
                };
                let output = Shape { channels: 5, height: side(0, height), width: side(1, width) };
                let x: Vec<f32> =
                    (0..3 * input.len()).map(|at| ((at * 37 + 11) % 101) as f32 - 60.0).collect();
                for pooling in [
                    Pooling::Max,
                    Pooling::Average { count_padding: false },
                    Pooling::Average { count_padding: true },
                ] {
                    let mut out = vec![f32::NAN; 3 * output.len()];
                    pool_planes(pooling, window, (&x, input), (&mut out, output));
                    for (at, &ours) in out.iter().enumerate() {
                        let (column, row) = (at % output.width, at / output.width % output.height);
                        let plane = at / output.width / output.height * height * width;
                        let mut found = vec![];
                        for y in row * stride[0]..row * stride[0] + kernel[0] {
                            for x_at in column * stride[1]..column * stride[1] + kernel[1] {
                                let place = (y.wrapping_sub(padding[0]), x_at.wrapping_sub(padding[1]));
                                if place.0 < height && place.1 < width {
                                    found.push(f64::from(x[plane + place.0 * width + place.1]));
                                }
                            }
                        }
                        let sum: f64 = found.iter().sum();
                        let expected = match pooling {
                            Pooling::Max => found.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                            Pooling::Average { count_padding: false } => sum / found.len() as f64,
                            Pooling::Average { .. } => sum / (kernel[0] * kernel[1]) as f64,
                        };
                        let close = (f64::from(ours) - expected).abs() < 1e-4;
                        assert!(close, "{pooling:?} {window:?} {input}: {ours} at {at}, not {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn nan_is_the_largest() {
        let window = Window::new([3, 3], [2, 2], [0, 0]);
        let (input, output) =
            (Shape { channels: 1, height: 5, width: 5 }, Shape { channels: 1, height: 2, width: 2 });
        let mut x = vec![1.0; 25];
        x[0] = f32::NAN;
        let mut out = vec![0.0; 4];
        pool_planes(Pooling::Max, window, (&x, input), (&mut out, output));
        assert!(out[0].is_nan());
        assert_eq!(out[1..], [1.0; 3]);
    }
}
