//! Pooling on the CPU: each plane on a thread of rayon's pool.
//!
//! A plane is copied with its padding first, so that all its rows can be joined as one long row: short rows leave much that
//! does not fill a vector.

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
    let layout = &Layout::new(window, input, output);
    let divisors = &match pooling {
        Pooling::Max => vec![],
        Pooling::Average { count_padding } => layout.divisors(count_padding),
    };
    planes.zip(out).with_min_len(8).for_each_init(Scratch::default, |scratch, (plane, out)| {
        AutoArch::new().dispatch(
            #[inline(always)]
            || {
                match pooling {
                    Pooling::Max => layout.join(plane, scratch, f32::NEG_INFINITY, larger),
                    Pooling::Average { .. } => layout.join(plane, scratch, 0.0, |a, b| a + b),
                }
                scratch.joined.iter_mut().zip(divisors).for_each(|(sum, count)| *sum /= count);
                layout.take(&scratch.joined, out);
            },
        );
    });
}

/// NaN wins, as in PyTorch.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a >= b || a.is_nan() { a } else { b }
}

/// Memory of one thread.
#[derive(Default)]
struct Scratch {
    padded: Vec<f32>,
    columns: Vec<f32>,
    joined: Vec<f32>,
}

/// How a plane lies in memory on its way.
struct Layout {
    window: Window,
    input: Shape,
    output: Shape,
    /// From one row to the next: a row with its padding, a multiple of the stride.
    pitch: usize,
}

impl Layout {
    fn new(window: Window, input: Shape, output: Shape) -> Self {
        let pitch =
            (input.width + window.padding[1] + window.padding_after[1]).next_multiple_of(window.stride[1]);
        Self { window, input, output, pitch }
    }

    /// Joins all values of each window, columns first.
    #[inline(always)]
    fn join(&self, plane: &[f32], scratch: &mut Scratch, empty: f32, join: impl Fn(f32, f32) -> f32) {
        let Self { window: Window { kernel, stride, padding, padding_after, .. }, input, output, pitch } =
            *self;
        let Scratch { padded, columns, joined } = scratch;
        // What is padding is the same for all planes.
        let whole = (input.height + padding[0] + padding_after[0]) * pitch;
        let is_padded = padding != [0, 0] || padding_after != [0, 0];
        if is_padded && padded.len() != whole {
            padded.clear();
            padded.resize(whole, empty);
        }
        let (rows, width) = match is_padded {
            false => (plane, input.width),
            true => {
                let rows = padded[padding[0] * pitch..].chunks_exact_mut(pitch);
                for (to, from) in rows.zip(plane.chunks_exact(input.width)) {
                    to[padding[1]..padding[1] + input.width].copy_from_slice(from);
                }
                (&padded[..], pitch)
            }
        };

        // Where no row is left out, all are one long row.
        let is_long = stride[0] == 1 && width == pitch;
        let length = if is_long { output.height * pitch } else { pitch };
        // What is read behind the last row means nothing.
        columns.resize(output.height * pitch + kernel[1], empty);
        for (y, to) in columns.chunks_exact_mut(length).take(output.height * pitch / length).enumerate() {
            let to = if is_long { to } else { &mut to[..width] };
            let from = |row: usize| &rows[(y * stride[0] + row) * width..];
            to.copy_from_slice(&from(0)[..to.len()]);
            for row in 1..kernel[0] {
                to.iter_mut().zip(from(row)).for_each(|(to, value)| *to = join(*to, *value));
            }
        }

        joined.clear();
        joined.resize(output.height * pitch / stride[1], empty);
        for column in 0..kernel[1] {
            let from = &columns[column..];
            match stride[1] {
                1 => joined.iter_mut().zip(from).for_each(|(to, value)| *to = join(*to, *value)),
                // The compiler makes vectors of pairs, but not of every second value.
                2 => {
                    let pairs = joined.iter_mut().zip(from.as_chunks::<2>().0);
                    pairs.for_each(|(to, pair)| *to = join(*to, pair[0]));
                }
                stride => {
                    let values = joined.iter_mut().zip(from.iter().step_by(stride));
                    values.for_each(|(to, value)| *to = join(*to, *value));
                }
            }
        }
    }

    /// Writes what was joined without the gaps between its rows.
    fn take(&self, joined: &[f32], out: &mut [f32]) {
        let rows = joined.chunks_exact(self.pitch / self.window.stride[1]);
        for (out, joined) in out.chunks_exact_mut(self.output.width).zip(rows) {
            out.copy_from_slice(&joined[..self.output.width]);
        }
    }

    /// How many values each mean is made of, and 1 in the gaps.
    fn divisors(&self, count_padding: bool) -> Vec<f32> {
        let Self { window, input, output, pitch } = *self;
        let count = |at: usize, axis: usize, length: usize| match count_padding {
            true => window.kernel[axis],
            false => inside(at, axis, window, length).len(),
        };
        let row = |y: usize| {
            let rows = count(y, 0, input.height);
            let means = (0..output.width).map(move |x| (rows * count(x, 1, input.width)) as f32);
            means.chain((output.width..pitch / window.stride[1]).map(|_| 1.0))
        };
        (0..output.height).flat_map(row).collect()
    }
}

/// The part of a window that lies on the picture.
fn inside(at: usize, axis: usize, window: Window, length: usize) -> Range<usize> {
    let (start, padding) = (at * window.stride[axis], window.padding[axis]);
    start.saturating_sub(padding)..(start + window.kernel[axis]).saturating_sub(padding).min(length)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let window = Window::new([3, 3], [2, 2], [0, 0]);
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
