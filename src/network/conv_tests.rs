//! Every way to compute a convolution against its definition.

use std::sync::Arc;

use burn::tensor::Device;

use super::blocked::{blocked_len, to_blocks, to_planes};
use super::conv::{Kernel, Workspace, convolve_blocks};
use super::cpu::{input_from_values, values};
use super::direct::DirectKernel;
use super::executor::{Folding, Network};
use super::fusion::Role;
use super::padded::Image;
use super::vectors::{Finish, Limits};
use super::winograd::{TransformedKernel, taps_of};
use crate::model::{
    Activation, Arithmetic, GraphBuilder, Meaning, NewNode, Op, Order, Reduction, Shape, Window,
};
use crate::weights::seeded;

fn noise(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Of planes, `[batch, channels, height, width]`.
fn convolve(
    kernel: &Kernel,
    limits: Limits,
    (x, input): (&[f32], Shape),
    (out, output): (&mut [f32], Shape),
    workspace: &mut Workspace,
) {
    for (x, out) in x.chunks_exact(input.len()).zip(out.chunks_exact_mut(output.len())) {
        let (mut from, mut to) = (vec![0.0; blocked_len(input)], vec![0.0; blocked_len(output)]);
        to_blocks(x, input, &mut from);
        let image = if kernel.reads_planes() { Image::Planes(x) } else { Image::Blocks(&from) };
        convolve_blocks(kernel, limits.into(), (image, input), (&mut to, output), workspace);
        to_planes(&to, output, out);
    }
}

/// The definition, in f64.
fn definition(
    x: &[f32],
    kernel: &[f32],
    bias: &[f32],
    shapes: [Shape; 2],
    (window, groups): (Window, usize),
) -> Vec<f64> {
    let [input, output] = shapes;
    let mut out = vec![];
    for image in x.chunks_exact(input.len()) {
        let filters = kernel.chunks_exact(kernel.len() / output.channels).zip(bias).enumerate();
        for (number, (filter, bias)) in filters {
            let first = number / (output.channels / groups) * (input.channels / groups);
            for y in 0..output.height {
                for x in 0..output.width {
                    let mut sum = f64::from(*bias);
                    for (place, weight) in filter.iter().enumerate() {
                        let (row, column) =
                            (place / window.kernel[1] % window.kernel[0], place % window.kernel[1]);
                        let plane = first + place / window.kernel[0] / window.kernel[1];
                        let row =
                            (y * window.stride[0] + row * window.dilation[0]).wrapping_sub(window.padding[0]);
                        let column = (x * window.stride[1] + column * window.dilation[1])
                            .wrapping_sub(window.padding[1]);
                        if row < input.height && column < input.width {
                            let value = image[(plane * input.height + row) * input.width + column];
                            sum += f64::from(value) * f64::from(*weight);
                        }
                    }
                    out.push(sum);
                }
            }
        }
    }
    out
}

fn check(batch: usize, channels: [usize; 2], size: [usize; 2], window: Window) {
    check_groups(batch, channels, size, (window, 1));
}

fn check_groups(
    batch: usize,
    [inputs, outputs]: [usize; 2],
    [height, width]: [usize; 2],
    (window, groups): (Window, usize),
) {
    let input = Shape { channels: inputs, height, width };
    let side = |axis: usize, length: usize| window.places(axis, length).unwrap();
    let output = Shape { channels: outputs, height: side(0, height), width: side(1, width) };
    let x = noise(batch * input.len(), 1);
    let kernel = noise(outputs * inputs / groups * window.kernel[0] * window.kernel[1], 2);
    let bias = noise(outputs, 3);
    let expected = definition(&x, &kernel, &bias, [input, output], (window, groups));
    let largest = expected.iter().fold(0f64, |largest, value| largest.max(value.abs()));
    let mut ways = vec![Kernel::new(&kernel, Some(&bias), (window, groups), input, output)];
    if groups == 1 {
        ways.push(Kernel::Direct(DirectKernel::new(&kernel, Some(&bias), [outputs, inputs], window)));
    }
    if groups == 1 && taps_of(window).is_some() {
        ways.push(Kernel::Winograd(TransformedKernel::new(&kernel, Some(&bias), [outputs, inputs], window)));
    }
    let mut workspace = Workspace::default();
    for (way, relu) in ways.iter().flat_map(|way| [(way, false), (way, true)]) {
        let name = match way {
            Kernel::Direct(_) => "direct",
            Kernel::Winograd(_) => "Winograd",
            Kernel::Grouped(_) => "grouped",
            Kernel::Depthwise(_) => "depthwise",
        };
        let limits = if relu { Limits::RELU } else { Limits::NONE };
        let mut out = vec![f32::NAN; expected.len()];
        convolve(way, limits, (&x, input), (&mut out, output), &mut workspace);
        for (at, (ours, expected)) in out.iter().zip(&expected).enumerate() {
            let expected = if relu { expected.max(0.0) } else { *expected };
            let difference = (f64::from(*ours) - expected).abs() / largest;
            assert!(
                difference < 1e-5,
                "{name} {window:?} {input} → {output}, ReLU {relu}: {ours} at {at}, not {expected}"
            );
        }
    }
}

fn window(kernel: [usize; 2], stride: usize, padding: [usize; 2]) -> Window {
    Window::new(kernel, [stride; 2], padding)
}

#[test]
fn every_window_of_the_network_is_the_definition() {
    let windows = [
        window([1, 1], 1, [0, 0]),
        window([3, 3], 1, [0, 0]),
        window([3, 3], 1, [1, 1]),
        window([3, 3], 2, [0, 0]),
        window([5, 5], 1, [2, 2]),
        window([1, 7], 1, [0, 3]),
        window([7, 1], 1, [3, 0]),
        window([1, 3], 1, [0, 1]),
        window([3, 1], 1, [1, 0]),
    ];
    for window in windows {
        for size in [[35, 35], [17, 17], [8, 8], [9, 23]] {
            for channels in [[3, 32], [10, 12], [7, 13], [12, 1], [5, 30]] {
                check(1, channels, size, window);
            }
            check(3, [6, 20], size, window);
        }
    }
}

#[test]
fn padding_may_be_wider_than_the_picture() {
    for (size, window) in [
        ([1, 1], window([3, 3], 1, [1, 1])),
        ([2, 2], window([5, 5], 1, [2, 2])),
        ([2, 1], window([1, 7], 1, [0, 3])),
        ([4, 3], window([3, 3], 2, [1, 1])),
        ([3, 3], window([3, 3], 3, [2, 2])),
    ] {
        check(3, [4, 5], size, window);
    }
}

/// Tiles begin and end anywhere in a row, and in its padding.
#[test]
fn maps_of_every_width_are_the_definition() {
    for width in 3..60 {
        for (height, window) in [
            (7, window([5, 5], 1, [2, 2])),
            (9, window([3, 3], 1, [1, 1])),
            (6, window([3, 3], 1, [0, 0])),
            (8, window([7, 1], 1, [3, 0])),
            (8, window([1, 7], 1, [0, 3])),
        ] {
            if width >= window.kernel[1] {
                check(1, [2, 3], [height, width], window);
            }
        }
    }
}

/// Large enough that every thread makes its own panels, with more and with fewer tiles than fit a block.
#[test]
fn panels_in_blocks_are_the_definition() {
    check(1, [40, 20], [47, 50], window([3, 3], 1, [1, 1]));
    check(2, [200, 9], [33, 31], window([1, 1], 1, [0, 0]));
    check(1, [260, 8], [19, 21], window([5, 5], 1, [2, 2]));
    check(1, [150, 70], [13, 9], window([3, 3], 1, [1, 1]));
}

/// With fewer products: large enough that every thread makes its own panels, and with fewer channels than threads would
/// share.
#[test]
fn bands_of_rows_are_the_definition() {
    check(1, [26, 9], [151, 75], window([3, 3], 1, [1, 1]));
    check(2, [60, 30], [49, 37], window([5, 5], 1, [2, 2]));
    check(1, [40, 3], [90, 47], window([7, 1], 1, [3, 0]));
    let threads = rayon::ThreadPoolBuilder::new().num_threads(7).build().expect("threads");
    threads.install(|| {
        check(1, [20, 30], [37, 35], window([3, 3], 1, [1, 1]));
        check(1, [6, 14], [3, 40], window([3, 3], 1, [0, 0]));
        check(1, [12, 200], [17, 17], window([1, 7], 1, [0, 3]));
        check(1, [40, 190], [17, 17], window([1, 1], 1, [0, 0]));
    });
}

/// The odd cell of TensorFlow's padding is behind, and holes in the kernel read further away.
#[test]
fn uneven_padding_and_dilation_are_the_definition() {
    for size in [[8, 8], [7, 10], [13, 5]] {
        for (kernel, stride, dilation) in [(3, 2, 1), (2, 1, 1), (5, 2, 1), (3, 1, 2), (3, 2, 3), (4, 1, 1)] {
            let window = Window::same([kernel; 2], [stride; 2], [dilation; 2], size);
            check(2, [5, 7], size, window);
            check_groups(2, [6, 6], size, (window, 6));
        }
    }
    // Many enough for fewer products, of which a row and a column of padding is missing.
    let window = Window { padding: [0, 1], padding_after: [1, 0], ..window([3, 3], 1, [0, 0]) };
    check(1, [30, 31], [40, 40], window);
    check(1, [20, 20], [30, 30], Window { kernel: [3, 7], ..window });
}

#[test]
fn groups_are_convolutions_of_their_own() {
    for (channels, groups) in
        [([6, 4], 2), ([8, 16], 8), ([9, 9], 3), ([5, 5], 5), ([32, 32], 2), ([4, 12], 4)]
    {
        for (kernel, stride) in [(1, 1), (3, 1), (3, 2), (5, 1), (7, 1), (5, 3)] {
            let window = window([kernel; 2], stride, [kernel / 2; 2]);
            check_groups(2, channels, [17, 23], (window, groups));
        }
    }
}

/// What is added, limits and SiLU, with every kind of kernel.
#[test]
fn endings_are_the_definition() {
    let plain = window([3, 3], 1, [1, 1]);
    for (channels, side, window, groups) in [
        ([150, 70], 13, window([1, 1], 1, [0, 0]), 1),
        ([130, 70], 9, plain, 1),
        ([30, 40], 31, plain, 1),
        ([3, 20], 12, plain, 1),
        ([64, 64], 11, plain, 2),
        ([20, 20], 14, plain, 20),
    ] {
        let input = Shape { channels: channels[0], height: side, width: side };
        let output = Shape { channels: channels[1], ..input };
        let x = noise(input.len(), 1);
        let kernel =
            noise(output.channels * input.channels / groups * window.kernel[0] * window.kernel[1], 2);
        let (bias, added) = (noise(output.channels, 3), noise(output.len(), 4));
        let sums = definition(&x, &kernel, &bias, [input, output], (window, groups));
        let largest = sums.iter().fold(0f64, |largest, value| largest.max(value.abs()));
        let packed = Kernel::new(&kernel, Some(&bias), (window, groups), input, output);
        let blocks = |planes: &[f32], shape| {
            let mut blocks = vec![0.0; blocked_len(shape)];
            to_blocks(planes, shape, &mut blocks);
            blocks
        };
        let (x_in_blocks, added_in_blocks) = (blocks(&x, input), blocks(&added, output));
        let is_depthwise = matches!(packed, Kernel::Depthwise(_));
        for (limits, is_gated, is_added) in
            [(Limits(-1.0, 2.0), false, true), (Limits::NONE, true, false), (Limits::NONE, true, true)]
        {
            if is_depthwise && is_added {
                continue;
            }
            let image = if packed.reads_planes() { Image::Planes(&x) } else { Image::Blocks(&x_in_blocks) };
            let finish = Finish { limits, is_gated, added: is_added.then_some(&added_in_blocks[..]) };
            let mut out = vec![f32::NAN; blocked_len(output)];
            convolve_blocks(&packed, finish, (image, input), (&mut out, output), &mut Workspace::default());
            let mut planes = vec![0.0; output.len()];
            to_planes(&out, output, &mut planes);
            for (at, ours) in planes.iter().enumerate() {
                let sum = sums[at] + if is_added { f64::from(added[at]) } else { 0.0 };
                let sum = sum.clamp(limits.0.into(), limits.1.into());
                let expected = if is_gated { sum / (1.0 + (-sum).exp()) } else { sum };
                let difference = (f64::from(*ours) - expected).abs() / largest;
                assert!(
                    difference < 1e-5,
                    "{channels:?} {window:?} {limits:?} {is_gated} {is_added} at {at}: {ours}, not {expected}"
                );
            }
        }
    }
}

#[test]
fn nan_and_infinity_pass_through_relu_as_in_burn() {
    let packed = Kernel::Direct(DirectKernel::new(&[1.0], None, [1, 1], window([1, 1], 1, [0, 0])));
    let shape = Shape { channels: 1, height: 1, width: 4 };
    let (x, mut out) = ([f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 2.0], [7.0; 4]);
    convolve(&packed, Limits::RELU, (&x, shape), (&mut out, shape), &mut Workspace::default());
    assert!(out[0].is_nan());
    assert_eq!(out[1..], [f32::INFINITY, 0.0, 2.0]);
}

#[test]
fn what_is_broken_stays_broken_with_fewer_products() {
    let window = window([3, 3], 1, [1, 1]);
    let shape = Shape { channels: 1, height: 9, width: 7 };
    let kernel = Kernel::Winograd(TransformedKernel::new(&[1.0; 9], None, [1, 1], window));
    for broken in [f32::NAN, f32::INFINITY] {
        let (mut x, mut out) = (vec![1.0; shape.len()], vec![0.0; shape.len()]);
        x[4 * 7 + 3] = broken;
        convolve(&kernel, Limits::RELU, (&x, shape), (&mut out, shape), &mut Workspace::default());
        for (at, value) in out.iter().enumerate() {
            let (row, column) = (at / 7, at % 7);
            let (sees_it, is_near) = (row.abs_diff(4) <= 1, column.abs_diff(3) <= 1);
            assert!(!(sees_it && is_near && value.is_finite()), "{broken} is lost at {row}, {column}");
            assert!(is_near || value.is_finite(), "{broken} has got to {row}, {column}");
        }
    }
}

/// A gate over channels, as squeeze-and-excitation has it, is one of the next convolution's weights where nobody asks for the
/// product. With two pictures at once it is multiplied.
#[test]
fn a_product_left_to_the_convolution_behind_it_is_the_same() {
    let mut builder = GraphBuilder::new(Shape { channels: 3, height: 20, width: 18 }, "all");
    let pointwise = |channels| Op::Conv(Window::new([1, 1], [1, 1], [0, 0]), channels);
    let mut push = |op: Op, inputs: &[usize], shape: Option<usize>, activation: Activation| {
        let shape = shape.map(Shape::vector);
        let name = format!("{} {inputs:?}", op.name());
        builder.push(NewNode { activation, shape, ..NewNode::new(op, inputs, name) }).expect("they fit")
    };
    let maps = push(pointwise(1), &[0], Some(40), Activation::Relu);
    let pool = push(Op::GlobalPool(Reduction::Mean), &[maps], None, Activation::Linear);
    let gate = push(Op::Activation, &[pool], None, Activation::Sigmoid);
    let product = push(Op::Arithmetic(Arithmetic::Mul), &[gate, maps], None, Activation::Linear);
    let last = push(pointwise(1), &[product], Some(7), Activation::Linear);
    let graph = Arc::new(builder.finish("gated", 1.0, &[(last, Meaning::Numbers)], Order::Created));
    let weights = Arc::new(seeded(&graph, 3));
    let device = Device::flex();
    let mut network = Network::new(graph.clone(), weights, device.clone(), Folding::Folded);
    assert_eq!(network.role(product, &[last]), Role::Scaling);
    assert_ne!(network.role(product, &[product, last]), Role::Scaling);
    for pictures in [1, 2] {
        let input = noise(pictures * graph.input_shape().len(), 5);
        let mut of_last = |taps: &[usize]| {
            let input = input_from_values(input.clone(), graph.input_shape(), &device);
            let output = network.run(input, taps, &mut |_, _| {}).pop();
            values(output.expect("it was asked for")).expect("the processor does not fail")
        };
        let (alone, with_product) = (of_last(&[last]), of_last(&[product, last]));
        let largest = with_product.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        for (ours, expected) in alone.iter().zip(&with_product) {
            assert!((ours - expected).abs() <= 1e-6 * largest, "{ours}, not {expected}");
        }
    }
}
