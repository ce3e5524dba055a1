//! Arithmetic of maps in blocks with values for each channel.

use macerator::AutoArch;
use rayon::prelude::*;

use super::elementwise::{CHUNK, clip};
use super::vectors::{Limits, lanes};
use crate::model::Arithmetic;

/// Calls a function with the number of values in a vector as a constant.
macro_rules! with_lanes {
    ($function:ident::<$lanes:ident>($($argument:expr),*)) => {
        match lanes() {
            16 => $function::<16>($($argument),*),
            8 => $function::<8>($($argument),*),
            4 => $function::<4>($($argument),*),
            2 => $function::<2>($($argument),*),
            _ => $function::<1>($($argument),*),
        }
    };
}

/// Combines each cell of `a` with `b`, which has one value for each channel.
pub fn combine(arithmetic: Arithmetic, limits: Limits, a: &[f32], b: &[f32], out: &mut [f32]) {
    with_lanes!(combine_blocks::<L>(arithmetic, limits, a, b, out));
}

fn combine_blocks<const L: usize>(
    arithmetic: Arithmetic,
    limits: Limits,
    a: &[f32],
    b: &[f32],
    out: &mut [f32],
) {
    macro_rules! join {
        ($function:expr) => {
            join_blocks::<L>(
                #[inline(always)]
                $function,
                limits,
                a,
                b,
                out,
            )
        };
    }
    match arithmetic {
        Arithmetic::Add | Arithmetic::Mean => join!(|a, b| a + b),
        Arithmetic::Sub => join!(|a, b| a - b),
        Arithmetic::Mul => join!(|a, b| a * b),
        Arithmetic::Div => join!(|a, b| a / b),
        Arithmetic::Max => join!(|a, b| if a >= b || a.is_nan() { a } else { b }),
        Arithmetic::Min => join!(|a, b| if a <= b || a.is_nan() { a } else { b }),
        Arithmetic::Pow => join!(|a, b| a.powf(b)),
    }
}

#[inline(always)]
fn join_blocks<const L: usize>(
    function: impl Fn(f32, f32) -> f32 + Sync + Send + Copy,
    Limits(low, high): Limits,
    a: &[f32],
    b: &[f32],
    out: &mut [f32],
) {
    let b = b.as_chunks::<L>().0;
    let of_block = a.len() / b.len().max(1);
    let blocks = a.par_chunks_exact(of_block).zip(out.par_chunks_exact_mut(of_block)).zip(b);
    blocks.with_min_len(CHUNK.div_ceil(of_block)).for_each(|((a, out), b)| {
        AutoArch::new().dispatch(
            #[inline(always)]
            move || {
                for (out, a) in out.as_chunks_mut::<L>().0.iter_mut().zip(a.as_chunks::<L>().0) {
                    for lane in 0..L {
                        out[lane] = clip(function(a[lane], b[lane]), low, high);
                    }
                }
            },
        );
    });
}

/// Scale and shift of each channel, kept between limits.
pub fn affine(scale: &[f32], shift: &[f32], limits: Limits, values: &mut [f32]) {
    with_lanes!(affine_blocks::<L>(scale, shift, limits, values));
}

fn affine_blocks<const L: usize>(
    scale: &[f32],
    shift: &[f32],
    Limits(low, high): Limits,
    values: &mut [f32],
) {
    let (scale, shift) = (scale.as_chunks::<L>().0, shift.as_chunks::<L>().0);
    let of_block = (values.len() / scale.len().max(1)).max(1);
    let blocks = values.par_chunks_exact_mut(of_block).zip(scale.par_iter().zip(shift));
    blocks.with_min_len(CHUNK.div_ceil(of_block)).for_each(|(values, (scale, shift))| {
        AutoArch::new().dispatch(
            #[inline(always)]
            move || {
                for values in values.as_chunks_mut::<L>().0 {
                    for lane in 0..L {
                        values[lane] = clip(values[lane] * scale[lane] + shift[lane], low, high);
                    }
                }
            },
        );
    });
}

/// The mean of each channel, or its largest value.
pub fn join(cells: usize, largest: bool, values: &[f32], out: &mut [f32]) {
    with_lanes!(join_cells::<L>(cells, largest, values, out));
}

fn join_cells<const L: usize>(cells: usize, largest: bool, values: &[f32], out: &mut [f32]) {
    let blocks = values.par_chunks_exact(cells.max(1) * L).zip(out.as_chunks_mut::<L>().0);
    blocks.with_min_len(CHUNK.div_ceil(cells.max(1) * L)).for_each(|(values, out)| {
        AutoArch::new().dispatch(
            #[inline(always)]
            move || {
                let values = values.as_chunks::<L>().0;
                if largest {
                    *out = [f32::NEG_INFINITY; L];
                    for values in values {
                        for lane in 0..L {
                            let (x, m) = (values[lane], out[lane]);
                            out[lane] = if x > m || x.is_nan() { x } else { m };
                        }
                    }
                    return;
                }
                // Four sums: one alone would have to wait for itself, and lose digits.
                let mut sums = [[0.0f32; L]; 4];
                let (chunks, rest) = values.as_chunks::<4>();
                for chunk in chunks {
                    for (sum, values) in sums.iter_mut().zip(chunk) {
                        for lane in 0..L {
                            sum[lane] += values[lane];
                        }
                    }
                }
                for values in rest {
                    for lane in 0..L {
                        sums[0][lane] += values[lane];
                    }
                }
                for lane in 0..L {
                    let sum = (sums[0][lane] + sums[1][lane]) + (sums[2][lane] + sums[3][lane]);
                    out[lane] = sum / cells as f32;
                }
            },
        );
    });
}

/// All of them, one after the other.
pub fn concat<'a>(parts: impl Iterator<Item = &'a [f32]>, out: &mut [f32]) {
    let (mut pieces, mut out) = (vec![], out);
    for part in parts {
        let (to, rest) = out.split_at_mut(part.len());
        pieces.extend(part.chunks(4 * CHUNK).zip(to.chunks_mut(4 * CHUNK)));
        out = rest;
    }
    pieces.into_par_iter().for_each(|(from, to)| to.copy_from_slice(from));
}
