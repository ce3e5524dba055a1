//! Pooling on the CPU: each plane on a thread of rayon's pool, row by row, so that the compiler can use vectors.

use std::ops::Range;

use macerator::AutoArch;
use rayon::prelude::*;

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

/// Pools `x` (`[batch, channels, height, width]`, of `input`'s shape each) into `out`, of `output`'s shape each.
pub fn pool(
    pooling: Pooling,
    window: Window,
    (x, input): (&[f32], Shape),
    (out, output): (&mut [f32], Shape),
) {
    let planes = x.par_chunks_exact(input.height * input.width);
    let out = out.par_chunks_exact_mut(output.height * output.width);
    // How many values of each row a mean is made of.
    let counts = |columns: usize| -> Vec<f32> {
        let count = |column| inside(column, 1, window, input.width).len() as f32;
        (0..columns).map(count).collect()
    };
    let (shapes, counts) = ([input, output], &counts(output.width));
    planes.zip(out).with_min_len(8).for_each_init(Vec::new, |line, (plane, out)| {
        AutoArch::new().dispatch(
            #[inline(always)]
            || match pooling {
                Pooling::Max => pool_plane(plane, out, shapes, window, line, f32::NEG_INFINITY, larger),
                Pooling::Average { count_padding } => {
                    pool_plane(plane, out, shapes, window, line, 0.0, |a, b| a + b);
                    divide(out, shapes, window, (!count_padding).then_some(counts));
                }
            },
        );
    });
}

/// NaN wins, as in PyTorch.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a >= b || a.is_nan() { a } else { b }
}

/// The part of a window that lies on the picture.
#[inline(always)]
fn inside(at: usize, axis: usize, window: Window, length: usize) -> Range<usize> {
    let (start, padding) = (at * window.stride[axis], window.padding[axis]);
    start.saturating_sub(padding)..(start + window.kernel[axis]).saturating_sub(padding).min(length)
}

/// Joins all values of each window, rows first; `line` is memory for one row with padding.
#[inline(always)]
fn pool_plane(
    plane: &[f32],
    out: &mut [f32],
    [input, output]: [Shape; 2],
    window: Window,
    line: &mut Vec<f32>,
    empty: f32,
    join: impl Fn(f32, f32) -> f32,
) {
    let (padding, stride) = (window.padding[1], window.stride[1]);
    line.clear();
    // One more completes the last pair.
    line.resize(input.width + 2 * padding + 1, empty);
    for (y, out) in out.chunks_exact_mut(output.width).enumerate() {
        let sums = &mut line[padding..padding + input.width];
        sums.fill(empty);
        for row in inside(y, 0, window, input.height) {
            let row = &plane[row * input.width..][..input.width];
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum = join(*sum, *value));
        }
        out.fill(empty);
        for column in 0..window.kernel[1] {
            let from = &line[column..];
            match stride {
                1 => out.iter_mut().zip(from).for_each(|(out, value)| *out = join(*out, *value)),
                // The compiler makes vectors of pairs, but not of every second value.
                2 => {
                    let pairs = out.iter_mut().zip(from.as_chunks::<2>().0);
                    pairs.for_each(|(out, pair)| *out = join(*out, pair[0]));
                }
                _ => {
                    let values = out.iter_mut().zip(from.iter().step_by(stride));
                    values.for_each(|(out, value)| *out = join(*out, *value));
                }
            }
        }
    }
}

/// Turns sums into means, of the whole window or of `counts` values in each of its rows.
#[inline(always)]
fn divide(out: &mut [f32], [input, output]: [Shape; 2], window: Window, counts: Option<&Vec<f32>>) {
    let whole = (window.kernel[0] * window.kernel[1]) as f32;
    for (y, out) in out.chunks_exact_mut(output.width).enumerate() {
        match counts {
            None => out.iter_mut().for_each(|out| *out /= whole),
            Some(counts) => {
                let rows = inside(y, 0, window, input.height).len() as f32;
                out.iter_mut().zip(counts).for_each(|(out, count)| *out /= rows * count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_as_the_definition_says() {
        let windows = [
            ([3, 3], [1, 1], [1, 1]),
            ([3, 3], [2, 2], [0, 0]),
            ([2, 3], [1, 2], [0, 1]),
            ([3, 2], [3, 3], [1, 0]),
        ];
        for (kernel, stride, padding) in windows {
            let window = Window { kernel, stride, padding };
            for (height, width) in [(3, 3), (8, 8), (17, 35)] {
                let input = Shape { channels: 5, height, width };
                let side = |axis: usize, length: usize| {
                    (length + 2 * padding[axis] - kernel[axis]) / stride[axis] + 1
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
                    pool(pooling, window, (&x, input), (&mut out, output));
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
        let window = Window { kernel: [3, 3], stride: [2, 2], padding: [0, 0] };
        let (input, output) =
            (Shape { channels: 1, height: 5, width: 5 }, Shape { channels: 1, height: 2, width: 2 });
        let mut x = vec![1.0; 25];
        x[0] = f32::NAN;
        let mut out = vec![0.0; 4];
        pool(Pooling::Max, window, (&x, input), (&mut out, output));
        assert!(out[0].is_nan());
        assert_eq!(out[1..], [1.0; 3]);
    }
}
