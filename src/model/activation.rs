//! What an activation makes of one number, with all the digits that f64 has: for sums that are told step by step. Networks are
//! computed by `network/`.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use super::op::Activation;

impl Activation {
    /// What becomes of `x`; `None` for those that ask the other channels of the cell too.
    pub fn at(self, x: f64) -> Option<f64> {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
        Some(match self {
            Self::Linear => x,
            Self::Relu => x.max(0.0),
            Self::Clip(low, high) => x.max(low.into()).min(high.into()),
            Self::LeakyRelu(slope) => below(x, f64::from(slope) * x),
            Self::Elu(alpha) => below(x, f64::from(alpha) * x.exp_m1()),
            Self::Selu => 1.050_700_987_355_480_5 * below(x, 1.673_263_242_354_377_2 * x.exp_m1()),
            Self::Gelu => 0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2)),
            Self::GeluTanh => 0.5 * x * (1.0 + ((2.0 / PI).sqrt() * (x + 0.044_715 * x * x * x)).tanh()),
            Self::Sigmoid => sigmoid(x),
            Self::HardSigmoid(alpha, beta) => (f64::from(alpha) * x + f64::from(beta)).clamp(0.0, 1.0),
            Self::Silu => x * sigmoid(x),
            Self::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
            Self::Tanh => x.tanh(),
            Self::Softplus => softplus(x),
            Self::Softsign => x / (1.0 + x.abs()),
            Self::Mish => x * softplus(x).tanh(),
            Self::Exp => x.exp(),
            Self::Log => x.ln(),
            Self::Sqrt => x.sqrt(),
            Self::Abs => x.abs(),
            Self::Neg => -x,
            Self::Reciprocal => x.recip(),
            Self::Erf => erf(x),
            Self::Floor => x.floor(),
            Self::Power(power) => x.powf(power.into()),
            Self::Softmax | Self::LogSoftmax => return None,
        })
    }
}

fn below(x: f64, otherwise: f64) -> f64 {
    if x < 0.0 { otherwise } else { x }
}

/// The error function, as 2/√π·e^(−x²)·Σ 2ⁿx²ⁿ⁺¹/(2n + 1)!!, whose terms have one sign: Abramowitz & Stegun, "Handbook of
/// Mathematical Functions", 7.1.6.
fn erf(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= 2.0 * x * x / f64::from(2 * n + 1);
        sum += term;
        if term.abs() <= f64::EPSILON * sum.abs() {
            break;
        }
    }
    2.0 / PI.sqrt() * (-x * x).exp() * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_have_the_values_that_tables_give() {
        let table = [
            (Activation::Erf, 0.5, 0.520_499_877_813_046_5),
            (Activation::Erf, -2.0, -0.995_322_265_018_952_7),
            (Activation::Erf, 5.0, 0.999_999_999_998_462_5),
            (Activation::Gelu, 1.0, 0.841_344_746_068_542_9),
            (Activation::Silu, 2.0, 1.761_594_155_955_764_9),
            (Activation::Relu, -2.0, 0.0),
            (Activation::Clip(0.0, 6.0), 7.5, 6.0),
            (Activation::LeakyRelu(0.25), -2.0, -0.5),
            (Activation::HardSwish, 1.0, 2.0 / 3.0),
            (Activation::Softplus, 0.0, std::f64::consts::LN_2),
        ];
        for (activation, x, expected) in table {
            let value = activation.at(x).unwrap();
            assert!((value - expected).abs() < 1e-12, "{activation:?} of {x}: {value}");
        }
        assert_eq!(Activation::Softmax.at(1.0), None);
    }
}
