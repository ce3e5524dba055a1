//! The logistic function in vectors.

use macerator::{Scalar, Simd, Vector};

use super::vectors::Limits;

/// 1/(1 + e⁻ˣ) within a few units in the last place: 2ⁿ·eʳ, r from a polynomial (Cody & Waite, "Software Manual for the
/// Elementary Functions", 1980). NaN stays NaN.
#[inline(always)]
pub fn sigmoid<S: Simd>(x: Vector<S, f32>) -> Vector<S, f32> {
    let splat = |value: f32| value.splat::<S>();
    // Below, the sum is infinite, and above, it is 1.
    let y = splat(0.0) - Limits(-88.7, 87.0).apply::<S>(x);
    // Adding it rounds to a whole number, which is then in the lowest bits, with an exponent's offset.
    let round = splat(12_582_912.0 + 127.0);
    let shifted = y.mul_add(splat(std::f32::consts::LOG2_E), round);
    let n = shifted - round;
    // ln 2 in two parts, the first of which has so few digits that its products with n are exact.
    let r = n.mul_add(splat(-0.693_359_4), y);
    let r = n.mul_add(splat(2.121_944_4e-4), r);
    let p = r.mul_add(splat(1.987_569_1e-4), splat(1.398_199_9e-3));
    let p = p.mul_add(r, splat(8.333_452e-3));
    let p = p.mul_add(r, splat(4.166_579_6e-2));
    let p = p.mul_add(r, splat(1.666_666_5e-1));
    let p = p.mul_add(r, splat(0.5));
    let p = (p * r).mul_add(r, r) + splat(1.0);
    let power = (shifted.reinterpret::<u32>() << 23).reinterpret::<f32>();
    p.mul_add(power, splat(1.0)).recip()
}

/// x·sigmoid(x)
#[inline(always)]
pub fn silu<S: Simd>(x: Vector<S, f32>) -> Vector<S, f32> {
    x * sigmoid::<S>(x)
}
