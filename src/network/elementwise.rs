//! Arithmetic of values, planes and vectors on the CPU: all threads, in vectors as far as the compiler makes them.

use macerator::{AutoArch, Scalar, Simd, WithSimd};
use rayon::prelude::*;

use super::vectors::{LONGEST, Limits, load, prefetch, store};
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
    let together = CHUNK.div_ceil(inputs);
    let parts = bias.par_chunks(together).zip(out.par_chunks_mut(together)).enumerate();
    parts.for_each(|(part, (bias, out))| {
        let weight = &weight[part * together * inputs..];
        AutoArch::new().dispatch(Rows { weight, x, bias, out });
    });
}

/// Some rows of a matrix times a vector.
struct Rows<'a> {
    /// From the first of these rows on.
    weight: &'a [f32],
    x: &'a [f32],
    bias: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        let Self { weight, x, bias, out } = self;
        let inputs = x.len().max(1);
        let mut rows = weight.chunks_exact(inputs).peekable();
        for (out, bias) in out.iter_mut().zip(bias) {
            let row = rows.next().unwrap_or_default();
            *out = dot::<S>(row, x, rows.peek().unwrap_or(&row)) + bias;
        }
    }
}

/// The sum of the products of a row and a vector of the same length, while the row that follows is fetched.
#[inline(always)]
fn dot<S: Simd>(row: &[f32], x: &[f32], following: &[f32]) -> f32 {
    // So many sums side by side that none waits for another.
    const SUMS: usize = 4;
    let lanes = f32::lanes::<S>();
    let mut sums = [0.0f32.splat::<S>(); SUMS];
    let (a, b) = (row.chunks_exact(SUMS * lanes), x.chunks_exact(SUMS * lanes));
    let rest = a.remainder().chunks(lanes).zip(b.remainder().chunks(lanes));
    for ((a, b), following) in a.zip(b).zip(following.chunks_exact(SUMS * lanes)) {
        following.as_chunks().0.iter().for_each(prefetch);
        for (at, sum) in sums.iter_mut().enumerate() {
            let part = at * lanes..(at + 1) * lanes;
            *sum = load::<S>(&a[part.clone()]).mul_add(load::<S>(&b[part]), *sum);
        }
    }
    let mut last = 0.0;
    for (at, (a, b)) in rest.enumerate() {
        match a.len() == lanes {
            true => sums[at] = load::<S>(a).mul_add(load::<S>(b), sums[at]),
            false => last = a.iter().zip(b).map(|(a, b)| a * b).sum(),
        }
    }
    let sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    let mut all = [0.0f32; LONGEST];
    store::<S>(sum, &mut all);
    // Neighbours first: one after the other would wait sixteen times.
    let mut count = lanes;
    while count > 1 {
        count /= 2;
        for at in 0..count {
            all[at] += all[at + count];
        }
    }
    all[0] + last
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
