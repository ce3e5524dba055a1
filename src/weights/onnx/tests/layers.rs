//! What becomes of operators.

use super::*;
use crate::model::{Activation, Arithmetic, AvgPool, Axis, Filling, Over, Reduction, Shape, Step, Window};
use crate::weights::parameters::LayerWeights;

fn plain(kernel: usize) -> Window {
    Window::new([kernel; 2], [1, 1], [0, 0])
}

#[test]
fn a_classifier() {
    let network = layers(
        &[1, 3, 8, 8],
        vec![tensor("conv1.weight", &[4, 3, 3, 3]), tensor("conv1.bias", &[4]), tensor("fc.weight", &[5, 4])],
        vec![
            node(
                "Conv x conv1.weight conv1.bias -> a",
                vec![ints("strides", &[2, 2]), ints("pads", &[1, 1, 1, 1])],
            ),
            node("Relu a -> b", vec![]),
            node("GlobalAveragePool b -> c", vec![]),
            node("Flatten c -> d", vec![]),
            node("Gemm d fc.weight -> e", vec![int("transB", 1), float("alpha", 2.0)]),
        ],
    );
    let window = Window::new([3, 3], [2, 2], [1, 1]);
    let mean = Op::GlobalPool(Reduction::Mean);
    assert_eq!(ops(&network), [&Op::Conv(window, 1), &Op::Activation, &mean, &Op::Dense]);
    let names: Vec<_> = network.graph.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["x", "conv1", "b", "c", "fc"]);
    // Each layer is also found by its value's name.
    assert_eq!(network.graph.find("e").ok(), Some(4));
    assert_eq!(network.graph.nodes[1].shape.to_string(), "4×4×4");
    let Some(LayerWeights::Dense { weight, bias }) = &network.layers[4] else { panic!() };
    assert_eq!((weight[0], weight[19], bias.as_slice()), (2.0, 40.0, &[0.0; 5][..]));
    assert_eq!(network.metadata.get("logits").map(String::as_str), Some("dense"));
}

/// As TensorFlow's converters write it: channels last, with transpositions around each operator.
#[test]
fn channels_last_needs_no_layers_of_its_own() {
    let network = layers(
        &[1, 8, 6, 3],
        vec![tensor("w", &[4, 3, 1, 1]), tensor("shift", &[4])],
        vec![
            node("Transpose x -> a", vec![ints("perm", &[0, 3, 1, 2])]),
            node("Conv a w -> b", vec![]),
            node("Transpose b -> c", vec![ints("perm", &[0, 2, 3, 1])]),
            node("Mul c shift -> d", vec![]),
            node("Transpose d -> e", vec![ints("perm", &[0, 3, 1, 2])]),
            node("MaxPool e -> f", vec![ints("kernel_shape", &[2, 2])]),
        ],
    );
    assert_eq!(network.graph.input_shape().to_string(), "8×6×3");
    assert_eq!(ops(&network), [&Op::Conv(plain(1), 1), &Op::Affine, &Op::MaxPool(plain(2))]);
    let affine = LayerWeights::Affine { scale: vec![1.0, 2.0, 3.0, 4.0], shift: vec![0.0; 4] };
    assert_eq!(network.layers[2], Some(affine));
}

#[test]
fn flattening_channels_last_moves_values() {
    let network = layers(
        &[1, 4, 2, 3],
        vec![tensor("w", &[24, 2])],
        vec![node("Flatten x -> a", vec![]), node("MatMul a w -> b", vec![])],
    );
    let step = Step { sides: vec![3, 4, 2], order: vec![1, 2, 0] };
    assert_eq!(ops(&network), [&Op::Rearrange(vec![step]), &Op::Dense]);
    assert_eq!(
        (network.graph.nodes[1].name.as_str(), network.graph.nodes[1].shape),
        ("a", Shape::vector(24))
    );
    let Some(LayerWeights::Dense { weight, .. }) = &network.layers[2] else { panic!() };
    assert_eq!(weight[..3], [1.0, 3.0, 5.0]);
}

#[test]
fn a_channel_shuffle_is_one_layer() {
    let shape = numbers("five", &[1, 2, 3, 4, 4]);
    let network = layers(
        &[1, 6, 4, 4],
        vec![shape, numbers("four", &[1, -1, 4, 4])],
        vec![
            node("Reshape x five -> a", vec![]),
            node("Transpose a -> b", vec![ints("perm", &[0, 2, 1, 3, 4])]),
            node("Reshape b four -> c", vec![]),
        ],
    );
    let step = Step { sides: vec![2, 3, 4, 4], order: vec![1, 0, 2, 3] };
    assert_eq!(ops(&network), [&Op::Rearrange(vec![step])]);
    assert_eq!(network.graph.nodes[1].other_name.as_deref(), Some("c"));
}

#[test]
fn depth_to_space_in_both_orders() {
    for (mode, order) in [("DCR", [2, 3, 0, 4, 1]), ("CRD", [0, 3, 1, 4, 2])] {
        let network = layers(
            &[1, 8, 5, 5],
            vec![],
            vec![node("DepthToSpace x -> a", vec![int("blocksize", 2), text("mode", mode)])],
        );
        let [Op::Rearrange(steps)] = ops(&network)[..] else { panic!() };
        assert_eq!(
            (steps[0].order.as_slice(), last_shape(&network).as_str()),
            (&order[..], "10×10×2"),
            "{mode}"
        );
    }
}

/// ConvNeXt's block: normalisation and matrix products of the last axis are of channels.
#[test]
fn the_last_axis_may_be_the_channels() {
    let network = layers(
        &[1, 3, 4, 4],
        vec![tensor("scale", &[3]), tensor("shift", &[3]), tensor("w", &[3, 12]), tensor("b2", &[12])],
        vec![
            node("Transpose x -> a", vec![ints("perm", &[0, 2, 3, 1])]),
            node("LayerNormalization a scale shift -> b", vec![float("epsilon", 0.5)]),
            node("MatMul b w -> c", vec![]),
            node("Add b2 c -> d", vec![]),
            node("Transpose d -> e", vec![ints("perm", &[0, 3, 1, 2])]),
            node("MaxPool e -> f", vec![ints("kernel_shape", &[2, 2])]),
        ],
    );
    assert_eq!(ops(&network), [&Op::Normalize(Over::Channels, 0.5), &Op::Dense, &Op::MaxPool(plain(2))]);
    let Some(LayerWeights::Dense { bias, .. }) = &network.layers[2] else { panic!() };
    assert_eq!((bias[11], last_shape(&network).as_str()), (12.0, "3×3×12"));
}

/// Attention as YOLO11 has it: rows by columns for each head.
#[test]
fn attention() {
    let network = layers(
        &[1, 6, 2, 2],
        vec![numbers("heads", &[1, 2, 3, 4]), numbers("parts", &[1, 1, 1])],
        vec![
            node("Reshape x heads -> a", vec![]),
            node("Split a parts -> q k v", vec![int("axis", 2)]),
            node("Transpose q -> qt", vec![ints("perm", &[0, 1, 3, 2])]),
            node("MatMul qt k -> s", vec![]),
            node("Softmax s -> p", vec![int("axis", -1)]),
            node("Transpose p -> pt", vec![ints("perm", &[0, 1, 3, 2])]),
            node("MatMul v pt -> y", vec![]),
        ],
    );
    let softmax = network.graph.nodes.iter().find(|node| node.op == Op::Softmax(Axis::Width)).unwrap();
    assert_eq!(softmax.shape.to_string(), "4×4×2");
    assert_eq!((ops(&network).last(), last_shape(&network).as_str()), (Some(&&Op::MatMul), "1×4×2"));
}

#[test]
fn sizes_are_computed_when_the_file_is_read() {
    let network = layers(
        &[-1, 3, 4, 4],
        vec![numbers("zero", &[0]), numbers("rest", &[-1])],
        vec![
            node("Shape x -> s", vec![]),
            node("Gather s zero -> n", vec![]),
            node("Concat n rest -> to", vec![int("axis", 0)]),
            node("Reshape x to -> a", vec![]),
            node("Softmax a -> b", vec![]),
        ],
    );
    assert_eq!(last_shape(&network), "1×1×48");
}

#[test]
fn constants_that_differ_from_cell_to_cell() {
    let network = layers(
        &[1, 2, 4, 3],
        vec![tensor("each", &[4]), filled("two", &[], &[2.0])],
        vec![
            node("Transpose x -> a", vec![ints("perm", &[0, 3, 1, 2])]),
            node("Mul a each -> b", vec![]),
            node("Sub two b -> c", vec![]),
            node("Pow c two -> d", vec![]),
        ],
    );
    let product = Op::WithConstant(Arithmetic::Mul, false);
    assert_eq!(ops(&network), [&product, &Op::Affine, &Op::Activation]);
    let shape = Shape { channels: 1, height: 1, width: 4 };
    let values = vec![1.0, 2.0, 3.0, 4.0];
    assert_eq!(network.layers[1], Some(LayerWeights::Constant { shape, values }));
    assert_eq!(network.layers[2], Some(LayerWeights::Affine { scale: vec![-1.0; 3], shift: vec![2.0; 3] }));
    assert_eq!(network.graph.nodes[3].activation, Activation::Power(2.0));
}

#[test]
fn functions_are_put_together_again() {
    let one = |name: &str, number: f32| filled(name, &[], &[number]);
    let constants = || {
        vec![
            one("half", 0.5),
            one("one", 1.0),
            one("root", 2f32.sqrt()),
            one("three", 3.0),
            one("six", 6.0),
            one("zero", 0.0),
        ]
    };
    let cases: [(&str, Activation); 4] = [
        ("Sigmoid x -> s;Mul x s -> y", Activation::Silu),
        ("Div x root -> a;Erf a -> b;Add b one -> c;Mul x c -> d;Mul d half -> y", Activation::Gelu),
        ("Add x three -> a;Clip a zero six -> b;Mul x b -> c;Div c six -> y", Activation::HardSwish),
        ("Softplus x -> a;Tanh a -> b;Mul x b -> y", Activation::Mish),
    ];
    for (lines, activation) in cases {
        let nodes = lines.split(';').map(|line| node(line, vec![])).collect();
        let network = layers(&[1, 3, 4, 4], constants(), nodes);
        assert_eq!(ops(&network), [&Op::Activation], "{lines}");
        assert_eq!(network.graph.nodes[1].activation, activation);
        assert_eq!(network.graph.nodes[1].other_name.as_deref(), Some("y"));
    }
}

#[test]
fn shifts_join_the_layer_before_them() {
    let network = layers(
        &[1, 3, 4, 4],
        vec![
            tensor("w", &[2, 3, 1, 1]),
            tensor("mean", &[2, 1, 1]),
            tensor("scale", &[2, 1, 1]),
            tensor("shift", &[2, 1, 1]),
        ],
        vec![
            node("Conv x w -> a", vec![]),
            node("Add a shift -> b", vec![]),
            node("Sub b mean -> c", vec![]),
            node("Mul c scale -> d", vec![]),
            node("Add d shift -> e", vec![]),
        ],
    );
    assert_eq!(ops(&network), [&Op::Conv(plain(1), 1), &Op::Affine]);
    assert!(network.graph.nodes[1].has_bias);
    let affine = LayerWeights::Affine { scale: vec![1.0, 2.0], shift: vec![0.0, -2.0] };
    assert_eq!(network.layers[2], Some(affine));
}

/// Before version 13 a softmax goes over all axes from 1 on; since then over the last.
#[test]
fn what_a_softmax_goes_over_depends_on_the_version() {
    let mut model = model(&[1, 3, 2, 2], vec![], vec![node("Softmax x -> y", vec![])]);
    let network = read(&model).unwrap();
    assert_eq!(ops(&network), [&Op::Softmax(Axis::Width)]);
    model.opset_import[0].version = 11;
    let network = read(&model).unwrap();
    let step = Step { sides: vec![12], order: vec![0] };
    assert_eq!(
        (ops(&network)[0], network.graph.nodes[2].activation),
        (&Op::Rearrange(vec![step]), Activation::Softmax)
    );
}

#[test]
fn windows_that_reach_beyond_their_padding() {
    let pool = |op: &str, more: Vec<AttributeProto>| {
        let all = [vec![ints("kernel_shape", &[3, 3]), ints("strides", &[2, 2]), int("ceil_mode", 1)], more]
            .concat();
        layers(&[1, 3, 6, 6], vec![], vec![node(&format!("{op} x -> y"), all)])
    };
    let window = Window { padding_after: [1, 1], ..Window::new([3, 3], [2, 2], [0, 0]) };
    assert_eq!(ops(&pool("MaxPool", vec![])), [&Op::MaxPool(window)]);
    assert_eq!(ops(&pool("AveragePool", vec![])), [&Op::AvgPool(window, AvgPool::Exclude)]);
    // Where padding counts but what lies beyond it does not, the padding is a layer.
    let network = pool("AveragePool", vec![int("count_include_pad", 1)]);
    let pad = Op::Pad([0, 0], [0, 0], Filling::Constant(0.0));
    assert_eq!(ops(&network), [&pad, &Op::AvgPool(window, AvgPool::Exclude)]);
}

#[test]
fn padding_of_a_name() {
    for (name, before, after) in [("SAME_UPPER", 0, 1), ("SAME_LOWER", 1, 0), ("VALID", 0, 0)] {
        let attributes = vec![text("auto_pad", name), ints("kernel_shape", &[2, 2])];
        let network = layers(&[1, 3, 4, 4], vec![], vec![node("MaxPool x -> y", attributes)]);
        let window = Window { padding: [before; 2], padding_after: [after; 2], ..plain(2) };
        assert_eq!(ops(&network), [&Op::MaxPool(window)], "{name}");
    }
}

#[test]
fn transposed_convolutions() {
    let size = |attributes: Vec<AttributeProto>| {
        let nodes =
            vec![node("ConvTranspose x w -> y", [vec![ints("strides", &[2, 2])], attributes].concat())];
        let network = layers(&[1, 3, 4, 4], vec![tensor("w", &[3, 2, 3, 3])], nodes);
        let window = network.graph.nodes[1].op.window().unwrap();
        (last_shape(&network), window.padding, window.padding_after)
    };
    assert_eq!(size(vec![]), ("9×9×2".into(), [0, 0], [0, 0]));
    assert_eq!(size(vec![ints("pads", &[1, 1, 1, 1])]), ("7×7×2".into(), [1, 1], [1, 1]));
    let pads = ints("pads", &[1, 1, 1, 1]);
    assert_eq!(size(vec![pads, ints("output_padding", &[1, 1])]), ("8×8×2".into(), [1, 1], [0, 0]));
    assert_eq!(size(vec![ints("output_shape", &[8, 8])]), ("8×8×2".into(), [0, 0], [1, 1]));
    assert_eq!(size(vec![ints("output_shape", &[10, 10])]), ("10×10×2".into(), [0, 0], [0, 0]));
    assert_eq!(size(vec![text("auto_pad", "SAME_UPPER")]).0, "8×8×2");
}

#[test]
fn parts_of_values() {
    let cut = |line: &str, initializer: Vec<TensorProto>, attributes| {
        let network = layers(&[1, 3, 6, 8], initializer, vec![node(line, attributes)]);
        (network.graph.nodes[1].op.clone(), last_shape(&network))
    };
    let four = |lists: [&[i64]; 4]| {
        ["a", "b", "c", "d"].iter().zip(lists).map(|(name, list)| numbers(name, list)).collect()
    };
    let line = "Slice x a b c d -> y";
    assert_eq!(
        cut(line, four([&[1], &[i64::MAX], &[-1], &[2]]), vec![]),
        (Op::Slice(Axis::Width, 1, 2, 4), "6×4×3".into())
    );
    let network = layers(&[1, 3, 6, 8], four([&[-1], &[i64::MIN], &[1], &[-1]]), vec![node(line, vec![])]);
    assert_eq!(ops(&network).last(), Some(&&Op::Concat(Axis::Channel)));
    let one = TensorProto { dims: vec![], ..numbers("i", &[2]) };
    assert_eq!(
        cut("Gather x i -> y", vec![one], vec![int("axis", 2)]),
        (Op::Slice(Axis::Height, 2, 1, 1), "1×8×3".into())
    );
}

#[test]
fn resizing_to_sizes_and_by_scales() {
    let resize = |inputs: &str, tensor: TensorProto, mode: &str| {
        let attributes = vec![text("mode", mode), text("coordinate_transformation_mode", "asymmetric")];
        let network =
            layers(&[1, 3, 4, 4], vec![tensor], vec![node(&format!("Resize x {inputs} -> y"), attributes)]);
        let Op::Resize { scale, .. } = network.graph.nodes[1].op else { panic!() };
        (last_shape(&network), scale)
    };
    assert_eq!(resize("_ _ to", numbers("to", &[1, 3, 6, 8]), "linear"), ("6×8×3".into(), [1.5, 2.0]));
    let scales = filled("by", &[4], &[1.0, 1.0, 2.0, 1.25]);
    assert_eq!(resize("_ by", scales, "nearest"), ("8×5×3".into(), [2.0, 1.25]));
}

#[test]
fn means_over_rows_and_columns_are_pooling() {
    let op = |axes: &[i64]| {
        let attributes = vec![ints("axes", axes), int("keepdims", 0)];
        let network = layers(&[1, 3, 4, 5], vec![], vec![node("ReduceMean x -> y", attributes)]);
        network.graph.nodes[1].op.clone()
    };
    assert_eq!(op(&[2, 3]), Op::GlobalPool(Reduction::Mean));
    assert_eq!(op(&[-2, -1]), Op::GlobalPool(Reduction::Mean));
    assert_eq!(op(&[1]), Op::Reduce(Reduction::Mean, [true, false, false]));
    assert_eq!(op(&[1, 2, 3]), Op::Reduce(Reduction::Mean, [true, true, true]));
}

/// So PyTorch writes group normalisation.
#[test]
fn instance_normalisation_of_groups() {
    let shape = [numbers("groups", &[1, 2, -1]), numbers("back", &[1, 4, 5, 5])];
    let ones = [filled("one", &[2], &[1.0; 2]), filled("zero", &[2], &[0.0; 2])];
    let network = layers(
        &[1, 4, 5, 5],
        [shape, ones]
            .concat()
            .into_iter()
            .chain([tensor("scale", &[4, 1, 1]), tensor("shift", &[4, 1, 1])])
            .collect(),
        vec![
            node("Reshape x groups -> a", vec![]),
            node("InstanceNormalization a one zero -> b", vec![float("epsilon", 0.5)]),
            node("Reshape b back -> c", vec![]),
            node("Mul c scale -> d", vec![]),
            node("Add d shift -> e", vec![]),
        ],
    );
    assert_eq!(ops(&network), [&Op::Normalize(Over::Groups(2), 0.5)]);
    let each = vec![1.0, 2.0, 3.0, 4.0];
    assert_eq!(network.layers[1], Some(LayerWeights::Affine { scale: each.clone(), shift: each }));
}
