//! Derivatives of activations: what a gradient becomes on its way through them.

use burn::tensor::{Tensor, activation};
use macerator::AutoArch;
use rayon::prelude::*;

use crate::model::{Activation, Rule};
use crate::network::elementwise::CHUNK;
use crate::network::functions::{SELU_ALPHA, SELU_SCALE, erf, exp, sigmoid, softplus};

/// √(2/π)
const GELU_SCALE: f32 = 0.797_884_6;

/// 1/√(2π)
const NORMAL: f32 = 0.398_942_3;

/// Changes `gradient` by the derivative of an activation; `of` is what came out of it, or what went in, whichever
/// [`super::plan::activation_reads`] says. Functions of whole cells are not among them.
pub fn through(activation: Activation, rule: Rule, of: &[f32], gradient: &mut [f32]) {
    use Activation::{
        Abs, Clip, Elu, Erf, Exp, Floor, Gelu, GeluTanh, HardSigmoid, HardSwish, LeakyRelu, Linear, Log,
        LogSoftmax, Mish, Neg, Power, Reciprocal, Relu, Selu, Sigmoid, Silu, Softmax, Softplus, Softsign,
        Sqrt, Tanh,
    };
    macro_rules! by {
        (|$v:ident| $derivative:expr) => {
            map(
                of,
                gradient,
                #[inline(always)]
                |$v, g| g * $derivative,
            )
        };
    }
    if activation.is_rectifier() && rule != Rule::Gradient {
        let high = if let Clip(_, high) = activation { high } else { f32::INFINITY };
        let everywhere = rule == Rule::Deconvolution;
        return map(
            of,
            gradient,
            #[inline(always)]
            |y, g| if (g > 0.0) & (everywhere | (y > 0.0) & (y < high)) { g } else { 0.0 },
        );
    }
    match activation {
        Linear | Softmax | LogSoftmax => {}
        // Not by multiplying: an infinite gradient stays out where nothing goes through.
        Relu => map(
            of,
            gradient,
            #[inline(always)]
            |y, g| if y > 0.0 { g } else { 0.0 },
        ),
        Clip(low, high) => map(
            of,
            gradient,
            #[inline(always)]
            |y, g| if (y > low) & (y < high) { g } else { 0.0 },
        ),
        LeakyRelu(slope) => by!(|x| if x > 0.0 { 1.0 } else { slope }),
        Elu(alpha) => by!(|x| if x > 0.0 { 1.0 } else { alpha * exp(x) }),
        Selu => by!(|x| SELU_SCALE * if x > 0.0 { 1.0 } else { SELU_ALPHA * exp(x) }),
        Gelu => {
            by!(|x| 0.5 * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2)) + x * NORMAL * exp(-0.5 * x * x))
        }
        GeluTanh => by!(|x| {
            let s = sigmoid(2.0 * GELU_SCALE * (x + 0.044_715 * x * x * x));
            s + x * s * (1.0 - s) * 2.0 * GELU_SCALE * (1.0 + 0.134_145 * x * x)
        }),
        Sigmoid => by!(|y| y * (1.0 - y)),
        HardSigmoid(alpha, _) => by!(|y| if (y > 0.0) & (y < 1.0) { alpha } else { 0.0 }),
        Silu => by!(|x| {
            let s = sigmoid(x);
            s * (1.0 + x * (1.0 - s))
        }),
        HardSwish => by!(|x| if x <= -3.0 {
            0.0
        } else if x < 3.0 {
            x / 3.0 + 0.5
        } else {
            1.0
        }),
        Tanh => by!(|y| 1.0 - y * y),
        Softplus => by!(|x| sigmoid(x)),
        Softsign => by!(|x| {
            let one = 1.0 + x.abs();
            1.0 / (one * one)
        }),
        Mish => by!(|x| {
            let t = softplus(x).tanh();
            t + x * sigmoid(x) * (1.0 - t * t)
        }),
        Exp => by!(|y| y),
        Log => by!(|x| 1.0 / x),
        Sqrt => by!(|y| 0.5 / y),
        Abs => by!(|x| if x > 0.0 {
            1.0
        } else if x < 0.0 {
            -1.0
        } else {
            0.0
        }),
        Neg => gradient.iter_mut().for_each(|g| *g = -*g),
        Reciprocal => by!(|y| -y * y),
        Erf => by!(|x| std::f32::consts::FRAC_2_SQRT_PI * exp(-x * x)),
        Floor => gradient.fill(0.0),
        Power(power) => by!(|x| power * x.powf(power - 1.0)),
    }
}

/// Conditions are joined by `&` and `|`: the compiler makes no vectors of what it may not compute.
#[inline(always)]
fn map(of: &[f32], gradient: &mut [f32], function: impl Fn(f32, f32) -> f32 + Sync + Send + Copy) {
    gradient.par_chunks_mut(CHUNK).zip(of.par_chunks(CHUNK)).for_each(move |(gradient, of)| {
        AutoArch::new().dispatch(
            #[inline(always)]
            move || {
                for (g, v) in gradient.iter_mut().zip(of) {
                    *g = function(*v, *g);
                }
            },
        );
    });
}

/// The same by Burn, for all activations. `of` is missing where the derivative is the same everywhere.
pub fn through_tensor(
    activation: Activation,
    rule: Rule,
    of: Option<Tensor<4>>,
    gradient: Tensor<4>,
) -> Tensor<4> {
    use Activation as A;
    let Some(v) = of else {
        return match activation {
            A::Neg => gradient.neg(),
            A::Floor => gradient.zeros_like(),
            _ => gradient,
        };
    };
    let outside = |low: f32, high: f32| {
        let below = v.clone().lower_equal_elem(low);
        if high == f32::INFINITY { below } else { below.bool_or(v.clone().greater_equal_elem(high)) }
    };
    let (low, high) = match activation {
        A::Clip(low, high) => (low, high),
        _ => (0.0, f32::INFINITY),
    };
    if activation.is_rectifier() && rule != Rule::Gradient {
        let positive = gradient.clamp_min(0.0);
        return match rule {
            Rule::Deconvolution => positive,
            _ => positive.mask_fill(outside(low, high), 0.0),
        };
    }
    let is_negative = || v.clone().lower_equal_elem(0.0);
    let logistic = || activation::sigmoid(v.clone());
    let one_minus = |x: Tensor<4>| x.neg().add_scalar(1.0);
    let derivative = match activation {
        A::Linear | A::Neg | A::Floor => return gradient,
        A::Relu | A::Clip(..) => return gradient.mask_fill(outside(low, high), 0.0),
        A::Softmax | A::LogSoftmax => return through_softmax(v, gradient, 1, activation == A::LogSoftmax),
        A::LeakyRelu(slope) => v.ones_like().mask_fill(is_negative(), slope),
        A::Elu(alpha) => v.ones_like().mask_where(is_negative(), v.clone().exp().mul_scalar(alpha)),
        A::Selu => v
            .ones_like()
            .mask_where(is_negative(), v.clone().exp().mul_scalar(SELU_ALPHA))
            .mul_scalar(SELU_SCALE),
        A::Gelu => {
            let below = v.clone().mul_scalar(std::f32::consts::FRAC_1_SQRT_2).erf().add_scalar(1.0);
            let density = v.clone().mul(v.clone()).mul_scalar(-0.5).exp().mul_scalar(NORMAL);
            below.mul_scalar(0.5).add(v.mul(density))
        }
        A::GeluTanh => {
            let square = v.clone().mul(v.clone());
            let u = v.clone().mul(square.clone().mul_scalar(0.044_715).add_scalar(1.0));
            let s = activation::sigmoid(u.mul_scalar(2.0 * GELU_SCALE));
            let inner = square.mul_scalar(0.134_145).add_scalar(1.0).mul_scalar(2.0 * GELU_SCALE);
            s.clone().add(v.mul(s.clone()).mul(one_minus(s)).mul(inner))
        }
        A::Sigmoid => v.clone().mul(one_minus(v)),
        A::HardSigmoid(alpha, _) => v.full_like(alpha).mask_fill(outside(0.0, 1.0), 0.0),
        A::Silu => {
            let s = logistic();
            s.clone().mul(v.mul(one_minus(s)).add_scalar(1.0))
        }
        A::HardSwish => {
            let middle = v.clone().div_scalar(3.0).add_scalar(0.5);
            let middle = middle.mask_fill(v.clone().lower_equal_elem(-3.0), 0.0);
            middle.mask_fill(v.greater_equal_elem(3.0), 1.0)
        }
        A::Tanh => one_minus(v.clone().mul(v)),
        A::Softplus => logistic(),
        A::Softsign => {
            let one = v.abs().add_scalar(1.0);
            one.clone().mul(one).recip()
        }
        A::Mish => {
            let t = activation::softplus(v.clone(), 1.0).tanh();
            t.clone().add(v.clone().mul(logistic()).mul(one_minus(t.clone().mul(t))))
        }
        A::Exp => v,
        A::Log => v.recip(),
        A::Sqrt => v.recip().mul_scalar(0.5),
        A::Abs => v.sign(),
        A::Reciprocal => v.clone().mul(v).neg(),
        A::Erf => v.clone().mul(v).neg().exp().mul_scalar(std::f32::consts::FRAC_2_SQRT_PI),
        A::Power(2.0) => v.mul_scalar(2.0),
        A::Power(power) => v.powf_scalar(power - 1.0).mul_scalar(power),
    };
    gradient.mul(derivative)
}

/// Back through a softmax, or its logarithm, along an axis of the tensor; `y` is what came out.
pub fn through_softmax(y: Tensor<4>, gradient: Tensor<4>, axis: usize, is_log: bool) -> Tensor<4> {
    if is_log {
        let sum = gradient.clone().sum_dim(axis);
        return gradient.sub(y.exp().mul(sum));
    }
    let sum = gradient.clone().mul(y.clone()).sum_dim(axis);
    y.mul(gradient.sub(sum))
}
