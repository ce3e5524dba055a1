//! Each operation by Burn: on a GPU all of them, on the CPU those that have no loops of our own.

use burn::tensor::ops::{AvgPoolOptions, ConvOptions, ConvTransposeOptions, MaxPoolOptions, PadMode};
use burn::tensor::{DType, FloatDType, Tensor, activation, module};

use super::prepared::Prepared;
use crate::model::{Activation, Arithmetic, AvgPool, Filling, Op, Over, Reduction, Shape, Step, Window};

/// Most axes of a rearrangement, after [`Step::merged`].
const RANK: usize = crate::model::MOST_AXES;

/// What a node computes of its inputs, without its activation. `shape` is that of one picture's output.
pub fn compute(op: &Op, mut inputs: Vec<Tensor<4>>, prepared: Option<&Prepared>, shape: Shape) -> Tensor<4> {
    if let Op::Concat(axis) = op {
        return Tensor::cat(inputs, axis.place() + 1);
    }
    if let Op::Arithmetic(arithmetic) = op {
        let count = inputs.len();
        let joined = inputs.into_iter().reduce(|a, b| combine(*arithmetic, a, b));
        return match joined {
            Some(sum) if *arithmetic == Arithmetic::Mean => sum.div_scalar(count as f32),
            Some(joined) => joined,
            None => unreachable!("a graph has no arithmetic without inputs"),
        };
    }
    if let (Op::Constant, Some(Prepared::Values(values))) = (op, prepared) {
        return values.clone();
    }
    let x = inputs.remove(0);
    match (op, prepared) {
        (Op::Conv(window, groups), Some(Prepared::Conv(kernel, bias))) => {
            module::conv2d(x, kernel.clone(), bias.clone(), conv_options(*window, *groups))
        }
        (Op::SeparableConv(window), Some(Prepared::Separable(parameters))) => {
            let (depthwise, pointwise, bias) = &**parameters;
            let groups = x.dims()[1];
            let x = module::conv2d(x, depthwise.clone(), None, conv_options(*window, groups));
            let plain = conv_options(Window::new([1, 1], [1, 1], [0, 0]), 1);
            module::conv2d(x, pointwise.clone(), bias.clone(), plain)
        }
        (Op::ConvTranspose(window, groups), Some(Prepared::Conv(kernel, bias))) => {
            conv_transpose(x, kernel, bias, *window, *groups, shape)
        }
        (Op::Dense, Some(Prepared::Conv(kernel, bias))) => {
            let plain = conv_options(Window::new([1, 1], [1, 1], [0, 0]), 1);
            module::conv2d(x, kernel.clone(), bias.clone(), plain)
        }
        (Op::Dense, Some(Prepared::Dense(weight, bias))) => {
            let [batch, channels, ..] = x.dims();
            // There is little to compute, and probabilities want all digits.
            let outputs = lengthen(x).reshape([batch, channels]).matmul(weight.clone()).add(bias.clone());
            outputs.reshape([batch, shape.channels, 1, 1])
        }
        (Op::BatchNorm(_) | Op::Affine, Some(Prepared::Affine(scale, shift))) => {
            x.mul(scale.clone()).add(shift.clone())
        }
        (Op::Normalize(over, epsilon), Some(Prepared::Affine(scale, shift))) => {
            normalize(x, *over, *epsilon).mul(scale.clone()).add(shift.clone())
        }
        (Op::Prelu, Some(Prepared::Values(slopes))) => {
            x.clone().clamp_min(0.0).add(x.clamp_max(0.0).mul(slopes.clone()))
        }
        (Op::WithConstant(arithmetic, is_first), Some(Prepared::Values(constant))) => match is_first {
            true => combine(*arithmetic, constant.clone(), x),
            false => combine(*arithmetic, x, constant.clone()),
        },
        (Op::Resize { .. }, Some(Prepared::Resize(axes))) => axes[1].apply(axes[0].apply(x, 2), 3),
        (Op::Pad(before, after, filling), _) => pad(x, *before, *after, *filling),
        (Op::LocalResponse(size, alpha, beta, bias), _) => local_response(x, *size, *alpha, *beta, *bias),
        (Op::MaxPool(window), _) => {
            let mut options = MaxPoolOptions::new(window.kernel).with_stride(window.stride);
            (options.padding, options.dilation) = (pairs(*window), window.dilation);
            module::max_pool2d(x, options)
        }
        (Op::AvgPool(window, counts), _) => {
            let mut options = AvgPoolOptions::new(window.kernel).with_stride(window.stride);
            options.padding = pairs(*window);
            module::avg_pool2d(x, options.with_count_include_pad(*counts == AvgPool::Include))
        }
        (Op::GlobalPool(reduction), _) => reduce(reduce(lengthen(x), *reduction, 2), *reduction, 3),
        (Op::Reduce(reduction, axes), _) => {
            let axes = (0..3).filter(|&axis| axes[axis]);
            axes.fold(lengthen(x), |x, axis| reduce(x, *reduction, axis + 1))
        }
        (Op::MatMul, _) => match inputs.pop() {
            Some(other) => x.matmul(other),
            None => x,
        },
        (Op::Softmax(axis), _) => activation::softmax(lengthen(x), axis.place() + 1),
        (Op::Slice(axis, start, step, count), _) => {
            let end = start + step * (count - 1) + 1;
            let slice = burn::tensor::Slice::new(*start as isize, Some(end as isize), *step as isize);
            x.slice_dim(axis.place() + 1, slice)
        }
        (Op::Rearrange(steps), _) => {
            let x = steps.iter().fold(x, rearrange);
            let batch = x.dims()[0];
            x.reshape([batch, shape.channels, shape.height, shape.width])
        }
        // What has no parameters here has them inside another node.
        _ => x,
    }
}

/// What an activation makes of values.
pub fn activate(x: Tensor<4>, function: Activation) -> Tensor<4> {
    match function {
        Activation::Linear => x,
        Activation::Relu => activation::relu(x),
        Activation::Clip(low, high) => x.clamp(low, high),
        Activation::LeakyRelu(slope) => activation::leaky_relu(x, slope.into()),
        Activation::Elu(alpha) => activation::elu(x, alpha.into()),
        Activation::Selu => activation::selu(x),
        Activation::Gelu => activation::gelu(x),
        Activation::GeluTanh => activation::gelu_approximate(x),
        Activation::Sigmoid => activation::sigmoid(x),
        Activation::HardSigmoid(alpha, beta) => activation::hard_sigmoid(x, alpha.into(), beta.into()),
        Activation::Silu => activation::silu(x),
        Activation::HardSwish => activation::hard_swish(x),
        Activation::Tanh => activation::tanh(x),
        Activation::Softplus => activation::softplus(x, 1.0),
        Activation::Softsign => activation::softsign(x),
        Activation::Mish => activation::mish(x),
        Activation::Exp => x.exp(),
        Activation::Log => x.log(),
        Activation::Sqrt => x.sqrt(),
        Activation::Abs => x.abs(),
        Activation::Neg => x.neg(),
        Activation::Reciprocal => x.recip(),
        Activation::Erf => x.erf(),
        Activation::Floor => x.floor(),
        Activation::Power(2.0) => x.clone().mul(x),
        Activation::Power(power) => x.powf_scalar(power),
        Activation::Softmax => activation::softmax(lengthen(x), 1),
        Activation::LogSoftmax => activation::log_softmax(lengthen(x), 1),
    }
}

/// Values as f32.
pub fn lengthen(x: Tensor<4>) -> Tensor<4> {
    if x.dtype() == DType::F32 { x } else { x.cast(FloatDType::F32) }
}

/// Padding before and after, along each axis.
pub fn pairs(window: Window) -> [(usize, usize); 2] {
    [0, 1].map(|axis| (window.padding[axis], window.padding_after[axis]))
}

fn conv_options(window: Window, groups: usize) -> ConvOptions<2> {
    let options = ConvOptions::new(window.stride, [0, 0], window.dilation, groups);
    ConvOptions { padding: pairs(window), ..options }
}

/// Everything that the kernel reaches, of which the shape's height and width are cut out.
fn conv_transpose(
    x: Tensor<4>,
    kernel: &Tensor<4>,
    bias: &Option<Tensor<1>>,
    window: Window,
    groups: usize,
    shape: Shape,
) -> Tensor<4> {
    let options = ConvTransposeOptions::new(window.stride, [0, 0], [0, 0], window.dilation, groups);
    let whole = module::conv_transpose2d(x, kernel.clone(), bias.clone(), options);
    let [batch, channels, height, width] = whole.dims();
    let (wanted, [top, left]) = ([shape.height, shape.width], window.padding);
    // Beyond the last cell there is nothing but the bias.
    let missing = [top + wanted[0], left + wanted[1]];
    let missing = [missing[0].saturating_sub(height), missing[1].saturating_sub(width)];
    let whole = match (missing, bias) {
        ([0, 0], _) => whole,
        (_, None) => whole.pad([(0, missing[0]), (0, missing[1])], PadMode::Constant(0.0)),
        (_, Some(bias)) => {
            let bias = bias.clone().reshape([1, channels, 1, 1]);
            let without = whole.sub(bias.clone());
            without.pad([(0, missing[0]), (0, missing[1])], PadMode::Constant(0.0)).add(bias)
        }
    };
    whole.slice([0..batch, 0..channels, top..top + wanted[0], left..left + wanted[1]])
}

/// Arithmetic of two values.
pub fn combine(arithmetic: Arithmetic, a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    match arithmetic {
        Arithmetic::Add | Arithmetic::Mean => a.add(b),
        Arithmetic::Sub => a.sub(b),
        Arithmetic::Mul => a.mul(b),
        Arithmetic::Div => a.div(b),
        Arithmetic::Pow => a.powf(b),
        Arithmetic::Max | Arithmetic::Min => {
            let (from, to) = (a.dims(), b.dims());
            let sides: [usize; 4] = std::array::from_fn(|axis| from[axis].max(to[axis]));
            let (a, b) = (a.expand(sides), b.expand(sides));
            if arithmetic == Arithmetic::Max { a.max_pair(b) } else { a.min_pair(b) }
        }
    }
}

fn reduce(x: Tensor<4>, reduction: Reduction, axis: usize) -> Tensor<4> {
    match reduction {
        Reduction::Mean => x.mean_dim(axis),
        Reduction::Sum => x.sum_dim(axis),
        Reduction::Max => x.max_dim(axis),
        Reduction::Min => x.min_dim(axis),
    }
}

fn normalize(x: Tensor<4>, over: Over, epsilon: f64) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let standardized = |x: Tensor<4>, axes: &[usize]| {
        let mean = axes.iter().fold(x.clone(), |mean, &axis| mean.mean_dim(axis));
        let x = x.sub(mean);
        let deviation = standard_deviation(x.clone(), axes, epsilon);
        x.div(deviation)
    };
    match over {
        Over::Channels => standardized(x, &[1]),
        Over::All => standardized(x, &[3, 2, 1]),
        Over::Groups(groups) => {
            let groups = groups.clamp(1, channels);
            let x = x.reshape([batch, groups, channels / groups, height * width]);
            standardized(x, &[3, 2]).reshape([batch, channels, height, width])
        }
    }
}

/// Over these axes, of values whose mean is 0.
pub fn standard_deviation(centred: Tensor<4>, axes: &[usize], epsilon: f64) -> Tensor<4> {
    let squares = centred.clone().mul(centred);
    let variance = axes.iter().fold(squares, |mean, &axis| mean.mean_dim(axis));
    variance.add_scalar(epsilon as f32).sqrt()
}

fn local_response(x: Tensor<4>, size: usize, alpha: f32, beta: f32, bias: f32) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let squares = x.clone().mul(x.clone());
    let before = (size - 1) / 2;
    let squares = squares.pad([(before, size - 1 - before), (0, 0), (0, 0)], PadMode::Constant(0.0));
    let part = |at: usize| squares.clone().slice([0..batch, at..at + channels, 0..height, 0..width]);
    let sum = (1..size).fold(part(0), |sum, at| sum.add(part(at)));
    x.div(sum.mul_scalar(alpha / size as f32).add_scalar(bias).powf_scalar(beta))
}

fn pad(x: Tensor<4>, before: [usize; 2], after: [usize; 2], filling: Filling) -> Tensor<4> {
    let mode = match filling {
        Filling::Constant(value) => PadMode::Constant(value),
        Filling::Reflect => PadMode::Reflect,
        Filling::Edge => PadMode::Edge,
    };
    x.pad([(before[0], after[0]), (before[1], after[1])], mode)
}

/// One step: the values as of these sides, then the axes in another order. Leading axes of length 1 make up the rank; the
/// batch, which is behind them, stays first.
fn rearrange(x: Tensor<4>, step: &Step) -> Tensor<4> {
    let batch = x.dims()[0];
    let Step { sides, order } = step.merged();
    let more = RANK - sides.len();
    let mut all = [1; RANK + 1];
    let mut axes: [usize; RANK + 1] = std::array::from_fn(|axis| axis);
    all[0] = batch;
    for (at, (side, from)) in sides.iter().zip(&order).enumerate() {
        all[1 + more + at] = *side;
        axes[1 + more + at] = 1 + more + from;
    }
    let values = x.reshape(all).permute(axes.map(|axis| axis as isize));
    let count = sides.iter().product::<usize>();
    values.reshape([batch, count, 1, 1])
}
