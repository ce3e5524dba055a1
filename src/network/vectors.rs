//! Vectors of the processor: how long they are, how they are read, and memory that suits them.
//!
//! `macerator` compiles what uses them for AVX-512, AVX2, SSE, NEON and without vectors, and picks at run time.

use bytemuck::{Pod, Zeroable, cast_slice, cast_slice_mut, pod_read_unaligned};
use macerator::{AutoArch, Scalar, Simd, Vector, WithSimd};

/// What a sum is kept between before it is written: a ReLU costs nothing there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits(pub f32, pub f32);

impl Limits {
    /// Any value.
    pub const NONE: Self = Self(f32::NEG_INFINITY, f32::INFINITY);

    /// max(0, x).
    pub const RELU: Self = Self(0.0, f32::INFINITY);

    /// The same of a vector.
    #[inline(always)]
    pub fn apply<S: Simd>(self, x: Vector<S, f32>) -> Vector<S, f32> {
        // In this order NaN stays NaN on x86, as it does in Burn.
        self.1.splat::<S>().min(self.0.splat::<S>().max(x))
    }
}

/// What is done with a sum before it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finish<'a> {
    /// It is kept between them.
    pub limits: Limits,
    /// Then it is multiplied with its own logistic function: SiLU.
    pub is_gated: bool,
    /// What is added to it before, of the same shape, in blocks.
    pub added: Option<&'a [f32]>,
}

impl From<Limits> for Finish<'_> {
    fn from(limits: Limits) -> Self {
        Self { limits, is_gated: false, added: None }
    }
}

/// Values of the longest vector.
pub const LONGEST: usize = 16;

/// Memory that every vector type is aligned in.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
pub struct Line(pub [f32; LONGEST]);

/// As many lines as `count` values need, of zeros.
pub fn zeros(count: usize) -> Vec<Line> {
    vec![Line::zeroed(); count.div_ceil(LONGEST)]
}

/// The first `count` values of `lines`, which grows as needed.
pub fn as_floats(lines: &mut Vec<Line>, count: usize) -> &mut [f32] {
    let needed = count.div_ceil(LONGEST);
    if lines.len() < needed {
        lines.resize(needed, Line::zeroed());
    }
    &mut cast_slice_mut(lines)[..count]
}

/// How many values a vector of this processor has.
pub fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;
        fn with_simd<S: Simd>(self) -> usize {
            f32::lanes::<S>()
        }
    }
    AutoArch::new().dispatch(Lanes)
}

/// The vector at the beginning of `from`.
#[inline(always)]
pub fn load<S: Simd>(from: &[f32]) -> Vector<S, f32> {
    pod_read_unaligned(cast_slice(&from[..f32::lanes::<S>()]))
}

/// Has the second-level cache fetch a line that is read later: networks' weights do not fit into it, and processors look ahead
/// no further than to the end of a page.
#[inline(always)]
#[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "there is no safe way to ask for memory"))]
pub fn prefetch(line: &[f32; LONGEST]) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which reads nothing and cannot fail; every x86-64 processor has it.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast());
    }
    // No other processor's is in Rust's stable library.
    #[cfg(not(target_arch = "x86_64"))]
    let _ = line;
}

/// Writes a vector to the beginning of `to`.
#[inline(always)]
pub fn store<S: Simd>(value: Vector<S, f32>, to: &mut [f32]) {
    to[..f32::lanes::<S>()].copy_from_slice(cast_slice(std::array::from_ref(&value)));
}
