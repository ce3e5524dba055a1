//! Functions of single values, on the CPU: in place, all threads, in vectors as far as the compiler makes them.

use macerator::{AutoArch, Scalar, Simd, Vector, WithSimd};
use rayon::prelude::*;

use super::elementwise::{CHUNK, clip};
use super::sigmoid::{self, silu};
use super::vectors::{LONGEST, load, store};
use crate::model::Activation;

/// Applies a function of single values.
pub fn activate(values: &mut [f32], activation: Activation) {
    use Activation::{
        Abs, Clip, Elu, Erf, Exp, Floor, Gelu, GeluTanh, HardSigmoid, HardSwish, LeakyRelu, Linear, Log,
        LogSoftmax, Mish, Neg, Power, Reciprocal, Relu, Selu, Sigmoid, Silu, Softmax, Softplus, Softsign,
        Sqrt, Tanh,
    };
    match activation {
        Linear | Softmax | LogSoftmax => {}
        Relu => map(
            values,
            #[inline(always)]
            |x| if x < 0.0 { 0.0 } else { x },
        ),
        Clip(low, high) => map(
            values,
            #[inline(always)]
            |x| {
                if x < low {
                    low
                } else if x > high {
                    high
                } else {
                    x
                }
            },
        ),
        LeakyRelu(slope) => map(
            values,
            #[inline(always)]
            |x| if x < 0.0 { slope * x } else { x },
        ),
        Elu(alpha) => map(
            values,
            #[inline(always)]
            |x| if x < 0.0 { alpha * x.exp_m1() } else { x },
        ),
        Selu => map(
            values,
            #[inline(always)]
            |x| SELU_SCALE * if x < 0.0 { SELU_ALPHA * x.exp_m1() } else { x },
        ),
        Gelu => map(
            values,
            #[inline(always)]
            |x| 0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2)),
        ),
        GeluTanh => map(
            values,
            #[inline(always)]
            |x| {
                // 0.5·(1 + tanh(u)) is sigmoid(2u).
                let u = GELU_SCALE * (x + 0.044_715 * x * x * x);
                x * sigmoid(2.0 * u)
            },
        ),
        Sigmoid => in_vectors(values, Function::Sigmoid),
        HardSigmoid(alpha, beta) => map(
            values,
            #[inline(always)]
            |x| clip(alpha * x + beta, 0.0, 1.0),
        ),
        Silu => in_vectors(values, Function::Silu),
        HardSwish => map(
            values,
            #[inline(always)]
            |x| x * clip(x / 6.0 + 0.5, 0.0, 1.0),
        ),
        Tanh => map(values, f32::tanh),
        Softplus => map(values, softplus),
        Softsign => map(
            values,
            #[inline(always)]
            |x| x / (1.0 + x.abs()),
        ),
        Mish => map(
            values,
            #[inline(always)]
            |x| x * softplus(x).tanh(),
        ),
        Exp => map(values, exp),
        Log => map(values, f32::ln),
        Sqrt => map(values, f32::sqrt),
        Abs => map(values, f32::abs),
        Neg => map(
            values,
            #[inline(always)]
            |x| -x,
        ),
        Reciprocal => map(values, f32::recip),
        Erf => map(values, erf),
        Floor => map(values, f32::floor),
        Power(2.0) => map(
            values,
            #[inline(always)]
            |x| x * x,
        ),
        Power(power) if power.fract() == 0.0 && power.abs() < 64.0 => map(
            values,
            #[inline(always)]
            |x| x.powi(power as i32),
        ),
        Power(power) => map(
            values,
            #[inline(always)]
            |x| x.powf(power),
        ),
    }
}

/// Klambauer et al., 2017.
pub const SELU_ALPHA: f32 = 1.673_263_2;
pub const SELU_SCALE: f32 = 1.050_701;

/// √(2/π)
const GELU_SCALE: f32 = 0.797_884_6;

#[inline(always)]
fn map(values: &mut [f32], function: impl Fn(f32) -> f32 + Sync + Send + Copy) {
    values.par_chunks_mut(CHUNK).for_each(move |values| {
        AutoArch::new().dispatch(
            #[inline(always)]
            move || {
                for value in values {
                    *value = function(*value);
                }
            },
        );
    });
}

/// A function of vectors.
#[derive(Clone, Copy)]
enum Function {
    Sigmoid,
    Silu,
}

fn in_vectors(values: &mut [f32], function: Function) {
    values.par_chunks_mut(CHUNK).for_each(|values| AutoArch::new().dispatch(Change { values, function }));
}

struct Change<'a> {
    values: &'a mut [f32],
    function: Function,
}

impl WithSimd for Change<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        match self.function {
            Function::Sigmoid => self.run::<S>(
                #[inline(always)]
                |x| sigmoid::sigmoid::<S>(x),
            ),
            Function::Silu => self.run::<S>(
                #[inline(always)]
                |x| silu::<S>(x),
            ),
        }
    }
}

impl Change<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, function: impl Fn(Vector<S, f32>) -> Vector<S, f32>) {
        let lanes = f32::lanes::<S>();
        let mut chunks = self.values.chunks_exact_mut(lanes);
        for values in &mut chunks {
            store::<S>(function(load::<S>(values)), values);
        }
        let rest = chunks.into_remainder();
        let mut whole = [0.0; LONGEST];
        whole[..rest.len()].copy_from_slice(rest);
        let changed = function(load::<S>(&whole));
        store::<S>(changed, &mut whole);
        rest.copy_from_slice(&whole[..rest.len()]);
    }
}

/// eˣ within a few units in the last place, in vectors: 2ⁿ·eʳ, r from a polynomial (Cody & Waite, "Software Manual for the
/// Elementary Functions", 1980). Without `mul_add`, which is a call where the compiler cannot tell that there is one.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Beyond these it is 0 or infinity.
    const LOW: f32 = -87.336_54;
    const HIGH: f32 = 88.722_84;
    // Adding it rounds to a whole number, which is then in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let bounded = clip(x, LOW, HIGH);
    let shifted = bounded * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts, the first of which has so few digits that its products with n are exact.
    let r = bounded - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = 1.987_569_1e-4f32;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    // n as a whole number, without a conversion, which checks its range. In two steps, because 2¹²⁸ is no f32.
    let whole = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let half = whole >> 1;
    let power = |n: i32| f32::from_bits((n.wrapping_add(127) as u32) << 23);
    let value = p * power(half) * power(whole.wrapping_sub(half));
    if x > HIGH { f32::INFINITY } else { value }
}

#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
pub fn softplus(x: f32) -> f32 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The error function within 2·10⁻⁷: Abramowitz & Stegun, "Handbook of Mathematical Functions", 7.1.26; near zero its series,
/// which keeps all digits.
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let a = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * a);
    let p = (((1.061_405_4 * t - 1.453_152) * t + 1.421_413_7) * t - 0.284_496_74) * t + 0.254_829_6;
    let far = 1.0 - p * t * exp(-a * a);
    let s = a * a;
    let near = std::f32::consts::FRAC_2_SQRT_PI
        * a
        * (1.0 - s * (0.333_333_33 - s * (0.1 - s * (0.023_809_524 - s * 0.004_629_63))));
    let value = if a < 0.35 { near } else { far };
    if x < 0.0 { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(activation: Activation, x: f32) -> f32 {
        let mut values = [x];
        activate(&mut values, activation);
        values[0]
    }

    #[test]
    fn the_exponential_has_all_digits() {
        for at in -2000..=2000 {
            let x = at as f32 * 0.0433;
            let (ours, exact) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((ours - exact).abs() <= 3e-7 * exact + 1e-38, "{x}: {ours}, not {exact}");
        }
        assert_eq!((exp(f32::NEG_INFINITY) < 2e-38, exp(200.0)), (true, f32::INFINITY));
        assert!(exp(f32::NAN).is_nan());
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn functions_are_those_of_the_literature() {
        // Computed with mpmath, 20 digits.
        for (activation, x, expected) in [
            (Activation::Erf, 0.1, 0.112_462_916),
            (Activation::Erf, -0.5, -0.520_499_9),
            (Activation::Erf, 2.0, 0.995_322_3),
            (Activation::Gelu, 1.0, 0.841_344_7),
            (Activation::Gelu, -3.0, -0.004_049_694),
            (Activation::GeluTanh, 1.0, 0.841_192),
            (Activation::Silu, -1.0, -0.268_941_42),
            (Activation::HardSwish, 1.0, 0.666_666_7),
            (Activation::Mish, 1.0, 0.865_098_4),
            (Activation::Softplus, -20.0, 2.061_153_6e-9),
            (Activation::Elu(1.0), -1.0, -0.632_120_56),
            (Activation::Selu, -1.0, -1.111_330_7),
            (Activation::Power(-2.0), -2.0, 0.25),
        ] {
            let ours = of(activation, x);
            assert!((ours - expected).abs() <= 3e-7 + 5e-7 * expected.abs(), "{activation:?} {x}: {ours}");
        }
        for (x, expected) in [(-200.0, 0.0), (200.0, 1.0), (f32::INFINITY, 1.0), (f32::NEG_INFINITY, 0.0)] {
            assert!((of(Activation::Sigmoid, x) - expected).abs() <= 3e-7);
        }
        assert!((of(Activation::Silu, 300.0) - 300.0).abs() <= 1e-4 && of(Activation::Silu, -300.0) == 0.0);
        assert!(of(Activation::Silu, f32::NAN).is_nan());
        assert!(of(Activation::Relu, f32::NAN).is_nan() && of(Activation::Clip(0.0, 6.0), f32::NAN).is_nan());
    }
}
