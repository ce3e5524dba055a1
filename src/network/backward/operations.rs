//! The reverse of each operation by Burn: on a GPU all of them, on the CPU those that have no loops of our own.

use burn::tensor::ops::{ConvOptions, ConvTransposeOptions, MaxPoolOptions, PadMode};
use burn::tensor::{IndexingUpdateOp, Int, Tensor, TensorData, module};

use super::derivatives::through_softmax;
use crate::model::{Arithmetic, AvgPool, Filling, MOST_AXES, Node, Op, Over, Reduction, Shape, Step, Window};
use crate::network::operations::{combine, lengthen, standard_deviation};
use crate::network::prepared::Prepared;

/// What a node's reverse takes.
pub struct Back<'a> {
    /// The node; its activation has been passed already.
    pub node: &'a Node,
    /// Its parameters, as of the way forward.
    pub prepared: Option<&'a Prepared>,
    /// Shapes of its inputs.
    pub shapes: &'a [Shape],
    /// Values of its inputs, where [`super::plan::Plan`] has them kept.
    pub inputs: Vec<Tensor<4>>,
    /// What came out of it, where that is kept.
    pub output: Option<Tensor<4>>,
}

/// The gradient of each input of a node, from that of what came out of it; `None` where nothing of it goes there.
pub fn back(from: &Back<'_>, gradient: Tensor<4>) -> Vec<Option<Tensor<4>>> {
    let Back { node, prepared, shapes, inputs, output } = from;
    let input = shapes.first().copied().unwrap_or_default();
    let sides = |shape: Shape| [1, shape.channels, shape.height, shape.width];
    let x = inputs.first().cloned();
    let g = gradient;
    let one = match (&node.op, prepared, x) {
        (Op::Concat(axis), ..) => {
            let mut start = 0;
            return shapes
                .iter()
                .map(|shape| {
                    let side = shape.sides()[axis.place()];
                    start += side;
                    Some(g.clone().narrow(axis.place() + 1, start - side, side))
                })
                .collect();
        }
        (Op::Arithmetic(arithmetic), ..) => return back_through_all(*arithmetic, inputs, shapes, g),
        (Op::MatMul, _, Some(a)) => {
            let Some(b) = inputs.get(1) else { return vec![Some(g)] };
            let of_a = g.clone().matmul(b.clone().swap_dims(2, 3));
            let of_b = a.swap_dims(2, 3).matmul(g);
            return vec![Some(joined(of_a, shapes[0])), Some(joined(of_b, shapes[1]))];
        }
        (Op::Conv(window, groups), Some(Prepared::Conv(kernel, _)), _) => {
            back_through_conv(g, kernel, *window, *groups, input)
        }
        (Op::SeparableConv(window), Some(Prepared::Separable(parameters)), _) => {
            let (depthwise, pointwise, _) = &**parameters;
            let middle = Shape { channels: depthwise.dims()[0], ..node.shape };
            let plain = Window::new([1, 1], [1, 1], [0, 0]);
            let g = back_through_conv(g, pointwise, plain, 1, middle);
            back_through_conv(g, depthwise, *window, input.channels, input)
        }
        (Op::ConvTranspose(window, groups), Some(Prepared::Conv(kernel, _)), _) => {
            let g = fitted(g, *window, input);
            let options = ConvOptions::new(window.stride, [0, 0], window.dilation, *groups);
            module::conv2d(g, lengthen(kernel.clone()), None, options)
        }
        (Op::Dense, Some(Prepared::Conv(kernel, _)), _) => {
            back_through_conv(g, kernel, Window::new([1, 1], [1, 1], [0, 0]), 1, input)
        }
        (Op::Dense, Some(Prepared::Dense(weight, _)), _) => {
            let g = g.reshape([1, node.shape.channels]);
            g.matmul(weight.clone().transpose()).reshape(sides(input))
        }
        (Op::BatchNorm(_) | Op::Affine, Some(Prepared::Affine(scale, _)), _) => {
            g.mul(lengthen(scale.clone()))
        }
        (Op::Normalize(over, epsilon), Some(Prepared::Affine(scale, _)), Some(x)) => {
            back_through_norm(g.mul(lengthen(scale.clone())), x, *over, *epsilon)
        }
        (Op::LocalResponse(size, alpha, beta, bias), _, Some(x)) => {
            back_through_local_response(g, x, *size, *alpha, *beta, *bias)
        }
        (Op::Prelu, Some(Prepared::Values(slopes)), Some(x)) => {
            let slopes = lengthen(slopes.clone()).expand(sides(input));
            g.clone().mask_where(x.lower_equal_elem(0.0), g.mul(slopes))
        }
        (Op::WithConstant(arithmetic, is_first), Some(Prepared::Values(constant)), x) => {
            let constant = lengthen(constant.clone());
            let x = x.unwrap_or_else(|| g.zeros_like());
            let (a, b) = if *is_first { (constant, x) } else { (x, constant) };
            let [of_a, of_b] = back_through_pair(*arithmetic, a, b, g);
            joined(if *is_first { of_b } else { of_a }, input)
        }
        (Op::MaxPool(window), _, Some(x)) => back_through_max_pool(g, x, *window, input),
        (Op::AvgPool(window, counts), ..) => {
            back_through_avg_pool(g, *window, *counts == AvgPool::Include, input, node.shape)
        }
        (Op::GlobalPool(reduction), _, x) => {
            back_through_reduction(g, x, *reduction, [false, true, true], input)
        }
        (Op::Reduce(reduction, axes), _, x) => back_through_reduction(g, x, *reduction, *axes, input),
        (Op::Softmax(axis), ..) => match output {
            Some(y) => through_softmax(y.clone(), g, axis.place() + 1, false),
            None => g,
        },
        (Op::Pad(before, _, Filling::Constant(_)), ..) => {
            g.narrow(2, before[0], input.height).narrow(3, before[1], input.width)
        }
        (Op::Pad(before, _, filling), ..) => {
            let place = |axis: usize, from: usize, to: usize| -> Vec<usize> {
                (0..to).map(|at| source(*filling, at as isize - before[axis] as isize, from)).collect()
            };
            let g = collected(g, 2, &place(0, input.height, node.shape.height), input.height);
            collected(g, 3, &place(1, input.width, node.shape.width), input.width)
        }
        (Op::Slice(axis, start, step, count), ..) => {
            let places: Vec<usize> = (0..*count).map(|at| start + at * step).collect();
            collected(g, axis.place() + 1, &places, input.sides()[axis.place()])
        }
        (Op::Resize { .. }, Some(Prepared::Resize(axes)), _) => {
            let g = axes[1].back(g, 3, input.width);
            axes[0].back(g, 2, input.height)
        }
        (Op::Rearrange(steps), ..) => {
            let g = steps.iter().rev().fold(g, undo);
            g.reshape(sides(input))
        }
        // What has no parameters here has them inside another node.
        _ => g,
    };
    vec![Some(one)]
}

/// Back through a convolution: every gradient is spread by the kernel, and what fell on padding is left out.
fn back_through_conv(
    g: Tensor<4>,
    kernel: &Tensor<4>,
    window: Window,
    groups: usize,
    input: Shape,
) -> Tensor<4> {
    let options = ConvTransposeOptions::new(window.stride, [0, 0], [0, 0], window.dilation, groups);
    let whole = module::conv_transpose2d(g, lengthen(kernel.clone()), None, options);
    let [_, _, height, width] = whole.dims();
    // Cells that no window reached.
    let missing = |axis: usize, has: usize, wants: usize| (window.padding[axis] + wants).saturating_sub(has);
    let missing = [missing(0, height, input.height), missing(1, width, input.width)];
    let whole = match missing {
        [0, 0] => whole,
        [below, right] => whole.pad([(0, below), (0, right)], PadMode::Constant(0.0)),
    };
    whole.narrow(2, window.padding[0], input.height).narrow(3, window.padding[1], input.width)
}

/// A gradient with the margins that a transposed convolution cut off, as zeros, and without what its kernel never reached.
fn fitted(g: Tensor<4>, window: Window, input: Shape) -> Tensor<4> {
    let lengths = [input.height, input.width];
    let mut g = g;
    for axis in 0..2 {
        let wanted = (lengths[axis] - 1) * window.stride[axis] + window.extent(axis);
        let has = g.dims()[axis + 2];
        let after = wanted.saturating_sub(has + window.padding[axis]);
        let mut sides = [(0, 0); 2];
        sides[axis] = (window.padding[axis], after);
        g = g.pad(sides, PadMode::Constant(0.0)).narrow(axis + 2, 0, wanted);
    }
    g
}

fn back_through_max_pool(g: Tensor<4>, x: Tensor<4>, window: Window, input: Shape) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let (before, after) = (window.padding, window.padding_after);
    // Padded here, so that nothing but the windows is left to Burn; no finite value is less.
    let sides = [(before[0], after[0]), (before[1], after[1])];
    let is_padded = sides != [(0, 0), (0, 0)];
    let padded = if is_padded { x.pad(sides, PadMode::Constant(f32::MIN)) } else { x };
    let mut options = MaxPoolOptions::new(window.kernel).with_stride(window.stride);
    options.dilation = window.dilation;
    let (_, indices) = module::max_pool2d_with_indices(padded.clone(), options);
    let [_, _, rows, columns] = padded.dims();
    let cells = indices.dims()[2] * indices.dims()[3];
    let zeros = Tensor::<3>::zeros([batch, channels, rows * columns], &padded.device());
    let indices = indices.reshape([batch, channels, cells]);
    let spread = zeros.scatter(2, indices, g.reshape([batch, channels, cells]), IndexingUpdateOp::Add);
    let spread = spread.reshape([batch, channels, rows, columns]);
    debug_assert_eq!([height, width], [input.height, input.width]);
    spread.narrow(2, before[0], height).narrow(3, before[1], width)
}

fn back_through_avg_pool(
    g: Tensor<4>,
    window: Window,
    count_padding: bool,
    input: Shape,
    output: Shape,
) -> Tensor<4> {
    let count = |axis: usize, at: usize, length: usize| {
        let (start, padding) = (at * window.stride[axis], window.padding[axis]);
        let end = (start + window.kernel[axis]).saturating_sub(padding).min(length);
        if count_padding { window.kernel[axis] } else { end - start.saturating_sub(padding).min(end) }
    };
    let parts = (0..output.height * output.width).map(|at| {
        let rows = count(0, at / output.width, input.height);
        1.0 / (rows * count(1, at % output.width, input.width)).max(1) as f32
    });
    let (device, channels) = (g.device(), input.channels);
    let parts = TensorData::new(parts.collect::<Vec<f32>>(), [1, 1, output.height, output.width]);
    let g = g.mul(Tensor::<4>::from_data(parts, &device));
    let kernel = Tensor::<4>::ones([channels, 1, window.kernel[0], window.kernel[1]], &device);
    back_through_conv(g, &kernel, window, channels, input)
}

fn back_through_reduction(
    g: Tensor<4>,
    x: Option<Tensor<4>>,
    reduction: Reduction,
    axes: [bool; 3],
    input: Shape,
) -> Tensor<4> {
    let sides = [1, input.channels, input.height, input.width];
    let joined = (0..3).filter(|&axis| axes[axis]).map(|axis| sides[axis + 1]).product::<usize>();
    let g = g.expand(sides);
    match (reduction, x) {
        (Reduction::Sum, _) => g,
        (Reduction::Mean, _) => g.div_scalar(joined as f32),
        (Reduction::Max | Reduction::Min, None) => g,
        (Reduction::Max | Reduction::Min, Some(x)) => {
            let best = (0..3).filter(|&axis| axes[axis]).fold(x.clone(), |best, axis| match reduction {
                Reduction::Max => best.max_dim(axis + 1),
                _ => best.min_dim(axis + 1),
            });
            // Evenly among those that are as large, as in PyTorch's `amax`.
            let is_best = x.equal(best.expand(sides)).float();
            let among = (0..3).filter(|&axis| axes[axis]);
            let count = among.fold(is_best.clone(), |sum, axis| sum.sum_dim(axis + 1));
            g.mul(is_best).div(count.expand(sides))
        }
    }
}

/// Back through arithmetic of two or more, from left to right.
fn back_through_all(
    arithmetic: Arithmetic,
    inputs: &[Tensor<4>],
    shapes: &[Shape],
    g: Tensor<4>,
) -> Vec<Option<Tensor<4>>> {
    let each = |part: Tensor<4>| shapes.iter().map(|shape| Some(joined(part.clone(), *shape))).collect();
    match arithmetic {
        Arithmetic::Add => return each(g),
        Arithmetic::Mean => return each(g.div_scalar(shapes.len().max(1) as f32)),
        Arithmetic::Sub => {
            let parts = shapes.iter().enumerate();
            let sign = |at: usize| if at == 0 { g.clone() } else { g.clone().neg() };
            return parts.map(|(at, shape)| Some(joined(sign(at), *shape))).collect();
        }
        _ => {}
    }
    let mut so_far: Vec<Tensor<4>> = vec![];
    for input in inputs {
        let next = match so_far.last() {
            Some(before) => combine(arithmetic, before.clone(), input.clone()),
            None => input.clone(),
        };
        so_far.push(next);
    }
    let (mut g, mut all) = (g, vec![None; inputs.len()]);
    for at in (1..inputs.len()).rev() {
        let [before, own] = back_through_pair(arithmetic, so_far[at - 1].clone(), inputs[at].clone(), g);
        all[at] = Some(joined(own, shapes[at]));
        let [batch, channels, height, width] = so_far[at - 1].dims();
        debug_assert_eq!(batch, 1);
        g = joined(before, Shape { channels, height, width });
    }
    if let Some(first) = all.first_mut() {
        *first = Some(g);
    }
    all
}

/// The gradients of both sides, before what was repeated is joined.
fn back_through_pair(arithmetic: Arithmetic, a: Tensor<4>, b: Tensor<4>, g: Tensor<4>) -> [Tensor<4>; 2] {
    match arithmetic {
        Arithmetic::Add => [g.clone(), g],
        Arithmetic::Mean => [g.clone().div_scalar(2.0), g.div_scalar(2.0)],
        Arithmetic::Sub => [g.clone(), g.neg()],
        Arithmetic::Mul => [g.clone().mul(b), g.mul(a)],
        Arithmetic::Div => {
            let of_a = g.clone().div(b.clone());
            [of_a, g.mul(a).div(b.clone().mul(b)).neg()]
        }
        Arithmetic::Pow => {
            let of_a = g.clone().mul(b.clone()).mul(a.clone().powf(b.clone().sub_scalar(1.0)));
            let is_flat = a.clone().lower_equal_elem(0.0);
            let log = a.clone().mask_fill(is_flat.clone(), 1.0).log();
            [of_a, g.mul(a.powf(b)).mul(log)]
        }
        Arithmetic::Max | Arithmetic::Min => {
            let sides = g.dims();
            let (a, b) = (a.expand(sides), b.expand(sides));
            let wins = match arithmetic {
                Arithmetic::Max => a.clone().greater(b.clone()),
                _ => a.clone().lower(b.clone()),
            };
            // Half to each where both are the same, as in PyTorch.
            let part = wins.float().mask_fill(a.equal(b), 0.5);
            let rest = part.clone().neg().add_scalar(1.0);
            [g.clone().mul(part), g.mul(rest)]
        }
    }
}

/// A gradient in the shape of an input whose sides of length 1 were repeated.
fn joined(g: Tensor<4>, shape: Shape) -> Tensor<4> {
    let wanted = shape.sides();
    let axes = (0..3).filter(|&axis| wanted[axis] == 1);
    axes.fold(g, |g, axis| if g.dims()[axis + 1] == 1 { g } else { g.sum_dim(axis + 1) })
}

/// Back through mean 0 and variance 1.
fn back_through_norm(g: Tensor<4>, x: Tensor<4>, over: Over, epsilon: f64) -> Tensor<4> {
    let sides = x.dims();
    let [batch, channels, height, width] = sides;
    let (shape, axes): ([usize; 4], &[usize]) = match over {
        Over::Channels => (sides, &[1]),
        Over::All => (sides, &[3, 2, 1]),
        Over::Groups(groups) => {
            let groups = groups.clamp(1, channels);
            ([batch, groups, channels / groups, height * width], &[3, 2])
        }
    };
    let mean = |x: Tensor<4>| axes.iter().fold(x, |mean, &axis| mean.mean_dim(axis));
    let (g, x) = (g.reshape(shape), x.reshape(shape));
    let centred = x.clone().sub(mean(x));
    let deviation = standard_deviation(centred.clone(), axes, epsilon);
    let y = centred.div(deviation.clone());
    let along = y.clone().mul(mean(g.clone().mul(y)));
    g.clone().sub(mean(g)).sub(along).div(deviation).reshape(sides)
}

fn back_through_local_response(
    g: Tensor<4>,
    x: Tensor<4>,
    size: usize,
    alpha: f32,
    beta: f32,
    bias: f32,
) -> Tensor<4> {
    let channels = x.dims()[1];
    let summed = |x: Tensor<4>, before: usize| {
        let x = x.pad([(before, size - 1 - before), (0, 0), (0, 0)], PadMode::Constant(0.0));
        (1..size).fold(x.clone().narrow(1, 0, channels), |sum, at| sum.add(x.clone().narrow(1, at, channels)))
    };
    let before = (size - 1) / 2;
    let below = summed(x.clone().mul(x.clone()), before).mul_scalar(alpha / size as f32).add_scalar(bias);
    let of_others = g.clone().mul(x.clone()).mul(below.clone().powf_scalar(-beta - 1.0));
    let of_others = summed(of_others, size - 1 - before).mul(x);
    g.mul(below.powf_scalar(-beta)).sub(of_others.mul_scalar(2.0 * alpha * beta / size as f32))
}

/// Where a cell of a padded axis comes from.
fn source(filling: Filling, at: isize, length: usize) -> usize {
    let last = length as isize - 1;
    let place = match filling {
        Filling::Reflect if at < 0 => -at,
        Filling::Reflect if at > last => 2 * last - at,
        _ => at,
    };
    place.clamp(0, last) as usize
}

/// Adds each cell of an axis to the cell that it came from.
fn collected(g: Tensor<4>, axis: usize, places: &[usize], length: usize) -> Tensor<4> {
    let places: Vec<i32> = places.iter().map(|place| *place as i32).collect();
    let places = Tensor::<1, Int>::from_data(TensorData::new(places.clone(), [places.len()]), &g.device());
    let mut sides = g.dims();
    sides[axis] = length;
    Tensor::<4>::zeros(sides, &g.device()).select_assign(axis, places, g, IndexingUpdateOp::Add)
}

/// The reverse of one step of a rearrangement.
fn undo(g: Tensor<4>, step: &Step) -> Tensor<4> {
    let Step { sides, order } = step.merged();
    let more = MOST_AXES - sides.len();
    let mut turned = [1; MOST_AXES];
    let mut axes: [isize; MOST_AXES] = std::array::from_fn(|axis| axis as isize);
    for (at, from) in order.iter().enumerate() {
        turned[more + at] = sides[*from];
        axes[more + from] = (more + at) as isize;
    }
    let count = sides.iter().product::<usize>();
    g.reshape(turned).permute(axes).reshape([1, count, 1, 1])
}
