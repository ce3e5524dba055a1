//! Arithmetic of values, planes and vectors on the CPU: all threads, in vectors as far as the compiler makes them.

use bytemuck::{cast_slice, pod_read_unaligned};
use macerator::{AutoArch, Scalar, Simd, Vector, WithSimd};
use rayon::prelude::*;

use super::vectors::{Limits, prefetch};
use crate::model::Arithmetic;

/// Values that one thread works on at a time; they stay in its first-level cache.
pub const CHUNK: usize = 8192;

/// NaN stays NaN.
#[inline(always)]
pub fn clip(x: f32, low: f32, high: f32) -> f32 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

/// Combines values of the same shape, or a plane of each of `a` with one value of `b`, which has as many as there are planes.
pub fn combine(arithmetic: Arithmetic, limits: Limits, a: &[f32], b: &[f32], out: &mut [f32]) {
    let of_plane = if b.len() == a.len() { 0 } else { a.len() / b.len().max(1) };
    match arithmetic {
        Arithmetic::Add | Arithmetic::Mean => join(
            #[inline(always)]
            |a, b| a + b,
            limits,
            of_plane,
            a,
            b,
            out,
        ),
        Arithmetic::Sub => join(
            #[inline(always)]
            |a, b| a - b,
            limits,
            of_plane,
            a,
            b,
            out,
        ),
        Arithmetic::Mul => join(
            #[inline(always)]
            |a, b| a * b,
            limits,
            of_plane,
            a,
            b,
            out,
        ),
        Arithmetic::Div => join(
            #[inline(always)]
            |a, b| a / b,
            limits,
            of_plane,
            a,
            b,
            out,
        ),
        Arithmetic::Max => join(
            #[inline(always)]
            |a, b| if a >= b || a.is_nan() { a } else { b },
            limits,
            of_plane,
            a,
            b,
            out,
        ),
        Arithmetic::Min => join(
            #[inline(always)]
            |a, b| if a <= b || a.is_nan() { a } else { b },
            limits,
            of_plane,
            a,
            b,
            out,
        ),
        Arithmetic::Pow => join(f32::powf, limits, of_plane, a, b, out),
    }
}

#[inline(always)]
fn join(
    function: impl Fn(f32, f32) -> f32 + Sync + Send + Copy,
    Limits(low, high): Limits,
    of_plane: usize,
    a: &[f32],
    b: &[f32],
    out: &mut [f32],
) {
    let function = move |a, b| clip(function(a, b), low, high);
    if of_plane == 0 {
        let parts = a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)).zip(out.par_chunks_mut(CHUNK));
        return parts.for_each(|((a, b), out)| {
            AutoArch::new().dispatch(
                #[inline(always)]
                move || {
                    for (out, (a, b)) in out.iter_mut().zip(a.iter().zip(b)) {
                        *out = function(*a, *b);
                    }
                },
            );
        });
    }
    let planes = a.par_chunks_exact(of_plane).zip(out.par_chunks_exact_mut(of_plane)).zip(b);
    planes.with_min_len(CHUNK.div_ceil(of_plane)).for_each(|((a, out), &b)| {
        AutoArch::new().dispatch(
            #[inline(always)]
            move || {
                for (out, a) in out.iter_mut().zip(a) {
                    *out = function(*a, b);
                }
            },
        );
    });
}

/// Scale and shift of each plane of an image, kept between limits.
pub fn affine(scale: &[f32], shift: &[f32], Limits(low, high): Limits, values: &mut [f32]) {
    let of_plane = (values.len() / scale.len().max(1)).max(1);
    let planes = values.par_chunks_exact_mut(of_plane).zip(scale.par_iter().zip(shift));
    planes.with_min_len(CHUNK.div_ceil(of_plane)).for_each(|(values, (&scale, &shift))| {
        AutoArch::new().dispatch(
            #[inline(always)]
            move || {
                for x in values {
                    *x = clip(*x * scale + shift, low, high);
                }
            },
        );
    });
}

/// The mean of each plane, or its largest value.
pub fn join_planes(of_plane: usize, largest: bool, values: &[f32], out: &mut [f32]) {
    let planes = values.par_chunks_exact(of_plane.max(1)).zip(out.par_iter_mut());
    planes.with_min_len(CHUNK.div_ceil(of_plane.max(1))).for_each(|(values, out)| {
        *out = AutoArch::new().dispatch(
            #[inline(always)]
            || {
                if largest {
                    return values
                        .iter()
                        .fold(f32::NEG_INFINITY, |m, x| if *x > m || x.is_nan() { *x } else { m });
                }
                // Sixteen sums: one alone would have to wait for itself, and lose digits.
                let mut sums = [0.0f32; 16];
                let (chunks, rest) = values.as_chunks::<16>();
                for chunk in chunks {
                    sums.iter_mut().zip(chunk).for_each(|(sum, value)| *sum += value);
                }
                (sums.iter().sum::<f32>() + rest.iter().sum::<f32>()) / values.len() as f32
            },
        );
    });
}

/// A matrix `[outputs, inputs]` times a vector, plus a bias.
pub fn dense(weight: &[f32], bias: &[f32], x: &[f32], out: &mut [f32]) {
    let inputs = x.len().max(1);
    let rows = weight.par_chunks_exact(inputs).zip(bias.par_iter().zip(out.par_iter_mut())).enumerate();
    rows.with_min_len(CHUNK.div_ceil(inputs)).for_each(|(number, (row, (bias, out)))| {
        let next = weight[(number + 1) * inputs..].chunks_exact(inputs).next().unwrap_or(row);
        *out = AutoArch::new().dispatch(Dot { row, x, next }) + bias;
    });
}

/// The sum of the products of a row and a vector of the same length.
struct Dot<'a> {
    row: &'a [f32],
    x: &'a [f32],
    /// The row that is read when this is done.
    next: &'a [f32],
}

impl WithSimd for Dot<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self) -> f32 {
        // So many sums side by side that none waits for another.
        const SUMS: usize = 4;
        let lanes = f32::lanes::<S>();
        let load = |from: &[f32]| -> Vector<S, f32> { pod_read_unaligned(cast_slice(from)) };
        let mut sums = [0.0f32.splat::<S>(); SUMS];
        let (a, b) = (self.row.chunks_exact(SUMS * lanes), self.x.chunks_exact(SUMS * lanes));
        let rest = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum::<f32>();
        for ((a, b), next) in a.zip(b).zip(self.next.chunks_exact(SUMS * lanes)) {
            next.as_chunks().0.iter().for_each(prefetch);
            for (at, sum) in sums.iter_mut().enumerate() {
                let part = at * lanes..(at + 1) * lanes;
                *sum = load(&a[part.clone()]).mul_add(load(&b[part]), *sum);
            }
        }
        let all: &[f32] = cast_slice(&sums);
        all.iter().sum::<f32>() + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_are_combined_with_single_values() {
        let mut out = [0.0; 4];
        combine(Arithmetic::Mul, Limits::NONE, &[1.0, 2.0, 3.0, 4.0], &[10.0, -1.0], &mut out);
        assert_eq!(out, [10.0, 20.0, -3.0, -4.0]);
        combine(Arithmetic::Add, Limits::RELU, &[1.0, 2.0, 3.0, 4.0], &[-2.0; 4], &mut out);
        assert_eq!(out, [0.0, 0.0, 1.0, 2.0]);
        let mut means = [0.0; 2];
        join_planes(2, false, &[1.0, 2.0, 3.0, 5.0], &mut means);
        assert_eq!(means, [1.5, 4.0]);
        dense(&[1.0, 2.0, 3.0, 4.0], &[0.5, 0.0], &[1.0, -1.0], &mut means);
        assert_eq!(means, [-0.5, -1.0]);
    }
}
